/* SPDX-License-Identifier: Apache-2.0 */
/* Opaque texts that stand for something for a while: an activate_ticket for a submitted form, an
 * encrypt_code for a code, the ticket of a QR code for its scene. Those made here, which the
 * platform puts on the addresses of web pages, hold '+', '/' and '=', so that a page which forgets
 * to decode its address shows. */
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
/* The same under a text of the caller's, which it does not have yet. */
MUST_CHECK bool sim_handle_put(struct map *in, const char *appid, const char *content,
                               int64_t expires_at_ms, struct str text);
/* Borrowed; NULL when it is unknown or another account's. */
const struct sim_handle *sim_handle_find(const struct map *in, const char *appid, struct str text);
void sim_handle_free(void *handle); /* for the map; NULL is fine */
