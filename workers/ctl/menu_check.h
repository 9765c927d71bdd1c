/* SPDX-License-Identifier: Apache-2.0 */
/* The limits of menu/create (wechat-api 10), so that nothing is sent that WeChat refuses. Pure. */
#pragma once

#include "base/attr.h"
#include "base/str.h"
#include "codec/json.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    MENU_TOPS_MAX = 3,
    MENU_SUBS_MAX = 5,
    MENU_BUTTONS_MAX = MENU_TOPS_MAX * (1 + MENU_SUBS_MAX)
};

/* Where and why: a JSON Pointer into the menu, and what is wrong there. Both live for the call. */
typedef void menu_fault_fn(void *arg, const char *pointer, const char *why);

struct menu_faults {
    menu_fault_fn *tell;
    void *arg;
    size_t count;
};

/* A type of button that menu/create takes. */
struct menu_type {
    const char *name;
    const char *needs[4]; /* its members beside type and name; NULL-terminated */
};

const struct menu_type *menu_type_find(struct str name); /* NULL: unknown */

/* The members "key", "url" and so on that no type needs are checked as well, and left to WeChat; of
 * more buttons than there may be only the first are looked at. */
void menu_check(const struct json *menu, struct menu_faults *faults);
/* One button that opens no sub menu; pointer is its own. */
void menu_check_leaf(const struct json *button, bool is_sub, const char *pointer,
                     struct menu_faults *faults);
/* Its name alone. */
void menu_check_name(const struct json *button, bool is_sub, const char *pointer,
                     struct menu_faults *faults);
