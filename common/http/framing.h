/* SPDX-License-Identifier: Apache-2.0 */
/* Where a request's body ends: what libmicrohttpd lets pass although two servers could read it
 * differently. For exchange.c only. */
#pragma once

#include <stdint.h>

struct MHD_Connection;

/* 0 when the head may stand; 400: two lengths, a length beside chunks, another transfer coding,
 * blanks in a header's name; 413: a length above max_body_bytes. */
int http_framing_check(struct MHD_Connection *mhd, uint64_t max_body_bytes);
