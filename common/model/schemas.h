/* SPDX-License-Identifier: Apache-2.0 */
/* The generated list of schemas/messages (deploy/cmake/schemas.cmake); for validate.c only. */
#pragma once

#include "base/str.h"

/* A schema that is part of the program. */
struct schema_text {
    const char *id; /* the schema's $id */
    struct str text;
};

extern const struct schema_text MESSAGE_SCHEMAS[];
extern const size_t MESSAGE_SCHEMA_COUNT;
