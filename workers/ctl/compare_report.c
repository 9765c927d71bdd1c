/* SPDX-License-Identifier: Apache-2.0 */
#include "compare_report.h"

#include "app/table.h"
#include "base/arena.h"
#include "base/mem.h"
#include "codec/jsonw.h"
#include "mask.h"
#include "show.h"

#include <inttypes.h>
#include <stdio.h>

enum { ARENA_MAX = 64 << 20, OUT_MAX = 64 << 20, CELL_MAX = 4096, NUMBER_SIZE = 24 };

static const struct kind {
    const char *name;
    const char *help;
    const char *column; /* what differs; NULL: nothing does */
} KINDS[COMPARE_KINDS] = {
    [COMPARE_ONLY_THERE] = {"only_there", "only in the file", NULL},
    [COMPARE_ONLY_HERE] = {"only_here", "only here", NULL},
    [COMPARE_DELETED] = {"deleted", "in the file, deleted here", NULL},
    [COMPARE_TWICE] = {"twice", "more than once in the file", NULL},
    [COMPARE_OPENID] = {"openid", "another openid", "openid"},
    [COMPARE_UNIONID] = {"unionid", "another unionid", "unionid"},
    [COMPARE_MOBILE] = {"mobile", "another mobile", "mobile"},
    [COMPARE_MEMBERSHIP_NUMBER] = {"membership_number", "another membership_number",
                                   "membership_number"},
};

struct example {
    struct example *next;
    struct str card_id;
    struct str card_code;
    struct str there;
    struct str here;
};

struct compare_report {
    int64_t max;
    bool reveal;
    bool no_memory;
    struct arena arena;
    int64_t counts[COMPARE_KINDS];
    struct example *first[COMPARE_KINDS];
    struct example **last[COMPARE_KINDS];
};

struct compare_report *compare_report_new(int64_t max, bool reveal)
{
    struct compare_report *r = mem_zalloc(sizeof(*r));

    if (!r)
        return NULL;
    r->max = max;
    r->reveal = reveal;
    r->arena.max = ARENA_MAX;
    for (size_t i = 0; i < COMPARE_KINDS; i++)
        r->last[i] = &r->first[i];
    return r;
}

void compare_report_free(struct compare_report *r)
{
    if (!r)
        return;
    arena_done(&r->arena);
    mem_free(r);
}

static struct str shown(struct compare_report *r, enum compare_kind kind, struct str value)
{
    AUTO(buf_done) struct buf masked = BUF_INIT(CELL_MAX);

    if (!str_is_set(value))
        return value;
    if (r->reveal || !KINDS[kind].column || !mask_is_personal(str_from(KINDS[kind].column)))
        return arena_dup(&r->arena, value);
    mask_text(&masked, str_limit(value, CELL_MAX / 2));
    return arena_dup(&r->arena, buf_str(&masked));
}

void compare_report_add(struct compare_report *r, enum compare_kind kind, struct str card_id,
                        struct str card_code, struct str there, struct str here)
{
    struct example *e;

    if (r->counts[kind]++ >= r->max)
        return;
    e = arena_alloc(&r->arena, sizeof(*e));
    if (!e) {
        r->no_memory = true;
        return;
    }
    e->card_id = arena_dup(&r->arena, card_id);
    e->card_code = arena_dup(&r->arena, card_code);
    e->there = shown(r, kind, there);
    e->here = shown(r, kind, here);
    r->no_memory = r->no_memory || !str_is_set(e->card_id) || !str_is_set(e->card_code);
    *r->last[kind] = e;
    r->last[kind] = &e->next;
}

int64_t compare_report_count(const struct compare_report *r)
{
    int64_t count = 0;

    for (size_t i = 0; i < COMPARE_KINDS; i++)
        count += r->counts[i];
    return count;
}

static bool print_json(const struct compare_report *r, int64_t rows, int64_t members, int64_t same)
{
    AUTO(buf_done) struct buf out = BUF_INIT(OUT_MAX);
    struct jsonw w = {.out = &out};

    jsonw_object(&w);
    jsonw_key_i64(&w, "rows", rows);
    jsonw_key_i64(&w, "members", members);
    jsonw_key_i64(&w, "same", same);
    for (size_t i = 0; i < COMPARE_KINDS; i++)
        jsonw_key_i64(&w, KINDS[i].name, r->counts[i]);
    jsonw_key(&w, STR("examples"));
    jsonw_array(&w);
    for (size_t i = 0; i < COMPARE_KINDS; i++)
        for (const struct example *e = r->first[i]; e; e = e->next) {
            jsonw_object(&w);
            jsonw_key_str(&w, "difference", str_from(KINDS[i].name));
            jsonw_key_str(&w, "card_id", e->card_id);
            jsonw_key_str(&w, "card_code", e->card_code);
            jsonw_key_str(&w, "there", e->there);
            jsonw_key_str(&w, "here", e->here);
            jsonw_object_end(&w);
        }
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    return show_print_json(&out);
}

static bool print_examples(const struct compare_report *r)
{
    static const char *const columns[] = {"difference", "card_id", "card_code",
                                          "there",      "here",    NULL};
    AUTO(text_table_freep) struct text_table *table = text_table_new(columns, false);
    bool good = table != NULL;

    for (size_t i = 0; i < COMPARE_KINDS; i++)
        for (const struct example *e = r->first[i]; good && e; e = e->next)
            good = text_table_row(table, (const struct str[]){str_from(KINDS[i].name), e->card_id,
                                                              e->card_code, e->there, e->here});
    return good && text_table_print(table);
}

bool compare_report_print(struct compare_report *r, bool json, int64_t rows, int64_t members,
                          int64_t same)
{
    if (r->no_memory)
        return false;
    if (json)
        return print_json(r, rows, members, same);
    (void)printf("%" PRId64 " rows in the file, %" PRId64 " members here, %" PRId64 " the same\n",
                 rows, members, same);
    for (size_t i = 0; i < COMPARE_KINDS; i++)
        if (r->counts[i] > 0)
            (void)printf("%" PRId64 " %s\n", r->counts[i], KINDS[i].help);
    return compare_report_count(r) == 0 || print_examples(r);
}
