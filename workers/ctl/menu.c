/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl menu get|diff|put|delete: the menu as a file, by commands of kabao-command. */
#include "app/app.h"
#include "menu_diff.h"
#include "menu_file.h"
#include "menu_load.h"
#include "show.h"

#include <stdio.h>

enum { TEXT_MAX = 4 << 20, QUESTION_SIZE = 160 };

/* Get */

static const char *source_name(enum menu_source source)
{
    switch (source) {
    case MENU_NONE: return "none";
    case MENU_OF_API: return "api";
    case MENU_OF_CONSOLE: return "console";
    }
    return "";
}

/* file: NULL where the menu goes to standard output. */
static bool get_json(const struct json *menu, enum menu_source source, const struct losses *lost,
                     const char *file)
{
    AUTO(buf_done) struct buf line = BUF_INIT(TEXT_MAX);
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
    struct jsonw w = {.out = &line};

    json_format(menu, &text);
    jsonw_object(&w);
    jsonw_key_str(&w, "source", str_from(source_name(source)));
    jsonw_key_str(&w, "file", str_from(file));
    if (!file) {
        jsonw_key(&w, STR("menu"));
        jsonw_raw(&w, buf_str(&text));
    }
    jsonw_key(&w, STR("lost"));
    losses_write(lost, &w);
    jsonw_object_end(&w);
    return buf_ok(&text) && show_print_json(&line);
}

static int get_menu(const struct ctl *ctl, const struct json *menu, enum menu_source source,
                    const struct losses *lost)
{
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
    const char *file = ctl->word_count > 0 ? ctl->words[0] : NULL;
    struct err err = {0};
    enum status rc = ST_OK;

    menu_file_format(menu, &text);
    if (!buf_ok(&text))
        return EXIT_INTERNAL;
    if (file)
        rc = menu_file_put(file, buf_str(&text), &err);
    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    if (ctl->json)
        return get_json(menu, source, lost, file) ? EXIT_DONE : EXIT_INTERNAL;
    losses_print(lost);
    if (file)
        (void)printf("%s: the menu of %s\n", file,
                     source == MENU_OF_API ? "the API" : "the console");
    else
        (void)printf("%.*s", STR_ARG(buf_str(&text)));
    return EXIT_DONE;
}

static int tell_none(void)
{
    (void)fprintf(stderr, "kabaoctl: there is no menu\n");
    return EXIT_CONFIG;
}

int ctl_menu_get(const struct ctl *ctl)
{
    AUTO(json_freep) struct json *menu = NULL;
    struct losses lost = LOSSES_INIT;
    struct command_asker asker = {.ctl = ctl};
    enum menu_source source = MENU_NONE;
    int code = ctl->word_count > 0 ? menu_file_ask(ctl, ctl->words[0]) : EXIT_DONE;

    if (code == EXIT_DONE)
        code = command_asker_open(&asker, ctl);
    if (code == EXIT_DONE)
        code = menu_of_wechat(&asker, &lost, &menu, &source);
    if (code == EXIT_DONE)
        code = menu ? get_menu(ctl, menu, source, &lost) : tell_none();
    command_asker_close(&asker);
    losses_done(&lost);
    return code;
}

/* Diff */

static const char *const CHANGES[] = {[MENU_ADDED] = "added",
                                      [MENU_REMOVED] = "removed",
                                      [MENU_CHANGED] = "changed",
                                      [MENU_MOVED] = "moved"};

static void write_button(struct jsonw *w, const char *key, const struct json *button)
{
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);

    if (!button)
        return;
    json_format(button, &text);
    w->out->failed = w->out->failed || !buf_ok(&text);
    jsonw_key(w, str_from(key));
    jsonw_raw(w, buf_str(&text));
}

/* menu_diff_fn */
static void write_difference(void *arg, const struct menu_difference *d)
{
    struct jsonw *w = arg;

    jsonw_object(w);
    jsonw_key_str(w, "change", str_from(CHANGES[d->change]));
    jsonw_key_str(w, "parent", d->parent);
    jsonw_key_str(w, "name", d->name);
    write_button(w, "was", d->was);
    write_button(w, "is", d->is);
    jsonw_object_end(w);
}

static void print_button(const char *before, const struct json *button)
{
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);

    json_format(button, &text);
    (void)printf("    %s ", before);
    show_print_bytes(buf_str(&text));
    (void)printf("\n");
}

/* menu_diff_fn */
static void print_difference(void *arg UNUSED, const struct menu_difference *d)
{
    (void)printf("%-8s ", CHANGES[d->change]);
    show_print_bytes(d->parent);
    (void)printf("%s", str_is_set(d->parent) ? " > " : "");
    show_print_bytes(d->name);
    (void)printf("\n");
    if (d->change == MENU_REMOVED || d->change == MENU_CHANGED)
        print_button("-", d->was);
    if (d->change == MENU_ADDED || d->change == MENU_CHANGED)
        print_button("+", d->is);
}

