/* SPDX-License-Identifier: Apache-2.0 */
/* Activation's calls: bodies written, answers read. */
#include "wechat/activate.h"

#include "codec/jsonw.h"

enum { BODY_MAX = 16384 };

static enum status ask(struct wechat *w, struct wechat_request *request, const struct buf *body,
                       struct json **answer, struct err *err)
{
    if (!buf_ok(body))
        return err_reject(err, REASON_MALFORMED, "body", "%s: the values are too long",
                          request->call->type);
    request->body = buf_str(body);
    return wechat_call(w, request, answer, err);
}

/* Without a body yet. */
static struct wechat_request request_of(const struct call *call, const struct card *card,
                                        struct deadline until)
{
    return (struct wechat_request){
        .account = card->account,
        .call = call,
        .traceparent = card->traceparent,
        .until = until,
    };
}

static void write_optional(struct jsonw *w, const char *name, struct opt_i64 value)
{
    if (value.set)
        jsonw_key_i64(w, name, value.value);
}

static void write_activate(const struct card *card, const struct activate_request *request,
                           struct buf *out)
{
    struct jsonw w = {.out = out};

    jsonw_object(&w);
    jsonw_key_str(&w, "card_id", card->card_id);
    jsonw_key_str(&w, "code", card->card_code);
    jsonw_key_str(&w, "membership_number", request->membership_number);
    write_optional(&w, "init_bonus", request->init_bonus);
    jsonw_key_str(&w, "init_bonus_record", request->init_bonus_record);
    write_optional(&w, "init_balance", request->init_balance);
    jsonw_object_end(&w);
}

enum status wechat_activate(struct wechat *w, const struct card *card,
                            const struct activate_request *request, struct deadline until,
                            struct err *err)
{
    AUTO(buf_done) struct buf body = BUF_INIT(BODY_MAX);
    AUTO(json_freep) struct json *answer = NULL;
    struct wechat_request call = request_of(&CALL_MEMBER_ACTIVATE, card, until);

    write_activate(card, request, &body);
    return ask(w, &call, &body, &answer, err);
}

/* {"name":value} */
static void write_one(const char *name, struct str value, struct buf *out)
{
    struct jsonw w = {.out = out};

    jsonw_object(&w);
    jsonw_key_str(&w, name, value);
    jsonw_object_end(&w);
}

/* NOLINTNEXTLINE(readability-function-size): the outputs and err make it more than six. */
enum status wechat_temp_info(struct wechat *w, const struct card *card, struct str ticket,
                             struct deadline until, struct arena *arena, struct field_json *form,
                             struct err *err)
{
    AUTO(buf_done) struct buf body = BUF_INIT(BODY_MAX);
    AUTO(json_freep) struct json *answer = NULL;
    struct wechat_request request = request_of(&CALL_MEMBER_TEMP_INFO, card, until);
    struct field_json read = {0};
    enum status rc;

    write_one("activate_ticket", ticket, &body);
    rc = ask(w, &request, &body, &answer, err);
    if (rc != ST_OK)
        return rc;
    if (!wechat_form_read(json_get(answer, "info"), card->account->form_fields_drop, arena, &read))
        return err_retry(err, "memory", "no memory for a form");
    *form = read;
    return ST_OK;
}

/* NOLINTNEXTLINE(readability-function-size): the outputs and err make it more than six. */
enum status wechat_decrypt(struct wechat *w, const struct account *account, struct str encrypt_code,
                           struct str traceparent, struct deadline until, struct arena *arena,
                           struct str *code, struct err *err)
{
    const struct card card = {.account = account, .traceparent = traceparent};
    AUTO(buf_done) struct buf body = BUF_INIT(BODY_MAX);
    AUTO(json_freep) struct json *answer = NULL;
    struct wechat_request request = request_of(&CALL_CODE_DECRYPT, &card, until);
    struct str read;
    enum status rc;

    write_one("encrypt_code", encrypt_code, &body);
    rc = ask(w, &request, &body, &answer, err);
    if (rc != ST_OK)
        return rc;
    if (str_is_empty(json_get_str(answer, "code")))
        return err_retry(err, "wechat:garbage", "code.decrypt: the answer has no code");
    read = arena_dup(arena, json_get_str(answer, "code"));
    if (!str_is_set(read))
        return err_retry(err, "memory", "no memory for a code");
    *code = read;
    return ST_OK;
}
