/* SPDX-License-Identifier: Apache-2.0 */
/* The strict door of the simulated platform: what it checks before a call is carried out, and the
 * form of its answers. Calls are rows; see calls.h. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "codec/json.h"
#include "codec/jsonw.h"
#include "http/server.h"
#include "wxsim/multipart.h"
#include "wxsim/shape.h"
#include "wxsim/world.h"

#include <stdbool.h>
#include <stdint.h>

struct sim_request {
    enum http_method method;
    struct str path;
    struct str query;
    struct str content_type; /* of the body, its whole header; absent when there is none */
    struct str traceparent;  /* absent when there is none */
    struct str body;
    struct arena *arena; /* for what is decoded */
};

struct sim_call;

/* Carries the call out: fields have been checked, the answer's object is open in call->w. Returns
 * an errcode; what was written counts only with SIM_OK. */
typedef int sim_call_fn(struct sim_call *call);

struct sim_call_def {
    const char *path;
    enum http_method method;
    bool no_token; /* asks for no access_token */
    bool bare;     /* no errcode in a good answer */
    bool open;     /* fields that are no rows pass */
    bool form;     /* the body is a form with a file, not JSON */
    const struct sim_field *fields;
    size_t field_count;
    sim_call_fn *fn;
};

struct sim_call {
    struct sim_world *world;
    struct sim_request request;
    int64_t now_ms;
    const struct sim_call_def *def; /* NULL: no such path */
    struct json *body;              /* NULL when there is none, or it is no JSON */
    struct sim_form_data form;      /* what the body is when it is a form; borrowed from it */
    struct sim_account *account;    /* the token's, else the one named; NULL when unknown */
    struct buf answer;
    struct jsonw w;
    int errcode; /* of the answer */
    bool carried_out;
};

/* Finds out what the call is about, checks nothing yet. The request's memory is borrowed. */
void sim_call_open(struct sim_call *call, struct sim_world *world,
                   const struct sim_request *request);
/* Checks and carries out; the answer stands in call->answer then. */
void sim_call_run(struct sim_call *call);
/* Drops the answer for an error's; the message may be absent. */
void sim_call_fail(struct sim_call *call, int errcode, struct str message);
void sim_call_done(struct sim_call *call);

/* A field of the body, absent when missing; a decoded parameter of the query. */
struct str sim_call_str(const struct sim_call *call, const char *field);
struct str sim_call_param(const struct sim_call *call, const char *name);
