/* SPDX-License-Identifier: Apache-2.0 */
#include "http/client.h"

#include "tests/unit/http/peer.h"
#include "tests/unit/http/tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* One client, what it needs, and the outcome of its last request. */
struct fixture {
    struct http_share *share;
    struct http_client *client;
    struct arena arena;
    struct http_reply reply;
    struct err err;
    struct peer peer;
};

static void open_with(struct fixture *f, const struct http_client_conf *conf)
{
    f->share = http_share_new();
    assert_non_null(f->share);
    assert_int_equal(http_client_open(conf, f->share, &f->client, &f->err), ST_OK);
}

static void setup(struct fixture *f, const struct step *steps, size_t count)
{
    *f = (struct fixture){0};
    open_with(f, &(struct http_client_conf){.connect_timeout_ms = 2000, .max_reply_bytes = 100});
    peer_start(&f->peer, steps, count);
}

static void teardown(struct fixture *f)
{
    http_client_close(f->client);
    http_share_free(f->share);
    peer_stop(&f->peer);
    arena_done(&f->arena);
}

static enum status ask(struct fixture *f, struct http_request request, int64_t within_ms)
{
    char url[128];

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/a/b?key=secret", f->peer.port);
    if (request.url == NULL)
        request.url = url;
    if (request.method == NULL)
        request.method = "GET";
    return http_client_send(f->client, &request, deadline_in(within_ms), &f->arena, &f->reply,
                            &f->err);
}

static enum status get(struct fixture *f)
{
    return ask(f, (struct http_request){0}, HANG_MS);
}

static void assert_has(const char *text, const char *part)
{
    if (strcasestr(text, part) == NULL)
        fail_msg("\"%s\" is not in:\n%s", part, text);
}

#define OK_REPLY "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nContent-Length: 2\r\n\r\nhi"

static void test_client_sends_what_it_is_given(void **state)
{
    static const struct step steps[] = {{OK_REPLY, KEEP}};
    static const struct header headers[] = {
        {STR_INIT("traceparent"), STR_INIT("00-aa-bb-01")},
        {STR_INIT("X-Empty"), STR_INIT("")},
    };
    const struct http_request post = {.method = "POST",
                                      .content_type = "application/json",
                                      .body = STR("{\"a\":1}"),
                                      .headers = headers,
                                      .header_count = COUNT_OF(headers)};
    struct fixture f;

    (void)state;
    setup(&f, steps, COUNT_OF(steps));
    assert_int_equal(ask(&f, post, HANG_MS), ST_OK);
    assert_int_equal(f.reply.status, 200);
    assert_true(str_eq_cstr(f.reply.body, "hi"));
    assert_true(str_eq_cstr(f.reply.content_type, "text/x"));
    assert_int_equal(f.reply.retry_after_s, -1);
    assert_has(f.peer.last, "POST /a/b?key=secret HTTP/1.1\r\n");
    assert_has(f.peer.last, "\r\ntraceparent: 00-aa-bb-01\r\n");
    assert_has(f.peer.last, "\r\nX-Empty:\r\n");
    assert_has(f.peer.last, "\r\nContent-Type: application/json\r\n");
    assert_has(f.peer.last, "\r\nUser-Agent: kabao/");
    assert_has(f.peer.last, "\r\n\r\n{\"a\":1}");
    assert_null(strcasestr(f.peer.last, "Expect"));
    /* Nothing of it reaches the next request. */
    assert_int_equal(get(&f), ST_OK);
    assert_has(f.peer.last, "GET /a/b?key=secret HTTP/1.1\r\n");
    assert_null(strcasestr(f.peer.last, "traceparent"));
    assert_null(strcasestr(f.peer.last, "Content-"));
    assert_int_equal(ask(&f, (struct http_request){.method = "POST"}, HANG_MS), ST_OK);
    assert_has(f.peer.last, "Content-Length: 0\r\n");
    assert_null(strcasestr(f.peer.last, "Content-Type"));
    assert_int_equal(ask(&f, (struct http_request){.method = "DELETE"}, HANG_MS), ST_OK);
    assert_has(f.peer.last, "DELETE /a/b");
    assert_int_equal(get(&f), ST_OK);
    assert_has(f.peer.last, "GET /a/b");
    assert_int_equal(f.peer.accepted, 1);
    teardown(&f);
}

