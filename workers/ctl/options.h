/* SPDX-License-Identifier: Apache-2.0 */
/* The command line's options into struct ctl. */
#pragma once

#include "app/usage.h"
#include "ctl.h"

const struct usage_option *option_usage(enum ctl_option option);

/* *given: a bit for each that was there; *rest: the first word of argv that is no option (they are
 * moved to the end). False: an unknown option or a wrong argument, of which at least the former is
 * told. */
bool options_parse(int argc, char **argv, struct ctl *ctl, uint64_t *given, int *rest);
