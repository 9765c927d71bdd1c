/* SPDX-License-Identifier: Apache-2.0 */
#include "bind/texts.h"

#include "base/buf.h"
#include "base/mem.h"
#include "codec/json.h"
#include "config/secret.h"

#include <string.h>

enum { FILE_MAX = 64 * 1024, TEXT_MAX = 2048, EXPANDED_MAX = 256 * 1024, MINUTE_S = 60 };

static const char *const NAMES[BIND_TEXT_COUNT] = {
    [BIND_TEXT_BOUND] = "bound",     [BIND_TEXT_LOGIN] = "login", [BIND_TEXT_UNKNOWN] = "unknown",
    [BIND_TEXT_EXPIRED] = "expired", [BIND_TEXT_USED] = "used",   [BIND_TEXT_REBIND] = "rebind",
    [BIND_TEXT_LIMIT] = "limit",     [BIND_TEXT_CODE] = "code",
};

/* "Your code is {code}, good for {minutes} minutes. Give it to nobody." */
static const struct str CODE_PRESET =
    STR_INIT("您的验证码是 {code}，{minutes} 分钟内有效，请勿告诉他人。");

enum placeholder { USER, CODE, MINUTES, PLACEHOLDERS };

static const struct str PLACEHOLDER[PLACEHOLDERS] = {
    [USER] = STR_INIT("{user}"),
    [CODE] = STR_INIT("{code}"),
    [MINUTES] = STR_INIT("{minutes}"),
};

struct account_texts {
    const char *account; /* the settings' */
    char *text[BIND_TEXT_COUNT];
};

struct bind_texts {
    struct account_texts *accounts;
    size_t count;
};

const char *bind_text_name(enum bind_text text)
{
    return NAMES[text];
}

/* Which placeholder a text begins with; PLACEHOLDERS: none. */
static size_t placeholder_at(struct str text)
{
    size_t i = 0;

    while (i < PLACEHOLDERS && !str_starts(text, PLACEHOLDER[i]))
        i++;
    return i;
}

/* Reading */

/* What is wrong with a text; NULL: nothing. */
static const char *fault_of(enum bind_text which, struct str text)
{
    bool has_code = false;

    if (str_is_empty(text))
        return "is no text, or empty";
    if (text.len > TEXT_MAX)
        return "is over 2048 bytes";
    for (size_t i = 0; i < text.len; i++) {
        size_t found;

        if (text.ptr[i] != '{')
            continue;
        found = placeholder_at(str_skip(text, i));
        if (found == PLACEHOLDERS)
            return "has a { that begins none of {user}, {code}, {minutes}";
        has_code = has_code || found == CODE;
    }
    return which == BIND_TEXT_CODE && !has_code ? "has no {code}" : NULL;
}

static enum status take(struct account_texts *a, struct str name, struct str text, struct err *err)
{
    size_t which = 0;
    const char *fault;

    while (which < BIND_TEXT_COUNT && !str_eq_cstr(name, NAMES[which]))
        which++;
    if (which == BIND_TEXT_COUNT)
        return err_fatal(err, "config", "\"%.*s\" is none of its texts", STR_ARG(name));
    fault = fault_of((enum bind_text)which, text);
    if (fault)
        return err_fatal(err, "config", "\"%s\" %s", NAMES[which], fault);
    a->text[which] = mem_alloc(text.len + 1);
    if (!a->text[which])
        return err_fatal(err, "memory", "out of memory");
    (void)str_copy(text, a->text[which], text.len + 1);
    return ST_OK;
}

static enum status read_file(const char *path, struct account_texts *a, struct err *err)
{
    AUTO(buf_done) struct buf contents = BUF_INIT(FILE_MAX + 1);
    AUTO(json_freep) struct json *object = NULL;
    enum status rc = secret_file_read(path, &contents, err);

    if (rc != ST_OK)
        return rc;
    if (json_parse(buf_str(&contents), &object, err) != ST_OK)
        return ST_FATAL;
    if (!json_is(object, JSON_OBJECT))
        return err_fatal(err, "config", "no JSON object");
    for (struct json_iter i = json_iter(object); rc == ST_OK && json_next(&i);)
        rc = take(a, i.key, json_str(i.value), err);
    return rc;
}

static enum status read_account(const struct account *account, struct account_texts *a,
                                struct err *err)
{
    struct err why = {0};

    a->account = account->name;
    if (!account->bind_texts_file || read_file(account->bind_texts_file, a, &why) == ST_OK)
        return ST_OK;
    return err_fatal(err, "config", "[account %s] bind_texts_file %s: %s", account->name,
                     account->bind_texts_file, why.text);
}

static enum status read_all(const struct settings *settings, struct bind_texts *t, struct err *err)
{
    enum status rc = ST_OK;

    t->accounts = mem_array(settings->account_count, sizeof(*t->accounts));
    if (!t->accounts)
        return err_fatal(err, "memory", "out of memory");
    for (; rc == ST_OK && t->count < settings->account_count; t->count++)
        rc = read_account(&settings->accounts[t->count], &t->accounts[t->count], err);
    return rc;
}

enum status bind_texts_open(const struct settings *settings, struct bind_texts **out,
                            struct err *err)
{
    struct bind_texts *t = mem_zalloc(sizeof(*t));
    enum status rc;

    if (!t)
        return err_fatal(err, "memory", "out of memory");
    rc = read_all(settings, t, err);
    if (rc == ST_OK)
        *out = t;
    else
        bind_texts_close(t);
    return rc;
}

void bind_texts_close(struct bind_texts *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->count; i++)
        for (size_t which = 0; which < BIND_TEXT_COUNT; which++)
            mem_free(t->accounts[i].text[which]);
    mem_free(t->accounts);
    mem_free(t);
}

/* Wording */

static struct str template_of(const struct bind_texts *t, const struct account *account,
                              enum bind_text text)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->accounts[i].account, account->name) == 0 && t->accounts[i].text[text])
            return str_from(t->accounts[i].text[text]);
    return text == BIND_TEXT_CODE ? CODE_PRESET : (struct str){NULL, 0};
}

static void add_fact(struct buf *out, size_t which, const struct bind_facts *facts)
{
    if (which == MINUTES)
        buf_add_i64(out, (facts->ttl_s + MINUTE_S - 1) / MINUTE_S);
    else
        buf_add(out, which == USER ? facts->user : facts->code);
}

struct str bind_text_of(const struct bind_texts *t, const struct account *account,
                        enum bind_text text, const struct bind_facts *facts, struct arena *arena)
{
    AUTO(buf_done_secret) struct buf out = BUF_INIT(EXPANDED_MAX);
    struct str rest = template_of(t, account, text);

    if (!str_is_set(rest))
        return rest;
    while (rest.len > 0) {
        const size_t which = placeholder_at(rest);

        if (which == PLACEHOLDERS) {
            buf_add_char(&out, rest.ptr[0]);
            rest = str_skip(rest, 1);
        } else {
            add_fact(&out, which, facts);
            rest = str_skip(rest, PLACEHOLDER[which].len);
        }
    }
    return buf_ok(&out) ? arena_dup(arena, buf_str(&out)) : (struct str){NULL, 0};
}
