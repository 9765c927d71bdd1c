/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/member.h"

#include "base/mem.h"
#include "wxsim/texts.h"

#include <string.h>

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
    ROW(background_pic_url, 128, false),
    ROW(custom_field_value1, 12, false),
    ROW(custom_field_value2, 12, false),
    ROW(custom_field_value3, 12, false),
    ROW(status, 16, false),
    ROW(marked_by, 28, false),
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
        rc = sim_form_read(&m->form, from, err);
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
    sim_form_write(&m->form, w);
    sim_history_write_counts(&m->history, w);
    jsonw_key(w, STR("notice_list"));
    sim_history_write_notices(&m->history, w);
    jsonw_object_end(w);
}

void sim_member_write_effects(const struct sim_member *m, struct jsonw *w)
{
    jsonw_object(w);
    jsonw_key_str(w, "appid", str_from(m->appid));
    jsonw_key_str(w, "card_id", str_from(m->card_id));
    jsonw_key_str(w, "code", str_from(m->code));
    jsonw_key_str(w, "status", str_from(m->status));
    jsonw_key_bool(w, "has_active", m->has_active);
    jsonw_key_str(w, "membership_number", str_from(m->membership_number));
    jsonw_key_i64(w, "bonus", m->bonus);
    if (m->has_balance)
        jsonw_key_i64(w, "balance", m->balance);
    sim_history_write_counts(&m->history, w);
    jsonw_object_end(w);
}

void sim_member_done(struct sim_member *m)
{
    sim_texts_done(rows, COUNT_OF(rows), m);
    sim_form_done(&m->form);
    sim_history_done(&m->history);
    memset(m, 0, sizeof(*m));
}

bool sim_member_has_status(const struct sim_member *m, const char *status)
{
    return strcmp(m->status, status) == 0;
}

bool sim_member_set_text(char **slot, struct str text)
{
    char *copy = mem_strdup(text.ptr); /* json-c ends its texts in NUL, literals do too */

    if (copy == NULL)
        return false;
    mem_free(*slot);
    *slot = copy;
    return true;
}

enum status sim_member_set_status(struct sim_member *m, struct str status, struct err *err)
{
    if (!is_status(status))
        return err_reject(err, REASON_SCHEMA, "schema", "status %.*s is not known",
                          STR_ARG(status));
    if (!sim_member_set_text(&m->status, status))
        return err_retry(err, "memory", "no memory for a status");
    return ST_OK;
}
