/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its answer: collected as libmicrohttpd reads it, given to the server's caller,
 * suspended while that keeps it, answered or refused. For server.c only; what the caller does with
 * an exchange stands in server.h. On the loop's thread, as all of the server. */
#pragma once

#include "http/linger.h"
#include "http/response.h"
#include "http/server.h"
#include "http/waiting.h"

#include <microhttpd.h>

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

enum {
    HTTP_HEAD_MAX_BYTES = 16 * 1024
}; /* the library's memory per connection: head and read
      buffer */

/* A connection, the server's; outlives its exchanges. */
struct http_conn {
    struct http_waiting_link wait;  /* first: a link is its connection */
    struct http_exchange *exchange; /* in hand; NULL between two requests */
    bool over_limit;                /* its requests are refused with 503 */
};

TAILQ_HEAD(http_exchange_list, http_exchange);

/* All exchanges of a server, in the server's memory. */
struct http_exchanges {
    /* For http_exchanges_init; borrowed for its life: */
    const struct http_server_conf *conf;
    struct http_linger *linger;
    void (*wake)(void *arg); /* the library has work that its epoll descriptor does not show */
    void *arg;
    unsigned idle_s; /* the library's time-out of a connection */
    /* For the server to set at any time: */
    bool quiesced; /* connections end with their answer */
    bool closing;  /* no request is given to the caller any more */
    /* For the server to read: */
    size_t open; /* given to the caller, not yet answered */
    /* exchange.c's own: */
    struct http_exchange_list kept;
    struct http_exchange_list spare;
    size_t spare_count;
    struct http_response *last_response;
};

void http_exchanges_init(struct http_exchanges *all);
/* Drops all that the caller keeps: the library cuts their connections when it runs next. */
void http_exchanges_drop(struct http_exchanges *all);
/* After the library's end, when no exchange is left. */
void http_exchanges_done(struct http_exchanges *all);

/* At a request line; target is copied: path, or path?query. conn->exchange is set until the end.
 * NULL when memory is short. */
struct http_exchange *http_exchange_begin(struct http_exchanges *all, struct http_conn *conn,
                                          struct MHD_Connection *mhd, const char *target);
/* What the library's handler calls: for the head, for parts of the body, for the end of it (x is
 * given to the caller, and its connection waits for nothing), and again after a resume. MHD_NO: the
 * connection is to be cut; a refusal has been written. */
MUST_CHECK enum MHD_Result http_exchange_go_on(struct http_exchange *x, const char *method,
                                               const char *part, size_t *part_len);
/* When the library has done with the request, answered or not; x is gone. */
void http_exchange_end(struct http_exchange *x);
/* Tells on_refused, if there is one. x: NULL where no request line came. */
void http_exchange_report_refused(const struct http_exchanges *all, const struct http_exchange *x,
                                  int status);
