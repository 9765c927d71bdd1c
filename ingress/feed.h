/* SPDX-License-Identifier: Apache-2.0 */
/* Topics read without a group, from some time ago on, on a thread of its own: what the API is
 * answered from. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "config/settings.h"
#include "kafka/topics.h"
#include "model/cloudevent.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FEED_SOURCES_MAX = 4 };

/* One record, borrowed for the call. */
struct feed_record {
    const struct cloudevent *event;
    struct str value;      /* the record's, byte for byte */
    struct str data;       /* the event's, as JSON text */
    int64_t written_at_ms; /* on the monotonic clock */
};

typedef void feed_take_fn(void *arg, const struct feed_record *record);

struct feed_source {
    enum topic topic;
    feed_take_fn *take; /* on the feed's thread */
};

struct feed_conf {
    const struct settings *settings;
    const char *name; /* in the log and of the Kafka client */
    const struct feed_source *sources;
    size_t source_count;
    int64_t window_s; /* so far back at the start */
    void *arg;        /* of every take */
};

struct feed;

/* What conf points to is borrowed for the feed's life. */
MUST_CHECK enum status feed_open(const struct feed_conf *conf, struct feed **out, struct err *err);
void feed_close(struct feed *f); /* NULL is fine */
/* What stood in the topics at the start has been read; before, nobody can say what is known. */
bool feed_is_filled(const struct feed *f);
