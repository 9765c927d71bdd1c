/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands: a row each, its function in a file of its own. Sorted. */
#include "base/attr.h"
#include "ctl.h"

#include <stddef.h>

/* Which dead letters. */
#define CTL_SELECT (CTL(FROM) | CTL(TO) | CTL(KEY) | CTL(REASON) | CTL(MAX))

/* Which records. */
#define CTL_RANGE (CTL(FROM) | CTL(TO) | CTL(KEY) | CTL(TYPE))

const struct ctl_command CTL_COMMANDS[] = {
    {"api-token", "new NAME", 2, 2, CTL(ACCOUNTS) | CTL(TYPES) | CTL(ACCESS_TOKEN) | CTL(YES),
     "makes a client of the HTTP API and prints its token, once", ctl_api_token},
    {"autoreply import", "", 0, 0, CTL(ACCOUNT) | CTL(MENU) | CTL(RULES) | CTL(WAIT) | CTL(YES),
     "writes the console's replies and menu into files", ctl_autoreply_import},
    {"check", "", 0, 0, CTL(ACCOUNT) | CTL(EXPORT) | CTL(LIVE) | CTL(WAIT) | CTL(YES),
     "checks settings, broker, topics, database, WeChat and clock; --live the accounts, too",
     ctl_check},
    {"command list", "", 0, 0, CTL(ACCOUNT) | CTL(MAX) | CTL(TYPE),
     "lists the latest results of commands, the newest first (100)", ctl_command_list},
    {"command send", "TYPE", 1, 1,
     CTL(ACCOUNT) | CTL(BODY) | CTL(CONFIRM) | CTL(ID) | CTL(KEY) | CTL(WAIT) | CTL(YES),
     "checks a command and sends it; with --wait tells its result", ctl_command_send},
    {"command types", "", 0, 0, 0, "lists what commands there are", ctl_command_types},
    {"command wait", "ID", 1, 1, CTL(SINCE) | CTL(WAIT), "tells the result of a command",
     ctl_command_wait},
    {"crashes", "", 0, 0, 0, "lists records that were in hand when a worker died", ctl_crashes},
    {"dlq discard", "WORKER [P:O]", 1, 2, CTL_SELECT | CTL(DRY_RUN) | CTL(YES),
     "gives dead letters up; their records stay", ctl_dlq_discard},
    {"dlq ls", "WORKER", 1, 1, CTL_SELECT | CTL(ALL), "lists the open dead letters of a worker",
     ctl_dlq_ls},
    {"dlq replay", "WORKER [P:O]", 1, 2, CTL_SELECT | CTL(AS) | CTL(RATE) | CTL(DRY_RUN) | CTL(YES),
     "gives dead letters to their worker again, each once", ctl_dlq_replay},
    {"dlq show", "WORKER P:O", 2, 2, CTL(REVEAL),
     "prints one dead letter (P:O: partition and offset)", ctl_dlq_show},
    {"lag", "[WORKER]", 0, 1, CTL(ALL),
     "what waits: records, seconds, parked, dead; useful replicas", ctl_lag},
    {"member history", "CARD", 1, 1, CTL(ACCOUNT) | CTL(MAX) | CTL(REVEAL),
     "events, points, activation and bindings of a card, in time (100 of each)",
     ctl_member_history},
    {"member show", "CARD", 1, 1, CTL(ACCOUNT) | CTL(REVEAL),
     "the rows of a card (CODE or CARD_ID:CODE)", ctl_member_show},
    {"menu delete", "", 0, 0, CTL(ACCOUNT) | CTL(WAIT) | CTL(YES),
     "takes the menu down, and personalised ones with it", ctl_menu_delete},
    {"menu diff", "FILE", 1, 1, CTL(ACCOUNT) | CTL(WAIT),
     "compares a file with the menu; exit code 0 the same, 78 not", ctl_menu_diff},
    {"menu get", "[FILE]", 0, 1, CTL(ACCOUNT) | CTL(WAIT) | CTL(YES),
     "the menu as a file that 'menu put' takes", ctl_menu_get},
    {"menu put", "FILE", 1, 1, CTL(ACCOUNT) | CTL(WAIT) | CTL(YES),
     "checks a menu, puts it up and reads it back", ctl_menu_put},
    {"migrate", "", 0, 0, CTL(YES), "brings the database's tables up to date", ctl_migrate},
    {"parked discard", "WORKER", 1, 1, CTL(KEY) | CTL(YES),
     "turns parked records into dead letters", ctl_parked_discard},
    {"parked ls", "WORKER", 1, 1, CTL(KEY), "lists the keys that wait in MySQL", ctl_parked_ls},
    {"parked release", "WORKER", 1, 1, CTL(KEY) | CTL(YES),
     "tries the first record of parked keys now", ctl_parked_release},
    {"parked show", "WORKER", 1, 1, CTL(KEY) | CTL(REVEAL), "prints the parked records",
     ctl_parked_show},
    {"plan-capacity", "", 0, 0, CTL(PUSHES) | CTL(CHANGES) | CTL(COMMANDS) | CTL(LATENCY),
     "what a load asks of these settings, and what stops it first", ctl_plan_capacity},
    {"quota", "", 0, 0, 0, "shows limits of API paths, what is spent and what is closed",
     ctl_quota},
    {"reconcile plan", "", 0, 0, CTL(ACCOUNT),
     "tells how many cards a run looks at, and how long that takes", ctl_reconcile_plan},
    {"reconcile run", "", 0, 0, CTL(ACCOUNT) | CTL(NEW) | CTL(RATE) | CTL(WAIT) | CTL(YES),
     "puts the accounts of points on their cards, silently", ctl_reconcile_run},
    {"replay plan", "WORKER", 1, 1, CTL_RANGE | CTL(RATE),
     "tells what a replay would give a worker, and what would come of it", ctl_replay_plan},
    {"replay run", "WORKER", 1, 1, CTL_RANGE | CTL(NEW) | CTL(RATE) | CTL(YES),
     "gives a worker the records of a time again; effects stay as they are", ctl_replay_run},
    {"restore", "", 0, 0, CTL(FROM) | CTL(TO) | CTL(RATE) | CTL(DRY_RUN) | CTL(YES),
     "after the database came from a backup of --from: rebuilds the ledger and the points, then "
     "gives workers what has no result",
     ctl_restore},
    {"setup", "NAME", 1, 1, CTL_BARE | CTL(LANG) | CTL(REVEAL) | CTL(YES),
     "asks for an account's data, writes its settings and secrets, says what the console needs",
     ctl_setup},
    {"tail", "TOPIC", 1, 1, CTL(FROM) | CTL(KEY) | CTL(TYPE) | CTL(MAX) | CTL(REVEAL),
     "prints the records of a topic as they come", ctl_tail},
    {"token", "status", 1, 1, CTL(ACCOUNT), "shows whose tokens are current, and until when",
     ctl_token},
    {"topics", "plan|apply", 1, 1, CTL(YES), "compares the topics with what they should be",
     ctl_topics},
    {"trace", "ID|CODE|OPENID", 1, 1, CTL(MAX) | CTL(REVEAL),
     "the story of an event, or of the latest ones of a card or person (20)", ctl_trace},
};

const size_t CTL_COMMAND_COUNT = COUNT_OF(CTL_COMMANDS);
