/* SPDX-License-Identifier: Apache-2.0 */
#include "wechat/command_call.h"

#include "codec/jsonw.h"
#include "http/url.h"

void wechat_body_write(const struct json *body, struct buf *out)
{
    if (body)
        json_format(body, out);
    else
        buf_add_cstr(out, "{}");
}

static void write_text(const struct json *value, size_t max, struct buf *out)
{
    AUTO(buf_done) struct buf text = BUF_INIT(max);

    if (json_is(value, JSON_STRING)) {
        url_encode(json_str(value), out);
        return;
    }
    json_format(value, &text);
    out->failed = out->failed || !buf_ok(&text);
    url_encode(buf_str(&text), out);
}

void wechat_query_write(const struct json *body, struct buf *out)
{
    const char *separator = "";

    for (struct json_iter i = json_iter(body); json_next(&i);) {
        if (json_is(i.value, JSON_NULL))
            continue;
        buf_add_cstr(out, separator);
        url_encode(i.key, out);
        buf_add_char(out, '=');
        write_text(i.value, out->max, out);
        separator = "&";
    }
}

static bool is_verdict(struct str key)
{
    return str_eq(key, STR("errcode")) || str_eq(key, STR("errmsg"));
}

void wechat_answer_write(const struct json *answer, struct buf *out)
{
    AUTO(buf_done) struct buf value = BUF_INIT(out->max);
    struct jsonw w = {.out = out};

    jsonw_object(&w);
    for (struct json_iter i = json_iter(answer); json_next(&i);) {
        if (is_verdict(i.key))
            continue;
        buf_clear(&value);
        json_format(i.value, &value);
        out->failed = out->failed || !buf_ok(&value);
        jsonw_key(&w, i.key);
        jsonw_raw(&w, buf_str(&value));
    }
    jsonw_object_end(&w);
}

/* Of a query; "+" stands for itself: the values are Base64. */
static struct str value_of(struct str query, struct str name, struct arena *arena)
{
    struct str pair;
    struct str key;
    struct str value;

    while (str_cut(query, '&', &pair, &query))
        if (str_cut(pair, '=', &key, &value) && str_eq(key, name) && str_is_set(value))
            return url_decode(value, false, arena);
    return (struct str){NULL, 0};
}

void wechat_activate_extra(struct str url, struct arena *arena, struct activate_extra *out)
{
    struct str query = {NULL, 0};
    struct str fragment;

    *out = (struct activate_extra){0};
    if (!str_cut(url, '#', &url, &fragment) || !str_cut(url, '?', &url, &query))
        return;
    out->encrypt_card_id = value_of(query, STR("encrypt_card_id"), arena);
    out->outer_str = value_of(query, STR("outer_str"), arena);
    out->biz = value_of(query, STR("biz"), arena);
}
