/* SPDX-License-Identifier: Apache-2.0 */
/* The table of outcomes: whose result is shown to whom, in whatever order the topics are read, and
 * what goes when room is needed. */
#include "outcomes.h"

#include "base/attr.h"
#include "base/mem.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

enum { WINDOW_MS = 1000, NOW = 100000, PLENTY = 1 << 20 };

struct rig {
    struct outcomes *o;
    struct outcome_watch watch;
    int wakes;
};

static void on_wake(void *arg)
{
    ((struct rig *)arg)->wakes++;
}

static void rig_open(struct rig *rig, size_t max_bytes)
{
    *rig = (struct rig){.o = outcomes_new(WINDOW_MS, max_bytes)};
    assert_non_null(rig->o);
    outcome_watch_init(&rig->watch, on_wake, rig);
}

static struct outcome_key key_of(const char *id, char hash)
{
    struct outcome_key key = {.id = str_from(id), .account = STR("demo"), .type = STR("card.get")};

    memset(key.hash, hash, sizeof(key.hash));
    return key;
}

static enum outcome_begin begin_at(struct rig *rig, const char *id, char hash, int64_t now_ms)
{
    const struct outcome_key key = key_of(id, hash);
    struct outcome_text *text = NULL;
    const enum outcome_begin verdict = outcomes_begin(rig->o, &key, now_ms, &text);

    assert_int_equal(text != NULL, verdict == BEGIN_DONE);
    outcome_text_release(text);
    return verdict;
}

static enum outcome_begin begin(struct rig *rig, const char *id, char hash)
{
    return begin_at(rig, id, hash, NOW);
}

static void end(struct rig *rig, const char *id, bool sent)
{
    outcomes_end(rig->o, str_from(id), sent);
}

static void command_at(struct rig *rig, const char *id, char hash, int64_t at_ms)
{
    const struct outcome_key key = key_of(id, hash);

    outcomes_saw_command(rig->o, &key, at_ms);
}

static void command(struct rig *rig, const char *id, char hash)
{
    command_at(rig, id, hash, NOW);
}

static void result_at(struct rig *rig, const char *id, const char *value, int64_t at_ms)
{
    const struct outcome_result r = {.id = str_from(id),
                                     .value = str_from(value),
                                     .is_final = value[0] != 'f',
                                     .is_second = value[0] == 's'};

    outcomes_saw_result(rig->o, &r, at_ms);
}

/* value: "f..." is not final, "s..." is of a second record. */
static void result(struct rig *rig, const char *id, const char *value)
{
    result_at(rig, id, value, NOW);
}

static void check_view(struct rig *rig, const char *id, int64_t now_ms, const char *expected)
{
    struct outcome_view view;
    const char *states[] = {"unknown", "running", "done", "gone"};

    outcomes_get(rig->o, str_from(id), now_ms, &view);
    if (view.state == OUTCOME_DONE)
        assert_true(str_eq_cstr(outcome_text(view.result), expected));
    else
        assert_string_equal(states[view.state], expected);
    outcome_text_release(view.result);
}

static void shows(struct rig *rig, const char *id, const char *expected)
{
    check_view(rig, id, NOW, expected);
}

static struct outcome_wait *wait_for(struct rig *rig, const char *id, char hash,
                                     struct outcome_wait *w)
{
    *w = (struct outcome_wait){.any = hash == 0};
    memset(w->hash, hash, sizeof(w->hash));
    assert_true(outcomes_wait(rig->o, str_from(id), &rig->watch, w));
    return w;
}

/* The next one that is ready has got that. */
static void got(struct rig *rig, const struct outcome_wait *w, const char *expected)
{
    struct outcome_wait *ready = outcomes_take(rig->o, &rig->watch);

    assert_ptr_equal(ready, w);
    if (!ready)
        return;
    assert_true(str_eq_cstr(outcome_text(ready->result), expected));
    outcome_text_release(ready->result);
}

