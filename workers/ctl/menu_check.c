/* SPDX-License-Identifier: Apache-2.0 */
#include "menu_check.h"

#include <stdio.h>

enum {
    TOP_NAME_MAX = 16,
    SUB_NAME_MAX = 60,
    POINTER_SIZE = 96,
    WHY_SIZE = 128,
    NAME_SHOWN_SIZE = 40
};

static const struct menu_type TYPES[] = {
    {"click", {"key"}},
    {"view", {"url"}},
    {"miniprogram", {"url", "appid", "pagepath"}},
    {"scancode_push", {"key"}},
    {"scancode_waitmsg", {"key"}},
    {"pic_sysphoto", {"key"}},
    {"pic_photo_or_album", {"key"}},
    {"pic_weixin", {"key"}},
    {"location_select", {"key"}},
    {"media_id", {"media_id"}},
    {"view_limited", {"media_id"}},
    {"article_id", {"article_id"}},
    {"article_view_limited", {"article_id"}},
};

static const struct {
    const char *name;
    size_t max_bytes; /* 0: no limit is known */
    bool is_url;
} MEMBERS[] = {
    {"key", 128, false},    {"url", 1024, true},    {"appid", 0, false},
    {"pagepath", 0, false}, {"media_id", 0, false}, {"article_id", 0, false},
};

const struct menu_type *menu_type_find(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(TYPES); i++)
        if (str_eq_cstr(name, TYPES[i].name))
            return &TYPES[i];
    return NULL;
}

/* member: of the button at pointer; "" for itself. */
static void tell(struct menu_faults *faults, const char *pointer, const char *member,
                 const char *why)
{
    char where[POINTER_SIZE];

    (void)snprintf(where, sizeof(where), "%s%s%s", pointer, *member ? "/" : "", member);
    faults->count++;
    faults->tell(faults->arg, where, why);
}

static void tell_max(struct menu_faults *faults, const char *pointer, const char *member,
                     size_t max_bytes)
{
    char why[WHY_SIZE];

    (void)snprintf(why, sizeof(why), "must be at most %zu bytes", max_bytes);
    tell(faults, pointer, member, why);
}

void menu_check_name(const struct json *button, bool is_sub, const char *pointer,
                     struct menu_faults *faults)
{
    const struct str name = json_get_str(button, "name");
    const size_t max_bytes = is_sub ? SUB_NAME_MAX : TOP_NAME_MAX;

    if (!json_has(button, "name"))
        tell(faults, pointer, "name", "is required");
    else if (!str_is_set(name))
        tell(faults, pointer, "name", "must be a text");
    else if (name.len == 0)
        tell(faults, pointer, "name", "must not be empty");
    else if (name.len > max_bytes)
        tell_max(faults, pointer, "name", max_bytes);
}

static void check_member(const struct json *button, size_t which, const char *pointer,
                         struct menu_faults *faults)
{
    const char *name = MEMBERS[which].name;
    const struct str value = json_get_str(button, name);

    if (!json_has(button, name))
        return;
    if (!str_is_set(value))
        tell(faults, pointer, name, "must be a text");
    else if (MEMBERS[which].max_bytes > 0 && value.len > MEMBERS[which].max_bytes)
        tell_max(faults, pointer, name, MEMBERS[which].max_bytes);
    else if (MEMBERS[which].is_url && value.len > 0 && !str_starts(value, STR("http://")) &&
             !str_starts(value, STR("https://")))
        tell(faults, pointer, name, "must begin with http:// or https://");
}

static void check_needs(const struct json *button, const struct menu_type *type,
                        const char *pointer, struct menu_faults *faults)
{
    char why[WHY_SIZE];

    for (size_t i = 0; type->needs[i]; i++) {
        const struct str value = json_get_str(button, type->needs[i]);

        if (value.len > 0 || (json_has(button, type->needs[i]) && !str_is_set(value)))
            continue; /* of what is no text check_member has told */
        (void)snprintf(why, sizeof(why), "is required by the type %s", type->name);
        tell(faults, pointer, type->needs[i], why);
    }
}

/* What stands beside a sub menu may be left out, but not be wrong. */
static void check_action(const struct json *button, bool is_needed, const char *pointer,
                         struct menu_faults *faults)
{
    const struct str name = json_get_str(button, "type");
    const struct menu_type *type = menu_type_find(name);

