/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl setup NAME: asks what the console knows, makes Token and EncodingAESKey, writes settings
 * and secret files, and says what to enter where. */
#include "app/app.h"
#include "base/buf.h"
#include "base/rand.h"
#include "codec/jsonw.h"
#include "config/check.h"
#include "ctl.h"
#include "setup_ask.h"
#include "setup_texts.h"
#include "setup_write.h"
#include "stop.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OUT_MAX = 256 * 1024, TOKEN_LEN = 32, AES_KEY_TEXT_LEN = 43, SHOWN_SIZE = PATH_MAX + 32 };

#define EXAMPLE_APPID "wx0123456789abcdef" /* of deploy/config/kabao.ini */

/* Language */

static struct str from_environment(const char *name)
{
    for (char *const *entry = environ; *entry; entry++) {
        struct str key;
        struct str value;

        if (str_cut(str_from(*entry), '=', &key, &value) && str_eq_cstr(key, name))
            return value;
    }
    return str_from(NULL);
}

/* As the C library chooses: the first of the three that says something. */
static bool is_chinese(struct str lang)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

    for (size_t i = 0; str_is_empty(lang) && i < COUNT_OF(names); i++)
        lang = from_environment(names[i]);
    return str_starts(lang, STR("zh"));
}

/* Before the questions */

/* *old stays NULL where there is no file. */
static int read_old(const char *path, const char *name, struct settings **old)
{
    AUTO(buf_done) struct buf report = BUF_INIT(OUT_MAX);
    struct err err = {0};

    if (access(path, F_OK) != 0 && errno == ENOENT)
        return EXIT_DONE;
    if (settings_load(path, environ, old, &report, NULL, &err) != ST_OK) {
        (void)fprintf(stderr, "%.*s%s\n", STR_ARG(buf_str(&report)),
                      report.len == 0 ? err.text : "");
        return EXIT_CONFIG;
    }
    if (!settings_account(*old, name))
        return EXIT_DONE;
    (void)fprintf(stderr,
                  "kabaoctl: [account %s] is in %s already; take another NAME, or that section out "
                  "first (its secret files are used again)\n",
                  name, path);
    return EXIT_USAGE;
}

static void say(enum setup_lang lang, enum setup_text text, const struct setup_word *words,
                FILE *to)
{
    AUTO(buf_done_secret) struct buf out = BUF_INIT(OUT_MAX);

    setup_say(lang, text, words, &out);
    (void)fprintf(to, "%.*s", STR_ARG(buf_str(&out)));
}

static void tell_kept(enum setup_lang lang, const struct setup_files *files,
                      const struct setup_answers *answers)
{
    const struct {
        bool kept;
        const char *path;
    } secrets[] = {{answers->kept[SETUP_SECRET], files->secret},
                   {answers->kept[SETUP_TOKEN], files->token},
                   {answers->kept[SETUP_AES_KEY], files->aes_key}};

    for (size_t i = 0; i < COUNT_OF(secrets); i++)
        if (secrets[i].kept)
            say(lang, TEXT_KEPT,
                (const struct setup_word[]){{"file", str_from(secrets[i].path)}, {NULL, {0}}},
                stderr);
}

static void make_text(char *out, size_t len)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    for (size_t i = 0; i < len; i++)
        out[i] = letters[rand_below(sizeof(letters) - 1)];
    out[len] = '\0';
}

static void make_missing(struct setup_answers *answers)
{
    if (answers->text[SETUP_TOKEN][0] == '\0')
        make_text(answers->text[SETUP_TOKEN], TOKEN_LEN);
    if (setup_is_plain(answers) && !answers->kept[SETUP_AES_KEY])
        answers->text[SETUP_AES_KEY][0] = '\0';
    else if (answers->text[SETUP_AES_KEY][0] == '\0')
        make_text(answers->text[SETUP_AES_KEY], AES_KEY_TEXT_LEN);
}

/* Afterwards */

static void print_json(const struct setup_files *files, const struct setup_answers *answers,
                       struct str url, bool show, struct buf *out)
{
    struct jsonw w = {.out = out};

    jsonw_object(&w);
    jsonw_key_str(&w, "account", str_from(files->account));
    jsonw_key_str(&w, "settings", str_from(files->settings));
    jsonw_key_str(&w, "url", url);
    jsonw_key_str(&w, "push_mode", str_from(answers->text[SETUP_PUSH_MODE]));
    jsonw_key_str(&w, "secret_file", str_from(files->secret));
    jsonw_key_str(&w, "callback_token_file", str_from(files->token));
    if (!setup_is_plain(answers))
        jsonw_key_str(&w, "aes_key_file", str_from(files->aes_key));
    jsonw_key_str(&w, "seal_key_file", str_from(files->seal_key));
    if (show)
        jsonw_key_str(&w, "token", str_from(answers->text[SETUP_TOKEN]));
    if (show && !setup_is_plain(answers))
        jsonw_key_str(&w, "aes_key", str_from(answers->text[SETUP_AES_KEY]));
    jsonw_object_end(&w);
    buf_add_char(out, '\n');
}

static enum setup_text mode_text(const struct setup_answers *answers)
{
    switch (answers->text[SETUP_PUSH_MODE][0]) {
    case 'p': return TEXT_MODE_PLAIN;
    case 'c': return TEXT_MODE_COMPATIBLE;
    default: return TEXT_MODE_SECURE;
    }
}

/* On a terminal the secrets themselves, for they are to be pasted; else where they are, so that no
 * log gets them. */