static void test_outcomes_of_one_request(void **state)
{
    struct rig rig;

    (void)state;
    rig_open(&rig, PLENTY);
    shows(&rig, "a", "unknown");
    assert_int_equal(begin(&rig, "a", 1), BEGIN_NEW);
    shows(&rig, "a", "running");
    assert_int_equal(begin(&rig, "a", 1), BEGIN_OPEN);
    assert_int_equal(begin(&rig, "a", 2), BEGIN_OTHER);
    end(&rig, "a", true);
    assert_int_equal(begin(&rig, "a", 1), BEGIN_PENDING);
    command(&rig, "a", 1);
    assert_int_equal(begin(&rig, "a", 1), BEGIN_PENDING);
    result(&rig, "a", "done");
    assert_int_equal(begin(&rig, "a", 1), BEGIN_DONE);
    assert_int_equal(begin(&rig, "a", 2), BEGIN_OTHER);
    shows(&rig, "a", "done");
    result(&rig, "a", "later");
    shows(&rig, "a", "done");
    outcomes_free(rig.o);
}

static void test_outcomes_what_was_not_sent_is_forgotten(void **state)
{
    struct rig rig;

    (void)state;
    rig_open(&rig, PLENTY);
    assert_int_equal(begin(&rig, "a", 1), BEGIN_NEW);
    end(&rig, "a", false);
    shows(&rig, "a", "unknown");
    assert_int_equal(begin(&rig, "a", 2), BEGIN_NEW);
    command(&rig, "a", 2); /* it got there although nobody acknowledged it */
    end(&rig, "a", false);
    assert_int_equal(begin(&rig, "a", 2), BEGIN_PENDING);
    outcomes_free(rig.o);
}

/* 503, but there is a record, and its result was read before it. */
static void test_outcomes_of_what_was_not_acknowledged_are_kept(void **state)
{
    struct rig rig;

    (void)state;
    rig_open(&rig, PLENTY);
    assert_int_equal(begin(&rig, "a", 1), BEGIN_NEW);
    result(&rig, "a", "done");
    end(&rig, "a", false);
    shows(&rig, "a", "done");
    command(&rig, "a", 1);
    assert_int_equal(begin(&rig, "a", 1), BEGIN_DONE);
    assert_int_equal(begin(&rig, "a", 2), BEGIN_OTHER);

    assert_int_equal(begin(&rig, "b", 1), BEGIN_NEW);
    result(&rig, "b", "done");
    end(&rig, "b", false);
    command(&rig, "b", 2); /* another's */
    assert_int_equal(begin(&rig, "b", 1), BEGIN_OTHER);
    assert_int_equal(begin(&rig, "b", 2), BEGIN_DONE);

    assert_int_equal(begin(&rig, "c", 1), BEGIN_NEW);
    result(&rig, "c", "second");
    end(&rig, "c", false);
    assert_int_equal(begin(&rig, "c", 1), BEGIN_NEW); /* and may be sent again */
    outcomes_free(rig.o);
}

static void test_outcomes_a_failure_may_be_mended(void **state)
{
    struct rig rig;

    (void)state;
    rig_open(&rig, PLENTY);
    command(&rig, "a", 1);
    result(&rig, "a", "failed");
    shows(&rig, "a", "failed");
    result(&rig, "a", "done");
    shows(&rig, "a", "done");
    outcomes_free(rig.o);
}

/* R1 went in elsewhere, R2 here; the four records in every order that two topics allow. */
static void feed(struct rig *rig, const char *order)
{
    for (; *order; order++)
        switch (*order) {
        case '1': command(rig, "a", 1); break;
        case '2': command(rig, "a", 2); break;
        case 'd': result(rig, "a", "done"); break;
        case 's': result(rig, "a", "second"); break;
        default: fail(); break;
        }
}

static void test_outcomes_two_records_under_one_id(void **state)
{
    static const char *const orders[] = {"12ds", "1d2s", "1ds2", "d12s", "d1s2", "ds12"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        struct rig rig;
        struct outcome_wait mine;
        struct outcome_wait any;

        rig_open(&rig, PLENTY);
        assert_int_equal(begin(&rig, "a", 2), BEGIN_NEW);
        wait_for(&rig, "a", 2, &mine);
        wait_for(&rig, "a", 0, &any);
        feed(&rig, orders[i]);
        end(&rig, "a", true);
        /* Who asked for the second never hears that it was done. */
        for (int k = 0; k < 2; k++) {
            struct outcome_wait *w = outcomes_take(rig.o, &rig.watch);

            assert_non_null(w);
            assert_true(str_eq_cstr(outcome_text(w->result), w == &mine ? "second" : "done"));
            outcome_text_release(w->result);
        }
        shows(&rig, "a", "done");
        assert_int_equal(begin(&rig, "a", 1), BEGIN_DONE);
        assert_int_equal(begin(&rig, "a", 2), BEGIN_OTHER);
        outcomes_free(rig.o);
    }
}

