/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl: the operator's tool, one file per subcommand. */
#include "app/app.h"
#include "base/num.h"
#include "ctl.h"
#include "log/log.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { REPORT_MAX = 1 << 20, RATE_MAX = 1000000, WAIT_MAX_S = 86400, WORKER_MAX = 32 };

enum { CTL_SELECT = CTL_FROM | CTL_TO | CTL_KEY | CTL_REASON | CTL_MAX };

static const struct ctl_command COMMANDS[] = {
    {"api-token", "new NAME", 2, 2, CTL_ACCOUNTS | CTL_TYPES | CTL_ACCESS_TOKEN | CTL_YES,
     "makes a client of the HTTP API and prints its token, once", ctl_api_token},
    {"autoreply import", "", 0, 0, CTL_ACCOUNT | CTL_MENU | CTL_RULES | CTL_WAIT | CTL_YES,
     "writes the console's replies and menu into files", ctl_autoreply_import},
    {"check", "", 0, 0, 0, "checks settings, broker, topics, database, WeChat and clock",
     ctl_check},
    {"command list", "", 0, 0, CTL_ACCOUNT | CTL_MAX | CTL_TYPE,
     "lists the latest results of commands, the newest first (100)", ctl_command_list},
    {"command send", "TYPE", 1, 1,
     CTL_ACCOUNT | CTL_BODY | CTL_CONFIRM | CTL_ID | CTL_KEY | CTL_WAIT | CTL_YES,
     "checks a command and sends it; with --wait tells its result", ctl_command_send},
    {"command types", "", 0, 0, 0, "lists what commands there are", ctl_command_types},
    {"command wait", "ID", 1, 1, CTL_SINCE | CTL_WAIT, "tells the result of a command",
     ctl_command_wait},
    {"dlq discard", "WORKER [P:O]", 1, 2, CTL_SELECT | CTL_DRY_RUN | CTL_YES,
     "gives dead letters up; their records stay", ctl_dlq_discard},
    {"dlq ls", "WORKER", 1, 1, CTL_SELECT | CTL_ALL, "lists the open dead letters of a worker",
     ctl_dlq_ls},
    {"dlq replay", "WORKER [P:O]", 1, 2, CTL_SELECT | CTL_AS | CTL_RATE | CTL_DRY_RUN | CTL_YES,
     "gives dead letters to their worker again, each once", ctl_dlq_replay},
    {"dlq show", "WORKER P:O", 2, 2, 0, "prints one dead letter (P:O: partition and offset)",
     ctl_dlq_show},
    {"menu delete", "", 0, 0, CTL_ACCOUNT | CTL_WAIT | CTL_YES,
     "takes the menu down, and personalised ones with it", ctl_menu_delete},
    {"menu diff", "FILE", 1, 1, CTL_ACCOUNT | CTL_WAIT,
     "compares a file with the menu; exit code 0 the same, 78 not", ctl_menu_diff},
    {"menu get", "[FILE]", 0, 1, CTL_ACCOUNT | CTL_WAIT | CTL_YES,
     "the menu as a file that 'menu put' takes", ctl_menu_get},
    {"menu put", "FILE", 1, 1, CTL_ACCOUNT | CTL_WAIT | CTL_YES,
     "checks a menu, puts it up and reads it back", ctl_menu_put},
    {"migrate", "", 0, 0, CTL_YES, "brings the database's tables up to date", ctl_migrate},
    {"parked discard", "WORKER", 1, 1, CTL_KEY | CTL_YES, "turns parked records into dead letters",
     ctl_parked_discard},
    {"parked ls", "WORKER", 1, 1, CTL_KEY, "lists the keys that wait in MySQL", ctl_parked_ls},
    {"parked release", "WORKER", 1, 1, CTL_KEY | CTL_YES,
     "tries the first record of parked keys now", ctl_parked_release},
    {"parked show", "WORKER", 1, 1, CTL_KEY, "prints the parked records", ctl_parked_show},
    {"reconcile plan", "", 0, 0, CTL_ACCOUNT,
     "tells how many cards a run looks at, and how long that takes", ctl_reconcile_plan},
    {"reconcile run", "", 0, 0, CTL_ACCOUNT | CTL_NEW | CTL_RATE | CTL_WAIT | CTL_YES,
     "puts the accounts of points on their cards, silently", ctl_reconcile_run},
    {"tail", "TOPIC", 1, 1, CTL_FROM | CTL_KEY | CTL_TYPE | CTL_MAX,
     "prints the records of a topic as they come", ctl_tail},
    {"token", "status", 1, 1, CTL_ACCOUNT, "shows whose tokens are current, and until when",
     ctl_token},
    {"topics", "plan|apply", 1, 1, CTL_YES, "compares the topics with what they should be",
     ctl_topics},
};

