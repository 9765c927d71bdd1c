/* SPDX-License-Identifier: Apache-2.0 */
/* A fetch and those who would bend it: the name server is ours, the file server openssl's. */
#include "http/fetch.h"

#include "tests/unit/http/peer.h"
#include "tests/unit/http/tls.h"

#include <netdb.h>
#include <stdlib.h>
#include <time.h>

/* What the next look-ups of any name answer, one each; the last one stays. */
static const char *const *answers;
static size_t answer_count;
static atomic_size_t look_ups;

/* In place of libc's, for libcurl too. */
__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *req,
                                                       struct addrinfo **pai)
{
    const size_t n = atomic_fetch_add(&look_ups, 1);
    const char *text = answers[n < answer_count ? n : answer_count - 1];
    struct addrinfo *info = calloc(1, sizeof(*info));
    struct sockaddr_in *v4 = calloc(1, sizeof(*v4));
    int64_t port = 0;

    (void)name;
    (void)req;
    assert_non_null(info);
    assert_non_null(v4);
    v4->sin_family = AF_INET;
    assert_true(num_parse_i64(str_from(service), 0, UINT16_MAX, &port));
    v4->sin_port = htons((uint16_t)port);
    assert_int_equal(inet_pton(AF_INET, text, &v4->sin_addr), 1);
    info->ai_family = AF_INET;
    info->ai_socktype = SOCK_STREAM;
    info->ai_addr = (struct sockaddr *)v4;
    info->ai_addrlen = sizeof(*v4);
    *pai = info;
    return 0;
}

__attribute__((visibility("default"))) void freeaddrinfo(struct addrinfo *ai)
{
    free(ai->ai_addr);
    free(ai);
}

struct fixture {
    struct http_client *client;
    struct arena arena;
    struct http_reply reply;
    struct err err;
};

static void setup(struct fixture *f, const char *ca_file)
{
    static const char *const loopback[] = {"127.0.0.1"};
    const struct http_client_conf conf = {.ca_file = ca_file, .connect_timeout_ms = 2000};

    *f = (struct fixture){0};
    answers = loopback;
    answer_count = 1;
    look_ups = 0;
    assert_int_equal(http_client_open(&conf, NULL, &f->client, &f->err), ST_OK);
}

static void teardown(struct fixture *f)
{
    http_client_close(f->client);
    arena_done(&f->arena);
}

static enum status ask(struct fixture *f, const char *hosts, const char *url, size_t max_bytes)
{
    const struct http_fetch fetch = {
        .hosts = str_from(hosts), .url = str_from(url), .max_bytes = max_bytes};

    f->err = (struct err){0};
    return http_fetch(f->client, &fetch, deadline_in(HANG_MS), &f->arena, &f->reply, &f->err);
}

static const char *const FOREIGN[] = {
    "http://cdn.example/a",
    "HTTPS://cdn.example/a",
    "https:/cdn.example/a",
    "https:///cdn.example/a",
    "https:cdn.example/a",
    "//cdn.example/a",
    "file:///etc/passwd",
    "ftp://cdn.example/a",
    "gopher://cdn.example/a",
    "https://",
    "",
    "https://CDN.example/a",
    "https://cdn.example./a",
    "https://cdn.example:444/a",
    "https://cdn.example:0443/a",
    "https://cdn.example:/a",
    "https://cdn.example:443:443/a",
    "https://cdn.example:8443@evil.example/a",
    "https://user@cdn.example/a",
    "https://user:secret@cdn.example/a",
    "https://cdn.example@evil.example/a",
    "https://cdn.example#@evil.example/a\\",
    "https://cdn.example\\@evil.example/a",
    "https://evil.example\\.cdn.example/a",
    "https://cdn.example\t/a",
    " https://cdn.example/a",
    "https://cdn.example/a b",
    "https://cdn.example/\r\nHost: evil.example",
    "https://cdn.example/\x7F",
    "https://cdn.example/\xE5\x9B\xBE.png",
    "https://cdn%2Eexample/a",
    "https://cdn\343\200\202example/a",
    "https://evil.example/https://cdn.example/",
    "https://evil.example?cdn.example",
    "https://cdn.example.evil.example/",
    "https://example/a",
    "https://127.0.0.1/a",
    "https://127.0.0.1:8444/a",
    "https://2130706433:8443/a",
    "https://0x7f000001:8443/a",
    "https://0177.0.0.1:8443/a",
    "https://127.1:8443/a",
    "https://[::1]/a",
    "https://[::ffff:127.0.0.1]:8443/a",
    "https://[0:0:0:0:0:0:0:1]:8443/a",
};

