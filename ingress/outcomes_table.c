/* SPDX-License-Identifier: Apache-2.0 */
/* Two lists say what goes first: all entries, and those with a result. */
#include "outcomes_table.h"

#include "base/map.h"

#include <string.h>

enum { MAP_SHARE_BYTES = 160, TURNS_MAX = 16 };

void outcomes_table_drop_result(struct outcomes_table *t, struct outcome *e)
{
    if (!e->result)
        return;
    t->result_bytes -= outcome_text(e->result).len;
    TAILQ_REMOVE(&t->with_result, e, result_place);
    outcome_text_release(e->result);
    e->result = NULL;
}

void outcomes_table_drop_second(struct outcomes_table *t, struct outcome *e)
{
    if (!e->second)
        return;
    t->result_bytes -= outcome_text(e->second).len;
    outcome_text_release(e->second);
    e->second = NULL;
}

void outcomes_table_set_result(struct outcomes_table *t, struct outcome *e,
                               struct outcome_text *text)
{
    outcomes_table_drop_result(t, e);
    e->result = text;
    e->gone = false;
    t->result_bytes += outcome_text(text).len;
    TAILQ_INSERT_TAIL(&t->with_result, e, result_place);
}

void outcomes_table_set_second(struct outcomes_table *t, struct outcome *e,
                               struct outcome_text *text)
{
    outcomes_table_drop_second(t, e);
    e->second = text;
    t->result_bytes += outcome_text(text).len;
}

static size_t size_of(size_t id_len)
{
    return sizeof(struct outcome) + id_len + 1;
}

static void entry_free(struct outcomes_table *t, struct outcome *e)
{
    slots_give(&t->slots, e, e->size);
}

void outcomes_table_drop(struct outcomes_table *t, struct outcome *e)
{
    struct outcome_wait *w;

    while ((w = TAILQ_FIRST(&e->waits))) {
        TAILQ_REMOVE(&e->waits, w, link);
        w->outcome = NULL;
    }
    outcomes_table_drop_result(t, e);
    outcomes_table_drop_second(t, e);
    TAILQ_REMOVE(&t->all, e, place);
    t->entry_bytes -= e->size + MAP_SHARE_BYTES;
    (void)map_take(t->by_id, str_from(e->id));
    entry_free(t, e);
}

static bool is_over(const struct outcomes_table *t, const struct outcome *e, int64_t now_ms)
{
    return !e->open && now_ms - e->at_ms > t->window_ms;
}

struct outcome *outcomes_table_get(const struct outcomes_table *t, struct str id)
{
    return map_get(t->by_id, id);
}

struct outcome *outcomes_table_find(struct outcomes_table *t, struct str id, int64_t now_ms)
{
    struct outcome *e = map_get(t->by_id, id);

    if (!e || !is_over(t, e, now_ms))
        return e;
    outcomes_table_drop(t, e);
    return NULL;
}

/* The next to go, not the one in hand; open ones get another turn. */
static struct outcome *oldest(struct outcomes_table *t, const struct outcome *keep)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        struct outcome *e = TAILQ_FIRST(&t->all);

        if (!e || e == keep || !e->open)
            return e != keep ? e : NULL;
        TAILQ_REMOVE(&t->all, e, place);
        TAILQ_INSERT_TAIL(&t->all, e, place);
    }
    return NULL;
}

void outcomes_table_make_room(struct outcomes_table *t, const struct outcome *keep, int64_t now_ms)
{
    struct outcome *e;

    while ((e = oldest(t, keep)) && (is_over(t, e, now_ms) || t->entry_bytes > t->max_bytes))
        outcomes_table_drop(t, e);
    while (t->result_bytes > t->max_bytes && (e = TAILQ_FIRST(&t->with_result))) {
        outcomes_table_drop_result(t, e);
        e->gone = true;
    }
}

struct outcome *outcomes_table_add(struct outcomes_table *t, struct str id, int64_t at_ms)
{
    const size_t size = size_of(id.len);
    struct outcome *e;

    if (id.len == 0 || id.len > OUTCOME_ID_MAX)
        return NULL;
    e = slots_alloc(&t->slots, size);
    if (!e)
        return NULL;
    (void)str_copy(id, e->id, id.len + 1);
    e->at_ms = at_ms;
    e->size = size;
    TAILQ_INIT(&e->waits);
    if (!map_put(t->by_id, str_from(e->id), e, NULL)) {
        entry_free(t, e);
        return NULL;
    }
    TAILQ_INSERT_TAIL(&t->all, e, place);
    t->entry_bytes += e->size + MAP_SHARE_BYTES;
    outcomes_table_make_room(t, e, at_ms);
    return e;
}

void outcomes_table_touch(struct outcomes_table *t, struct outcome *e, int64_t at_ms)
{
    if (at_ms <= e->at_ms)
        return;
    e->at_ms = at_ms;
    TAILQ_REMOVE(&t->all, e, place);
    TAILQ_INSERT_TAIL(&t->all, e, place);
}

bool outcomes_table_init(struct outcomes_table *t, int64_t window_ms, size_t max_bytes)
{
    *t = (struct outcomes_table){.window_ms = window_ms, .max_bytes = max_bytes};
    TAILQ_INIT(&t->all);
    TAILQ_INIT(&t->with_result);
    slots_init(&t->slots, size_of(MAP_PACKED_KEY_MAX));
    t->by_id = map_new_packed();
    return t->by_id;
}

void outcomes_table_done(struct outcomes_table *t)
{
    struct outcome *e;

    while ((e = TAILQ_FIRST(&t->all)))
        outcomes_table_drop(t, e);
    map_free(t->by_id, NULL);
    slots_done(&t->slots);
}
