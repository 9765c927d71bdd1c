/* SPDX-License-Identifier: Apache-2.0 */
/* Scenes, bindings and the ledger of kabao-bind, from what it told of each scan. */
#include "bind/verdict.h"
#include "codec/jsonw.h"
#include "model/binding.h"
#include "model/event.h"
#include "model/id.h"
#include "restore.h"
#include "run/effects.h"
#include "tables/effect.h"
#include "tables/restore.h"

static const struct step STEP_BIND = {.name = "bind"};
static const struct step STEP_CODE = {.name = "bind.code"};
static const struct step STEP_TOLD = {.name = "bind.told"};

/* A record of event.binding, by its id. */
struct told {
    struct known known;
    struct str kind;
    struct str scene;
    struct str user;
    struct str reason;
    struct str purpose;
    int64_t at_ms;
    int64_t expires_at_ms;
    struct told *next; /* unbound: the next of this openid */
};

/* The unbound ones of an openid, in their order. */
struct ends {
    struct told *first;
    struct told **end;
};

static int64_t time_of(struct str text)
{
    int64_t ms = 0;

    return clock_parse_rfc3339(text.ptr, text.len, &ms) ? ms : 0;
}

static bool is(struct str text, const char *word)
{
    return str_eq_cstr(text, word);
}

/* Remembering */

static void *remember(struct restore *r, char kind, struct str id, size_t size)
{
    AUTO(buf_done) struct buf key = BUF_INIT(1024);
    void *found;

    buf_addf(&key, "%c%.*s", kind, STR_ARG(id));
    if (!buf_ok(&key))
        return NULL;
    found = map_get(r->known, buf_str(&key));
    if (found)
        return found;
    found = arena_alloc(&r->arena, size);
    return found && map_put(r->known, buf_str(&key), found, NULL) ? found : NULL;
}

static enum status remember_end(struct restore *r, const struct binding *b, struct told *told,
                                struct err *err)
{
    struct ends *ends = remember(r, 'e', b->openid, sizeof(*ends));

    if (!ends)
        return restore_no_memory(err);
    if (!ends->end)
        ends->end = &ends->first;
    *ends->end = told;
    ends->end = &told->next;
    return ST_OK;
}

static enum status remember_told(struct restore *r, const struct given *given,
                                 const struct binding *b, struct err *err)
{
    struct told *told = remember(r, 't', given->event.id, sizeof(*told));

    if (!told)
        return restore_no_memory(err);
    if (str_is_set(told->kind)) /* it was told twice */
        return ST_OK;
    *told = (struct told){
        .kind = arena_dup(&r->arena, b->kind),
        .scene = arena_dup(&r->arena, b->scene),
        .user = arena_dup(&r->arena, b->user),
        .reason = arena_dup(&r->arena, b->reason),
        .purpose = arena_dup(&r->arena, b->purpose),
        .at_ms = time_of(b->at),
        .expires_at_ms = time_of(b->expires_at),
    };
    if (!str_is_set(told->kind))
        return restore_no_memory(err);
    return is(b->kind, "unbound") ? remember_end(r, b, told, err) : ST_OK;
}

/* Rows */

static enum status use_scene(struct restore *r, const struct binding *b, struct err *err)
{
    const struct scene row = {
        .appid = b->appid, .scene = b->scene, .openid = b->openid, .used_at_ms = time_of(b->at)};

    return restore_scene_used(r->db, &row, err);
}

static enum status bind(struct restore *r, const struct binding *b, struct err *err)
{
    const struct bound row = {b->appid, b->openid, b->scene, b->user, time_of(b->at)};
    int64_t ended_at_ms;

    if (str_is_empty(b->user))
        return ST_OK;
    return bound_put(r->db, &row, &ended_at_ms, err);
}

static enum status write_rows(struct restore *r, const struct binding *b, struct err *err)
{
    const struct bound row = {b->appid, b->openid, b->scene, b->user, 0};
    enum status rc = ST_OK;

    if (is(b->kind, "unbound"))
        return bound_end(r->db, &row, time_of(b->at), err);
    if (is(b->kind, "bound") || is(b->kind, "code_sent"))
        rc = use_scene(r, b, err);
    return rc == ST_OK && is(b->kind, "bound") ? bind(r, b, err) : rc;
}

enum status restore_binding(struct restore *r, const struct given *given, struct err *err)
{
    struct binding b = {0};
    enum status rc = binding_parse(given->value, &b, err);

    if (rc != ST_OK || str_is_empty(b.openid) || str_is_empty(b.scene))
        return rc == ST_REJECT ? ST_OK : rc;
    r->counts[RESTORED_RESULTS]++;
    rc = remember_told(r, given, &b, err);
    return rc == ST_OK ? write_rows(r, &b, err) : rc;
}

/* The ledger of scans */

/* The record that this push would give this id (workers/bind/say.c, run/emit.c); NULL: there is
 * none. */
static const struct told *find_told(const struct restore *r, const struct given *given,
                                    const char *kind, struct str openid, struct str scene)
{
    struct str parent = arena_printf(given->arena, "%.*s\x1f%s:%.*s:%.*s", STR_ARG(given->event.id),
                                     kind, STR_ARG(openid), STR_ARG(scene));
    struct id id;

    if (!str_is_set(parent))
        return NULL;
    id_derive(parent, STR("binding"), &id);
    return (const struct told *)(const void *)restore_known(r, 't', str_from(id.text));
}

