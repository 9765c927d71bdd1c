/* SPDX-License-Identifier: Apache-2.0 */
#include "autoreply_convert.h"

#include "autoreply_reply.h"
#include "codec/utf8.h"

#include <stdio.h>

enum {
    REPLY_MAX = 1 << 20,
    WHERE_SIZE = 128,
    KEYWORDS_MAX = 100, /* of the rules file, as the next */
    KEYWORD_MAX_BYTES = 256,
    FOLDED_MAX = 64 << 10,
};

#define FROM          "autoreply.get "
#define KEYWORDS_LIST FROM "/keyword_autoreply_info/list"

static const struct str NO_NAME = {NULL, 0};

/* Switches are 1 where they are missing: what is there is meant. */
static bool is_open(const struct json *answer, const char *name)
{
    int64_t value = 1;

    return !json_get_i64(answer, name, &value) || value != 0;
}

static void open_rule(struct jsonw *w, const char *match)
{
    jsonw_object(w);
    jsonw_key_str(w, "match", str_from(match));
}

static void close_rule(struct autoreply_converting *c, struct str reply)
{
    jsonw_key(c->w, STR("reply"));
    jsonw_raw(c->w, reply);
    jsonw_object_end(c->w);
    c->count++;
}

/* Single replies */

/* The section's reply; false: there is none, or none that can be sent, and that is listed. */
static bool section(const struct json *answer, const char *name, const char *is_open_name,
                    struct autoreply_converting *c, struct buf *reply)
{
    const struct json *info = json_get(answer, name);
    struct jsonw w = {.out = reply};
    char where[WHERE_SIZE];
    char why[REPLY_WHY_SIZE];
    bool good;

    (void)snprintf(where, sizeof(where), FROM "/%s", name);
    if (!info)
        return false;
    if (!is_open(answer, is_open_name)) {
        losses_add(c->lost, where, NO_NAME, "it is switched off in the console");
        return false;
    }
    good = autoreply_reply(info, "content", &w, why);
    if (*why != '\0')
        losses_add(c->lost, where, NO_NAME, why);
    c->failed = c->failed || !buf_ok(reply);
    return good && buf_ok(reply);
}

void autoreply_subscribe(const struct json *answer, struct autoreply_converting *c)
{
    AUTO(buf_done) struct buf reply = BUF_INIT(REPLY_MAX);

    if (!section(answer, "add_friend_autoreply_info", "is_add_friend_reply_open", c, &reply))
        return;
    open_rule(c->w, "event");
    jsonw_key_str(c->w, "event", STR("subscribe"));
    close_rule(c, buf_str(&reply));
}

void autoreply_default(const struct json *answer, struct autoreply_converting *c)
{
    AUTO(buf_done) struct buf reply = BUF_INIT(REPLY_MAX);

    if (!section(answer, "message_default_autoreply_info", "is_autoreply_open", c, &reply))
        return;
    open_rule(c->w, "default");
    close_rule(c, buf_str(&reply));
}

/* Keywords */

struct keyword_rule {
    const struct json *source;
    struct str name;
    char where[WHERE_SIZE];
    struct autoreply_converting *c;
    struct str reply;
};

static void lose(const struct keyword_rule *rule, const char *below, size_t index, const char *why)
{
    char where[WHERE_SIZE + 48];

    (void)snprintf(where, sizeof(where), "%s/%s/%zu", rule->where, below, index);
    losses_add(rule->c->lost, where, rule->name, why);
}

/* Why the replies beside the first that can be sent are lost. */
static const char *why_not_all(const struct json *source)
{
    if (str_eq(json_get_str(source, "reply_mode"), STR("random_one")))
        return "the console takes one by chance, here it is always the first";
    return "WeChat takes one reply to a message: it has the first";
}

/* The first reply of the rule that can be sent. */
static bool choose_reply(struct keyword_rule *rule, struct buf *out)
{
    const struct json *list = json_get(rule->source, "reply_list_info");
    char why[REPLY_WHY_SIZE];
    bool found = false;

    for (size_t i = 0; i < json_len(list); i++) {
        struct jsonw w = {.out = out};

        if (found) {
            lose(rule, "reply_list_info", i, why_not_all(rule->source));
            continue;
        }
        found = autoreply_reply(json_at(list, i), "content", &w, why);
        if (*why != '\0')
            lose(rule, "reply_list_info", i, why);
    }
    rule->c->failed = rule->c->failed || !buf_ok(out);
    rule->reply = buf_str(out);
    return found && buf_ok(out);
}

enum mode { MODE_CONTAIN, MODE_EQUAL, MODE_COUNT };

