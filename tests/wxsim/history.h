/* SPDX-License-Identifier: Apache-2.0 */
/* What calls did to one card: the counts that tests of exactly-once compare. */
#pragma once

#include "base/str.h"
#include "codec/jsonw.h"

#include <stddef.h>
#include <stdint.h>

enum { SIM_NOTICE_TEXT = 42 + 1, SIM_NOTICES_KEPT = 1024 };

/* A system message that the user sees after a change. */
struct sim_notice {
    const char *about; /* "bonus", "balance", "custom_field1"; static */
    int64_t add;       /* the change it tells */
    int64_t value;     /* what the card shows then */
    int64_t at_ms;
    char text[SIM_NOTICE_TEXT]; /* its note, or the new value of a custom field */
};

/* Zero-initialise. */
struct sim_history {
    int64_t activations;     /* that were carried out */
    int64_t updates;         /* calls of updateuser that were carried out */
    int64_t consumed;        /* calls of code/consume that were carried out */
    int64_t notices;         /* of points, balance, custom fields */
    int64_t add_bonus_shown; /* the sum of what notices told */
    int64_t add_balance_shown;
    struct sim_notice *kept; /* the first SIM_NOTICES_KEPT; later ones are counted only */
    size_t kept_count;
    size_t room;
};

void sim_history_notice(struct sim_history *h, const struct sim_notice *notice);
void sim_history_write_counts(const struct sim_history *h, struct jsonw *w);  /* into an object */
void sim_history_write_notices(const struct sim_history *h, struct jsonw *w); /* an array */
void sim_history_done(struct sim_history *h);
