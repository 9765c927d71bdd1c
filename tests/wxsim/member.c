/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/member.h"

#include "base/mem.h"
#include "wxsim/texts.h"

#include <string.h>

enum { FORM_MAX = 64 * 1024, USER_INFO_MAX = 2 * FORM_MAX };

#define ROW(name, max, needed)                                           \
    {                                                                    \
#        name, offsetof(struct sim_member, name), (max), (needed), false \
    }

/* clang-format off */
static const struct sim_text rows[] = {
    ROW(appid, 32, true),
    ROW(card_id, 32, true),
    ROW(code, 20, true),
    ROW(openid, 28, true),
    ROW(nickname, 128, false),
    ROW(membership_number, 20, false),
    ROW(sex, 16, false),
    ROW(unionid, 64, false),
    ROW(outer_str, 128, false),
    ROW(status, 16, false),
};
/* clang-format on */

static const char *const others[] = {"bonus", "balance", "has_active", "form", "custom_form", NULL};

static const char *const statuses[] = {"NORMAL",    "CONSUMED",     "EXPIRE", "GIFTING",
                                       "GIFT_SUCC", "GIFT_TIMEOUT", "DELETE", "UNAVAILABLE"};

static bool is_status(struct str status)
{
    for (size_t i = 0; i < COUNT_OF(statuses); i++)
        if (str_eq_cstr(status, statuses[i]))
            return true;
    return false;
}

static enum status default_text(char **slot, const char *text, struct err *err)
{
    if (*slot == NULL)
        *slot = mem_strdup(text);
    return *slot != NULL ? ST_OK : err_retry(err, "memory", "no memory for a member");
}

static enum status fill_in(struct sim_member *m, struct err *err)
{
    enum status rc = default_text(&m->membership_number, m->code, err);

    if (rc == ST_OK)
        rc = default_text(&m->sex, "UNKNOWN", err);
    if (rc == ST_OK)
        rc = default_text(&m->status, "NORMAL", err);
    if (rc == ST_OK && !is_status(str_from(m->status)))
        rc = err_reject(err, REASON_SCHEMA, "schema", "status %s is not known", m->status);
    return rc;
}

static enum status read_numbers(struct sim_member *m, const struct json *from, struct err *err)
{
    if (json_has(from, "bonus") && !json_get_i64(from, "bonus", &m->bonus))
        return err_reject(err, REASON_SCHEMA, "schema", "bonus must be a number");
    if (json_has(from, "has_active") && !json_bool(json_get(from, "has_active"), &m->has_active))
        return err_reject(err, REASON_SCHEMA, "schema", "has_active must be true or false");
    if (!json_has(from, "balance"))
        return ST_OK;
    m->has_balance = json_get(from, "balance") != NULL;
    if (m->has_balance && !json_get_i64(from, "balance", &m->balance))
        return err_reject(err, REASON_SCHEMA, "schema", "balance must be a number");
    return ST_OK;
}

static bool form_fits(const struct json *form)
{
    if (form != NULL && !json_is(form, JSON_OBJECT))
        return false;
    for (struct json_iter i = json_iter(form); json_next(&i);)
        if (!json_is(i.value, JSON_STRING))
            return false;
    return true;
}

static bool custom_form_fits(const struct json *form)
{
    if (form != NULL && !json_is(form, JSON_ARRAY))
        return false;
    for (size_t i = 0; i < json_len(form); i++)
        if (!str_is_set(json_get_str(json_at(form, i), "name")))
            return false;
    return true;
}

/* The JSON text of value in *slot, NULL for null. */
static enum status keep_json(char **slot, const struct json *value, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(FORM_MAX);
    char *copy = NULL;

    if (value != NULL) {
        json_format(value, &text);
        copy = buf_ok(&text) ? mem_strdup(text.ptr) : NULL;
        if (copy == NULL)
            return err_reject(err, REASON_SCHEMA, "schema", "a form is too large");
    }
    mem_free(*slot);
    *slot = copy;
    return ST_OK;
}

static enum status read_forms(struct sim_member *m, const struct json *from, struct err *err)
{
    enum status rc = ST_OK;

