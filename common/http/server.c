/* SPDX-License-Identifier: Apache-2.0 */
/* libmicrohttpd on the caller's loop: its epoll descriptor is watched, one timer serves whatever is
 * due at a time; deadlines and limits are our own. */
#include "http/server.h"

#include "base/mem.h"
#include "base/num.h"
#include "http/exchange.h"
#include "http/linger.h"
#include "http/listen.h"
#include "http/waiting.h"

#include <microhttpd.h>

#include <assert.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    TURNS_MAX = 8,   /* of the library, before other descriptors of the loop get theirs */
    OVER_LIMIT = 64, /* connections accepted beyond the limit, to be told 503 */
    AT_ONCE_MS = 1,  /* a point of the monotonic clock that has always passed */
};

struct http_server {
    struct http_server_conf conf;
    struct loop *loop;
    struct MHD_Daemon *daemon;
    struct http_linger *linger;
    struct loop_timer timer;
    int64_t timer_at_ms; /* 0 = not set */
    int64_t now_ms;      /* of the turn in hand */
    int epoll_fd;
    int port;
    size_t connections;
    struct http_waiting reading; /* for the rest of a request, from accept or the request line on */
    struct http_waiting idle;    /* for the next request line */
    struct http_exchanges exchanges;
};

static void set_timer(struct http_server *s, int64_t at_ms)
{
    if (at_ms == INT64_MAX || (s->timer_at_ms != 0 && s->timer_at_ms <= at_ms))
        return;
    s->timer_at_ms = at_ms;
    loop_timer_set(s->loop, &s->timer, (struct deadline){at_ms});
}

/* Slow clients lose their connection; the library sees its end in the next turn. */
static void cut_overdue(const struct http_server *s, struct http_waiting *list, int64_t now_ms)
{
    struct http_waiting_link *link;
    bool gone;

    while ((link = http_waiting_take(list, now_ms, &gone)) != NULL) {
        (void)shutdown(link->fd, SHUT_RDWR);
        if (!gone)
            http_exchange_report_refused(&s->exchanges, ((const struct http_conn *)link)->exchange,
                                         0);
    }
}

static void run(struct http_server *s)
{
    MHD_UNSIGNED_LONG_LONG left_ms = 0;

    s->now_ms = clock_mono_ms();
    /* The library says 0 while it knows of work that its epoll descriptor does not show. */
    for (int turn = 0; turn < TURNS_MAX && left_ms == 0; turn++) {
        (void)MHD_run(s->daemon);
        if (MHD_get_timeout(s->daemon, &left_ms) != MHD_YES || left_ms > INT_MAX)
            left_ms = INT_MAX;
    }
    set_timer(s, left_ms > 0 ? s->now_ms + (int64_t)left_ms : AT_ONCE_MS);
    set_timer(s, http_waiting_due_ms(&s->reading));
    set_timer(s, http_waiting_due_ms(&s->idle));
}

static void on_epoll(void *arg, uint32_t events UNUSED)
{
    run(arg);
}

static void on_timer(void *arg)
{
    struct http_server *s = arg;
    const int64_t now_ms = clock_mono_ms();

    s->timer_at_ms = 0;
    cut_overdue(s, &s->reading, now_ms);
    cut_overdue(s, &s->idle, now_ms);
    run(s);
}

static struct http_conn *conn_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void on_connect(struct http_server *s, struct MHD_Connection *mhd, void **context)
{
    struct http_conn *conn = mem_zalloc(sizeof(*conn));

    if (conn == NULL)
        return; /* its first request is refused */
    conn->wait.fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    conn->over_limit = s->connections >= s->conf.max_connections;
    s->connections++;
    http_waiting_add(&s->reading, &conn->wait, s->now_ms);
    *context = conn;
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct http_server *s = cls;
    struct http_conn *conn = *context;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        on_connect(s, mhd, context);
    } else if (conn != NULL) {
        http_waiting_remove(&conn->wait);
        s->connections--;
        mem_free(conn);
    }
}

/* Called with the target of each request line before the library takes it apart. */
static void *on_request_line(void *cls, const char *target, struct MHD_Connection *mhd)
{
    struct http_server *s = cls;
    struct http_conn *conn = conn_of(mhd);
    struct http_exchange *x =
        conn != NULL ? http_exchange_begin(&s->exchanges, conn, mhd, target) : NULL;

    if (x != NULL)
        http_waiting_add(&s->reading, &conn->wait, s->now_ms);
    return x;
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **request,
                         enum MHD_RequestTerminationCode why UNUSED)
{
    struct http_server *s = cls;
    struct http_conn *conn = conn_of(mhd);

    if (*request == NULL)
        return;
    http_exchange_end(*request);
    *request = NULL;
    http_waiting_add(&s->idle, &conn->wait, s->now_ms);
    /* What came already is still read and answered; then the library finds the end. */
    if (s->exchanges.quiesced)
        (void)shutdown(conn->wait.fd, SHUT_RD);
}

