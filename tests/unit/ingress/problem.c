/* SPDX-License-Identifier: Apache-2.0 */
/* Problems: every kind is whole, and a body says what RFC 9457 wants. */
#include "problem.h"

#include "base/attr.h"
#include "tests/unit/check.h"

#include <string.h>

static void test_problem_kinds_are_whole(void **state)
{
    (void)state;
    for (int i = 0; i < PROBLEM_KINDS; i++) {
        const struct problem_def *def = problem_def((enum problem_kind)i);

        assert_in_range(def->status, 400, 503);
        assert_non_null(def->type);
        assert_non_null(def->title);
        assert_true(str_starts(str_from(def->outcome), STR("api_")));
        for (int k = 0; k < i; k++)
            assert_string_not_equal(def->outcome, problem_def((enum problem_kind)k)->outcome);
    }
}

/* A path of 16 KiB that grows sixfold when it is written must not break the body. */
static void test_problem_leaves_long_paths_out(void **state)
{
    AUTO(buf_done) struct buf out = BUF_INIT((size_t)64 * 1024);
    char path[1025];

    (void)state;
    memset(path, 1, sizeof(path));
    problem_write(&(struct problem){.kind = PROBLEM_NOT_FOUND}, str_of(path, 1024), &out);
    assert_non_null(strstr(out.ptr, "instance"));
    buf_clear(&out);
    problem_write(&(struct problem){.kind = PROBLEM_NOT_FOUND}, str_of(path, 1025), &out);
    assert_null(strstr(out.ptr, "instance"));
}

static void test_problem_writes_what_is_known(void **state)
{
    AUTO(buf_done) struct buf out = BUF_INIT(4096);
    struct problem p = {.kind = PROBLEM_SCHEMA,
                        .detail = STR("d\"1"),
                        .pointer = STR(""),
                        .fault = STR("is required"),
                        .errcode = 40056};

    (void)state;
    problem_write(&p, STR("/v1/bonus"), &out);
    assert_string_equal(out.ptr, "{\"type\":\"https://schemas.kabao.example/problems/schema\","
                                 "\"title\":\"The body does not fit its schema\",\"status\":422,"
                                 "\"detail\":\"d\\\"1\",\"instance\":\"/v1/bonus\","
                                 "\"errors\":[{\"pointer\":\"\",\"detail\":\"is required\"}],"
                                 "\"errcode\":40056}");
    buf_clear(&out);
    problem_write(&(struct problem){.kind = PROBLEM_NOT_FOUND}, STR("/v1/\xff"), &out);
    assert_string_equal(out.ptr, "{\"type\":\"https://schemas.kabao.example/problems/not-found\","
                                 "\"title\":\"Not found\",\"status\":404}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_problem_kinds_are_whole),
        cmocka_unit_test(test_problem_writes_what_is_known),
        cmocka_unit_test(test_problem_leaves_long_paths_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
