/* SPDX-License-Identifier: Apache-2.0 */
/* The word "effect": an effect whose call and probe go to a server of the test, and points at which
 * the process dies or stops. */
#pragma once

#include "model/event.h"
#include "run/lane.h"

/* Borrowed for the call. */
struct effect_play {
    struct lane *lane;
    const struct message *message;
    const struct event *event; /* its fields say how (README.md) */
    const char *directory;     /* where files tell which points were reached already */
    int journal;
};

/* lane_effect's status. */
MUST_CHECK enum status effect_play(const struct effect_play *play, struct err *err);
