/* SPDX-License-Identifier: Apache-2.0 */
/* kabao-ingress: WeChat's pushes into Kafka. Thin: no WeChat call, no MySQL, no business rule.
 * The main thread has signals and the admin port; each gate has a loop and a thread of its own. */
#include "api.h"
#include "app/admin.h"
#include "app/app.h"
#include "base/mem.h"
#include "http/loops.h"
#include "kafka/client.h"
#include "metrics/catalog.h"
#include "probe.h"
#include "replies.h"
#include "tickets.h"

#include <string.h>

enum { STUCK_MS = 10000 };

struct ingress {
    struct app *app;
    struct gate_shared shared;
    struct account_secrets *secrets;
    struct gate *gates;
    void **gate_args;
    size_t gate_count;
    struct probe *probe;
    struct admin_port *admin;
};

static bool is_healthy(void *arg, struct buf *why)
{
    struct ingress *ingress = arg;

    for (size_t i = 0; i < ingress->gate_count; i++) {
        int64_t since_ms = atomic_load(&ingress->gates[i].waiting_since_ms);

        if (since_ms == 0 || clock_mono_ms() - since_ms <= STUCK_MS)
            continue;
        buf_addf(why, "loop %zu has not answered a push for 10 s", i);
        return false;
    }
    return true;
}

/* What requests of the API are answered from. */
static bool is_read(const struct api *api, struct buf *why)
{
    if (api && !feed_is_filled(api->feed))
        buf_add_cstr(why, "the topics of commands and results are being read");
    else if (api && !feed_is_filled(api->scene_feed))
        buf_add_cstr(why, "event.binding is being read");
    else if (api && api->tickets && !tickets_are_read(api->tickets))
        buf_add_cstr(why, "state.token is being read");
    return why->len == 0;
}

static bool is_ready(void *arg, struct buf *why)
{
    struct ingress *ingress = arg;

    if (atomic_load(&ingress->shared.stopping))
        buf_add_cstr(why, "stopping");
    else if (!probe_answers(ingress->probe))
        buf_add_cstr(why, "the broker does not answer");
    for (size_t i = 0; why->len == 0 && i < ingress->gate_count; i++)
        if (!atomic_load(&ingress->gates[i].listening))
            buf_addf(why, "loop %zu does not listen yet", i);
    return why->len == 0 && is_read(ingress->shared.api, why);
}

static void on_stop(void *arg)
{
    struct ingress *ingress = arg;

    atomic_store(&ingress->shared.stopping, true);
    for (size_t i = 0; i < ingress->gate_count; i++)
        loop_wake(ingress->gates[i].loop);
}

static void on_reload(void *arg)
{
    struct ingress *ingress = arg;

    api_reload(ingress->shared.api);
    replies_reload_all(ingress->app->settings, ingress->shared.replies);
}

static enum status read_secrets(struct ingress *ingress, struct err *err)
{
    const struct settings *settings = ingress->app->settings;
    enum status rc = ST_OK;

    if (settings->account_count == 0)
        return err_fatal(err, "config", "no [account NAME] in the settings");
    ingress->secrets = mem_array(settings->account_count, sizeof(*ingress->secrets));
    if (!ingress->secrets)
        return err_fatal(err, "memory", "out of memory");
    for (size_t i = 0; rc == ST_OK && i < settings->account_count; i++)
        rc = account_secrets_read(&settings->accounts[i], &ingress->secrets[i], err);
    return rc;
}

static enum status open_shared(struct ingress *ingress, struct err *err)
{
    const struct settings *settings = ingress->app->settings;
    struct gate_shared *shared = &ingress->shared;

    shared->settings = settings;
    shared->secrets = ingress->secrets;
    shared->metrics = ingress->app->metrics;
    shared->main_loop = ingress->app->loop;
    shared->recent = recent_new((size_t)settings->ingress.recent_ids);
    topic_name(&settings->topic, TOPIC_EVENT_WECHAT, NULL, shared->topic);
    for (size_t i = 0; i < settings->account_count; i++)
        if (settings->accounts[i].landing_url)
            topic_name(&settings->topic, TOPIC_CMD_ACTIVATION, NULL, shared->ticket_topic);
    return shared->recent ? ST_OK : err_fatal(err, "memory", "out of memory");
}

static enum status open_gates(struct ingress *ingress, struct err *err)
{
    int64_t wanted = ingress->app->settings->ingress.loops;
    size_t count = wanted > 0 ? (size_t)wanted : loops_default();
    enum status rc = ST_OK;

    ingress->shared.gate_count = count;
    ingress->gates = mem_array(count, sizeof(*ingress->gates));
    ingress->gate_args = mem_array(count, sizeof(*ingress->gate_args));
    if (!ingress->gates || !ingress->gate_args)
        return err_fatal(err, "memory", "out of memory");
    for (size_t i = 0; rc == ST_OK && i < count; i++) {
        ingress->gates[i].shared = &ingress->shared;
        ingress->gate_args[i] = &ingress->gates[i];
        rc = loop_open(&ingress->gates[i].loop, err);
        if (rc == ST_OK)
            ingress->gate_count++;
    }
    return rc;
}

