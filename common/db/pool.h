/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded set of connections, opened when first needed, reopened when lost or idle for a minute
 * (a firewall may have forgotten them). Thread-safe. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "config/settings.h"
#include "db/mysql.h"

struct db_pool;
struct db_pool *db_pool_new(
    const struct settings_mysql *settings); /* size = settings->connections; NULL: no memory */
/* Failures are counted from now on, those to get a connection too. Before the first use. */
void db_pool_watch(struct db_pool *pool, struct metrics *metrics);
void db_pool_free(struct db_pool *pool); /* all released before */
DECLARE_FREEP(struct db_pool, db_pool_free)
/* Blocks until one is free and open. ST_RETRY at the deadline or when the server is away; after a
 * failure the next try waits a moment, so that callers may simply ask again. An attempt to open
 * may outlast the deadline by its own time-out (3 s). */
MUST_CHECK enum status db_pool_acquire(struct db_pool *pool, struct deadline until, struct db **out,
                                       struct err *err);
void db_pool_release(struct db_pool *pool, struct db *db); /* a lost one is closed */
