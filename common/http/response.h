/* SPDX-License-Identifier: Apache-2.0 */
/* An answer as libmicrohttpd wants it. For exchange.c only. */
#pragma once

#include "http/server.h"

struct MHD_Response;

enum { HTTP_RESPONSE_BODY_MAX = 32, HTTP_RESPONSE_TYPE_SIZE = 48 };

/* Counted: an exchange has one reference, whoever keeps it for the next exchange another. */
struct http_response {
    struct MHD_Response *mhd;
    unsigned status;
    size_t users;
    /* What a shared one says: */
    char content_type[HTTP_RESPONSE_TYPE_SIZE];
    char body[HTTP_RESPONSE_BODY_MAX];
    size_t body_len;
};

/* The answer, copied. A header that cannot be sent (a line break in it, no memory) makes it a bare
 * 500. close_after: the connection is not kept. NULL when memory is short. A short answer without
 * headers of its own stays in *last, and an equal one after it is the same response: nearly every
 * answer of the callback is `success`. */
struct http_response *http_response_take(struct http_response **last,
                                         const struct http_answer *answer, bool close_after,
                                         struct arena *arena);
void http_response_release(struct http_response *response); /* NULL is fine */