static enum status list_ended(const struct restore *r, const struct given *given,
                              const struct event *e, struct decision *d, struct err *err)
{
    const struct ends *ends = (const struct ends *)(const void *)restore_known(r, 'e', e->openid);

    if (!ends)
        return ST_OK;
    d->ended.items = arena_alloc(given->arena, BOUND_LIST_MAX * sizeof(*d->ended.items));
    if (!d->ended.items)
        return restore_no_memory(err);
    for (const struct told *t = ends->first; t && d->ended.count < BOUND_LIST_MAX; t = t->next) {
        if (find_told(r, given, "unbound", e->openid, t->scene) != t)
            continue;
        if (str_eq(t->scene, e->scene))
            d->ended_at_ms = t->at_ms;
        else
            d->ended.items[d->ended.count++] = (struct bound){.scene = t->scene, .user = t->user};
    }
    return ST_OK;
}

static enum status write_effect(struct restore *r, const struct given *given,
                                const struct step *step, struct str result, struct err *err)
{
    char room[EFFECT_EVENT_ROOM];
    struct id id;
    struct restored_effect effect = {.step = str_from(step->name), .result = result};

    effect_id(step, given->event.id, &id);
    effect.id = str_from(id.text);
    effect.event_id = effect_event_id(given->event.id, room);
    r->counts[RESTORED_EFFECTS]++;
    return restore_effect_done(r->db, &effect, err);
}

/* With more than one list can hold, kabao-bind goes on by itself: nobody is bound any more. */
static enum status write_decision(struct restore *r, const struct given *given,
                                  const struct decision *d, struct err *err)
{
    const struct verdict_part part = {.decision = *d};
    struct str text;
    enum status rc = verdict_write(&part, given->arena, &text, err);

    if (rc == ST_OK && !restore_know(r, 's', given->event.id))
        rc = restore_no_memory(err);
    return rc == ST_OK ? write_effect(r, given, &STEP_BIND, text, err) : rc;
}

/* A code that was sent, or could not be. */
static enum status write_code(struct restore *r, const struct given *given, const struct told *told,
                              struct err *err)
{
    struct str text =
        str_is_set(told->reason)
            ? arena_printf(given->arena, "{\"reason\":\"%.*s\"}", STR_ARG(told->reason))
            : arena_printf(given->arena, "{\"until_ms\":%lld}", (long long)told->expires_at_ms);

    return str_is_set(text) ? write_effect(r, given, &STEP_CODE, text, err)
                            : restore_no_memory(err);
}

static bool is_code(const struct told *told)
{
    return is(told->kind, "code_sent") || is(told->reason, "limit") ||
           is(told->reason, "undelivered");
}

static enum status keep_scan(struct restore *r, const struct given *given, const struct event *e,
                             const struct told *told, struct err *err)
{
    struct decision d = {.verdict = VERDICT_REFUSED,
                         .reason = told->reason,
                         .user = told->user,
                         .purpose = told->purpose};
    enum status rc = list_ended(r, given, e, &d, err);

    if (is(told->kind, "bound"))
        d.verdict = VERDICT_BOUND;
    if (is_code(told)) {
        d.verdict = VERDICT_CODE;
        d.reason = (struct str){NULL, 0};
        d.code_ttl_s = r->settings->verify.ttl_s;
    }
    if (rc == ST_OK)
        rc = write_decision(r, given, &d, err);
    if (rc == ST_OK && is_code(told))
        rc = write_code(r, given, told, err);
    if (rc != ST_OK || is(told->kind, "code_sent") || d.ended_at_ms != 0)
        return rc;
    /* A message more would be worse than one less (workers/bind/tell.c). */
    return write_effect(r, given, &STEP_TOLD, (struct str){NULL, 0}, err);
}

static enum status keep_leave(struct restore *r, const struct given *given, const struct event *e,
                              struct err *err)
{
    struct decision d = {.verdict = VERDICT_LEFT};
    enum status rc = list_ended(r, given, e, &d, err);

    if (rc != ST_OK || d.ended.count == 0) /* it tells nothing: run again, it changes nothing */
        return rc;
    rc = bound_left(r->db, e->appid, e->openid, e->create_time.value * 1000, err);
    return rc == ST_OK ? write_decision(r, given, &d, err) : rc;
}

enum status restore_scan(struct restore *r, const struct given *given, struct err *err)
{
    static const char *const kinds[] = {"bound", "refused", "code_sent"};
    const struct told *told = NULL;
    struct event e = {0};
    enum status rc;

    if (!is(given->event.type, "kabao.wechat.subscribe") &&
        !is(given->event.type, "kabao.wechat.scan") &&
        !is(given->event.type, "kabao.wechat.unsubscribe"))
        return ST_OK;
    rc = event_parse(given->value, &e, err);
    if (rc != ST_OK)
        return rc == ST_REJECT ? ST_OK : rc;
    if (is(e.event, "unsubscribe"))
        return keep_leave(r, given, &e, err);
    for (size_t i = 0; !told && !str_is_empty(e.scene) && i < COUNT_OF(kinds); i++)
        told = find_told(r, given, kinds[i], e.openid, e.scene);
    return told ? keep_scan(r, given, &e, told, err) : ST_OK;
}