struct option_row {
    const char *name;
    const char *argument; /* NULL: a switch */
    unsigned option;      /* 0: understood by every subcommand */
    const char *help;
};

enum option_index {
    OPT_CONFIG,
    OPT_JSON,
    OPT_HELP,
    OPT_VERSION,
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
    OPT_DRY_RUN,
    OPT_YES,
    OPT_COUNT
};

static const struct option_row OPTIONS[OPT_COUNT] = {
    [OPT_CONFIG] = {"config", "FILE", 0, "settings (default /etc/kabao/kabao.ini)"},
    [OPT_JSON] = {"json", NULL, 0, "for programs: one object, a list, or one object per line"},
    [OPT_HELP] = {"help", NULL, 0, "this text"},
    [OPT_VERSION] = {"version", NULL, 0, "prints the version"},
    [OPT_FROM] = {"from", "beginning|TIME", CTL_FROM, "records of then and later (tail: of now)"},
    [OPT_TO] = {"to", "TIME", CTL_TO, "only records before this time"},
    [OPT_KEY] = {"key", "K", CTL_KEY, "only records with this key (command send: the record's)"},
    [OPT_TYPE] = {"type", "T", CTL_TYPE, "only records of this ce_type (* matches any run)"},
    [OPT_REASON] = {"reason", "R", CTL_REASON, "only dead letters with this reason"},
    [OPT_AS] = {"as", "done|again", CTL_AS,
                "what nobody knew happened, or is to be done again (reason outcome-unknown)"},
    [OPT_BODY] = {"body", "FILE|-", CTL_BODY, "the command's body, JSON (-: standard input)"},
    [OPT_CONFIRM] = {"confirm", NULL, CTL_CONFIRM, "for what cannot be taken back"},
    [OPT_ID] = {"id", "ID", CTL_ID, "the command's id (default: by chance); the same: one effect"},
    [OPT_SINCE] = {"since", "beginning|TIME", CTL_SINCE, "looks from then on (15 minutes ago)"},
    [OPT_MAX] = {"max", "N", CTL_MAX, "ends after N records"},
    [OPT_RATE] = {"rate", "N", CTL_RATE, "at most N records a second (dlq replay: 50)"},
    [OPT_ALL] = {"all", NULL, CTL_ALL, "also those that were dealt with"},
    [OPT_ACCOUNT] = {"account", "A", CTL_ACCOUNT, "only this account"},
    [OPT_NEW] = {"new", NULL, CTL_NEW, "begins anew, does not go on with what was begun"},
    [OPT_WAIT] = {"wait", "S", CTL_WAIT, "gives up after S seconds without an answer (default 30)"},
    [OPT_ACCOUNTS] = {"accounts", "NAMES", CTL_ACCOUNTS,
                      "only these accounts, separated by blanks"},
    [OPT_TYPES] = {"types", "TYPES", CTL_TYPES,
                   "only these types, separated by blanks (* matches any run; \"signature\" too)"},
    [OPT_ACCESS_TOKEN] = {"access-token", NULL, CTL_ACCESS_TOKEN,
                          "may also read the account's access token"},
    [OPT_RULES] = {"rules", "FILE", CTL_RULES,
                   "the file for the rules (the account's autoreply_file, else standard output)"},
    [OPT_MENU] = {"menu", "FILE", CTL_MENU, "the file for the menu (without: none is written)"},
    [OPT_DRY_RUN] = {"dry-run", NULL, CTL_DRY_RUN, "prints what would be done and does nothing"},
    [OPT_YES] = {"yes", NULL, CTL_YES, "does not ask"},
};