static void test_client_judges_the_status(void **state)
{
    static const struct {
        struct step step;
        enum status rc;
        int status;
        int64_t retry_after_s;
        const char *code;
    } rows[] = {
        {{"HTTP/1.1 204 No\r\n\r\n", KEEP}, ST_OK, 204, -1, ""},
        {{"HTTP/1.1 301 M\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", KEEP},
         ST_REJECT,
         301,
         -1,
         "http:301"},
        {{"HTTP/1.1 404 N\r\nContent-Length: 2\r\n\r\nno", KEEP}, ST_REJECT, 404, -1, "http:404"},
        {{"HTTP/1.1 408 T\r\nContent-Length: 0\r\n\r\n", KEEP}, ST_RETRY, 408, -1, "http:408"},
        {{"HTTP/1.1 429 M\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", KEEP},
         ST_RETRY,
         429,
         7,
         "http:429"},
        {{"HTTP/1.1 503 S\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
          "Content-Length: 0\r\n\r\n",
          KEEP},
         ST_RETRY,
         503,
         0,
         "http:503"},
        {{"HTTP/1.1 500 E\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n", KEEP},
         ST_RETRY,
         500,
         -1,
         "http:500"},
    };
    struct step steps[COUNT_OF(rows)];
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        steps[i] = rows[i].step;
    setup(&f, steps, COUNT_OF(steps));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        f.err = (struct err){0};
        assert_int_equal(get(&f), rows[i].rc);
        assert_int_equal(f.reply.status, rows[i].status);
        assert_int_equal(f.reply.retry_after_s, rows[i].retry_after_s);
        assert_string_equal(f.err.code, rows[i].code);
        assert_null(strstr(f.err.text, "secret"));
        assert_int_equal(f.err.until.at_ms != 0, rows[i].retry_after_s >= 0);
    }
    teardown(&f);
}

static void test_client_names_what_went_wrong(void **state)
{
    static const struct step steps[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", CLOSE},
        {"HTTP/1.1 200 OK\r\n\r\n"
         "0123456789012345678901234567890123456789012345678901234567890123456789"
         "0123456789012345678901234567890123456789012345678901234567890123456789",
         CLOSE},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", CLOSE},
        {"garbage\r\n\r\n", CLOSE},
        {NULL, CLOSE},
        {NULL, WAIT},
    };
    static const char *const codes[] = {"http:size",  "http:size",  "http:proto",
                                        "http:proto", "http:proto", "http:timeout"};
    struct fixture f;

    (void)state;
    setup(&f, steps, COUNT_OF(steps));
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        f.reply = (struct http_reply){.status = -1};
        assert_int_equal(ask(&f, (struct http_request){0}, i == 5 ? 300 : HANG_MS),
                         i < 2 ? ST_REJECT : ST_RETRY);
        assert_string_equal(f.err.code, codes[i]);
        assert_has(f.err.text, "GET http://127.0.0.1:");
        assert_null(strstr(f.err.text, "secret"));
        assert_int_equal(f.reply.status, -1);
    }
    teardown(&f);
}

static void test_client_goes_by_the_status_of_a_large_page(void **state)
{
    static const struct step steps[] = {
        {"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 101\r\n\r\n", CLOSE},
        {"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n\r\n"
         "0123456789012345678901234567890123456789012345678901234567890123456789"
         "0123456789012345678901234567890123456789012345678901234567890123456789",
         CLOSE},
    };
    static const char *const codes[] = {"http:502", "http:503"};
    struct fixture f;

    (void)state;
    setup(&f, steps, COUNT_OF(steps));
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        assert_int_equal(ask(&f, (struct http_request){0}, HANG_MS), ST_RETRY);
        assert_string_equal(f.err.code, codes[i]);
        assert_int_equal(f.reply.body.len, 0);
    }
    assert_int_equal(f.reply.retry_after_s, 7);
    teardown(&f);
}

static void test_client_times_out_on_a_kept_connection(void **state)
{
    static const struct step steps[] = {{OK_REPLY, KEEP}, {NULL, WAIT}};
    struct fixture f;

    (void)state;
    setup(&f, steps, COUNT_OF(steps));
    assert_int_equal(get(&f), ST_OK);
    assert_int_equal(ask(&f, (struct http_request){0}, 300), ST_RETRY);
    assert_string_equal(f.err.code, "http:timeout");
    /* Too late before anything is sent. */
    assert_int_equal(ask(&f, (struct http_request){0}, 0), ST_RETRY);
    assert_string_equal(f.err.code, "http:connect");
    assert_int_equal(f.peer.requests, 2);
    teardown(&f);
}

