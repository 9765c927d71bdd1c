/* SPDX-License-Identifier: Apache-2.0 */
/* Limits that depend on the request's head, and refusals with a text. */
#include "http/server.h"
#include "tests/unit/http/rig.h"

static size_t limit_by_path(void *arg, const struct http_exchange *x)
{
    (void)arg;
    return str_starts(http_exchange_path(x), STR("/large/")) ? 20 : 10;
}

static void refuse_with_a_text(void *arg, const struct http_exchange *x,
                               struct http_refusal *refusal)
{
    (void)arg;
    if (!str_starts(http_exchange_path(x), STR("/large/")))
        return;
    if (str_is_set(http_exchange_header(x, "X-Probe"))) {
        refusal->status = 401;
        refusal->headers = "WWW-Authenticate: Bearer\r\n";
    }
    refusal->content_type = "text/x";
    for (int i = 0; str_ends(http_exchange_path(x), STR("/wordy")) && i <= HTTP_REFUSAL_MAX; i++)
        buf_add_char(refusal->body, '.');
    buf_add_cstr(refusal->body, "no");
}

static void ask_beyond_limits_by_path(struct rig *rig)
{
    check_once(rig, "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n0123456789",
               "POST 1 /b 0123456789");
    check_once(rig, "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n",
               "Content-Length: 0\r\n");
    check_once(rig,
               "POST /large/b HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n"
               "01234567890123456789",
               "POST 1 /large/b 01234567890123456789");
    check_once(rig, "POST /large/b HTTP/1.1\r\nHost: h\r\nContent-Length: 21\r\n\r\n",
               "HTTP/1.1 413 ");
    check_once(rig, "POST /large/b HTTP/1.1\r\nHost: h\r\nContent-Length: 21\r\n\r\n",
               "Content-Type: text/x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
    check_once(rig,
               "POST /large/b HTTP/1.1\r\nHost: h\r\nX-Probe: p\r\n"
               "Transfer-Encoding: chunked\r\n\r\n15\r\n012345678901234567890\r\n0\r\n\r\n",
               "WWW-Authenticate: Bearer\r\n");
    check_once(rig, "POST /large/wordy HTTP/1.1\r\nHost: h\r\nContent-Length: 21\r\n\r\n",
               "Content-Length: 0\r\n");
    assert_int_equal(rig->seen, 2);
    assert_int_equal(rig->refused_status, 413);
}

static void test_server_limits_bodies_by_path(void **state)
{
    (void)state;
    with_rig(&(struct http_server_conf){.body_limit = limit_by_path, .refusal = refuse_with_a_text},
             ask_beyond_limits_by_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_limits_bodies_by_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
