/* SPDX-License-Identifier: Apache-2.0 */
/* Error numbers as rows: https://mariadb.com/kb/en/mariadb-error-codes/ and
 * https://dev.mysql.com/doc/mysql-errors/8.0/en/. Written as numbers, since the names of the two
 * vendors' headers differ. */
#include "db/fault.h"

#include "base/str.h"
#include "metrics/catalog.h"

#include <stdio.h>
#include <string.h>

enum { CLIENT_FIRST = 2000, CLIENT_LAST = 2999, CONNECTOR_FIRST = 5000, CONNECTOR_LAST = 5999 };

/* Sorted by number. */
static const struct fault FAULTS[] = {
    {1020, ST_RETRY, FAULT_AGAIN},              /* row changed since it was read */
    {1021, ST_RETRY, FAULT_AGAIN},              /* disk full */
    {1037, ST_RETRY, FAULT_AGAIN},              /* out of memory */
    {1038, ST_RETRY, FAULT_AGAIN},              /* out of sort memory */
    {1040, ST_RETRY, FAULT_AGAIN | FAULT_LOST}, /* too many connections */
    {1041, ST_RETRY, FAULT_AGAIN},              /* out of resources */
    {1044, ST_FATAL, 0},                        /* no right to the database */
    {1045, ST_FATAL, 0},                        /* access denied */
    {1048, ST_REJECT, 0},                       /* column cannot be null */
    {1049, ST_FATAL, 0},                        /* no such database */
    {1053, ST_RETRY, FAULT_AGAIN | FAULT_LOST}, /* shutdown */
    {1054, ST_FATAL, 0},                        /* no such column */
    {1062, ST_REJECT, FAULT_QUOTES},            /* duplicate key */
    {1064, ST_FATAL, 0},                        /* syntax */
    {1114, ST_RETRY, FAULT_AGAIN},              /* table space full */
    {1118, ST_REJECT, 0},                       /* row too large */
    {1129, ST_RETRY, FAULT_AGAIN | FAULT_LOST}, /* host blocked after many failures */
    {1130, ST_FATAL, 0},                        /* host not allowed */
    {1142, ST_FATAL, 0},                        /* no right to the table */
    {1146, ST_FATAL, 0},                        /* no such table */
    {1152, ST_RETRY, FAULT_AGAIN | FAULT_LOST}, /* connection aborted */
    {1153, ST_REJECT, FAULT_LOST},              /* over max_allowed_packet */
    {1158, ST_RETRY, FAULT_AGAIN | FAULT_LOST}, /* network read */
    {1159, ST_RETRY, FAULT_AGAIN | FAULT_LOST}, /* network read, time-out */
    {1160, ST_RETRY, FAULT_AGAIN | FAULT_LOST}, /* network write */
    {1161, ST_RETRY, FAULT_AGAIN | FAULT_LOST}, /* network write, time-out */
    {1180, ST_RETRY, FAULT_AGAIN},              /* COMMIT failed */
    {1184, ST_RETRY, FAULT_AGAIN | FAULT_LOST}, /* connection aborted */
    {1203, ST_RETRY, FAULT_AGAIN | FAULT_LOST}, /* max_user_connections */
    {1205, ST_RETRY, FAULT_AGAIN},              /* lock wait time-out */
    {1213, ST_RETRY, FAULT_AGAIN | FAULT_RACE}, /* deadlock */
    {1226, ST_RETRY, FAULT_AGAIN | FAULT_LOST}, /* user's hourly resource used up */
    {1243, ST_RETRY, FAULT_AGAIN},              /* prepared statement forgotten */
    {1264, ST_REJECT, 0},                       /* out of range */
    {1265, ST_REJECT, 0},                       /* data truncated */
    /* A read-only server is a former primary: the next connection may find the new one. */
    {1290, ST_RETRY, FAULT_AGAIN | FAULT_LOST},
    {1292, ST_REJECT, FAULT_QUOTES},            /* wrong value */
    {1317, ST_RETRY, FAULT_AGAIN},              /* interrupted */
    {1364, ST_FATAL, 0},                        /* column without default left out */
    {1366, ST_REJECT, FAULT_QUOTES},            /* wrong text for the character set or type */
    {1406, ST_REJECT, 0},                       /* too long */
    {1411, ST_REJECT, FAULT_QUOTES},            /* wrong value for a function */
    {1412, ST_RETRY, FAULT_AGAIN},              /* table definition changed */
    {1451, ST_REJECT, 0},                       /* foreign key, parent */
    {1452, ST_REJECT, 0},                       /* foreign key, child */
    {1461, ST_RETRY, FAULT_AGAIN | FAULT_LOST}, /* max_prepared_stmt_count */
    {1525, ST_REJECT, FAULT_QUOTES},            /* wrong value */
    {1615, ST_RETRY, FAULT_AGAIN},              /* statement to be prepared again */
    {1665, ST_FATAL, 0},                        /* READ COMMITTED under binlog_format=STATEMENT */
    {1792, ST_RETRY, FAULT_AGAIN | FAULT_LOST}, /* read-only transaction */
    {1836, ST_RETRY, FAULT_AGAIN | FAULT_LOST}, /* read-only mode */
    {1862, ST_FATAL, 0},                        /* password expired */
    {1927, ST_RETRY, FAULT_AGAIN | FAULT_LOST}, /* connection killed */
    {1969, ST_RETRY, FAULT_AGAIN},              /* max_statement_time */
    {2026, ST_FATAL, FAULT_LOST},               /* TLS refused */
    {2059, ST_FATAL, FAULT_LOST},               /* authentication plugin cannot be loaded */
    {2061, ST_FATAL, FAULT_LOST},               /* authentication plugin failed */
    {3024, ST_RETRY, FAULT_AGAIN},              /* max_execution_time */
    {3819, ST_REJECT, 0},                       /* check constraint (MySQL) */
    {4025, ST_REJECT, 0},                       /* check constraint (MariaDB) */
    {4031, ST_RETRY, FAULT_AGAIN | FAULT_LOST}, /* closed for inactivity */
};