static void test_client_proves_that_nothing_was_sent(void **state)
{
    static const struct step steps[] = {{OK_REPLY, KEEP}};
    struct fixture f;
    char url[64];
    int port;
    int fd;

    (void)state;
    setup(&f, steps, COUNT_OF(steps));
    fd = listen_any(&port);
    (void)close(fd);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/x?secret", port);
    assert_int_equal(ask(&f, (struct http_request){.url = url}, HANG_MS), ST_RETRY);
    assert_string_equal(f.err.code, "http:connect");
    assert_null(strstr(f.err.text, "secret"));
    /* The peer answers the first TLS message with something that is none. */
    (void)snprintf(url, sizeof(url), "https://user:secret@127.0.0.1:%d/x?secret", f.peer.port);
    assert_int_equal(ask(&f, (struct http_request){.url = url}, 1000), ST_RETRY);
    assert_null(strstr(f.err.text, "secret"));
    teardown(&f);
}

static void test_client_refuses_what_may_not_be_sent(void **state)
{
    static const char *const urls[] = {
        "http://example.com/?secret",
        "http://127.0.0.1@example.com/?secret",
        "http://127.0.0.1.example.com/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "https://",
        "https://[::1/?secret",
        "",
        "https://a b/",
    };
    static const struct header wrong[] = {
        {STR_INIT("X-A"), STR_INIT("b\r\nX-Evil: 1")},
        {STR_INIT("X-A\nX-Evil"), STR_INIT("1")},
        {STR_INIT("X-A"), STR_INIT("a\0b")},
        {STR_INIT(""), STR_INIT("a")},
    };
    static const struct step steps[] = {{OK_REPLY, KEEP}};
    struct fixture f;

    (void)state;
    setup(&f, steps, COUNT_OF(steps));
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        assert_int_equal(ask(&f, (struct http_request){.url = urls[i]}, HANG_MS), ST_REJECT);
        assert_string_equal(f.err.code, "http:url");
        assert_null(strstr(f.err.text, "secret"));
    }
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(
            ask(&f, (struct http_request){.headers = &wrong[i], .header_count = 1}, HANG_MS),
            ST_REJECT);
        assert_string_equal(f.err.code, "http:header");
    }
    assert_int_equal(f.peer.accepted, 0);
    teardown(&f);
}

/* What libcurl does when a kept connection dies under a request, and what `once` is for. */
static void test_client_repeats_on_a_dead_connection_unless_once(void **state)
{
    static const struct step steps[] = {
        {OK_REPLY, KEEP}, {NULL, CLOSE}, {OK_REPLY, KEEP}, {NULL, CLOSE}, {OK_REPLY, KEEP},
    };
    struct http_request post = {.method = "POST", .body = STR("x")};
    struct fixture f;

    (void)state;
    setup(&f, steps, COUNT_OF(steps));
    assert_int_equal(ask(&f, post, HANG_MS), ST_OK);
    assert_int_equal(ask(&f, post, HANG_MS), ST_OK);
    assert_int_equal(f.peer.requests, 3);
    assert_int_equal(f.peer.accepted, 2);
    post.once = true;
    assert_int_equal(ask(&f, post, HANG_MS), ST_RETRY);
    assert_string_equal(f.err.code, "http:proto");
    assert_int_equal(f.peer.requests, 4);
    assert_int_equal(f.peer.accepted, 3);
    teardown(&f);
}

static void test_client_sends_a_form(void **state)
{
    static const struct step steps[] = {
        {OK_REPLY, KEEP}, {OK_REPLY, KEEP}, {NULL, CLOSE}, {OK_REPLY, KEEP}};
    const struct http_file file = {.name = "buffer",
                                   .filename = "a\"b.png",
                                   .content_type = "image/png",
                                   .bytes = STR("\x89PNG of this file")};
    const struct http_request post = {.method = "POST", .file = &file};
    struct fixture f;

    (void)state;
    setup(&f, steps, COUNT_OF(steps));
    assert_int_equal(ask(&f, post, HANG_MS), ST_OK);
    assert_has(f.peer.last, "\r\nContent-Type: multipart/form-data; boundary=");
    assert_has(f.peer.last, "\r\nContent-Disposition: form-data; name=\"buffer\"; "
                            "filename=\"a%22b.png\"\r\nContent-Type: image/png\r\n\r\n"
                            "\x89PNG of this file\r\n--");
    assert_null(strcasestr(f.peer.last, "Expect"));
    assert_null(strcasestr(f.peer.last, "chunked"));
    assert_int_equal(get(&f), ST_OK);
    assert_null(strcasestr(f.peer.last, "Content-"));
    /* The kept connection dies under it: whole again on the next one. */
    assert_int_equal(ask(&f, post, HANG_MS), ST_OK);
    assert_int_equal(f.peer.requests, 4);
    assert_has(f.peer.last, "\r\n\r\n\x89PNG of this file\r\n--");
    teardown(&f);
}

