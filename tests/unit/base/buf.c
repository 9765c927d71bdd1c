/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include "base/mem.h"
#include "tests/unit/check.h"

#include <string.h>

static void fill(struct buf *b)
{
    buf_add(b, STR("abc"));
    buf_add_char(b, '-');
    buf_add_i64(b, INT64_MIN);
    buf_addf(b, "%0*d", 200, 7);
    buf_add_cstr(b, "end");
}

static void test_buf_empty_is_present(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(10);

    assert_true(buf_ok(&b));
    assert_true(str_is_set(buf_str(&b)));
    assert_int_equal(buf_str(&b).len, 0);
    buf_add(&b, str_from(NULL));
    assert_true(buf_ok(&b));
    buf_done(&b);
    buf_done(&b);
}

static void test_buf_adds_every_kind_and_keeps_a_nul(void **state)
{
    (void)state;
    AUTO(buf_done) struct buf b = BUF_INIT(1000);

    fill(&b);
    assert_true(buf_ok(&b));
    assert_int_equal(b.len, 4 + 20 + 200 + 3);
    assert_true(str_starts(buf_str(&b), STR("abc--9223372036854775808000")));
    assert_true(str_ends(buf_str(&b), STR("0007end")));
    assert_int_equal(strlen(b.ptr), b.len);
}

static void test_buf_holds_exactly_its_ceiling(void **state)
{
    (void)state;
    AUTO(buf_done) struct buf b = BUF_INIT(5);

    buf_add(&b, STR("12345"));
    assert_true(buf_ok(&b));
    buf_add(&b, STR(""));
    assert_true(buf_ok(&b));
    buf_add_char(&b, '6');
    assert_false(buf_ok(&b));
    assert_true(str_eq(buf_str(&b), STR("12345")));
    assert_true(b.size <= 6);
}

static void test_buf_failure_sticks_until_cleared(void **state)
{
    (void)state;
    AUTO(buf_done) struct buf b = BUF_INIT(5);

    buf_add(&b, STR("123"));
    buf_addf(&b, "%s", "too long");
    assert_false(buf_ok(&b));
    buf_add_char(&b, '4');
    assert_true(str_eq(buf_str(&b), STR("123")));
    assert_null(buf_room(&b, 1));
    buf_clear(&b);
    assert_true(buf_ok(&b));
    buf_add_char(&b, '4');
    assert_true(str_eq(buf_str(&b), STR("4")));
}

static void test_buf_room_counts_only_what_grew(void **state)
{
    (void)state;
    AUTO(buf_done_secret) struct buf b = BUF_INIT(100);
    char *room;

    buf_add(&b, STR("ab"));
    room = buf_room(&b, 98);
    assert_non_null(room);
    room[0] = 'c';
    room[1] = 'd';
    room[2] = 'e';
    buf_grew(&b, 2);
    assert_true(str_eq(buf_str(&b), STR("abcd")));
    assert_int_equal(b.ptr[4], '\0');
    assert_null(buf_room(&b, 97));
    assert_false(buf_ok(&b));
}

static void test_buf_of_an_absurd_ceiling_refuses_absurd_sizes(void **state)
{
    (void)state;
    AUTO(buf_done) struct buf b = BUF_INIT(SIZE_MAX);

    buf_add_char(&b, 'x');
    assert_true(buf_ok(&b));
    assert_null(buf_room(&b, SIZE_MAX - 1));
    assert_true(str_eq(buf_str(&b), STR("x")));
}

static void test_buf_survives_every_failed_allocation(void **state)
{
    (void)state;
    bool passed = false;

    for (size_t nth = 1; !passed; nth++) {
        AUTO(buf_done) struct buf b = BUF_INIT(1000);

        mem_fail_at(nth, false);
        fill(&b);
        mem_fail_at(0, false);
        passed = buf_ok(&b);
        assert_true(str_is_set(buf_str(&b)));
        assert_true(passed == (b.len == 227));
        assert_in_range(nth, 1, 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf_empty_is_present),
        cmocka_unit_test(test_buf_adds_every_kind_and_keeps_a_nul),
        cmocka_unit_test(test_buf_holds_exactly_its_ceiling),
        cmocka_unit_test(test_buf_failure_sticks_until_cleared),
        cmocka_unit_test(test_buf_room_counts_only_what_grew),
        cmocka_unit_test(test_buf_of_an_absurd_ceiling_refuses_absurd_sizes),
        cmocka_unit_test(test_buf_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
