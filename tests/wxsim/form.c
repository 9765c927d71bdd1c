/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/form.h"

#include "base/mem.h"

#include <string.h>

enum { FORM_MAX = 64 * 1024, LISTS_MAX = 2 * FORM_MAX };

static bool common_fits(const struct json *form)
{
    if (form != NULL && !json_is(form, JSON_OBJECT))
        return false;
    for (struct json_iter i = json_iter(form); json_next(&i);)
        if (!json_is(i.value, JSON_STRING))
            return false;
    return true;
}

static bool custom_fits(const struct json *form)
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

static void write_common_fields(const char *common, struct jsonw *w)
{
    AUTO(json_freep) struct json *fields = NULL;
    struct err err;

    jsonw_key(w, STR("common_field_list"));
    jsonw_array(w);
    if (common != NULL && json_parse(str_from(common), &fields, &err) == ST_OK) {
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
static enum status make_lists(struct sim_form *form, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(LISTS_MAX);
    struct jsonw w = {.out = &text};

    mem_free(form->lists);
    form->lists = NULL;
    if (form->common == NULL && form->custom == NULL)
        return ST_OK;
    jsonw_object(&w);
    write_common_fields(form->common, &w);
    jsonw_key(&w, STR("custom_field_list"));
    jsonw_raw(&w, str_from(form->custom != NULL ? form->custom : "[]"));
    jsonw_object_end(&w);
    form->lists = buf_ok(&text) ? mem_strdup(text.ptr) : NULL;
    if (form->lists == NULL)
        return err_retry(err, "memory", "no memory for a form");
    return ST_OK;
}

enum status sim_form_read(struct sim_form *form, const struct json *from, struct err *err)
{
    enum status rc = ST_OK;

    if (!common_fits(json_get(from, "form")))
        return err_reject(err, REASON_SCHEMA, "schema", "form must be an object of strings");
    if (!custom_fits(json_get(from, "custom_form")))
        return err_reject(err, REASON_SCHEMA, "schema",
                          "custom_form must be an array of objects with a name");
    if (json_has(from, "form"))
        rc = keep_json(&form->common, json_get(from, "form"), err);
    if (rc == ST_OK && json_has(from, "custom_form"))
        rc = keep_json(&form->custom, json_get(from, "custom_form"), err);
    if (rc == ST_OK)
        rc = make_lists(form, err);
    return rc;
}

void sim_form_write(const struct sim_form *form, struct jsonw *w)
{
    if (form->common != NULL) {
        jsonw_key(w, STR("form"));
        jsonw_raw(w, str_from(form->common));
    }
    if (form->custom != NULL) {
        jsonw_key(w, STR("custom_form"));
        jsonw_raw(w, str_from(form->custom));
    }
}

void sim_form_done(struct sim_form *form)
{
    mem_free(form->common);
    mem_free(form->custom);
    mem_free(form->lists);
    memset(form, 0, sizeof(*form));
}
