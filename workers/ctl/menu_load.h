/* SPDX-License-Identifier: Apache-2.0 */
/* The menu that WeChat shows, and a menu's file. What goes wrong is told. */
#pragma once

#include "command_ask.h"
#include "menu_form.h"

/* Which of the two calls has it. */
enum menu_source { MENU_NONE, MENU_OF_API, MENU_OF_CONSOLE };

/* "menu.get": the API's. EXIT_DONE: *out, the caller's, is its menu in the form of menu_form, NULL
 * where there is none. */
int menu_of_api(struct command_asker *a, struct losses *lost, struct json **out);
/* The API's, else the console's. */
int menu_of_wechat(struct command_asker *a, struct losses *lost, struct json **out,
                   enum menu_source *source);
/* "menu.current", for what stands in both: *out, the caller's, is WeChat's answer, NULL: none. */
int menu_ask_current(struct command_asker *a, struct json **out);

/* EXIT_DONE: *out, the caller's, is a menu without faults. Else each fault is told. */
int menu_file_read(const char *path, struct json **out);
/* The menu in the form of menu_form, for a comparison. */
int menu_normal(const struct json *menu, struct json **out);
