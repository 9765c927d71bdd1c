/* SPDX-License-Identifier: Apache-2.0 */
/* The work of several calls as one transaction, or as few as their data allow. For writer.c only;
 * one thread at a time. */
#pragma once

#include "db/writer.h"

/* What one call wants and what became of it. */
struct work {
    const struct db_row *rows;
    size_t count;
    writer_fn *fn; /* NULL: only the rows */
    void *arg;
    bool guarded; /* as in writer_job, and the next */
    int64_t version;
    bool stale;        /* not of this transaction: decided by another version */
    unsigned failures; /* of transactions it had a part in, through no fault of its data */
    bool again;        /* to be tried in another batch, if there is time; rc and err say why */
    enum status rc;
    struct err err;
    struct job *job; /* whom it belongs to */
};

struct batch {
    struct metrics *metrics;
    struct writer_guard guard; /* read NULL: none */
    struct work **works;
    size_t count;
    size_t max;
    struct batch_row *rows; /* of the transaction at hand, sorted */
    size_t row_count;
    size_t row_room;
    struct db_value *values; /* of the statement at hand */
    struct buf sql;
};

MUST_CHECK bool batch_init(struct batch *b, size_t max, struct metrics *metrics);
void batch_done(struct batch *b);
/* Rows a work counts for: its own, and one for what fn does. */
size_t work_weight(const struct work *work);
/* Sets rc, err and again of every work. */
void batch_run(struct batch *b, struct db *db);
/* The same answer for all; those that may be tried again are marked when the status is ST_RETRY. */
void batch_answer(struct batch *b, enum status rc, const struct err *err);
