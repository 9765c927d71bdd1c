/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl: what every subcommand is given, and the rows they are listed in. */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "config/settings.h"

#include <stdbool.h>
#include <stdint.h>

enum ctl_option {
    CTL_FROM = 1,
    CTL_KEY = 2,
    CTL_TYPE = 4,
    CTL_MAX = 8,
    CTL_ACCOUNT = 16,
    CTL_YES = 32,
};

/* The command line, parsed; texts are absent where an option was not given. */
struct ctl {
    const struct settings *settings;
    const char *const *words; /* what follows the subcommand's name */
    int word_count;
    bool json;
    bool yes;
    struct str from;
    struct str key;
    struct str type;
    struct str account;
    int64_t max; /* 0: no limit */
};

typedef int ctl_fn(const struct ctl *ctl);

struct ctl_command {
    const char *name;
    const char *words; /* "plan|apply", "TOPIC": for the usage line; "" for none */
    int word_count;    /* how many words it takes */
    unsigned options;  /* enum ctl_option it understands */
    const char *help;
    ctl_fn *run;
};

ctl_fn ctl_check;
ctl_fn ctl_migrate;
ctl_fn ctl_tail;
ctl_fn ctl_token;
ctl_fn ctl_topics;

/* Prints "kabaoctl: text" and returns the exit code that fits the status. */
int ctl_fail(enum status status, const struct err *err);
int ctl_usage(const char *text);
/* Asks on a terminal; without one only --yes counts. */
bool ctl_confirm(const struct ctl *ctl, const char *question);
