/* SPDX-License-Identifier: Apache-2.0 */
/* A line typed on the terminal of standard input. */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

/* Without its line end. False: the input ended, or the line does not fit (it is read away). */
bool line_read(char *out, size_t size);
/* The same, not shown. A signal that ends the program first gives the terminal its echo back. */
bool hidden_read(char *out, size_t size);
