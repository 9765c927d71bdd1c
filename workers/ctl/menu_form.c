/* SPDX-License-Identifier: Apache-2.0 */
#include "menu_form.h"

#include "autoreply_reply.h"
#include "base/hex.h"
#include "codec/crypto.h"
#include "menu_check.h"

#include <stdio.h>

enum { BUTTON_MAX = 1 << 20, POINTER_SIZE = 128, KEY_BYTES = 8 };

#define KEY_PREFIX "kabao-"

bool menu_key(const struct json *button, char out[MENU_KEY_SIZE])
{
    AUTO(buf_done) struct buf text = BUF_INIT(BUTTON_MAX);
    uint8_t hash[SHA256_LEN];
    char digits[2 * KEY_BYTES + 1];

    json_format(button, &text);
    if (!buf_ok(&text))
        return false;
    sha256(buf_str(&text), hash);
    hex_format(hash, KEY_BYTES, digits);
    (void)snprintf(out, MENU_KEY_SIZE, KEY_PREFIX "%s", digits);
    return true;
}

/* menu_fault_fn: keeps the first */
static void keep_fault(void *arg, const char *pointer, const char *why)
{
    char *kept = arg;

    if (*kept == '\0')
        (void)snprintf(kept, REPLY_WHY_SIZE, "%s %s", *pointer == '/' ? pointer + 1 : pointer, why);
}

static void lose(struct menu_forming *f, const char *where, const struct json *button,
                 const char *why)
{
    losses_add(f->lost, where, json_get_str(button, "name"), why);
}

static void write_plain(const struct json *button, const struct menu_type *type, struct jsonw *w)
{
    jsonw_object(w);
    jsonw_key_str(w, "type", str_from(type->name));
    jsonw_key_str(w, "name", json_get_str(button, "name"));
    for (size_t i = 0; type->needs[i]; i++)
        jsonw_key_str(w, type->needs[i], json_get_str(button, type->needs[i]));
    jsonw_object_end(w);
}

static bool form_plain(const struct json *button, const struct menu_type *type, bool is_sub,
                       const char *where, struct menu_forming *f, struct jsonw *w)
{
    char why[REPLY_WHY_SIZE] = "";
    struct menu_faults faults = {.tell = keep_fault, .arg = why};

    menu_check_leaf(button, is_sub, "", &faults);
    if (faults.count > 0) {
        lose(f, where, button, why);
        return false;
    }
    if (f->clicks && str_eq_cstr(json_get_str(button, "type"), "click") &&
        str_starts(json_get_str(button, "key"), STR(KEY_PREFIX)))
        lose(f, where, button,
             "it was brought over before, what it said is not shown any more: "
             "its rule is in the rules file of that time only");
    write_plain(button, type, w);
    return true;
}

static void write_click_rule(struct str key, struct str reply, struct menu_forming *f)
{
    if (!f->clicks)
        return;
    jsonw_object(f->clicks);
    jsonw_key_str(f->clicks, "match", STR("event"));
    jsonw_key_str(f->clicks, "event", STR("CLICK"));
    jsonw_key_str(f->clicks, "key", key);
    jsonw_key(f->clicks, STR("reply"));
    jsonw_raw(f->clicks, reply);
    jsonw_object_end(f->clicks);
    f->click_count++;
}

static bool form_click(const struct json *button, bool is_sub, const char *where,
                       struct menu_forming *f, struct jsonw *w)
{
    AUTO(buf_done) struct buf reply = BUF_INIT(BUTTON_MAX);
    struct jsonw inner = {.out = &reply};
    char key[MENU_KEY_SIZE];
    char why[REPLY_WHY_SIZE] = "";
    struct menu_faults faults = {.tell = keep_fault, .arg = why};
    bool good;

