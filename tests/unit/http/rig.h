/* SPDX-License-Identifier: Apache-2.0 */
/* A server whose loop runs on a thread of its own, and clients that speak bytes: blocking sockets
 * of the test. */
#pragma once

#include "base/buf.h"
#include "base/num.h"
#include "http/server.h"
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { KEPT_MAX = 1024, REPLY_MAX = 64 * 1024, HANG_S = 20 };

struct rig;
typedef void job_fn(struct rig *rig);

struct rig {
    struct loop *loop;
    struct http_server *server;
    pthread_t thread;
    int soon_fd; /* all that one turn kept is answered in the next */
    int job_fd;
    job_fn *job;
    sem_t job_done;
    struct http_exchange *kept[KEPT_MAX];
    size_t kept_count;
    atomic_int seen;
    atomic_int refused_status; /* of the last refusal, -1 before */
    atomic_int refused_with_path;
    size_t count; /* what a job found */
    int port;
};

static inline void answer_text(struct http_exchange *x, int status, struct str body)
{
    const struct http_answer answer = {
        .status = status, .content_type = "text/plain", .body = body};

    http_exchange_answer(x, &answer);
}

/* "POST /path ?query body", so that a client sees what the server saw. */
static inline void answer_echo(struct http_exchange *x)
{
    struct buf text = BUF_INIT(REPLY_MAX);
    const struct str query = http_exchange_query(x);
    const struct str probe = http_exchange_header_list(x, "x-probe");

    buf_addf(&text, "%.*s %d %.*s ", STR_ARG(http_exchange_method_text(x)),
             (int)http_exchange_method(x), STR_ARG(http_exchange_path(x)));
    if (str_is_set(query))
        buf_addf(&text, "?%.*s ", STR_ARG(query));
    if (str_is_set(probe))
        buf_addf(&text, "[%.*s] ", STR_ARG(probe));
    if (http_exchange_body(x).len > 256)
        buf_addf(&text, "%zu bytes", http_exchange_body(x).len);
    else
        buf_add(&text, http_exchange_body(x));
    answer_text(x, 200, buf_str(&text));
    buf_done(&text);
}

static inline void answer_split_header(struct http_exchange *x)
{
    const struct header split = {STR_INIT("Location"), STR_INIT("/a\r\nX-Evil: 1")};
    const struct http_answer answer = {.status = 302, .headers = &split, .header_count = 1};

    http_exchange_answer(x, &answer);
}

static inline void answer_kept(struct rig *rig)
{
    for (size_t i = 0; i < rig->kept_count; i++)
        answer_echo(rig->kept[i]);
    rig->kept_count = 0;
}

static inline void on_soon(void *arg, uint32_t events)
{
    struct rig *rig = arg;
    uint64_t count;

    (void)events;
    assert_int_equal(read(rig->soon_fd, &count, sizeof(count)), sizeof(count));
    answer_kept(rig);
}

static inline void on_request(void *arg, struct http_exchange *x)
{
    struct rig *rig = arg;
    const struct str path = http_exchange_path(x);

    rig->seen++;
    if (str_eq_cstr(path, "/split")) {
        answer_split_header(x);
    } else if (str_eq_cstr(path, "/keep") || str_eq_cstr(path, "/soon")) {
        rig->kept[rig->kept_count++] = x;
        if (str_eq_cstr(path, "/soon") && rig->kept_count == 1)
            assert_int_equal(eventfd_write(rig->soon_fd, 1), 0);
    } else {
        answer_echo(x);
    }
}

static inline void on_refused(void *arg, int status, struct str path)
{
    struct rig *rig = arg;

    rig->refused_status = status;
    rig->refused_with_path = str_is_set(path);
}

static inline void on_job(void *arg, uint32_t events)
{
    struct rig *rig = arg;
    uint64_t count;

    (void)events;
    assert_int_equal(read(rig->job_fd, &count, sizeof(count)), sizeof(count));
    rig->job(rig);
    (void)sem_post(&rig->job_done);
}

static inline void *run_loop(void *arg)
{
    struct rig *rig = arg;
    struct err err;

    return loop_run(rig->loop, &err) == ST_OK ? NULL : rig;
}

/* Runs a job on the loop's thread and waits for it. */
static inline void on_loop(struct rig *rig, job_fn *job)
{
    rig->job = job;
    assert_int_equal(eventfd_write(rig->job_fd, 1), 0);
    assert_int_equal(sem_wait(&rig->job_done), 0);
}

static inline struct http_server_conf conf_for(struct rig *rig)
{
    return (struct http_server_conf){.listen = "127.0.0.1:0",
                                     .max_body_bytes = 65536,
                                     .max_connections = 1024,
                                     .read_timeout_ms = 10000,
                                     .idle_timeout_ms = 60000,
                                     .on_request = on_request,
                                     .on_refused = on_refused,
                                     .arg = rig};
}

