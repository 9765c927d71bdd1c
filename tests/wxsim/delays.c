/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/delays.h"

#include "base/mem.h"

#include <sys/queue.h>

struct delayed {
    TAILQ_ENTRY(delayed) link;
    int64_t due_ms;
    struct http_exchange *exchange; /* holds this struct's memory, too */
    struct http_answer answer;
};

TAILQ_HEAD(delayed_list, delayed);

struct sim_delays {
    struct loop *loop;
    struct loop_timer timer;
    struct delayed_list waiting; /* by due_ms */
};

static void set_timer(struct sim_delays *d)
{
    const struct delayed *first = TAILQ_FIRST(&d->waiting);

    if (first != NULL)
        loop_timer_set(d->loop, &d->timer, (struct deadline){first->due_ms});
}

static void on_timer(void *arg)
{
    struct sim_delays *d = arg;
    const int64_t now_ms = clock_mono_ms();
    struct delayed *first;

    while ((first = TAILQ_FIRST(&d->waiting)) != NULL && first->due_ms <= now_ms) {
        TAILQ_REMOVE(&d->waiting, first, link);
        http_exchange_answer(first->exchange, &first->answer);
    }
    set_timer(d);
}

struct sim_delays *sim_delays_new(struct loop *loop)
{
    struct sim_delays *d = mem_zalloc(sizeof(*d));

    if (d == NULL)
        return NULL;
    d->loop = loop;
    d->timer = (struct loop_timer){.fn = on_timer, .arg = d};
    TAILQ_INIT(&d->waiting);
    return d;
}

void sim_delays_free(struct sim_delays *d)
{
    if (d == NULL)
        return;
    loop_timer_cancel(d->loop, &d->timer);
    mem_free(d);
}

/* Sorted from the end: where delays are equal, that is the place. */
static void insert(struct sim_delays *d, struct delayed *added)
{
    struct delayed *before = TAILQ_LAST(&d->waiting, delayed_list);

    while (before != NULL && before->due_ms > added->due_ms)
        before = TAILQ_PREV(before, delayed_list, link);
    if (before != NULL)
        TAILQ_INSERT_AFTER(&d->waiting, before, added, link);
    else
        TAILQ_INSERT_HEAD(&d->waiting, added, link);
}

void sim_delays_add(struct sim_delays *d, struct http_exchange *x, const struct http_answer *answer,
                    int64_t delay_ms)
{
    struct arena *arena = http_exchange_arena(x);
    struct delayed *added = arena_alloc(arena, sizeof(*added));
    const struct str body = arena_dup(arena, answer->body);

    if (added == NULL || (str_is_set(answer->body) && !str_is_set(body))) {
        const struct http_answer cut = {.status = SIM_STATUS_CUT};

        http_exchange_answer(x, &cut);
        return;
    }
    *added =
        (struct delayed){.due_ms = deadline_in(delay_ms).at_ms, .exchange = x, .answer = *answer};
    added->answer.body = body;
    insert(d, added);
    if (TAILQ_FIRST(&d->waiting) == added)
        set_timer(d);
}
