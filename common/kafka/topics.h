/* SPDX-License-Identifier: Apache-2.0 */
/* Every topic, one row each: docs, topics plan, and the programs read the same table. */
#pragma once

#include "base/str.h"
#include "config/settings.h"

#include <stdbool.h>
#include <stddef.h>

enum topic {
    TOPIC_NONE = 0,
    TOPIC_EVENT_WECHAT,
    TOPIC_STATE_MEMBER,
    TOPIC_EVENT_ACTIVATION,
    TOPIC_EVENT_BINDING,
    TOPIC_CMD_ACTIVATION,
    TOPIC_CMD_BONUS,
    TOPIC_RESULT_BONUS,
    TOPIC_CMD_WECHAT,
    TOPIC_RESULT_WECHAT,
    TOPIC_CMD_TOKEN,
    TOPIC_STATE_TOKEN,
    TOPIC_DLQ,     /* one per worker */
    TOPIC_REDRIVE, /* one per worker */
    TOPIC_COUNT,
};

enum { TOPIC_NAME_SIZE = 250, TOPIC_INPUTS_MAX = 6 };

struct topic_def {
    enum topic topic;
    const char *name; /* "event.wechat", "dlq." for families */
    bool per_worker;
    bool compact;
    int64_t retention_hours; /* 0: [topic] event_retention_hours; -1: for ever (compacted) */
    /* 0: the broker's; more where records of other topics come with headers added. */
    int64_t max_message_bytes;
    const char *key; /* what the key is, for docs */
    const char *help;
};

const struct topic_def *topic_def(enum topic topic);
/* "kabao.event.wechat.v1"; worker only for families ("kabao.dlq.member.v1"). */
void topic_name(const struct settings_topic *settings, enum topic topic, const char *worker,
                char out[TOPIC_NAME_SIZE]);

/* A worker with its dlq and its redrive topic, and what else it reads, as its worker_def has it. */
struct topic_worker {
    const char *name;
    enum topic inputs[TOPIC_INPUTS_MAX]; /* up to TOPIC_NONE */
};

const struct topic_worker *topic_workers(void);            /* ends with a row without name */
const struct topic_worker *topic_worker(const char *name); /* NULL: there is none */