static void test_fetch_asks_nobody_but_the_hosts_of_the_list(void **state)
{
    struct fixture f;

    (void)state;
    setup(&f, NULL);
    for (size_t i = 0; i < COUNT_OF(FOREIGN); i++) {
        if (ask(&f, "cdn.example 127.0.0.1:8443  [::1]:8443", FOREIGN[i], 10) != ST_REJECT ||
            strcmp(f.err.code, "http:host") != 0)
            fail_msg("%s: %s", FOREIGN[i], f.err.code);
        assert_null(strstr(f.err.text, "secret"));
    }
    assert_int_equal(ask(&f, NULL, "https://cdn.example/", 10), ST_REJECT);
    assert_string_equal(f.err.code, "http:host");
    assert_int_equal(ask(&f, " ", "https:///", 10), ST_REJECT);
    assert_string_equal(f.err.code, "http:host");
    assert_int_equal(look_ups, 0);
    teardown(&f);
}

/* Those that libcurl takes for numbers are not looked up; none is the literal that would do. */
static void test_fetch_keeps_out_of_private_addresses(void **state)
{
    static const char *const hosts[] = {"cdn.example", "2130706433", "0x7f000001", "0177.0.0.1",
                                        "127.1",       "localhost",  "localhost."};
    static const char *const private[] = {"127.0.0.1", "10.0.0.1", "169.254.169.254", "0.0.0.0"};
    static const struct step steps[] = {{NULL, CLOSE}};
    struct fixture f;
    struct peer peer;
    char host[64];
    char url[96];

    (void)state;
    setup(&f, NULL);
    peer_start(&peer, steps, COUNT_OF(steps));
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        (void)snprintf(host, sizeof(host), "%s:%d", hosts[i], peer.port);
        (void)snprintf(url, sizeof(url), "https://%s/a?token=secret", host);
        answers = &private[i % COUNT_OF(private)];
        if (ask(&f, host, url, 10) != ST_REJECT || strcmp(f.err.code, "http:address") != 0)
            fail_msg("%s: %s %s", host, f.err.code, f.err.text);
        assert_null(strstr(f.err.text, "secret"));
    }
    assert_int_equal(peer.accepted, 0);
    teardown(&f);
    peer_stop(&peer);
}

/* There is no second look-up that could say something else than the one that was judged. */
static void test_fetch_is_not_fooled_by_a_name_that_changes(void **state)
{
    static const char *const changing[] = {"10.0.0.1", "8.8.8.8", "127.0.0.1"};
    struct fixture f;

    (void)state;
    setup(&f, NULL);
    answers = changing;
    answer_count = COUNT_OF(changing);
    assert_int_equal(ask(&f, "cdn.example", "https://cdn.example/", 10), ST_REJECT);
    assert_string_equal(f.err.code, "http:address");
    assert_int_equal(look_ups, 1);
    teardown(&f);
}

/* Empty: none. */
/* NOLINTBEGIN(concurrency-mt-unsafe): no other thread looks at the environment then. */
static void set_proxy(const char *url)
{
    assert_int_equal(setenv("https_proxy", url, 1), 0);
    assert_int_equal(setenv("all_proxy", url, 1), 0);
}

/* NOLINTEND(concurrency-mt-unsafe) */

static void test_fetch_passes_proxies_by(void **state)
{
    static const struct step steps[] = {{"HTTP/1.1 200 OK\r\n\r\n", CLOSE}};
    struct fixture f;
    struct peer peer;
    char proxy[64];

    (void)state;
    setup(&f, NULL);
    peer_start(&peer, steps, COUNT_OF(steps));
    (void)snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", peer.port);
    set_proxy(proxy);
    assert_int_equal(ask(&f, "cdn.example", "https://cdn.example/", 10), ST_REJECT);
    assert_string_equal(f.err.code, "http:address");
    /* The guard would let this proxy in. */
    assert_int_equal(ask(&f, "127.0.0.1:1", "https://127.0.0.1:1/", 10), ST_RETRY);
    assert_string_equal(f.err.code, "http:fetch");
    set_proxy("");
    assert_int_equal(peer.accepted, 0);
    teardown(&f);
    peer_stop(&peer);
}

/* A file server: its files are whole HTTP replies. */
struct served {
    char directory[32];
    char certificate[64];
    char host[32]; /* "127.0.0.1:port" */
    pid_t server;  /* -1: no openssl here */
};