    menu_check_name(button, is_sub, "", &faults);
    good = faults.count == 0 && autoreply_reply(button, "value", &inner, why);
    if (*why != '\0')
        lose(f, where, button, why);
    if (!good)
        return false;
    if (!buf_ok(&reply) || !menu_key(button, key)) {
        f->failed = true;
        return false;
    }
    jsonw_object(w);
    jsonw_key_str(w, "type", STR("click"));
    jsonw_key_str(w, "name", json_get_str(button, "name"));
    jsonw_key_str(w, "key", str_from(key));
    jsonw_object_end(w);
    write_click_rule(str_from(key), buf_str(&reply), f);
    return true;
}

/* A button that opens no sub menu. */
static bool form_leaf(const struct json *button, bool is_sub, const char *where,
                      struct menu_forming *f, struct jsonw *w)
{
    const struct menu_type *type = menu_type_find(json_get_str(button, "type"));
    const bool written = type ? form_plain(button, type, is_sub, where, f, w)
                              : form_click(button, is_sub, where, f, w);

    f->button_count += written ? 1 : 0;
    return written;
}

static bool is_list_at_most(const struct json *list, size_t max, const char *where,
                            struct menu_forming *f)
{
    char why[REPLY_WHY_SIZE];

    if (json_len(list) <= max)
        return true;
    (void)snprintf(why, sizeof(why), "there are %zu buttons, the first %zu are kept",
                   json_len(list), max);
    losses_add(f->lost, where, (struct str){NULL, 0}, why);
    return false;
}

/* How many of them were written. */
static size_t form_subs(const struct json *list, const char *where, struct menu_forming *f,
                        struct jsonw *w)
{
    const size_t count =
        is_list_at_most(list, MENU_SUBS_MAX, where, f) ? json_len(list) : (size_t)MENU_SUBS_MAX;
    char own[POINTER_SIZE];
    size_t written = 0;

    jsonw_array(w);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(own, sizeof(own), "%s/%zu", where, i);
        written += form_leaf(json_at(list, i), true, own, f, w) ? 1 : 0;
    }
    jsonw_array_end(w);
    return written;
}

static void form_parent(const struct json *button, const struct json *list, const char *where,
                        struct menu_forming *f, struct jsonw *w)
{
    AUTO(buf_done) struct buf subs = BUF_INIT(BUTTON_MAX);
    struct jsonw inner = {.out = &subs};
    char own[POINTER_SIZE];
    char why[REPLY_WHY_SIZE] = "";
    struct menu_faults faults = {.tell = keep_fault, .arg = why};

    (void)snprintf(own, sizeof(own), "%s/sub_button%s", where,
                   json_is(json_get(button, "sub_button"), JSON_OBJECT) ? "/list" : "");
    menu_check_name(button, false, "", &faults);
    if (faults.count == 0 && form_subs(list, own, f, &inner) == 0)
        (void)snprintf(why, sizeof(why), "no button of its sub menu is left");
    if (*why != '\0') {
        lose(f, where, button, why);
        return;
    }
    f->failed = f->failed || !buf_ok(&subs);
    jsonw_object(w);
    jsonw_key_str(w, "name", json_get_str(button, "name"));
    jsonw_key(w, STR("sub_button"));
    jsonw_raw(w, buf_str(&subs));
    jsonw_object_end(w);
    f->button_count++;
}

void menu_form(const struct json *buttons, struct menu_forming *f, struct jsonw *w)
{
    const size_t count = is_list_at_most(buttons, MENU_TOPS_MAX, f->from, f)
                             ? json_len(buttons)
                             : (size_t)MENU_TOPS_MAX;
    char where[POINTER_SIZE];

    jsonw_object(w);
    jsonw_key(w, STR("button"));
    jsonw_array(w);
    for (size_t i = 0; i < count; i++) {
        const struct json *button = json_at(buttons, i);
        const struct json *subs = json_get(button, "sub_button");
        const struct json *list = json_is(subs, JSON_ARRAY) ? subs : json_get(subs, "list");

        (void)snprintf(where, sizeof(where), "%s/%zu", f->from, i);
        if (json_len(list) > 0)
            form_parent(button, list, where, f, w);
        else
            (void)form_leaf(button, false, where, f, w);
    }
    jsonw_array_end(w);
    jsonw_object_end(w);
}
