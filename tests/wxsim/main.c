/* SPDX-License-Identifier: Apache-2.0 */
/* kabao-wxsim: the WeChat platform, as far as tests, demo and benchmarks need it. */
#include "base/attr.h"
#include "base/str.h"
#include "wxsim/commands.h"
#include "wxsim/options.h"

#include <stdio.h>

static const char usage[] =
    "usage: kabao-wxsim serve --listen HOST:PORT --accounts FILE [--script FILE] [--log FILE]\n"
    "                         [--latency-ms N] [--seed N]\n"
    "       kabao-wxsim push EVENT|url-check --to URL (--accounts FILE [--appid APPID] |\n"
    "                         --appid APPID --token TOKEN [--aes-key KEY] [--original-id ID])\n"
    "                         [--mode plain|compatible|secure] [--openid ID] [--friend ID]\n"
    "                         [--card-id ID] [--code CODE] [--create-time S] [--set "
    "NAME=VALUE]...\n"
    "                         [--unset NAME]... [--repeat N] [--times N] [--nonce TEXT] [--retry]\n"
    "                         [--any] [--print]\n"
    "       kabao-wxsim push relay --from URL --to URL (--accounts ...) [--after N] [--mode ...]\n"
    "                         [--retry]\n"
    "       kabao-wxsim push list\n"
    "       kabao-wxsim population --appid APPID --card-id ID --count N [--seed S]\n";

static int help(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)fputs(usage, stdout);
    return 0;
}

static int version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)puts("kabao-wxsim " KABAO_VERSION);
    return 0;
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"serve", sim_serve}, {"push", sim_push},     {"population", sim_population},
    {"--help", help},     {"--version", version},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < COUNT_OF(commands); i++)
        if (str_eq_cstr(str_from(argv[1]), commands[i].name))
            return commands[i].run(argc - 2, argv + 2);
    (void)fputs(usage, stderr);
    return SIM_EXIT_USAGE;
}