struct state_class {
    char prefix[3];
    enum status status;
    unsigned flags;
};

/* https://dev.mysql.com/doc/mysql-errors/8.0/en/error-message-elements.html, "SQLSTATE" */
static const struct state_class CLASSES[] = {
    {"08", ST_RETRY, FAULT_AGAIN | FAULT_LOST}, /* connection */
    {"21", ST_FATAL, 0},                        /* column count */
    {"22", ST_REJECT, FAULT_QUOTES},            /* data */
    {"23", ST_REJECT, FAULT_QUOTES},            /* constraint */
    {"28", ST_FATAL, 0},                        /* authorization */
    {"40", ST_RETRY, FAULT_AGAIN},              /* transaction rolled back */
    {"42", ST_FATAL, 0},                        /* syntax or access */
};

static struct fault find_class(unsigned number, const char *sqlstate)
{
    for (size_t i = 0; i < COUNT_OF(CLASSES); i++)
        if (strncmp(sqlstate, CLASSES[i].prefix, 2) == 0)
            return (struct fault){number, CLASSES[i].status, CLASSES[i].flags};
    return (struct fault){number, ST_RETRY, FAULT_QUOTES};
}

static bool is_client_error(unsigned number)
{
    return (number >= CLIENT_FIRST && number <= CLIENT_LAST) ||
           (number >= CONNECTOR_FIRST && number <= CONNECTOR_LAST);
}

struct fault fault_find(unsigned number, const char *sqlstate)
{
    for (size_t i = 0; i < COUNT_OF(FAULTS); i++)
        if (FAULTS[i].number == number)
            return FAULTS[i];
    if (is_client_error(number))
        return (struct fault){number, ST_RETRY, FAULT_AGAIN | FAULT_LOST};
    return find_class(number, sqlstate);
}

/* Where the last "' for " begins: what follows a quoted value names its column or key. */
static struct str tail_after_value(struct str message)
{
    struct str rest = message;
    struct str tail = STR("'");
    size_t at;

    while (str_find(rest, STR("' for "), &at)) {
        rest = str_skip(rest, at);
        tail = rest;
        rest = str_skip(rest, 1);
    }
    return tail;
}

enum status fault_err(const struct fault *fault, const char *message, struct err *err)
{
    struct str head = str_from(message);
    struct str tail = {NULL, 0};
    const char *gap = "";
    char code[sizeof(err->code)];
    size_t quote;

    (void)snprintf(code, sizeof(code), "mysql:%u", fault->number);
    if ((fault->flags & FAULT_QUOTES) && str_find(head, STR("'"), &quote)) {
        tail = tail_after_value(str_skip(head, quote));
        head.len = quote + 1;
        gap = "...";
    }
    switch (fault->status) {
    case ST_REJECT:
        return err_reject(err, REASON_REJECTED, code, "%.*s%s%.*s", STR_ARG(head), gap,
                          STR_ARG(tail));
    case ST_FATAL: return err_fatal(err, code, "%.*s%s%.*s", STR_ARG(head), gap, STR_ARG(tail));
    case ST_OK:
    case ST_WAIT:
    case ST_RETRY: break;
    }
    return err_retry(err, code, "%.*s%s%.*s", STR_ARG(head), gap, STR_ARG(tail));
}

void fault_count(struct metrics *metrics, enum status status, const struct err *err)
{
    static const struct str prefix = STR_INIT("mysql:");

    if (metrics && status != ST_REJECT && str_starts(str_from(err->code), prefix))
        metric_add(metric_1(metrics, &METRIC_MYSQL_ERRORS, err->code + prefix.len), 1);
}
