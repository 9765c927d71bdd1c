/* SPDX-License-Identifier: Apache-2.0 */
/* The followers of an account, page by page, and the cards of each: by commands to kabao-command,
 * whose answers are taken from table command_result and deleted there. */
#pragma once

#include "import.h"

struct follow;

/* goes_on: what another process has asked for may be answered still. NULL: no memory. */
struct follow *follow_new(struct import_job *job);
void follow_free(struct follow *f); /* NULL is fine */
/* What was asked before and is not answered. Once, at first. */
MUST_CHECK enum status follow_load(struct follow *f, struct err *err);
/* Sends what it is time for and takes what was answered; returns at once. ST_FATAL: the followers
 * cannot be listed. */
MUST_CHECK enum status follow_step(struct follow *f, struct err *err);
bool follow_waits(const struct follow *f);     /* for an answer */
bool follow_done(const struct follow *f);      /* everybody was asked */
int64_t follow_people(const struct follow *f); /* who answered, since follow_new; as the next one */
int64_t follow_cards(const struct follow *f);
