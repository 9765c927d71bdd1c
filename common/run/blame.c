/* SPDX-License-Identifier: Apache-2.0 */
/* Whose fault a failure is. What is away or dark is no record's: records wait for it, without an
 * attempt counted. */
#include "base/num.h"
#include "base/rand.h"
#include "db/fault.h"
#include "run/engine.h"

#include <stdio.h>
#include <string.h>

enum { AWAY_LEAST_MS = 500, AWAY_SPREAD_MS = 1000 };

static bool is_broker_away(const char *code)
{
    static const char *const codes[] = {"kafka:timeout", "kafka:unreachable", "kafka:queue-full",
                                        "kafka:closed"};

    for (size_t i = 0; i < COUNT_OF(codes); i++)
        if (strcmp(code, codes[i]) == 0)
            return true;
    return false;
}

static bool is_database_away(const char *code)
{
    static const struct str prefix = STR_INIT("mysql:");
    struct str number = str_from(code);
    int64_t value = 0;

    if (!str_starts(number, prefix))
        return false;
    number = str_skip(number, prefix.len);
    return str_eq(number, STR("busy")) ||
           (num_parse_i64(number, 0, UINT16_MAX, &value) &&
            (fault_find((unsigned)value, "").flags & FAULT_LOST) != 0);
}

static enum status wait_for(const char *resource, struct err *err)
{
    const struct err cause = *err;

    (void)err_wait(err, resource, deadline_in(AWAY_LEAST_MS + rand_below(AWAY_SPREAD_MS)), "%s",
                   cause.text);
    (void)snprintf(err->code, sizeof(err->code), "%s", cause.code);
    return ST_WAIT;
}

enum status blame_broker(enum status rc, struct err *err)
{
    return rc == ST_RETRY && is_broker_away(err->code) ? wait_for("kafka", err) : rc;
}

enum status blame_database(enum status rc, struct err *err)
{
    return rc == ST_RETRY && is_database_away(err->code) ? wait_for("mysql", err) : rc;
}

/* A call that failed on a dark path says nothing about its record. */
enum status blame_path(const struct lane *lane, enum status rc, struct err *err)
{
    const struct err cause = *err;

    if (rc != ST_RETRY || !lane->is_dark)
        return rc;
    (void)err_wait(err, lane->dark.resource, lane->dark.until, "%s", cause.text);
    (void)snprintf(err->code, sizeof(err->code), "%s", cause.code);
    return ST_WAIT;
}
