/* SPDX-License-Identifier: Apache-2.0 */
/* The way of one push to its rows. */
#pragma once

#include "check.h"
#include "db/mysql.h"
#include "kafka/record.h"

/* Tells each step of the push as it is done, until its rows are there, a dead letter says that they
 * will not be, or the time is over; then which step is missing, and what to do. */
void way_follow(struct check_report *r, struct db *db, const struct account *account,
                const struct record *push, struct deadline until);
