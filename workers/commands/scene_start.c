/* SPDX-License-Identifier: Apache-2.0 */
/* bind.start, verify.start: a scene of chance, once for each command, and the QR code that has it.
 */
#include "call.h"
#include "codec/jsonw.h"
#include "model/id.h"
#include "state.h"
#include "tables/scene.h"
#include "tell.h"

enum { TTL_PRESET_S = 600, MS = 1000, TEXT_MAX = 16 * 1024 };

struct making {
    struct arena *arena;
    struct scene wanted;
    struct scene made;
};

/* writer_fn */
static enum status make(struct db *tx, void *arg, struct err *err)
{
    struct making *m = arg;

    m->made = m->wanted;
    return scene_make(tx, m->arena, &m->made, err);
}

static enum status find_scene(struct command *c, enum scene_kind kind, struct scene *out,
                              struct err *err)
{
    struct id made_by = {""};
    struct making m = {
        .arena = lane_arena(c->lane),
        .wanted =
            {
                .appid = str_from(c->account->appid),
                .kind = kind,
                .user = json_get_str(c->body, "user"),
                .purpose = json_get_str(c->body, "purpose"),
                .made_by = str_of(made_by.text, ID_LEN),
            },
    };
    int64_t ttl_s = TTL_PRESET_S;
    enum status rc;

    (void)json_get_i64(c->body, "ttl_s", &ttl_s);
    m.wanted.expires_at_ms = clock_wall_ms() + ttl_s * MS;
    if (kind == SCENE_VERIFY)
        m.wanted.code_ttl_s = lane_settings(c->lane)->verify.ttl_s;
    if (!scene_maker(&m.wanted, m.arena, c->message->event.id, &made_by))
        return command_no_memory(err);
    rc = lane_run(c->lane, make, &m, err);
    if (rc != ST_OK)
        return rc;
    *out = m.made;
    out->made_by = (struct str){NULL, 0};
    return ST_OK;
}

static void write_request(struct str scene, int64_t seconds, struct buf *out)
{
    struct jsonw w = {.out = out};

    jsonw_object(&w);
    jsonw_key_i64(&w, "expire_seconds", seconds);
    jsonw_key_str(&w, "action_name", STR("QR_STR_SCENE"));
    jsonw_key(&w, STR("action_info"));
    jsonw_object(&w);
    jsonw_key(&w, STR("scene"));
    jsonw_object(&w);
    jsonw_key_str(&w, "scene_str", scene);
    jsonw_object_end(&w);
    jsonw_object_end(&w);
    jsonw_object_end(&w);
}

static enum status write_answer(const struct command *c, const struct scene *scene,
                                const struct json *answer, struct reply *reply, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
    struct jsonw w = {.out = &text};
    char expires_at[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(scene->expires_at_ms, expires_at);
    jsonw_object(&w);
    jsonw_key_str(&w, "scene", scene->scene);
    jsonw_key_str(&w, "ticket", json_get_str(answer, "ticket"));
    jsonw_key_str(&w, "url", json_get_str(answer, "url"));
    jsonw_key_str(&w, "expires_at", str_from(expires_at));
    jsonw_object_end(&w);
    if (!buf_ok(&text))
        return err_retry(err, "wechat:garbage", "qrcode.create: an answer of odd length");
    reply_ok(reply, arena_dup(lane_arena(c->lane), buf_str(&text)));
    return str_is_set(reply->answer) ? ST_OK : command_no_memory(err);
}

/* Made again after a cut, the code has the same scene and what is left of its time. */
static enum status start(struct command *c, enum scene_kind kind, struct deadline until,
                         struct reply *reply, struct err *err)
{
    AUTO(buf_done) struct buf body = BUF_INIT(TEXT_MAX);
    AUTO(json_freep) struct json *answer = NULL;
    struct scene scene = {0};
    int64_t left_ms;
    enum status rc = find_scene(c, kind, &scene, err);

    if (rc != ST_OK)
        return rc;
    left_ms = scene.expires_at_ms - clock_wall_ms();
    if (left_ms <= 0)
        return err_reject(err, REASON_EXPIRED, "scene", "the scene expired before it had a code");
    write_request(scene.scene, (left_ms + MS - 1) / MS, &body);
    if (!buf_ok(&body))
        return command_no_memory(err);
    rc = command_call(c, &CALL_QRCODE_CREATE, buf_str(&body), until, &answer, err);
    return rc == ST_OK ? write_answer(c, &scene, answer, reply, err) : rc;
}

/* The record that the ingress answers a waiting page from. */
static enum status tell_pending(struct command *c, const struct reply *reply, struct err *err)
{
    AUTO(json_freep) struct json *answer = NULL;
    struct binding record = tell_record(c, reply, "pending");
    enum status rc = tell_answer(reply, &answer, err);

    if (rc != ST_OK || !answer)
        return rc;
    record.user = json_get_str(c->body, "user");
    record.scene = json_get_str(answer, "scene");
    record.expires_at = json_get_str(answer, "expires_at");
    return lane_emit(c->lane, &EMIT_BINDING, &record, err);
}

static enum status run_bind(struct command *c, struct deadline until, struct reply *reply,
                            struct err *err)
{
    return start(c, SCENE_BIND, until, reply, err);
}

static enum status run_verify(struct command *c, struct deadline until, struct reply *reply,
                              struct err *err)
{
    enum status rc = command_verify_ready(c, err);

    return rc == ST_OK ? start(c, SCENE_VERIFY, until, reply, err) : rc;
}

const struct special SPECIAL_BIND_START = {
    .type = "bind.start",
    .run = run_bind,
    .after = tell_pending,
};

const struct special SPECIAL_VERIFY_START = {
    .type = "verify.start",
    .run = run_verify,
    .after = tell_pending,
};
