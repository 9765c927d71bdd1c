/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP(S) client for one thread: one libcurl easy handle that keeps its connections. Lanes block
 * in it (measured as cheap as curl_multi with hand-overs, measurements 5). */
#pragma once

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/header.h"

#include <stdbool.h>
#include <stddef.h>

/* DNS answers and TLS sessions shared by the clients of a process. Thread-safe. Made before the
 * first client (and before threads) and freed after the last; it also initialises libcurl. */
struct http_share;
struct http_share *http_share_new(void); /* NULL when memory is short */
void http_share_free(struct http_share *share);
DECLARE_FREEP(struct http_share, http_share_free)

struct http_client_conf {
    const char *ca_file; /* NULL: the system's */
    int64_t connect_timeout_ms;
    size_t max_reply_bytes; /* 0: 1 MiB */
    const char *user_agent; /* NULL: "kabao/<version>" */
};

struct http_client;
/* ST_FATAL: memory, an unreadable ca_file, an option libcurl does not take. share may be NULL. */
MUST_CHECK enum status http_client_open(const struct http_client_conf *conf,
                                        struct http_share *share, struct http_client **out,
                                        struct err *err);
void http_client_close(struct http_client *c); /* NULL is fine */

/* One file of a form (multipart/form-data). */
struct http_file {
    const char *name;         /* of the part: "media" */
    const char *filename;     /* "a.png" */
    const char *content_type; /* "image/png" */
    struct str bytes;         /* not copied */
};

struct http_request {
    const char *method;           /* "GET", "POST" */
    const char *url;              /* https, or http on loopback; anything else is ST_REJECT */
    const char *content_type;     /* NULL without a body */
    struct str body;              /* sent as it stands */
    const struct http_file *file; /* POST: sent in the body's place, with its own content type */
    const struct header *headers; /* e.g. traceparent, Authorization */
    size_t header_count;
    /* A kept connection that dies before the first byte of a reply makes libcurl send the request
     * again on a new one, whatever its method, although the server may have read it. True: a new
     * connection from the start, on which that never happens. For calls that must not be doubled.
     */
    bool once;
    size_t max_reply_bytes; /* of this reply; 0: the client's */
    /* For an address that others wrote down (http/fetch.h): a connection of its own, straight, past
     * any proxy, and to a public address only, looked at where the socket is made, after the last
     * look-up of the name. literal: allowed although not public; absent: none. */
    bool guarded;
    struct str literal;
};

struct http_reply {
    int status;
    struct str body;         /* in the arena */
    struct str content_type; /* in the arena; absent when missing */
    int64_t retry_after_s;   /* -1 when missing; both forms of the header understood */
};

/* Sends one request and reads the whole reply; blocks until the deadline at the latest. Reply
 * memory belongs to the arena. No redirects. https goes through the proxy the environment names
 * (https_proxy, no_proxy), http never. One thread per client.
 * ST_RETRY: connect, TLS, time-out, cut, 408, 429, 5xx (out is filled for those with a status,
 * err->until from Retry-After). err->code: "http:503"; "http:connect", "http:tls": nothing of the
 * request was sent, which includes a deadline that passed before; "http:timeout", "http:proto": the
 * server may have got it; "http:cut", "memory".
 * ST_REJECT: other 4xx and 3xx (out filled, "http:404"), a 2xx over the limit ("http:size"; what
 * other answers have beyond it is left out, with all of their body), an address or header that
 * cannot be sent ("http:url", "http:header"), a guarded request to what is not public
 * ("http:address"). Texts name host and path, never query or credentials. */
MUST_CHECK enum status http_client_send(struct http_client *c, const struct http_request *request,
                                        struct deadline until, struct arena *arena,
                                        struct http_reply *out, struct err *err);

/* Does an http_client_send's failure prove that the server got nothing of the request? True also of
 * an http_fetch's "http:fetch": what was to be sent with that file was not. */
bool http_client_sent_nothing(const struct err *err);

/* From any thread: a send in hand, and each later one, ends soon (within a second) with ST_RETRY
 * "http:cut", until http_client_uncut. */
void http_client_cut(struct http_client *c);
void http_client_uncut(struct http_client *c);
