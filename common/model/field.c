/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing records by their tables. */
#include "model/field.h"

static void *member_at(void *record, const struct field *f)
{
    return (char *)record + f->offset;
}

static const void *member_of(const void *record, const struct field *f)
{
    return (const char *)record + f->offset;
}

/* An integer, or a fraction without one: JSON Schema takes 1.0 for an integer, and so do clients
 * whose numbers are all doubles. */
static bool integer(const struct json *value, int64_t *out)
{
    double number = 0;

    if (json_is(value, JSON_INT))
        return json_i64(value, out);
    return json_is(value, JSON_DOUBLE) && json_double(value, &number) && json_i64(value, out) &&
           (double)*out == number;
}

static bool has_type(const struct json *value, enum field_type type)
{
    int64_t number;

    switch (type) {
    case FIELD_STR: return json_is(value, JSON_STRING);
    case FIELD_I64: return integer(value, &number);
    case FIELD_BOOL: return json_is(value, JSON_BOOL);
    case FIELD_JSON: return json_is(value, JSON_OBJECT) || json_is(value, JSON_ARRAY);
    }
    return false;
}

static const char *type_name(enum field_type type)
{
    switch (type) {
    case FIELD_STR: return "a string";
    case FIELD_I64: return "an integer";
    case FIELD_BOOL: return "true or false";
    case FIELD_JSON: return "an object or array";
    }
    return "";
}

static enum status check(const struct field *f, const struct json *value, struct err *err)
{
    if (json_is(value, JSON_NULL)) {
        if (f->required)
            return err_reject(err, REASON_SCHEMA, "schema", "/%s is required", f->name);
        return ST_OK;
    }
    if (!has_type(value, f->type))
        return err_reject(err, REASON_SCHEMA, "schema", "/%s must be %s", f->name,
                          type_name(f->type));
    return ST_OK;
}

static void set(const struct field *f, struct json *value, void *record)
{
    void *member = member_at(record, f);
    struct opt_i64 number = {0};
    struct opt_bool flag = {0};

    switch (f->type) {
    case FIELD_STR: *(struct str *)member = json_str(value); break;
    case FIELD_I64:
        number.set = integer(value, &number.value);
        *(struct opt_i64 *)member = number;
        break;
    case FIELD_BOOL:
        flag.set = json_is(value, JSON_BOOL) && json_bool(value, &flag.value);
        *(struct opt_bool *)member = flag;
        break;
    case FIELD_JSON:
        *(struct field_json *)member =
            (struct field_json){.tree = json_is(value, JSON_NULL) ? NULL : value};
        break;
    }
}

enum status field_parse(const struct field *fields, size_t count, const struct json *object,
                        void *record, struct err *err)
{
    enum status rc;

    if (!json_is(object, JSON_OBJECT))
        return err_reject(err, REASON_SCHEMA, "schema", "the value is not an object");
    for (size_t i = 0; i < count; i++) {
        rc = check(&fields[i], json_get(object, fields[i].name), err);
        if (rc != ST_OK)
            return rc;
    }
    for (size_t i = 0; i < count; i++)
        set(&fields[i], json_get(object, fields[i].name), record);
    return ST_OK;
}

static void write_tree(const char *name, const struct json *tree, struct jsonw *w)
{
    AUTO(buf_done) struct buf text = BUF_INIT(w->out->max);

    json_format(tree, &text);
    if (!buf_ok(&text)) {
        w->out->failed = true;
        return;
    }
    jsonw_key(w, str_from(name));
    jsonw_raw(w, buf_str(&text));
}

static void write_json(const char *name, const struct field_json *value, struct jsonw *w)
{
    if (str_is_set(value->text)) {
        jsonw_key(w, str_from(name));
        jsonw_raw(w, value->text);
    } else if (value->tree != NULL) {
        write_tree(name, value->tree, w);
    }
}

static void write_one(const struct field *f, const void *record, struct jsonw *w)
{
    const void *member = member_of(record, f);
    const struct opt_i64 *number = member;
    const struct opt_bool *flag = member;

    switch (f->type) {
    case FIELD_STR: jsonw_key_str(w, f->name, *(const struct str *)member); break;
    case FIELD_I64:
        if (number->set)
            jsonw_key_i64(w, f->name, number->value);
        break;
    case FIELD_BOOL:
        if (flag->set)
            jsonw_key_bool(w, f->name, flag->value);
        break;
    case FIELD_JSON: write_json(f->name, member, w); break;
    }
}

void field_write(const struct field *fields, size_t count, const void *record, struct jsonw *w)
{
    for (size_t i = 0; i < count; i++)
        write_one(&fields[i], record, w);
}

void field_write_object(const struct field *fields, size_t count, const void *record,
                        struct buf *out)
{
    struct jsonw w = {.out = out};

    jsonw_object(&w);
    field_write(fields, count, record, &w);
    jsonw_object_end(&w);
}
