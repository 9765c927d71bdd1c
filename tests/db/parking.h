/* SPDX-License-Identifier: Apache-2.0 */
/* Rows in parked, for the programs that try its statements: worker "member", partition
 * PARKING_PART, which it owns with PARKING_EPOCH. */
#pragma once

#include "base/arena.h"
#include "tables/parked.h"
#include "tests/db/scratch.h"

enum { PARKING_EPOCH = 7, PARKING_PART = 3, PARKING_NOW_MS = 1760000 };

extern const struct str PARKING_TOPIC;
extern const struct str PARKING_OTHER;
extern const struct str PARKING_ABSENT;

struct parking {
    struct scratch scratch;
    struct db *db;
};

/* Setup and teardown of a test, whose state is the parking: nothing is parked. */
int parking_begin(void **state);
int parking_end(void **state);
void parking_open(struct parking *f, char **arguments); /* as scratch_open, with all tables */

/* Each aborts when the statement fails. */
struct parked_row parking_row(struct str topic, int64_t off, struct str key);
void parking_insert(struct parking *f, const struct parked_row *rows, size_t count);
void parking_park(struct parking *f, struct str topic, int64_t off, const char *key);
struct parked_queue parking_queue(struct str key);
enum parked_found parking_first(struct parking *f, const struct parked_queue *queue,
                                struct arena *arena, struct parked_row *out);
/* The offset of a key's first row, -1: it has none. */
int64_t parking_first_off(struct parking *f, struct str key);
void parking_delete(struct parking *f, struct str topic, int64_t off);

/* Equal, absent and empty apart. */
void parking_same(struct str a, struct str b);
