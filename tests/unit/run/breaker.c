/* SPDX-License-Identifier: Apache-2.0 */
#include "run/breaker.h"

#include "base/attr.h"
#include "tests/unit/check.h"
#include "tests/unit/seed.h"

enum { START_MS = 1, UNTOUCHED = -7, ROUNDS = 200, STEPS = 500 };

/* A call that begins and ends in one millisecond. */
static void report(struct breaker *b, int64_t now_ms, bool ok, uint64_t key_hash)
{
    breaker_report(b, now_ms, now_ms, ok, key_hash);
}

/* Opens a breaker in which nothing failed; every call began and ended at at_ms. */
static void darken(struct breaker *b, int64_t at_ms)
{
    for (uint64_t key = 0; key < BREAKER_FAILURES; key++)
        report(b, at_ms, false, key);
    assert_true(breaker_is_dark(b));
}

static void test_breaker_zero_is_closed(void **state)
{
    (void)state;
    struct breaker b = {0};
    int64_t until_ms = UNTOUCHED;

    assert_false(breaker_is_dark(&b));
    assert_int_equal(breaker_admit(&b, START_MS, &until_ms), BREAKER_CLOSED);
    assert_int_equal(until_ms, UNTOUCHED);
}

static void test_breaker_opens_at_the_fifth_key(void **state)
{
    (void)state;
    struct breaker b = {0};
    int64_t until_ms = UNTOUCHED;

    for (uint64_t key = 0; key < BREAKER_FAILURES; key++) {
        assert_false(breaker_is_dark(&b));
        assert_int_equal(breaker_admit(&b, START_MS, &until_ms), BREAKER_CLOSED);
        report(&b, START_MS, false, key);
    }
    assert_true(breaker_is_dark(&b));
    assert_int_equal(breaker_admit(&b, START_MS, &until_ms), BREAKER_DARK);
    assert_int_equal(until_ms, START_MS + BREAKER_PROBE_MS);
}

/* Keys 0, 1, 2 ... again and again. */
static void test_breaker_stays_closed_for_fewer_keys(void **state)
{
    (void)state;

    for (uint64_t keys = 1; keys < BREAKER_FAILURES; keys++) {
        struct breaker b = {0};

        for (int64_t i = 0; i < 1000; i++) {
            report(&b, START_MS + i, false, (uint64_t)i % keys);
            assert_false(breaker_is_dark(&b));
        }
    }
}

/* All orders of ok and failed of twelve calls, each of a key of its own. */
static void test_breaker_counts_from_the_last_success(void **state)
{
    (void)state;

    enum { CALLS = 12 };

    for (unsigned order = 0; order < 1U << CALLS; order++) {
        struct breaker b = {0};
        int run = 0;

        for (unsigned i = 0; i < CALLS && run < BREAKER_FAILURES; i++) {
            bool ok = (order >> i & 1U) != 0;

            report(&b, START_MS + i, ok, i);
            run = ok ? 0 : run + 1;
            assert_int_equal(breaker_is_dark(&b), run == BREAKER_FAILURES);
        }
    }
}

static void test_breaker_lets_one_probe_go_per_second(void **state)
{
    (void)state;

    enum { SECONDS = 10, CALLERS = 3 };
    struct breaker b = {0};
    int probes = 0;

    darken(&b, START_MS);
    for (int64_t now_ms = START_MS; now_ms <= START_MS + SECONDS * BREAKER_PROBE_MS; now_ms++) {
        int64_t passed_ms = now_ms - START_MS;
        int64_t next_ms = now_ms + BREAKER_PROBE_MS - passed_ms % BREAKER_PROBE_MS;

        for (int caller = 0; caller < CALLERS; caller++) {
            int64_t until_ms = UNTOUCHED;
            bool due = caller == 0 && passed_ms > 0 && passed_ms % BREAKER_PROBE_MS == 0;
            enum breaker_verdict verdict = breaker_admit(&b, now_ms, &until_ms);

            assert_int_equal(verdict, due ? BREAKER_PROBE : BREAKER_DARK);
            assert_int_equal(until_ms, due ? UNTOUCHED : next_ms);
            probes += due;
        }
    }
    assert_int_equal(probes, SECONDS);
}

/* Slots that nobody took are not saved up. */
static void test_breaker_probes_at_most_once_after_a_long_silence(void **state)
{
    (void)state;
    struct breaker b = {0};
    int64_t now_ms = START_MS + 3600000;
    int64_t until_ms = UNTOUCHED;

    darken(&b, START_MS);
    assert_int_equal(breaker_admit(&b, now_ms, &until_ms), BREAKER_PROBE);
    assert_int_equal(breaker_admit(&b, now_ms, &until_ms), BREAKER_DARK);
    assert_int_equal(until_ms, now_ms + BREAKER_PROBE_MS);
}

static void test_breaker_failed_probe_leaves_it_dark(void **state)
{
    (void)state;
    struct breaker b = {0};
    int64_t now_ms = START_MS;
    int64_t until_ms = 0;

    darken(&b, now_ms);
    for (uint64_t i = 0; i < 100; i++) {
        now_ms += BREAKER_PROBE_MS;
        assert_int_equal(breaker_admit(&b, now_ms, &until_ms), BREAKER_PROBE);
        breaker_report(&b, now_ms, now_ms + 10, false, i);
        assert_int_equal(breaker_admit(&b, now_ms + 10, &until_ms), BREAKER_DARK);
        assert_int_equal(until_ms, now_ms + BREAKER_PROBE_MS);
    }
}

