/* SPDX-License-Identifier: Apache-2.0 */
/* What the tables know: where to look for records, and what was written of them. */
#pragma once

#include "db/mysql.h"
#include "sought.h"

/* Looks a text up as an id of a push or command and as a trace id. */
MUST_CHECK enum status trace_seek_id(struct db *db, const struct ctl *ctl, struct str text,
                                     struct sought *s, struct err *err);
/* As a card's code (*is_person false) or an openid: the latest max events. */
MUST_CHECK enum status trace_seek_owner(struct db *db, struct str text, int64_t max,
                                        struct sought *s, bool *is_person, struct err *err);
/* Pushes of the traces that are known by now. */
MUST_CHECK enum status trace_seek_more(struct db *db, struct sought *s, struct err *err);

/* Adds rows, effects, parked records, crashes, and what became of dead letters. */
MUST_CHECK enum status trace_rows(struct db *db, const struct ctl *ctl, const struct sought *s,
                                  struct tale *tale, struct err *err);
