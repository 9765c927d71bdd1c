/* SPDX-License-Identifier: Apache-2.0 */
/* Opaque texts that the platform puts on the addresses of web pages: an activate_ticket stands for
 * a submitted form, an encrypt_code for a code. Each holds '+', '/' and '=', so that a page which
 * forgets to decode its address shows. */
#pragma once

#include "base/attr.h"
#include "base/map.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum { SIM_HANDLE_SIZE = 64 + 1 };

struct sim_handle {
    char *appid;
    char *content; /* what it stands for */
    int64_t expires_at_ms;
};

/* A new one that stands for content, both NUL-terminated. False: no memory. */
MUST_CHECK bool sim_handle_make(struct map *in, const char *appid, const char *content,
                                int64_t expires_at_ms, char out[SIM_HANDLE_SIZE]);
/* Borrowed; NULL when it is unknown or another account's. */
const struct sim_handle *sim_handle_find(const struct map *in, const char *appid, struct str text);
void sim_handle_free(void *handle); /* for the map; NULL is fine */
