/* SPDX-License-Identifier: Apache-2.0 */
/* The options: a row each. */
#include "options.h"

#include "base/num.h"

#include <getopt.h>

enum { RATE_MAX = 1000000, WAIT_MAX_S = 86400, LATENCY_MAX_MS = 60000 };

enum option_kind { KIND_SWITCH, KIND_TEXT, KIND_NUMBER };

struct option_row {
    struct usage_option usage;
    enum option_kind kind;
    size_t offset; /* in struct ctl */
    int64_t max;   /* of a number; the least is 1 */
};

#define SWITCH(member)      KIND_SWITCH, offsetof(struct ctl, member), 0
#define TEXT(member)        KIND_TEXT, offsetof(struct ctl, member), 0
#define NUMBER(member, max) KIND_NUMBER, offsetof(struct ctl, member), max

static const struct option_row OPTIONS[OPT_COUNT] = {
    [OPT_CONFIG] = {{"config", "FILE", "settings (default /etc/kabao/kabao.ini)"}, TEXT(config)},
    [OPT_JSON] = {{"json", NULL, "for programs: one object, a list, or one object per line"},
                  SWITCH(json)},
    [OPT_HELP] = {{"help", NULL, "this text"}, SWITCH(help)},
    [OPT_VERSION] = {{"version", NULL, "prints the version"}, SWITCH(version)},
    [OPT_MAN] = {{"man", NULL, "prints the manual page"}, SWITCH(man)},
    [OPT_COMPLETION] = {{"completion", "bash|zsh", "prints what completes words in that shell"},
                        TEXT(completion)},
    [OPT_FROM] = {{"from", "beginning|TIME",
                   "records of then and later (tail: of now); import: FILE.csv or followers"},
                  TEXT(from)},
    [OPT_TO] = {{"to", "TIME", "only records before this time"}, TEXT(to)},
    [OPT_KEY] = {{"key", "K", "only records with this key (command send: the record's)"},
                 TEXT(key)},
    [OPT_TYPE] = {{"type", "T", "only records of this ce_type (* matches any run)"}, TEXT(type)},
    [OPT_REASON] = {{"reason", "R", "only dead letters with this reason"}, TEXT(reason)},
    [OPT_AS] = {{"as", "done|again",
                 "what nobody knew happened, or is to be done again (reason outcome-unknown)"},
                TEXT(as)},
    [OPT_BODY] = {{"body", "FILE|-", "the command's body, JSON (-: standard input)"}, TEXT(body)},
    [OPT_CONFIRM] = {{"confirm", NULL, "for what cannot be taken back"}, SWITCH(confirm)},
    [OPT_ID] = {{"id", "ID", "the command's id (default: by chance); the same: one effect"},
                TEXT(id)},
    [OPT_SINCE] = {{"since", "beginning|TIME", "looks from then on (15 minutes ago)"}, TEXT(since)},
    [OPT_MAX] = {{"max", "N", "ends after N records (compare: examples, 10)"},
                 NUMBER(max, INT64_MAX)},
    [OPT_RATE] = {{"rate", "N",
                   "at most N records a second (dlq replay: 50; replay: as the quota lets, 500)"},
                  NUMBER(rate, RATE_MAX)},
    [OPT_ALL] = {{"all", NULL, "also what was dealt with (lag: all partitions)"}, SWITCH(all)},
    [OPT_ACCOUNT] = {{"account", "A", "only this account"}, TEXT(account)},
    [OPT_NEW] = {{"new", NULL, "begins anew, does not go on with what was begun"}, SWITCH(fresh)},
    [OPT_WAIT] = {{"wait", "S",
                   "gives up after S seconds without an answer (30; check: without a push)"},
                  NUMBER(wait_s, WAIT_MAX_S)},
    [OPT_ACCOUNTS] = {{"accounts", "NAMES", "only these accounts, separated by blanks"},
                      TEXT(accounts)},
    [OPT_TYPES] = {{"types", "TYPES",
                    "only these types, separated by blanks (* matches any run; \"signature\" too)"},
                   TEXT(types)},
    [OPT_ACCESS_TOKEN] = {{"access-token", NULL, "may also read the account's access token"},
                          SWITCH(access_token)},
    [OPT_RULES] = {{"rules", "FILE",
                    "the file for the rules (the account's autoreply_file, else standard output)"},
                   TEXT(rules)},
    [OPT_MENU] = {{"menu", "FILE", "the file for the menu (without: none is written)"}, TEXT(menu)},
    [OPT_PUSHES] = {{"pushes", "N", "card events a second at the busiest hour"},
                    NUMBER(pushes, RATE_MAX)},
    [OPT_CHANGES] = {{"changes", "N", "changes of points a second"}, NUMBER(changes, RATE_MAX)},
    [OPT_COMMANDS] = {{"commands", "N", "commands a second"}, NUMBER(calls, RATE_MAX)},
    [OPT_LATENCY] = {{"latency", "MS", "how long WeChat takes to answer (200)"},
                     NUMBER(latency_ms, LATENCY_MAX_MS)},
    [OPT_LIVE] = {{"live", NULL, "asks WeChat, too: token, cards, menu, callback"}, SWITCH(live)},
    [OPT_EXPORT] = {{"export", "DIR",
                     "the folder for kabao-console-ACCOUNT, menu and replies (the working one)"},
                    TEXT(export)},
    [OPT_DRY_RUN] = {{"dry-run", NULL, "prints what would be done and does nothing"},
                     SWITCH(dry_run)},
    [OPT_REVEAL] = {{"reveal", NULL, "shows personal data as it is"}, SWITCH(reveal)},
    [OPT_LANG] = {{"lang", "en|zh", "the language of questions and advice (the locale's)"},
                  TEXT(lang)},
    [OPT_CSV] = {{"csv", "FILE", "the file to read: a header row, then a row for each member"},
                 TEXT(csv)},
    [OPT_YES] = {{"yes", NULL, "does not ask"}, SWITCH(yes)},
};

const struct usage_option *option_usage(enum ctl_option option)
{
    return &OPTIONS[option].usage;
}

static bool take(struct ctl *ctl, const struct option_row *row, const char *argument)
{
    char *place = (char *)ctl + row->offset;

    switch (row->kind) {
    case KIND_SWITCH: *(bool *)place = true; return true;
    case KIND_TEXT: *(struct str *)(void *)place = str_from(argument); return true;
    case KIND_NUMBER:
        return num_parse_i64(str_from(argument), 1, row->max, (int64_t *)(void *)place);
    }
    return false;
}

bool options_parse(int argc, char **argv, struct ctl *ctl, uint64_t *given, int *rest)
{
    struct option known[OPT_COUNT + 1] = {0};
    int index = 0;

    for (size_t i = 0; i < OPT_COUNT; i++)
        known[i] =
            (struct option){OPTIONS[i].usage.name,
                            OPTIONS[i].usage.argument ? required_argument : no_argument, NULL, 0};
    for (;;) {
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread only */
        int found = getopt_long(argc, argv, "", known, &index);

        *rest = optind;
        if (found == -1)
            return true;
        if (found != 0 || !take(ctl, &OPTIONS[index], optarg))
            return false;
        *given |= UINT64_C(1) << index;
    }
}
