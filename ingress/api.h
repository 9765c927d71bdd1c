/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP API for those without Kafka: /v1/... on the loops that take WeChat's pushes. Bearer
 * tokens, RFC 9457 problems, nothing that needs a database or WeChat. */
#pragma once

#include "clients.h"
#include "codec/json.h"
#include "feed.h"
#include "gate.h"
#include "intake.h"
#include "model/id.h"
#include "outcomes.h"
#include "prefer.h"
#include "problem.h"
#include "wechat/commands.h"

struct held;
struct tickets;

enum { API_PARTS_MAX = 4, API_PREFERENCE_SIZE = 48 };

/* What the gates have in common; NULL in gate_shared while there is no api_tokens_file. */
struct api {
    const struct settings *settings;
    struct clients *clients;
    struct commands *commands;
    struct outcomes *outcomes; /* of commands */
    struct outcomes *scenes;
    struct intake intake; /* of both feeds */
    struct feed *feed;    /* of commands and results */
    struct feed *scene_feed;
    struct tickets *tickets; /* NULL: [token] seal_key_file cannot be used */
    atomic_size_t in_hand;   /* requests not yet answered */
    char wechat_topic[TOPIC_NAME_SIZE];
    char bonus_topic[TOPIC_NAME_SIZE];
    char activation_topic[TOPIC_NAME_SIZE];
};

/* api_setup.c: what --check-config looks at. */
MUST_CHECK enum status api_check(const struct settings *settings, struct err *err);
/* *out is NULL without api_tokens_file. */
MUST_CHECK enum status api_setup(const struct settings *settings, struct api **out,
                                 struct err *err);
void api_setup_done(struct api *api); /* after the gates ended; NULL is fine */
void api_reload(struct api *api);     /* SIGHUP; NULL is fine */

struct api_request;
struct waiting_table;
typedef void api_acked_fn(struct api_request *r);
/* Answers before it returns, or keeps the exchange and answers later. */
typedef void api_fn(struct api_request *r);
typedef void api_result_fn(struct api_request *r, struct outcome_text *result); /* takes it over */

/* One request whose client is known; lives as long as its exchange. All on the gate's loop. */
struct api_request {
    struct gate *gate;
    struct http_exchange *x;
    const struct api_client *client; /* who asks; held until the answer */
    struct str parts[API_PARTS_MAX]; /* of the path behind /v1/, decoded; absent ones absent */
    struct json *body;               /* parsed, the request's; NULL for a GET */
    const struct account *account;   /* api_account's */
    struct prefer prefer;
    bool tracked;             /* begun in the outcomes: an end is owed */
    bool sent;                /* its record is acknowledged */
    struct id id;             /* of its record */
    api_acked_fn *acked;      /* api_produce's */
    struct outcome_wait wait; /* waiting.c's, as all below */
    struct waiting_table *table;
    api_result_fn *on_result;
    api_fn *on_pending;
    TAILQ_ENTRY(api_request) place;
    struct deadline wait_until;
    int wait_s; /* its list */
};

/* api.c: /v1/...; answers 401, 404, 405, 415, 429, 503 itself. */
bool api_is_path(struct str path);
void api_open(struct gate *gate, struct http_exchange *x);
/* For the server, arg is the gate: api_max_body_bytes for a known client under /v1/, else
 * max_body_bytes; and refusals under /v1/ as problems. */
size_t api_body_limit(void *arg, const struct http_exchange *x);
void api_refusal(void *arg, const struct http_exchange *x, struct http_refusal *refusal);

/* api_answer.c: what handlers have. */

/* The account that body's "account" (or name, where the path has it) names, or the only one there
 * is. False: answered with 422 (/account), or 403 where the client may not. */
bool api_account(struct api_request *r, struct str name);
/* May the client ask for this type? False: answered with 403. */
bool api_may(struct api_request *r, struct str type);

/* Ends the exchange with JSON text, which may be absent. extra headers may be NULL. */
void api_answer(struct api_request *r, int status, struct str json, const struct header *headers,
                size_t header_count);
/* The same with a result, which is released: 200 and what was honoured of Prefer. */
void api_answer_result(struct api_request *r, struct outcome_text *result);
/* There is none yet: 202 without a body. */
void api_answer_pending(struct api_request *r);
/* For Preference-Applied; NULL: nothing was honoured. */
const char *api_preference(const struct api_request *r, char out[API_PREFERENCE_SIZE]);
/* Ends the exchange with application/problem+json, and counts and logs it by kind. */
void api_problem(struct api_request *r, const struct problem *p);
/* The same of a kind and a detail, which may be absent. False, always. */
bool api_refuse(struct api_request *r, enum problem_kind kind, struct str detail);

/* Produces a record for a request: key and value are copied, ce_id is r->id, ce_time is now.
 * acked answers after the acknowledgement; without one the client gets 503. */
struct api_record {
    const char *topic; /* full name */
    struct str type;   /* ce_type */
    const char *dataschema;
    struct str key;
    struct str value;
    struct str subject;
};

void api_produce(struct api_request *r, const struct api_record *record, api_acked_fn *acked);

/* waiting.c: requests of one gate that wait for a result. */
struct waiting;
MUST_CHECK enum status waiting_open(struct gate *gate, struct waiting **out, struct err *err);
void waiting_close(struct waiting *w); /* after the server: drops what waits; NULL is fine */

struct waiting_for {
    struct outcomes *outcomes; /* the API's outcomes or scenes */
    struct str id;
    api_result_fn *on_result;
    api_fn *on_pending; /* no result */
    int64_t ends_in_ms; /* more than 0: the wait is no longer than that */
};

/* Keeps r until its result is known, what it prefers to wait has passed or the gate stops, then
 * has it answered. wait.any or wait.hash is set. */
void waiting_add(struct api_request *r, const struct waiting_for *what);
void waiting_stop(struct waiting *w); /* answers all of them, now and from now on; NULL is fine */
size_t waiting_count(const struct waiting *w);

/* The parts of the API */
api_fn commands_post;    /* api_commands.c: POST /v1/commands/{type} */
api_fn commands_get;     /* GET /v1/commands/{id} */
api_fn bonus_post;       /* POST /v1/bonus */
api_fn activations_post; /* POST /v1/activations */
api_fn binding_get;      /* api_bindings.c: GET /v1/bindings/{scene} */
api_fn card_ext_post;    /* api_sign.c: POST /v1/cards/{card_id}/ext */
api_fn card_choose_post; /* POST /v1/cards/choose */
api_fn jsapi_post;       /* POST /v1/jsapi-signature */
api_fn access_token_get; /* api_token.c: GET /v1/accounts/{account}/access-token */
api_fn access_token_post;
