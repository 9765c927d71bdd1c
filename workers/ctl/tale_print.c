/* SPDX-License-Identifier: Apache-2.0 */
#include "tale_print.h"

#include "app/table.h"
#include "base/clock.h"
#include "mask.h"

#include <stdio.h>

enum { CELL_MAX = 1 << 16, OUTCOME_COLUMN = 3 };

/* For programs. */
static const char *const KINDS[TALE_KINDS] = {
    [TALE_RECORD] = "record",  [TALE_LETTER] = "dead_letter", [TALE_REDRIVE] = "redrive",
    [TALE_TRIES] = "attempts", [TALE_DEALT] = "dealt",        [TALE_PARKED] = "parked",
    [TALE_CRASH] = "crash",    [TALE_EFFECT] = "effect",      [TALE_ROW] = "row",
};

/* For people; before or after what the node names. */
static const char *const LABELS[TALE_KINDS] = {
    [TALE_RECORD] = "",         [TALE_LETTER] = "dead letter ", [TALE_REDRIVE] = "redriven ",
    [TALE_TRIES] = "tries of ", [TALE_DEALT] = "dealt with ",   [TALE_PARKED] = "parked by ",
    [TALE_CRASH] = "crash of ", [TALE_EFFECT] = "effect ",      [TALE_ROW] = "row ",
};

/* Told by other columns, or of no use to people. */
static const char *const HIDDEN[] = {"appid", "card_id",  "card_code", "command_id", "effect_id",
                                     "step",  "state",    "outcome",   "trace",      "part",
                                     "off",   "event_id", "at"};

static const char *const GOOD[] = {"done", "applied", "observed", "redriven", "settled"};
static const char *const BAD[] = {"rejected", "exhausted", "failed", "unknown",        "crash",
                                  "expired",  "malformed", "schema", "outcome-unknown"};

static bool is_one_of(struct str text, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq_cstr(text, list[i]))
            return true;
    return false;
}

static bool is_hidden(const struct tale_field *field, bool reveal)
{
    return !reveal && mask_is_personal(field->name);
}

static const char *format_time(const struct tale_node *node, char out[CLOCK_RFC3339_SIZE])
{
    out[0] = '\0';
    if (node->at_ms != 0)
        clock_format_rfc3339(node->at_ms, out);
    return out;
}

/* People */

static void add_detail(struct buf *out, struct str name, struct str text)
{
    if (str_is_empty(text))
        return;
    if (out->len > 0)
        buf_add_char(out, ' ');
    buf_add(out, name);
    buf_add_char(out, '=');
    buf_add(out, text);
}

static void write_detail(const struct tale_node *node, bool reveal, struct buf *out)
{
    for (const struct tale_field *field = node->fields; field; field = field->next) {
        AUTO(buf_done) struct buf masked = BUF_INIT(CELL_MAX);

        if (is_one_of(field->name, HIDDEN, COUNT_OF(HIDDEN)))
            continue;
        if (is_hidden(field, reveal))
            mask_text(&masked, field->text);
        else
            buf_add(&masked, field->text);
        add_detail(out, field->name, buf_str(&masked));
    }
    if (node->kind <= TALE_REDRIVE)
        add_detail(out, STR("id"), node->id);
    if (!node->parent)
        add_detail(out, STR("trace"), node->trace);
}

void tale_what(const struct tale_node *node, struct buf *out)
{
    buf_add_cstr(out, LABELS[node->kind]);
    buf_add(out,
            node->kind == TALE_LETTER || node->kind == TALE_REDRIVE ? node->worker : node->what);
}

