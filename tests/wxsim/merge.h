/* SPDX-License-Identifier: Apache-2.0 */
/* JSON objects laid over each other: the tree of codec/json.h cannot be changed. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "codec/json.h"
#include "codec/jsonw.h"

/* Writes below with the members of above in place of its own, objects member by member. Either may
 * be NULL. */
void sim_merge_write(const struct json *below, const struct json *above, struct jsonw *w);
/* The same as a document of the caller's. ST_RETRY: no memory. */
MUST_CHECK enum status sim_merge(const struct json *below, const struct json *above,
                                 struct json **out, struct err *err);
/* The value itself, as it stands. */
void sim_value_write(const struct json *value, struct jsonw *w);
