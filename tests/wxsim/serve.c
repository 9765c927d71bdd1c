/* SPDX-License-Identifier: Apache-2.0 */
/* kabao-wxsim serve: api.weixin.qq.com on loopback. */
#include "base/clock.h"
#include "base/loop.h"
#include "http/server.h"
#include "wxsim/commands.h"
#include "wxsim/control.h"
#include "wxsim/delays.h"
#include "wxsim/file.h"
#include "wxsim/journal.h"
#include "wxsim/options.h"

#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    BODY_MAX = 64 * 1024 * 1024, /* /sim/members takes whole populations */
    CONNECTIONS_MAX = 4096,
    READ_TIMEOUT_MS = 10 * 1000,
    IDLE_TIMEOUT_MS = 120 * 1000,
    HANG_MS = 600 * 1000, /* longer than any client waits; then the connection is cut */
    CONTROL_ANSWER_MAX = 256 * 1024 * 1024,
};

struct serve_options {
    const char *listen;
    const char *accounts;
    const char *script;
    const char *log;
    int64_t latency_ms;
    int64_t seed;
};

struct serve {
    struct serve_options options;
    struct sim_world world;
    struct sim_script script;
    struct sim_counters *counters;
    struct sim_journal *journal;
    struct sim_delays *delays;
    struct loop *loop;
    struct http_server *server;
    int signal_fd;
};

static const struct sim_option option_rows[] = {
    {"listen", SIM_OPT_TEXT, offsetof(struct serve_options, listen), 0, 0},
    {"accounts", SIM_OPT_TEXT, offsetof(struct serve_options, accounts), 0, 0},
    {"script", SIM_OPT_TEXT, offsetof(struct serve_options, script), 0, 0},
    {"log", SIM_OPT_TEXT, offsetof(struct serve_options, log), 0, 0},
    {"latency-ms", SIM_OPT_INT, offsetof(struct serve_options, latency_ms), 0, 600000},
    {"seed", SIM_OPT_INT, offsetof(struct serve_options, seed), 0, INT64_MAX},
};

static struct sim_request read_request(struct http_exchange *x)
{
    return (struct sim_request){
        .method = http_exchange_method(x),
        .path = http_exchange_path(x),
        .query = http_exchange_query(x),
        .content_type = http_exchange_header(x, "Content-Type"),
        .traceparent = http_exchange_header(x, "traceparent"),
        .body = http_exchange_body(x),
        .arena = http_exchange_arena(x),
    };
}

static void answer_control(struct serve *s, struct http_exchange *x)
{
    AUTO(buf_done) struct buf body = BUF_INIT(CONTROL_ANSWER_MAX);
    struct sim_control control = {&s->world, &s->script, s->counters};
    const struct sim_request request = read_request(x);
    struct http_answer answer = {.content_type = "application/json"};

    answer.status = sim_control_run(&control, &request, &body);
    answer.body = buf_str(&body);
    http_exchange_answer(x, &answer);
}

static struct sim_action pick_action(struct serve *s, const struct sim_call *call)
{
    const struct sim_subject subject = {
        .path = call->request.path,
        .appid = str_from(call->account != NULL ? call->account->appid : NULL),
        .query = call->request.query,
        .body = call->body,
        .arena = call->request.arena,
    };

    return sim_script_pick(&s->script, &subject);
}

/* The true answer, or what the fault makes of it. */
static struct http_answer make_answer(struct sim_call *call, const struct sim_action *action)
{
    struct http_answer answer = {.status = 200, .content_type = "application/json; encoding=utf-8"};

    if (action->fault == SIM_NO_FAULT || action->effect)
        sim_call_run(call);
    switch (action->fault) {
    case SIM_NO_FAULT: break;
    case SIM_ERRCODE: sim_call_fail(call, action->errcode, action->errmsg); break;
    case SIM_HANG:
    case SIM_CUT: answer.status = SIM_STATUS_CUT; return answer;
    case SIM_STATUS:
        answer.status = action->status;
        answer.content_type = "text/html";
        answer.body = STR("<html><head><title>error</title></head><body></body></html>\n");
        return answer;
    case SIM_TRUNCATE: answer.body = str_of(call->answer.ptr, call->answer.len / 2); return answer;
    case SIM_GARBAGE: answer.body = STR("\x1f\x8b not what was asked for \xff"); return answer;
    case SIM_FAULTS: break;
    }
    answer.body = buf_str(&call->answer);
    return answer;
}

static void answer_call(struct serve *s, struct http_exchange *x)
{
    const struct sim_request request = read_request(x);
    AUTO(sim_call_done) struct sim_call call;
    struct sim_action action;
    struct http_answer answer;
    int64_t delay_ms;

    sim_call_open(&call, &s->world, &request);
    action = pick_action(s, &call);
    answer = make_answer(&call, &action);
    sim_counters_add(s->counters, call.def, action.fault, call.errcode, call.carried_out);
    sim_journal_write(s->journal, &call, http_exchange_method_text(x), &action, answer.status);
    delay_ms = action.fault == SIM_HANG ? HANG_MS : s->options.latency_ms + action.delay_ms;
    if (delay_ms > 0)
        sim_delays_add(s->delays, x, &answer, delay_ms);
    else
        http_exchange_answer(x, &answer);
}

