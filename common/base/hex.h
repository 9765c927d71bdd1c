/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as lower-case hexadecimal. */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes 2*len digits and a NUL; out must hold 2*len + 1. */
void hex_format(const uint8_t *bytes, size_t len, char *out);
/* Lower or upper case; false unless text is exactly 2*len digits. */
bool hex_parse(struct str text, uint8_t *out, size_t len);
