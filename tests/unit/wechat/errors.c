/* SPDX-License-Identifier: Apache-2.0 */
/* Classes: wechat-api 13.3. */
#include "wechat/errors.h"

#include "tests/unit/check.h"

#include <string.h>

static void test_errors_are_sorted_unique_and_explained(void **state)
{
    size_t count = 0;
    const struct errcode *rows = errcode_all(&count);

    (void)state;
    assert_true(count > 100);
    for (size_t i = 0; i < count; i++) {
        size_t length = rows[i].note != NULL ? strlen(rows[i].note) : 0;

        /* err.text must hold call, code and note. */
        assert_in_range(length, 2, 100);
        if (i > 0)
            assert_true(rows[i - 1].code < rows[i].code);
        assert_ptr_equal(errcode_find(rows[i].code, NULL), &rows[i]);
    }
}

static void test_errors_have_the_classes_of_the_platform(void **state)
{
    static const struct {
        enum errcode_class class;
        int codes[40];
    } classes[] = {
        {ERRCODE_RETRY, {-1, 61450, 72012}},
        {ERRCODE_TOKEN, {40001, 40014, 42001}},
        {ERRCODE_MINUTE, {45011}},
        {ERRCODE_DAY, {45009, 45040}},
        {ERRCODE_ALARM,
         {40164, 40125, 40013, 40243, 48001, 48004, 50004, 50007, 89501, 89503, 89506, 89507, 43009,
          43010, 43011, 43012, 45102, 45103, 72016}},
        {ERRCODE_FINAL, {40056, 40099, 40127, 40003, 43004, 43101, 45015, 45047, 45031,
                         45033, 48002, 40007, 40029, 40163, 40247, 42003, 43018, 43019,
                         45064, 45080, 45081, 45087, 46003, 48006, 65316, 76022}},
        {ERRCODE_BUG, {40033, 40035, 40053, 40097, 40150, 41001, 41011, 41999, 43001, 43002, 45021,
                       47001, 47002, 47003, 40004, 40005, 40006, 40008, 40009, 40015, 40016, 40017,
                       40018, 40027, 40037, 40054, 40055, 41005, 44002, 45010, 76021}},
    };

    (void)state;
    assert_int_equal(errcode_find(0, NULL)->class, ERRCODE_OK);
    for (size_t i = 0; i < COUNT_OF(classes); i++)
        for (const int *code = classes[i].codes; *code != 0; code++)
            if (errcode_find(*code, NULL)->class != classes[i].class)
                fail_msg("%d is not of class %d", *code, (int)classes[i].class);
}

static void test_errors_unknown_are_tried_again(void **state)
{
    static const int codes[] = {-2, 1, 99999, 2147483647, -2147483647 - 1};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        const struct errcode *row = errcode_find(codes[i], NULL);

        assert_int_equal(row->class, ERRCODE_RETRY);
        assert_int_equal(row->code, 0);
        assert_string_equal(row->note, "unknown");
    }
}

static void test_errors_a_call_finds_final_are_final(void **state)
{
    static const int finals[] = {40056, 48001, 99999, 0};
    const struct call call = {.type = "x", .final_codes = finals};
    const struct call without = {.type = "x"};

    (void)state;
    assert_int_equal(errcode_find(99999, &call)->class, ERRCODE_FINAL);
    assert_int_equal(errcode_find(48001, &call)->class, ERRCODE_FINAL);
    /* The table's own words where they say the same. */
    assert_int_equal(errcode_find(40056, &call)->code, 40056);
    assert_int_equal(errcode_find(0, &call)->class, ERRCODE_OK);
    assert_int_equal(errcode_find(99999, &without)->class, ERRCODE_RETRY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors_are_sorted_unique_and_explained),
        cmocka_unit_test(test_errors_have_the_classes_of_the_platform),
        cmocka_unit_test(test_errors_unknown_are_tried_again),
        cmocka_unit_test(test_errors_a_call_finds_final_are_final),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
