/* SPDX-License-Identifier: Apache-2.0 */
/* Offsets in a row, as far as they exist. */
#pragma once

#include <stdint.h>

struct offset_range {
    int64_t from;
    int64_t to; /* the first behind it */
};
