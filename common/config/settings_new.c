/* SPDX-License-Identifier: Apache-2.0 */
/* The structs behind the list of keys: made, found, freed. */
#include "base/mem.h"
#include "config/settings.h"
#include "config/settings_list.h"

#include <string.h>

#define ACCOUNT_PREFIX "account "
#define COMMAND_PREFIX "command "

/* The rows of what has names live in a struct of their own, the others' in a part of struct
 * settings. */
static void *part_of(struct settings *s, size_t section)
{
    return (char *)s + settings_section_offset(section);
}

static enum status preset(const char *section, void *base, struct err *err)
{
    size_t count;
    const struct row *rows = settings_rows(&count);
    enum status rc = ST_OK;

    for (size_t i = 0; rc == ST_OK && i < count; i++)
        if (strcmp(rows[i].section, section) == 0 && rows[i].preset != NULL)
            rc = row_set(&rows[i], base, str_from(rows[i].preset), "default", err);
    return rc;
}

static void clear(const char *section, void *base)
{
    size_t count;
    const struct row *rows = settings_rows(&count);

    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].section, section) == 0)
            row_clear(&rows[i], base);
}

enum status settings_new(struct settings **out, struct err *err)
{
    AUTO(settings_freep) struct settings *s = mem_zalloc(sizeof(*s));
    enum status rc = ST_OK;

    if (s == NULL)
        return err_fatal(err, "memory", "settings: memory is short");
    for (size_t i = 0; rc == ST_OK && settings_section(i) != NULL; i++)
        if (!settings_has_names(settings_section(i)))
            rc = preset(settings_section(i), part_of(s, i), err);
    if (rc == ST_OK)
        *out = TAKE(s);
    return rc;
}

static void account_done(struct account *account)
{
    clear("account", account);
    mem_free(account->name);
}

static void command_done(struct settings_command *command)
{
    clear("command", command);
    mem_free(command->name);
}

void settings_free(struct settings *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->account_count; i++)
        account_done(&s->accounts[i]);
    for (size_t i = 0; i < s->command_count; i++)
        command_done(&s->commands[i]);
    for (size_t i = 0; i < s->kafka.count; i++) {
        mem_free(s->kafka.properties[i].name);
        mem_free_secret(s->kafka.properties[i].value, strlen(s->kafka.properties[i].value));
    }
    for (size_t i = 0; i < s->quota.count; i++)
        mem_free(s->quota.limits[i].path);
    for (size_t i = 0; settings_section(i) != NULL; i++)
        if (!settings_has_names(settings_section(i)))
            clear(settings_section(i), part_of(s, i));
    mem_free(s->quota.limits);
    mem_free(s->accounts);
    mem_free(s->commands);
    mem_free(s->kafka.properties);
    mem_free(s->path);
    mem_free(s);
}

static char *duplicate(struct str text)
{
    char *copy = mem_alloc(text.len + 1);

    if (copy != NULL)
        (void)str_copy(text, copy, text.len + 1);
    return copy;
}

static struct account *find_account(const struct settings *s, struct str name)
{
    for (size_t i = 0; i < s->account_count; i++)
        if (str_eq_cstr(name, s->accounts[i].name))
            return &s->accounts[i];
    return NULL;
}

enum status settings_account_add(struct settings *s, struct str name, struct err *err)
{
    struct account account = {0};
    struct account *grown;
    enum status rc;

    if (find_account(s, name) != NULL)
        return ST_OK;
    rc = preset("account", &account, err);
    account.name = duplicate(name);
    grown = mem_resize(s->accounts, (s->account_count + 1) * sizeof(account));
    if (grown != NULL)
        s->accounts = grown;
    if (rc == ST_OK && account.name != NULL && grown != NULL) {
        grown[s->account_count++] = account;
        return ST_OK;
    }
    account_done(&account);
    return err_fatal(err, "memory", "settings: memory is short");
}

