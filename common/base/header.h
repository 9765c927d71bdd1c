/* SPDX-License-Identifier: Apache-2.0 */
/* A named value beside a body: HTTP and Kafka headers alike. Borrowed memory. */
#pragma once

#include "base/str.h"

#include <stddef.h>

struct header {
    struct str name;
    struct str value;
};

/* The first of that name (ASCII letters without case); absent when there is none. */
static inline struct str header_find(const struct header *headers, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_ieq(headers[i].name, name))
            return headers[i].value;
    return (struct str){NULL, 0};
}
