/* SPDX-License-Identifier: Apache-2.0 */
/* One loop of the ingress: an HTTP server, a producer whose delivery reports arrive on the same
 * loop, and the requests that wait for them. Nothing is shared between gates but what is const or
 * thread-safe. */
#pragma once

#include "base/err.h"
#include "base/loop.h"
#include "base/recent.h"
#include "config/accounts.h"
#include "config/settings.h"
#include "http/server.h"
#include "kafka/producer.h"
#include "kafka/topics.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "trace/trace.h"
#include "wechat/push.h"

#include <stdatomic.h>

enum { REFUSALS_MAX = 64, REASON_SIZE = 24 };

struct api;
struct replies;
struct waiting;

/* What all gates of the process have in common. */
struct gate_shared {
    const struct settings *settings;
    const struct account_secrets *secrets; /* by account */
    struct metrics *metrics;
    struct recent *recent;  /* ids acknowledged a moment ago */
    struct loop *main_loop; /* stopped by a gate that ends */
    size_t gate_count;
    atomic_bool stopping;
    struct api *api;                    /* NULL: /v1/ is off */
    struct replies **replies;           /* by account; NULL: it has no rules */
    char topic[TOPIC_NAME_SIZE];        /* event.wechat */
    char ticket_topic[TOPIC_NAME_SIZE]; /* cmd.activation; empty: no account has a landing page */
};

/* Refusals are logged once per second and reason. */
struct gate_refusal {
    char reason[REASON_SIZE];
    struct log_limit limit;
};

struct held;

struct gate_account {
    struct push_reader *reader;
    struct str source; /* ce_source of its records */
    struct series *accepted;
    struct series *duplicate;
};

struct gate {
    struct gate_shared *shared;
    struct loop *loop;
    struct http_server *server;
    struct producer *producer;
    struct gate_account *accounts; /* by account */
    struct series *ack_seconds;
    struct rand_pool random; /* for trace ids */
    struct arena arena;      /* what lives as long as the gate */
    struct buf value;        /* of the record being written */
    struct buf folded;       /* the text that keywords are looked for in */
    struct log_limit unmade; /* of replies */
    struct held *oldest;     /* waiting for their acknowledgement, in order of answer_by */
    struct held *newest;
    struct loop_timer answer_timer;
    struct waiting *waiting; /* API requests that wait for a result; NULL without an API */
    size_t api_in_hand;      /* API requests not yet answered, waiting or not */
    struct gate_refusal refusals[REFUSALS_MAX];
    struct deadline stop_by;   /* set once stopping began */
    struct deadline refuse_at; /* likewise */
    bool refusing;             /* new requests */
    atomic_bool listening;
    _Atomic int64_t waiting_since_ms; /* of the oldest held; 0: none waits */
    enum status result;               /* set before gate_main returns */
};

/* Thread body; arg is the gate: opens producer and server (waiting for the broker), runs until
 * shared->stopping. */
void gate_main(void *arg);

/* routes.c; arg is the gate */
void routes_request(void *arg, struct http_exchange *x);
void routes_refused(void *arg, int status, struct str path);

/* Answers with a bare status and counts and logs it by reason; account NULL: none known. */
void gate_refuse(struct gate *gate, struct http_exchange *x, const char *account, int status,
                 const char *reason);
/* Only counts and logs, as event; account may be NULL. */
void gate_note_refusal(struct gate *gate, const char *event, const char *account, int status,
                       const char *reason);
/* [ingress] max_connections is for the process; this is what one gate takes of it. */
size_t gate_connections(const struct gate_shared *shared);
void gate_answer(struct http_exchange *x, struct str body);

/* callback.c: GET and POST /wechat/{account} */
void callback_check_url(struct gate *gate, struct http_exchange *x, size_t account);
void callback_push(struct gate *gate, struct http_exchange *x, size_t account);

/* landing.c: GET /wechat/{account}/activate; query is raw. */
void landing_open(struct gate *gate, struct http_exchange *x, size_t account, struct str query);
