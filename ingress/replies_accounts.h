/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of all accounts: an array as long as the list of accounts, NULL where autoreply_file is
 * not set. */
#pragma once

#include "base/err.h"
#include "config/settings.h"

struct replies;

MUST_CHECK enum status replies_open_all(const struct settings *settings, struct replies ***out,
                                        struct err *err);
void replies_close_all(const struct settings *settings, struct replies **replies);
/* Logs for each account whether its new rules count, or why the old ones stay. */
void replies_reload_all(const struct settings *settings, struct replies **replies);
MUST_CHECK enum status replies_check(const struct settings *settings, struct err *err);
