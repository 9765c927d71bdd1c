/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl member show|history CARD: what the tables say of a card, now and over time. */
#include "app/app.h"
#include "card_word.h"
#include "database.h"
#include "mask.h"
#include "show.h"
#include "tale_print.h"

#include <stdio.h>

enum { HISTORY_DEFAULT = 100, HISTORY_MAX = 1000, OUT_MAX = 64 << 20 };

/* One card under way. */
struct looking {
    const struct ctl *ctl;
    struct db *db;
    struct tale tale;
    const struct str *card; /* appid, card_id, card_code */
    struct str openid;
};

/* Rows */

static int64_t row_time(const struct story_row *row)
{
    static const char *const names[] = {"create_time", "activated_at", "bound_at", "at"};

    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (story_int(row, names[i]) != 0)
            return story_int(row, names[i]);
    return 0;
}

static struct tale_node *add_row(struct looking *l, const struct story_row *row)
{
    struct tale_node *node = tale_row(&l->tale, TALE_ROW, row);

    if (!node)
        return NULL;
    if (!str_is_set(l->openid))
        l->openid = tale_get(node, "openid");
    node->trace = tale_get(node, "trace");
    return node;
}

/* story_fn */
static enum status tell(void *arg, const struct story_row *row, struct err *err)
{
    (void)err;
    (void)add_row(arg, row); /* the tale remembers what it lacks */
    return ST_OK;
}

/* story_fn */
static enum status tell_in_time(void *arg, const struct story_row *row, struct err *err)
{
    struct tale_node *node = add_row(arg, row);

    (void)err;
    if (node)
        node->at_ms = row_time(row);
    return ST_OK;
}

static enum status read_bindings(struct looking *l, story_fn *fn, struct err *err)
{
    const struct str user[] = {l->card[0], l->openid};

    return str_is_set(l->openid)
               ? story_read(l->db, &(struct story_query){STORY_BINDINGS, user, 0}, fn, l, err)
               : ST_OK;
}

static enum status read_now(struct looking *l, struct err *err)
{
    static const struct {
        enum story what;
        int64_t max;
    } rows[] = {
        {STORY_MEMBER, 1},        {STORY_MEMBER_FIELDS, 0},   {STORY_ACTIVATION, 1},
        {STORY_BONUS_ACCOUNT, 1}, {STORY_ACTIVATION_WAIT, 1}, {STORY_BONUS_ENTRIES, 5},
    };
    enum status rc = ST_OK;

    for (size_t i = 0; i < COUNT_OF(rows) && rc == ST_OK; i++)
        rc = story_read(l->db, &(struct story_query){rows[i].what, l->card, rows[i].max}, tell, l,
                        err);
    return rc == ST_OK ? read_bindings(l, tell, err) : rc;
}

/* story_fn */
static enum status keep_openid(void *arg, const struct story_row *row, struct err *err)
{
    struct looking *l = arg;

    (void)err;
    l->openid = arena_dup(&l->tale.arena, story_text(row, "openid"));
    return ST_OK;
}

static enum status read_history(struct looking *l, struct err *err)
{
    static const enum story rows[] = {STORY_EVENTS_OF_CARD, STORY_ACTIVATION, STORY_BONUS_ENTRIES};

    const int64_t max = l->ctl->max == 0 ? HISTORY_DEFAULT : l->ctl->max;
    enum status rc =
        story_read(l->db, &(struct story_query){STORY_MEMBER, l->card, 1}, keep_openid, l, err);

    for (size_t i = 0; i < COUNT_OF(rows) && rc == ST_OK; i++)
        rc = story_read(l->db, &(struct story_query){rows[i], l->card, max}, tell_in_time, l, err);
    return rc == ST_OK ? read_bindings(l, tell_in_time, err) : rc;
}

/* Printing */

static void print_field(const struct looking *l, const struct tale_field *field)
{
    AUTO(buf_done) struct buf text = BUF_INIT(1 << 20);

    if (!l->ctl->reveal && mask_is_personal(field->name))
        mask_text(&text, field->text);
    else
        buf_add(&text, field->text);
    (void)printf("    %-20.*s ", STR_ARG(field->name));
    show_print_bytes(buf_str(&text));
    (void)printf("\n");
}

/* A form's field is one line: its name and what was filled in. */
static void print_form_field(const struct looking *l, const struct tale_node *node)
{
    AUTO(buf_done) struct buf text = BUF_INIT(1 << 20);

    if (l->ctl->reveal)
        buf_add(&text, tale_get(node, "form"));
    else
        mask_text(&text, tale_get(node, "form"));
    (void)printf("    ");
    show_print_bytes(tale_get(node, "name"));
    (void)printf(": ");
    show_print_bytes(buf_str(&text));
    (void)printf("\n");
}

static void print_now(const struct looking *l)
{
    struct str table = {NULL, 0};

    for (const struct tale_node *node = l->tale.first; node; node = node->then) {
        const bool is_form = str_eq_cstr(node->what, "member_field");

        if (!is_form || !str_eq(node->what, table))
            (void)printf("%.*s\n", STR_ARG(node->what));
        table = node->what;
        if (is_form)
            print_form_field(l, node);
        for (const struct tale_field *f = node->fields; f && !is_form; f = f->next)
            print_field(l, f);
    }
}

static bool print_json(const struct looking *l)
{
    AUTO(buf_done) struct buf text = BUF_INIT(OUT_MAX);
    struct jsonw w = {.out = &text};

    jsonw_object(&w);
    jsonw_key_str(&w, "appid", l->card[0]);
    jsonw_key_str(&w, "card_id", l->card[1]);
    jsonw_key_str(&w, "card_code", l->card[2]);
    tale_write(&w, &l->tale, 0, l->ctl->reveal);
    jsonw_object_end(&w);
    return show_print_json(&text);
}

typedef enum status read_fn(struct looking *l, struct err *err);

static int look(struct looking *l, struct card_word *word, read_fn *read)
{
    const bool is_history = read == read_history;
    struct err err = {0};
    enum status rc = database_open(l->ctl, &l->db, &err);
    int code;
    bool good;

    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    code = card_word_find(word, l->db);
    if (code != EXIT_DONE)
        return code;
    l->card = word->card;
    rc = read(l, &err);
    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    tale_arrange(&l->tale);
    good = !l->tale.is_short;
    if (l->ctl->json)
        good = good && print_json(l);
    else if (is_history)
        good = good && tale_print(&l->tale, 0, l->ctl->reveal);
    else
        print_now(l);
    return good ? EXIT_DONE : EXIT_INTERNAL;
}

static int run(const struct ctl *ctl, read_fn *read)
{
    AUTO(card_word_done) struct card_word word = {0};
    struct looking l = {.ctl = ctl};
    int code;

    if (ctl->max > HISTORY_MAX)
        return ctl_usage("--max is 1000 at most");
    code = card_word_init(&word, ctl);
    if (code != EXIT_DONE)
        return code;
    tale_init(&l.tale);
    code = look(&l, &word, read);
    database_close(l.db);
    tale_done(&l.tale);
    return code;
}

int ctl_member_show(const struct ctl *ctl)
{
    return run(ctl, read_now);
}

int ctl_member_history(const struct ctl *ctl)
{
    return run(ctl, read_history);
}
