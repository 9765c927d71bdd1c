/* SPDX-License-Identifier: Apache-2.0 */
/* Which scenes bind, when a scene is refused, and what becomes of other bindings. */
#include "bind/rules.h"

#include "tests/unit/check.h"

#include <string.h>

enum { EXPIRES_MS = 1000000 };

static char prefix[] = "m-";

static void same(struct str text, const char *expected)
{
    if (!expected) {
        assert_false(str_is_set(text));
        return;
    }
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.ptr, expected, text.len);
}

static void test_rules_know_our_own_scenes(void **state)
{
    static const struct {
        const char *text;
        bool ours;
        enum scene_kind kind;
    } cases[] = {
        {"bind-00112233445566778899aabbccddeeff", true, SCENE_BIND},
        {"verify-00112233445566778899aabbccddeeff", true, SCENE_VERIFY},
        {"bind-00112233445566778899aabbccddeefF", false, SCENE_BIND},
        {"bind-00112233445566778899aabbccddeef", false, SCENE_BIND},
        {"bind-00112233445566778899aabbccddeeff0", false, SCENE_BIND},
        {"bind_00112233445566778899aabbccddeeff", false, SCENE_BIND},
        {"bond-00112233445566778899aabbccddeeff", false, SCENE_BIND},
        {"verify-00112233445566778899aabbccddee f", false, SCENE_BIND},
        {"bind-", false, SCENE_BIND},
        {"", false, SCENE_BIND},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        enum scene_kind kind = SCENE_BIND;

        assert_true(scene_is_ours(str_from(cases[i].text), &kind) == cases[i].ours);
        assert_int_equal(kind, cases[i].kind);
    }
}

static void test_rules_only_declared_scenes_bind(void **state)
{
    static const struct {
        int mode;
        char *prefix;
        const char *scene;
        enum binds binds;
        const char *user;
    } cases[] = {
        {BINDING_PENDING, prefix, "bind-00112233445566778899aabbccddeeff", BINDS_BY_TABLE, NULL},
        {BINDING_OPEN, prefix, "verify-00112233445566778899aabbccddeeff", BINDS_BY_TABLE, NULL},
        {BINDING_PENDING, prefix, "m-7", BINDS_NOBODY, NULL},
        {BINDING_OPEN, prefix, "m-7", BINDS_BY_PREFIX, "7"},
        {BINDING_OPEN, prefix, "m-", BINDS_NOBODY, NULL},
        {BINDING_OPEN, prefix, "m", BINDS_NOBODY, NULL},
        {BINDING_OPEN, prefix, "M-7", BINDS_NOBODY, NULL},
        {BINDING_OPEN, prefix, "poster-12b", BINDS_NOBODY, NULL},
        {BINDING_OPEN, prefix, "bind-0", BINDS_NOBODY, NULL},
        {BINDING_OPEN, NULL, "m-7", BINDS_NOBODY, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct account account = {.binding = cases[i].mode,
                                        .binding_prefix = cases[i].prefix};
        struct str user = {NULL, 0};

        assert_int_equal(scene_binds(&account, str_from(cases[i].scene), &user), cases[i].binds);
        same(user, cases[i].user);
    }
}

static void test_rules_refuse_scenes_for_a_reason(void **state)
{
    struct scene row = {.expires_at_ms = EXPIRES_MS};

    (void)state;
    same(scene_refusal(NULL, 0), "unknown");
    same(scene_refusal(&row, EXPIRES_MS), NULL);
    same(scene_refusal(&row, EXPIRES_MS + CLOCKS_DIFFER_MS), NULL);
    same(scene_refusal(&row, EXPIRES_MS + CLOCKS_DIFFER_MS + 1), "expired");
    row.used_at_ms = 5;
    same(scene_refusal(&row, 0), "used");
    same(scene_refusal(&row, 2 * (int64_t)EXPIRES_MS), "used");
}

static void test_rules_rebinding_follows_the_setting(void **state)
{
    struct bound items[] = {{.bound_at_ms = 10}, {.bound_at_ms = 20}, {.bound_at_ms = 30}};
    const struct bound_list none = {items, 0};
    const struct bound_list three = {items, 3};

    static const struct {
        enum rebind rule;
        bool others;
        int64_t at_ms;
        struct rebinding expected;
    } cases[] = {
        {REBIND_MANY, true, 25, {false, 0, 0}},     {REBIND_REFUSE, false, 25, {false, 0, 0}},
        {REBIND_REFUSE, true, 25, {true, 0, 0}},    {REBIND_REFUSE, true, 5, {true, 0, 0}},
        {REBIND_REPLACE, false, 25, {false, 0, 0}}, {REBIND_REPLACE, true, 40, {false, 3, 0}},
        {REBIND_REPLACE, true, 30, {false, 3, 0}},  {REBIND_REPLACE, true, 25, {false, 2, 30}},
        {REBIND_REPLACE, true, 5, {false, 0, 10}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct rebinding r =
            rebind(cases[i].rule, cases[i].others ? &three : &none, cases[i].at_ms);

        assert_true(r.refused == cases[i].expected.refused);
        assert_int_equal(r.ends, cases[i].expected.ends);
        assert_int_equal(r.ended_at_ms, cases[i].expected.ended_at_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_know_our_own_scenes),
        cmocka_unit_test(test_rules_only_declared_scenes_bind),
        cmocka_unit_test(test_rules_refuse_scenes_for_a_reason),
        cmocka_unit_test(test_rules_rebinding_follows_the_setting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