static void print_text(enum setup_lang lang, const struct setup_files *files,
                       const struct setup_answers *answers, struct str url, bool show,
                       struct buf *out)
{
    const bool plain = setup_is_plain(answers);
    const struct setup_word token[] = {{"file", str_from(files->token)}, {NULL, {0}}};
    const struct setup_word key[] = {{"file", str_from(files->aes_key)}, {NULL, {0}}};

    AUTO(buf_done) struct buf token_at = BUF_INIT(SHOWN_SIZE);
    AUTO(buf_done) struct buf key_at = BUF_INIT(SHOWN_SIZE);
    AUTO(buf_done) struct buf and_key = BUF_INIT(SHOWN_SIZE);

    setup_say(lang, TEXT_IN_FILE, token, &token_at);
    setup_say(lang, plain ? TEXT_NO_KEY : TEXT_IN_FILE, key, &key_at);
    if (!plain)
        buf_addf(&and_key, ", %s", files->aes_key);
    setup_say(
        lang, TEXT_CONSOLE,
        (const struct setup_word[]){
            {"account", str_from(files->account)},
            {"settings", str_from(files->settings)},
            {"url", url},
            {"token", show ? str_from(answers->text[SETUP_TOKEN]) : buf_str(&token_at)},
            {"aes_key", show && !plain ? str_from(answers->text[SETUP_AES_KEY]) : buf_str(&key_at)},
            {"mode", str_from(setup_text(lang, mode_text(answers)))},
            {"token_file", str_from(files->token)},
            {"and_aes_file", buf_str(&and_key)},
            {NULL, {0}}},
        out);
    setup_say(lang, TEXT_NEXT,
              (const struct setup_word[]){{"account", str_from(files->account)},
                                          {"settings", str_from(files->settings)},
                                          {NULL, {0}}},
              out);
}

static int print_result(const struct ctl *ctl, enum setup_lang lang,
                        const struct setup_files *files, const struct setup_answers *answers)
{
    const bool show = ctl->reveal || isatty(STDOUT_FILENO);
    AUTO(buf_done_secret) struct buf out = BUF_INIT(OUT_MAX);
    struct str host = str_from(answers->text[SETUP_URL]);
    AUTO(buf_done) struct buf url = BUF_INIT(SETUP_ANSWER_SIZE + 64);

    if (str_ends(host, STR("/")))
        host.len--;
    buf_addf(&url, "%.*s/wechat/%s", STR_ARG(host), files->account);
    if (ctl->json)
        print_json(files, answers, buf_str(&url), show, &out);
    else
        print_text(lang, files, answers, buf_str(&url), show, &out);
    (void)printf("%.*s", STR_ARG(buf_str(&out)));
    return buf_ok(&out) && fflush(stdout) == 0 ? EXIT_DONE : EXIT_INTERNAL;
}

static void tell_example(enum setup_lang lang, const struct setup_files *files,
                         const struct settings *old, const struct setup_answers *answers)
{
    const struct account *example = old ? settings_account_by_appid(old, STR(EXAMPLE_APPID)) : NULL;

    if (example && strcmp(answers->text[SETUP_APPID], EXAMPLE_APPID) != 0)
        say(lang, TEXT_EXAMPLE,
            (const struct setup_word[]){{"account", str_from(example->name)},
                                        {"settings", str_from(files->settings)},
                                        {NULL, {0}}},
            stderr);
}

/* Whole */

static int ask_and_write(const struct ctl *ctl, enum setup_lang lang,
                         const struct setup_files *files, struct setup_answers *answers)
{
    struct err err = {0};
    enum status rc = setup_files_keep(files, answers, &err);

    if (rc != ST_OK)
        return ctl_fail(ST_FATAL, &err);
    tell_kept(lang, files, answers);
    if (!setup_ask(lang, answers) || !ctl_confirm(ctl, setup_text(lang, TEXT_CONFIRM)))
        return EXIT_USAGE;
    make_missing(answers);
    stop_hold(); /* from here to the end: either all of it or nothing */
    rc = setup_write(files, lang, answers, &err);
    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    return print_result(ctl, lang, files, answers);
}

int ctl_setup(const struct ctl *ctl)
{
    const enum setup_lang lang = is_chinese(ctl->lang) ? SETUP_ZH : SETUP_EN;
    const char *path = str_is_set(ctl->config) ? ctl->config.ptr : SETTINGS_PATH;
    AUTO(settings_freep) struct settings *old = NULL;
    struct setup_answers answers = {0};
    struct setup_files files;
    struct err err = {0};
    int code;

    if (!check_account_name(str_from(ctl->words[0])))
        return ctl_usage("NAME is 1 to 32 of a-z and 0-9");
    if (str_is_set(ctl->lang) && !str_eq(ctl->lang, STR("en")) && !str_eq(ctl->lang, STR("zh")))
        return ctl_usage("--lang is en or zh");
    code = read_old(path, ctl->words[0], &old);
    if (code != EXIT_DONE)
        return code;
    if (setup_files_find(&files, path, ctl->words[0], old, &err) != ST_OK)
        return ctl_fail(ST_FATAL, &err);
    if (!ctl_can_ask(ctl, "answers on standard input"))
        return EXIT_USAGE;
    if (isatty(STDIN_FILENO))
        say(lang, TEXT_HELLO,
            (const struct setup_word[]){{"account", str_from(files.account)},
                                        {"settings", str_from(files.settings)},
                                        {NULL, {0}}},
            stderr);
    code = ask_and_write(ctl, lang, &files, &answers);
    if (code == EXIT_DONE)
        tell_example(lang, &files, old, &answers);
    explicit_bzero(&answers, sizeof(answers));
    return code;
}
