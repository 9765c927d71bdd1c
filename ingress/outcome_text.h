/* SPDX-License-Identifier: Apache-2.0 */
/* A result's JSON: shared by the table and those who answer with it, gone with the last of them. */
#pragma once

#include "base/str.h"

struct outcome_text;

/* A copy, held by the caller; NULL: no memory. Thread-safe, as all below. */
struct outcome_text *outcome_text_new(struct str s);
struct outcome_text *outcome_text_hold(struct outcome_text *text); /* once more */
void outcome_text_release(struct outcome_text *text);              /* NULL is fine */
struct str outcome_text(const struct outcome_text *text);