static void on_request(void *arg, struct http_exchange *x)
{
    struct serve *s = arg;

    if (str_starts(http_exchange_path(x), STR("/sim/")))
        answer_control(s, x);
    else
        answer_call(s, x);
}

static void on_signal(void *arg, uint32_t events)
{
    struct serve *s = arg;

    (void)events;
    loop_stop(s->loop);
}

static enum status watch_signals(struct serve *s, struct err *err)
{
    sigset_t ends;

    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &ends, NULL);
    s->signal_fd = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    return loop_watch(s->loop, s->signal_fd, EPOLLIN, on_signal, s, err);
}

static enum status load_files(struct serve *s, struct err *err)
{
    AUTO(json_freep) struct json *accounts = NULL;
    struct json *script = NULL;
    struct err why;
    enum status rc = sim_world_open(&s->world, err);

    if (rc == ST_OK)
        rc = sim_file_json(s->options.accounts, &accounts, err);
    if (rc != ST_OK)
        return rc;
    if (sim_world_load(&s->world, accounts, &why) != ST_OK)
        return err_fatal(err, "schema", "%s: %s", s->options.accounts, why.text);
    if (s->options.script == NULL)
        return ST_OK;
    rc = sim_file_json(s->options.script, &script, err);
    if (rc != ST_OK)
        return rc;
    if (sim_script_load(&s->script, script, &why) != ST_OK)
        return err_fatal(err, "schema", "%s: %s", s->options.script, why.text);
    return ST_OK;
}

static enum status open_books(struct serve *s, struct err *err)
{
    const enum status rc = sim_journal_open(s->options.log, &s->journal, err);

    if (rc != ST_OK)
        return rc;
    s->counters = sim_counters_new();
    s->delays = sim_delays_new(s->loop);
    if (s->counters == NULL || s->delays == NULL)
        return err_fatal(err, "memory", "no memory to start");
    return ST_OK;
}

static enum status open_server(struct serve *s, struct err *err)
{
    const struct http_server_conf conf = {
        .listen = s->options.listen,
        .max_body_bytes = BODY_MAX,
        .max_connections = CONNECTIONS_MAX,
        .read_timeout_ms = READ_TIMEOUT_MS,
        .idle_timeout_ms = IDLE_TIMEOUT_MS,
        .on_request = on_request,
        .arg = s,
    };

    return http_server_open(s->loop, &conf, &s->server, err);
}

static enum status start(struct serve *s, struct err *err)
{
    enum status rc = load_files(s, err);

    if (rc == ST_OK)
        rc = loop_open(&s->loop, err);
    if (rc == ST_OK)
        rc = open_books(s, err);
    if (rc == ST_OK)
        rc = watch_signals(s, err);
    if (rc == ST_OK)
        rc = open_server(s, err);
    return rc;
}

static void stop(struct serve *s)
{
    sim_delays_free(s->delays);
    http_server_close(s->server);
    loop_close(s->loop);
    if (s->signal_fd >= 0)
        (void)close(s->signal_fd);
    sim_journal_close(s->journal);
    sim_counters_free(s->counters);
    sim_script_done(&s->script);
    sim_world_close(&s->world);
}

/* "{"listening":"127.0.0.1:PORT"}": the address as it was given, with the port in use. */
static void announce(const struct serve *s)
{
    const struct str address = str_from(s->options.listen);
    size_t host = address.len;

    while (host > 0 && address.ptr[host - 1] != ':')
        host--;
    (void)printf("{\"listening\":\"%.*s%d\"}\n", (int)host, address.ptr,
                 http_server_port(s->server));
    (void)fflush(stdout);
}

int sim_serve(int argc, char **argv)
{
    struct serve s = {.options = {.listen = "127.0.0.1:0", .seed = 1}, .signal_fd = -1};
    struct err err;
    enum status rc;

    if (!sim_options_parse(option_rows, COUNT_OF(option_rows), argc, argv, &s.options))
        return SIM_EXIT_USAGE;
    if (s.options.accounts == NULL) {
        (void)fprintf(stderr, "kabao-wxsim: serve needs --accounts FILE\n");
        return SIM_EXIT_USAGE;
    }
    s.script.chance = chance_seeded((uint64_t)s.options.seed);
    rc = start(&s, &err);
    if (rc == ST_OK) {
        announce(&s);
        rc = loop_run(s.loop, &err);
    }
    stop(&s);
    if (rc == ST_OK)
        return 0;
    (void)fprintf(stderr, "kabao-wxsim: %s\n", err.text);
    return SIM_EXIT_CONFIG;
}
