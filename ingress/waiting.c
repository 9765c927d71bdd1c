/* SPDX-License-Identifier: Apache-2.0 */
/* A list for each number of seconds, rounded up: those added at its end are due last, or within a
 * second of it, so no list needs much sorting and one timer does for all, however many wait. */
#include "api.h"
#include "base/mem.h"

#include <assert.h>

TAILQ_HEAD(waiting_list, api_request);

enum { TABLES = 2 };

struct waiting_table {
    struct outcomes *outcomes;
    struct outcome_watch watch; /* under the table's lock */
};

struct waiting {
    struct gate *gate;
    struct waiting_table tables[TABLES];
    struct loop_timer timer;
    struct waiting_list lists[PREFER_WAIT_MAX_S + 1]; /* by seconds to wait */
    size_t count;
    bool stopped;
};

static void set_timer(struct waiting *w)
{
    struct deadline at = {0};

    for (size_t i = 0; i < COUNT_OF(w->lists); i++) {
        const struct api_request *first = TAILQ_FIRST(&w->lists[i]);

        if (first)
            at = deadline_min(at, first->wait_until);
    }
    if (at.at_ms == 0)
        loop_timer_cancel(w->gate->loop, &w->timer);
    else
        loop_timer_set(w->gate->loop, &w->timer, at);
}

static void leave(struct waiting *w, struct api_request *r)
{
    TAILQ_REMOVE(&w->lists[r->wait_s], r, place);
    w->count--;
}

/* A result that came in the last moment counts. */
static void give_up(struct waiting *w, struct api_request *r)
{
    leave(w, r);
    outcomes_forget(r->table->outcomes, &r->wait, clock_mono_ms());
    if (r->wait.result)
        r->on_result(r, TAKE(r->wait.result));
    else
        r->on_pending(r);
}

static void on_timer(void *arg)
{
    struct waiting *w = arg;

    for (size_t i = 0; i < COUNT_OF(w->lists); i++) {
        struct api_request *r;

        while ((r = TAILQ_FIRST(&w->lists[i])) && deadline_passed(r->wait_until))
            give_up(w, r);
    }
    set_timer(w);
}

static void wake(void *arg)
{
    loop_wake(((struct waiting *)arg)->gate->loop);
}

static void serve_table(struct waiting *w, struct waiting_table *table)
{
    struct outcome_wait *wait;

    while ((wait = outcomes_take(table->outcomes, &table->watch))) {
        struct api_request *r =
            (struct api_request *)(void *)((char *)wait - offsetof(struct api_request, wait));
        struct outcome_text *result = TAKE(wait->result);

        leave(w, r);
        r->on_result(r, result);
    }
}

/* loop_prepare_fn: one look at a flag for each table of which no result has come. */
static int64_t serve(void *arg)
{
    struct waiting *w = arg;

    for (size_t i = 0; i < COUNT_OF(w->tables); i++)
        if (atomic_load(&w->tables[i].watch.some))
            serve_table(w, &w->tables[i]);
    return -1;
}

enum status waiting_open(struct gate *gate, struct waiting **out, struct err *err)
{
    struct waiting *w = mem_zalloc(sizeof(*w));

    if (!w)
        return err_fatal(err, "memory", "out of memory");
    w->gate = gate;
    w->timer = (struct loop_timer){.fn = on_timer, .arg = w};
    for (size_t i = 0; i < COUNT_OF(w->lists); i++)
        TAILQ_INIT(&w->lists[i]);
    w->tables[0].outcomes = gate->shared->api->outcomes;
    w->tables[1].outcomes = gate->shared->api->scenes;
    for (size_t i = 0; i < COUNT_OF(w->tables); i++)
        outcome_watch_init(&w->tables[i].watch, wake, w);
    *out = w;
    return loop_prepare(gate->loop, serve, w, err);
}

void waiting_close(struct waiting *w)
{
    if (!w)
        return;
    loop_timer_cancel(w->gate->loop, &w->timer);
    mem_free(w);
}

static struct waiting_table *table_of(struct waiting *w, const struct outcomes *outcomes)
{
    size_t i = 0;

    while (i < COUNT_OF(w->tables) && w->tables[i].outcomes != outcomes)
        i++;
    assert(i < COUNT_OF(w->tables));
    return &w->tables[i];
}

/* Only what was added within the last second may be due later. */
static void insert(struct waiting_list *list, struct api_request *r)
{
    struct api_request *before = TAILQ_LAST(list, waiting_list);

    while (before && before->wait_until.at_ms > r->wait_until.at_ms)
        before = TAILQ_PREV(before, waiting_list, place);
    if (before)
        TAILQ_INSERT_AFTER(list, before, r, place);
    else
        TAILQ_INSERT_HEAD(list, r, place);
}

void waiting_add(struct api_request *r, const struct waiting_for *what)
{
    struct waiting *w = r->gate->waiting;
    int64_t wait_ms = (int64_t)r->prefer.wait_s * 1000;

    if (what->ends_in_ms > 0 && what->ends_in_ms < wait_ms)
        wait_ms = what->ends_in_ms;
    r->table = table_of(w, what->outcomes);
    r->on_result = what->on_result;
    r->on_pending = what->on_pending;
    r->wait_s = (int)((wait_ms + 999) / 1000);
    r->wait_until = deadline_in(wait_ms);
    if (w->stopped || !outcomes_wait(what->outcomes, what->id, &r->table->watch, &r->wait)) {
        r->on_pending(r);
        return;
    }
    insert(&w->lists[r->wait_s], r);
    w->count++;
    http_exchange_drop_body(r->x);
    json_free(TAKE(r->body));
    set_timer(w);
}

void waiting_stop(struct waiting *w)
{
    if (!w || w->stopped)
        return;
    w->stopped = true;
    for (size_t i = 0; i < COUNT_OF(w->lists); i++) {
        struct api_request *r;

        while ((r = TAILQ_FIRST(&w->lists[i])))
            give_up(w, r);
    }
}

size_t waiting_count(const struct waiting *w)
{
    return w->count;
}
