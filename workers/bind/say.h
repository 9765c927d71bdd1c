/* SPDX-License-Identifier: Apache-2.0 */
/* The records of event.binding that a push makes. */
#pragma once

#include "bind/decide.h"

/* As lane_emit, all of them. */

MUST_CHECK enum status say_scanned(struct lane *lane, const struct scan *scan, struct err *err);
/* What ended first, then what became of the push itself. */
MUST_CHECK enum status say_decision(struct lane *lane, const struct scan *scan,
                                    const struct decision *d, struct err *err);
