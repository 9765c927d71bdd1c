/* SPDX-License-Identifier: Apache-2.0 */
/* Scripted faults: a list of rules, the first that matches a call decides what becomes of it. */
#pragma once

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "codec/json.h"
#include "wxsim/chance.h"

#include <stdbool.h>
#include <stdint.h>

enum sim_fault {
    SIM_NO_FAULT, /* maybe a delay */
    SIM_ERRCODE,  /* an answer with this errcode */
    SIM_HANG,     /* no answer */
    SIM_CUT,      /* the connection is closed without an answer */
    SIM_STATUS,   /* an HTTP status with a page of HTML */
    SIM_TRUNCATE, /* the true answer, cut in half */
    SIM_GARBAGE,  /* bytes that are no JSON */
    SIM_FAULTS
};

const char *sim_fault_name(enum sim_fault fault); /* "", "errcode", ...; static */

struct sim_action {
    enum sim_fault fault;
    bool effect; /* the call is carried out all the same */
    int errcode;
    struct str errmsg; /* absent: the errcode's own; borrowed from the script */
    int status;
    int64_t delay_ms;
};

/* A call as the rules see it. */
struct sim_subject {
    struct str path;
    struct str appid; /* absent when the call names none */
    struct str query;
    const struct json *body; /* NULL without one */
    struct arena *arena;
};

struct sim_rule;

struct sim_script {
    struct json *document;
    struct sim_rule *rules;
    size_t count;
    struct chance chance;
};

/* Takes the document over in either case (NULL: no rules). ST_REJECT names the rule; the script is
 * then as it was. Zero-initialise before the first; the seed is kept. */
MUST_CHECK enum status sim_script_load(struct sim_script *script, struct json *document,
                                       struct err *err);
void sim_script_done(struct sim_script *script);
/* What is to become of the call, and counts it; a zero action when no rule matches. */
struct sim_action sim_script_pick(struct sim_script *script, const struct sim_subject *subject);