static void test_client_guarded_goes_to_public_addresses_only(void **state)
{
    static const struct step steps[] = {{OK_REPLY, KEEP}};
    const struct http_request guarded = {.guarded = true};
    const struct http_request named = {.guarded = true, .literal = STR("127.0.0.1")};
    struct fixture f;

    (void)state;
    setup(&f, steps, COUNT_OF(steps));
    assert_int_equal(get(&f), ST_OK);
    /* Not even on the connection that is there. */
    assert_int_equal(ask(&f, guarded, HANG_MS), ST_REJECT);
    assert_string_equal(f.err.code, "http:address");
    assert_null(strstr(f.err.text, "secret"));
    assert_int_equal(f.peer.accepted, 1);
    assert_int_equal(ask(&f, named, HANG_MS), ST_OK);
    assert_int_equal(f.peer.accepted, 2);
    /* Its connection is nobody else's, and the guard was for it alone. */
    assert_int_equal(get(&f), ST_OK);
    assert_int_equal(ask(&f, (struct http_request){.once = true}, HANG_MS), ST_OK);
    assert_int_equal(f.peer.accepted, 3);
    teardown(&f);
}

static void test_client_takes_the_limit_of_a_request(void **state)
{
    static const struct step steps[] = {{OK_REPLY, KEEP}};
    struct fixture f;

    (void)state;
    setup(&f, steps, COUNT_OF(steps));
    assert_int_equal(ask(&f, (struct http_request){.max_reply_bytes = 2}, HANG_MS), ST_OK);
    assert_int_equal(ask(&f, (struct http_request){.max_reply_bytes = 1}, HANG_MS), ST_REJECT);
    assert_string_equal(f.err.code, "http:size");
    assert_int_equal(get(&f), ST_OK);
    teardown(&f);
}

static void test_client_does_not_say_unsent_after_a_repetition(void **state)
{
    static const struct step steps[] = {{OK_REPLY, KEEP}, {NULL, CLOSE}};
    struct fixture f;

    (void)state;
    setup(&f, steps, COUNT_OF(steps));
    assert_int_equal(get(&f), ST_OK);
    (void)shutdown(f.peer.listen_fd, SHUT_RDWR);
    assert_int_equal(get(&f), ST_RETRY);
    assert_string_equal(f.err.code, "http:proto");
    assert_int_equal(f.peer.requests, 2);
    teardown(&f);
}

static void *cut_soon(void *arg)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = 200L * 1000 * 1000}, NULL);
    http_client_cut(arg);
    return NULL;
}

static void test_client_cut_ends_a_request_in_hand(void **state)
{
    static const struct step steps[] = {{NULL, WAIT}, {OK_REPLY, KEEP}};
    struct fixture f;
    pthread_t cutter;
    int64_t before_ms;

    (void)state;
    setup(&f, steps, COUNT_OF(steps));
    assert_int_equal(pthread_create(&cutter, NULL, cut_soon, f.client), 0);
    before_ms = clock_mono_ms();
    assert_int_equal(get(&f), ST_RETRY);
    assert_string_equal(f.err.code, "http:cut");
    assert_in_range(clock_mono_ms() - before_ms, 0, 5000);
    assert_int_equal(pthread_join(cutter, NULL), 0);
    assert_int_equal(get(&f), ST_RETRY);
    assert_string_equal(f.err.code, "http:cut");
    assert_int_equal(f.peer.requests, 1);
    http_client_uncut(f.client);
    assert_int_equal(get(&f), ST_OK);
    teardown(&f);
}

struct lane {
    struct http_share *share;
    int port;
};

static void *run_lane(void *arg)
{
    const struct lane *lane = arg;
    struct fixture f = {.share = lane->share, .peer = {.port = lane->port}};

    assert_int_equal(http_client_open(&(struct http_client_conf){.connect_timeout_ms = 2000},
                                      lane->share, &f.client, &f.err),
                     ST_OK);
    for (int i = 0; i < 50; i++)
        assert_int_equal(get(&f), ST_OK);
    http_client_close(f.client);
    arena_done(&f.arena);
    return NULL;
}

