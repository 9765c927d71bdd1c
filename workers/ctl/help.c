/* SPDX-License-Identifier: Apache-2.0 */
/* --help and the manual page. */
#include "help.h"

#include "app/app.h"
#include "options.h"

#include <stdio.h>

enum { TEXT_MAX = 1 << 20, TITLE_SIZE = 128 };

static const char PURPOSE[] = "operates kabao";

static int print(const struct buf *text)
{
    if (!buf_ok(text))
        return EXIT_INTERNAL;
    (void)fwrite(text->ptr, 1, text->len, stdout);
    return EXIT_DONE;
}

static bool has(uint64_t options, enum ctl_option option)
{
    return (options >> option & 1) != 0;
}

static void list_commands(struct buf *text)
{
    buf_addf(text, "kabaoctl: %s\n\nkabaoctl SUBCOMMAND [OPTIONS]\n\n", PURPOSE);
    for (size_t i = 0; i < CTL_COMMAND_COUNT; i++)
        buf_addf(text, "  %-16s %-12s %s\n", CTL_COMMANDS[i].name, CTL_COMMANDS[i].words,
                 CTL_COMMANDS[i].help);
    buf_add_char(text, '\n');
}

int help_print(const struct ctl_command *only)
{
    uint64_t options = CTL_EVERYWHERE | (only ? only->options : 0);
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);

    if (only)
        buf_addf(&text, "kabaoctl %s %s: %s\n\n", only->name, only->words, only->help);
    else
        list_commands(&text);
    for (enum ctl_option i = 0; i < OPT_COUNT; i++)
        if (has(options, i))
            usage_line(&text, option_usage(i));
    return print(&text);
}

static void man_options(struct buf *text, uint64_t options)
{
    for (enum ctl_option i = 0; i < OPT_COUNT; i++)
        if (has(options, i))
            usage_man_option(text, option_usage(i));
}

int help_man(void)
{
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
    char title[TITLE_SIZE];

    usage_man_begin(&text, "kabaoctl", 1, PURPOSE, "SUBCOMMAND [OPTIONS]");
    usage_man_section(&text, "OPTIONS OF ALL SUBCOMMANDS");
    man_options(&text, CTL_EVERYWHERE);
    usage_man_section(&text, "SUBCOMMANDS");
    for (size_t i = 0; i < CTL_COMMAND_COUNT; i++) {
        (void)snprintf(title, sizeof(title), "%s %s", CTL_COMMANDS[i].name, CTL_COMMANDS[i].words);
        usage_man_subsection(&text, title);
        usage_man_text(&text, CTL_COMMANDS[i].help);
        man_options(&text, CTL_COMMANDS[i].options);
    }
    usage_man_end(&text);
    return print(&text);
}
