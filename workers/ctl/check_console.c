/* SPDX-License-Identifier: Apache-2.0 */
/* The console's menu and replies, which server mode switches off: written to files before, in a
 * form that goes up again, and as WeChat said it. What is there with other content may be the only
 * copy of what there was, and is left unless --yes. */
#include "base/mem.h"
#include "check_live.h"
#include "config/secret.h"
#include "console.h"
#include "menu_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

enum { FOLDER_MODE = 0755, ERRCODE_CLOSED = 48001, ERRCODE_NO_MENU = 46003 };

struct exporting {
    struct check_live *live;
    char folder[PATH_MAX];
    struct console console;
};

/* Files */

static bool is_there(const char *path, struct str text, bool *same)
{
    AUTO(buf_done) struct buf is = BUF_INIT(CONSOLE_TEXT_MAX);
    struct stat unused;
    struct err unseen = {0};

    if (stat(path, &unused) != 0)
        return false;
    *same = secret_file_read(path, &is, &unseen) == ST_OK && str_eq(buf_str(&is), text);
    return true;
}

static enum status put_file(struct exporting *e, const char *name, struct str text, struct err *err)
{
    char path[PATH_MAX + 32];
    bool same = false;

    (void)snprintf(path, sizeof(path), "%s/%s", e->folder, name);
    if (is_there(path, text, &same) && (same || !e->live->report->ctl->yes)) {
        if (!same)
            live_line(
                e->live, CHECK_NOTE, "export",
                "%s is there with other content and was left: it may be the only copy of what "
                "the console had; --yes writes over it",
                path);
        return ST_OK;
    }
    return menu_file_put(path, text, err);
}

static enum status put_json(struct exporting *e, const char *name, const struct json *value,
                            struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(CONSOLE_TEXT_MAX);

    menu_file_format(value, &text);
    return buf_ok(&text) ? put_file(e, name, buf_str(&text), err)
                         : err_fatal(err, "memory", "out of memory");
}

static enum status put_lost(struct exporting *e, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(CONSOLE_TEXT_MAX);
    AUTO(json_freep) struct json *list = NULL;
    struct jsonw w = {.out = &text};
    enum status rc;

    losses_write(&e->console.lost, &w);
    if (!buf_ok(&text))
        return err_fatal(err, "memory", "out of memory");
    rc = json_parse(buf_str(&text), &list, err);
    return rc == ST_OK ? put_json(e, "lost.json", list, err) : rc;
}

static enum status put_files(struct exporting *e, const struct json *replies,
                             const struct json *current, struct err *err)
{
    enum status rc = ST_OK;

    if (mkdir(e->folder, FOLDER_MODE) != 0 && errno != EEXIST)
        return err_errno(err, ST_FATAL, errno, e->folder);
    rc = put_json(e, "autoreply.get.json", replies, err);
    if (rc == ST_OK)
        rc = put_json(e, "menu.current.json", current, err);
    if (rc == ST_OK && e->console.rule_count > 0)
        rc = put_file(e, "rules.json", buf_str(&e->console.rules), err);
    if (rc == ST_OK && e->console.button_count > 0)
        rc = put_file(e, "menu.json", buf_str(&e->console.menu), err);
    if (rc == ST_OK && e->console.lost.count > 0)
        rc = put_lost(e, err);
    return rc;
}

/* Lines */

static void tell_menu(const struct exporting *e)
{
    struct check_live *l = e->live;

    if (e->console.button_count == 0)
        live_line(l, CHECK_NOTE, "menu", "there is none, so server mode takes none down");
    else
        live_line(l, CHECK_OK, "menu",
                  "buttons: %zu, in %s/menu.json; server mode takes a menu of the console down, "
                  "kabaoctl menu put %s/menu.json --account %s puts it up again",
                  e->console.button_count, e->folder, e->folder, l->account->name);
}

static void tell_replies(const struct exporting *e)
{
    struct check_live *l = e->live;

    if (e->console.rule_count == 0)
        live_line(l, CHECK_NOTE, "replies",
                  "no auto-reply is on in the console, so server mode switches none off");
    else
        live_line(l, CHECK_OK, "replies",
                  "rules: %zu, in %s/rules.json; server mode switches those of the console off, "
                  "[account %s] autoreply_file gives them back",
                  e->console.rule_count, e->folder, l->account->name);
}

static void tell(const struct exporting *e)
{
    tell_menu(e);
    tell_replies(e);
    if (e->console.lost.count > 0)
        live_line(e->live, CHECK_NOTE, "replies",
                  "%zu parts of menu and replies cannot be brought over as they are: %s/lost.json "
                  "lists them",
                  e->console.lost.count, e->folder);
}

/* Export */

/* False: told. An account that may not ask has no such thing by the API. */
static bool ask(struct exporting *e, const char *type, const char *what, struct json **answer)
{
    struct err err = {0};

    if (live_ask(e->live, type, (struct str){NULL, 0}, answer, &err) == ST_OK ||
        live_is_code(&err, ERRCODE_NO_MENU))
        return true;
    if (live_is_code(&err, ERRCODE_CLOSED))
        live_line(e->live, CHECK_NOTE, what,
                  "the account may not be asked for it (48001): before you enable server mode, "
                  "look into the console and write down what there is");
    else
        live_fail(e->live, what, &err);
    return false;
}

static void export(struct exporting *e)
{
    AUTO(json_freep) struct json *replies = NULL;
    AUTO(json_freep) struct json *current = NULL;
    struct err err = {0};
    const bool has_menu = ask(e, "menu.current", "menu", &current);

    if (!ask(e, "autoreply.get", "replies", &replies) || !has_menu)
        return;
    if (console_convert(&e->console, replies, current) != 0)
        (void)err_fatal(&err, "memory", "out of memory");
    else if (put_files(e, replies, current, &err) == ST_OK) {
        tell(e);
        return;
    }
    live_line(e->live, CHECK_FAIL, "export", "%s", err.text);
}

static bool name_folder(struct exporting *e, struct str base)
{
    AUTO(buf_done) struct buf name = BUF_INIT(PATH_MAX - 1);

    buf_addf(&name, "%.*s%skabao-console-%s", STR_ARG(base), str_is_empty(base) ? "" : "/",
             e->live->account->name);
    return buf_ok(&name) && str_copy(buf_str(&name), e->folder, sizeof(e->folder));
}

void live_console(struct check_live *l)
{
    struct exporting *e = mem_zalloc(sizeof(*e));

    if (!e) {
        l->report->broken = true;
        return;
    }
    e->live = l;
    e->console = (struct console)CONSOLE_INIT;
    if (name_folder(e, l->report->ctl->export))
        export(e);
    else
        live_line(l, CHECK_FAIL, "export", "the folder's name is too long");
    console_done(&e->console);
    mem_free(e);
}
