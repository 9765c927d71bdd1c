/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers from text, with bounds, and doubles as text; always as in the C locale ('.', no grouping,
 * no white space, no hexadecimal), whatever locale the process has set. */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* Decimal, optional sign, nothing before or after; false (out untouched) when it is not in
 * min..max. */
bool num_parse_i64(struct str s, int64_t min, int64_t max, int64_t *out);
bool num_parse_u64(struct str s, uint64_t min, uint64_t max, uint64_t *out);
/* With optional fraction and exponent, at most 63 characters; never infinite, never NaN. */
bool num_parse_double(struct str s, double min, double max, double *out);
/* "64", "64K", "64 KiB", "1 MiB", "2G" (powers of 1024, to T; letters in any case, no sign). */
bool num_parse_size(struct str s, int64_t min, int64_t max, int64_t *out);

enum { NUM_DOUBLE_SIZE = 32 };

/* The shortest of 15 to 17 digits that reads back as the same value; JSON takes it when finite. */
void num_format_double(double value, char out[NUM_DOUBLE_SIZE]);

/* Saturating a + b. */
int64_t num_add_i64(int64_t a, int64_t b);
