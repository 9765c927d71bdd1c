/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 (libutf8proc behind where Unicode tables are needed). */
#pragma once

#include "base/buf.h"
#include "base/str.h"

#include <stdbool.h>

bool utf8_valid(struct str s); /* no overlongs, surrogates or values above U+10FFFF */
/* The longest head of at most max bytes that ends between characters. */
struct str utf8_cut(struct str s, size_t max);
struct str utf8_without_mark(struct str s); /* that some editors put before a file */
size_t utf8_length(struct str s);           /* code points of valid UTF-8 */
/* For comparing what people type, and for nothing else: Unicode's NFKC_Casefold, which ignores
 * case, makes full-width letters half-width and leaves out what is invisible; of more than 32
 * combining marks in a row the first 32 count, so that it costs the length of s. Adds to out, where
 * failure (memory, not UTF-8) shows; s must not lie there. */
void utf8_fold(struct str s, struct buf *out);