static void test_outcomes_the_first_may_wait_longer_than_the_second(void **state)
{
    struct rig rig;
    struct outcome_wait first;

    (void)state;
    rig.o = outcomes_new((int64_t)10 * WINDOW_MS, PLENTY);
    outcome_watch_init(&rig.watch, on_wake, &rig);
    feed(&rig, "1");
    wait_for(&rig, "a", 1, &first);
    feed(&rig, "s");
    shows(&rig, "a", "running"); /* the second record may be on its way */
    feed(&rig, "2");
    check_view(&rig, "a", NOW + 5000, "running");
    got(&rig, NULL, "");
    feed(&rig, "d");
    got(&rig, &first, "done");
    outcomes_free(rig.o);
}

static void ends_with(struct rig *rig, struct outcome_wait *w, int64_t now_ms, const char *text)
{
    outcomes_forget(rig->o, w, now_ms);
    assert_true(text ? w->result && str_eq_cstr(outcome_text(w->result), text) : !w->result);
    outcome_text_release(w->result);
}

static void test_outcomes_a_rejection_of_the_only_one_known_is_shown(void **state)
{
    struct rig rig;
    struct outcome_wait soon;
    struct outcome_wait late;
    struct outcome_wait any;
    struct outcome_wait other;

    (void)state;
    rig.o = outcomes_new((int64_t)10 * WINDOW_MS, PLENTY);
    outcome_watch_init(&rig.watch, on_wake, &rig);
    feed(&rig, "2");
    wait_for(&rig, "a", 2, &soon);
    wait_for(&rig, "a", 2, &late);
    wait_for(&rig, "a", 0, &any);
    wait_for(&rig, "a", 1, &other);
    feed(&rig, "s");
    shows(&rig, "a", "running");
    check_view(&rig, "a", NOW + 2000, "second");
    got(&rig, &other, "second");
    ends_with(&rig, &soon, NOW + 1999, NULL);
    ends_with(&rig, &late, NOW + 2000, "second");
    ends_with(&rig, &any, NOW + 2000, "second");
    outcomes_free(rig.o);
}

/* After a start the record may lie before the window and its result in it. */
static void test_outcomes_a_result_alone(void **state)
{
    struct rig rig;
    struct outcome_wait w;

    (void)state;
    rig_open(&rig, PLENTY);
    result(&rig, "a", "done");
    shows(&rig, "a", "done");
    assert_int_equal(begin(&rig, "a", 1), BEGIN_NEW);
    wait_for(&rig, "a", 1, &w);
    command(&rig, "a", 1);
    got(&rig, NULL, "");
    result(&rig, "a", "done again");
    got(&rig, &w, "done again");
    end(&rig, "a", true);
    outcomes_free(rig.o);
}

static void test_outcomes_wake_once_per_batch(void **state)
{
    struct rig rig;
    struct outcome_wait w[3];

    (void)state;
    rig_open(&rig, PLENTY);
    for (int i = 0; i < 3; i++) {
        const char id[] = {(char)('a' + i), '\0'};

        command(&rig, id, 1);
        wait_for(&rig, id, 1, &w[i]);
    }
    result(&rig, "b", "b");
    result(&rig, "a", "a");
    assert_int_equal(rig.wakes, 1);
    got(&rig, &w[1], "b");
    got(&rig, &w[0], "a");
    got(&rig, NULL, "");
    assert_false(atomic_load(&rig.watch.some));
    outcomes_forget(rig.o, &w[2], NOW);
    result(&rig, "c", "c");
    assert_int_equal(rig.wakes, 1);
    wait_for(&rig, "c", 1, &w[2]); /* at once */
    assert_int_equal(rig.wakes, 2);
    outcomes_forget(rig.o, &w[2], NOW);
    assert_true(str_eq_cstr(outcome_text(w[2].result), "c"));
    outcome_text_release(w[2].result);
    got(&rig, NULL, "");
    outcomes_free(rig.o);
}

