/* SPDX-License-Identifier: Apache-2.0 */
/* Many processes on one row, in simulated time: whatever they do with their leases, no window of a
 * minute sees more calls than the limit, and when they all want more, nearly all of it is used. */
#include "base/mem.h"
#include "run/lease.h"
#include "tests/unit/check.h"
#include "tests/unit/seed.h"

#include <stdlib.h>

enum {
    PROCESSES = 16,
    ROUNDS = 40,
    CALLS_MAX = 1 << 16,
    WAY_US = 350000,
    STEP_US = 5000,
    ANSWER_US = 20000,
    WAITING_MAX = 40
};

static const int64_t MINUTE = 60000000;
static const int64_t START = 1760025600000000;

/* When a process uses what it has leased. */
enum habit { HABIT_AT_ONCE, HABIT_LATE, HABIT_ANY, HABITS };

struct process {
    struct lease lease;
    int64_t offset_us; /* of its monotonic clock */
    enum habit habit;
    int64_t waits_us;  /* its clock; what it was told */
    int64_t answer_us; /* when its asking ends; 0: it does not ask */
    struct lease_row seen;
    struct lease_offer offer;
};

struct world {
    struct lease_rate rate;
    int64_t now_us;
    int64_t jump_us; /* by which the database's clock is off */
    int64_t spent_us;
    struct process processes[PROCESSES];
    int64_t *calls; /* when they arrive */
    size_t count;
    int64_t way_us; /* a call takes between nothing and this to arrive */
};

static void call(struct world *w, const struct process *p, struct seed *seed)
{
    int64_t way_us = 0;

    if (p->habit == HABIT_LATE)
        way_us = w->way_us;
    if (p->habit == HABIT_ANY && w->way_us > 0)
        way_us = (int64_t)seed_below(seed, (size_t)w->way_us);
    assert_true(w->count < CALLS_MAX);
    w->calls[w->count++] = w->now_us + way_us;
}

/* Reads the row now; the answer is written, if the row still is as it was, a moment later. */
static void ask(struct world *w, struct process *p, double share, struct seed *seed)
{
    int64_t mono_us = w->now_us + p->offset_us;
    int64_t want = lease_want(&p->lease, &w->rate, (int64_t)seed_below(seed, WAITING_MAX), mono_us);

    p->seen = (struct lease_row){w->now_us + w->jump_us, w->spent_us};
    p->offer = lease_offer(&w->rate, &p->seen, want, share);
    p->answer_us = w->now_us + (int64_t)seed_below(seed, ANSWER_US);
}

static void answer(struct world *w, struct process *p, struct seed *seed)
{
    int64_t mono_us = w->now_us + p->offset_us;

    p->answer_us = 0;
    if (p->offer.spent_us != 0 && w->spent_us != p->seen.spent_us) {
        ask(w, p, 1, seed);
        return;
    }
    if (p->offer.spent_us != 0)
        w->spent_us = p->offer.spent_us;
    if (lease_filled(&p->lease, &p->offer, mono_us))
        call(w, p, seed);
    else
        p->waits_us = lease_turn(&p->lease, &w->rate, mono_us);
}

/* Late: it keeps what it has until just before it lapses. */
static bool keeps(const struct process *p, int64_t mono_us)
{
    return p->habit == HABIT_LATE && p->lease.left > 0 && mono_us + STEP_US < p->lease.until_us;
}

static void step(struct world *w, struct process *p, double share, struct seed *seed)
{
    int64_t mono_us = w->now_us + p->offset_us;

    if (p->answer_us != 0) {
        if (p->answer_us <= w->now_us)
            answer(w, p, seed);
        return;
    }
    if (mono_us < p->waits_us || keeps(p, mono_us))
        return;
    switch (lease_take(&p->lease, &w->rate, mono_us)) {
    case LEASE_GO:
        call(w, p, seed);
        while (p->lease.left > 0 && lease_take(&p->lease, &w->rate, mono_us) == LEASE_GO)
            call(w, p, seed);
        break;
    case LEASE_ASK: ask(w, p, share, seed); break;
    case LEASE_AWAIT: fail_msg("nobody asks"); break;
    case LEASE_WAIT: p->waits_us = lease_turn(&p->lease, &w->rate, mono_us); break;
    }
}

