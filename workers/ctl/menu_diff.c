/* SPDX-License-Identifier: Apache-2.0 */
#include "menu_diff.h"

#include "menu_check.h"

struct entry {
    const struct json *button;
    struct str parent;
    struct str name;
    const struct entry *other; /* the same in the other menu; NULL: there is none */
};

struct entries {
    struct entry list[MENU_BUTTONS_MAX];
    size_t count;
};

static void add(struct entries *e, const struct json *button, struct str parent)
{
    if (e->count == MENU_BUTTONS_MAX)
        return;
    e->list[e->count++] =
        (struct entry){.button = button, .parent = parent, .name = json_get_str(button, "name")};
}

static void list_menu(const struct json *menu, struct entries *e)
{
    const struct json *tops = json_get(menu, "button");

    for (size_t i = 0; i < json_len(tops); i++) {
        const struct json *top = json_at(tops, i);
        const struct json *subs = json_get(top, "sub_button");

        add(e, top, (struct str){NULL, 0});
        for (size_t j = 0; j < json_len(subs); j++)
            add(e, json_at(subs, j), json_get_str(top, "name"));
    }
}

static bool is_sibling(const struct entry *a, const struct entry *b)
{
    return str_is_set(a->parent) == str_is_set(b->parent) && str_eq(a->parent, b->parent);
}

static void match(struct entries *was, struct entries *is)
{
    for (size_t i = 0; i < is->count; i++)
        for (size_t j = 0; j < was->count && !is->list[i].other; j++) {
            struct entry *a = &was->list[j];
            struct entry *b = &is->list[i];

            if (a->other || !is_sibling(a, b) || !str_eq(a->name, b->name))
                continue;
            a->other = b;
            b->other = a;
        }
}

/* The buttons of a sub menu are entries of their own. */
static bool is_alike(const struct json *a, const struct json *b)
{
    if (json_has(a, "sub_button") && json_has(b, "sub_button"))
        return true;
    return json_equal(a, b);
}

/* The place among those of its level that are in both menus. */
static size_t rank_of(const struct entries *e, const struct entry *entry)
{
    size_t rank = 0;

    for (const struct entry *i = e->list; i < entry; i++)
        rank += i->other && is_sibling(i, entry) ? 1 : 0;
    return rank;
}

/* False: there is no difference. */
static bool judge(const struct entries *was, const struct entries *is, const struct entry *b,
                  struct menu_difference *d)
{
    *d = (struct menu_difference){
        .change = MENU_ADDED, .parent = b->parent, .name = b->name, .is = b->button};
    if (!b->other)
        return true;
    d->was = b->other->button;
    d->change = is_alike(d->was, d->is) ? MENU_MOVED : MENU_CHANGED;
    return d->change == MENU_CHANGED || rank_of(was, b->other) != rank_of(is, b);
}

size_t menu_diff(const struct json *was, const struct json *is, menu_diff_fn *fn, void *arg)
{
    struct entries old = {.count = 0};
    struct entries new = {.count = 0};
    struct menu_difference d;
    size_t count = 0;

    list_menu(was, &old);
    list_menu(is, &new);
    match(&old, &new);
    for (size_t i = 0; i < old.count; i++) {
        const struct entry *a = &old.list[i];

        if (a->other)
            continue;
        d = (struct menu_difference){
            .change = MENU_REMOVED, .parent = a->parent, .name = a->name, .was = a->button};
        fn(arg, &d);
        count++;
    }
    for (size_t i = 0; i < new.count; i++)
        if (judge(&old, &new, &new.list[i], &d)) {
            fn(arg, &d);
            count++;
        }
    return count;
}
