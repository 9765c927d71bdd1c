/* SPDX-License-Identifier: Apache-2.0 */
/* A list for each number of seconds: those added at its end are due last, so no list needs sorting
 * and one timer does for all, however many wait. */
#include "api.h"
#include "base/mem.h"

TAILQ_HEAD(waiting_list, api_request);

struct waiting {
    struct gate *gate;
    struct outcome_watch watch;
    struct loop_timer timer;
    struct waiting_list lists[PREFER_WAIT_MAX_S + 1]; /* by seconds granted */
    size_t count;
    bool stopped;
};

static struct outcomes *outcomes_of(const struct waiting *w)
{
    return w->gate->shared->api->outcomes;
}

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
    outcomes_forget(outcomes_of(w), &r->wait, clock_mono_ms());
    if (r->wait.result)
        command_result(r, TAKE(r->wait.result));
    else
        command_pending(r);
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

/* loop_prepare_fn: one look at a flag where nobody's result has come. */
static int64_t serve(void *arg)
{
    struct waiting *w = arg;
    struct outcome_wait *wait;

    if (!atomic_load(&w->watch.some))
        return -1;
    while ((wait = outcomes_take(outcomes_of(w), &w->watch))) {
        struct api_request *r =
            (struct api_request *)(void *)((char *)wait - offsetof(struct api_request, wait));
        struct outcome_text *result = TAKE(wait->result);

        leave(w, r);
        command_result(r, result);
    }
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
    outcome_watch_init(&w->watch, wake, w);
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

void waiting_add(struct api_request *r, struct str id)
{
    struct waiting *w = r->gate->waiting;

    r->wait_s = r->prefer.wait_s;
    r->wait_until = deadline_in((int64_t)r->wait_s * 1000);
    if (w->stopped || !outcomes_wait(outcomes_of(w), id, &w->watch, &r->wait)) {
        command_pending(r);
        return;
    }
    TAILQ_INSERT_TAIL(&w->lists[r->wait_s], r, place);
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