static void open_world(struct world *w, int64_t count, bool saturated, struct seed *seed)
{
    *w = (struct world){.rate = lease_rate(count, 60000), .now_us = START, .way_us = WAY_US};
    w->calls = mem_array(CALLS_MAX, sizeof(*w->calls));
    assert_non_null(w->calls);
    for (size_t i = 0; i < PROCESSES; i++) {
        w->processes[i].offset_us = (int64_t)seed_below(seed, 1000000000) - START + 1;
        w->processes[i].habit = saturated ? HABIT_ANY : (enum habit)seed_below(seed, HABITS);
    }
}

static int compare(const void *left, const void *right)
{
    const int64_t *a = left;
    const int64_t *b = right;

    return (*a > *b) - (*a < *b);
}

/* The most calls in any window of a minute. */
static size_t worst_minute(struct world *w)
{
    size_t worst = 0;
    size_t first = 0;

    qsort(w->calls, w->count, sizeof(*w->calls), compare);
    for (size_t last = 0; last < w->count; last++) {
        while (w->calls[last] - w->calls[first] > MINUTE)
            first++;
        if (last - first + 1 > worst)
            worst = last - first + 1;
    }
    return worst;
}

static size_t calls_between(const struct world *w, int64_t from_us, int64_t to_us)
{
    size_t found = 0;

    for (size_t i = 0; i < w->count; i++)
        found += w->calls[i] >= from_us && w->calls[i] < to_us;
    return found;
}

/* All do the same half of the time: their calls then crowd where one way gives way to another. */
static void change_habits(struct world *w, struct seed *seed)
{
    enum habit habit = (enum habit)seed_below(seed, (size_t)HABITS * 2);

    for (size_t i = 0; i < PROCESSES; i++)
        w->processes[i].habit = habit < HABITS ? habit : (enum habit)seed_below(seed, HABITS);
}

/* Each process is eager for a while, then idle; now and then they change their ways. */
static void run(struct world *w, int64_t for_us, bool saturated, struct seed *seed)
{
    int64_t end_us = w->now_us + for_us;

    for (; w->now_us < end_us; w->now_us += STEP_US) {
        for (size_t i = 0; i < PROCESSES; i++) {
            struct process *p = &w->processes[i];

            if (saturated || (w->now_us / 4000000 + (int64_t)i * 3) % 7 < 4)
                step(w, p, !saturated && i == 0 ? 0.2 : 1, seed);
        }
        if (!saturated && seed_below(seed, 400) == 0)
            change_habits(w, seed);
    }
}

static int64_t some_limit(struct seed *seed)
{
    static const int64_t limits[] = {1, 2, 7, 59, 60, 61, 75, 100, 101, 600, 1000, 6000};

    return limits[seed_below(seed, COUNT_OF(limits))];
}

static void test_lease_model_no_minute_sees_more_than_the_limit(void **state)
{
    (void)state;
    struct seed seed = seed_start("lease_model");

    for (int round = 0; round < ROUNDS; round++) {
        struct world w;
        int64_t limit = some_limit(&seed);
        size_t worst;

        open_world(&w, limit, false, &seed);
        run(&w, 3 * MINUTE, false, &seed);
        worst = worst_minute(&w);
        mem_free(w.calls);
        if (worst > (size_t)limit)
            fail_msg("%zu calls of %lld", worst, (long long)limit);
    }
}

