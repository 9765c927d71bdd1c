/* SPDX-License-Identifier: Apache-2.0 */
/* Settings as text: --print-config and --describe-config. */
#include "config/settings.h"
#include "config/settings_list.h"

#include <string.h>

static bool is(const char *section, const char *name)
{
    return strcmp(section, name) == 0;
}

static void print_rows(const char *section, const void *base, struct buf *out)
{
    size_t count;
    const struct row *rows = settings_rows(&count);

    for (size_t i = 0; i < count; i++) {
        if (!is(rows[i].section, section) || !row_is_set(&rows[i], base))
            continue;
        buf_addf(out, "%s = ", rows[i].key);
        row_print(&rows[i], base, out);
        buf_add_char(out, '\n');
    }
}

/* By its name; and what spans lines (a PEM given by the environment) would not be an INI value. */
static bool is_secret(const struct kafka_property *property)
{
    static const char *const signs[] = {"password", "secret", "key", "token"};

    for (size_t i = 0; i < COUNT_OF(signs); i++)
        if (strcasestr(property->name, signs[i]) != NULL)
            return true;
    return strpbrk(property->value, "\r\n") != NULL;
}

static void print_kafka(const struct settings_kafka *kafka, struct buf *out)
{
    for (size_t i = 0; i < kafka->count; i++)
        buf_addf(out, "%s = %s\n", kafka->properties[i].name,
                 is_secret(&kafka->properties[i]) ? "***" : kafka->properties[i].value);
}

static void print_limits(const struct settings_quota *quota, struct buf *out)
{
    for (size_t i = 0; i < quota->count; i++) {
        buf_addf(out, "%s = ", quota->limits[i].path);
        quota_limit_format(&quota->limits[i], out);
        buf_add_char(out, '\n');
    }
}

static void print_accounts(const struct settings *s, struct buf *out)
{
    for (size_t i = 0; i < s->account_count; i++) {
        buf_addf(out, "\n[account %s]\n", s->accounts[i].name);
        print_rows("account", &s->accounts[i], out);
    }
}

static void print_commands(const struct settings *s, struct buf *out)
{
    for (size_t i = 0; i < s->command_count; i++) {
        buf_addf(out, "\n[command %s]\n", s->commands[i].name);
        print_rows("command", &s->commands[i], out);
    }
}

static void print_section(const struct settings *s, size_t index, struct buf *out)
{
    const char *name = settings_section(index);

    buf_addf(out, "\n[%s]\n", name);
    if (is(name, "kafka"))
        print_kafka(&s->kafka, out);
    else
        print_rows(name, (const char *)s + settings_section_offset(index), out);
    if (is(name, "quota"))
        print_limits(&s->quota, out);
}

void settings_print(const struct settings *s, struct buf *out)
{
    buf_add_cstr(out, "# Settings in effect, defaults included; *** stands for a secret.\n");
    for (size_t i = 0; settings_section(i) != NULL; i++) {
        if (is(settings_section(i), "account"))
            print_accounts(s, out);
        else if (is(settings_section(i), "command"))
            print_commands(s, out);
        else
            print_section(s, i, out);
    }
}

static void describe_limit(struct buf *out)
{
    buf_addf(out,
             "\n# Calls of all programs together to that path. (%s; file only)\n"
             "#/card/membercard/updateuser =\n",
             QUOTA_LIMIT_ALLOWED);
}

static void describe_rows(const char *section, struct buf *out)
{
    size_t count;
    const struct row *rows = settings_rows(&count);

    for (size_t i = 0; i < count; i++) {
        if (!is(rows[i].section, section))
            continue;
        buf_add_char(out, '\n');
        row_describe(&rows[i], out);
    }
}

/* A section with a name stands for none when it has no keys, hence commented out. */
static void describe_heading(size_t index, struct buf *out)
{
    const char *name = settings_section(index);

    buf_addf(out, "%s%s[%s%s]\n# %s\n", index > 0 ? "\n" : "", is(name, "command") ? "#" : "", name,
             settings_has_names(name) ? " NAME" : "", settings_section_help(index));
}

void settings_describe(struct buf *out)
{
    for (size_t i = 0; settings_section(i) != NULL; i++) {
        const char *name = settings_section(i);

        describe_heading(i, out);
        if (is(name, "kafka"))
            buf_add_cstr(out, "#bootstrap.servers =\n");
        if (is(name, "quota"))
            describe_limit(out);
        describe_rows(name, out);
    }
}
