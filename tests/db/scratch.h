/* SPDX-License-Identifier: Apache-2.0 */
/* A database of one test program's own, on the server that run.sh started. */
#pragma once

#include "base/err.h"
#include "config/settings.h"
#include "db/mysql.h"

struct scratch {
    struct settings_mysql settings;
    struct db *db; /* patient */
    char name[64];
};

/* Arguments: socket, password file (user kabao). Aborts with a message when the server is not
 * there. */
void scratch_open(struct scratch *s, char **arguments);
void scratch_close(struct scratch *s); /* drops the database */

/* Aborts with the error's text unless rc is ST_OK. */
void must(enum status rc, const struct err *err);
void scratch_run(const struct scratch *s, const char *sql);
/* The only column of the only row. */
int64_t scratch_int(const struct scratch *s, const char *sql);
