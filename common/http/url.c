/* SPDX-License-Identifier: Apache-2.0 */
/* Percent-encoding, query strings, and the two questions the client has about an address. */
#include "http/url.h"

#include "base/hex.h"
#include "base/num.h"

#include <string.h>

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void url_encode(struct str raw, struct buf *out)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < raw.len; i++) {
        const unsigned char byte = (unsigned char)raw.ptr[i];
        const char escape[] = {'%', digits[byte >> 4], digits[byte & 0x0F]};

        if (is_unreserved(raw.ptr[i]))
            buf_add_char(out, raw.ptr[i]);
        else
            buf_add(out, str_of(escape, sizeof(escape)));
    }
}

static bool needs_decoding(struct str text, bool plus)
{
    return memchr(text.ptr, '%', text.len) != NULL ||
           (plus && memchr(text.ptr, '+', text.len) != NULL);
}

/* Decodes into out, which holds text.len bytes; the number written, or -1 on a broken escape. */
static int64_t decode(struct str text, bool plus, char *out)
{
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = (uint8_t)text.ptr[i];

        if (byte == '%') {
            if (text.len - i < 3 || !hex_parse(str_of(text.ptr + i + 1, 2), &byte, 1))
                return -1;
            i += 2;
        } else if (plus && byte == '+') {
            byte = ' ';
        }
        if (byte == '\0')
            return -1;
        out[len++] = (char)byte;
    }
    return (int64_t)len;
}

struct str url_decode(struct str text, bool plus, struct arena *arena)
{
    const struct str absent = {NULL, 0};
    char *out;
    int64_t len;

    if (!str_is_set(text) || memchr(text.ptr, '\0', text.len) != NULL)
        return absent;
    if (!needs_decoding(text, plus))
        return text;
    out = arena_alloc(arena, text.len);
    if (out == NULL)
        return absent;
    len = decode(text, plus, out);
    return len < 0 ? absent : str_of(out, (size_t)len);
}

static bool is_named(struct str raw_name, const char *name, struct arena *arena)
{
    if (str_eq_cstr(raw_name, name))
        return true;
    return str_is_set(raw_name) && needs_decoding(raw_name, true) &&
           str_eq_cstr(url_decode(raw_name, true, arena), name);
}

struct str url_query(struct str query, const char *name, struct arena *arena)
{
    struct str rest = query;
    struct str pair;
    struct str key;
    struct str value;

    while (str_cut(rest, '&', &pair, &rest)) {
        (void)str_cut(pair, '=', &key, &value);
        if (!is_named(key, name, arena))
            continue;
        /* "name" without '=' is there, but empty. */
        return str_is_set(value) ? url_decode(value, true, arena) : STR("");
    }
    return (struct str){NULL, 0};
}

const char *url_with_query(struct str url, struct str query, struct arena *arena)
{
    struct str head;
    struct str own;
    struct str unused;
    struct str whole;
    const char *joint = "";

    (void)str_cut(url, '#', &head, &unused);
    (void)str_cut(head, '?', &unused, &own);
    if (!str_is_set(own))
        joint = "?";
    else if (own.len > 0 && !str_ends(own, STR("&")))
        joint = "&";
    whole = arena_printf(arena, "%.*s%s%.*s", STR_ARG(head), joint, STR_ARG(query));
    return whole.ptr;
}

/* What stands before the first '?' or '#'. */
static struct str before_query(struct str url)
{
    size_t len = 0;

    while (len < url.len && url.ptr[len] != '?' && url.ptr[len] != '#')
        len++;
    return str_of(url.ptr, len);
}

/* The length of "user@host:port", with which text begins. */
static size_t authority_len(struct str text)
{
    const struct str shown = before_query(text);
    size_t len = 0;

    while (len < shown.len && shown.ptr[len] != '/')
        len++;
    return len;
}

struct str url_without_query(struct str url)
{
    const struct str shown = before_query(url);
    size_t scheme = 0;
    size_t host;

    if (str_find(shown, STR("://"), &scheme))
        scheme += 3;
    host = scheme + authority_len(str_skip(shown, scheme));
    while (host > scheme && shown.ptr[host - 1] != '@')
        host--;
    /* With credentials in front of the host only what follows them can be borrowed. */
    return host > scheme ? str_skip(shown, host) : shown;
}

/* Plain decimal: no sign, and no leading zero, which some parsers take for octal. */
static bool is_decimal(struct str text, int64_t max)
{
    int64_t number;

    return text.len > 0 && text.ptr[0] >= '0' && text.ptr[0] <= '9' &&
           (text.len == 1 || text.ptr[0] != '0') && num_parse_i64(text, 0, max, &number);
}

static bool is_loopback_quad(struct str host)
{
    struct str rest = host;
    struct str part;
    int count = 0;

    while (str_cut(rest, '.', &part, &rest)) {
        if (!is_decimal(part, 255))
            return false;
        count++;
    }
    return count == 4 && str_starts(host, STR("127."));
}

static bool is_port(struct str text)
{
    return is_decimal(text, 65535);
}

bool url_is_loopback_http(struct str url)
{
    const struct str scheme = STR("http://");
    struct str authority;
    struct str host;
    struct str port;

    if (url.len < scheme.len || !str_ieq(str_of(url.ptr, scheme.len), scheme))
        return false;
    authority = str_skip(url, scheme.len);
    authority.len = authority_len(authority);
    /* Strict on purpose: what this accepts, every URL parser must read as the same host. */
    if (str_starts(authority, STR("[::1]"))) {
        port = str_skip(authority, strlen("[::1]"));
        return port.len == 0 || (port.ptr[0] == ':' && is_port(str_skip(port, 1)));
    }
    (void)str_cut(authority, ':', &host, &port);
    if (str_is_set(port) && !is_port(port))
        return false;
    return str_ieq(host, STR("localhost")) || is_loopback_quad(host);
}
