/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching a file whose address somebody else wrote down, without becoming his hand inside our
 * network. */
#pragma once

#include "http/client.h"

struct http_fetch {
    struct str
        hosts;      /* what may be asked, separated by blanks: "host", "host:port"; absent: none */
    struct str url; /* any bytes */
    size_t max_bytes;
    struct str traceparent; /* absent: none */
};

/* GET, by https only, from a host (and port) that the list has byte for byte; no name before the
 * host; no redirect; no proxy, whatever the environment says, for it would hide where the
 * connection goes; and only to a public address, judged when the socket is made, so that it does
 * not matter what the name meant before. The one exception: where the list itself has a literal
 * address, that very address. out->body is in the arena.
 * ST_REJECT: "http:host", "http:address", "http:redirect", "http:size", "http:fetch" (another
 * status than 200 that is final). ST_RETRY: "http:fetch" (connect, TLS, time-out, 408, 429, 5xx),
 * "http:cut", "memory". */
MUST_CHECK enum status http_fetch(struct http_client *c, const struct http_fetch *fetch,
                                  struct deadline until, struct arena *arena,
                                  struct http_reply *out, struct err *err);