static struct text_line *add_line(struct text_table *table, struct text_line *parent,
                                  const struct tale_node *node, bool reveal)
{
    AUTO(buf_done) struct buf what = BUF_INIT(CELL_MAX);
    AUTO(buf_done) struct buf place = BUF_INIT(CELL_MAX);
    AUTO(buf_done) struct buf detail = BUF_INIT(CELL_MAX);
    char time[CLOCK_RFC3339_SIZE];
    struct text_line *line;
    enum text_colour colour = TEXT_PLAIN;

    tale_what(node, &what);
    if (str_is_set(node->topic))
        buf_addf(&place, "%.*s %d:%lld", STR_ARG(node->topic), node->partition,
                 (long long)node->offset);
    write_detail(node, reveal, &detail);
    if (is_one_of(node->outcome, GOOD, COUNT_OF(GOOD)))
        colour = TEXT_GOOD;
    else if (is_one_of(node->outcome, BAD, COUNT_OF(BAD)))
        colour = TEXT_BAD;
    line =
        text_table_branch(table, parent,
                          (const struct str[]){str_from(format_time(node, time)), buf_str(&what),
                                               buf_str(&place), node->outcome, buf_str(&detail)});
    return line && text_line_colour(line, OUTCOME_COLUMN, colour) ? line : NULL;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as redrives follow on each other. */
static bool add_tree(struct text_table *table, struct text_line *parent,
                     const struct tale_node *node, bool reveal)
{
    struct text_line *line = add_line(table, parent, node, reveal);
    bool good = line != NULL;

    for (const struct tale_node *child = node->child; good && child; child = child->next)
        good = add_tree(table, line, child, reveal);
    return good;
}

static const struct tale_node *from_root(const struct tale *tale, size_t skip)
{
    const struct tale_node *root = tale->roots;

    while (skip-- > 0 && root)
        root = root->next;
    return root;
}

bool tale_print(const struct tale *tale, size_t skip, bool reveal)
{
    static const char *const columns[] = {"time", "what", "place", "outcome", "detail", NULL};
    AUTO(text_table_freep) struct text_table *table = text_table_new(columns, false);
    bool good = table && text_table_tree(table, "what");

    for (const struct tale_node *root = from_root(tale, skip); good && root; root = root->next)
        good = add_tree(table, NULL, root, reveal);
    return good && text_table_print(table);
}

/* Programs */

static void write_masked(struct jsonw *w, struct str text)
{
    AUTO(buf_done) struct buf masked = BUF_INIT(CELL_MAX);

    mask_text(&masked, text);
    jsonw_str(w, buf_str(&masked));
}

static void write_key(struct jsonw *w, struct str key, bool reveal)
{
    AUTO(buf_done) struct buf masked = BUF_INIT(CELL_MAX);

    if (!str_is_set(key))
        return;
    if (reveal)
        buf_add(&masked, key);
    else
        mask_key(&masked, key);
    jsonw_key_str(w, "key", buf_str(&masked));
}

static void write_fields(struct jsonw *w, const struct tale_node *node, bool reveal)
{
    jsonw_key(w, STR("fields"));
    jsonw_object(w);
    for (const struct tale_field *field = node->fields; field; field = field->next) {
        jsonw_key(w, field->name);
        if (is_hidden(field, reveal))
            write_masked(w, field->text);
        else if (field->is_number)
            jsonw_raw(w, field->text);
        else
            jsonw_str(w, field->text);
    }
    jsonw_object_end(w);
}

static void write_node(struct jsonw *w, const struct tale_node *node, int64_t n, int64_t parent,
                       bool reveal)
{
    char time[CLOCK_RFC3339_SIZE];

    jsonw_object(w);
    jsonw_key_i64(w, "n", n);
    if (parent > 0)
        jsonw_key_i64(w, "parent", parent);
    jsonw_key_str(w, "kind", str_from(KINDS[node->kind]));
    jsonw_key_str(w, "what", node->what);
    if (node->at_ms != 0)
        jsonw_key_str(w, "at", str_from(format_time(node, time)));
    jsonw_key_str(w, "worker", node->worker);
    jsonw_key_str(w, "topic", node->topic);
    if (str_is_set(node->topic)) {
        jsonw_key_i64(w, "partition", node->partition);
        jsonw_key_i64(w, "offset", node->offset);
    }
    write_key(w, node->key, reveal);
    jsonw_key_str(w, "outcome", node->outcome);
    jsonw_key_str(w, "id", node->id);
    jsonw_key_str(w, "trace", node->trace);
    write_fields(w, node, reveal);
    jsonw_object_end(w);
}

/* NOLINTNEXTLINE(misc-no-recursion): as add_tree. */
static void write_tree(struct jsonw *w, const struct tale_node *node, int64_t *n, int64_t parent,
                       bool reveal)
{
    const int64_t mine = ++*n;

    write_node(w, node, mine, parent, reveal);
    for (const struct tale_node *child = node->child; child; child = child->next)
        write_tree(w, child, n, mine, reveal);
}

void tale_write(struct jsonw *w, const struct tale *tale, size_t skip, bool reveal)
{
    int64_t n = 0;

    jsonw_key(w, STR("events"));
    jsonw_array(w);
    for (const struct tale_node *root = from_root(tale, skip); root; root = root->next)
        write_tree(w, root, &n, 0, reveal);
    jsonw_array_end(w);
}
