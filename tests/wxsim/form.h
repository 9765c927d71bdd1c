/* SPDX-License-Identifier: Apache-2.0 */
/* What a user filled in to become a member. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "codec/json.h"
#include "codec/jsonw.h"

struct sim_form {
    char *common; /* JSON object, field id to value; NULL: never filled in */
    char *custom; /* JSON array of {name, value, value_list} */
    char *lists;  /* both as answers show them; NULL without both */
};

/* Takes over "form" and "custom_form" of an object that has them (null takes away). On ST_REJECT,
 * which says what is wrong, one of them may have changed. */
MUST_CHECK enum status sim_form_read(struct sim_form *form, const struct json *from,
                                     struct err *err);
void sim_form_write(const struct sim_form *form, struct jsonw *w); /* as it is read */
void sim_form_done(struct sim_form *form);