static void test_lease_model_most_of_the_limit_is_used(void **state)
{
    (void)state;
    struct seed seed = seed_start("lease_model");

    for (int round = 0; round < ROUNDS; round++) {
        struct world w;
        int64_t limit = some_limit(&seed);
        size_t used;
        size_t worst;

        open_world(&w, limit, true, &seed);
        run(&w, 4 * MINUTE, true, &seed);
        used = calls_between(&w, START + MINUTE, START + 4 * MINUTE);
        worst = worst_minute(&w);
        mem_free(w.calls);
        if (worst > (size_t)limit || used < (size_t)(limit * 3 * 90 / 100))
            fail_msg("%zu calls in three minutes, %zu in one, of %lld", used, worst,
                     (long long)limit);
    }
}

/* Put back it only makes everybody wait, and once put forward again it gives one burst more. */
static void test_lease_model_the_databases_clock_jumps(void **state)
{
    (void)state;
    struct seed seed = seed_start("lease_model");

    for (int round = 0; round < ROUNDS; round++) {
        const bool returns = round % 2 == 1;
        struct world w;
        int64_t limit = some_limit(&seed);
        int64_t most = limit;
        size_t worst;

        open_world(&w, limit, false, &seed);
        run(&w, MINUTE / 8 * (1 + (int64_t)seed_below(&seed, 8)), false, &seed);
        w.jump_us = -(int64_t)seed_below(&seed, (size_t)(5 * MINUTE));
        run(&w, MINUTE / 8 * (1 + (int64_t)seed_below(&seed, 24)), false, &seed);
        if (returns) {
            w.jump_us = 0;
            most += LEASE_BURST_US / w.rate.interval_us + 1;
        }
        run(&w, 2 * MINUTE, false, &seed);
        worst = worst_minute(&w);
        mem_free(w.calls);
        if (worst > (size_t)most)
            fail_msg("%zu calls of %lld", worst, (long long)limit);
    }
}

/* All keep what they have as long as they may; then a busy minute begins. */
static void test_lease_model_what_is_kept_back_lapses(void **state)
{
    (void)state;
    struct seed seed = seed_start("lease_model");

    for (int round = 0; round < ROUNDS / 4; round++) {
        struct world w;
        size_t worst;

        open_world(&w, 6000, true, &seed);
        for (size_t i = 0; i < PROCESSES; i++)
            w.processes[i].habit = HABIT_LATE;
        run(&w, MINUTE / 4 + STEP_US * (int64_t)seed_below(&seed, 1000), true, &seed);
        for (size_t i = 0; i < PROCESSES; i++)
            w.processes[i].habit = HABIT_AT_ONCE;
        run(&w, MINUTE * 5 / 4, true, &seed);
        worst = worst_minute(&w);
        mem_free(w.calls);
        if (worst > 6000)
            fail_msg("%zu calls of 6000", worst);
    }
}

/* The worst that can be: a burst that was leased after a pause arrives as late as it may, what
 * follows as soon as it may. */
static void test_lease_model_a_late_burst_before_a_busy_minute(void **state)
{
    (void)state;
    static const int64_t limits[] = {1, 2, 60, 61, 100, 600, 6000};

    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        const struct lease_rate rate = lease_rate(limits[i], 60000);
        struct lease_row row = {START, 0};
        int64_t window_us = START + LEASE_LIFE_US + WAY_US;
        int64_t calls = 0;

        for (; row.now_us <= window_us + MINUTE; row.now_us += 100) {
            const struct lease_offer o = lease_offer(&rate, &row, 1 << 20, 1);

            calls += o.count;
            if (o.count > 0)
                row.spent_us = o.spent_us;
        }
        if (calls > limits[i])
            fail_msg("%lld calls of %lld", (long long)calls, (long long)limits[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lease_model_no_minute_sees_more_than_the_limit),
        cmocka_unit_test(test_lease_model_most_of_the_limit_is_used),
        cmocka_unit_test(test_lease_model_the_databases_clock_jumps),
        cmocka_unit_test(test_lease_model_what_is_kept_back_lapses),
        cmocka_unit_test(test_lease_model_a_late_burst_before_a_busy_minute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
