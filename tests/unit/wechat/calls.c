/* SPDX-License-Identifier: Apache-2.0 */
#include "wechat/calls.h"

#include "tests/unit/check.h"

#include <string.h>

static void test_calls_are_sorted_and_complete(void **state)
{
    size_t count = 0;
    const struct call *calls = call_all(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        assert_true(strcmp(calls[i].method, "GET") == 0 || strcmp(calls[i].method, "POST") == 0);
        assert_int_equal(calls[i].path[0], '/');
        assert_null(strchr(calls[i].path, '?'));
        if (i > 0)
            assert_true(strcmp(calls[i - 1].type, calls[i].type) < 0);
        assert_ptr_equal(call_find(calls[i].type), &calls[i]);
    }
}

static void test_calls_are_found_by_type_only(void **state)
{
    (void)state;
    assert_string_equal(call_find("member.get")->path, CALL_MEMBER_GET.path);
    assert_string_equal(call_find("code.get")->path, CALL_CODE_GET.path);
    assert_string_equal(call_find("code.decrypt")->path, CALL_CODE_DECRYPT.path);
    assert_string_equal(call_find("member.activate")->path, CALL_MEMBER_ACTIVATE.path);
    assert_string_equal(call_find("member.temp_info")->path, CALL_MEMBER_TEMP_INFO.path);
    assert_string_equal(call_find("member.update")->path, CALL_MEMBER_UPDATE.path);
    assert_null(call_find("member"));
    assert_null(call_find(""));
    /* No client may ask for a token. */
    assert_null(call_find(CALL_TOKEN_STABLE.type));
    assert_null(call_find(CALL_TOKEN_CLASSIC.type));
    assert_null(call_find(CALL_TICKET_GET.type));
}

/* What may have happened when nobody answered. */
static void test_calls_that_change_a_card_are_probed(void **state)
{
    (void)state;
    assert_int_equal(CALL_MEMBER_ACTIVATE.nature, NATURE_PROBE);
    assert_int_equal(CALL_MEMBER_TEMP_INFO.nature, NATURE_READ);
    assert_int_equal(CALL_CODE_DECRYPT.nature, NATURE_READ);
}

static bool is_one_of(const char *type, const char *const *types)
{
    while (*types != NULL && strcmp(*types, type) != 0)
        types++;
    return *types != NULL;
}

/* Where they are not plain: section 9 of the design. */
static void test_calls_have_the_natures_of_the_design(void **state)
{
    static const char *const once[] = {
        "card.create",    "card.modify_stock", "card.paygift.add", "member.update",
        "message.custom", "message.subscribe", "message.template", NULL};
    static const char *const probed[] = {"card.delete", "code.consume",    "code.unavailable",
                                         "code.update", "member.activate", NULL};
    static const char *const final[] = {"card.delete", "code.consume", "code.unavailable", NULL};
    size_t count = 0;
    const struct call *calls = call_all(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        const char *type = calls[i].type;

        assert_int_equal(calls[i].nature == NATURE_ONCE, is_one_of(type, once));
        assert_int_equal(calls[i].nature == NATURE_PROBE, is_one_of(type, probed));
        assert_int_equal(calls[i].irreversible, is_one_of(type, final));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_are_sorted_and_complete),
        cmocka_unit_test(test_calls_are_found_by_type_only),
        cmocka_unit_test(test_calls_that_change_a_card_are_probed),
        cmocka_unit_test(test_calls_have_the_natures_of_the_design),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
