/* SPDX-License-Identifier: Apache-2.0 */
#include "bind/verdict.h"

#include "codec/jsonw.h"

#include <string.h>

enum { RESULT_MAX = 65536 /* run/effects.h */ };

static const char *const NAMES[] = {
    [VERDICT_BOUND] = "bound",
    [VERDICT_REFUSED] = "refused",
    [VERDICT_CODE] = "code",
    [VERDICT_LEFT] = "left",
};

static void write_ended(struct jsonw *w, const struct bound_list *ended)
{
    jsonw_key(w, STR("ended"));
    jsonw_array(w);
    for (size_t i = 0; i < ended->count; i++) {
        jsonw_object(w);
        jsonw_key_str(w, "scene", ended->items[i].scene);
        jsonw_key_str(w, "user", ended->items[i].user);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

enum status verdict_write(const struct verdict_part *part, struct arena *arena, struct str *out,
                          struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(RESULT_MAX);
    struct jsonw w = {.out = &text};
    const struct decision *d = &part->decision;

    jsonw_object(&w);
    jsonw_key_str(&w, "verdict", str_from(NAMES[d->verdict]));
    jsonw_key_str(&w, "reason", d->reason);
    jsonw_key_str(&w, "user", d->user);
    jsonw_key_str(&w, "purpose", d->purpose);
    if (d->code_ttl_s != 0)
        jsonw_key_i64(&w, "code_ttl_s", d->code_ttl_s);
    if (d->ended_at_ms != 0)
        jsonw_key_i64(&w, "ended_at_ms", d->ended_at_ms);
    if (d->ended.count > 0)
        write_ended(&w, &d->ended);
    if (part->more)
        jsonw_key_bool(&w, "more", true);
    jsonw_object_end(&w);
    *out = arena_dup(arena, buf_str(&text));
    return buf_ok(&text) && str_is_set(*out) ? ST_OK
                                             : err_retry(err, "memory", "no memory for a decision");
}

struct reading {
    struct arena *arena;
    bool no_memory;
};

static struct str keep(struct reading *r, const struct json *object, const char *key)
{
    struct str text = json_get_str(object, key);
    struct str kept = arena_dup(r->arena, text);

    r->no_memory = r->no_memory || (str_is_set(text) && !str_is_set(kept));
    return kept;
}

static void read_ended(struct reading *r, const struct json *list, struct bound_list *out)
{
    const size_t count = json_len(list);

    if (count == 0)
        return;
    out->items = arena_alloc(r->arena, count * sizeof(*out->items));
    r->no_memory = r->no_memory || !out->items;
    for (; out->items && out->count < count; out->count++) {
        const struct json *item = json_at(list, out->count);

        out->items[out->count] =
            (struct bound){.scene = keep(r, item, "scene"), .user = keep(r, item, "user")};
    }
}

static bool read_verdict(const struct json *object, enum verdict *out)
{
    struct str name = json_get_str(object, "verdict");

    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        if (!str_eq_cstr(name, NAMES[i]))
            continue;
        *out = (enum verdict)i;
        return true;
    }
    return false;
}

enum status verdict_read(struct str text, struct arena *arena, struct verdict_part *out,
                         struct err *err)
{
    AUTO(json_freep) struct json *object = NULL;
    struct reading r = {.arena = arena};
    struct verdict_part part = {.more = false};
    struct decision *d = &part.decision;
    enum status rc = json_parse(text, &object, err);

    if (rc != ST_OK)
        return rc;
    if (!read_verdict(object, &d->verdict))
        return err_reject(err, REASON_MALFORMED, "effect", "the ledger has no decision");
    d->reason = keep(&r, object, "reason");
    d->user = keep(&r, object, "user");
    d->purpose = keep(&r, object, "purpose");
    (void)json_get_i64(object, "code_ttl_s", &d->code_ttl_s);
    (void)json_get_i64(object, "ended_at_ms", &d->ended_at_ms);
    read_ended(&r, json_get(object, "ended"), &d->ended);
    part.more = json_has(object, "more");
    if (r.no_memory)
        return err_retry(err, "memory", "no memory for a decision");
    *out = part;
    return ST_OK;
}

enum status verdict_join(struct bound_list *list, const struct bound_list *more,
                         struct arena *arena, struct err *err)
{
    struct bound_list joined = {.count = list->count + more->count};

    if (more->count == 0)
        return ST_OK;
    joined.items = arena_alloc(arena, joined.count * sizeof(*joined.items));
    if (!joined.items)
        return err_retry(err, "memory", "no memory for bindings");
    if (list->count > 0)
        memcpy(joined.items, list->items, list->count * sizeof(*list->items));
    memcpy(joined.items + list->count, more->items, more->count * sizeof(*more->items));
    *list = joined;
    return ST_OK;
}
