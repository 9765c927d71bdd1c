/* SPDX-License-Identifier: Apache-2.0 */
/* WeChat's view of a card into ours. */
#include "wechat/member.h"

#include "codec/jsonw.h"

#include <string.h>

/* WeChat's forms have some 20 fields; what is beyond FIELDS_MAX stands in raw alone. */
enum { BODY_MAX = 4096, TEXT_MAX = 4 * 1024 * 1024, FIELDS_MAX = 256 };

bool wechat_card_gone(const struct err *err)
{
    return strcmp(err->code, "wechat:40056") == 0 || strcmp(err->code, "wechat:40127") == 0;
}

bool wechat_field_dropped(const char *drop, struct str name)
{
    return str_has_word(str_from(drop), name);
}

/* {"name": "USER_FORM_INFO_FLAG_IDCARD", "value": ...} */
static bool entry_dropped(const char *drop, const struct json *entry)
{
    for (struct json_iter i = json_iter(entry); json_next(&i);)
        if (str_ieq(i.key, STR("name")) && wechat_field_dropped(drop, json_str(i.value)))
            return true;
    return false;
}

static void write_scalar(const struct json *value, struct jsonw *w)
{
    AUTO(buf_done) struct buf text = BUF_INIT(w->out->max);

    if (json_is(value, JSON_STRING)) { /* most are */
        jsonw_str(w, json_str(value));
        return;
    }
    json_format(value, &text);
    jsonw_raw(w, buf_str(&text));
    if (!buf_ok(&text))
        w->out->failed = true;
}

