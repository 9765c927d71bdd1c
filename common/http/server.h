/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP/1.1 server on the caller's loop (libmicrohttpd in external epoll mode: its internal epoll
 * thread deadlocks at k*128 connections, measurements 1.1). One thread: everything here runs on the
 * loop's. */
#pragma once

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/header.h"
#include "base/loop.h"

#include <stdbool.h>
#include <stddef.h>

struct http_server;
struct http_exchange; /* one request and its answer */

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_OTHER }; /* HEAD reads as GET */

/* A complete request. The callback either answers before it returns, or keeps the exchange and
 * answers exactly once later, on the loop. A kept exchange stays valid until it is answered, even
 * when its client left. */
typedef void http_request_fn(void *arg, struct http_exchange *x);
/* What the server itself refused: 413 (body), 503 (connections, memory), 400 (a body that ends
 * where another server may read another end: two lengths, length and chunks; plain syntax errors
 * are answered inside libmicrohttpd and not seen here), 0 (closed: head or body not complete in
 * time). For counters. path is absent when unknown. */
typedef void http_refused_fn(void *arg, int status, struct str path);
/* How large the body of this request may be; its head is known, its body not yet read. */
typedef size_t http_limit_fn(void *arg, const struct http_exchange *x);

/* What the server says when it refuses; all but status empty at first: a bare status. */
struct http_refusal {
    int status;               /* 400, 413, 503; may be made 401 */
    const char *content_type; /* of body */
    const char *headers;      /* further ones, each a whole line with CRLF; NULL: none */
    struct buf *body;         /* at most HTTP_REFUSAL_MAX bytes, left out when they are more */
};

enum { HTTP_REFUSAL_MAX = 2048 };

/* May fill the refusal; x has its head only. */
typedef void http_refusal_fn(void *arg, const struct http_exchange *x,
                             struct http_refusal *refusal);

struct http_server_conf {
    const char *listen; /* "127.0.0.1:8080", "[::1]:8080", port 0 = any */
    size_t max_body_bytes;
    http_limit_fn *body_limit; /* instead of max_body_bytes; may be NULL */
    http_refusal_fn *refusal;  /* may be NULL */
    size_t max_connections;    /* beyond it: 503 with Retry-After: 1, connection closed */
    int64_t read_timeout_ms;   /* slow loris: head and body complete within so long of the request
                                  line, that one within so long of accept (of idle_timeout_ms plus it
                                  after an answer), else closed */
    int64_t idle_timeout_ms; /* kept-alive connection without a request; full seconds, rounded up */
    bool reuse_port;         /* several loops share the address (SO_REUSEPORT) */
    http_request_fn *on_request;
    http_refused_fn *on_refused; /* may be NULL */
    void *arg;
};

/* conf is copied, its listen text too. ST_FATAL names the address. */
MUST_CHECK enum status http_server_open(struct loop *loop, const struct http_server_conf *conf,
                                        struct http_server **out, struct err *err);
/* Accepts no new connection; each there is goes on until its next answer, which says that it is the
 * last. */
void http_server_quiesce(struct http_server *s);
/* After http_server_quiesce: connections without a request end now. A client may be sending one
 * that moment, and cannot know whether it was taken: let those that come anyway be few. */
void http_server_end_idle(struct http_server *s);
size_t http_server_connections(const struct http_server *s);
size_t http_server_open_exchanges(const struct http_server *s); /* requests not yet answered */
/* Not from inside on_request. Unanswered exchanges are dropped (connections cut); pointers to them
 * die. NULL is fine. */
void http_server_close(struct http_server *s);
int http_server_port(const struct http_server *s);

enum http_method http_exchange_method(const struct http_exchange *x);
struct str http_exchange_method_text(const struct http_exchange *x);
/* Borrowed until the answer. Path is raw (not percent-decoded), query raw without '?', absent when
 * there is none. */
struct str http_exchange_path(const struct http_exchange *x);
struct str http_exchange_query(const struct http_exchange *x);
struct str http_exchange_header(const struct http_exchange *x,
                                const char *name); /* absent when missing; of several the first */
/* All lines of that name, joined by ", " (RFC 9110, 5.3); empty when memory is short. */
struct str http_exchange_header_list(struct http_exchange *x, const char *name);
struct str http_exchange_body(const struct http_exchange *x);
/* Frees the body of a request that is kept for long. */
void http_exchange_drop_body(struct http_exchange *x);
struct arena *http_exchange_arena(
    struct http_exchange *x); /* lives as long as the exchange; 1 MiB at most */

struct http_answer {
    int status;
    const char *content_type; /* NULL: none */
    struct str body;          /* copied */
    const struct header *headers;
    size_t header_count;
};

/* Ends the exchange; x is gone for the caller. Content-Length is set; HEAD gets no body. */
void http_exchange_answer(struct http_exchange *x, const struct http_answer *answer);