static const char *const MODE_NAMES[MODE_COUNT] = {"contain", "equal"};

/* MODE_COUNT: it has none. */
static enum mode mode_of(const struct json *keyword)
{
    const struct str name = json_get_str(keyword, "match_mode");

    if (str_eq_cstr(name, MODE_NAMES[MODE_CONTAIN]))
        return MODE_CONTAIN;
    return str_eq_cstr(name, MODE_NAMES[MODE_EQUAL]) ? MODE_EQUAL : MODE_COUNT;
}

/* Something that can be seen, in the rules file's sense; "" where it cannot be folded. */
static bool is_seen(struct str keyword)
{
    AUTO(buf_done) struct buf folded = BUF_INIT(FOLDED_MAX);

    utf8_fold(keyword, &folded);
    return str_trim(buf_str(&folded)).len > 0;
}

static bool has_control(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < 0x20)
            return true;
    return false;
}

/* Why there is no rule for this keyword; NULL: there is. */
static const char *refusal(const struct json *keyword)
{
    const struct str type = json_get_str(keyword, "type");
    const struct str content = json_get_str(keyword, "content");

    if (!str_is_empty(type) && !str_eq(type, STR("text")))
        return "a keyword that is no text";
    if (content.len > KEYWORD_MAX_BYTES || has_control(content))
        return "a keyword has 256 bytes at most and no control characters";
    if (!is_seen(content))
        return "there is no keyword in it";
    return mode_of(keyword) != MODE_COUNT ? NULL : "its match_mode is neither contain nor equal";
}

static void open_keywords(struct keyword_rule *rule, enum mode mode)
{
    open_rule(rule->c->w, "keyword");
    jsonw_key_str(rule->c->w, "mode", str_from(MODE_NAMES[mode]));
    jsonw_key(rule->c->w, STR("keywords"));
    jsonw_array(rule->c->w);
}

static void close_keywords(struct keyword_rule *rule)
{
    jsonw_array_end(rule->c->w);
    close_rule(rule->c, rule->reply);
}

/* All keywords of this mode, of which there is one; in as many rules as they need. */
static void write_mode(struct keyword_rule *rule, enum mode mode)
{
    const struct json *list = json_get(rule->source, "keyword_list_info");
    size_t count = 0;

    open_keywords(rule, mode);
    for (size_t i = 0; i < json_len(list); i++) {
        const struct json *keyword = json_at(list, i);

        if (refusal(keyword) || mode_of(keyword) != mode)
            continue;
        if (count > 0 && count % KEYWORDS_MAX == 0) {
            close_keywords(rule);
            open_keywords(rule, mode);
        }
        jsonw_str(rule->c->w, json_get_str(keyword, "content"));
        count++;
    }
    close_keywords(rule);
}

static void write_modes(struct keyword_rule *rule)
{
    const struct json *list = json_get(rule->source, "keyword_list_info");
    bool written[MODE_COUNT] = {false};

    for (size_t i = 0; i < json_len(list); i++) {
        const struct json *keyword = json_at(list, i);
        const char *why = refusal(keyword);
        const enum mode mode = mode_of(keyword);

        if (why) {
            lose(rule, "keyword_list_info", i, why);
        } else if (mode < MODE_COUNT && !written[mode]) {
            written[mode] = true;
            write_mode(rule, mode);
        }
    }
    if (!written[MODE_CONTAIN] && !written[MODE_EQUAL])
        losses_add(rule->c->lost, rule->where, rule->name, "there is no keyword left to match");
}

static void convert_rule(const struct json *source, size_t index, struct autoreply_converting *c)
{
    AUTO(buf_done) struct buf reply = BUF_INIT(REPLY_MAX);
    struct keyword_rule rule = {
        .source = source, .name = json_get_str(source, "rule_name"), .c = c};

    (void)snprintf(rule.where, sizeof(rule.where), KEYWORDS_LIST "/%zu", index);
    if (choose_reply(&rule, &reply))
        write_modes(&rule);
    else
        losses_add(c->lost, rule.where, rule.name, "there is no reply left to send");
}

void autoreply_keywords(const struct json *answer, struct autoreply_converting *c)
{
    const struct json *list = json_get(json_get(answer, "keyword_autoreply_info"), "list");

    if (json_len(list) == 0)
        return;
    if (!is_open(answer, "is_autoreply_open")) {
        losses_add(c->lost, KEYWORDS_LIST, NO_NAME, "they are switched off in the console");
        return;
    }
    for (size_t i = 0; i < json_len(list); i++)
        convert_rule(json_at(list, i), i, c);
}
