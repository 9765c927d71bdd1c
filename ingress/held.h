/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that are answered when the broker has acknowledged their record, or with 503 when it has
 * not within ack_timeout_ms. Of one gate, on its loop. */
#pragma once

#include "gate.h"
#include "trace/span.h"

struct held;

/* A reason: no broker will ever take the record. */
#define HELD_TOO_LARGE "too_large"

/* Answers an acknowledged one. */
typedef void held_answer_fn(struct gate *gate, struct http_exchange *x, const struct held *h);
/* Answers one that was not acknowledged in time, or never will be. */
typedef void held_fail_fn(const struct held *h, const char *reason);

/* At level trace only. */
struct held_spans {
    struct span receive; /* the request, until its answer */
    struct span produce; /* its record, until the report */
    char topic[TOPIC_NAME_SIZE];
};

/* Lives until both its request is answered and its delivery report has come. */
struct held {
    struct held *next;
    struct held *prev;
    struct gate *gate;
    struct http_exchange *exchange; /* NULL: answered already */
    size_t account;
    struct id id;
    struct trace trace;       /* the request's, continued: what its record carries */
    struct held_spans *spans; /* NULL: no span lines */
    int64_t started_ns;
    struct deadline answer_by;
    held_answer_fn *answer;
    held_fail_fn *fail;  /* NULL: a bare 503, and it is a push */
    void *arg;           /* for both */
    struct str location; /* of the answer; the exchange's memory */
    struct str reply;    /* to a push, likewise; absent: none */
};

/* For held_send. NULL: no memory, and x has been answered so. */
struct held *held_new(struct gate *gate, struct http_exchange *x, size_t account,
                      const struct id *id);
/* The same without an answer. */
struct held *held_make(struct gate *gate, struct http_exchange *x, size_t account,
                       const struct id *id);
/* Sends, and answers x now or later, whatever happens; h is gone for the caller. */
void held_send(struct held *h, const struct outgoing *record);
/* Answers 503 to those that have waited long enough; arg is the gate. */
void held_expire(void *arg);
