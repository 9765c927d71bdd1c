/* SPDX-License-Identifier: Apache-2.0 */
/* The redrive topic of a worker, open for sending. Its records say in dlq-replay-id what they are:
 * the same whenever the same run sends the same record. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "config/settings.h"
#include "kafka/producer.h"
#include "kafka/topics.h"

enum { REPLAY_ID_SIZE = 33 }; /* 32 hex digits */

struct redrive_topic {
    char name[TOPIC_NAME_SIZE];
    int32_t partitions;
    struct producer *producer;
};

/* Zero at first. ST_FATAL: there is no such topic. redrive_topic_close also after a failure. */
MUST_CHECK enum status redrive_topic_open(struct redrive_topic *t, const struct settings *settings,
                                          const char *worker, struct err *err);
void redrive_topic_close(struct redrive_topic *t);

/* The first digits of text's hash. */
void replay_id(struct str text, char out[REPLAY_ID_SIZE]);
extern const struct str REPLAY_ID_HEADER;

/* Returns when what a run that ended just now had on its way is in the topic, or never will be. */
void redrive_topic_settle(void);
