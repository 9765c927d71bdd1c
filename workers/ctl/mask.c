/* SPDX-License-Identifier: Apache-2.0 */
#include "mask.h"

#include "base/attr.h"
#include "codec/utf8.h"

#include <string.h>

enum {
    TEXT_MAX = 64 << 20,
    NAME_MAX_BYTES = 64,
    SHOWN = 2, /* characters at each end */
    SHOWN_FROM = 8,
    OPENID_LEN = 28,
};

/* Anywhere in a name; lower case, without underscores. */
static const char *const PARTS[] = {
    "openid", "unionid", "nickname", "mobile",  "phone",    "fromuser", "frienduser",
    "touser", "idcard",  "email",    "address", "birthday", "headimg",  "userforminfoflag",
};

/* The whole name. */
static const char *const NAMES[] = {
    "user",       "users",        "username",        "sex",
    "province",   "city",         "birth",           "form",
    "content",    "recognition",  "locationx",       "locationy",
    "latitude",   "longitude",    "label",           "picurl",
    "customform", "customvalues", "commonfieldlist", "customfieldlist",
};

/* The account and merchants' own, in spite of PARTS; to the letter. */
static const char *const NEVER[] = {"ToUserName", "to_user", "service_phone"};

/* What is no openid behind "<appid>:": scenes of ours, kinds of tokens. */
static const char *const PLAIN[] = {"bind-", "verify-", "access_token", "jsapi", "wx_card"};

static bool is_one_of(struct str name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq_cstr(name, list[i]))
            return true;
    return false;
}

static bool has_part(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(PARTS); i++)
        if (strstr(name, PARTS[i]))
            return true;
    return false;
}

static void simplify(struct str name, char out[NAME_MAX_BYTES + 1])
{
    size_t len = 0;

    for (size_t i = 0; i < name.len && len < NAME_MAX_BYTES; i++) {
        const char c = name.ptr[i];

        if (c != '_' && c != '-')
            out[len++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    out[len] = '\0';
}

bool mask_is_personal(struct str name)
{
    char simple[NAME_MAX_BYTES + 1];

    if (is_one_of(name, NEVER, COUNT_OF(NEVER)))
        return false;
    simplify(name, simple);
    return has_part(simple) || is_one_of(str_from(simple), NAMES, COUNT_OF(NAMES));
}

/* Of valid UTF-8. */
static struct str head(struct str s, size_t characters)
{
    size_t len = 0;

    while (characters-- > 0)
        len += str_utf8_step(str_skip(s, len));
    return str_of(s.ptr, len);
}

void mask_text(struct buf *out, struct str value)
{
    const size_t length = utf8_valid(value) ? utf8_length(value) : 1;

    if (length == 0)
        return;
    if (length >= SHOWN_FROM)
        buf_add(out, head(value, SHOWN));
    buf_add(out, STR("****"));
    if (length >= SHOWN_FROM)
        buf_add(out, str_skip(value, head(value, length - SHOWN).len));
}

static bool is_plain(struct str rest)
{
    size_t at;

    for (size_t i = 0; i < COUNT_OF(PLAIN); i++)
        if (str_starts(rest, str_from(PLAIN[i])))
            return true;
    return str_find(rest, STR(":"), &at);
}

/* As WeChat makes them: "o" and 27 letters, digits, "-" and "_". */
static bool is_openid(struct str text)
{
    if (text.len != OPENID_LEN || text.ptr[0] != 'o')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              c == '-' || c == '_'))
            return false;
    }
    return true;
}

void mask_key(struct buf *out, struct str key)
{
    struct str first = {0};
    struct str rest = {0};

    if (is_openid(key)) {
        mask_text(out, key);
        return;
    }
    if (!str_cut(key, ':', &first, &rest) || !str_is_set(rest) || is_plain(rest)) {
        buf_add(out, key);
        return;
    }
    buf_add(out, first);
    buf_add_char(out, ':');
    mask_text(out, rest);
}

static void write_masked(struct jsonw *w, struct str text)
{
    AUTO(buf_done) struct buf masked = BUF_INIT(TEXT_MAX);

    mask_text(&masked, text);
    w->out->failed = w->out->failed || !buf_ok(&masked);
    jsonw_str(w, buf_str(&masked));
}

static void write_leaf(struct jsonw *w, const struct json *value, bool personal)
{
    AUTO(buf_done) struct buf number = BUF_INIT(TEXT_MAX);
    const bool is_text = json_is(value, JSON_STRING);
    struct str text = json_str(value);

    if (!is_text) {
        json_format(value, &number);
        w->out->failed = w->out->failed || !buf_ok(&number);
        text = buf_str(&number);
    }
    if (personal && value && !json_is(value, JSON_BOOL))
        write_masked(w, text);
    else if (is_text)
        jsonw_str(w, text);
    else
        jsonw_raw(w, text);
}

/* {"name":..,"value":..} or with several values: one field of a form. */
static bool is_field(const struct json *object)
{
    return json_has(object, "name") && (json_has(object, "value") || json_has(object, "values") ||
                                        json_has(object, "value_list"));
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as documents are, JSON_DEPTH_MAX. */
static void copy(struct jsonw *w, const struct json *value, bool personal)
{
    if (json_is(value, JSON_ARRAY)) {
        jsonw_array(w);
        for (size_t i = 0; i < json_len(value); i++)
            copy(w, json_at(value, i), personal);
        jsonw_array_end(w);
    } else if (json_is(value, JSON_OBJECT)) {
        const bool field = is_field(value);

        jsonw_object(w);
        for (struct json_iter i = json_iter(value); json_next(&i);) {
            jsonw_key(w, i.key);
            copy(w, i.value,
                 (personal && !(field && str_eq(i.key, STR("name")))) || mask_is_personal(i.key));
        }
        jsonw_object_end(w);
    } else {
        write_leaf(w, value, personal);
    }
}

void mask_json(struct jsonw *w, const struct json *value)
{
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
    struct jsonw inner = {.out = &text}; /* the document may be as deep as a writer goes */

    copy(&inner, value, false);
    w->out->failed = w->out->failed || !buf_ok(&text);
    jsonw_raw(w, buf_str(&text));
}
