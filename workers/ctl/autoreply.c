/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl autoreply import: what the console answers and shows, as files for the server mode,
 * which switches the console's off. */
#include "app/app.h"
#include "console.h"
#include "menu_file.h"
#include "menu_load.h"
#include "show.h"

#include <stdio.h>

enum { JSON_MAX = 32 << 20 };

struct import {
    const struct ctl *ctl;
    const char *rules_path; /* NULL: standard output */
    const char *menu_path;  /* NULL: none is written */
    struct console console;
};

static int ask_wechat(struct import *im, struct command_asker *asker)
{
    AUTO(json_freep) struct json *replies = NULL;
    AUTO(json_freep) struct json *current = NULL;
    struct command_result result = {.at_ms = 0};
    int code = command_ask(asker, "autoreply.get", (struct str){NULL, 0}, &result);

    if (code == EXIT_DONE)
        code = command_answer("autoreply.get", &result, &replies);
    if (code == EXIT_DONE)
        code = menu_ask_current(asker, &current);
    return code == EXIT_DONE ? console_convert(&im->console, replies, current) : code;
}

static int choose_files(struct import *im, const struct account *account)
{
    const struct ctl *ctl = im->ctl;
    int code = EXIT_DONE;

    im->rules_path = str_is_set(ctl->rules) ? ctl->rules.ptr : account->autoreply_file;
    im->menu_path = ctl->menu.ptr;
    if (im->rules_path)
        code = menu_file_ask(ctl, im->rules_path);
    if (code == EXIT_DONE && im->menu_path)
        code = menu_file_ask(ctl, im->menu_path);
    return code;
}

/* The rules first: alone they do no harm, buttons without their rules would. */
static int write_files(struct import *im)
{
    struct err err = {0};
    enum status rc = ST_OK;

    if (im->rules_path)
        rc = menu_file_put(im->rules_path, buf_str(&im->console.rules), &err);
    if (rc == ST_OK && im->menu_path && im->console.button_count > 0)
        rc = menu_file_put(im->menu_path, buf_str(&im->console.menu), &err);
    return rc == ST_OK ? EXIT_DONE : ctl_fail(rc, &err);
}

static bool print_json(const struct import *im)
{
    AUTO(buf_done) struct buf line = BUF_INIT(JSON_MAX);
    struct jsonw w = {.out = &line};

    jsonw_object(&w);
    jsonw_key_i64(&w, "rule_count", (int64_t)im->console.rule_count);
    jsonw_key_str(&w, "rules_file", str_from(im->rules_path));
    if (!im->rules_path) {
        jsonw_key(&w, STR("rules"));
        jsonw_raw(&w, str_trim(buf_str(&im->console.rules)));
    }
    jsonw_key_i64(&w, "button_count", (int64_t)im->console.button_count);
    if (im->console.button_count > 0)
        jsonw_key_str(&w, "menu_file", str_from(im->menu_path));
    jsonw_key(&w, STR("lost"));
    losses_write(&im->console.lost, &w);
    jsonw_object_end(&w);
    return show_print_json(&line);
}

/* To standard error: standard output may be the rules. */
static void print_people(const struct import *im)
{
    if (!im->rules_path)
        (void)printf("%.*s", STR_ARG(buf_str(&im->console.rules)));
    losses_print(&im->console.lost);
    (void)fprintf(stderr, "%zu rules: %s\n", im->console.rule_count,
                  im->rules_path ? im->rules_path : "standard output");
    if (im->console.button_count == 0)
        (void)fprintf(stderr, "no menu to write\n");
    else
        (void)fprintf(stderr, "%zu buttons: %s\n", im->console.button_count,
                      im->menu_path ? im->menu_path : "not written, --menu names a file");
    (void)fprintf(stderr, "%zu lost\n", im->console.lost.count);
}

static int run(struct import *im, struct command_asker *asker)
{
    int code = command_asker_open(asker, im->ctl);

    if (code == EXIT_DONE)
        code = choose_files(im, asker->account);
    if (code == EXIT_DONE)
        code = ask_wechat(im, asker);
    if (code == EXIT_DONE)
        code = write_files(im);
    if (code != EXIT_DONE)
        return code;
    if (im->ctl->json)
        return print_json(im) ? EXIT_DONE : EXIT_INTERNAL;
    print_people(im);
    return EXIT_DONE;
}

int ctl_autoreply_import(const struct ctl *ctl)
{
    struct import im = {.ctl = ctl, .console = CONSOLE_INIT};
    struct command_asker asker = {.ctl = ctl};
    int code = run(&im, &asker);

    command_asker_close(&asker);
    console_done(&im.console);
    return code;
}