    if (!form_fits(json_get(from, "form")))
        return err_reject(err, REASON_SCHEMA, "schema", "form must be an object of strings");
    if (!custom_form_fits(json_get(from, "custom_form")))
        return err_reject(err, REASON_SCHEMA, "schema",
                          "custom_form must be an array of objects with a name");
    if (json_has(from, "form"))
        rc = keep_json(&m->form, json_get(from, "form"), err);
    if (rc == ST_OK && json_has(from, "custom_form"))
        rc = keep_json(&m->custom_form, json_get(from, "custom_form"), err);
    return rc;
}

static void write_common_fields(const char *form, struct jsonw *w)
{
    AUTO(json_freep) struct json *fields = NULL;
    struct err err;

    jsonw_key(w, STR("common_field_list"));
    jsonw_array(w);
    if (form != NULL && json_parse(str_from(form), &fields, &err) == ST_OK) {
        for (struct json_iter i = json_iter(fields); json_next(&i);) {
            jsonw_object(w);
            jsonw_key(w, STR("name"));
            jsonw_str(w, i.key);
            jsonw_key_str(w, "value", json_str(i.value));
            jsonw_object_end(w);
        }
    }
    jsonw_array_end(w);
}

/* Made once, not for each answer. */
static enum status make_user_info(struct sim_member *m, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(USER_INFO_MAX);
    struct jsonw w = {.out = &text};

    mem_free(m->user_info);
    m->user_info = NULL;
    if (m->form == NULL && m->custom_form == NULL)
        return ST_OK;
    jsonw_object(&w);
    write_common_fields(m->form, &w);
    jsonw_key(&w, STR("custom_field_list"));
    jsonw_raw(&w, str_from(m->custom_form != NULL ? m->custom_form : "[]"));
    jsonw_object_end(&w);
    m->user_info = buf_ok(&text) ? mem_strdup(text.ptr) : NULL;
    if (m->user_info == NULL)
        return err_retry(err, "memory", "no memory for a form");
    return ST_OK;
}

enum status sim_member_read(struct sim_member *m, const struct json *from, struct err *err)
{
    enum status rc = sim_texts_only(rows, COUNT_OF(rows), others, from, err);

    if (rc == ST_OK)
        rc = sim_texts_read(rows, COUNT_OF(rows), from, m, err);
    if (rc == ST_OK)
        rc = fill_in(m, err);
    if (rc == ST_OK)
        rc = read_numbers(m, from, err);
    if (rc == ST_OK)
        rc = read_forms(m, from, err);
    if (rc == ST_OK)
        rc = make_user_info(m, err);
    return rc;
}

void sim_member_write(const struct sim_member *m, struct jsonw *w)
{
    jsonw_object(w);
    sim_texts_write(rows, COUNT_OF(rows), m, w);
    jsonw_key_i64(w, "bonus", m->bonus);
    if (m->has_balance)
        jsonw_key_i64(w, "balance", m->balance);
    jsonw_key_bool(w, "has_active", m->has_active);
    if (m->form != NULL) {
        jsonw_key(w, STR("form"));
        jsonw_raw(w, str_from(m->form));
    }
    if (m->custom_form != NULL) {
        jsonw_key(w, STR("custom_form"));
        jsonw_raw(w, str_from(m->custom_form));
    }
    jsonw_object_end(w);
}

void sim_member_done(struct sim_member *m)
{
    sim_texts_done(rows, COUNT_OF(rows), m);
    mem_free(m->form);
    mem_free(m->custom_form);
    mem_free(m->user_info);
    memset(m, 0, sizeof(*m));
}

enum status sim_member_set_status(struct sim_member *m, struct str status, struct err *err)
{
    char *copy;

    if (!is_status(status))
        return err_reject(err, REASON_SCHEMA, "schema", "status %.*s is not known",
                          STR_ARG(status));
    copy = mem_strdup(status.ptr); /* json-c ends its texts in NUL, literals do too */
    if (copy == NULL)
        return err_retry(err, "memory", "no memory for a status");
    mem_free(m->status);
    m->status = copy;
    return ST_OK;
}
