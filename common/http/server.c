/* SPDX-License-Identifier: Apache-2.0 */
/* libmicrohttpd on the caller's loop: its epoll descriptor is watched, one timer serves whatever is
 * due at a time; deadlines, limits and refusals are our own. */
#include "http/server.h"

#include "base/mem.h"
#include "base/num.h"
#include "http/framing.h"
#include "http/header_lines.h"
#include "http/linger.h"
#include "http/listen.h"
#include "http/response.h"
#include "http/waiting.h"

#include <microhttpd.h>

#include <assert.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    HEAD_MAX_BYTES = 16 * 1024,    /* the library's memory per connection: head and read buffer */
    ARENA_MAX_BYTES = 1024 * 1024, /* as the header promises */
    KEEP_MAX_BYTES = 16 * 1024,    /* larger buffers are not kept for the next request */
    SPARE_MAX = 256,               /* exchanges kept for the next request */
    TURNS_MAX = 8,   /* of the library, before other descriptors of the loop get theirs */
    OVER_LIMIT = 64, /* connections accepted beyond the limit, to be told 503 */
    AT_ONCE_MS = 1,  /* a point of the monotonic clock that has always passed */
};

struct conn {
    struct http_waiting_link wait; /* first: a link is its connection */
    struct http_exchange *exchange;
    bool over_limit;
};

enum exchange_state {
    X_HEAD,     /* the request line is known */
    X_BODY,     /* the head is complete */
    X_RUNNING,  /* on_request has not returned */
    X_KEPT,     /* suspended: the caller answers later */
    X_ANSWERED, /* the library has not yet asked for the answer, or is sending it */
    X_DROPPED,  /* the server closes */
};

struct http_exchange {
    TAILQ_ENTRY(http_exchange) link; /* kept or spare */
    struct http_server *server;
    struct conn *conn;
    struct MHD_Connection *mhd;
    struct http_response *response;
    bool preferred; /* the library asks for the answer before it reads */
    enum exchange_state state;
    const char *method;
    struct buf target; /* as sent: path, or path?query */
    struct buf body;
    struct arena arena;
};

TAILQ_HEAD(exchange_list, http_exchange);

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
    unsigned idle_s; /* the library counts in seconds */
    bool quiesced;
    bool closing;
    size_t connections;
    size_t open_exchanges;
    size_t spare_count;
    struct http_waiting reading; /* for the rest of a request, from accept or the request line on */
    struct http_waiting idle;    /* for the next request line */
    struct exchange_list kept;
    struct exchange_list spare;
    struct http_response *last_response;
};

static void set_timer(struct http_server *s, int64_t at_ms)
{
    if (at_ms == INT64_MAX || (s->timer_at_ms != 0 && s->timer_at_ms <= at_ms))
        return;
    s->timer_at_ms = at_ms;
    loop_timer_set(s->loop, &s->timer, (struct deadline){at_ms});
}

static void report_refused(const struct http_server *s, const struct http_exchange *x, int status)
{
    const struct str unknown = {NULL, 0};

    if (s->conf.on_refused != NULL)
        s->conf.on_refused(s->conf.arg, status, x != NULL ? http_exchange_path(x) : unknown);
}