static void test_client_lanes_share_what_they_may(void **state)
{
    static const struct step steps[] = {{OK_REPLY, KEEP}};
    struct fixture f;
    struct lane lane;
    pthread_t lanes[8];

    (void)state;
    setup(&f, steps, COUNT_OF(steps));
    lane = (struct lane){f.share, f.peer.port};
    for (size_t i = 0; i < COUNT_OF(lanes); i++)
        assert_int_equal(pthread_create(&lanes[i], NULL, run_lane, &lane), 0);
    for (size_t i = 0; i < COUNT_OF(lanes); i++)
        assert_int_equal(pthread_join(lanes[i], NULL), 0);
    assert_int_equal(f.peer.accepted, COUNT_OF(lanes));
    assert_int_equal(f.peer.requests, 50 * COUNT_OF(lanes));
    teardown(&f);
}

static enum status ask_tls(struct fixture *f, const char *host, int port)
{
    char url[128];

    (void)snprintf(url, sizeof(url), "https://%s:%d/", host, port);
    return ask(f, (struct http_request){.url = url}, HANG_MS);
}

static void check_tls(const char *file, int port)
{
    struct fixture f = {0};

    open_with(&f, &(struct http_client_conf){.ca_file = file});
    for (int i = 0; i < 500 && ask_tls(&f, "localhost", port) != ST_OK; i++) {
        assert_string_equal(f.err.code, "http:connect");
        (void)nanosleep(&(struct timespec){.tv_nsec = 20L * 1000 * 1000}, NULL);
    }
    assert_int_equal(f.reply.status, 200);
    /* Known to the CA file, but not by this name. */
    assert_int_equal(ask_tls(&f, "127.0.0.1", port), ST_RETRY);
    assert_string_equal(f.err.code, "http:tls");
    http_client_close(f.client);
    http_share_free(f.share);
    open_with(&f, &(struct http_client_conf){0});
    assert_int_equal(ask_tls(&f, "localhost", port), ST_RETRY);
    assert_string_equal(f.err.code, "http:tls");
    http_client_close(f.client);
    http_share_free(f.share);
    arena_done(&f.arena);
}

static void test_client_verifies_certificates(void **state)
{
    char file[] = "/tmp/kabao-test-XXXXXX";
    const int fd = mkostemp(file, O_CLOEXEC);
    pid_t server;
    int port;

    (void)state;
    assert_true(fd >= 0);
    (void)close(fd);
    (void)close(listen_any(&port));
    if (!make_certificate(file, "DNS:localhost")) {
        (void)unlink(file);
        skip();
    }
    server = start_tls_server(file, port, "-www", ".");
    assert_true(server > 0);
    check_tls(file, port);
    stop_tls_server(server);
    (void)unlink(file);
}

static void test_client_open_names_an_unreadable_ca_file(void **state)
{
    struct http_client *client = NULL;
    struct err err;

    (void)state;
    assert_int_equal(http_client_open(&(struct http_client_conf){.ca_file = "/nonexistent.pem"},
                                      NULL, &client, &err),
                     ST_FATAL);
    assert_has(err.text, "/nonexistent.pem");
    assert_null(client);
    http_client_close(NULL);
    http_share_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_sends_what_it_is_given),
        cmocka_unit_test(test_client_judges_the_status),
        cmocka_unit_test(test_client_names_what_went_wrong),
        cmocka_unit_test(test_client_goes_by_the_status_of_a_large_page),
        cmocka_unit_test(test_client_times_out_on_a_kept_connection),
        cmocka_unit_test(test_client_proves_that_nothing_was_sent),
        cmocka_unit_test(test_client_refuses_what_may_not_be_sent),
        cmocka_unit_test(test_client_repeats_on_a_dead_connection_unless_once),
        cmocka_unit_test(test_client_sends_a_form),
        cmocka_unit_test(test_client_guarded_goes_to_public_addresses_only),
        cmocka_unit_test(test_client_takes_the_limit_of_a_request),
        cmocka_unit_test(test_client_does_not_say_unsent_after_a_repetition),
        cmocka_unit_test(test_client_cut_ends_a_request_in_hand),
        cmocka_unit_test(test_client_lanes_share_what_they_may),
        cmocka_unit_test(test_client_verifies_certificates),
        cmocka_unit_test(test_client_open_names_an_unreadable_ca_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
