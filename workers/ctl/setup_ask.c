/* SPDX-License-Identifier: Apache-2.0 */
#include "setup_ask.h"

#include "base/buf.h"
#include "base/file.h"
#include "config/accounts.h"
#include "config/check.h"
#include "hidden.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { INPUT_MAX = 64 * 1024, SECRET_MAX = 128 };

static bool accepts_secret(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
            return false;
    return text.len > 0 && text.len <= SECRET_MAX;
}

static bool accepts_original_id(struct str text)
{
    return check_id(text) && str_starts(text, STR("gh_"));
}

/* WeChat calls ports 80 and 443 only (wechat-api 1.1); what check_url takes without TLS is this
 * machine, for trials. */
static bool accepts_url(struct str text)
{
    const bool tls = str_starts(text, STR("https://"));
    struct str host;

    if (!check_url(text))
        return false;
    host = str_skip(text, tls ? strlen("https://") : strlen("http://"));
    if (str_ends(host, STR("/")))
        host.len--;
    return host.len > 0 && memchr(host.ptr, '/', host.len) == NULL &&
           memchr(host.ptr, '?', host.len) == NULL && memchr(host.ptr, '#', host.len) == NULL &&
           (!tls || memchr(host.ptr, ':', host.len) == NULL);
}

static bool accepts_push_mode(struct str text)
{
    return str_eq(text, STR("secure")) || str_eq(text, STR("compatible")) ||
           str_eq(text, STR("plain"));
}

static const struct question {
    const char *key;
    bool optional;
    bool hidden;
    bool (*accepts)(struct str text);
    enum setup_text ask;
    enum setup_text bad;
} QUESTIONS[SETUP_ANSWERS] = {
    [SETUP_APPID] = {"appid", false, false, check_id, TEXT_ASK_APPID, TEXT_BAD_APPID},
    [SETUP_SECRET] = {"secret", false, true, accepts_secret, TEXT_ASK_SECRET, TEXT_BAD_SECRET},
    [SETUP_ORIGINAL_ID] = {"original_id", true, false, accepts_original_id, TEXT_ASK_ORIGINAL_ID,
                           TEXT_BAD_ORIGINAL_ID},
    [SETUP_URL] = {"url", false, false, accepts_url, TEXT_ASK_URL, TEXT_BAD_URL},
    [SETUP_PUSH_MODE] = {"push_mode", true, false, accepts_push_mode, TEXT_ASK_PUSH_MODE,
                         TEXT_BAD_PUSH_MODE},
    [SETUP_TOKEN] = {"token", true, false, account_token_fits, TEXT_ASK_TOKEN, TEXT_BAD_TOKEN},
    [SETUP_AES_KEY] = {"aes_key", true, false, account_aes_key_fits, TEXT_ASK_AES_KEY,
                       TEXT_BAD_AES_KEY},
};

bool setup_accepts(enum setup_answer answer, struct str text)
{
    return QUESTIONS[answer].accepts(text);
}

bool setup_is_plain(const struct setup_answers *answers)
{
    return strcmp(answers->text[SETUP_PUSH_MODE], "plain") == 0;
}

static bool is_needed(const struct setup_answers *answers, enum setup_answer i)
{
    return !answers->kept[i] && !(i == SETUP_AES_KEY && setup_is_plain(answers));
}

static bool fits(const struct question *q, struct str text)
{
    return str_is_empty(text) ? q->optional : q->accepts(text);
}

/* Terminal */

static bool ask_one(enum setup_lang lang, const struct question *q, char *out)
{
    char line[SETUP_ANSWER_SIZE];
    struct str text;
    bool whole;

    for (;;) {
        (void)fprintf(stderr, "%s: ", setup_text(lang, q->ask));
        whole = (q->hidden ? hidden_read : line_read)(line, sizeof(line));
        if (!whole && feof(stdin))
            return false;
        text = str_trim(str_from(line));
        if (whole && fits(q, text))
            break;
        (void)fprintf(stderr, "  %s\n", setup_text(lang, q->bad));
    }
    (void)str_copy(text, out, SETUP_ANSWER_SIZE);
    explicit_bzero(line, sizeof(line));
    return true;
}

static bool ask_all(enum setup_lang lang, struct setup_answers *answers)
{
    for (enum setup_answer i = 0; i < SETUP_ANSWERS; i++) {
        if (is_needed(answers, i) && !ask_one(lang, &QUESTIONS[i], answers->text[i])) {
            (void)fputs("\nkabaoctl: the input ended; nothing was written\n", stderr);
            return false;
        }
        if (i == SETUP_PUSH_MODE && answers->text[i][0] == '\0')
            (void)str_copy(STR("secure"), answers->text[i], SETUP_ANSWER_SIZE);
    }
    return true;
}

/* Standard input */

static bool refuse_line(size_t line, const char *why)
{
    (void)fprintf(stderr, "kabaoctl: standard input, line %zu: %s\n", line, why);
    return false;
}

static bool take_line(struct setup_answers *answers, struct str text, size_t line)
{
    struct str key;
    struct str value;

    text = str_trim(text);
    if (text.len == 0 || text.ptr[0] == '#')
        return true;
    if (!str_cut(text, '=', &key, &value) || !str_is_set(value))
        return refuse_line(line, "not of the form key = value");
    value = str_trim(value);
    for (enum setup_answer i = 0; i < SETUP_ANSWERS; i++) {
        if (!str_eq_cstr(str_trim(key), QUESTIONS[i].key))
            continue;
        if (answers->text[i][0] != '\0')
            return refuse_line(line, answers->kept[i] ? "its file is there already; remove it first"
                                                      : "this key was there before");
        return str_copy(value, answers->text[i], SETUP_ANSWER_SIZE) ||
               refuse_line(line, "too long");
    }
    return refuse_line(line, "no such key (appid secret original_id url push_mode token aes_key)");
}

static bool check_all(enum setup_lang lang, const struct setup_answers *answers)
{
    bool good = true;

    for (enum setup_answer i = 0; i < SETUP_ANSWERS; i++) {
        if (!is_needed(answers, i) || fits(&QUESTIONS[i], str_from(answers->text[i])))
            continue;
        (void)fprintf(stderr, "kabaoctl: %s%s: %s\n", QUESTIONS[i].key,
                      answers->text[i][0] == '\0' ? " is missing" : "",
                      setup_text(lang, QUESTIONS[i].bad));
        good = false;
    }
    return good;
}

static bool read_lines(struct setup_answers *answers)
{
    AUTO(buf_done_secret) struct buf input = BUF_INIT(INPUT_MAX);
    struct err err = {0};
    struct str rest;
    struct str text;
    bool good = true;

    if (file_read(STDIN_FILENO, "standard input", &input, &err) != ST_OK) {
        (void)fprintf(stderr, "kabaoctl: %s\n", err.text);
        return false;
    }
    rest = buf_str(&input);
    for (size_t line = 1; str_cut(rest, '\n', &text, &rest); line++)
        good = take_line(answers, text, line) && good;
    return good;
}

bool setup_ask(enum setup_lang lang, struct setup_answers *answers)
{
    if (isatty(STDIN_FILENO))
        return ask_all(lang, answers);
    if (!read_lines(answers))
        return false;
    if (answers->text[SETUP_PUSH_MODE][0] == '\0')
        (void)str_copy(STR("secure"), answers->text[SETUP_PUSH_MODE], SETUP_ANSWER_SIZE);
    return check_all(lang, answers);
}