static void test_breaker_closes_with_a_probe_and_counts_anew(void **state)
{
    (void)state;
    struct breaker b = {0};
    int64_t probe_ms = START_MS + BREAKER_PROBE_MS;
    int64_t until_ms = 0;

    darken(&b, START_MS);
    assert_int_equal(breaker_admit(&b, probe_ms, &until_ms), BREAKER_PROBE);
    breaker_report(&b, probe_ms, probe_ms + 20, true, 0);
    assert_false(breaker_is_dark(&b));
    for (uint64_t key = 0; key < BREAKER_FAILURES; key++) {
        assert_int_equal(breaker_admit(&b, probe_ms + 30, &until_ms), BREAKER_CLOSED);
        report(&b, probe_ms + 30, false, key);
    }
    assert_int_equal(breaker_admit(&b, probe_ms + 30, &until_ms), BREAKER_DARK);
    assert_int_equal(until_ms, probe_ms + 30 + BREAKER_PROBE_MS);
}

/* Before, in, and after the millisecond in which it opened. */
static void test_breaker_ignores_successes_from_before_it_opened(void **state)
{
    (void)state;
    struct breaker b = {0};

    darken(&b, 500);
    breaker_report(&b, 1, 501, true, 9);
    breaker_report(&b, 499, 30000, true, 9);
    breaker_report(&b, 500, 501, true, 9);
    assert_true(breaker_is_dark(&b));
    breaker_report(&b, 501, 502, true, 9);
    assert_false(breaker_is_dark(&b));
}

static void test_breaker_ignores_failures_from_before_it_closed(void **state)
{
    (void)state;
    struct breaker b = {0};

    darken(&b, 500);
    breaker_report(&b, 1500, 1600, true, 9);
    for (int64_t key = 0; key < 64; key++) /* began from before it opened until it closed */
        breaker_report(&b, 480 + 1120 * key / 63, 20500, false, (uint64_t)key);
    assert_false(breaker_is_dark(&b));
    for (uint64_t key = 0; key < BREAKER_FAILURES; key++)
        breaker_report(&b, 1601, 20500, false, key);
    assert_true(breaker_is_dark(&b));
}

/* A slow probe of the first dark time says nothing about the second. */
static void test_breaker_ignores_probes_of_an_earlier_dark_time(void **state)
{
    (void)state;
    struct breaker b = {0};

    darken(&b, 500);
    breaker_report(&b, 2500, 2600, true, 9);
    darken(&b, 3000);
    breaker_report(&b, 1500, 5000, true, 9);
    assert_true(breaker_is_dark(&b));
}

/* The naive model remembers every report and reads them all again. */

struct told {
    int64_t began_ms;
    int64_t now_ms;
    bool ok;
    uint64_t key_hash;
};

struct model {
    struct told told[STEPS];
    size_t count;
};

static size_t different_keys(const struct told *const *failures, size_t count)
{
    size_t different = 0;

    for (size_t i = 0; i < count; i++) {
        bool first = true;

        for (size_t j = 0; j < i; j++)
            first &= failures[j]->key_hash != failures[i]->key_hash;
        different += first;
    }
    return different;
}

static bool model_is_dark(const struct model *m)
{
    const struct told *failures[STEPS];
    size_t count = 0;
    int64_t changed_ms = 0;
    bool dark = false;

    for (size_t i = 0; i < m->count; i++) {
        const struct told *t = &m->told[i];
        bool was_dark = dark;

        if (t->began_ms <= changed_ms)
            continue;
        if (t->ok)
            count = 0;
        else
            failures[count++] = t;
        dark = t->ok ? false : dark || different_keys(failures, count) >= BREAKER_FAILURES;
        if (dark != was_dark)
            changed_ms = t->now_ms;
    }
    return dark;
}

static struct told any_report(struct seed *seed, int64_t now_ms, size_t ok_in_100)
{
    int64_t took_ms = (int64_t)seed_below(seed, 200);

    return (struct told){
        .began_ms = now_ms > took_ms ? now_ms - took_ms : START_MS,
        .now_ms = now_ms,
        .ok = seed_below(seed, 100) < ok_in_100,
        .key_hash = seed_below(seed, 12),
    };
}

static void test_breaker_agrees_with_a_naive_model(void **state)
{
    (void)state;
    struct seed seed = seed_start("breaker");

    for (int round = 0; round < ROUNDS; round++) {
        static struct model m;
        struct breaker b = {0};
        int64_t now_ms = START_MS;
        size_t ok_in_100 = seed_below(&seed, 40);

        m.count = 0;
        for (int i = 0; i < STEPS; i++) {
            struct told t = any_report(&seed, now_ms, ok_in_100);

            m.told[m.count++] = t;
            breaker_report(&b, t.began_ms, t.now_ms, t.ok, t.key_hash);
            assert_int_equal(breaker_is_dark(&b), model_is_dark(&m));
            now_ms += (int64_t)seed_below(&seed, 100);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_breaker_zero_is_closed),
        cmocka_unit_test(test_breaker_opens_at_the_fifth_key),
        cmocka_unit_test(test_breaker_stays_closed_for_fewer_keys),
        cmocka_unit_test(test_breaker_counts_from_the_last_success),
        cmocka_unit_test(test_breaker_lets_one_probe_go_per_second),
        cmocka_unit_test(test_breaker_probes_at_most_once_after_a_long_silence),
        cmocka_unit_test(test_breaker_failed_probe_leaves_it_dark),
        cmocka_unit_test(test_breaker_closes_with_a_probe_and_counts_anew),
        cmocka_unit_test(test_breaker_ignores_successes_from_before_it_opened),
        cmocka_unit_test(test_breaker_ignores_failures_from_before_it_closed),
        cmocka_unit_test(test_breaker_ignores_probes_of_an_earlier_dark_time),
        cmocka_unit_test(test_breaker_agrees_with_a_naive_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
