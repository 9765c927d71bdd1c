/* SPDX-License-Identifier: Apache-2.0 */
/* The insides of a set of rules, for replies_read.c, which fills it, and replies_set.c. */
#pragma once

#include "base/map.h"
#include "replies_index.h"
#include "replies_set.h"

enum { REPLIES_EVENT_MAX = 64 };

struct replies_event {
    const struct reply *any; /* of the first rule without a key */
    struct map *keys;        /* EventKey -> reply of the first such rule */
};

struct replies_set {
    struct arena arena;    /* of all texts */
    struct reply *replies; /* of the rules, in their order; with their placeholders */
    size_t count;
    struct replies_index *keywords;
    bool has_keywords;
    struct map *events; /* name in lower case -> struct replies_event */
    uint32_t first_default;
};

struct replies_set *replies_set_new(size_t count); /* room for so many; NULL: no memory */
/* Counts for the first rule with that name and key (absent: any); false: no memory. */
MUST_CHECK bool replies_set_add_event(struct replies_set *set, struct str name, struct str key,
                                      struct reply *reply);
/* In lower case, in room; false: too long for any rule. */
bool replies_event_name(struct str name, char room[REPLIES_EVENT_MAX], struct str *out);
