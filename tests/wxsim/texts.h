/* SPDX-License-Identifier: Apache-2.0 */
/* Structs of owned texts, read from and written to JSON by rows. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "codec/json.h"
#include "codec/jsonw.h"

#include <stdbool.h>
#include <stddef.h>

struct sim_text {
    const char *key;
    size_t offset; /* of a char *, owned, NULL when absent */
    size_t max_bytes;
    bool required; /* present and not empty once read */
    bool secret;   /* not written */
};

/* Takes over the members that the object has (null takes away), leaves the others. On failure some
 * may have changed. */
MUST_CHECK enum status sim_texts_read(const struct sim_text *rows, size_t count,
                                      const struct json *from, void *into, struct err *err);
void sim_texts_write(const struct sim_text *rows, size_t count, const void *from, struct jsonw *w);
void sim_texts_done(const struct sim_text *rows, size_t count, void *of);

/* ST_REJECT names the first key that is neither a row's nor in others (NULL-terminated). */
MUST_CHECK enum status sim_texts_only(const struct sim_text *rows, size_t count,
                                      const char *const *others, const struct json *object,
                                      struct err *err);
