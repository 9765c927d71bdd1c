/* SPDX-License-Identifier: Apache-2.0 */
/* The rules that an account's pushes are answered by (autoreply_file), read anew on SIGHUP. */
#pragma once

#include "config/settings.h"
#include "replies_set.h"

struct replies;

/* ST_FATAL names file, line and what is wrong. Thread-safe; who reads holds a set until
 * replies_release, so that a reload never takes it away. */
MUST_CHECK enum status replies_open(const char *path, struct replies **out, struct err *err);
void replies_close(struct replies *r); /* NULL is fine */
/* A file that is wrong leaves the old set: ST_REJECT with the reason. *count: of its rules. */
MUST_CHECK enum status replies_reload(struct replies *r, size_t *count, struct err *err);

struct replies_held; /* a set that somebody uses */
struct replies_held *replies_acquire(struct replies *r);
void replies_release(struct replies_held *held);
const struct replies_set *replies_of(const struct replies_held *held);

/* Of all accounts: an array as long as their list, NULL where autoreply_file is not set. */
MUST_CHECK enum status replies_open_all(const struct settings *settings, struct replies ***out,
                                        struct err *err);
void replies_close_all(const struct settings *settings, struct replies **replies);
/* Logs for each account whether its new rules count, or why the old ones stay. */
void replies_reload_all(const struct settings *settings, struct replies **replies);
MUST_CHECK enum status replies_check(const struct settings *settings, struct err *err);
