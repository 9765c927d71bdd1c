/* SPDX-License-Identifier: Apache-2.0 */
/* A member of a consumer group: range assignor, manual commits with metadata, read_committed,
 * bounded prefetch. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "config/settings.h"
#include "kafka/record.h"

#include <stdbool.h>
#include <stddef.h>

struct consumer;
struct kafka_message; /* owns a record's memory */

enum { COMMIT_METADATA_MAX = 4096 };

struct topic_partition {
    const char *topic;
    int32_t partition;
    int64_t offset;      /* commit, start; -1: none committed */
    struct str metadata; /* printable text; absent: none */
    int64_t begin;       /* on_assign, none committed: the first offset there is; -1: not known */
};

/* Called on the polling thread inside consumer_poll or consumer_close, each for the whole
 * assignment (maybe empty: count 0), in turn.
 * on_assign gets the partitions with committed offset and metadata already read, and may change
 * offset before consumption starts there (-1: by auto.offset.reset); on ST_RETRY nothing starts and
 * it is asked again at the next poll, with the commits read anew. on_revoke must settle and
 * commit before it returns; lost: they already belong to somebody else, nothing may be committed.
 * The arrays live until on_revoke returned. */
struct consumer_events {
    enum status (*on_assign)(void *arg, struct topic_partition *partitions, size_t count,
                             struct err *err);
    void (*on_revoke)(void *arg, const struct topic_partition *partitions, size_t count, bool lost);
    void *arg;
};

struct consumer_conf {
    const struct settings_kafka *kafka;
    const char *client_id;
    const char *group;
    const char *const *topics; /* exact names */
    size_t topic_count;
    struct consumer_events events;
};

/* Looks for the topics first, for at most 10 s. ST_RETRY: no broker answered; ST_FATAL: a topic
 * does not exist, a setting is refused. */
MUST_CHECK enum status consumer_open(const struct consumer_conf *conf, struct consumer **out,
                                     struct err *err);
/* Revokes (on_revoke runs), leaves the group, frees. All messages must be freed before. When the
 * library does not come to an end within 10 s beyond on_revoke, what it holds is left to the end of
 * the process. NULL is fine. */
void consumer_close(struct consumer *c);

/* ST_OK with *out NULL: nothing came within timeout_ms. ST_RETRY: a passing broker error, already
 * logged at debug by the library, or an assignment that waits because its commits cannot be read
 * or on_assign is not ready (each poll then tries, for at most 3 s with the broker; nothing is
 * consumed before). ST_FATAL: the group or a topic cannot be used, or a record came that memory has
 * no room for. */
MUST_CHECK enum status consumer_poll(struct consumer *c, int timeout_ms, struct kafka_message **out,
                                     struct err *err);
const struct record *kafka_message_record(const struct kafka_message *m);
void kafka_message_free(struct kafka_message *m); /* any thread; NULL is fine */

/* offset = the next one to read. wait: until the broker answered, 5 s at most (ST_RETRY: the
 * outcome is unknown); else its answer is only logged. ST_REJECT: metadata over
 * COMMIT_METADATA_MAX. */
MUST_CHECK enum status consumer_commit(struct consumer *c, const struct topic_partition *partitions,
                                       size_t count, bool wait, struct err *err);
/* Drops what was prefetched of the partitions; resume fetches it again. Keep it rare. */
MUST_CHECK enum status consumer_pause(struct consumer *c, const struct topic_partition *partitions,
                                      size_t count, struct err *err);
MUST_CHECK enum status consumer_resume(struct consumer *c, const struct topic_partition *partitions,
                                       size_t count, struct err *err);
/* The partition's end as last seen in a fetch; -1 when not known yet. */
int64_t consumer_end_offset(struct consumer *c, const char *topic, int32_t partition);
/* Partitions of a topic; 0 while unknown. */
int32_t consumer_partition_count(struct consumer *c, const char *topic, struct deadline until);
/* An assignment (maybe empty) is held; false while a rebalance runs. Thread-safe. */
bool consumer_is_joined(const struct consumer *c);
