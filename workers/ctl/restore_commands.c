/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger of kabao-command, from what it answered. */
#include "base/hex.h"
#include "codec/crypto.h"
#include "codec/jsonw.h"
#include "model/id.h"
#include "model/schema_ids.h"
#include "model/wechat_result.h"
#include "restore.h"
#include "run/effects.h"
#include "tables/effect.h"
#include "tables/restore.h"

enum { KEPT_MAX = 60 * 1024, TEXT_MAX = 64 * 1024 /* as kabao-command keeps them */ };

static const struct step STEP_COMMAND = {.name = "command"};

static bool only_reads(const struct restore *r, struct str type)
{
    const struct command_type *found = commands_find(r->types, type);

    return found && command_nature(found, NULL) == NATURE_READ;
}

/* As kabao-command keeps it (workers/commands/call.c); absent: no memory. */
static struct str kept_of(const struct wechat_result *result, struct arena *arena)
{
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
    AUTO(buf_done) struct buf answer = BUF_INIT(2 << 20);
    struct jsonw w = {.out = &text};
    bool fits;

    if (result->answer.tree)
        json_format(result->answer.tree, &answer);
    fits = buf_ok(&answer) && answer.len <= KEPT_MAX;
    jsonw_object(&w);
    jsonw_key_str(&w, "at", result->at);
    if (result->errcode.set)
        jsonw_key_i64(&w, "errcode", result->errcode.value);
    jsonw_key_str(&w, "errmsg", result->errmsg);
    if (result->error.tree || !fits)
        jsonw_key_bool(&w, "too_large", true);
    if (result->answer.tree && fits) {
        jsonw_key(&w, STR("answer"));
        jsonw_raw(&w, buf_str(&answer));
    }
    jsonw_object_end(&w);
    return buf_ok(&text) ? arena_dup(arena, buf_str(&text)) : (struct str){NULL, 0};
}

static enum status keep_done(struct restore *r, const struct wechat_result *result,
                             struct restored_effect *effect, struct arena *arena, struct err *err)
{
    if (!str_is_set(result->request_hash))
        return ST_OK;
    effect->result = kept_of(result, arena);
    if (!str_is_set(effect->result))
        return restore_no_memory(err);
    r->counts[RESTORED_EFFECTS]++;
    return restore_effect_done(r->db, effect, err);
}

static enum status note_scene(struct restore *r, const struct wechat_result *result,
                              struct known *known, struct err *err)
{
    struct str expires_at = json_get_str(result->answer.tree, "expires_at");

    if (!str_eq(result->type, STR("bind.start")) && !str_eq(result->type, STR("verify.start")))
        return ST_OK;
    known->scene = arena_dup(&r->arena, json_get_str(result->answer.tree, "scene"));
    if (!clock_parse_rfc3339(expires_at.ptr, expires_at.len, &known->expires_at_ms))
        known->scene = (struct str){NULL, 0};
    (void)err;
    return ST_OK;
}

static enum status take_outcome(struct restore *r, const struct wechat_result *result,
                                struct restored_effect *effect, struct arena *arena,
                                struct err *err)
{
    if (str_eq(result->outcome, STR("done")))
        return keep_done(r, result, effect, arena, err);
    if (str_eq(result->outcome, STR("unknown")))
        return restore_effect_unknown(r->db, effect, err);
    if (str_eq(result->outcome, STR("failed")))
        return only_reads(r, result->type) ? ST_OK : restore_effect_begun(r->db, effect, err);
    return restore_effect_refused(r->db, effect->id, err);
}

enum status restore_result(struct restore *r, const struct given *given, struct err *err)
{
    struct wechat_result result = {0};
    char room[EFFECT_EVENT_ROOM];
    struct restored_effect effect = {.step = str_from(STEP_COMMAND.name)};
    struct known *known;
    struct id id;
    enum status rc = wechat_result_parse(given->value, &result, err);

    if (rc != ST_OK || str_is_empty(result.command_id))
        return rc == ST_REJECT ? ST_OK : rc;
    if (str_eq(json_get_str(result.error.tree, "code"), STR("idempotency")))
        return ST_OK; /* of a command that borrowed another's id */
    r->counts[RESTORED_RESULTS]++;
    known = restore_know(r, 'c', result.command_id);
    if (!known)
        return restore_no_memory(err);
    effect_id(&STEP_COMMAND, result.command_id, &id);
    effect.id = str_from(id.text);
    effect.event_id = effect_event_id(result.command_id, room);
    effect.request_hash = result.request_hash;
    rc = note_scene(r, &result, known, err);
    return rc == ST_OK ? take_outcome(r, &result, &effect, given->arena, err) : rc;
}

/* Commands */

static enum status make_scene(struct restore *r, const struct given *given,
                              const struct known *known, struct err *err)
{
    const struct json *body = json_get(given->value, "body");
    const struct account *account = restore_account(r, json_get_str(given->value, "account"));
    struct id made_by;
    struct scene row = {
        .scene = known->scene,
        .user = json_get_str(body, "user"),
        .purpose = json_get_str(body, "purpose"),
        .expires_at_ms = known->expires_at_ms,
    };

    if (!account || !scene_is_ours(row.scene, &row.kind))
        return ST_OK;
    row.appid = str_from(account->appid);
    if (row.kind == SCENE_VERIFY)
        row.code_ttl_s = r->settings->verify.ttl_s;
    if (!scene_maker(&row, given->arena, given->event.id, &made_by))
        return restore_no_memory(err);
    row.made_by = str_from(made_by.text);
    r->counts[RESTORED_SCENES]++;
    return restore_scene(r->db, &row, err);
}

/* It may be parked, or have been in hand: what was begun of it was forgotten. */
static enum status doubt_command(struct restore *r, const struct given *given, struct err *err)
{
    const struct command_type *type = NULL;
    struct schema_fault fault = {0};
    struct err why = {0};
    char room[EFFECT_EVENT_ROOM];
    char hash_text[2 * SHA256_LEN + 1];
    uint8_t hash[SHA256_LEN];
    struct id id;
    struct restored_effect effect = {.step = str_from(STEP_COMMAND.name)};
    enum nature nature;
    enum status rc = command_check(r->types, given->value, &type, &fault, &why);

    if (rc != ST_OK) /* refused without a call, whenever it comes */
        return ST_OK;
    nature = command_nature(type, json_get(given->value, "body"));
    if (nature == NATURE_READ)
        return ST_OK;
    sha256(given->data, hash);
    hex_format(hash, sizeof(hash), hash_text);
    effect_id(&STEP_COMMAND, given->event.id, &id);
    effect.id = str_from(id.text);
    effect.event_id = effect_event_id(given->event.id, room);
    effect.request_hash = str_from(hash_text);
    r->counts[RESTORED_DOUBT]++;
    if (nature == NATURE_ONCE) {
        rc = restore_doubt(r, given, "a person must say whether it was done", err);
        if (rc != ST_OK)
            return rc;
    }
    return restore_effect_begun(r->db, &effect, err);
}

enum status restore_command(struct restore *r, const struct given *given, struct err *err)
{
    const struct known *known = restore_known(r, 'c', given->event.id);

    if (!str_starts(given->event.type, STR(CE_TYPE_COMMAND_PREFIX)))
        return ST_OK;
    if (known)
        return str_is_empty(known->scene) ? ST_OK : make_scene(r, given, known, err);
    return given->record->timestamp_ms < r->to_ms ? doubt_command(r, given, err) : ST_OK;
}
