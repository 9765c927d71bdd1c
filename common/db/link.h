/* SPDX-License-Identifier: Apache-2.0 */
/* What mysql.c and statement.c share; nobody else includes it (nor mysql.h). */
#pragma once

#include "db/mysql.h"

#include <mysql.h>

/* The two vendors' names for the same byte. */
#ifdef MARIADB_PACKAGE_VERSION
typedef my_bool link_flag;
#else
typedef bool link_flag;
#endif

MYSQL *link_handle(struct db *db);
/* Notes what the error means for the connection and its transaction, fills err. */
enum status link_failed(struct db *db, unsigned number, const char *sqlstate, const char *message,
                        struct err *err);
