/* SPDX-License-Identifier: Apache-2.0 */
/* A file of rules: the schema judges its shape, then each rule is judged for what it means. */
#include "base/num.h"
#include "codec/schema.h"
#include "codec/utf8.h"
#include "config/ini.h"
#include "config/secret.h"
#include "file_schemas.h"
#include "replies_compile.h"
#include "replies_line.h"
#include "replies_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { POINTER_SIZE = 96, DETAIL_SIZE = 128, NAME_SIZE = 40 };

struct reading {
    const char *path;
    struct str text;
    struct replies_set *set;
    size_t number;           /* of the rule being read, from 0 */
    const struct json *rule; /* and it */
};

static enum status no_memory(struct err *err)
{
    return err_fatal(err, "memory", "no memory for the rules of replies");
}

static enum status wrong_at(const struct reading *r, unsigned line, const char *pointer,
                            const char *why, struct err *err)
{
    char where[INI_WHERE_SIZE];

    ini_where(r->path, line, where);
    return err_fatal(err, "config", "%s: %s%s%s", where, pointer, *pointer ? " " : "", why);
}

/* tail: the pointer within the rule */
static enum status wrong(const struct reading *r, const char *tail, const char *why,
                         struct err *err)
{
    char pointer[POINTER_SIZE];

    (void)snprintf(pointer, sizeof(pointer), "/rules/%zu%s", r->number, tail);
    return wrong_at(r, replies_line_of(r->text, str_from(pointer)), pointer, why, err);
}

/* Shape */

/* The parser tells the byte in its text only. */
static unsigned line_of_fault(struct str text, const struct err *fault)
{
    const struct str told = str_from(fault->text);
    const struct str mark = STR(" at byte ");
    int64_t offset;
    size_t at;

    if (str_find(told, mark, &at) &&
        num_parse_i64(str_skip(told, at + mark.len), 0, REPLIES_FILE_MAX, &offset))
        return replies_line_at(text, (size_t)offset);
    return replies_line_of_twice(text);
}

static size_t first_not_utf8(struct str text)
{
    size_t at = 0;
    size_t step = 1;

    while (step > 0) {
        step = str_utf8_step(str_skip(text, at));
        at += step;
    }
    return at;
}

static enum status parse_json(const struct reading *r, struct json **out, struct err *err)
{
    struct err fault = {0};
    enum status rc;

    if (!utf8_valid(r->text))
        return wrong_at(r, replies_line_at(r->text, first_not_utf8(r->text)), "", "JSON: not UTF-8",
                        err);
    rc = json_parse(r->text, out, &fault);

    if (rc == ST_REJECT)
        return wrong_at(r, line_of_fault(r->text, &fault), "", fault.text, err);
    return rc == ST_OK ? rc : no_memory(err);
}

static enum status check_shape(const struct reading *r, const struct json *document,
                               struct err *err)
{
    AUTO(schema_freep) struct schema *schema = NULL;
    struct schema_fault fault = {0};
    struct err detail = {0};

    if (schema_compile(FILE_SCHEMAS[0].text, &schema, &detail) != ST_OK)
        return no_memory(err);
    if (schema_check(schema, document, &fault, &detail) == ST_OK)
        return ST_OK;
    return wrong_at(r, replies_line_of(r->text, str_from(fault.pointer)), fault.pointer,
                    fault.detail, err);
}

/* Replies */

static bool has_control(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.ptr[i];

        if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
            return true;
    }
    return false;
}

/* As WeChat writes its names; no brace, which somebody meant for a placeholder. */
static bool is_name(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~' || text.ptr[i] == '{' || text.ptr[i] == '}')
            return false;
    return true;
}

static bool is_web(struct str url)
{
    return (str_starts(url, STR("https://")) || str_starts(url, STR("http://"))) &&
           memchr(url.ptr, ' ', url.len) == NULL && memchr(url.ptr, '\n', url.len) == NULL;
}

/* NULL: fine. */
static const char *fault_of_part(enum reply_kind kind, struct str text, char room[DETAIL_SIZE])
{
    const struct str unknown = replies_unknown_placeholder(text);
    char name[NAME_SIZE];

    if (has_control(text))
        return "has a control character";
    if (str_trim(text).len == 0)
        return "has nothing that can be seen";
    if (kind == REPLY_NAME)
        return is_name(text) ? NULL : "is no name that WeChat gave";
    if (kind == REPLY_URL && !is_web(text))
        return "is no http:// or https:// address";
    if (!str_is_set(unknown))
        return NULL;
    (void)str_copy(unknown, name, sizeof(name));
    (void)snprintf(room, DETAIL_SIZE, "has {%s}; known are {openid} {card_code} {card_id} {scene}",
                   name);
    return room;
}

