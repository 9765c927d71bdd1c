/* SPDX-License-Identifier: Apache-2.0 */
/* The generated list of schemas/messages (deploy/cmake/schemas.cmake); for validate.c only. */
#pragma once

#include "base/str.h"

struct schema_text {
    const char *id; /* the schema's $id */
    struct str text;
};

extern const struct schema_text SCHEMA_TEXTS[];
extern const size_t SCHEMA_TEXT_COUNT;
