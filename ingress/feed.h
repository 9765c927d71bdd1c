/* SPDX-License-Identifier: Apache-2.0 */
/* The topics of commands and results into the table of outcomes, from api_window_s ago on, on a
 * thread of its own. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "config/settings.h"
#include "outcomes.h"

#include <stdbool.h>

struct feed;

/* Both are borrowed for the feed's life. */
MUST_CHECK enum status feed_open(const struct settings *settings, struct outcomes *outcomes,
                                 struct feed **out, struct err *err);
void feed_close(struct feed *f); /* NULL is fine */
/* What stood in the topics at the start has been read; before, nobody can say what is known. */
bool feed_is_filled(const struct feed *f);