static const struct {
    const char *name;
    const char *reply;
    enum status rc;
    const char *code;
} FILES[] = {
    {"ok", "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n0123456789", ST_OK, ""},
    {"long", "HTTP/1.1 200 OK\r\n\r\n0123456789A", ST_REJECT, "http:size"},
    {"announced", "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n", ST_REJECT, "http:size"},
    {"short", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n012", ST_RETRY, "http:fetch"},
    {"moved", "HTTP/1.1 301 M\r\nLocation: /ok\r\n\r\n", ST_REJECT, "http:redirect"},
    {"found", "HTTP/1.1 302 F\r\nLocation: https://10.0.0.1/\r\n\r\n", ST_REJECT, "http:redirect"},
    {"again", "HTTP/1.1 307 T\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n", ST_REJECT,
     "http:redirect"},
    {"nothing", "HTTP/1.1 204 N\r\n\r\n", ST_REJECT, "http:fetch"},
    {"part", "HTTP/1.1 206 P\r\n\r\n0123", ST_REJECT, "http:fetch"},
    {"gone", "HTTP/1.1 404 N\r\nContent-Length: 0\r\n\r\n", ST_REJECT, "http:fetch"},
    {"later", "HTTP/1.1 503 S\r\nRetry-After: 7\r\n\r\n", ST_RETRY, "http:fetch"},
    {"busy", "HTTP/1.1 429 S\r\nContent-Length: 0\r\n\r\n", ST_RETRY, "http:fetch"},
    {"garbage", "\x16\x03\x01 no HTTP\r\n\r\n", ST_RETRY, "http:fetch"},
};

static void path_of(const struct served *s, const char *name, char out[96])
{
    (void)snprintf(out, 96, "%s/%s", s->directory, name);
}

static void serve_start(struct served *s)
{
    char path[96];
    int port;

    *s = (struct served){.directory = "/tmp/kabao-fetch-XXXXXX", .server = -1};
    assert_non_null(mkdtemp(s->directory));
    for (size_t i = 0; i < COUNT_OF(FILES); i++) {
        FILE *file;

        path_of(s, FILES[i].name, path);
        file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(FILES[i].reply, file) >= 0);
        assert_int_equal(fclose(file), 0);
    }
    (void)snprintf(s->certificate, sizeof(s->certificate), "%s.pem", s->directory);
    (void)close(listen_any(&port));
    (void)snprintf(s->host, sizeof(s->host), "127.0.0.1:%d", port);
    if (make_certificate(s->certificate, "IP:127.0.0.1"))
        s->server = start_tls_server(s->certificate, port, "-HTTP", s->directory);
}

static void serve_stop(struct served *s)
{
    char path[96];

    if (s->server > 0)
        stop_tls_server(s->server);
    for (size_t i = 0; i < COUNT_OF(FILES); i++) {
        path_of(s, FILES[i].name, path);
        (void)unlink(path);
    }
    (void)unlink(s->certificate);
    (void)rmdir(s->directory);
}

static enum status ask_for(struct fixture *f, const struct served *s, const char *name)
{
    char url[96];

    (void)snprintf(url, sizeof(url), "https://%s/%s", s->host, name);
    return ask(f, s->host, url, 10);
}

static void await_server(struct fixture *f, const struct served *s)
{
    for (int i = 0; i < 500 && ask_for(f, s, "ok") != ST_OK; i++) {
        assert_string_equal(f->err.code, "http:fetch");
        (void)nanosleep(&(struct timespec){.tv_nsec = 20L * 1000 * 1000}, NULL);
    }
}

static void check_files(const struct served *s)
{
    struct fixture f;

    setup(&f, s->certificate);
    await_server(&f, s);
    for (size_t i = 0; i < COUNT_OF(FILES); i++) {
        f.reply = (struct http_reply){0};
        if (ask_for(&f, s, FILES[i].name) != FILES[i].rc || strcmp(f.err.code, FILES[i].code) != 0)
            fail_msg("%s: %s %s", FILES[i].name, f.err.code, f.err.text);
        assert_int_equal(f.reply.status, FILES[i].rc == ST_OK ? 200 : 0);
        assert_true(FILES[i].rc != ST_RETRY || http_client_sent_nothing(&f.err));
    }
    assert_int_equal(ask_for(&f, s, "ok"), ST_OK);
    assert_true(str_eq_cstr(f.reply.body, "0123456789"));
    assert_true(str_eq_cstr(f.reply.content_type, "image/png"));
    teardown(&f);
}

static void test_fetch_takes_a_file_and_nothing_else(void **state)
{
    struct served s;
    struct fixture f;
    bool runs;

    (void)state;
    serve_start(&s);
    runs = s.server > 0;
    if (runs) {
        check_files(&s);
        /* Of nobody who signs for himself. */
        setup(&f, NULL);
        assert_int_equal(ask_for(&f, &s, "ok"), ST_RETRY);
        assert_string_equal(f.err.code, "http:fetch");
        teardown(&f);
    }
    serve_stop(&s);
    if (!runs)
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fetch_asks_nobody_but_the_hosts_of_the_list),
        cmocka_unit_test(test_fetch_keeps_out_of_private_addresses),
        cmocka_unit_test(test_fetch_is_not_fooled_by_a_name_that_changes),
        cmocka_unit_test(test_fetch_passes_proxies_by),
        cmocka_unit_test(test_fetch_takes_a_file_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