/* Slow clients lose their connection; the library sees its end in the next turn. */
static void cut_overdue(const struct http_server *s, struct http_waiting *list, int64_t now_ms)
{
    struct http_waiting_link *link;
    bool gone;

    while ((link = http_waiting_take(list, now_ms, &gone)) != NULL) {
        (void)shutdown(link->fd, SHUT_RDWR);
        if (!gone)
            report_refused(s, ((const struct conn *)link)->exchange, 0);
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

static struct conn *conn_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void on_connect(struct http_server *s, struct MHD_Connection *mhd, void **context)
{
    struct conn *conn = mem_zalloc(sizeof(*conn));

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
    struct conn *conn = *context;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        on_connect(s, mhd, context);
    } else if (conn != NULL) {
        http_waiting_remove(&conn->wait);
        s->connections--;
        mem_free(conn);
    }
}

static void exchange_free(struct http_exchange *x)
{
    buf_done(&x->target);
    buf_done(&x->body);
    arena_done(&x->arena);
    mem_free(x);
}

static void clear_or_free(struct buf *b)
{
    if (b->size > KEEP_MAX_BYTES)
        buf_done(b);
    else
        buf_clear(b);
}

static void exchange_recycle(struct http_exchange *x)
{
    struct http_server *s = x->server;

    http_response_release(x->response);
    if (s->spare_count == SPARE_MAX) {
        exchange_free(x);
        return;
    }
    clear_or_free(&x->target);
    clear_or_free(&x->body);
    if (x->arena.used > KEEP_MAX_BYTES)
        arena_done(&x->arena);
    else
        arena_reset(&x->arena);
    TAILQ_INSERT_HEAD(&s->spare, x, link);
    s->spare_count++;
}

static struct http_exchange *exchange_take(struct http_server *s)
{
    struct http_exchange *x = TAILQ_FIRST(&s->spare);

    if (x == NULL) {
        x = mem_zalloc(sizeof(*x));
        if (x == NULL)
            return NULL;
        x->server = s;
        x->target.max = HEAD_MAX_BYTES;
        x->arena.max = ARENA_MAX_BYTES;
        return x;
    }
    TAILQ_REMOVE(&s->spare, x, link);
    s->spare_count--;
    return x;
}

/* Called with the target of each request line before the library takes it apart. */
static void *on_request_line(void *cls, const char *target, struct MHD_Connection *mhd)
{
    struct http_server *s = cls;
    struct conn *conn = conn_of(mhd);
    struct http_exchange *x = conn != NULL ? exchange_take(s) : NULL;

    if (x == NULL)
        return NULL;
    x->conn = conn;
    x->mhd = mhd;
    x->response = NULL;
    x->state = X_HEAD;
    x->method = "";
    buf_add_cstr(&x->target, target);
    conn->exchange = x;
    http_waiting_add(&s->reading, &conn->wait, s->now_ms);
    return x;
}

/* After a resume the library reads before it asks for the answer, and gives up when it finds that
 * the client closed its sending side. A connection with a time-out of its own, though, is asked for
 * its answer at the start of a turn, before anything is read. */
static void prefer_answering(struct http_exchange *x, bool preferred)
{
    const unsigned idle_s = x->server->idle_s;

    x->preferred = preferred;
    (void)MHD_set_connection_option(x->mhd, MHD_CONNECTION_OPTION_TIMEOUT,
                                    preferred ? idle_s + 1 : idle_s);
}

static void on_completed(void *cls, struct MHD_Connection *mhd UNUSED, void **request,
                         enum MHD_RequestTerminationCode why UNUSED)
{
    struct http_server *s = cls;
    struct http_exchange *x = *request;

    if (x == NULL)
        return;
    *request = NULL;
    x->conn->exchange = NULL;
    http_waiting_add(&s->idle, &x->conn->wait, s->now_ms);
    /* What came already is still read and answered; then the library finds the end. */
    if (s->quiesced)
        (void)shutdown(x->conn->wait.fd, SHUT_RD);
    if (x->preferred)
        prefer_answering(x, false);
    exchange_recycle(x);
}

/* Answers on the bare socket: the library takes no answer while a body is being read. */
static enum MHD_Result refuse(struct http_exchange *x, int status)
{
    const struct http_server *s = x->server;
    AUTO(buf_done) struct buf body = BUF_INIT(HTTP_REFUSAL_MAX);
    struct http_refusal refusal = {.status = status, .body = &body};

    report_refused(s, x, status);
    if (s->conf.refusal != NULL)
        s->conf.refusal(s->conf.arg, x, &refusal);
    http_linger_refuse(s->linger, x->conn->wait.fd, &refusal);
    return MHD_NO;
}

static enum MHD_Result take_head(struct http_exchange *x, const char *method)
{
    int wrong;

    x->state = X_BODY;
    x->method = method;
    if (x->conn->over_limit || !buf_ok(&x->target))
        return refuse(x, MHD_HTTP_SERVICE_UNAVAILABLE);
    x->body.max = x->server->conf.max_body_bytes;
    if (x->server->conf.body_limit != NULL)
        x->body.max = x->server->conf.body_limit(x->server->conf.arg, x);
    wrong = http_framing_check(x->mhd, x->body.max);
    return wrong == 0 ? MHD_YES : refuse(x, wrong);
}

static enum MHD_Result take_body(struct http_exchange *x, struct str part)
{
    if (part.len > x->body.max - x->body.len)
        return refuse(x, MHD_HTTP_CONTENT_TOO_LARGE);
    buf_add(&x->body, part);
    return buf_ok(&x->body) ? MHD_YES : refuse(x, MHD_HTTP_SERVICE_UNAVAILABLE);
}

static enum MHD_Result send_answer(struct http_exchange *x)
{
    return x->response != NULL ? MHD_queue_response(x->mhd, x->response->status, x->response->mhd)
                               : MHD_NO;
}

static enum MHD_Result hand_over(struct http_exchange *x)
{
    struct http_server *s = x->server;

    if (s->closing)
        return MHD_NO;
    http_waiting_remove(&x->conn->wait);
    s->open_exchanges++;
    x->state = X_RUNNING;
    s->conf.on_request(s->conf.arg, x);
    if (x->state == X_ANSWERED)
        return send_answer(x);
    x->state = X_KEPT;
    TAILQ_INSERT_TAIL(&s->kept, x, link);
    MHD_suspend_connection(x->mhd);
    return MHD_YES;
}

/* The library's one handler: called for the head, for parts of the body, for the end of it, and
 * again after a resume. */
/* NOLINTNEXTLINE(readability-function-size): the parameters are the library's. */
static enum MHD_Result on_access(void *cls UNUSED, struct MHD_Connection *mhd UNUSED,
                                 const char *url UNUSED, const char *method,
                                 const char *version UNUSED, const char *part, size_t *part_len,
                                 void **request)
{
    struct http_exchange *x = *request;
    const struct str received = str_of(part, *part_len);

    if (x == NULL)
        return MHD_NO;
    switch (x->state) {
    case X_HEAD: return take_head(x, method);
    case X_BODY: *part_len = 0; return received.len > 0 ? take_body(x, received) : hand_over(x);
    case X_ANSWERED: return send_answer(x);
    case X_RUNNING:
    case X_KEPT:
    case X_DROPPED: break;
    }
    assert(x->state == X_DROPPED); /* a suspended connection is not called */
    return MHD_NO;
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
        (size_t)HEAD_MAX_BYTES, MHD_OPTION_CONNECTION_LIMIT,
        limit < UINT_MAX ? (unsigned)limit : UINT_MAX, MHD_OPTION_CONNECTION_TIMEOUT, s->idle_s,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

static struct http_server *server_new(struct loop *loop, const struct http_server_conf *conf)
{
    struct http_server *s = mem_zalloc(sizeof(*s));

    if (s == NULL)
        return NULL;
    s->conf = *conf;
    s->loop = loop;
    s->linger = http_linger_new(loop);
    s->idle_s = (unsigned)((conf->idle_timeout_ms + 999) / 1000);
    s->epoll_fd = -1;
    s->timer = (struct loop_timer){.fn = on_timer, .arg = s};
    http_waiting_init(&s->reading, conf->read_timeout_ms);
    /* Pure idleness is the library's to end; this one is for a request line that never ends. */
    http_waiting_init(&s->idle, num_add_i64(conf->idle_timeout_ms, conf->read_timeout_ms));
    TAILQ_INIT(&s->kept);
    TAILQ_INIT(&s->spare);
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

    if (s->quiesced)
        return;
    s->quiesced = true;
    listen_fd = MHD_quiesce_daemon(s->daemon);
    if (listen_fd >= 0)
        (void)close(listen_fd);
    http_waiting_shut(&s->idle);
}

static void drop_kept(struct http_server *s)
{
    struct http_exchange *x;

    while ((x = TAILQ_FIRST(&s->kept)) != NULL) {
        TAILQ_REMOVE(&s->kept, x, link);
        x->state = X_DROPPED;
        MHD_resume_connection(x->mhd);
    }
    /* The library does not stop while a connection is suspended. */
    (void)MHD_run(s->daemon);
}

void http_server_close(struct http_server *s)
{
    struct http_exchange *x;

    if (s == NULL)
        return;
    s->closing = true;
    if (s->daemon != NULL) {
        loop_unwatch(s->loop, s->epoll_fd);
        drop_kept(s);
        MHD_stop_daemon(s->daemon);
    }
    loop_timer_cancel(s->loop, &s->timer);
    http_linger_free(s->linger);
    http_response_release(s->last_response);
    while ((x = TAILQ_FIRST(&s->spare)) != NULL) {
        TAILQ_REMOVE(&s->spare, x, link);
        exchange_free(x);
    }
    mem_free(s);
}

size_t http_server_connections(const struct http_server *s)
{
    return s->connections;
}

size_t http_server_open_exchanges(const struct http_server *s)
{
    return s->open_exchanges;
}

int http_server_port(const struct http_server *s)
{
    return s->port;
}

enum http_method http_exchange_method(const struct http_exchange *x)
{
    static const struct {
        const char *name;
        enum http_method method;
    } methods[] = {
        {"POST", HTTP_POST}, {"GET", HTTP_GET},       {"HEAD", HTTP_GET},
        {"PUT", HTTP_PUT},   {"DELETE", HTTP_DELETE},
    };

    for (size_t i = 0; i < COUNT_OF(methods); i++)
        if (strcmp(x->method, methods[i].name) == 0)
            return methods[i].method;
    return HTTP_OTHER;
}

struct str http_exchange_method_text(const struct http_exchange *x)
{
    return str_from(x->method);
}

struct str http_exchange_path(const struct http_exchange *x)
{
    struct str path;
    struct str query;

    (void)str_cut(buf_str(&x->target), '?', &path, &query);
    return path;
}

struct str http_exchange_query(const struct http_exchange *x)
{
    struct str path;
    struct str query;

    (void)str_cut(buf_str(&x->target), '?', &path, &query);
    return query;
}

struct str http_exchange_header(const struct http_exchange *x, const char *name)
{
    return http_header_first(x->mhd, name);
}

struct str http_exchange_header_list(struct http_exchange *x, const char *name)
{
    return http_header_list(x->mhd, name, &x->arena);
}

struct str http_exchange_body(const struct http_exchange *x)
{
    return buf_str(&x->body);
}

void http_exchange_drop_body(struct http_exchange *x)
{
    buf_done(&x->body);
}

struct arena *http_exchange_arena(struct http_exchange *x)
{
    return &x->arena;
}

void http_exchange_answer(struct http_exchange *x, const struct http_answer *answer)
{
    struct http_server *s = x->server;
    const bool kept = x->state == X_KEPT;

    assert(kept || x->state == X_RUNNING);
    x->response = http_response_take(&s->last_response, answer, s->quiesced, &x->arena);
    s->open_exchanges--;
    x->state = X_ANSWERED;
    if (!kept)
        return;
    TAILQ_REMOVE(&s->kept, x, link);
    prefer_answering(x, true);
    MHD_resume_connection(x->mhd);
    /* Nothing wakes the library but a turn; the answers of one turn of the loop share it. */
    set_timer(s, AT_ONCE_MS);
}
