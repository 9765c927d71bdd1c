/* SPDX-License-Identifier: Apache-2.0 */
/* Command-line options as rows: --name VALUE, --name=VALUE, --flag. */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIM_EXIT_FAILED = 1, SIM_EXIT_USAGE = 64, SIM_EXIT_CONFIG = 78, SIM_LIST_MAX = 64 };

struct sim_list {
    const char *items[SIM_LIST_MAX];
    size_t count;
};

enum sim_option_kind {
    SIM_OPT_TEXT, /* const char * */
    SIM_OPT_INT,  /* int64_t, min..max */
    SIM_OPT_FLAG, /* bool */
    SIM_OPT_LIST, /* struct sim_list: may be given again */
};

struct sim_option {
    const char *name; /* without "--" */
    enum sim_option_kind kind;
    size_t offset; /* of the member of *out */
    int64_t min;
    int64_t max;
};

/* Texts stay argv's. False after one line on standard error. */
MUST_CHECK bool sim_options_parse(const struct sim_option *rows, size_t count, int argc,
                                  char **argv, void *out);
