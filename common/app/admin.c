/* SPDX-License-Identifier: Apache-2.0 */
/* /healthz /readyz /metrics. */
#include "app/admin.h"

#include "base/mem.h"
#include "http/server.h"
#include "log/log.h"

enum { PAGE_MAX = 8 << 20, REASON_MAX = 512, CONNECTIONS_MAX = 64, BODY_MAX = 1024 };

enum { READ_TIMEOUT_MS = 5000, IDLE_TIMEOUT_MS = 30000 };

struct admin_port {
    struct app *app;
    struct admin_port_conf conf;
    struct http_server *server;
};

static void answer(struct http_exchange *x, int status, const char *type, struct str body)
{
    struct http_answer reply = {.status = status, .content_type = type, .body = body};

    http_exchange_answer(x, &reply);
}

static void answer_state(struct admin_port *admin, struct http_exchange *x,
                         bool (*state)(void *arg, struct buf *why))
{
    AUTO(buf_done) struct buf why = BUF_INIT(REASON_MAX);

    if (state(admin->conf.arg, &why)) {
        answer(x, 200, "text/plain; charset=utf-8", STR("ok\n"));
        return;
    }
    buf_add_char(&why, '\n');
    answer(x, 503, "text/plain; charset=utf-8", buf_str(&why));
}

static void answer_metrics(struct admin_port *admin, struct http_exchange *x)
{
    AUTO(buf_done) struct buf page = BUF_INIT(PAGE_MAX);

    if (admin->conf.collect)
        admin->conf.collect(admin->conf.arg);
    metrics_format(admin->app->metrics, &page);
    if (!buf_ok(&page)) {
        answer(x, 500, "text/plain; charset=utf-8", STR("the page is too large\n"));
        return;
    }
    answer(x, 200, "text/plain; version=0.0.4; charset=utf-8", buf_str(&page));
}

static void on_request(void *arg, struct http_exchange *x)
{
    struct admin_port *admin = arg;
    struct str path = http_exchange_path(x);

    if (http_exchange_method(x) != HTTP_GET)
        answer(x, 405, NULL, STR(""));
    else if (str_eq_cstr(path, "/healthz"))
        answer_state(admin, x, admin->conf.healthy);
    else if (str_eq_cstr(path, "/readyz"))
        answer_state(admin, x, admin->conf.ready);
    else if (str_eq_cstr(path, "/metrics"))
        answer_metrics(admin, x);
    else
        answer(x, 404, "text/plain; charset=utf-8", STR("/healthz /readyz /metrics\n"));
}

enum status admin_port_open(struct app *app, const struct admin_port_conf *conf,
                            struct admin_port **out, struct err *err)
{
    const char *listen = app->settings->admin.listen;
    struct http_server_conf server = {
        .listen = listen,
        .max_body_bytes = BODY_MAX,
        .max_connections = CONNECTIONS_MAX,
        .read_timeout_ms = READ_TIMEOUT_MS,
        .idle_timeout_ms = IDLE_TIMEOUT_MS,
        .on_request = on_request,
    };
    struct admin_port *admin;
    enum status rc;

    *out = NULL;
    if (str_ends(str_from(listen), STR(":0")))
        return ST_OK;
    admin = mem_zalloc(sizeof(*admin));
    if (!admin)
        return err_fatal(err, "memory", "out of memory");
    admin->app = app;
    admin->conf = *conf;
    server.arg = admin;
    rc = http_server_open(app->loop, &server, &admin->server, err);
    if (rc != ST_OK) {
        mem_free(admin);
        return rc;
    }
    log_info(EV("admin.listening"), kv_cstr("address", listen));
    *out = admin;
    return ST_OK;
}

void admin_port_close(struct admin_port *admin)
{
    if (!admin)
        return;
    http_server_close(admin->server);
    mem_free(admin);
}