static enum status read_part(const struct reading *r, const struct json *object, const char *where,
                             const struct reply_part *part, struct str *out, struct err *err)
{
    const struct str text = json_get_str(object, part->member);
    char room[DETAIL_SIZE];
    char tail[POINTER_SIZE];
    const char *fault;

    (void)snprintf(tail, sizeof(tail), "%s/%s", where, part->member);
    if (!str_is_set(text))
        return part->required ? wrong(r, tail, "is required", err) : ST_OK;
    fault = fault_of_part(part->kind, text, room);
    if (fault)
        return wrong(r, tail, fault, err);
    *out = arena_dup(&r->set->arena, text);
    return str_is_set(*out) ? ST_OK : no_memory(err);
}

static bool is_member(const struct reply_form *form, struct str name)
{
    for (size_t i = 0; i < REPLY_PARTS_MAX && form->parts[i].member; i++)
        if (str_eq_cstr(name, form->parts[i].member))
            return true;
    return false;
}

/* news has its parts one level lower */
static enum status check_members(const struct reading *r, const struct json *reply,
                                 const struct reply_form *form, bool is_news, struct err *err)
{
    for (struct json_iter i = json_iter(reply); json_next(&i);) {
        char tail[POINTER_SIZE];
        char why[DETAIL_SIZE];

        if (str_eq(i.key, STR("type")))
            continue;
        if (is_news ? str_eq(i.key, STR("articles")) : is_member(form, i.key))
            continue;
        (void)snprintf(tail, sizeof(tail), "/reply/%s", i.key.ptr);
        (void)snprintf(why, sizeof(why), "is nothing that a reply of type %s has", form->name);
        return wrong(r, tail, why, err);
    }
    return ST_OK;
}

static enum reply_type type_of(struct str name)
{
    unsigned type = 0;

    while (type + 1 < REPLY_TYPE_COUNT && !str_eq_cstr(name, REPLY_FORMS[type].name))
        type++;
    return (enum reply_type)type;
}

static enum status read_reply(const struct reading *r, struct reply *out, struct err *err)
{
    const struct json *reply = json_get(r->rule, "reply");
    const enum reply_type type = type_of(json_get_str(reply, "type"));
    const struct reply_form *form = &REPLY_FORMS[type];
    const struct json *articles = json_get(reply, "articles");
    const bool is_news = type == REPLY_NEWS;
    enum status rc = check_members(r, reply, form, is_news, err);

    if (rc != ST_OK)
        return rc;
    if (is_news && !articles)
        return wrong(r, "/reply/articles", "is required", err);
    if (is_news && json_len(articles) > 1)
        return wrong(r, "/reply/articles/1", "is one too many: WeChat shows the first article only",
                     err);
    out->type = type;
    for (size_t i = 0; rc == ST_OK && i < REPLY_PARTS_MAX && form->parts[i].member; i++)
        rc = read_part(r, is_news ? json_at(articles, 0) : reply,
                       is_news ? "/reply/articles/0" : "/reply", &form->parts[i], &out->parts[i],
                       err);
    return rc;
}

/* Matches */

static enum status read_keyword(const struct reading *r, struct str word, size_t number,
                                struct buf *folded, struct err *err)
{
    const bool whole = str_eq(json_get_str(r->rule, "mode"), STR("equal"));
    char tail[POINTER_SIZE];

    (void)snprintf(tail, sizeof(tail), "/keywords/%zu", number);
    if (has_control(word))
        return wrong(r, tail, "has a control character", err);
    buf_clear(folded);
    utf8_fold(word, folded);
    if (!buf_ok(folded))
        return no_memory(err);
    word = str_trim(buf_str(folded));
    if (word.len == 0)
        return wrong(r, tail, "has nothing that can be seen", err);
    return replies_index_add(r->set->keywords, word, whole, (uint32_t)r->number) ? ST_OK
                                                                                 : no_memory(err);
}

static enum status read_keywords(const struct reading *r, struct reply *reply UNUSED,
                                 struct err *err)
{
    AUTO(buf_done) struct buf folded = BUF_INIT(REPLIES_FOLDED_MAX);
    const struct json *words = json_get(r->rule, "keywords");
    enum status rc = ST_OK;

