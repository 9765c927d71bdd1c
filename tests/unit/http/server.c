/* SPDX-License-Identifier: Apache-2.0 */
#include "http/server.h"

#include "tests/unit/http/rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>

static void ask_many_ways(struct rig *rig)
{
    static const char *const rows[][2] = {
        {"GET /a%2Fb?x=%41+b&y HTTP/1.1\r\nHost: h\r\n\r\n", "GET 0 /a%2Fb ?x=%41+b&y "},
        {"GET /? HTTP/1.1\r\nHost: h\r\n\r\n", "GET 0 / ? "},
        {"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", "POST 1 /p hello"},
        {"PUT /p HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "PUT 2 /p "},
        {"DELETE /p HTTP/1.1\r\nHost: h\r\n\r\n", "DELETE 3 /p "},
        {"BREW /p HTTP/1.1\r\nHost: h\r\n\r\n", "BREW 4 /p "},
        {"GET /p HTTP/1.1\r\nHost: h\r\nX-PROBE: va lue\r\n\r\n", "[va lue]"},
        {"GET /p HTTP/1.1\r\nHost: h\r\nx-probe: a\r\nX-Other: c\r\nX-Probe: b\r\nx-probe: "
         "\r\n\r\n",
         "[a, b, ]"},
        {"GET /p HTTP/1.0\r\n\r\n", "200 OK"},
        {"POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
         "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n",
         "POST 1 /c abcdefg"},
        {"POST /e HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
         "100 Continue"},
        {"GET /split HTTP/1.1\r\nHost: h\r\n\r\n", "500 Internal"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        check_once(rig, rows[i][0], rows[i][1]);
}

static void test_server_shows_the_request_as_sent(void **state)
{
    (void)state;
    with_rig(NULL, ask_many_ways);
}

#define POST_HEAD "POST / HTTP/1.1\r\nHost: h\r\n"

static void ask_wrongly(struct rig *rig)
{
    static const char *const rows[] = {
        POST_HEAD "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST_HEAD "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        POST_HEAD "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        POST_HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        POST_HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
        POST_HEAD "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        POST_HEAD "Content-Length: -1\r\n\r\n",
        POST_HEAD "Content-Length: 5x\r\n\r\nhello",
        POST_HEAD "Content-Length : 5\r\n\r\nhello",
        POST_HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "\x16\x03\x01\x02garbage\r\n\r\n\r\n",
        "GET /\r\n\r\n",
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct answer a = {0};
        const int fd = connect_to(rig);

        send_text(fd, rows[i]);
        (void)shutdown(fd, SHUT_WR);
        read_answer(fd, &a, false);
        if (a.len > 0 && !has(&a, "HTTP/1.1 4"))
            print_error("row %zu: %s\n", i, a.text);
        assert_true(a.len == 0 || has(&a, "HTTP/1.1 4"));
        assert_true(is_closed(fd));
        (void)close(fd);
    }
    assert_int_equal(rig->seen, 0);
}

static void test_server_refuses_ambiguous_requests(void **state)
{
    (void)state;
    with_rig(NULL, ask_wrongly);
}

static void ask_on_one_connection(struct rig *rig)
{
    struct answer a = {0};
    const int fd = connect_to(rig);

    for (int i = 0; i < 100; i++) {
        send_text(fd, "POST /soon?n HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
        read_answer(fd, &a, false);
        assert_true(has(&a, "POST 1 /soon ?n hello"));
    }
    send_text(fd, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
                  "POST /soon HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n2"
                  "GET /3 HTTP/1.1\r\nHost: h\r\n\r\n");
    read_answer(fd, &a, false);
    assert_true(has(&a, "GET 0 /1"));
    read_answer(fd, &a, false);
    assert_true(has(&a, "POST 1 /soon 2"));
    read_answer(fd, &a, false);
    assert_true(has(&a, "GET 0 /3"));
    (void)close(fd);
}

static void test_server_keeps_connections_and_pipelines(void **state)
{
    (void)state;
    with_rig(NULL, ask_on_one_connection);
}

static void ask_head(struct rig *rig)
{
    struct answer a = {0};
    const int fd = connect_to(rig);

    send_text(fd, "HEAD /h HTTP/1.1\r\nHost: h\r\n\r\nGET /g HTTP/1.1\r\nHost: h\r\n\r\n");
    read_answer(fd, &a, true);
    assert_true(has(&a, "Content-Length: 10\r\n")); /* "HEAD 0 /h " */
    read_answer(fd, &a, false);
    assert_true(has(&a, "GET 0 /g"));
    (void)close(fd);
}

static void test_server_answers_head_without_a_body(void **state)
{
    (void)state;
    with_rig(NULL, ask_head);
}

static void ask_too_much(struct rig *rig)
{
    struct answer a = {0};
    char body[8192];
    int fd = connect_to(rig);

    check_once(rig, "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n0123456789",
               "POST 1 /b 0123456789");
    check_once(rig, "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n", "HTTP/1.1 413 ");
    check_once(rig, "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n",
               "HTTP/1.1 413 ");
    check_once(rig,
               "POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
               "b\r\n01234567890\r\n0\r\n\r\n",
               "HTTP/1.1 413 ");
    assert_int_equal(rig->seen, 1);
    assert_int_equal(rig->refused_status, 413);
    assert_true(rig->refused_with_path);
    /* The refusal reaches a client that first sends everything. */
    memset(body, 'x', sizeof(body));
    send_text(fd, "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 1048576\r\n\r\n");
    for (size_t sent = 0; sent < 1048576; sent += sizeof(body))
        assert_int_equal(send(fd, body, sizeof(body), MSG_NOSIGNAL), sizeof(body));
    read_answer(fd, &a, false);
    assert_true(has(&a, "HTTP/1.1 413 "));
    assert_true(has(&a, "Connection: close\r\n"));
    assert_true(is_closed(fd));
    (void)close(fd);
}

static void test_server_refuses_large_bodies(void **state)
{
    (void)state;
    with_rig(&(struct http_server_conf){.max_body_bytes = 10}, ask_too_much);
}

static void ask_slowly(struct rig *rig)
{
    const int silent = connect_to(rig);
    const int head = connect_to(rig);
    const int body = connect_to(rig);
    const int again = connect_to(rig);
    struct answer a = {0};

    send_text(head, "GET / HTTP/1.1\r\nHos");
    send_text(body, "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n01");
    send_text(again, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    read_answer(again, &a, false);
    assert_true(has(&a, "200 OK"));
    send_text(again, "GET /never-");
    assert_true(is_closed(silent));
    assert_true(is_closed(head));
    assert_true(is_closed(body));
    assert_int_equal(rig->refused_status, 0);
    assert_true(is_closed(again));
    assert_int_equal(rig->seen, 1);
    (void)close(silent);
    (void)close(head);
    (void)close(body);
    (void)close(again);
}

static void test_server_cuts_slow_clients(void **state)
{
    (void)state;
    with_rig(&(struct http_server_conf){.read_timeout_ms = 300, .idle_timeout_ms = 1000},
             ask_slowly);
}

/* The end of a request that comes together with its last bytes; far sooner than the deadline. */
static void leave_in_the_middle(struct rig *rig)
{
    const int64_t before_ms = clock_mono_ms();

    for (int i = 0; i < 50; i++) {
        const int fd = connect_to(rig);

        send_text(fd, i % 2 == 0 ? "GET / HTTP/1.1\r\nHos"
                                 : "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhi");
        (void)close(fd);
    }
    wait_for(rig, count_connections, 0);
    assert_in_range(clock_mono_ms() - before_ms, 0, 5000);
    assert_int_equal(rig->refused_status, -1);
}

static void test_server_notices_clients_that_left(void **state)
{
    (void)state;
    with_rig(NULL, leave_in_the_middle);
}

static void drip(struct rig *rig)
{
    const struct timespec step = {.tv_nsec = 20L * 1000 * 1000};
    const int fd = connect_to(rig);
    int sent = 0;

    /* Never idle, never done: a header line that grows until the server has had enough. */
    send_text(fd, "GET / HTTP/1.1\r\nX: ");
    while (sent < 2000 && send(fd, "x", 1, MSG_NOSIGNAL) == 1) {
        sent++;
        (void)nanosleep(&step, NULL);
    }
    assert_in_range(sent, 1, 1999);
    (void)close(fd);
}

static void test_server_cuts_a_dripping_client(void **state)
{
    (void)state;
    with_rig(&(struct http_server_conf){.read_timeout_ms = 300}, drip);
}

static void idle_out(struct rig *rig)
{
    struct answer a = {0};
    const int fd = connect_to(rig);

    send_text(fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    read_answer(fd, &a, false);
    assert_true(has(&a, "200 OK"));
    assert_true(is_closed(fd));
    assert_int_equal(rig->refused_status, -1);
    (void)close(fd);
}

static void test_server_closes_idle_connections(void **state)
{
    (void)state;
    with_rig(&(struct http_server_conf){.idle_timeout_ms = 1000}, idle_out);
}

static void half_close(struct rig *rig)
{
    const int neighbour = connect_to(rig);

    /* With another connection open the library takes another path after a resume. */
    for (int i = 0; i < 10; i++) {
        struct answer a = {0};
        const int fd = connect_to(rig);

        send_text(fd, "POST /keep HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        wait_for(rig, count_open, 1);
        on_loop(rig, answer_kept);
        read_answer(fd, &a, false);
        assert_true(has(&a, "POST 1 /keep hi"));
        assert_true(is_closed(fd));
        (void)close(fd);
    }
    (void)close(neighbour);
}

static void test_server_answers_a_half_closed_client(void **state)
{
    (void)state;
    with_rig(NULL, half_close);
}

static void leave_early(struct rig *rig)
{
    const struct linger reset = {.l_onoff = 1};

    for (int i = 0; i < 20; i++) {
        const int fd = connect_to(rig);

        send_text(fd, "POST /keep?q HTTP/1.1\r\nHost: h\r\nX-Probe: p\r\n"
                      "Content-Length: 2\r\n\r\nhi");
        wait_for(rig, count_open, (size_t)i + 1);
        if (i % 2 == 0)
            assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
        (void)close(fd);
    }
    on_loop(rig, answer_kept);
    wait_for(rig, count_open, 0);
    wait_for(rig, count_connections, 0);
    check_once(rig, "GET /still HTTP/1.1\r\nHost: h\r\n\r\n", "GET 0 /still");
}

static void test_server_survives_clients_that_leave(void **state)
{
    (void)state;
    with_rig(NULL, leave_early);
}

static void close_with_kept(struct rig *rig)
{
    int fds[10];

    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = connect_to(rig);
        send_text(fds[i], "GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    wait_for(rig, count_open, COUNT_OF(fds));
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        (void)close(fds[i]);
}

static void test_server_close_drops_what_is_unanswered(void **state)
{
    (void)state;
    with_rig(NULL, close_with_kept);
}

/* All connections send at once and wait for all answers: libmicrohttpd's own thread hangs here when
 * there are 128 times k of them. */
static void lockstep(struct rig *rig, size_t count, const char *request, const char *expected)
{
    int fds[512];
    struct answer a;

    for (size_t i = 0; i < count; i++)
        fds[i] = connect_to(rig);
    for (int turn = 0; turn < 5; turn++) {
        for (size_t i = 0; i < count; i++)
            send_text(fds[i], request);
        for (size_t i = 0; i < count; i++) {
            a = (struct answer){0};
            read_answer(fds[i], &a, false);
            assert_true(has(&a, expected));
        }
    }
    for (size_t i = 0; i < count; i++)
        (void)close(fds[i]);
}

static void lockstep_all(struct rig *rig)
{
    static const size_t counts[] = {128, 256, 512};

    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        lockstep(rig, counts[i], "POST /soon HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi",
                 "POST 1 /soon hi");
        lockstep(rig, counts[i], "GET /now HTTP/1.1\r\nHost: h\r\n\r\n", "GET 0 /now");
    }
    wait_for(rig, count_connections, 0);
}

static void test_server_serves_connections_in_lockstep(void **state)
{
    (void)state;
    with_rig(NULL, lockstep_all);
}

static void crowd(struct rig *rig)
{
    struct answer a = {0};
    const int first = connect_to(rig);
    const int second = connect_to(rig);
    int third;

    wait_for(rig, count_connections, 2);
    third = connect_to(rig);
    send_text(third, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
    read_answer(third, &a, false);
    assert_true(has(&a, "HTTP/1.1 503 "));
    assert_true(has(&a, "Retry-After: 1\r\n"));
    assert_true(is_closed(third));
    assert_int_equal(rig->refused_status, 503);
    send_text(first, "GET /first HTTP/1.1\r\nHost: h\r\n\r\n");
    a = (struct answer){0};
    read_answer(first, &a, false);
    assert_true(has(&a, "GET 0 /first"));
    (void)close(second);
    (void)close(third);
    wait_for(rig, count_connections, 1);
    check_once(rig, "GET /again HTTP/1.1\r\nHost: h\r\n\r\n", "GET 0 /again");
    (void)close(first);
}

static void test_server_limits_connections(void **state)
{
    (void)state;
    with_rig(&(struct http_server_conf){.max_connections = 2}, crowd);
}

static void quiesce(struct rig *rig)
{
    http_server_quiesce(rig->server);
}

static void end_idle(struct rig *rig)
{
    http_server_end_idle(rig->server);
}

static void ask(int fd, const char *request, const char *said)
{
    struct answer a = {0};

    send_text(fd, request);
    read_answer(fd, &a, false);
    assert_true(has(&a, said));
}

static void quiesce_under_load(struct rig *rig)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)rig->port)};
    struct answer a = {0};
    const int idle = connect_to(rig);
    const int kept = connect_to(rig);
    const int again = connect_to(rig);
    const int late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    send_text(idle, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    read_answer(idle, &a, false);
    assert_false(has(&a, "Connection: close"));
    ask(again, "GET /before HTTP/1.1\r\nHost: h\r\n\r\n", "GET 0 /before");
    send_text(kept, "GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for(rig, count_open, 1);
    on_loop(rig, quiesce);
    on_loop(rig, quiesce);
    ask(again, "GET /after HTTP/1.1\r\nHost: h\r\n\r\n", "Connection: close");
    assert_true(is_closed(again));
    on_loop(rig, end_idle);
    assert_true(is_closed(idle));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_not_equal(connect(late, (struct sockaddr *)&at, sizeof(at)), 0);
    on_loop(rig, answer_kept);
    a = (struct answer){0};
    read_answer(kept, &a, false);
    assert_true(has(&a, "GET 0 /keep"));
    assert_true(has(&a, "Connection: close"));
    assert_true(is_closed(kept));
    wait_for(rig, count_connections, 0);
    (void)close(idle);
    (void)close(kept);
    (void)close(again);
    (void)close(late);
}

static void test_server_quiesce_lets_requests_in_hand_finish(void **state)
{
    (void)state;
    with_rig(NULL, quiesce_under_load);
}

static size_t count_fds(void)
{
    size_t count = 0;

    for (int fd = 0; fd < 4096; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void come_and_go(struct rig *rig)
{
    static const char *const requests[] = {
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /soon HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\nhi",
        "garbage\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhi",
    };
    const size_t before = count_fds();

    for (size_t i = 0; i < 2000; i++) {
        const int fd = connect_to(rig);

        send_text(fd, requests[i % COUNT_OF(requests)]);
        if (i % 3 == 0)
            (void)shutdown(fd, SHUT_WR);
        if (i % COUNT_OF(requests) == 2)
            assert_true(is_closed(fd));
        (void)close(fd);
    }
    wait_for(rig, count_connections, 0);
    wait_for(rig, count_open, 0);
    for (int i = 0; i < 500 && count_fds() > before; i++)
        (void)nanosleep(&(struct timespec){.tv_nsec = 10L * 1000 * 1000}, NULL);
    assert_int_equal(count_fds(), before);
}

static void test_server_leaks_no_descriptor(void **state)
{
    (void)state;
    with_rig(NULL, come_and_go);
}

static void test_server_names_the_address_it_cannot_have(void **state)
{
    static const char *const wrong[] = {"127.0.0.1", "127.0.0.1:",  "127.0.0.1:99999",
                                        "::1:80",    "300.1.1.1:0", "[::1:80"};
    struct rig rig = {0};
    struct http_server_conf conf = conf_for(&rig);
    struct http_server *first;
    struct http_server *second = NULL;
    struct loop *loop;
    struct err err;
    char address[64];
    size_t at;

    (void)state;
    assert_int_equal(loop_open(&loop, &err), ST_OK);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        conf.listen = wrong[i];
        assert_int_equal(http_server_open(loop, &conf, &second, &err), ST_FATAL);
        assert_true(str_find(str_from(err.text), str_from(wrong[i]), &at));
    }
    conf.listen = "127.0.0.1:0";
    assert_int_equal(http_server_open(loop, &conf, &first, &err), ST_OK);
    (void)snprintf(address, sizeof(address), "127.0.0.1:%d", http_server_port(first));
    conf.listen = address;
    assert_int_equal(http_server_open(loop, &conf, &second, &err), ST_FATAL);
    assert_true(str_find(str_from(err.text), str_from(address), &at));
    assert_string_equal(err.code, "errno:EADDRINUSE");
    assert_null(second);
    http_server_close(first);
    http_server_close(NULL);
    loop_close(loop);
}

static void test_server_shares_an_address_when_told(void **state)
{
    struct rig rig = {0};
    struct http_server_conf conf = conf_for(&rig);
    struct http_server *first;
    struct http_server *second;
    struct loop *loop;
    struct err err;
    char address[64];

    (void)state;
    conf.reuse_port = true;
    conf.listen = "[::1]:0";
    assert_int_equal(loop_open(&loop, &err), ST_OK);
    assert_int_equal(http_server_open(loop, &conf, &first, &err), ST_OK);
    (void)snprintf(address, sizeof(address), "[::1]:%d", http_server_port(first));
    conf.listen = address;
    assert_int_equal(http_server_open(loop, &conf, &second, &err), ST_OK);
    assert_int_equal(http_server_port(first), http_server_port(second));
    http_server_close(second);
    http_server_close(first);
    loop_close(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_shows_the_request_as_sent),
        cmocka_unit_test(test_server_refuses_ambiguous_requests),
        cmocka_unit_test(test_server_keeps_connections_and_pipelines),
        cmocka_unit_test(test_server_answers_head_without_a_body),
        cmocka_unit_test(test_server_refuses_large_bodies),
        cmocka_unit_test(test_server_cuts_slow_clients),
        cmocka_unit_test(test_server_notices_clients_that_left),
        cmocka_unit_test(test_server_cuts_a_dripping_client),
        cmocka_unit_test(test_server_closes_idle_connections),
        cmocka_unit_test(test_server_answers_a_half_closed_client),
        cmocka_unit_test(test_server_survives_clients_that_leave),
        cmocka_unit_test(test_server_close_drops_what_is_unanswered),
        cmocka_unit_test(test_server_serves_connections_in_lockstep),
        cmocka_unit_test(test_server_limits_connections),
        cmocka_unit_test(test_server_quiesce_lets_requests_in_hand_finish),
        cmocka_unit_test(test_server_leaks_no_descriptor),
        cmocka_unit_test(test_server_names_the_address_it_cannot_have),
        cmocka_unit_test(test_server_shares_an_address_when_told),
    };
    struct rlimit files;

    /* Both ends of 512 connections are here. */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
