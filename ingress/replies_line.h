/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a JSON text, which its parser forgets. */
#pragma once

#include "base/str.h"

/* Of the byte at offset, from 1. */
unsigned replies_line_at(struct str text, size_t offset);
/* Where the value at a JSON Pointer begins, or the last on the way there that exists. text parses.
 */
unsigned replies_line_of(struct str text, struct str pointer);
/* Of the second of two equal keys of one object (as written); 0: none was found. */
unsigned replies_line_of_twice(struct str text);