static void print_option(const struct option_row *row)
{
    char left[48];

    (void)snprintf(left, sizeof(left), "--%s%s%s", row->name, row->argument ? " " : "",
                   row->argument ? row->argument : "");
    (void)printf("  %-24s %s\n", left, row->help);
}

static int print_help(const struct ctl_command *only)
{
    if (only)
        (void)printf("kabaoctl %s %s: %s\n\n", only->name, only->words, only->help);
    else
        (void)printf("kabaoctl: operates kabao\n\nkabaoctl SUBCOMMAND [OPTIONS]\n\n");
    for (size_t i = 0; !only && i < COUNT_OF(COMMANDS); i++)
        (void)printf("  %-16s %-12s %s\n", COMMANDS[i].name, COMMANDS[i].words, COMMANDS[i].help);
    if (!only)
        (void)printf("\n");
    for (size_t i = 0; i < OPT_COUNT; i++)
        if (OPTIONS[i].option == 0 || (only && (only->options & OPTIONS[i].option)))
            print_option(&OPTIONS[i]);
    return EXIT_DONE;
}

int ctl_usage(const char *text)
{
    (void)fprintf(stderr, "kabaoctl: %s (see --help)\n", text);
    return EXIT_USAGE;
}

bool ctl_is_worker(const char *word)
{
    size_t len = strlen(word);

    return len >= 1 && len <= WORKER_MAX &&
           strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

int ctl_account(const struct ctl *ctl, const struct account **out)
{
    const struct settings *settings = ctl->settings;

    if (!str_is_set(ctl->account) && settings->account_count != 1)
        return ctl_usage("--account is missing: the settings have not just one");
    *out = str_is_set(ctl->account) ? settings_account(settings, ctl->account.ptr)
                                    : &settings->accounts[0];
    return *out ? EXIT_DONE : ctl_usage("there is no such account");
}

int ctl_fail(enum status status, const struct err *err)
{
    (void)fprintf(stderr, "kabaoctl: %s\n", err->text);
    return status == ST_FATAL ? EXIT_CONFIG : EXIT_TEMPORARY;
}

bool ctl_can_ask(const struct ctl *ctl, const char *question)
{
    if (ctl->yes || isatty(STDIN_FILENO))
        return true;
    (void)fprintf(stderr, "kabaoctl: %s: needs --yes without a terminal\n", question);
    return false;
}

bool ctl_confirm(const struct ctl *ctl, const char *question)
{
    char answer[16] = "";

    if (ctl->yes)
        return true;
    if (!ctl_can_ask(ctl, question))
        return false;
    (void)fprintf(stderr, "%s [y/N] ", question);
    return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* How many of the words the name takes up; 0: it is another. words ends with NULL. */
static int match_name(const char *name, char *const *words)
{
    struct str rest = str_from(name);
    struct str part = {0};
    int used = 0;

    while (str_cut(rest, ' ', &part, &rest)) {
        if (!words[used] || !str_eq_cstr(part, words[used]))
            return 0;
        used++;
    }
    return used;
}

static const struct ctl_command *find_command(char *const *words, int *used)
{
    for (size_t i = 0; i < COUNT_OF(COMMANDS); i++) {
        *used = match_name(COMMANDS[i].name, words);
        if (*used > 0)
            return &COMMANDS[i];
    }
    return NULL;
}

struct line {
    struct ctl ctl;
    const char *config;
    unsigned given; /* enum ctl_option */
    bool help;
    bool version;
};

static bool take_option(struct line *line, int index, const char *argument)
{
    struct str value = str_from(argument);

    line->given |= OPTIONS[index].option;
    switch ((enum option_index)index) {
    case OPT_CONFIG: line->config = argument; return true;
    case OPT_JSON: line->ctl.json = true; return true;
    case OPT_HELP: line->help = true; return true;
    case OPT_VERSION: line->version = true; return true;
    case OPT_DRY_RUN: line->ctl.dry_run = true; return true;
    case OPT_ALL: line->ctl.all = true; return true;
    case OPT_NEW: line->ctl.fresh = true; return true;
    case OPT_CONFIRM: line->ctl.confirm = true; return true;
    case OPT_BODY: line->ctl.body = value; return true;
    case OPT_ID: line->ctl.id = value; return true;
    case OPT_SINCE: line->ctl.since = value; return true;
    case OPT_FROM: line->ctl.from = value; return true;
    case OPT_TO: line->ctl.to = value; return true;
    case OPT_REASON: line->ctl.reason = value; return true;
    case OPT_AS: line->ctl.as = value; return true;
    case OPT_KEY: line->ctl.key = value; return true;
    case OPT_TYPE: line->ctl.type = value; return true;
    case OPT_ACCOUNT: line->ctl.account = value; return true;
    case OPT_ACCOUNTS: line->ctl.accounts = value; return true;
    case OPT_TYPES: line->ctl.types = value; return true;
    case OPT_ACCESS_TOKEN: line->ctl.access_token = true; return true;
    case OPT_RULES: line->ctl.rules = value; return true;
    case OPT_MENU: line->ctl.menu = value; return true;
    case OPT_YES: line->ctl.yes = true; return true;
    case OPT_MAX: return num_parse_i64(value, 1, INT64_MAX, &line->ctl.max);
    case OPT_RATE: return num_parse_i64(value, 1, RATE_MAX, &line->ctl.rate);
    case OPT_WAIT: return num_parse_i64(value, 1, WAIT_MAX_S, &line->ctl.wait_s);
    case OPT_COUNT: break;
    }
    return false;
}

static bool parse_line(int argc, char **argv, struct line *line)
{
    struct option known[OPT_COUNT + 1] = {0};
    int index = 0;

    for (size_t i = 0; i < OPT_COUNT; i++)
        known[i] = (struct option){OPTIONS[i].name,
                                   OPTIONS[i].argument ? required_argument : no_argument, NULL, 0};
    for (;;) {
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread only */
        int found = getopt_long(argc, argv, "", known, &index);

        if (found == -1)
            return true;
        if (found != 0 || !take_option(line, index, optarg))
            return false;
    }
}

static int load(const struct line *line, struct settings **settings)
{
    struct buf report = BUF_INIT(REPORT_MAX);
    struct err err = {0};
    enum status rc = settings_load(line->config, environ, settings, &report, NULL, &err);

    if (rc != ST_OK)
        (void)fprintf(stderr, "%.*s%s\n", STR_ARG(buf_str(&report)),
                      report.len == 0 ? err.text : "");
    buf_done(&report);
    return rc == ST_OK ? EXIT_DONE : EXIT_CONFIG;
}

static int run_command(const struct ctl_command *command, struct line *line)
{
    struct settings *settings = NULL;
    int code;

    if (line->ctl.word_count < command->words_min || line->ctl.word_count > command->words_max)
        return ctl_usage("wrong number of words");
    if (line->given & ~command->options)
        return ctl_usage("an option that this subcommand does not understand");
    code = load(line, &settings);
    if (code != EXIT_DONE)
        return code;
    line->ctl.settings = settings;
    code = command->run(&line->ctl);
    settings_free(settings);
    return code;
}

int main(int argc, char **argv)
{
    const struct ctl_command *command = NULL;
    struct line line = {0};
    int used = 0;

    log_init("kabaoctl", LOG_WARN);
    if (!parse_line(argc, argv, &line))
        return ctl_usage("what is that?");
    if (line.version) {
        (void)printf("kabaoctl %s\n", KABAO_VERSION);
        return EXIT_DONE;
    }
    if (optind < argc)
        command = find_command(&argv[optind], &used);
    if (line.help)
        return print_help(command);
    if (!command)
        return ctl_usage(optind < argc ? "no such subcommand" : "a subcommand is missing");
    line.ctl.words = (const char *const *)&argv[optind + used];
    line.ctl.word_count = argc - optind - used;
    return run_command(command, &line);
}
