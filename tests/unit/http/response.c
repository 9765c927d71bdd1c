/* SPDX-License-Identifier: Apache-2.0 */
#include "http/response.h"

#include "base/arena.h"
#include "base/attr.h"
#include "tests/unit/check.h"

static const struct http_answer success = {
    .status = 200, .content_type = "text/plain", .body = STR_INIT("success")};

static void test_response_is_shared_with_the_answer_before(void **state)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(1024);
    struct http_response *last = NULL;
    struct http_response *first = http_response_take(&last, &success, false, &arena);
    struct http_response *second = http_response_take(&last, &success, false, &arena);

    (void)state;
    assert_ptr_equal(first, second);
    assert_int_equal(first->users, 3);
    http_response_release(first);
    http_response_release(second);
    assert_int_equal(last->users, 1);
    http_response_release(last);
    http_response_release(NULL);
}

/* And what was shared before lives on where it is in use. */
static void test_response_is_not_shared_where_anything_differs(void **state)
{
    static const struct header header = {STR_INIT("Retry-After"), STR_INIT("1")};
    const struct http_answer others[] = {
        {.status = 404, .content_type = "text/plain", .body = STR("success")},
        {.status = 200, .content_type = "text/html", .body = STR("success")},
        {.status = 200, .content_type = NULL, .body = STR("success")},
        {.status = 200, .content_type = "text/plain", .body = STR("succes")},
        {.status = 200, .content_type = "text/plain", .body = STR("")},
        {.status = 200,
         .content_type = "text/plain",
         .body = STR("success"),
         .headers = &header,
         .header_count = 1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        AUTO(arena_done) struct arena arena = ARENA_INIT(1024);
        struct http_response *last = NULL;
        struct http_response *first = http_response_take(&last, &success, false, &arena);
        struct http_response *other = http_response_take(&last, &others[i], false, &arena);
        struct http_response *closing = http_response_take(&last, &others[i], true, &arena);

        assert_true(other != first && closing != other && closing != first);
        assert_int_equal(first->status, 200);
        assert_int_equal(other->status, others[i].status);
        http_response_release(first);
        http_response_release(other);
        http_response_release(closing);
        http_response_release(last);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_response_is_shared_with_the_answer_before),
        cmocka_unit_test(test_response_is_not_shared_where_anything_differs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
