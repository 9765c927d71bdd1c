/* SPDX-License-Identifier: Apache-2.0 */
/* Buttons as WeChat answers them, brought to the form that menu/create takes. Pure. */
#pragma once

#include "autoreply_lost.h"
#include "codec/json.h"
#include "codec/jsonw.h"

#include <stddef.h>

enum { MENU_KEY_SIZE = 6 + 16 + 1 };

/* The key of the click button that takes the place of this button of the console: by what it says,
 * so that it is the same whenever it is derived. False: no memory. */
MUST_CHECK bool menu_key(const struct json *button, char out[MENU_KEY_SIZE]);

struct menu_forming {
    const char *from; /* of the list of buttons: "menu.current /selfmenu_info/button" */
    struct losses *lost;
    struct jsonw *clicks; /* an open list that gets the rules of the click buttons; NULL: none */
    size_t click_count;   /* rules written */
    size_t button_count;  /* buttons written, sub menus as well */
    bool failed;          /* no memory */
};

/* {"button":[...]}: only what menu/create takes and needs, within its limits (menu_check finds
 * nothing in it, but that there may be no button at all); sub_button.list becomes sub_button. A
 * button of the console that menu/create refuses becomes one of type click with a rule that says
 * the same. What can be neither is left out and listed. */
void menu_form(const struct json *buttons, struct menu_forming *f, struct jsonw *w);