static inline void rig_open(struct rig *rig, const struct http_server_conf *conf)
{
    struct err err;

    rig->refused_status = -1;
    rig->job_fd = eventfd(0, EFD_CLOEXEC);
    rig->soon_fd = eventfd(0, EFD_CLOEXEC);
    assert_true(rig->job_fd >= 0 && rig->soon_fd >= 0);
    assert_int_equal(sem_init(&rig->job_done, 0, 0), 0);
    assert_int_equal(loop_open(&rig->loop, &err), ST_OK);
    assert_int_equal(loop_watch(rig->loop, rig->job_fd, EPOLLIN, on_job, rig, &err), ST_OK);
    assert_int_equal(loop_watch(rig->loop, rig->soon_fd, EPOLLIN, on_soon, rig, &err), ST_OK);
    assert_int_equal(http_server_open(rig->loop, conf, &rig->server, &err), ST_OK);
    rig->port = http_server_port(rig->server);
    assert_int_equal(pthread_create(&rig->thread, NULL, run_loop, rig), 0);
}

static inline void rig_done(struct rig *rig)
{
    void *failed;

    loop_stop(rig->loop);
    assert_int_equal(pthread_join(rig->thread, &failed), 0);
    assert_null(failed);
    http_server_close(rig->server);
    loop_close(rig->loop);
    (void)close(rig->job_fd);
    (void)close(rig->soon_fd);
    (void)sem_destroy(&rig->job_done);
}

static inline int connect_to(const struct rig *rig)
{
    const struct timeval hang = {.tv_sec = HANG_S};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)rig->port)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &hang, sizeof(hang)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

static inline void send_text(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* The length of the first complete answer in text, 0 while it is incomplete. */
static inline size_t answer_len(const char *text, bool head_only)
{
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strstr(text, "Content-Length: ");
    struct str digits;
    struct str rest;
    int64_t body = 0;

    if (end == NULL)
        return 0;
    if (length != NULL && length < end && !head_only) {
        (void)str_cut(str_from(length + strlen("Content-Length: ")), '\r', &digits, &rest);
        assert_true(num_parse_i64(digits, 0, REPLY_MAX, &body));
    }
    return strlen(text) >= (size_t)(end + 4 - text) + (size_t)body
               ? (size_t)(end + 4 - text) + (size_t)body
               : 0;
}

struct answer {
    char text[REPLY_MAX];
    size_t len;  /* of the first answer */
    size_t have; /* what follows it is kept for the next */
};

/* Reads the next answer; *a without one (len 0) when the connection ends or is reset. */
static inline void read_answer(int fd, struct answer *a, bool head_only)
{
    memmove(a->text, a->text + a->len, a->have - a->len + 1);
    a->have -= a->len;
    while ((a->len = answer_len(a->text, head_only)) == 0) {
        const ssize_t got = recv(fd, a->text + a->have, sizeof(a->text) - a->have - 1, 0);

        if (got <= 0)
            return;
        a->have += (size_t)got;
        a->text[a->have] = '\0';
    }
}

static inline bool has(const struct answer *a, const char *text)
{
    size_t at;

    return str_find(str_of(a->text, a->len), str_from(text), &at);
}

/* True when the server closes it within the test's patience. */
static inline bool is_closed(int fd)
{
    char bytes[4096];
    ssize_t got;

    do
        got = recv(fd, bytes, sizeof(bytes), 0);
    while (got > 0);
    return got == 0 || errno != EAGAIN;
}

static inline void check_once(const struct rig *rig, const char *request, const char *expected)
{
    struct answer a = {0};
    const int fd = connect_to(rig);

    send_text(fd, request);
    read_answer(fd, &a, false);
    if (!has(&a, expected))
        print_error("asked: %s\ngot: %s\n", request, a.text);
    assert_true(has(&a, expected));
    (void)close(fd);
}

static inline void with_rig(const struct http_server_conf *changed, void (*test)(struct rig *rig))
{
    struct rig rig = {0};
    struct http_server_conf conf = conf_for(&rig);

    if (changed != NULL) {
        conf.body_limit = changed->body_limit;
        conf.refusal = changed->refusal;
        conf.max_connections =
            changed->max_connections > 0 ? changed->max_connections : conf.max_connections;
        conf.max_body_bytes =
            changed->max_body_bytes > 0 ? changed->max_body_bytes : conf.max_body_bytes;
        conf.read_timeout_ms =
            changed->read_timeout_ms > 0 ? changed->read_timeout_ms : conf.read_timeout_ms;
        conf.idle_timeout_ms =
            changed->idle_timeout_ms > 0 ? changed->idle_timeout_ms : conf.idle_timeout_ms;
    }
    rig_open(&rig, &conf);
    test(&rig);
    rig_done(&rig);
}

static inline void count_open(struct rig *rig)
{
    rig->count = http_server_open_exchanges(rig->server);
}

static inline void count_connections(struct rig *rig)
{
    rig->count = http_server_connections(rig->server);
}

/* Polls a counter on the loop's thread until it is as expected. */
static inline void wait_for(struct rig *rig, job_fn *counter, size_t expected)
{
    const struct timespec step = {.tv_nsec = 2L * 1000 * 1000};

    for (int i = 0; i < HANG_S * 500; i++) {
        on_loop(rig, counter);
        if (rig->count == expected)
            return;
        (void)nanosleep(&step, NULL);
    }
    fail_msg("%zu instead of %zu", rig->count, expected);
}