    r->set->has_keywords = true;
    for (size_t i = 0; rc == ST_OK && i < json_len(words); i++)
        rc = read_keyword(r, json_str(json_at(words, i)), i, &folded, err);
    return rc;
}

static enum status read_event(const struct reading *r, struct reply *reply, struct err *err)
{
    static const struct str prefix = STR_INIT("qrscene_");
    char room[REPLIES_EVENT_MAX];
    struct str name;
    struct str key = json_get_str(r->rule, "key");

    if (!replies_event_name(json_get_str(r->rule, "event"), room, &name))
        return wrong(r, "/event", "is too long", err);
    if (str_eq(name, STR("unsubscribe")))
        return wrong(r, "/event", "is unsubscribe: there is nobody left to answer", err);
    if (str_eq(name, STR("subscribe")) && str_starts(key, prefix))
        key = str_skip(key, prefix.len);
    return replies_set_add_event(r->set, name, key, reply) ? ST_OK : no_memory(err);
}

static enum status read_default(const struct reading *r, struct reply *reply UNUSED,
                                struct err *err UNUSED)
{
    if (r->set->first_default == REPLIES_NO_RULE)
        r->set->first_default = (uint32_t)r->number;
    return ST_OK;
}

struct match {
    const char *name;
    enum status (*read)(const struct reading *r, struct reply *reply, struct err *err);
};

static const struct match MATCHES[] = {
    {"keyword", read_keywords},
    {"event", read_event},
    {"default", read_default},
};

static const struct {
    const char *member;
    const char *match;
    bool required;
} MEMBERS[] = {
    {"mode", "keyword", true},
    {"keywords", "keyword", true},
    {"event", "event", true},
    {"key", "event", false},
};

static enum status check_rule(const struct reading *r, const char *match, struct err *err)
{
    for (size_t i = 0; i < COUNT_OF(MEMBERS); i++) {
        const bool has = json_has(r->rule, MEMBERS[i].member);
        const bool belongs = strcmp(MEMBERS[i].match, match) == 0;
        char tail[POINTER_SIZE];
        char why[DETAIL_SIZE];

        (void)snprintf(tail, sizeof(tail), "/%s", MEMBERS[i].member);
        (void)snprintf(why, sizeof(why), "is nothing that a rule of match %s has", match);
        if (belongs && MEMBERS[i].required && !has)
            return wrong(r, tail, "is required", err);
        if (has && !belongs)
            return wrong(r, tail, why, err);
    }
    return ST_OK;
}

static enum status read_rule(const struct reading *r, struct err *err)
{
    struct reply *reply = &r->set->replies[r->number];
    const struct str match = json_get_str(r->rule, "match");
    size_t i = 0;
    enum status rc;

    while (i + 1 < COUNT_OF(MATCHES) && !str_eq_cstr(match, MATCHES[i].name))
        i++;
    rc = check_rule(r, MATCHES[i].name, err);
    if (rc == ST_OK)
        rc = read_reply(r, reply, err);
    return rc == ST_OK ? MATCHES[i].read(r, reply, err) : rc;
}

static enum status compile(struct reading *r, const struct json *rules, struct err *err)
{
    enum status rc = ST_OK;

    r->set = replies_set_new(json_len(rules));
    if (!r->set)
        return no_memory(err);
    for (; rc == ST_OK && r->number < json_len(rules); r->number++) {
        r->rule = json_at(rules, r->number);
        rc = read_rule(r, err);
    }
    r->set->count = r->number;
    return rc;
}

enum status replies_set_parse(struct str text, const char *path, struct replies_set **out,
                              struct err *err)
{
    AUTO(json_freep) struct json *document = NULL;
    struct reading r = {.path = path, .text = utf8_without_mark(text)};
    enum status rc;

    rc = parse_json(&r, &document, err);
    if (rc == ST_OK)
        rc = check_shape(&r, document, err);
    if (rc == ST_OK)
        rc = compile(&r, json_get(document, "rules"), err);
    if (rc != ST_OK) {
        replies_set_free(r.set);
        return rc;
    }
    *out = r.set;
    return ST_OK;
}

enum status replies_set_read(const char *path, struct replies_set **out, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(REPLIES_FILE_MAX);
    enum status rc = secret_file_read(path, &text, err);

    return rc == ST_OK ? replies_set_parse(buf_str(&text), path, out, err) : rc;
}
