/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/utf8.h"
#include "http/url.h"
#include "landing.h"

#include <string.h>

/* As schemas/messages/cmd-activation.schema.json has them, or narrower. */
enum { CARD_ID_MAX = 32, OPENID_MAX = 128, CODE_MAX = 1024, OUTER_STR_MAX = 256 };

enum alphabet { NAME, BASE64, TEXT };

static const struct parameter {
    struct str name;
    size_t offset; /* into struct activation_request */
    size_t max;    /* bytes */
    enum alphabet alphabet;
} PARAMETERS[] = {
    {STR_INIT("card_id"), offsetof(struct activation_request, card_id), CARD_ID_MAX, NAME},
    {STR_INIT("encrypt_code"), offsetof(struct activation_request, encrypt_code), CODE_MAX, BASE64},
    {STR_INIT("openid"), offsetof(struct activation_request, openid), OPENID_MAX, NAME},
    {STR_INIT("outer_str"), offsetof(struct activation_request, outer_str), OUTER_STR_MAX, TEXT},
    {STR_INIT("activate_ticket"), offsetof(struct activation_request, activate_ticket), CODE_MAX,
     BASE64},
};

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool has_only(struct str text, const char *others)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_alphanumeric(text.ptr[i]) && strchr(others, text.ptr[i]) == NULL)
            return false;
    return true;
}

static bool is_printable(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
            return false;
    return utf8_valid(text);
}

static bool fits(const struct parameter *p, struct str text)
{
    if (text.len > p->max)
        return false;
    switch (p->alphabet) {
    case NAME: return has_only(text, "-_");
    case BASE64: return has_only(text, "+/=-_.");
    case TEXT: return is_printable(text);
    }
    return false;
}

/* In Base64 a plus is a plus, and a blank was one before somebody decoded it as a form's. */
static struct str decode(const struct parameter *p, struct str raw, struct arena *arena)
{
    struct str text = url_decode(raw, p->alphabet == TEXT, arena);
    char *copy;

    if (p->alphabet != BASE64 || str_is_empty(text) || memchr(text.ptr, ' ', text.len) == NULL)
        return text;
    copy = arena_cstr(arena, text);
    for (size_t i = 0; copy && i < text.len; i++)
        if (copy[i] == ' ')
            copy[i] = '+';
    return copy ? str_of(copy, text.len) : (struct str){NULL, 0};
}

static bool read_pair(struct str pair, struct arena *arena, struct activation_request *r)
{
    struct str name;
    struct str raw;

    (void)str_cut(pair, '=', &name, &raw);
    for (size_t i = 0; i < COUNT_OF(PARAMETERS); i++) {
        struct str *slot = (struct str *)(void *)((char *)r + PARAMETERS[i].offset);

        if (!str_eq(name, PARAMETERS[i].name))
            continue;
        if (str_is_set(*slot) || str_is_empty(raw))
            return true;
        *slot = decode(&PARAMETERS[i], raw, arena);
        return str_is_set(*slot) && fits(&PARAMETERS[i], *slot);
    }
    return true;
}

bool landing_read(struct str query, struct arena *arena, struct activation_request *out)
{
    struct activation_request read = {0};
    struct str rest = query;
    struct str pair;

    while (str_cut(rest, '&', &pair, &rest))
        if (!read_pair(pair, arena, &read))
            return false;
    if (str_is_empty(read.card_id) || str_is_empty(read.encrypt_code))
        return false;
    *out = read;
    return true;
}

bool landing_id(struct str appid, const struct activation_request *request, struct arena *arena,
                struct id *out)
{
    struct str all = arena_printf(arena, "%.*s\x1f%.*s\x1f%.*s\x1f%.*s\x1f%.*s\x1f%.*s",
                                  STR_ARG(appid), STR_ARG(request->card_id),
                                  STR_ARG(request->encrypt_code), STR_ARG(request->openid),
                                  STR_ARG(request->outer_str), STR_ARG(request->activate_ticket));

    if (!str_is_set(all))
        return false;
    id_derive(all, STR("landing"), out);
    return true;
}

static void add_parameter(const char *name, struct str value, char *separator, struct buf *out)
{
    if (str_is_empty(value))
        return;
    buf_add_char(out, *separator);
    buf_add_cstr(out, name);
    buf_add_char(out, '=');
    url_encode(value, out);
    *separator = '&';
}

void landing_location(const char *landing_url, const struct activation_request *request,
                      struct buf *out)
{
    struct str page;
    struct str fragment;
    char separator;

    (void)str_cut(str_from(landing_url), '#', &page, &fragment);
    separator = memchr(page.ptr, '?', page.len) ? '&' : '?';
    buf_add(out, page);
    add_parameter("card_id", request->card_id, &separator, out);
    add_parameter("outer_str", request->outer_str, &separator, out);
    if (!str_is_set(fragment))
        return;
    buf_add_char(out, '#');
    buf_add(out, fragment);
}
