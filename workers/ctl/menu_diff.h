/* SPDX-License-Identifier: Apache-2.0 */
/* Two menus in the form of menu_form, button by button. Pure. */
#pragma once

#include "base/str.h"
#include "codec/json.h"

#include <stddef.h>

enum menu_change { MENU_ADDED, MENU_REMOVED, MENU_CHANGED, MENU_MOVED };

/* Borrowed. A button is known by its name and the sub menu it stands in. */
struct menu_difference {
    enum menu_change change;
    struct str parent; /* absent: a button of the first level */
    struct str name;
    const struct json *was; /* NULL: added */
    const struct json *is;  /* NULL: removed */
};

typedef void menu_diff_fn(void *arg, const struct menu_difference *d);

/* How many differences there are; what was and what is are whole menus, NULL: none. */
size_t menu_diff(const struct json *was, const struct json *is, menu_diff_fn *fn, void *arg);
