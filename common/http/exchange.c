/* SPDX-License-Identifier: Apache-2.0 */
/* The library calls at each step of a request and asks for the answer in a turn of its own: the
 * state says which call it is. Refusals are our own. */
#include "http/exchange.h"

#include "base/mem.h"
#include "http/framing.h"
#include "http/header_lines.h"

#include <assert.h>
#include <string.h>

enum {
    ARENA_MAX_BYTES = 1024 * 1024, /* as server.h promises */
    KEEP_MAX_BYTES = 16 * 1024,    /* larger buffers are not kept for the next request */
    SPARE_MAX = 256,               /* exchanges kept for the next request */
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
    struct http_exchanges *all;
    struct http_conn *conn;
    struct MHD_Connection *mhd;
    struct http_response *response;
    bool preferred; /* the library asks for the answer before it reads */
    enum exchange_state state;
    const char *method;
    struct buf target; /* as sent: path, or path?query */
    struct buf body;
    struct arena arena;
};

void http_exchanges_init(struct http_exchanges *all)
{
    TAILQ_INIT(&all->kept);
    TAILQ_INIT(&all->spare);
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
    struct http_exchanges *all = x->all;

    http_response_release(x->response);
    if (all->spare_count == SPARE_MAX) {
        exchange_free(x);
        return;
    }
    clear_or_free(&x->target);
    clear_or_free(&x->body);
    if (x->arena.used > KEEP_MAX_BYTES)
        arena_done(&x->arena);
    else
        arena_reset(&x->arena);
    TAILQ_INSERT_HEAD(&all->spare, x, link);
    all->spare_count++;
}

static struct http_exchange *exchange_take(struct http_exchanges *all)
{
    struct http_exchange *x = TAILQ_FIRST(&all->spare);

    if (x == NULL) {
        x = mem_zalloc(sizeof(*x));
        if (x == NULL)
            return NULL;
        x->all = all;
        x->target.max = HTTP_HEAD_MAX_BYTES;
        x->arena.max = ARENA_MAX_BYTES;
        return x;
    }
    TAILQ_REMOVE(&all->spare, x, link);
    all->spare_count--;
    return x;
}

struct http_exchange *http_exchange_begin(struct http_exchanges *all, struct http_conn *conn,
                                          struct MHD_Connection *mhd, const char *target)
{
    struct http_exchange *x = exchange_take(all);

    if (x == NULL)
        return NULL;
    x->conn = conn;
    x->mhd = mhd;
    x->response = NULL;
    x->state = X_HEAD;
    x->method = "";
    buf_add_cstr(&x->target, target);
    conn->exchange = x;
    return x;
}

/* After a resume the library reads before it asks for the answer, and gives up when it finds that
 * the client closed its sending side. A connection with a time-out of its own, though, is asked for
 * its answer at the start of a turn, before anything is read. */
static void prefer_answering(struct http_exchange *x, bool preferred)
{
    const unsigned idle_s = x->all->idle_s;

    x->preferred = preferred;
    (void)MHD_set_connection_option(x->mhd, MHD_CONNECTION_OPTION_TIMEOUT,
                                    preferred ? idle_s + 1 : idle_s);
}

void http_exchange_end(struct http_exchange *x)
{
    x->conn->exchange = NULL;
    if (x->preferred)
        prefer_answering(x, false);
    exchange_recycle(x);
}

void http_exchange_report_refused(const struct http_exchanges *all, const struct http_exchange *x,
                                  int status)
{
    const struct str unknown = {NULL, 0};

    if (all->conf->on_refused != NULL)
        all->conf->on_refused(all->conf->arg, status, x != NULL ? http_exchange_path(x) : unknown);
}

/* Answers on the bare socket: the library takes no answer while a body is being read. */
static enum MHD_Result refuse(struct http_exchange *x, int status)
{
    const struct http_server_conf *conf = x->all->conf;
    AUTO(buf_done) struct buf body = BUF_INIT(HTTP_REFUSAL_MAX);
    struct http_refusal refusal = {.status = status, .body = &body};

    http_exchange_report_refused(x->all, x, status);
    if (conf->refusal != NULL)
        conf->refusal(conf->arg, x, &refusal);
    http_linger_refuse(x->all->linger, x->conn->wait.fd, &refusal);
    return MHD_NO;
}

static enum MHD_Result take_head(struct http_exchange *x, const char *method)
{
    const struct http_server_conf *conf = x->all->conf;
    int wrong;

    x->state = X_BODY;
    x->method = method;
    if (x->conn->over_limit || !buf_ok(&x->target))
        return refuse(x, MHD_HTTP_SERVICE_UNAVAILABLE);
    x->body.max = conf->max_body_bytes;
    if (conf->body_limit != NULL)
        x->body.max = conf->body_limit(conf->arg, x);
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
    struct http_exchanges *all = x->all;

    if (all->closing)
        return MHD_NO;
    http_waiting_remove(&x->conn->wait);
    all->open++;
    x->state = X_RUNNING;
    all->conf->on_request(all->conf->arg, x);
    if (x->state == X_ANSWERED)
        return send_answer(x);
    x->state = X_KEPT;
    TAILQ_INSERT_TAIL(&all->kept, x, link);
    MHD_suspend_connection(x->mhd);
    return MHD_YES;
}

enum MHD_Result http_exchange_go_on(struct http_exchange *x, const char *method, const char *part,
                                    size_t *part_len)
{
    const struct str received = str_of(part, *part_len);

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

void http_exchanges_drop(struct http_exchanges *all)
{
    struct http_exchange *x;

    while ((x = TAILQ_FIRST(&all->kept)) != NULL) {
        TAILQ_REMOVE(&all->kept, x, link);
        x->state = X_DROPPED;
        MHD_resume_connection(x->mhd);
    }
}

void http_exchanges_done(struct http_exchanges *all)
{
    struct http_exchange *x;

    http_response_release(all->last_response);
    while ((x = TAILQ_FIRST(&all->spare)) != NULL) {
        TAILQ_REMOVE(&all->spare, x, link);
        exchange_free(x);
    }
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
    struct http_exchanges *all = x->all;
    const bool kept = x->state == X_KEPT;

    assert(kept || x->state == X_RUNNING);
    x->response = http_response_take(&all->last_response, answer, all->quiesced, &x->arena);
    all->open--;
    x->state = X_ANSWERED;
    if (!kept)
        return;
    TAILQ_REMOVE(&all->kept, x, link);
    prefer_answering(x, true);
    MHD_resume_connection(x->mhd);
    all->wake(all->arg);
}
