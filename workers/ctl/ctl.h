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
    CTL_TO = 64,
    CTL_REASON = 128,
    CTL_RATE = 256,
    CTL_DRY_RUN = 512,
    CTL_ALL = 1024,
    CTL_AS = 2048,
    CTL_NEW = 4096,
    CTL_WAIT = 8192,
    CTL_ACCOUNTS = 16384,
    CTL_TYPES = 32768,
    CTL_ACCESS_TOKEN = 65536,
    CTL_BODY = 131072,
    CTL_CONFIRM = 262144,
    CTL_ID = 524288,
    CTL_SINCE = 1048576,
    CTL_RULES = 2097152,
    CTL_MENU = 4194304,
};

/* The command line, parsed; texts are absent where an option was not given. */
struct ctl {
    const struct settings *settings;
    const char *const *words; /* what follows the subcommand's name */
    int word_count;
    bool json;
    bool yes;
    bool dry_run;
    bool all;
    bool fresh; /* --new */
    bool confirm;
    struct str from;
    struct str to;
    struct str key;
    struct str type;
    struct str account;
    struct str reason;
    struct str as;
    struct str body; /* a path; "-": standard input */
    struct str id;
    struct str since;
    struct str accounts;
    struct str types;
    struct str rules; /* a path, as menu */
    struct str menu;
    bool access_token;
    int64_t max;    /* 0: no limit */
    int64_t rate;   /* 0: the subcommand's own */
    int64_t wait_s; /* 0: the same */
};

typedef int ctl_fn(const struct ctl *ctl);

struct ctl_command {
    const char *name;  /* of two words where subcommands form a family: "dlq ls" */
    const char *words; /* "plan|apply", "TOPIC": for the usage line; "" for none */
    int words_min;     /* how many words it takes */
    int words_max;
    unsigned options; /* enum ctl_option it understands */
    const char *help;
    ctl_fn *run;
};

ctl_fn ctl_api_token;
ctl_fn ctl_autoreply_import;
ctl_fn ctl_check;
ctl_fn ctl_command_list;
ctl_fn ctl_command_send;
ctl_fn ctl_command_types;
ctl_fn ctl_command_wait;
ctl_fn ctl_dlq_discard;
ctl_fn ctl_dlq_ls;
ctl_fn ctl_dlq_replay;
ctl_fn ctl_dlq_show;
ctl_fn ctl_menu_delete;
ctl_fn ctl_menu_diff;
ctl_fn ctl_menu_get;
ctl_fn ctl_menu_put;
ctl_fn ctl_migrate;
ctl_fn ctl_parked_discard;
ctl_fn ctl_parked_ls;
ctl_fn ctl_parked_release;
ctl_fn ctl_parked_show;
ctl_fn ctl_reconcile_plan;
ctl_fn ctl_reconcile_run;
ctl_fn ctl_tail;
ctl_fn ctl_token;
ctl_fn ctl_topics;

/* Prints "kabaoctl: text" and returns the exit code that fits the status. */
int ctl_fail(enum status status, const struct err *err);
int ctl_usage(const char *text);
/* The account of --account, or the only one. EXIT_DONE, or told. */
int ctl_account(const struct ctl *ctl, const struct account **out);
bool ctl_is_worker(const char *word); /* a name that topics and tables take */
/* False, and told, where ctl_confirm could not ask. */
bool ctl_can_ask(const struct ctl *ctl, const char *question);
/* Asks on a terminal; without one only --yes counts. */
bool ctl_confirm(const struct ctl *ctl, const char *question);
