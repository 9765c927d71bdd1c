/* SPDX-License-Identifier: Apache-2.0 */
/* Standard Base64 (RFC 4648) with padding. */
#pragma once

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void base64_format(const void *bytes, size_t len, struct buf *out);
/* Strict alphabet and padding; spare bits of the last character may be non-zero (WeChat's keys have
 * them). Appends to out; false leaves out's length as it was. */
bool base64_parse(struct str text, struct buf *out);
