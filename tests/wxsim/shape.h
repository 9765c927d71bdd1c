/* SPDX-License-Identifier: Apache-2.0 */
/* What an object of a call's body must look like, as rows; and the errcode of what does not. */
#pragma once

#include "base/attr.h"
#include "base/str.h"
#include "codec/json.h"

#include <stdbool.h>
#include <stddef.h>

enum sim_field_type {
    SIM_STRING,
    SIM_INT,
    SIM_UINT, /* from 0 */
    SIM_TIME, /* seconds from 0, a number or its digits in a string */
    SIM_BOOL,
    SIM_OBJECT, /* of any members, unless rows with its name and a dot follow */
    SIM_ARRAY,
};

/* A field of an object. */
struct sim_field {
    const char *name; /* dots go into objects */
    enum sim_field_type type;
    int missing;      /* errcode when it is absent or empty; SIM_OK: it may be */
    size_t max_bytes; /* of a string's UTF-8; 0: any */
};

/* A string that must be one of these when it is there. */
struct sim_choice {
    const char *name;
    const char *const *values; /* NULL-terminated */
    int errcode;
};

/* partial: changes, nothing is required. */
int sim_fields_check(const struct json *object, const struct sim_field *fields, size_t count,
                     bool partial);
/* Each item of the array, which may be absent, is such an object. */
int sim_items_check(const struct json *array, const struct sim_field *fields, size_t count);
/* The fields that the object has are rows. */
int sim_names_check(const struct json *object, const struct sim_field *fields, size_t count);
int sim_choices_check(const struct json *object, const struct sim_choice *choices, size_t count);
/* 40141 unless each of the fields (NULL-terminated) that is there is a picture that card fields
 * take. */
int sim_pictures_check(const struct json *object, const char *const *names);
bool sim_is_picture(struct str url); /* on the host that card fields accept (wechat-api 6.1) */
bool sim_is_one_of(struct str text, const char *const *values);
/* A flag of the object; preset when it is absent. */
bool sim_flag(const struct json *object, const char *dotted, bool preset);
