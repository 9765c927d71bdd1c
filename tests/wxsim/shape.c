/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/shape.h"

#include "wxsim/errcode.h"
#include "wxsim/lookup.h"

#include <string.h>

static bool type_fits(const struct json *value, enum sim_field_type type)
{
    int64_t number;

    switch (type) {
    case SIM_STRING: return json_is(value, JSON_STRING);
    case SIM_INT: return json_is_whole(value) && json_i64(value, &number);
    case SIM_UINT: return json_is_whole(value) && json_i64(value, &number) && number >= 0;
    case SIM_TIME:
        return (json_is(value, JSON_STRING) || json_is_whole(value)) && json_i64(value, &number) &&
               number >= 0;
    case SIM_BOOL: return json_is(value, JSON_BOOL);
    case SIM_OBJECT: return json_is(value, JSON_OBJECT);
    case SIM_ARRAY: return json_is(value, JSON_ARRAY);
    }
    return false;
}

static int check_field(const struct json *object, const struct sim_field *field, bool partial)
{
    const struct json *value = sim_lookup(object, str_from(field->name));
    const struct str text = json_str(value);

    if (value == NULL || (str_is_set(text) && text.len == 0))
        return partial ? SIM_OK : field->missing;
    if (!type_fits(value, field->type))
        return SIM_BAD_ARGS;
    return field->max_bytes > 0 && text.len > field->max_bytes ? SIM_TOO_LONG : SIM_OK;
}

int sim_fields_check(const struct json *object, const struct sim_field *fields, size_t count,
                     bool partial)
{
    int errcode = SIM_OK;

    for (size_t i = 0; errcode == SIM_OK && i < count; i++)
        errcode = check_field(object, &fields[i], partial);
    return errcode;
}

int sim_items_check(const struct json *array, const struct sim_field *fields, size_t count)
{
    int errcode = SIM_OK;

    for (size_t i = 0; errcode == SIM_OK && i < json_len(array); i++) {
        const struct json *item = json_at(array, i);

        errcode = json_is(item, JSON_OBJECT) ? sim_fields_check(item, fields, count, false)
                                             : SIM_BAD_ARGS;
    }
    return errcode;
}

/* The part of a row's name behind the prefix and a dot; absent when the row is elsewhere. */
static struct str name_in(const struct sim_field *field, struct str prefix)
{
    const struct str name = str_from(field->name);

    if (prefix.len == 0)
        return name;
    if (!str_starts(name, prefix) || name.len <= prefix.len || name.ptr[prefix.len] != '.')
        return (struct str){NULL, 0};
    return str_skip(name, prefix.len + 1);
}

static const struct sim_field *find_row(const struct sim_field *fields, size_t count,
                                        struct str prefix, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_is_set(name_in(&fields[i], prefix)) && str_eq(name_in(&fields[i], prefix), name))
            return &fields[i];
    return NULL;
}

static bool has_rows_in(const struct sim_field *fields, size_t count, struct str prefix)
{
    for (size_t i = 0; i < count; i++)
        if (str_is_set(name_in(&fields[i], prefix)))
            return true;
    return false;
}

/* An object and the name of its own row. */
struct level {
    struct json_iter members;
    struct str prefix;
};

enum { LEVELS_MAX = 8 };

int sim_names_check(const struct json *object, const struct sim_field *fields, size_t count)
{
    struct level levels[LEVELS_MAX] = {{json_iter(object), STR("")}};
    size_t depth = 1;

    while (depth > 0) {
        struct level *at = &levels[depth - 1];
        const struct sim_field *row;

        if (!json_next(&at->members)) {
            depth--;
            continue;
        }
        row = find_row(fields, count, at->prefix, at->members.key);
        if (row == NULL)
            return SIM_BAD_ARGS;
        if (json_is(at->members.value, JSON_OBJECT) && depth < LEVELS_MAX &&
            has_rows_in(fields, count, str_from(row->name)))
            levels[depth++] = (struct level){json_iter(at->members.value), str_from(row->name)};
    }
    return SIM_OK;
}

bool sim_is_one_of(struct str text, const char *const *values)
{
    for (; *values != NULL; values++)
        if (str_eq_cstr(text, *values))
            return true;
    return false;
}

int sim_choices_check(const struct json *object, const struct sim_choice *choices, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct str text = json_str(sim_lookup(object, str_from(choices[i].name)));

        if (!str_is_empty(text) && !sim_is_one_of(text, choices[i].values))
            return choices[i].errcode;
    }
    return SIM_OK;
}

bool sim_is_picture(struct str url)
{
    return str_starts(url, STR("http://mmbiz.qpic.cn/")) ||
           str_starts(url, STR("https://mmbiz.qpic.cn/"));
}

int sim_pictures_check(const struct json *object, const char *const *names)
{
    for (; *names != NULL; names++) {
        const struct str url = json_str(sim_lookup(object, str_from(*names)));

        if (!str_is_empty(url) && !sim_is_picture(url))
            return SIM_BAD_PICTURE_URL;
    }
    return SIM_OK;
}

bool sim_flag(const struct json *object, const char *dotted, bool preset)
{
    bool on = preset;

    (void)json_bool(sim_lookup(object, str_from(dotted)), &on);
    return on;
}