static struct settings_command *find_command(const struct settings *s, struct str name)
{
    for (size_t i = 0; i < s->command_count; i++)
        if (str_eq_cstr(name, s->commands[i].name))
            return &s->commands[i];
    return NULL;
}

enum status settings_command_add(struct settings *s, struct str name, struct err *err)
{
    struct settings_command command = {0};
    struct settings_command *grown;

    if (find_command(s, name) != NULL)
        return ST_OK;
    command.name = duplicate(name);
    grown = mem_resize(s->commands, (s->command_count + 1) * sizeof(command));
    if (grown != NULL)
        s->commands = grown;
    if (command.name != NULL && grown != NULL) {
        grown[s->command_count++] = command;
        return ST_OK;
    }
    command_done(&command);
    return err_fatal(err, "memory", "settings: memory is short");
}

static struct kafka_property *find_property(const struct settings *s, struct str name)
{
    for (size_t i = 0; i < s->kafka.count; i++)
        if (str_eq_cstr(name, s->kafka.properties[i].name))
            return &s->kafka.properties[i];
    return NULL;
}

/* A property without a value yet, so that there is one place for values. */
static struct kafka_property *add_property(struct settings *s, struct str name)
{
    struct kafka_property *grown =
        mem_resize(s->kafka.properties, (s->kafka.count + 1) * sizeof(*grown));

    if (grown == NULL)
        return NULL;
    s->kafka.properties = grown;
    grown[s->kafka.count] = (struct kafka_property){.name = duplicate(name)};
    return grown[s->kafka.count].name != NULL ? &grown[s->kafka.count++] : NULL;
}

enum status settings_kafka_set(struct settings *s, struct str name, struct str value,
                               struct err *err)
{
    char *copy = duplicate(value);
    struct kafka_property *property = copy != NULL ? find_property(s, name) : NULL;

    if (copy != NULL && property == NULL)
        property = add_property(s, name);
    if (property == NULL) {
        mem_free(copy);
        return err_fatal(err, "memory", "settings: memory is short");
    }
    if (property->value != NULL)
        mem_free_secret(property->value, strlen(property->value));
    property->value = copy;
    return ST_OK;
}

enum status settings_limit_add(struct settings *s, struct str path, const struct quota_limit *limit,
                               struct err *err)
{
    char *copy = duplicate(path);
    struct quota_limit *grown = mem_resize(s->quota.limits, (s->quota.count + 1) * sizeof(*grown));

    if (grown != NULL)
        s->quota.limits = grown;
    if (copy == NULL || grown == NULL) {
        mem_free(copy);
        return err_fatal(err, "memory", "settings: memory is short");
    }
    grown[s->quota.count] = *limit;
    grown[s->quota.count++].path = copy;
    return ST_OK;
}

static bool has_part(const char *section)
{
    return !settings_has_names(section) && strcmp(section, "kafka") != 0;
}

void *settings_base(struct settings *s, struct str section, const char **family)
{
    const struct str account = STR(ACCOUNT_PREFIX);
    const struct str command = STR(COMMAND_PREFIX);

    if (str_starts(section, account)) {
        *family = "account";
        return find_account(s, str_skip(section, account.len));
    }
    if (str_starts(section, command)) {
        *family = "command";
        return find_command(s, str_skip(section, command.len));
    }
    for (size_t i = 0; settings_section(i) != NULL; i++) {
        if (!has_part(settings_section(i)) || !str_eq_cstr(section, settings_section(i)))
            continue;
        *family = settings_section(i);
        return part_of(s, i);
    }
    return NULL;
}

const struct account *settings_account(const struct settings *s, const char *name)
{
    return find_account(s, str_from(name));
}

const struct account *settings_account_by_appid(const struct settings *s, struct str appid)
{
    for (size_t i = 0; i < s->account_count; i++)
        if (str_eq_cstr(appid, s->accounts[i].appid))
            return &s->accounts[i];
    return NULL;
}
