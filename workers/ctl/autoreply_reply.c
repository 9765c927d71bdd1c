/* SPDX-License-Identifier: Apache-2.0 */
/* What is written here the rules file takes: schemas/files/autoreply.schema.json, and what
 * kabao-ingress judges beyond it. */
#include "autoreply_reply.h"

#include "base/buf.h"
#include "codec/utf8.h"

#include <stdio.h>
#include <string.h>

enum {
    TEXT_MAX_BYTES = 2048, /* wechat-api 9.3 */
    URL_MAX_BYTES = 1024,
    NAME_MAX_BYTES = 256,
    LITERAL_MAX = 64 << 10, /* of a text before it is cut */
    TYPE_SHOWN_SIZE = 32,
};

static bool refuse(char why[REPLY_WHY_SIZE], const char *text)
{
    (void)snprintf(why, REPLY_WHY_SIZE, "%s", text);
    return false;
}

/* Adds a part that is lost, once. */
static void note(char why[REPLY_WHY_SIZE], const char *text)
{
    const size_t used = strlen(why);

    if (!strstr(why, text))
        (void)snprintf(why + used, REPLY_WHY_SIZE - used, "%s%s", used > 0 ? "; " : "", text);
}

/* Texts */

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* A brace that the rules file takes for the beginning of a placeholder. */
static bool begins_placeholder(struct str text)
{
    size_t end = 1;

    if (text.ptr[0] != '{')
        return false;
    while (end < text.len && is_word_char(text.ptr[end]))
        end++;
    return end > 1 && end < text.len && text.ptr[end] == '}';
}

/* The rules file refuses them, as XML does. */
static bool is_control(char c)
{
    return (unsigned char)c < 0x20 && c != '\t' && c != '\n' && c != '\r';
}

/* What the console shows letter for letter: a blank behind its brace keeps {word} from being
 * replaced. */
static void add_literal(struct str text, struct buf *out, char why[REPLY_WHY_SIZE])
{
    for (size_t i = 0; i < text.len; i++) {
        if (is_control(text.ptr[i])) {
            note(why, "control characters are left out");
            continue;
        }
        buf_add_char(out, text.ptr[i]);
        if (!begins_placeholder(str_skip(text, i)))
            continue;
        buf_add_char(out, ' ');
        note(why, "{word} would be a placeholder of the rules file: it is { word} now");
    }
}

static void write_text(struct jsonw *w, const char *member, struct str value,
                       char why[REPLY_WHY_SIZE])
{
    AUTO(buf_done) struct buf text = BUF_INIT(LITERAL_MAX);

    add_literal(utf8_cut(value, LITERAL_MAX / 2), &text, why);
    w->out->failed = w->out->failed || !buf_ok(&text);
    if (text.len == 0)
        return;
    if (text.len > TEXT_MAX_BYTES)
        note(why, "a text has 2048 bytes at most: the end is cut off");
    jsonw_key_str(w, member, utf8_cut(buf_str(&text), TEXT_MAX_BYTES));
}

/* Something that can be seen: control characters and ASCII blanks are not. */
static bool has_text(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] > ' ')
            return true;
    return false;
}

static bool text_reply(struct str content, struct jsonw *w, char why[REPLY_WHY_SIZE])
{
    if (!has_text(content))
        return refuse(why, "there is no text in it");
    jsonw_object(w);
    jsonw_key_str(w, "type", STR("text"));
    write_text(w, "content", content, why);
    jsonw_object_end(w);
    return true;
}

/* Media */

static bool is_web(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] <= ' ')
            return false;
    return str_starts(text, STR("http://")) || str_starts(text, STR("https://"));
}

static bool is_name(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~' || text.ptr[i] == '{' || text.ptr[i] == '}')
            return false;
    return text.len > 0 && text.len <= NAME_MAX_BYTES;
}

static bool media_reply(struct str type, struct str media_id, struct jsonw *w,
                        char why[REPLY_WHY_SIZE])
{
    if (is_web(media_id))
        return refuse(why, "WeChat shows a link only, a reply needs a media_id: upload it again");
    if (!is_name(media_id))
        return refuse(why, "there is no media_id in it");
    if (str_eq(type, STR("video")))
        note(why, "WeChat does not show a video's title and description: it has none");
    jsonw_object(w);
    jsonw_key_str(w, "type", type);
    jsonw_key_str(w, "media_id", media_id);
    jsonw_object_end(w);
    return true;
}

/* Articles */

/* Adds it with what looks like a placeholder escaped; false: no address that a rule may have. */
static bool add_url(struct str url, struct buf *out)
{
    for (size_t i = 0; i < url.len; i++) {
        if (begins_placeholder(str_skip(url, i)))
            buf_add_cstr(out, "%7B");
        else
            buf_add_char(out, url.ptr[i]);
    }
    return is_web(url) && buf_ok(out) && out->len <= URL_MAX_BYTES;
}

/* address: the article's, as add_url made it. */
static void write_article(const struct json *article, struct str address, struct jsonw *w,
                          char why[REPLY_WHY_SIZE])
{
    AUTO(buf_done) struct buf url = BUF_INIT(LITERAL_MAX);
    const struct str picture = json_get_str(article, "cover_url");

    jsonw_object(w);
    write_text(w, "title", json_get_str(article, "title"), why);
    if (has_text(json_get_str(article, "digest")))
        write_text(w, "description", json_get_str(article, "digest"), why);
    if (add_url(picture, &url))
        jsonw_key_str(w, "pic_url", buf_str(&url));
    else if (!str_is_empty(picture))
        note(why, "its picture has no address of http or https within 1024 bytes");
    jsonw_key_str(w, "url", address);
    jsonw_object_end(w);
}

static bool news_reply(const struct json *item, struct jsonw *w, char why[REPLY_WHY_SIZE])
{
    AUTO(buf_done) struct buf url = BUF_INIT(LITERAL_MAX);
    const struct json *list = json_get(json_get(item, "news_info"), "list");
    const struct json *article = json_at(list, 0);

    if (!has_text(json_get_str(article, "title")) ||
        !add_url(json_get_str(article, "content_url"), &url))
        return refuse(why, "there is no article with title and address in it");
    jsonw_object(w);
    jsonw_key_str(w, "type", STR("news"));
    jsonw_key(w, STR("articles"));
    jsonw_array(w);
    write_article(article, buf_str(&url), w, why);
    jsonw_array_end(w);
    jsonw_object_end(w);
    if (json_len(list) > 1)
        note(why, "a reply has one article: the first is kept");
    return true;
}

bool autoreply_reply(const struct json *item, const char *content_key, struct jsonw *w,
                     char why[REPLY_WHY_SIZE])
{
    const struct str type = json_get_str(item, "type");
    const struct str content = json_get_str(item, content_key);
    char shown[TYPE_SHOWN_SIZE];

    why[0] = '\0';
    if (str_is_empty(type))
        return refuse(why, "there is no type in it");
    if (str_eq(type, STR("text")))
        return text_reply(content, w, why);
    if (str_eq(type, STR("img")) || str_eq(type, STR("photo")))
        return media_reply(STR("image"), content, w, why);
    if (str_eq(type, STR("voice")) || str_eq(type, STR("video")))
        return media_reply(type, content, w, why);
    if (str_eq(type, STR("news")))
        return news_reply(item, w, why);
    (void)str_copy(utf8_cut(type, TYPE_SHOWN_SIZE - 1), shown, sizeof(shown));
    (void)snprintf(why, REPLY_WHY_SIZE, "no reply can say what is of the type %s", shown);
    return false;
}
