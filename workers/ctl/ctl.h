/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl: what every subcommand is given, and the rows they are listed in. */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "config/settings.h"

#include <stdbool.h>
#include <stdint.h>

enum ctl_option {
    OPT_CONFIG,
    OPT_JSON,
    OPT_HELP,
    OPT_VERSION,
    OPT_MAN,
    OPT_COMPLETION,
    OPT_FROM,
    OPT_TO,
    OPT_KEY,
    OPT_TYPE,
    OPT_REASON,
    OPT_AS,
    OPT_BODY,
    OPT_CONFIRM,
    OPT_ID,
    OPT_SINCE,
    OPT_MAX,
    OPT_RATE,
    OPT_ALL,
    OPT_ACCOUNT,
    OPT_NEW,
    OPT_WAIT,
    OPT_ACCOUNTS,
    OPT_TYPES,
    OPT_ACCESS_TOKEN,
    OPT_RULES,
    OPT_MENU,
    OPT_PUSHES,
    OPT_CHANGES,
    OPT_COMMANDS,
    OPT_LATENCY,
    OPT_LIVE,
    OPT_EXPORT,
    OPT_DRY_RUN,
    OPT_REVEAL,
    OPT_LANG,
    OPT_CSV,
    OPT_YES,
    OPT_COUNT
};

/* The bit of an option, for ctl_command.options. */
#define CTL(name) (UINT64_C(1) << OPT_##name)
/* Understood by every subcommand, or without any. */
#define CTL_EVERYWHERE \
    (CTL(CONFIG) | CTL(JSON) | CTL(HELP) | CTL(VERSION) | CTL(MAN) | CTL(COMPLETION))

/* Of no option: the subcommand runs before there are settings; ctl->settings is NULL. */
#define CTL_BARE (UINT64_C(1) << OPT_COUNT)

/* The command line, parsed; texts are absent where an option was not given. */
struct ctl {
    const struct settings *settings;
    const char *const *words; /* what follows the subcommand's name */
    int word_count;
    bool help;
    bool version;
    bool man;
    bool json;
    bool yes;
    bool dry_run;
    bool all;
    bool fresh; /* --new */
    bool confirm;
    struct str config; /* a path */
    struct str completion;
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
    struct str export; /* a path */
    bool live;
    struct str csv;
    struct str lang; /* "en", "zh"; absent: as the environment says */
    bool access_token;
    bool reveal;
    int64_t max;    /* 0: no limit */
    int64_t rate;   /* 0: the subcommand's own */
    int64_t wait_s; /* 0: the same */
    int64_t pushes; /* a second, as the next two; 0: none */
    int64_t changes;
    int64_t calls;
    int64_t latency_ms; /* 0: the subcommand's own */
};

typedef int ctl_fn(const struct ctl *ctl);

struct ctl_command {
    const char *name;  /* of two words where subcommands form a family: "dlq ls" */
    const char *words; /* "plan|apply", "TOPIC": for the usage line; "" for none */
    int words_min;     /* how many words it takes */
    int words_max;
    uint64_t options; /* it understands, beside those everybody does */
    const char *help;
    ctl_fn *run;
};

extern const struct ctl_command CTL_COMMANDS[]; /* sorted by name */
extern const size_t CTL_COMMAND_COUNT;

ctl_fn ctl_api_token;
ctl_fn ctl_autoreply_import;
ctl_fn ctl_check;
ctl_fn ctl_command_list;
ctl_fn ctl_command_send;
ctl_fn ctl_command_types;
ctl_fn ctl_command_wait;
ctl_fn ctl_compare;
ctl_fn ctl_crashes;
ctl_fn ctl_dlq_discard;
ctl_fn ctl_dlq_ls;
ctl_fn ctl_dlq_replay;
ctl_fn ctl_dlq_show;
ctl_fn ctl_export;
ctl_fn ctl_import_plan;
ctl_fn ctl_import_run;
ctl_fn ctl_lag;
ctl_fn ctl_member_erase;
ctl_fn ctl_member_history;
ctl_fn ctl_member_show;
ctl_fn ctl_menu_delete;
ctl_fn ctl_menu_diff;
ctl_fn ctl_menu_get;
ctl_fn ctl_menu_put;
ctl_fn ctl_migrate;
ctl_fn ctl_parked_discard;
ctl_fn ctl_parked_ls;
ctl_fn ctl_parked_release;
ctl_fn ctl_parked_show;
ctl_fn ctl_plan_capacity;
ctl_fn ctl_quota;
ctl_fn ctl_reconcile_plan;
ctl_fn ctl_reconcile_run;
ctl_fn ctl_replay_plan;
ctl_fn ctl_replay_run;
ctl_fn ctl_restore;
ctl_fn ctl_setup;
ctl_fn ctl_tail;
ctl_fn ctl_token;
ctl_fn ctl_topics;
ctl_fn ctl_trace;

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
