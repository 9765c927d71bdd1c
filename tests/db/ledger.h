/* SPDX-License-Identifier: Apache-2.0 */
/* lane_effect without Kafka: lanes made by hand over a real database, and steps whose calls and
 * probes say what a script says. */
#pragma once

#include "run/engine.h"
#include "tests/db/scratch.h"

#include <stdatomic.h>

enum { LANES = 16, LONG_MS = 20000, NEVER = -1 };

/* What the call and the probe of an effect are to say, and how often they were asked. */
struct script {
    atomic_int calls;
    atomic_int probes;
    atomic_int begins;
    atomic_int ends;
    enum status rc;
    struct err err;
    bool happened;
    enum status probe_rc;
    bool begin_is_stored; /* the next begin commits, and the connection dies before the answer */
    enum status begin_rc; /* of those after it, then */
    enum status end_rc;
    struct str result;
    int64_t begin_ms;      /* how long begin takes */
    const char *meanwhile; /* SQL that runs while the call is under way */
    const struct scratch *scratch;
};

struct fixture {
    struct scratch scratch;
    struct app app;
    struct settings settings;
    struct worker_def def;
    struct engine engine;
    struct lane lanes[LANES];
    struct script script;
};

extern const struct step REPEATABLE; /* "again" */
extern const struct step PROBE;      /* "probe" */
extern const struct step ONCE;       /* "once" */

/* Once, before the tests; arguments as scratch_open. */
void ledger_open(struct fixture *f, char **arguments);
/* Before and after each test; *state: the fixture. */
int ledger_begin(void **state);
int ledger_end(void **state);

int64_t rows(const struct fixture *f, const char *where);  /* of table effect */
int64_t logged(const struct fixture *f, const char *what); /* rows that "begin", "end" wrote */
int64_t counted(const struct fixture *f, const struct step *step, const char *outcome);

struct outcome {
    enum status rc;
    bool made;
    struct str result;
    struct err err;
};

/* On the first lane, under one and the same identity. */
struct outcome try_with(struct fixture *f, const struct step *step, struct str hash);
struct outcome try_one(struct fixture *f, const struct step *step);
/* What the next calls say. */
void fail_with(struct fixture *f, enum status rc, const char *code);
/* As a process leaves it that died in the call, over_ms after its deadline (NEVER: before it). */
void leave_intent(struct fixture *f, const struct step *step, int64_t over_ms);
