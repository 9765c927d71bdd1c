/* SPDX-License-Identifier: Apache-2.0 */
/* What the API needs once per process. */
#include "api.h"
#include "base/mem.h"
#include "scenes.h"
#include "tickets.h"

enum { OUTCOMES_MAX_BYTES = 64 << 20 };

enum status api_check(const struct settings *settings, struct err *err)
{
    struct clients *clients = NULL;
    AUTO(commands_closep) struct commands *commands = NULL;
    enum status rc;

    if (!settings->ingress.api_tokens_file)
        return ST_OK;
    rc = clients_open(settings->ingress.api_tokens_file, &clients, err);
    clients_close(clients);
    return rc == ST_OK ? commands_open(settings, &commands, err) : rc;
}

static enum status open_feeds(struct api *api, struct err *err)
{
    const struct feed_conf commands = {
        .settings = api->settings,
        .name = "kabao-ingress-api",
        .sources = INTAKE_COMMANDS,
        .source_count = COUNT_OF(INTAKE_COMMANDS),
        .window_s = api->settings->ingress.api_window_s,
        .arg = &api->intake,
    };
    const struct feed_conf scenes = {
        .settings = api->settings,
        .name = "kabao-ingress-bindings",
        .sources = INTAKE_SCENES,
        .source_count = COUNT_OF(INTAKE_SCENES),
        .window_s = SCENES_WINDOW_S,
        .arg = &api->intake,
    };
    enum status rc;

    api->intake = (struct intake){api->settings, api->outcomes, api->scenes};
    rc = feed_open(&commands, &api->feed, err);
    return rc == ST_OK ? feed_open(&scenes, &api->scene_feed, err) : rc;
}

static enum status fill(struct api *api, struct err *err)
{
    const struct settings *settings = api->settings;
    enum status rc;

    topic_name(&settings->topic, TOPIC_CMD_WECHAT, NULL, api->wechat_topic);
    topic_name(&settings->topic, TOPIC_CMD_BONUS, NULL, api->bonus_topic);
    topic_name(&settings->topic, TOPIC_CMD_ACTIVATION, NULL, api->activation_topic);
    api->outcomes = outcomes_new(settings->ingress.api_window_s * 1000, OUTCOMES_MAX_BYTES);
    api->scenes = outcomes_new((int64_t)SCENES_WINDOW_S * 1000, OUTCOMES_MAX_BYTES);
    if (!api->outcomes || !api->scenes)
        return err_fatal(err, "memory", "out of memory");
    rc = clients_open(settings->ingress.api_tokens_file, &api->clients, err);
    if (rc == ST_OK)
        rc = commands_open(settings, &api->commands, err);
    if (rc == ST_OK)
        rc = tickets_open(settings, &api->tickets, err);
    return rc == ST_OK ? open_feeds(api, err) : rc;
}

enum status api_setup(const struct settings *settings, struct api **out, struct err *err)
{
    struct api *api;
    enum status rc;

    if (!settings->ingress.api_tokens_file)
        return ST_OK;
    api = mem_zalloc(sizeof(*api));
    if (!api)
        return err_fatal(err, "memory", "out of memory");
    api->settings = settings;
    rc = fill(api, err);
    if (rc != ST_OK) {
        api_setup_done(api);
        return rc;
    }
    *out = api;
    return ST_OK;
}

void api_setup_done(struct api *api)
{
    if (!api)
        return;
    feed_close(api->feed);
    feed_close(api->scene_feed);
    tickets_close(api->tickets);
    commands_close(api->commands);
    clients_close(api->clients);
    outcomes_free(api->outcomes);
    outcomes_free(api->scenes);
    mem_free(api);
}

void api_reload(struct api *api)
{
    struct err err = {0};

    if (!api)
        return;
    if (clients_reload(api->clients, &err) == ST_OK)
        log_info(EV("api.clients_reloaded"));
    else
        log_error(EV("api.clients_kept"), kv_cstr("code", err.code), kv_cstr("error", err.text));
}
