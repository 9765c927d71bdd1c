/* SPDX-License-Identifier: Apache-2.0 */
/* The insides of a set of rules, for replies_read.c, which fills it, and replies_set.c. */
#pragma once

#include "base/map.h"
#include "replies_index.h"
#include "replies_set.h"

enum { REPLIES_EVENT_MAX = 64 };

struct replies_rule {
    struct reply reply; /* with its placeholders */
};

struct replies_event {
    const struct replies_rule *any; /* the first without a key */
    struct map *keys;               /* EventKey -> the first such rule */
};

struct replies_set {
    struct arena arena; /* of all texts */
    struct replies_rule *rules;
    size_t count;
    struct replies_index *keywords;
    bool has_keywords;
    struct map *events; /* name in lower case -> struct replies_event */
    uint32_t first_default;
};

struct replies_set *replies_set_new(size_t count); /* room for so many; NULL: no memory */
/* Of the first rule with that name and key (absent: any); false: no memory. */
MUST_CHECK bool replies_set_add_event(struct replies_set *set, struct str name, struct str key,
                                      struct replies_rule *rule);
/* In lower case, in room; false: too long for any rule. */
bool replies_event_name(struct str name, char room[REPLIES_EVENT_MAX], struct str *out);
