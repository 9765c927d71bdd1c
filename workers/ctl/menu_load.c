/* SPDX-License-Identifier: Apache-2.0 */
#include "menu_load.h"

#include "app/app.h"
#include "codec/utf8.h"
#include "config/secret.h"
#include "menu_check.h"

#include <stdio.h>

enum { MENU_MAX = 1 << 20, ERRCODE_NO_MENU = 46003 };

static const struct str NO_BODY = {NULL, 0};

/* NULL where no button is left. */
static int form(const struct json *buttons, const char *from, struct losses *lost,
                struct json **out)
{
    AUTO(buf_done) struct buf text = BUF_INIT(MENU_MAX);
    struct jsonw w = {.out = &text};
    struct menu_forming f = {.from = from, .lost = lost};
    struct json *menu = NULL;
    struct err err = {0};

    menu_form(buttons, &f, &w);
    if (f.failed || !buf_ok(&text) || json_parse(buf_str(&text), &menu, &err) != ST_OK)
        return EXIT_INTERNAL;
    if (f.button_count == 0) {
        json_free(menu);
        menu = NULL;
    }
    *out = menu;
    return EXIT_DONE;
}

/* A command that only reads; *answer NULL: there is no menu (46003), or WeChat said nothing. */
static int ask(struct command_asker *a, const char *type, struct json **answer)
{
    struct command_result result = {.at_ms = 0};
    int code = command_ask(a, type, NO_BODY, &result);

    if (code != EXIT_DONE)
        return code;
    if (result.errcode.set && result.errcode.value == ERRCODE_NO_MENU) {
        *answer = NULL;
        return EXIT_DONE;
    }
    return command_answer(type, &result, answer);
}

int menu_of_api(struct command_asker *a, struct losses *lost, struct json **out)
{
    AUTO(json_freep) struct json *answer = NULL;
    const struct json *own;
    int code = ask(a, "menu.get", &answer);

    if (code != EXIT_DONE)
        return code;
    own = json_get(json_get(answer, "menu"), "button");
    code = form(own, "menu.get /menu/button", lost, out);
    for (size_t i = 0; i < json_len(json_get(answer, "conditionalmenu")); i++) {
        char where[64];

        (void)snprintf(where, sizeof(where), "menu.get /conditionalmenu/%zu", i);
        losses_add(lost, where, NO_BODY, "a personalised menu stands beside this one");
    }
    return code;
}

int menu_ask_current(struct command_asker *a, struct json **out)
{
    return ask(a, "menu.current", out);
}

int menu_of_wechat(struct command_asker *a, struct losses *lost, struct json **out,
                   enum menu_source *source)
{
    AUTO(json_freep) struct json *answer = NULL;
    struct json *menu = NULL;
    int code = menu_of_api(a, lost, &menu);

    *source = MENU_OF_API;
    if (code == EXIT_DONE && !menu) {
        *source = MENU_OF_CONSOLE;
        code = menu_ask_current(a, &answer);
        if (code == EXIT_DONE)
            code = form(json_get(json_get(answer, "selfmenu_info"), "button"),
                        "menu.current /selfmenu_info/button", lost, &menu);
    }
    if (code != EXIT_DONE)
        return code;
    *source = menu ? *source : MENU_NONE;
    *out = menu;
    return EXIT_DONE;
}

/* Files */

/* menu_fault_fn */
static void tell_fault(void *arg, const char *pointer, const char *why)
{
    const char *const *path = arg;

    (void)fprintf(stderr, "kabaoctl: %s: %s%s%s\n", *path, pointer, *pointer ? " " : "", why);
}

int menu_file_read(const char *path, struct json **out)
{
    AUTO(buf_done) struct buf text = BUF_INIT(MENU_MAX);
    AUTO(json_freep) struct json *menu = NULL;
    struct menu_faults faults = {.tell = tell_fault, .arg = &path};
    struct err err = {0};

    if (secret_file_read(path, &text, &err) != ST_OK)
        return ctl_usage(err.text);
    if (json_parse(utf8_without_mark(buf_str(&text)), &menu, &err) != ST_OK) {
        (void)fprintf(stderr, "kabaoctl: %s: %s\n", path, err.text);
        return EXIT_CONFIG;
    }
    menu_check(menu, &faults);
    if (faults.count > 0)
        return EXIT_CONFIG;
    *out = TAKE(menu);
    return EXIT_DONE;
}

int menu_normal(const struct json *menu, struct json **out)
{
    struct losses lost = LOSSES_INIT;
    int code = form(json_get(menu, "button"), "", &lost, out);

    losses_done(&lost);
    return code;
}