/* was: what WeChat has. EXIT_DONE: the same. */
static int compare(const struct ctl *ctl, const struct json *was, const struct json *is)
{
    AUTO(buf_done) struct buf list = BUF_INIT(TEXT_MAX);
    struct jsonw w = {.out = &list};
    size_t count;

    if (!ctl->json) {
        count = menu_diff(was, is, print_difference, NULL);
        (void)printf("%s\n", count == 0 ? "the menu is as the file says" : "");
        return count == 0 ? EXIT_DONE : EXIT_CONFIG;
    }
    jsonw_object(&w);
    jsonw_key(&w, STR("changes"));
    jsonw_array(&w);
    count = menu_diff(was, is, write_difference, &w);
    jsonw_array_end(&w);
    jsonw_key_bool(&w, "same", count == 0);
    jsonw_object_end(&w);
    if (!show_print_json(&list))
        return EXIT_INTERNAL;
    return count == 0 ? EXIT_DONE : EXIT_CONFIG;
}

int ctl_menu_diff(const struct ctl *ctl)
{
    AUTO(json_freep) struct json *file = NULL;
    AUTO(json_freep) struct json *is = NULL;
    AUTO(json_freep) struct json *was = NULL;
    struct losses lost = LOSSES_INIT;
    struct command_asker asker = {.ctl = ctl};
    enum menu_source source = MENU_NONE;
    int code = menu_file_read(ctl->words[0], &file);

    if (code == EXIT_DONE)
        code = menu_normal(file, &is);
    if (code == EXIT_DONE)
        code = command_asker_open(&asker, ctl);
    if (code == EXIT_DONE)
        code = menu_of_wechat(&asker, &lost, &was, &source);
    command_asker_close(&asker);
    losses_print(&lost);
    losses_done(&lost);
    return code == EXIT_DONE ? compare(ctl, was, is) : code;
}

/* Put and delete */

/* A call that WeChat answers with errcode 0 and nothing else. */
static int change(struct command_asker *a, const char *type, struct str body)
{
    AUTO(json_freep) struct json *answer = NULL;
    struct command_result result = {.at_ms = 0};
    int code = command_ask(a, type, body, &result);

    return code == EXIT_DONE ? command_answer(type, &result, &answer) : code;
}

static int create(struct command_asker *a, const struct json *menu)
{
    AUTO(buf_done) struct buf body = BUF_INIT(TEXT_MAX);

    json_format(menu, &body);
    return buf_ok(&body) ? change(a, "menu.create", buf_str(&body)) : EXIT_INTERNAL;
}

static int read_back(struct command_asker *a, const struct json *file)
{
    AUTO(json_freep) struct json *is = NULL;
    AUTO(json_freep) struct json *was = NULL;
    struct losses lost = LOSSES_INIT;
    int code = menu_normal(file, &is);

    if (code == EXIT_DONE)
        code = menu_of_api(a, &lost, &was);
    losses_done(&lost);
    if (code != EXIT_DONE) {
        (void)fprintf(stderr, "kabaoctl: the menu is up, but was not read back\n");
        return code;
    }
    code = compare(a->ctl, was, is);
    if (code == EXIT_DONE && !a->ctl->json)
        (void)printf("it is up; WeChat shows it to everyone within a day\n");
    if (code == EXIT_CONFIG)
        (void)fprintf(stderr, "kabaoctl: WeChat has another menu than was sent\n");
    return code;
}

static int ask(const struct command_asker *a, const char *what)
{
    char text[QUESTION_SIZE];

    (void)snprintf(text, sizeof(text), "%s: %s", a->account->name, what);
    return ctl_confirm(a->ctl, text) ? EXIT_DONE : EXIT_USAGE;
}

int ctl_menu_put(const struct ctl *ctl)
{
    AUTO(json_freep) struct json *menu = NULL;
    struct command_asker asker = {.ctl = ctl};
    int code = menu_file_read(ctl->words[0], &menu);

    if (code == EXIT_DONE)
        code = command_asker_open(&asker, ctl);
    if (code == EXIT_DONE)
        code = ask(&asker, "Put this menu up in place of the one there is?");
    if (code == EXIT_DONE)
        code = create(&asker, menu);
    if (code == EXIT_DONE)
        code = read_back(&asker, menu);
    command_asker_close(&asker);
    return code;
}

int ctl_menu_delete(const struct ctl *ctl)
{
    struct command_asker asker = {.ctl = ctl};
    int code = command_asker_open(&asker, ctl);

    if (code == EXIT_DONE)
        code = ask(&asker, "Take the menu down, and all personalised ones with it?");
    if (code == EXIT_DONE)
        code = change(&asker, "menu.delete", (struct str){NULL, 0});
    command_asker_close(&asker);
    if (code == EXIT_DONE)
        (void)printf("%s\n", ctl->json ? "{\"deleted\":true}"
                                       : "the menu is down, personalised ones with it");
    return code;
}
