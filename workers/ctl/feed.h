/* SPDX-License-Identifier: Apache-2.0 */
/* Gives records of public topics to one worker again: each goes to the worker's redrive topic, to
 * the partition number it stands in, with key, value and headers as they are and these instead of
 * any of their names: dlq-original-topic, -partition, -offset, -timestamp and dlq-replay-id, which
 * is the same whenever the same run sends the same record. Whoever sends keeps others from the same
 * run by a lock (db/lock.h). One thread. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "config/settings.h"
#include "kafka/record.h"

#include <stdbool.h>
#include <stdint.h>

enum { FEED_RATE = 500, FEED_OPEN_MAX = 1000 };

struct feed;

struct feed_conf {
    const struct settings *settings; /* this and the texts live as long as the feed */
    const char *worker;
    const char *run; /* names the run, whichever processes work on it; 64 characters at most */
    int64_t rate;    /* records a second; 0: FEED_RATE */
};

struct feed_counts {
    int64_t sent;    /* acknowledged by the broker */
    int64_t found;   /* not sent: feed_recall has seen them there */
    int64_t refused; /* the broker will never take them; told on standard error */
};

/* ST_FATAL: there is no such topic. ST_RETRY: no broker. */
MUST_CHECK enum status feed_open(const struct feed_conf *conf, struct feed **out, struct err *err);
/* Waits a second at most for what is under way. NULL is fine. */
void feed_close(struct feed *f);

/* Before the first feed_send of a run that was begun by another process, and after
 * redrive_topic_settle: looks for what that one sent, since_ms (wall, of the sender's clock) or
 * later, so that feed_send passes it over. wants: whether this record may come again; the others
 * need no memory (NULL: all may). */
typedef bool feed_wants_fn(void *arg, struct str topic, int32_t partition, int64_t offset);
MUST_CHECK enum status feed_recall(struct feed *f, int64_t since_ms, feed_wants_fn *wants,
                                   void *arg, struct err *err);

/* Returns when it is its turn and it is under way; its memory is the caller's again. Partition and
 * offset are those of the public topic. ST_RETRY: this one or one before it was not acknowledged:
 * nothing more is sent, and a later process goes on behind the last feed_flush. ST_FATAL: the
 * redrive topic has no such partition. */
MUST_CHECK enum status feed_send(struct feed *f, const struct record *record, struct err *err);
/* Returns when nothing is under way: all that was given to feed_send is there, and this is the
 * moment to write down how far the run has come. Status as feed_send. */
MUST_CHECK enum status feed_flush(struct feed *f, struct err *err);
struct feed_counts feed_counts(const struct feed *f);
