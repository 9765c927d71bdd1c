/* SPDX-License-Identifier: Apache-2.0 */
/* The one writer: jobs of many lanes share transactions. No thread of its own: a lane that finds
 * its job at the head leads, commits what has gathered (batch_rows at most), and wakes the others
 * (group commit).
 *
 * When a batch leaves: at once while no transaction is under way, so that a lone lane waits for
 * nobody; beside a running one (on up to `connections`) as soon as half of batch_rows have gathered
 * or the oldest has waited batch_ms. Batches so grow with the load by themselves. Half, because
 * smaller batches on more connections cost the server more for the same rows. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "config/settings.h"
#include "db/pool.h"
#include "db/table.h"
#include "metrics/metrics.h"

struct writer;
/* Borrows all three for its life. NULL: no memory. */
struct writer *writer_new(const struct settings_mysql *settings, struct db_pool *pool,
                          struct metrics *metrics);
void writer_free(struct writer *w); /* no call in progress */
DECLARE_FREEP(struct writer, writer_free)

/* Writes the rows in one transaction with those of other lanes and returns after COMMIT. All or
 * none of this call's rows are kept. Rows of a batch are merged per table, sorted by key (unsorted
 * batches deadlock, measurements 4) and sent multi-row; a key that comes twice is applied in order
 * of arrival. A data error is bisected, so that only its own call gets ST_REJECT. A deadlock or
 * lost COMMIT repeats the batch, a call that keeps failing alone: after deadlocks until the
 * deadline, else a few times only. ST_RETRY:
 * the database is away, or busy until the deadline; the rows may be stored all the same when the
 * answer to a COMMIT was lost. A call whose statement is under way at its deadline returns after
 * it (10 s at most). ST_FATAL as in db_exec. Thread-safe. */
MUST_CHECK enum status writer_put(struct writer *w, const struct db_row *rows, size_t count,
                                  struct deadline until, struct err *err);

/* Conditional work inside a shared transaction; returns after COMMIT. fn runs on any lane's thread
 * and may run several times: its statements must be safe to repeat, its outputs be set anew each
 * time. It does not begin, commit, or call the writer. What it returns other than ST_OK undoes its
 * own statements only. It runs after the rows of its transaction and may lock rows itself
 * (FOR SHARE, FOR UPDATE). */
typedef enum status writer_fn(struct db *tx, void *arg, struct err *err);
MUST_CHECK enum status writer_run(struct writer *w, writer_fn *fn, void *arg, struct deadline until,
                                  struct err *err);

/* What a transaction reads first: the version of something that callers have decided by. What it
 * locks in doing so (a share lock on one row) holds whoever changes that until the COMMIT. */
struct writer_guard {
    enum status (*read)(struct db *tx, void *arg, int64_t *version, struct err *err);
    void *arg;
};

/* Before the first job. */
void writer_set_guard(struct writer *w, struct writer_guard guard);

/* Rows and conditional work that are kept together or not at all. */
struct writer_job {
    const struct db_row *rows;
    size_t count;
    writer_fn *fn; /* NULL: only the rows */
    void *arg;
    bool guarded;    /* of no effect without a guard */
    int64_t version; /* that the caller decided by: with another one now nothing is written,
                        ST_WAIT, resource "version", until at once */
};

MUST_CHECK enum status writer_do(struct writer *w, const struct writer_job *what,
                                 struct deadline until, struct err *err);
