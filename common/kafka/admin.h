/* SPDX-License-Identifier: Apache-2.0 */
/* Topics as the cluster has them, and as they should be. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "config/settings.h"
#include "kafka/topics.h"

struct admin;
MUST_CHECK enum status admin_open(const struct settings_kafka *kafka, struct admin **out,
                                  struct err *err);
void admin_close(struct admin *a);

struct admin_topic {
    bool exists;
    int32_t partitions;
    int32_t replication;
    char cleanup_policy[32];
    int64_t retention_ms;      /* -1: for ever */
    int64_t max_message_bytes; /* wanted: 0 leaves the broker's */
};

/* A topic that does not exist is ST_OK with exists false. */
MUST_CHECK enum status admin_describe(struct admin *a, const char *topic, struct deadline until,
                                      struct admin_topic *out, struct err *err);
/* ST_OK also when it exists already with any shape. Returns when brokers know it. */
MUST_CHECK enum status admin_create(struct admin *a, const char *topic,
                                    const struct admin_topic *want, struct deadline until,
                                    struct err *err);
/* Sets cleanup.policy, retention.ms and max.message.bytes, keeps the topic's other settings; never
 * partitions. Returns when the change can be seen. */
MUST_CHECK enum status admin_alter(struct admin *a, const char *topic,
                                   const struct admin_topic *want, struct deadline until,
                                   struct err *err);
