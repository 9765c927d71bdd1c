/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/push_xml.h"

#include "base/num.h"
#include "base/rand.h"

enum { ELEMENTS_MAX = 96, DEPTH_MAX = 6, TEXT_MAX = 1024 * 1024 };

/* An element of the push in hand; texts are the command line's or the tables'. */
struct element {
    struct str path;
    struct str value;
    bool bare;
};

struct elements {
    struct element rows[ELEMENTS_MAX];
    size_t count;
};

static bool append(struct elements *all, struct str path, struct str value, bool bare)
{
    if (all->count == ELEMENTS_MAX)
        return false;
    all->rows[all->count++] = (struct element){path, value, bare};
    return true;
}

static bool append_table(struct elements *all, const struct sim_element *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!append(all, str_from(rows[i].path), str_from(rows[i].value), rows[i].bare))
            return false;
    return true;
}

static struct element *find(struct elements *all, struct str path)
{
    for (size_t i = 0; i < all->count; i++)
        if (str_eq(all->rows[i].path, path))
            return &all->rows[i];
    return NULL;
}

static bool apply_set(struct elements *all, const char *set)
{
    struct str path;
    struct str value;
    struct element *found;

    (void)str_cut(str_from(set), '=', &path, &value);
    if (!str_is_set(value) || str_is_empty(path))
        return false;
    found = find(all, path);
    if (found == NULL)
        return append(all, path, value, false);
    found->value = value;
    return true;
}

static void apply_unset(struct elements *all, const char *path)
{
    const struct element *found = find(all, str_from(path));

    if (found == NULL)
        return;
    for (size_t i = (size_t)(found - all->rows) + 1; i < all->count; i++)
        all->rows[i - 1] = all->rows[i];
    all->count--;
}

static bool collect(struct elements *all, const struct sim_event *event,
                    const struct sim_changes *changes)
{
    static const struct sim_element head[] = {
        {"ToUserName", "$original_id", false},
        {"FromUserName", "$openid", false},
        {"CreateTime", "$now", true},
    };
    bool fits = append_table(all, head, COUNT_OF(head)) &&
                append(all, STR("MsgType"), str_from(event->msg_type), false);

    if (fits && event->event != NULL)
        fits = append(all, STR("Event"), str_from(event->event), false);
    fits = fits && append_table(all, event->elements, event->element_count);
    for (size_t i = 0; fits && i < changes->set_count; i++)
        fits = apply_set(all, changes->sets[i]);
    for (size_t i = 0; fits && i < changes->unset_count; i++)
        apply_unset(all, changes->unsets[i]);
    return fits;
}

void sim_push_expand(struct str text, int64_t number, struct buf *out)
{
    size_t at;

    while (str_find(text, STR("{i}"), &at)) {
        buf_add(out, str_of(text.ptr, at));
        buf_add_i64(out, number);
        text = str_skip(text, at + 3);
    }
    buf_add(out, text);
}

static void add_random_text(struct buf *out)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

    for (int i = 0; i < 64; i++)
        buf_add_char(out, letters[rand_below(sizeof(letters) - 1)]);
}

/* "$code" and its like; anything else stands for itself. */
static void resolve(struct str value, const struct sim_about *about, struct buf *out)
{
    const struct {
        const char *name;
        const char *value;
    } names[] = {
        {"$original_id", about->original_id}, {"$appid", about->appid},
        {"$openid", about->openid},           {"$friend", about->friend_openid},
        {"$card_id", about->card_id},         {"$code", about->code},
    };

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (str_eq_cstr(value, names[i].name)) {
            sim_push_expand(str_from(names[i].value), about->number, out);
            return;
        }
    }
    if (str_eq(value, STR("$now")))
        buf_add_i64(out, about->create_time);
    else if (str_eq(value, STR("$msgid")))
        buf_add_i64(out, (int64_t)(rand_u64() >> 1 | INT64_C(1) << 62));
    else if (str_eq(value, STR("$ticket")) || str_eq(value, STR("$media")))
        add_random_text(out);
    else
        sim_push_expand(value, about->number, out);
}

/* A text that holds the section's end goes into two sections. */
static void add_cdata(struct str text, struct buf *out)
{
    size_t at;

    buf_add_cstr(out, "<![CDATA[");
    while (str_find(text, STR("]]>"), &at)) {
        buf_add(out, str_of(text.ptr, at + 2));
        buf_add_cstr(out, "]]><![CDATA[");
        text = str_skip(text, at + 2);
    }
    buf_add(out, text);
    buf_add_cstr(out, "]]>");
}

static void add_text(struct str text, bool bare, enum sim_spacing spacing, struct buf *out)
{
    static const char *const around[] = {[SIM_TIGHT] = "", [SIM_BLANKS] = " ", [SIM_LINES] = "\n"};

    buf_add_cstr(out, around[spacing]);
    if (bare)
        buf_add(out, text);
    else
        add_cdata(text, out);
    buf_add_cstr(out, around[spacing]);
}

/* The name of a path's step: "List#2" is a List. */
static void add_tag(const char *open, struct str step, struct buf *out)
{
    struct str name;
    struct str number;

    (void)str_cut(step, '#', &name, &number);
    buf_add_cstr(out, open);
    buf_add(out, name);
    buf_add_char(out, '>');
}

/* The steps of containers that are open; borrowed from paths. */
struct place {
    struct str steps[DEPTH_MAX];
    size_t depth;
};

static void close_down_to(struct place *place, size_t depth, struct buf *out)
{
    while (place->depth > depth)
        add_tag("</", place->steps[--place->depth], out);
}

/* Closes and opens containers so that the last step of path can be written; returns that step. */
static struct str move_to(struct place *place, struct str path, struct buf *out)
{
    size_t depth = 0;
    struct str step;
    struct str rest;

    (void)str_cut(path, '/', &step, &rest);
    while (str_is_set(rest)) {
        if (depth == place->depth || !str_eq(place->steps[depth], step)) {
            close_down_to(place, depth, out);
            if (depth == DEPTH_MAX)
                break;
            add_tag("<", step, out);
            place->steps[place->depth++] = step;
        }
        depth++;
        (void)str_cut(rest, '/', &step, &rest);
    }
    close_down_to(place, depth, out);
    return step;
}

bool sim_push_xml(const struct sim_event *event, const struct sim_about *about,
                  const struct sim_changes *changes, struct buf *out)
{
    struct elements all = {.count = 0};
    struct place place = {.depth = 0};

    if (!collect(&all, event, changes))
        return false;
    for (size_t i = 0; i < all.count; i++) {
        AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
        struct str step;

        resolve(all.rows[i].value, about, &text);
        step = move_to(&place, all.rows[i].path, out);
        add_tag("<", step, out);
        add_text(buf_str(&text), all.rows[i].bare, event->spacing, out);
        add_tag("</", step, out);
        if (place.depth == 0)
            buf_add_char(out, '\n');
    }
    close_down_to(&place, 0, out);
    return buf_ok(out);
}
