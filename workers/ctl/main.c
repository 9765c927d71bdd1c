/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl: the operator's tool, one file per subcommand. */
#include "app/app.h"
#include "ctl.h"
#include "help.h"
#include "log/log.h"
#include "options.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { REPORT_MAX = 1 << 20, WORKER_MAX = 32 };

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
    for (size_t i = 0; i < CTL_COMMAND_COUNT; i++) {
        *used = match_name(CTL_COMMANDS[i].name, words);
        if (*used > 0)
            return &CTL_COMMANDS[i];
    }
    return NULL;
}

static int load(const struct ctl *ctl, struct settings **settings)
{
    struct buf report = BUF_INIT(REPORT_MAX);
    struct err err = {0};
    enum status rc = settings_load(ctl->config.ptr, environ, settings, &report, NULL, &err);

    if (rc != ST_OK)
        (void)fprintf(stderr, "%.*s%s\n", STR_ARG(buf_str(&report)),
                      report.len == 0 ? err.text : "");
    buf_done(&report);
    return rc == ST_OK ? EXIT_DONE : EXIT_CONFIG;
}

static int run_command(const struct ctl_command *command, struct ctl *ctl, uint64_t given)
{
    struct settings *settings = NULL;
    int code;

    if (ctl->word_count < command->words_min || ctl->word_count > command->words_max)
        return ctl_usage("wrong number of words");
    if (given & ~(command->options | CTL_EVERYWHERE))
        return ctl_usage("an option that this subcommand does not understand");
    code = (command->options & CTL_BARE) ? EXIT_DONE : load(ctl, &settings);
    if (code != EXIT_DONE)
        return code;
    ctl->settings = settings;
    code = command->run(ctl);
    settings_free(settings);
    return code;
}

/* What is asked of kabaoctl itself. -1: nothing. */
static int tell(const struct ctl *ctl, const struct ctl_command *command)
{
    if (ctl->version) {
        (void)printf("kabaoctl %s\n", KABAO_VERSION);
        return EXIT_DONE;
    }
    if (ctl->help)
        return help_print(command);
    if (ctl->man)
        return help_man();
    if (str_is_set(ctl->completion))
        return completion_print(ctl->completion);
    return -1;
}

int main(int argc, char **argv)
{
    const struct ctl_command *command = NULL;
    struct ctl ctl = {0};
    uint64_t given = 0;
    int rest = 0;
    int used = 0;
    int code;

    /* Texts are UTF-8, whatever the terminal says; else tables show \x.. for what is not ASCII. */
    (void)setlocale(LC_CTYPE, "C.UTF-8"); /* NOLINT(concurrency-mt-unsafe): one thread only */
    log_init("kabaoctl", LOG_WARN);
    if (!options_parse(argc, argv, &ctl, &given, &rest))
        return ctl_usage("what is that?");
    if (rest < argc)
        command = find_command(&argv[rest], &used);
    code = tell(&ctl, command);
    if (code >= 0)
        return code;
    if (!command)
        return ctl_usage(rest < argc ? "no such subcommand" : "a subcommand is missing");
    ctl.words = (const char *const *)&argv[rest + used];
    ctl.word_count = argc - rest - used;
    return run_command(command, &ctl, given);
}
