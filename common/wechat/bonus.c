/* SPDX-License-Identifier: Apache-2.0 */
/* updateuser: the body from what changes, the card's values from the answer. */
#include "wechat/bonus.h"

#include "codec/jsonw.h"

enum { BODY_MAX = 16384 };

static void write_value(struct jsonw *w, const char *name, struct opt_i64 value)
{
    if (value.set)
        jsonw_key_i64(w, name, value.value);
}

static bool changes(struct opt_i64 value, struct opt_i64 add)
{
    return add.set ? add.value != 0 : value.set;
}

/* All five are written: WeChat's defaults tell of points and balance. */
static void write_notices(struct jsonw *w, const struct bonus_update *u)
{
    jsonw_key(w, STR("notify_optional"));
    jsonw_object(w);
    jsonw_key_bool(w, "is_notify_bonus", u->notify && changes(u->bonus, u->add_bonus));
    jsonw_key_bool(w, "is_notify_balance", u->notify && changes(u->balance, u->add_balance));
    jsonw_key_bool(w, "is_notify_custom_field1", false);
    jsonw_key_bool(w, "is_notify_custom_field2", false);
    jsonw_key_bool(w, "is_notify_custom_field3", false);
    jsonw_object_end(w);
}

static void write_update(const struct card *card, const struct bonus_update *u, struct buf *out)
{
    struct jsonw w = {.out = out};

    jsonw_object(&w);
    jsonw_key_str(&w, "card_id", card->card_id);
    jsonw_key_str(&w, "code", card->card_code);
    write_value(&w, "bonus", u->bonus);
    write_value(&w, "add_bonus", u->add_bonus);
    jsonw_key_str(&w, "record_bonus", u->record_bonus);
    write_value(&w, "balance", u->balance);
    write_value(&w, "add_balance", u->add_balance);
    jsonw_key_str(&w, "record_balance", u->record_balance);
    jsonw_key_str(&w, "custom_field_value1", u->custom_field_value1);
    jsonw_key_str(&w, "custom_field_value2", u->custom_field_value2);
    jsonw_key_str(&w, "custom_field_value3", u->custom_field_value3);
    jsonw_key_str(&w, "background_pic_url", u->background_pic_url);
    write_notices(&w, u);
    jsonw_object_end(&w);
}

static struct opt_i64 number_of(const struct json *answer, const char *name)
{
    struct opt_i64 n = {0};

    n.set = json_get_i64(answer, name, &n.value);
    return n;
}

/* NOLINTNEXTLINE(readability-function-size): the output and err make it more than six. */
enum status wechat_update(struct wechat *w, const struct card *card,
                          const struct bonus_update *update, struct deadline until,
                          struct arena *arena UNUSED, struct bonus_shown *out, struct err *err)
{
    AUTO(buf_done) struct buf body = BUF_INIT(BODY_MAX);
    AUTO(json_freep) struct json *answer = NULL;
    struct wechat_request request = {
        .account = card->account,
        .call = &CALL_MEMBER_UPDATE,
        .traceparent = card->traceparent,
        .until = until,
    };
    enum status rc;

    write_update(card, update, &body);
    if (!buf_ok(&body))
        return err_reject(err, REASON_MALFORMED, "body", "member.update: the values are too long");
    request.body = buf_str(&body);
    rc = wechat_call(w, &request, &answer, err);
    if (rc != ST_OK)
        return rc;
    out->bonus = number_of(answer, "result_bonus");
    out->balance = number_of(answer, "result_balance");
    return ST_OK;
}
