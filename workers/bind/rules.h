/* SPDX-License-Identifier: Apache-2.0 */
/* What a scan means, decided without asking anybody. No clock, no I/O. */
#pragma once

#include "config/settings.h"
#include "tables/bound.h"
#include "tables/scene.h"

enum { CLOCKS_DIFFER_MS = 60000 /* ours and WeChat's, at most */ };

enum binds {
    BINDS_NOBODY,
    BINDS_BY_TABLE, /* what was made to be scanned; table scene says for whom */
    BINDS_BY_PREFIX /* *user is the rest of the scene */
};

enum binds scene_binds(const struct account *account, struct str scene, struct str *user);

/* Why a scan at at_ms does not use the scene, as event.binding has it; absent: it does. row: NULL
 * where there is none. */
struct str scene_refusal(const struct scene *row, int64_t at_ms);

/* What becomes of an openid's bindings to other users, and of the new one. */
struct rebinding {
    bool refused;
    size_t ends;         /* the first so many of the others */
    int64_t ended_at_ms; /* the scan came late: when its own binding ended again; else 0 */
};

/* others: those that are bound, oldest first. */
struct rebinding rebind(enum rebind rule, const struct bound_list *others, int64_t at_ms);
