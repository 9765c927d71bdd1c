/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl autoreply import: what the console answers and shows, as files for the server mode,
 * which switches the console's off. */
#include "app/app.h"
#include "autoreply_convert.h"
#include "menu_file.h"
#include "menu_load.h"
#include "show.h"

#include <stdio.h>

enum {
    TEXT_MAX = 16 << 20,
    JSON_MAX = 32 << 20,
    RULES_MAX = 2000, /* of kabao-ingress, as the next */
    RULES_MAX_BYTES = 1 << 20,
};

struct import {
    const struct ctl *ctl;
    const char *rules_path; /* NULL: standard output */
    const char *menu_path;  /* NULL: none is written */
    struct losses lost;
    struct buf rules; /* as people edit them */
    struct buf menu;
    size_t rule_count;
    size_t button_count;
};

static bool make_readable(struct buf *compact, struct buf *out)
{
    AUTO(json_freep) struct json *tree = NULL;
    struct err unseen = {0};

    if (!buf_ok(compact) || json_parse(buf_str(compact), &tree, &unseen) != ST_OK)
        return false;
    menu_file_format(tree, out);
    return buf_ok(out);
}

/* The rules in this order: followers, buttons, keywords as the console has them, all else. */
static int convert(struct import *im, const struct json *replies, const struct json *current)
{
    AUTO(buf_done) struct buf rules = BUF_INIT(TEXT_MAX);
    AUTO(buf_done) struct buf menu = BUF_INIT(TEXT_MAX);
    struct jsonw rules_w = {.out = &rules};
    struct jsonw menu_w = {.out = &menu};
    struct autoreply_converting c = {.w = &rules_w, .lost = &im->lost};
    struct menu_forming f = {
        .from = "menu.current /selfmenu_info/button", .lost = &im->lost, .clicks = &rules_w};

    jsonw_object(&rules_w);
    jsonw_key(&rules_w, STR("rules"));
    jsonw_array(&rules_w);
    autoreply_subscribe(replies, &c);
    menu_form(json_get(json_get(current, "selfmenu_info"), "button"), &f, &menu_w);
    autoreply_keywords(replies, &c);
    autoreply_default(replies, &c);
    jsonw_array_end(&rules_w);
    jsonw_object_end(&rules_w);
    im->rule_count = c.count + f.click_count;
    im->button_count = f.button_count;
    if (c.failed || f.failed || !make_readable(&rules, &im->rules) ||
        !make_readable(&menu, &im->menu))
        return EXIT_INTERNAL;
    if (im->rules.len >= RULES_MAX_BYTES || im->rule_count > RULES_MAX)
        losses_add(&im->lost, "the rules", (struct str){NULL, 0},
                   "there are more than 2000 or 1 MiB of them: kabao-ingress refuses the file, "
                   "shorten it");
    return im->lost.failed ? EXIT_INTERNAL : EXIT_DONE;
}

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
    return code == EXIT_DONE ? convert(im, replies, current) : code;
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
        rc = menu_file_put(im->rules_path, buf_str(&im->rules), &err);
    if (rc == ST_OK && im->menu_path && im->button_count > 0)
        rc = menu_file_put(im->menu_path, buf_str(&im->menu), &err);
    return rc == ST_OK ? EXIT_DONE : ctl_fail(rc, &err);
}

static bool print_json(const struct import *im)
{
    AUTO(buf_done) struct buf line = BUF_INIT(JSON_MAX);
    struct jsonw w = {.out = &line};

    jsonw_object(&w);
    jsonw_key_i64(&w, "rule_count", (int64_t)im->rule_count);
    jsonw_key_str(&w, "rules_file", str_from(im->rules_path));
    if (!im->rules_path) {
        jsonw_key(&w, STR("rules"));
        jsonw_raw(&w, str_trim(buf_str(&im->rules)));
    }
    jsonw_key_i64(&w, "button_count", (int64_t)im->button_count);
    if (im->button_count > 0)
        jsonw_key_str(&w, "menu_file", str_from(im->menu_path));
    jsonw_key(&w, STR("lost"));
    losses_write(&im->lost, &w);
    jsonw_object_end(&w);
    return show_print_json(&line);
}

/* To standard error: standard output may be the rules. */
static void print_people(const struct import *im)
{
    if (!im->rules_path)
        (void)printf("%.*s", STR_ARG(buf_str(&im->rules)));
    losses_print(&im->lost);
    (void)fprintf(stderr, "%zu rules: %s\n", im->rule_count,
                  im->rules_path ? im->rules_path : "standard output");
    if (im->button_count == 0)
        (void)fprintf(stderr, "no menu to write\n");
    else
        (void)fprintf(stderr, "%zu buttons: %s\n", im->button_count,
                      im->menu_path ? im->menu_path : "not written, --menu names a file");
    (void)fprintf(stderr, "%zu lost\n", im->lost.count);
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
    struct import im = {
        .ctl = ctl, .lost = LOSSES_INIT, .rules = BUF_INIT(TEXT_MAX), .menu = BUF_INIT(TEXT_MAX)};
    struct command_asker asker = {.ctl = ctl};
    int code = run(&im, &asker);

    command_asker_close(&asker);
    losses_done(&im.lost);
    buf_done(&im.rules);
    buf_done(&im.menu);
    return code;
}
