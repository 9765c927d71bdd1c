/* SPDX-License-Identifier: Apache-2.0 */
/* multipart/form-data (RFC 7578), read strictly: what is not quite a form is none. */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

enum { SIM_PARTS_MAX = 8 };

/* Texts as they stand between their quotes; absent when missing. */
struct sim_part {
    struct str name;
    struct str filename;
    struct str content_type;
    struct str bytes;
};

struct sim_form_data {
    struct sim_part parts[SIM_PARTS_MAX];
    size_t count;
    bool well_formed;
};

/* All is borrowed from the body. */
void sim_multipart_parse(struct str content_type, struct str body, struct sim_form_data *out);
/* The part of that name; NULL when there is none. */
const struct sim_part *sim_form_part(const struct sim_form_data *form, const char *name);
