/* SPDX-License-Identifier: Apache-2.0 */
#include "base/queue.h"

#include "base/mem.h"
#include "tests/unit/check.h"

#include <pthread.h>
#include <stdatomic.h>

enum { ITEMS = 20000, WORKERS = 4, HANG_MS = 30000 };

static void test_queue_is_first_in_first_out_and_bounded(void **state)
{
    (void)state;
    AUTO(queue_freep) struct queue *q = queue_new(3);
    int items[4];

    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 3; i++)
            assert_true(queue_push(q, &items[i], deadline_none()));
        assert_false(queue_push(q, &items[3], deadline_in(0)));
        assert_int_equal(queue_len(q), 3);
        for (int i = 0; i < 3; i++)
            assert_ptr_equal(queue_pop(q, deadline_none()), &items[i]);
        assert_null(queue_pop(q, deadline_in(0)));
        assert_true(queue_push(q, &items[0], deadline_none()));
        assert_ptr_equal(queue_pop(q, deadline_none()), &items[0]);
    }
}

static void test_queue_waits_until_the_deadline(void **state)
{
    (void)state;
    AUTO(queue_freep) struct queue *q = queue_new(1);
    const int64_t start_ms = clock_mono_ms();
    int item;

    assert_null(queue_pop(q, deadline_in(20)));
    assert_true(clock_mono_ms() - start_ms >= 20);
    assert_true(queue_push(q, &item, deadline_in(0)));
    assert_false(queue_push(q, &item, deadline_in(20)));
    assert_true(clock_mono_ms() - start_ms >= 40);
    assert_ptr_equal(queue_pop(q, deadline_none()), &item);
}

static void test_queue_drains_after_close(void **state)
{
    (void)state;
    AUTO(queue_freep) struct queue *q = queue_new(2);
    int items[2];

    assert_true(queue_push(q, &items[0], deadline_none()));
    queue_close(q);
    queue_close(q);
    assert_false(queue_push(q, &items[1], deadline_none()));
    assert_ptr_equal(queue_pop(q, deadline_none()), &items[0]);
    assert_null(queue_pop(q, deadline_none()));
}

struct shared {
    struct queue *q;
    atomic_int next;
    atomic_int popped;
    atomic_llong sum;
    unsigned char items[ITEMS + 1];
};

static void *producer(void *arg)
{
    struct shared *s = arg;

    for (int n = atomic_fetch_add(&s->next, 1); n <= ITEMS; n = atomic_fetch_add(&s->next, 1))
        if (!queue_push(s->q, &s->items[n], deadline_in(HANG_MS)))
            break;
    return NULL;
}

static void *consumer(void *arg)
{
    struct shared *s = arg;
    unsigned char *item;

    while ((item = queue_pop(s->q, deadline_in(HANG_MS))) != NULL) {
        (*item)++;
        atomic_fetch_add(&s->sum, item - s->items);
        atomic_fetch_add(&s->popped, 1);
    }
    return NULL;
}

static void test_queue_hands_each_item_to_one_thread(void **state)
{
    (void)state;
    static struct shared s;
    pthread_t producers[WORKERS];
    pthread_t consumers[WORKERS];

    s.q = queue_new(16);
    atomic_store(&s.next, 1);
    for (int i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_create(&producers[i], NULL, producer, &s), 0);
        assert_int_equal(pthread_create(&consumers[i], NULL, consumer, &s), 0);
    }
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_join(producers[i], NULL), 0);
    queue_close(s.q);
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_join(consumers[i], NULL), 0);
    assert_int_equal(atomic_load(&s.popped), ITEMS);
    assert_int_equal(atomic_load(&s.sum), (long long)ITEMS * (ITEMS + 1) / 2);
    for (int i = 1; i <= ITEMS; i++)
        assert_int_equal(s.items[i], 1);
    queue_free(s.q);
}

static void *pop_forever(void *arg)
{
    return queue_pop(arg, deadline_none());
}

static void test_queue_close_wakes_those_who_wait(void **state)
{
    (void)state;
    AUTO(queue_freep) struct queue *q = queue_new(1);
    pthread_t threads[3];

    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, pop_forever, q), 0);
    queue_close(q);
    for (int i = 0; i < 3; i++) {
        void *result = q;

        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_null(result);
    }
}

static void test_queue_new_survives_a_failed_allocation(void **state)
{
    (void)state;

    mem_fail_at(1, false);
    assert_null(queue_new(4));
    assert_null(queue_new(SIZE_MAX / sizeof(void *)));
    queue_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_is_first_in_first_out_and_bounded),
        cmocka_unit_test(test_queue_waits_until_the_deadline),
        cmocka_unit_test(test_queue_drains_after_close),
        cmocka_unit_test(test_queue_hands_each_item_to_one_thread),
        cmocka_unit_test(test_queue_close_wakes_those_who_wait),
        cmocka_unit_test(test_queue_new_survives_a_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
