/* SPDX-License-Identifier: Apache-2.0 */
/* The XML of a push, as WeChat writes it. */
#pragma once

#include "base/attr.h"
#include "base/buf.h"
#include "wxsim/events.h"

#include <stdint.h>

/* What a push is about; texts may hold "{i}", the push's number. */
struct sim_about {
    const char *original_id;
    const char *appid;
    const char *openid;
    const char *friend_openid;
    const char *card_id;
    const char *code;
    int64_t create_time;
    int64_t number;
};

/* NAME=VALUE replaces an element's text or adds the element; NAME alone leaves it out. */
struct sim_changes {
    const char *const *sets;
    size_t set_count;
    const char *const *unsets;
    size_t unset_count;
};

/* The elements without <xml> around them, so that <Encrypt> may follow. False: too many elements, a
 * set without '=', no memory. */
MUST_CHECK bool sim_push_xml(const struct sim_event *event, const struct sim_about *about,
                             const struct sim_changes *changes, struct buf *out);
/* Adds text with each "{i}" in it as the number. */
void sim_push_expand(struct str text, int64_t number, struct buf *out);