static void test_outcomes_leave_after_the_window(void **state)
{
    struct rig rig;
    struct outcome_wait w;

    (void)state;
    rig_open(&rig, PLENTY);
    assert_int_equal(begin(&rig, "open", 1), BEGIN_NEW);
    command(&rig, "a", 1);
    wait_for(&rig, "a", 1, &w);
    check_view(&rig, "a", NOW + WINDOW_MS, "running");
    check_view(&rig, "a", NOW + WINDOW_MS + 1, "unknown");
    check_view(&rig, "open", NOW + WINDOW_MS + 1, "running");
    outcomes_forget(rig.o, &w, NOW);
    command(&rig, "b", 1);
    result_at(&rig, "b", "done", NOW + WINDOW_MS);
    check_view(&rig, "b", NOW + 2 * WINDOW_MS, "done"); /* counts from the result on */
    command_at(&rig, "old", 1, NOW - WINDOW_MS - 1);
    shows(&rig, "old", "unknown");
    assert_int_equal(begin(&rig, "old", 2), BEGIN_NEW);
    outcomes_free(rig.o);
}

static void test_outcomes_make_room(void **state)
{
    struct rig rig;
    char large[4000];

    (void)state;
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    rig_open(&rig, 16384);
    assert_int_equal(begin(&rig, "open", 1), BEGIN_NEW);
    for (int i = 0; i < 6; i++) {
        const char id[] = {(char)('a' + i), '\0'};

        command(&rig, id, 1);
        result(&rig, id, large);
    }
    shows(&rig, "a", "gone");
    shows(&rig, "b", "gone");
    shows(&rig, "c", large);
    assert_int_equal(begin(&rig, "a", 2), BEGIN_OTHER);
    assert_int_equal(begin(&rig, "a", 1), BEGIN_NEW); /* the worker says it again */
    result(&rig, "a", "again");
    shows(&rig, "a", "again");
    end(&rig, "a", true);
    for (int i = 0; i < 1000; i++) {
        char id[16];

        (void)snprintf(id, sizeof(id), "n%d", i);
        command(&rig, id, 1);
    }
    shows(&rig, "c", "unknown");
    shows(&rig, "n900", "unknown");
    shows(&rig, "n999", "running");
    shows(&rig, "open", "running");
    outcomes_free(rig.o);
}

static void test_outcomes_survive_short_memory(void **state)
{
    enum outcome_begin begun = BEGIN_MEMORY;
    struct rig rig;

    (void)state;
    rig_open(&rig, PLENTY);
    for (size_t n = 1; begun != BEGIN_NEW; n++) {
        mem_fail_at(n, true);
        begun = begin(&rig, "a", 1);
        command(&rig, "b", 1);
        result(&rig, "b", "done");
        mem_fail_at(0, false);
        assert_true(begun == BEGIN_MEMORY || n > 1);
    }
    mem_fail_at(1, true);
    assert_null(outcomes_new(WINDOW_MS, PLENTY));
    mem_fail_at(2, true);
    assert_null(outcomes_new(WINDOW_MS, PLENTY));
    mem_fail_at(0, false);
    outcomes_free(rig.o);
}

static void test_outcomes_remember_no_endless_ids(void **state)
{
    char id[OUTCOME_ID_MAX + 2];
    struct rig rig;

    (void)state;
    memset(id, 'i', sizeof(id));
    id[sizeof(id) - 1] = '\0';
    rig_open(&rig, PLENTY);
    command(&rig, id, 1);
    result(&rig, id, "done");
    shows(&rig, id, "unknown");
    command(&rig, "", 1);
    shows(&rig, "", "unknown");
    command(&rig, id + 1, 1);
    shows(&rig, id + 1, "running");
    outcomes_free(rig.o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outcomes_of_one_request),
        cmocka_unit_test(test_outcomes_what_was_not_sent_is_forgotten),
        cmocka_unit_test(test_outcomes_of_what_was_not_acknowledged_are_kept),
        cmocka_unit_test(test_outcomes_a_failure_may_be_mended),
        cmocka_unit_test(test_outcomes_two_records_under_one_id),
        cmocka_unit_test(test_outcomes_the_first_may_wait_longer_than_the_second),
        cmocka_unit_test(test_outcomes_a_rejection_of_the_only_one_known_is_shown),
        cmocka_unit_test(test_outcomes_a_result_alone),
        cmocka_unit_test(test_outcomes_wake_once_per_batch),
        cmocka_unit_test(test_outcomes_leave_after_the_window),
        cmocka_unit_test(test_outcomes_make_room),
        cmocka_unit_test(test_outcomes_survive_short_memory),
        cmocka_unit_test(test_outcomes_remember_no_endless_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