    for (size_t i = 0; i < COUNT_OF(MEMBERS); i++)
        check_member(button, i, pointer, faults);
    if (!json_has(button, "type")) {
        if (is_needed)
            tell(faults, pointer, "type", "is required");
    } else if (!type) {
        tell(faults, pointer, "type", "is none that menu/create takes");
    } else if (is_needed) {
        check_needs(button, type, pointer, faults);
    }
}

void menu_check_leaf(const struct json *button, bool is_sub, const char *pointer,
                     struct menu_faults *faults)
{
    menu_check_name(button, is_sub, pointer, faults);
    check_action(button, true, pointer, faults);
}

/* What menu/get and the console answer beside what menu/create takes ("menuid", "value") is told:
 * it would be lost. */
static void check_known(const struct json *object, bool (*is_known)(struct str name),
                        const char *pointer, struct menu_faults *faults)
{
    for (struct json_iter i = json_iter(object); json_next(&i);) {
        char name[NAME_SHOWN_SIZE];

        if (is_known(i.key))
            continue;
        (void)str_copy(str_limit(i.key, NAME_SHOWN_SIZE - 1), name, sizeof(name));
        tell(faults, pointer, name, "is nothing that menu/create takes");
    }
}

static bool is_root_member(struct str name)
{
    return str_eq(name, STR("button"));
}

static bool is_button_member(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(MEMBERS); i++)
        if (str_eq_cstr(name, MEMBERS[i].name))
            return true;
    return str_eq(name, STR("name")) || str_eq(name, STR("type")) ||
           str_eq(name, STR("sub_button"));
}

static void check_sub(const struct json *button, const char *pointer, struct menu_faults *faults)
{
    const struct json *subs = json_get(button, "sub_button");

    if (!json_is(button, JSON_OBJECT)) {
        tell(faults, pointer, "", "must be an object");
        return;
    }
    if (json_has(button, "sub_button") && !json_is(subs, JSON_ARRAY))
        tell(faults, pointer, "sub_button", "must be a list");
    else if (json_len(subs) > 0)
        tell(faults, pointer, "sub_button", "a sub menu has no sub menus");
    else
        menu_check_leaf(button, true, pointer, faults);
    check_known(button, is_button_member, pointer, faults);
}

static void check_subs(const struct json *subs, const char *pointer, struct menu_faults *faults)
{
    char own[POINTER_SIZE];

    if (json_len(subs) > MENU_SUBS_MAX)
        tell(faults, pointer, "sub_button", "must have at most 5 buttons");
    for (size_t i = 0; i < json_len(subs) && i < MENU_SUBS_MAX; i++) {
        (void)snprintf(own, sizeof(own), "%s/sub_button/%zu", pointer, i);
        check_sub(json_at(subs, i), own, faults);
    }
}

static void check_top(const struct json *button, const char *pointer, struct menu_faults *faults)
{
    const struct json *subs = json_get(button, "sub_button");

    if (!json_is(button, JSON_OBJECT)) {
        tell(faults, pointer, "", "must be an object");
        return;
    }
    menu_check_name(button, false, pointer, faults);
    if (json_has(button, "sub_button") && !json_is(subs, JSON_ARRAY)) {
        tell(faults, pointer, "sub_button", "must be a list");
        return;
    }
    check_action(button, json_len(subs) == 0, pointer, faults);
    check_known(button, is_button_member, pointer, faults);
    check_subs(subs, pointer, faults);
}

void menu_check(const struct json *menu, struct menu_faults *faults)
{
    const struct json *buttons = json_get(menu, "button");
    char pointer[POINTER_SIZE];

    if (!json_is(menu, JSON_OBJECT)) {
        tell(faults, "", "", "must be an object with the member button");
        return;
    }
    check_known(menu, is_root_member, "", faults);
    if (!json_is(buttons, JSON_ARRAY)) {
        tell(faults, "", "button", json_has(menu, "button") ? "must be a list" : "is required");
        return;
    }
    if (json_len(buttons) == 0)
        tell(faults, "", "button", "must have a button; 'kabaoctl menu delete' takes a menu down");
    if (json_len(buttons) > MENU_TOPS_MAX)
        tell(faults, "", "button", "must have at most 3 buttons");
    for (size_t i = 0; i < json_len(buttons) && i < MENU_TOPS_MAX; i++) {
        (void)snprintf(pointer, sizeof(pointer), "/button/%zu", i);
        check_top(json_at(buttons, i), pointer, faults);
    }
}
