/* SPDX-License-Identifier: Apache-2.0 */
/* Names and addresses in settings. */
#include "config/check.h"

#include "base/attr.h"
#include "base/num.h"

#include <arpa/inet.h>
#include <string.h>

enum {
    ACCOUNT_NAME_MAX = 32,
    COMMAND_NAME_MAX = 64,
    ID_MAX = 64,
    PREFIX_MAX = 200,
    PORT_MAX = 65535,
    API_PATH_MAX = 128,
    NUMBER_PREFIX_MAX = 8,
    TOPIC_NAME_MAX = 249,
    HOST_NAME_MAX = 253,
};

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool is_made_of(struct str text, const char *characters, size_t max)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '\0' || strchr(characters, text.ptr[i]) == NULL)
            return false;
    return text.len > 0 && text.len <= max;
}

bool check_account_name(struct str text)
{
    return is_made_of(text, LOWER DIGITS, ACCOUNT_NAME_MAX);
}

bool check_command_name(struct str text)
{
    return is_made_of(text, LOWER DIGITS "._", COMMAND_NAME_MAX);
}

bool check_id(struct str text)
{
    return is_made_of(text, LOWER UPPER DIGITS "_-", ID_MAX);
}

bool check_topic_prefix(struct str text)
{
    return is_made_of(text, LOWER UPPER DIGITS ".-", PREFIX_MAX) && !str_starts(text, STR(".")) &&
           !str_ends(text, STR("."));
}

bool check_log_level(struct str text)
{
    static const char *const levels[] = {"trace", "debug", "info", "warn", "error"};

    for (size_t i = 0; i < COUNT_OF(levels); i++)
        if (str_eq_cstr(text, levels[i]))
            return true;
    return false;
}

/* Splits "host", "host:port", "[v6]", "[v6]:port"; port is absent when there is none. */
static bool split_address(struct str address, struct str *host, struct str *port)
{
    size_t end = 0;

    if (!str_starts(address, STR("["))) {
        (void)str_cut(address, ':', host, port);
        return !str_is_empty(*host);
    }
    if (!str_find(address, STR("]"), &end))
        return false;
    *host = str_of(address.ptr, end + 1);
    *port = str_skip(address, end + 1);
    if (str_is_empty(*port)) {
        *port = (struct str){0};
        return true;
    }
    if (!str_starts(*port, STR(":")))
        return false;
    *port = str_skip(*port, 1);
    return true;
}

static bool is_port(struct str text, int64_t min)
{
    int64_t port;

    return is_made_of(text, DIGITS, 5) && num_parse_i64(text, min, PORT_MAX, &port);
}

static bool is_host(struct str host)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (!str_starts(host, STR("[")))
        return is_made_of(host, LOWER UPPER DIGITS ".-", host.len);
    return str_copy(str_of(host.ptr + 1, host.len - 2), text, sizeof(text)) &&
           inet_pton(AF_INET6, text, &address) == 1;
}

bool check_listen(struct str text)
{
    struct str host = {0};
    struct str port = {0};

    return split_address(text, &host, &port) && is_host(host) && is_port(port, 0);
}

static bool is_loopback(struct str host)
{
    char text[INET_ADDRSTRLEN];
    struct in_addr address;

    if (str_ieq(host, STR("localhost")) || str_eq(host, STR("[::1]")))
        return true;
    if (!str_copy(host, text, sizeof(text)) || inet_pton(AF_INET, text, &address) != 1)
        return false;
    return ntohl(address.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET;
}

/* No blanks, no backslashes (read as slashes by some), no name before the host: it would let
 * http://127.0.0.1@elsewhere pass for loopback. is_host keeps all of them out of the authority. */
bool check_url(struct str text)
{
    const bool plain = str_starts(text, STR("http://"));
    struct str authority = str_skip(text, plain ? STR("http://").len : STR("https://").len);
    struct str host = {0};
    struct str port = {0};
    size_t at;

    if ((!plain && !str_starts(text, STR("https://"))) || str_find(text, STR(" "), &at) ||
        str_find(text, STR("\\"), &at))
        return false;
    for (at = 0; at < authority.len && strchr("/?#", authority.ptr[at]) == NULL;)
        at++;
    authority.len = at;
    if (!split_address(authority, &host, &port) || !is_host(host))
        return false;
    if (str_is_set(port) && !is_port(port, 1))
        return false;
    return !plain || is_loopback(host);
}

bool check_api_path(struct str text)
{
    struct str part = {0};
    struct str rest = {0};

    if (text.len > API_PATH_MAX || !str_cut(text, '/', &part, &rest) || part.len > 0 ||
        !str_is_set(rest))
        return false;
    while (str_cut(rest, '/', &part, &rest))
        if (!is_made_of(part, LOWER UPPER DIGITS "_.-", API_PATH_MAX))
            return false;
    return true;
}

bool check_membership_number(struct str text)
{
    const struct str prefix = STR("prefix:");

    if (!str_starts(text, prefix))
        return str_eq(text, STR("code"));
    return is_made_of(str_skip(text, prefix.len), LOWER UPPER DIGITS "_-", NUMBER_PREFIX_MAX);
}

/* One at least, separated by blanks. */
static bool are_words(struct str text, bool (*is_good)(struct str word))
{
    size_t words = 0;
    struct str word;

    for (struct str rest = text; str_cut(rest, ' ', &word, &rest);) {
        if (str_is_empty(word))
            continue;
        if (!is_good(word))
            return false;
        words++;
    }
    return words > 0;
}

static bool is_topic_name(struct str word)
{
    return is_made_of(word, LOWER UPPER DIGITS "._-", TOPIC_NAME_MAX);
}

bool check_topic_names(struct str text)
{
    return are_words(text, is_topic_name);
}

/* "host", "host:port", "[v6]", "[v6]:port", nothing in upper case. */
static bool is_host_word(struct str word)
{
    struct str host = {0};
    struct str port = {0};

    return word.len <= HOST_NAME_MAX && is_made_of(word, LOWER DIGITS ".-:[]", word.len) &&
           split_address(word, &host, &port) && is_host(host) &&
           (!str_is_set(port) || is_port(port, 1));
}

bool check_host_names(struct str text)
{
    return are_words(text, is_host_word);
}

bool check_event_types(struct str text)
{
    return is_made_of(text, LOWER DIGITS "_.* ", text.len) && !str_is_empty(str_trim(text));
}

static bool is_error_code(struct str word)
{
    int64_t code;

    return is_made_of(word, DIGITS, word.len) && word.ptr[0] != '0' &&
           num_parse_i64(word, 1, INT32_MAX, &code);
}

bool check_error_codes(struct str text)
{
    return are_words(text, is_error_code);
}

bool check_scene_prefix(struct str text)
{
    return is_made_of(text, UPPER LOWER DIGITS "_.:-", 32);
}

bool check_channels(struct str text)
{
    static const char *const channels[] = {"custom", "template", "subscribe", "webhook"};
    bool seen[COUNT_OF(channels)] = {false};
    size_t words = 0;
    struct str word;

    for (struct str rest = text; str_cut(rest, ' ', &word, &rest);) {
        size_t i = 0;

        if (str_is_empty(word))
            continue;
        while (i < COUNT_OF(channels) && !str_eq_cstr(word, channels[i]))
            i++;
        if (i == COUNT_OF(channels) || seen[i])
            return false;
        seen[i] = true;
        words++;
    }
    return words > 0;
}
