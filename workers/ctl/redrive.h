/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's redrive topic: what came to be in it, and sending a dead letter to it.
 *
 * A record's header dlq-replay-id is the same whoever sends the letter, and when: finding it in the
 * topic proves that the letter got there. */
#pragma once

#include "letters.h"

struct redrive;

/* ST_FATAL: there is no such topic. */
MUST_CHECK enum status redrive_open(const struct ctl *ctl, const char *worker, struct redrive **out,
                                    struct err *err);
void redrive_close(struct redrive *r); /* NULL is fine */

/* The partition number the letter came from; false where the topic has none of that number. */
bool redrive_partition(const struct redrive *r, const struct dead *dead, int32_t *partition);

/* Letters that redrive_read is to look for. The letter lives as long as r. */
MUST_CHECK enum status redrive_expect(struct redrive *r, const struct dead *dead, struct err *err);
/* Reads the topic to its end. With letters to look for it first waits until whatever an earlier run
 * had sent must have come in. */
MUST_CHECK enum status redrive_read(struct redrive *r, struct err *err);
/* After redrive_read: an expected letter is in the topic. */
bool redrive_has(const struct redrive *r, const struct dead *dead);
/* After redrive_read: a place in the partition that no later record comes before. */
int64_t redrive_end(const struct redrive *r, int32_t partition);

/* Returns when the broker has it. ST_REJECT: it will never take this one; ST_RETRY: perhaps it has
 * it. */
MUST_CHECK enum status redrive_send(struct redrive *r, const struct dead *dead, int32_t partition,
                                    struct err *err);
