/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/relay.h"

#include "base/buf.h"
#include "codec/json.h"
#include "http/client.h"
#include "wxsim/options.h"
#include "wxsim/push_xml.h"
#include "wxsim/tries.h"

#include <stdio.h>
#include <time.h>

enum {
    ASK_MS = 5000,
    PAUSE_MS = 20, /* between two questions when there is nothing new */
    AT_ONCE = 100,
    FIELDS_MAX = 64,
    XML_MAX = 1024 * 1024,
    ANSWER_MAX = 16 * 1024 * 1024,
};

/* "NAME=VALUE" of each field, in the arena; false: too many, or no memory. */
static bool list_fields(const struct json *fields, struct arena *arena, const char **sets,
                        size_t *count)
{
    *count = 0;
    for (struct json_iter i = json_iter(fields); json_next(&i);) {
        const struct str text = json_str(i.value);
        int64_t number = 0;
        struct str set;

        if (str_is_set(text))
            set = arena_printf(arena, "%.*s=%.*s", STR_ARG(i.key), STR_ARG(text));
        else if (json_i64(i.value, &number))
            set = arena_printf(arena, "%.*s=%lld", STR_ARG(i.key), (long long)number);
        else
            return false;
        if (!str_is_set(set) || *count == FIELDS_MAX)
            return false;
        sets[(*count)++] = set.ptr;
    }
    return true;
}

/* Elements of the official sample that this push does not have. */
static size_t list_missing(const struct sim_event *event, const struct json *fields,
                           const char **unsets)
{
    size_t count = 0;

    for (size_t i = 0; i < event->element_count && count < FIELDS_MAX; i++)
        if (!json_has(fields, event->elements[i].path))
            unsets[count++] = event->elements[i].path;
    return count;
}

static bool write_push(const struct json *push, struct arena *arena, struct buf *xml)
{
    const struct sim_event *event = sim_event_find(json_get_str(push, "event"));
    const struct json *fields = json_get(push, "fields");
    const struct sim_about about = {.number = 0};
    const char *sets[FIELDS_MAX];
    const char *unsets[FIELDS_MAX];
    struct sim_changes changes = {.sets = sets, .unsets = unsets};

    if (event == NULL || !list_fields(fields, arena, sets, &changes.set_count))
        return false;
    changes.unset_count = list_missing(event, fields, unsets);
    return sim_push_xml(event, &about, &changes, xml);
}

static void send_push(const struct sim_relay *relay, const struct json *push, struct arena *arena)
{
    AUTO(buf_done) struct buf xml = BUF_INIT(XML_MAX);

    if (write_push(push, arena, &xml))
        (void)sim_try_push(relay->sender, buf_str(&xml), json_get_str(push, "openid"),
                           relay->tries);
    else
        (void)fprintf(stderr, "kabao-wxsim: relay: a push that cannot be written\n");
}

/* Sends what is new. *sent: how many. */
static enum status relay_some(struct sim_relay *relay, struct http_client *client, size_t *sent,
                              struct err *err)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(ANSWER_MAX);
    AUTO(json_freep) struct json *answer = NULL;
    const struct http_request request = {
        .method = "GET",
        .url = arena_printf(&arena, "%s/sim/pushes?after=%lld&limit=%d", relay->from,
                            (long long)relay->after, AT_ONCE)
                   .ptr,
    };
    struct http_reply reply;
    const struct json *list;
    enum status rc = http_client_send(client, &request, deadline_in(ASK_MS), &arena, &reply, err);

    if (rc == ST_OK)
        rc = json_parse(reply.body, &answer, err);
    if (rc != ST_OK)
        return rc;
    list = json_get(answer, "pushes");
    for (size_t i = 0; i < json_len(list); i++) {
        const struct json *push = json_at(list, i);

        (void)json_get_i64(push, "n", &relay->after);
        if (str_eq_cstr(json_get_str(push, "appid"), relay->appid))
            send_push(relay, push, &arena);
    }
    *sent = json_len(list);
    return ST_OK;
}

int sim_relay_run(struct sim_relay *relay)
{
    static const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    static const struct http_client_conf conf = {
        .connect_timeout_ms = ASK_MS,
        .max_reply_bytes = ANSWER_MAX,
    };
    struct http_client *client;
    struct err err;
    size_t sent = 0;
    enum status rc = http_client_open(&conf, NULL, &client, &err);

    if (rc != ST_OK)
        return SIM_EXIT_FAILED;
    while (rc == ST_OK) {
        rc = relay_some(relay, client, &sent, &err);
        if (rc == ST_OK && sent == 0)
            (void)nanosleep(&pause, NULL);
    }
    http_client_close(client);
    (void)fprintf(stderr, "kabao-wxsim: relay: %s\n", err.text);
    return SIM_EXIT_FAILED;
}