/* NOLINTNEXTLINE(readability-function-size): the parameters are the library's. */
static enum MHD_Result on_access(void *cls UNUSED, struct MHD_Connection *mhd UNUSED,
                                 const char *url UNUSED, const char *method,
                                 const char *version UNUSED, const char *part, size_t *part_len,
                                 void **request)
{
    return *request != NULL ? http_exchange_go_on(*request, method, part, part_len) : MHD_NO;
}

/* The query is passed on as it came; url_query decodes what is asked for. */
static size_t keep_escapes(void *cls UNUSED, struct MHD_Connection *mhd UNUSED, char *text)
{
    return strlen(text);
}

static struct MHD_Daemon *start_library(struct http_server *s, int listen_fd)
{
    const size_t limit = s->conf.max_connections + OVER_LIMIT;

    /* MHD_USE_TURBO gains nothing on kept connections and skips the shutdown before a close. */
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_access, s,
        MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
        MHD_OPTION_URI_LOG_CALLBACK, on_request_line, s, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes,
        NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HTTP_HEAD_MAX_BYTES, MHD_OPTION_CONNECTION_LIMIT,
        limit < UINT_MAX ? (unsigned)limit : UINT_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        s->exchanges.idle_s, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

/* Nothing wakes the library but a turn; the answers of one turn of the loop share it. */
static void wake(void *arg)
{
    set_timer(arg, AT_ONCE_MS);
}

static struct http_server *server_new(struct loop *loop, const struct http_server_conf *conf)
{
    struct http_server *s = mem_zalloc(sizeof(*s));

    if (s == NULL)
        return NULL;
    s->conf = *conf;
    s->loop = loop;
    s->linger = http_linger_new(loop);
    s->epoll_fd = -1;
    s->timer = (struct loop_timer){.fn = on_timer, .arg = s};
    http_waiting_init(&s->reading, conf->read_timeout_ms);
    /* Pure idleness is the library's to end; this one is for a request line that never ends. */
    http_waiting_init(&s->idle, num_add_i64(conf->idle_timeout_ms, conf->read_timeout_ms));
    s->exchanges = (struct http_exchanges){
        .conf = &s->conf,
        .linger = s->linger,
        .wake = wake,
        .arg = s,
        .idle_s = (unsigned)((conf->idle_timeout_ms + 999) / 1000),
    };
    http_exchanges_init(&s->exchanges);
    if (s->linger == NULL) {
        http_server_close(s);
        return NULL;
    }
    return s;
}

static enum status start(struct http_server *s, struct err *err)
{
    int listen_fd;
    const enum status rc =
        http_listen(s->conf.listen, s->conf.reuse_port, &listen_fd, &s->port, err);

    if (rc != ST_OK)
        return rc;
    s->daemon = start_library(s, listen_fd);
    if (s->daemon == NULL) {
        (void)close(listen_fd);
        return err_fatal(err, "http:listen", "%s: libmicrohttpd does not start", s->conf.listen);
    }
    s->epoll_fd = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    /* The first turn puts the listening socket into the set. */
    set_timer(s, AT_ONCE_MS);
    return loop_watch(s->loop, s->epoll_fd, EPOLLIN, on_epoll, s, err);
}

enum status http_server_open(struct loop *loop, const struct http_server_conf *conf,
                             struct http_server **out, struct err *err)
{
    struct http_server *s = server_new(loop, conf);
    enum status rc;

    assert(conf->on_request != NULL);
    if (s == NULL)
        return err_fatal(err, "memory", "no memory for the server on %s", conf->listen);
    rc = start(s, err);
    if (rc != ST_OK) {
        http_server_close(s);
        return rc == ST_RETRY ? ST_FATAL : rc;
    }
    s->conf.listen = NULL; /* the caller's text, no longer needed */
    *out = s;
    return ST_OK;
}

void http_server_quiesce(struct http_server *s)
{
    int listen_fd;

    if (s->exchanges.quiesced)
        return;
    s->exchanges.quiesced = true;
    listen_fd = MHD_quiesce_daemon(s->daemon);
    if (listen_fd >= 0)
        (void)close(listen_fd);
}

void http_server_end_idle(struct http_server *s)
{
    http_waiting_shut(&s->idle);
}

void http_server_close(struct http_server *s)
{
    if (s == NULL)
        return;
    s->exchanges.closing = true;
    if (s->daemon != NULL) {
        loop_unwatch(s->loop, s->epoll_fd);
        http_exchanges_drop(&s->exchanges);
        /* The library does not stop while a connection is suspended. */
        (void)MHD_run(s->daemon);
        MHD_stop_daemon(s->daemon);
    }
    loop_timer_cancel(s->loop, &s->timer);
    http_linger_free(s->linger);
    http_exchanges_done(&s->exchanges);
    mem_free(s);
}

size_t http_server_connections(const struct http_server *s)
{
    return s->connections;
}

size_t http_server_open_exchanges(const struct http_server *s)
{
    return s->exchanges.open;
}

int http_server_port(const struct http_server *s)
{
    return s->port;
}