static void write_kept(const struct json *value, const char *drop, struct jsonw *w);

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the documents, JSON_DEPTH_MAX. */
static void write_kept_members(const struct json *object, const char *drop, struct jsonw *w)
{
    jsonw_object(w);
    for (struct json_iter i = json_iter(object); json_next(&i);) {
        if (wechat_field_dropped(drop, i.key) || entry_dropped(drop, i.value))
            continue;
        jsonw_key(w, i.key);
        write_kept(i.value, drop, w);
    }
    jsonw_object_end(w);
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the documents, JSON_DEPTH_MAX. */
static void write_kept_entries(const struct json *array, const char *drop, struct jsonw *w)
{
    jsonw_array(w);
    for (size_t i = 0; i < json_len(array); i++)
        if (!entry_dropped(drop, json_at(array, i)))
            write_kept(json_at(array, i), drop, w);
    jsonw_array_end(w);
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the documents, JSON_DEPTH_MAX. */
static void write_kept(const struct json *value, const char *drop, struct jsonw *w)
{
    if (json_is(value, JSON_OBJECT))
        write_kept_members(value, drop, w);
    else if (json_is(value, JSON_ARRAY))
        write_kept_entries(value, drop, w);
    else
        write_scalar(value, w);
}

static struct str keep_text(const struct buf *text, struct arena *arena)
{
    return buf_ok(text) ? arena_dup(arena, buf_str(text)) : (struct str){0};
}

static bool read_raw(const struct json *answer, const char *drop, struct arena *arena,
                     struct member *m)
{
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
    struct jsonw w = {.out = &text};

    write_kept(answer, drop, &w);
    m->raw = (struct field_json){.text = keep_text(&text, arena)};
    return str_is_set(m->raw.text);
}

/* A form's value: mostly a string; numbers and the rest keep their JSON text. */
static void write_value(const struct json *value, struct jsonw *w)
{
    if (json_is(value, JSON_NULL))
        jsonw_str(w, STR(""));
    else
        write_scalar(value, w);
}

/* An entry of a list, unless it is dropped, nameless, or given before. */
static bool is_field(const struct json *list, size_t index, const char *drop)
{
    struct str name = json_get_str(json_at(list, index), "name");

    if (str_is_empty(name) || wechat_field_dropped(drop, name))
        return false;
    for (size_t i = 0; i < index; i++)
        if (str_eq(json_get_str(json_at(list, i), "name"), name))
            return false;
    return true;
}

static void write_fields(const struct json *list, const char *drop, struct jsonw *w)
{
    for (size_t i = 0; i < json_len(list) && i < FIELDS_MAX; i++) {
        const struct json *entry = json_at(list, i);

        if (!is_field(list, i, drop))
            continue;
        jsonw_key(w, json_get_str(entry, "name"));
        write_value(json_get(entry, "value"), w);
    }
}

static bool read_form(const struct json *list, const char *drop, struct arena *arena,
                      struct member *m)
{
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
    struct jsonw w = {.out = &text};

    if (!json_is(list, JSON_ARRAY))
        return true;
    jsonw_object(&w);
    write_fields(list, drop, &w);
    jsonw_object_end(&w);
    m->form.text = keep_text(&text, arena);
    return str_is_set(m->form.text);
}

/* Several answers, NULL when there is one at most. */
static const struct json *answers_of(const struct json *entry)
{
    const struct json *values = json_get(entry, "value_list");

    return json_is(values, JSON_ARRAY) && json_len(values) > 0 ? values : NULL;
}

static void write_custom_field(const struct json *entry, struct jsonw *w)
{
    const struct json *values = answers_of(entry);

    jsonw_object(w);
    jsonw_key_str(w, "name", json_get_str(entry, "name"));
    if (values) {
        jsonw_key(w, STR("values"));
        write_scalar(values, w);
    } else {
        jsonw_key(w, STR("value"));
        write_value(json_get(entry, "value"), w);
    }
    jsonw_object_end(w);
}

static bool read_custom_form(const struct json *list, const char *drop, struct arena *arena,
                             struct member *m)
{
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
    struct jsonw w = {.out = &text};

    if (!json_is(list, JSON_ARRAY))
        return true;
    jsonw_array(&w);
    for (size_t i = 0; i < json_len(list) && i < FIELDS_MAX; i++)
        if (is_field(list, i, drop))
            write_custom_field(json_at(list, i), &w);
    jsonw_array_end(&w);
    m->custom_form.text = keep_text(&text, arena);
    return str_is_set(m->custom_form.text);
}

static bool names(const struct json *list, struct str name)
{
    for (size_t i = 0; i < json_len(list) && i < FIELDS_MAX; i++)
        if (str_eq(json_get_str(json_at(list, i), "name"), name))
            return true;
    return false;
}

/* The merchant's own fields, but for names that stand in taken. */
static void write_own_fields(const struct json *own, const struct json *taken, const char *drop,
                             struct jsonw *w)
{
    for (size_t i = 0; i < json_len(own) && i < FIELDS_MAX; i++) {
        const struct json *entry = json_at(own, i);
        const struct json *values = answers_of(entry);

        if (!is_field(own, i, drop) || names(taken, json_get_str(entry, "name")))
            continue;
        jsonw_key(w, json_get_str(entry, "name"));
        if (values)
            write_scalar(values, w);
        else
            write_value(json_get(entry, "value"), w);
    }
}

bool wechat_form_read(const struct json *info, const char *drop, struct arena *arena,
                      struct field_json *form)
{
    const struct json *fields = json_get(info, "common_field_list");
    const struct json *own = json_get(info, "custom_field_list");
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
    struct jsonw w = {.out = &text};

    if (!json_is(fields, JSON_ARRAY) && !json_is(own, JSON_ARRAY))
        return true;
    jsonw_object(&w);
    if (json_is(fields, JSON_ARRAY))
        write_fields(fields, drop, &w);
    if (json_is(own, JSON_ARRAY))
        write_own_fields(own, fields, drop, &w);
    jsonw_object_end(&w);
    form->text = keep_text(&text, arena);
    return str_is_set(form->text);
}

/* Absent rather than empty; a number where WeChat promises text still counts. */
static struct str attribute(const struct json *answer, const char *name, struct arena *arena)
{
    const struct json *value = json_get(answer, name);
    struct str text = json_str(value);
    int64_t number = 0;

    if (json_is(value, JSON_INT) && json_i64(value, &number))
        return arena_printf(arena, "%lld", (long long)number);
    if (str_is_empty(text))
        return (struct str){0};
    return text;
}

static struct opt_i64 number_of(const struct json *answer, const char *name)
{
    struct opt_i64 n = {0};

    n.set = json_get_i64(answer, name, &n.value);
    return n;
}

static struct opt_bool flag_of(const struct json *answer, const char *name)
{
    struct opt_bool f = {0};

    f.set = json_bool(json_get(answer, name), &f.value);
    return f;
}

/* Whose card, and when it was read. */
static bool stamp(const struct card *card, struct arena *arena, struct member *m)
{
    char now[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(clock_wall_ms(), now);
    m->account = str_from(card->account->name);
    m->appid = str_from(card->account->appid);
    m->card_id = card->card_id;
    m->card_code = card->card_code;
    m->fetched_at = arena_dup(arena, str_from(now));
    return str_is_set(m->fetched_at);
}

static bool read_member(const struct json *answer, const struct card *card, struct arena *arena,
                        struct member *m)
{
    const char *drop = card->account->form_fields_drop;
    const struct json *info = json_get(answer, "user_info");

    m->openid = attribute(answer, "openid", arena);
    m->unionid = attribute(answer, "unionid", arena);
    m->membership_number = attribute(answer, "membership_number", arena);
    m->nickname = attribute(answer, "nickname", arena);
    m->sex = attribute(answer, "sex", arena);
    m->bonus = number_of(answer, "bonus");
    m->balance = number_of(answer, "balance");
    m->status = attribute(answer, "user_card_status", arena);
    m->has_active = flag_of(answer, "has_active");
    m->outer_str = attribute(answer, "outer_str", arena);
    m->form = (struct field_json){0};
    m->custom_form = (struct field_json){0};
    return stamp(card, arena, m) &&
           read_form(json_get(info, "common_field_list"), drop, arena, m) &&
           read_custom_form(json_get(info, "custom_field_list"), drop, arena, m) &&
           read_raw(answer, drop, arena, m);
}

/* Replaces only by what the answer has. */
static void merge(struct str *attribute_of_member, struct str given)
{
    if (!str_is_empty(given))
        *attribute_of_member = given;
}

static bool read_code(const struct json *answer, const struct card *card, struct arena *arena,
                      struct member *m)
{
    merge(&m->status, attribute(answer, "user_card_status", arena));
    merge(&m->openid, attribute(answer, "openid", arena));
    merge(&m->outer_str, attribute(answer, "outer_str", arena));
    merge(&m->unionid, attribute(answer, "unionid", arena));
    return stamp(card, arena, m);
}

static void write_body(const struct card *card, bool check_consume_off, struct buf *out)
{
    struct jsonw w = {.out = out};

    jsonw_object(&w);
    jsonw_key_str(&w, "card_id", card->card_id);
    jsonw_key_str(&w, "code", card->card_code);
    if (check_consume_off)
        jsonw_key_bool(&w, "check_consume", false);
    jsonw_object_end(&w);
}

static enum status ask(struct wechat *w, const struct call *call, const struct card *card,
                       struct deadline until, struct json **answer, struct err *err)
{
    AUTO(buf_done) struct buf body = BUF_INIT(BODY_MAX);
    struct wechat_request request = {
        .account = card->account,
        .call = call,
        .traceparent = card->traceparent,
        .until = until,
    };

    write_body(card, call == &CALL_CODE_GET, &body);
    if (!buf_ok(&body))
        return err_reject(err, REASON_MALFORMED, "card", "%s: card_id or code is too long",
                          call->type);
    request.body = buf_str(&body);
    return wechat_call(w, &request, answer, err);
}

static enum status no_memory(const struct call *call, struct err *err)
{
    return err_retry(err, "memory", "%s: no memory for the answer", call->type);
}

/* NOLINTNEXTLINE(readability-function-size): the outputs and err make it more than six. */
enum status wechat_member_get(struct wechat *w, const struct card *card, struct deadline until,
                              struct arena *arena, struct member *m, struct json **answer,
                              struct err *err)
{
    AUTO(json_freep) struct json *json = NULL;
    struct member read = *m;
    enum status rc;

    rc = ask(w, &CALL_MEMBER_GET, card, until, &json, err);
    if (rc != ST_OK)
        return rc;
    if (!read_member(json, card, arena, &read))
        return no_memory(&CALL_MEMBER_GET, err);
    *m = read;
    *answer = TAKE(json);
    return ST_OK;
}

/* NOLINTNEXTLINE(readability-function-size): the outputs and err make it more than six. */
enum status wechat_code_get(struct wechat *w, const struct card *card, struct deadline until,
                            struct arena *arena, struct member *m, struct json **answer,
                            struct err *err)
{
    AUTO(json_freep) struct json *json = NULL;
    struct member read = *m;
    enum status rc;

    rc = ask(w, &CALL_CODE_GET, card, until, &json, err);
    if (rc != ST_OK)
        return rc;
    if (!read_code(json, card, arena, &read))
        return no_memory(&CALL_CODE_GET, err);
    *m = read;
    *answer = TAKE(json);
    return ST_OK;
}