static enum status open_api(struct ingress *ingress, struct err *err)
{
    return api_setup(ingress->app->settings, &ingress->shared.api, err);
}

static enum status open_replies(struct ingress *ingress, struct err *err)
{
    return replies_open_all(ingress->app->settings, &ingress->shared.replies, err);
}

static enum status open_admin(struct ingress *ingress, struct err *err)
{
    struct admin_port_conf conf = {.healthy = is_healthy, .ready = is_ready, .arg = ingress};
    enum status rc =
        probe_open(&ingress->app->settings->kafka, ingress->shared.topic, &ingress->probe, err);

    return rc == ST_OK ? admin_port_open(ingress->app, &conf, &ingress->admin, err) : rc;
}

static enum status open_all(struct ingress *ingress, struct err *err)
{
    static enum status (*const steps[])(struct ingress *, struct err *) = {
        read_secrets, open_shared, open_replies, open_gates, open_api, open_admin};
    enum status rc = ST_OK;

    for (size_t i = 0; rc == ST_OK && i < COUNT_OF(steps); i++)
        rc = steps[i](ingress, err);
    return rc;
}

/* The worst of what the gates ended with. */
static enum status gates_result(const struct ingress *ingress)
{
    enum status worst = ST_OK;

    for (size_t i = 0; i < ingress->gate_count; i++)
        if (ingress->gates[i].result > worst)
            worst = ingress->gates[i].result;
    return worst;
}

static enum status serve(struct ingress *ingress, struct err *err)
{
    struct loops *threads = NULL;
    enum status rc = loops_start(gate_main, ingress->gate_args, ingress->gate_count, &threads, err);

    if (rc != ST_OK)
        return rc;
    rc = loop_run(ingress->app->loop, err); /* a gate that ends stops it */
    on_stop(ingress);
    loops_join(threads);
    if (rc == ST_OK && gates_result(ingress) != ST_OK)
        return err_fatal(err, "gate", "a loop could not be started (see above)");
    return rc;
}

static void close_all(struct ingress *ingress)
{
    admin_port_close(ingress->admin);
    probe_close(ingress->probe);
    api_setup_done(ingress->shared.api);
    for (size_t i = 0; i < ingress->gate_count; i++)
        loop_close(ingress->gates[i].loop);
    mem_free(ingress->gates);
    mem_free(ingress->gate_args);
    recent_free(ingress->shared.recent);
    replies_close_all(ingress->app->settings, ingress->shared.replies);
    for (size_t i = 0; ingress->secrets && i < ingress->app->settings->account_count; i++)
        account_secrets_done(&ingress->secrets[i]);
    mem_free(ingress->secrets);
}

static int run_ingress(struct ingress *ingress)
{
    struct app *app = ingress->app;
    struct err err = {0};
    enum status rc;
    int code;

    app->on_stop = on_stop;
    app->on_reload = on_reload;
    app->arg = ingress;
    rc = app_open(app, &err);
    if (rc == ST_OK) {
        metric_declare_groups(app->metrics, METRIC_GROUP_INGRESS);
        rc = open_all(ingress, &err);
    }
    if (rc == ST_OK) {
        log_info(EV("ingress.started"), kv_cstr("listen", app->settings->ingress.listen),
                 kv_int("loops", (int64_t)ingress->gate_count));
        rc = serve(ingress, &err);
    }
    code = app_exit(rc, &err, "ingress.stops");
    close_all(ingress);
    app_close(app);
    return code;
}

static int run(struct app *app)
{
    struct ingress *ingress = mem_zalloc(sizeof(*ingress));
    int code;

    if (!ingress)
        return EXIT_INTERNAL;
    ingress->app = app;
    code = run_ingress(ingress);
    mem_free(ingress);
    return code;
}

static enum status check(const struct settings *settings, struct err *err)
{
    enum status rc = kafka_check(&settings->kafka, err);

    for (size_t i = 0; rc == ST_OK && i < settings->account_count; i++) {
        struct account_secrets secrets;

        rc = account_secrets_read(&settings->accounts[i], &secrets, err);
        if (rc == ST_OK)
            account_secrets_done(&secrets);
    }
    if (rc == ST_OK)
        rc = replies_check(settings, err);
    return rc == ST_OK ? api_check(settings, err) : rc;
}

int main(int argc, char **argv)
{
    static const struct program program = {
        .name = "kabao-ingress",
        .purpose = "takes WeChat's pushes and puts them into Kafka",
        .check = check,
        .run = run,
    };

    return app_main(argc, argv, &program);
}
