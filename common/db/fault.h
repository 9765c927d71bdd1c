/* SPDX-License-Identifier: Apache-2.0 */
/* What an error number of MySQL or MariaDB means for the caller. */
#pragma once

#include "base/attr.h"
#include "base/err.h"

struct metrics;

enum fault_flag {
    FAULT_LOST = 1,   /* the connection is of no further use */
    FAULT_AGAIN = 2,  /* the transaction is undone (or unknown) and its repetition may succeed */
    FAULT_QUOTES = 4, /* the server's message quotes a value */
    FAULT_RACE = 8,   /* another transaction got on in its place */
};

struct fault {
    unsigned number;
    enum status status;
    unsigned flags;
};

/* By number; one that has no row goes by its SQLSTATE class, and what is left is ST_RETRY. */
struct fault fault_find(unsigned number, const char *sqlstate);
/* Fills err (code "mysql:<number>") and returns the fault's status. Values that the message quotes
 * are left out of the text. */
enum status fault_err(const struct fault *fault, const char *message, struct err *err);
/* One more of METRIC_MYSQL_ERRORS where err is a failure of the database, not of the data. metrics
 * may be NULL. */
void fault_count(struct metrics *metrics, enum status status, const struct err *err);
