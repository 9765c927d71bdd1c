/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl command list|types: what became of the latest commands, and what commands there are. */
#include "app/app.h"
#include "app/table.h"
#include "base/clock.h"
#include "codec/json.h"
#include "command_show.h"
#include "database.h"
#include "show.h"
#include "wechat/commands.h"

#include <stdio.h>

enum { LIST_DEFAULT = 100, LIST_MAX = 10000, LINE_MAX_BYTES = 256 << 20, NUMBER_SIZE = 24 };

/* Results */

struct listing {
    struct text_table *table; /* for people */
    struct jsonw *w;          /* for programs; NULL: for people */
    size_t count;
};

static struct str text_of(const struct command_result *r, const struct json *error)
{
    return str_is_set(r->errmsg) ? r->errmsg : json_get_str(error, "message");
}

static bool add_row(struct text_table *table, const struct command_result *r)
{
    AUTO(json_freep) struct json *error = NULL;
    char at[CLOCK_RFC3339_SIZE];
    struct err unseen = {0};

    if (str_is_set(r->error) && json_parse(r->error, &error, &unseen) != ST_OK)
        error = NULL;
    clock_format_rfc3339(r->at_ms, at);
    return text_table_row(table, (const struct str[]){str_from(at), r->account, r->type, r->outcome,
                                                      json_get_str(error, "code"), r->command_id,
                                                      text_of(r, error)});
}

/* command_result_fn */
static enum status list_one(void *arg, const struct command_result *r, struct err *err)
{
    struct listing *l = arg;

    l->count++;
    if (l->w) {
        command_show_json(l->w, r);
        return ST_OK;
    }
    return add_row(l->table, r) ? ST_OK : err_fatal(err, "memory", "the list cannot be printed");
}

static int read_list(const struct ctl *ctl, struct listing *l)
{
    const struct command_result_query query = {
        .type = ctl->type,
        .account = ctl->account,
        .max = ctl->max == 0 ? LIST_DEFAULT : ctl->max,
    };
    struct db *db = NULL;
    struct err err = {0};
    enum status rc;

    if (ctl->max > LIST_MAX)
        return ctl_usage("--max is 10000 at most");
    rc = database_open(ctl, &db, &err);
    if (rc == ST_OK)
        rc = command_result_list(db, &query, list_one, l, &err);
    database_close(db);
    return rc == ST_OK ? EXIT_DONE : ctl_fail(rc, &err);
}

static int list_json(const struct ctl *ctl)
{
    AUTO(buf_done) struct buf text = BUF_INIT(LINE_MAX_BYTES);
    struct jsonw w = {.out = &text};
    struct listing l = {.w = &w};
    int code;

    jsonw_array(&w);
    code = read_list(ctl, &l);
    jsonw_array_end(&w);
    if (code != EXIT_DONE)
        return code;
    return show_print_json(&text) ? EXIT_DONE : EXIT_INTERNAL;
}

static int list_people(const struct ctl *ctl)
{
    static const char *const columns[] = {"at",   "account",    "type",    "outcome",
                                          "code", "command_id", "message", NULL};
    AUTO(text_table_freep) struct text_table *table = text_table_new(columns, false);
    struct listing l = {.table = table};
    int code = table ? read_list(ctl, &l) : EXIT_INTERNAL;

    if (code != EXIT_DONE)
        return code;
    if (l.count > 0)
        return text_table_print(table) ? EXIT_DONE : EXIT_INTERNAL;
    (void)printf("no results\n");
    return EXIT_DONE;
}

int ctl_command_list(const struct ctl *ctl)
{
    return ctl->json ? list_json(ctl) : list_people(ctl);
}

/* Types */

static const char *nature_name(enum nature nature)
{
    switch (nature) {
    case NATURE_READ: return "read";
    case NATURE_REPEATABLE: return "repeatable";
    case NATURE_PROBE: return "probe";
    case NATURE_ONCE: return "once";
    }
    return "";
}

static bool types_json(const struct command_type *types, size_t count)
{
    AUTO(buf_done) struct buf text = BUF_INIT(LINE_MAX_BYTES);
    struct jsonw w = {.out = &text};

    jsonw_array(&w);
    for (size_t i = 0; i < count; i++) {
        const struct call *call = types[i].call;

        jsonw_object(&w);
        jsonw_key_str(&w, "type", str_from(call->type));
        jsonw_key_str(&w, "path", str_from(call->path));
        jsonw_key_str(&w, "nature", str_from(nature_name(call->nature)));
        jsonw_key_bool(&w, "irreversible", call->irreversible);
        jsonw_key_bool(&w, "schema", types[i].body != NULL);
        jsonw_object_end(&w);
    }
    jsonw_array_end(&w);
    return show_print_json(&text);
}

static bool types_people(const struct command_type *types, size_t count)
{
    static const char *const columns[] = {"type", "path", "nature", "irreversible", "schema", NULL};
    AUTO(text_table_freep) struct text_table *table = text_table_new(columns, false);
    bool good = table != NULL;

    for (size_t i = 0; good && i < count; i++) {
        const struct call *call = types[i].call;

        good = text_table_row(
            table, (const struct str[]){str_from(call->type),
                                        call->path ? str_from(call->path) : STR("(kabao's own)"),
                                        str_from(nature_name(call->nature)),
                                        call->irreversible ? STR("yes") : STR(""),
                                        types[i].body ? STR("yes") : STR("")});
    }
    return good && text_table_print(table);
}

int ctl_command_types(const struct ctl *ctl)
{
    struct commands *commands = NULL;
    const struct command_type *types;
    struct err err = {0};
    size_t count = 0;
    bool good;
    enum status rc = commands_open(ctl->settings, &commands, &err);

    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    types = commands_all(commands, &count);
    good = ctl->json ? types_json(types, count) : types_people(types, count);
    commands_close(commands);
    return good ? EXIT_DONE : EXIT_INTERNAL;
}
