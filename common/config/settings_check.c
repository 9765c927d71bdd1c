/* SPDX-License-Identifier: Apache-2.0 */
#include "config/settings_check.h"

#include "config/rows.h"
#include "config/settings_list.h"

#include <stdio.h>
#include <string.h>

enum { SECTION_SIZE = 128 }; /* "command" and a name of 64 characters is the longest */

static struct str section_of(const char *family, const char *name, char out[SECTION_SIZE])
{
    (void)snprintf(out, SECTION_SIZE, "%s %s", family, name);
    return str_from(out);
}

static void check_required(const char *family, struct str section, struct given *given)
{
    size_t count;
    const struct row *rows = settings_rows(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].section, family) != 0 || (rows[i].flags & ROW_REQUIRED) == 0 ||
            given_place(given, section, rows[i].key) != NULL)
            continue;
        given_refuse(given, given_where(given, section, ""),
                     "[%.*s] %s is missing: add \"%s = ...\"", STR_ARG(section), rows[i].key,
                     rows[i].key);
    }
}

static void check_unique(const struct settings *s, size_t index, struct str section,
                         struct given *given)
{
    const struct account *a = &s->accounts[index];

    for (size_t i = 0; i < index && a->appid != NULL; i++) {
        const struct account *other = &s->accounts[i];

        if (other->appid != NULL && strcmp(other->appid, a->appid) == 0)
            given_refuse(
                given, given_where(given, section, "appid"),
                "[account %s] appid is that of [account %s] too: an account is set up once",
                a->name, other->name);
    }
}

/* A key that was given and needs another. */
static void check_needs(struct given *given, struct str section, const char *key, const char *value,
                        const char *needed)
{
    if (given_place(given, section, needed) == NULL)
        given_refuse(given, given_where(given, section, key), "[%.*s] %s%s needs %s",
                     STR_ARG(section), key, value, needed);
}

/* Those scenes are looked up, and unknown ones refused. */
static void check_prefix(const struct account *a, struct str section, struct given *given)
{
    const struct str prefix = str_from(a->binding_prefix);

    if (a->binding_prefix != NULL &&
        (str_starts(prefix, STR("bind-")) || str_starts(prefix, STR("verify-"))))
        given_refuse(given, given_where(given, section, "binding_prefix"),
                     "[%.*s] binding_prefix may not begin as scenes of bind.start and verify.start",
                     STR_ARG(section));
}

static void check_account(const struct settings *s, size_t index, struct given *given)
{
    const struct account *a = &s->accounts[index];
    char text[SECTION_SIZE];
    const struct str section = section_of("account", a->name, text);

    check_required("account", section, given);
    check_unique(s, index, section, given);
    if (a->push_mode == PUSH_MODE_SECURE)
        check_needs(given, section, "push_mode", " = secure", "aes_key_file");
    if (a->push_mode == PUSH_MODE_COMPATIBLE)
        check_needs(given, section, "push_mode", " = compatible", "aes_key_file");
    if (a->aes_key_previous_file != NULL)
        check_needs(given, section, "aes_key_previous_file", "", "aes_key_file");
    if (a->token_source == TOKEN_SOURCE_URL)
        check_needs(given, section, "token_source", " = url", "token_url");
    if (a->binding == BINDING_OPEN)
        check_needs(given, section, "binding", " = open", "binding_prefix");
    if (a->forward_url != NULL)
        check_needs(given, section, "forward_url", "", "callback_token_file");
    check_prefix(a, section, given);
}

static void check_command(const struct settings_command *command, struct given *given)
{
    char text[SECTION_SIZE];
    const struct str section = section_of("command", command->name, text);

    check_required("command", section, given);
    if (command->nature == COMMAND_NATURE_PROBE)
        given_refuse(
            given, given_where(given, section, "nature"),
            "[%.*s] nature = probe: kabao cannot ask WeChat what became of a call it does not "
            "know; use once, or repeatable where a second call does no harm",
            STR_ARG(section));
}

void settings_check(const struct settings *s, struct given *given)
{
    const struct settings_worker *worker = &s->worker;

    for (size_t i = 0; i < s->account_count; i++)
        check_account(s, i, given);
    for (size_t i = 0; i < s->command_count; i++)
        check_command(&s->commands[i], given);
    if (s->crm.secret_previous_file != NULL)
        check_needs(given, STR("crm"), "secret_previous_file", "", "secret_file");
    if (s->verify.sms_url != NULL)
        check_needs(given, STR("verify"), "sms_url", "", "sms_secret_file");
    if (worker->retry_initial_ms > worker->retry_max_ms)
        given_refuse(given, given_where(given, STR("worker"), "retry_initial_ms"),
                     "[worker] retry_initial_ms is above retry_max_ms (%lld)",
                     (long long)worker->retry_max_ms);
}
