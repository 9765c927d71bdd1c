/* SPDX-License-Identifier: Apache-2.0 */
/* The colours of cards: names on write, values on read (wechat-api 4.1.1, 4.9). */
#pragma once

#include "base/str.h"

#include <stddef.h>

struct sim_color {
    const char *name;
    const char *value;
};

extern const struct sim_color SIM_COLORS[];
extern const size_t SIM_COLOR_COUNT;

const struct sim_color *sim_color_find(struct str name); /* NULL: no such colour */
