/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed bytes: comparing, cutting, searching. */
#include "base/str.h"

#include <stdint.h>
#include <string.h>

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_from(const char *text)
{
    return str_of(text, text != NULL ? strlen(text) : 0);
}

struct str str_of(const void *ptr, size_t len)
{
    return (struct str){ptr, ptr != NULL ? len : 0};
}

bool str_is_set(struct str s)
{
    return s.ptr != NULL;
}

bool str_is_empty(struct str s)
{
    return s.len == 0;
}

bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_eq_cstr(struct str a, const char *b)
{
    return str_eq(a, str_from(b));
}

bool str_ieq(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

int str_cmp(struct str a, struct str b)
{
    const size_t common = a.len < b.len ? a.len : b.len;
    const int order = common > 0 ? memcmp(a.ptr, b.ptr, common) : 0;

    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

uint64_t str_hash(struct str s)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (size_t i = 0; i < s.len; i++)
        hash = (hash ^ (unsigned char)s.ptr[i]) * 0x100000001b3;
    return hash;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq(str_of(s.ptr, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_eq(str_skip(s, s.len - suffix.len), suffix);
}

struct str str_skip(struct str s, size_t count)
{
    if (s.ptr == NULL)
        return s;
    if (count > s.len)
        count = s.len;
    return str_of(s.ptr + count, s.len - count);
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_space(s.ptr[0]))
        s = str_skip(s, 1);
    while (s.len > 0 && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

bool str_cut(struct str s, char separator, struct str *head, struct str *rest)
{
    const char *found;

    if (s.ptr == NULL)
        return false;
    found = s.len > 0 ? memchr(s.ptr, separator, s.len) : NULL;
    if (found == NULL) {
        *head = s;
        *rest = (struct str){0};
        return true;
    }
    *head = str_of(s.ptr, (size_t)(found - s.ptr));
    *rest = str_skip(s, head->len + 1);
    return true;
}

bool str_find(struct str s, struct str needle, size_t *at)
{
    const char *found;

    if (s.ptr == NULL)
        return false;
    found = needle.len > 0 ? memmem(s.ptr, s.len, needle.ptr, needle.len) : s.ptr;
    if (found == NULL)
        return false;
    *at = (size_t)(found - s.ptr);
    return true;
}

/* Going back to the latest star is enough: an earlier one could only give what the latest one can
 * take as well. */
bool str_match(struct str pattern, struct str s)
{
    size_t p = 0;
    size_t i = 0;
    size_t star = SIZE_MAX;
    size_t star_at = 0;

    while (i < s.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            star_at = i;
        } else if (p < pattern.len && pattern.ptr[p] == s.ptr[i]) {
            p++;
            i++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            i = ++star_at;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

static bool has(struct str list, struct str wanted, bool (*fits)(struct str word, struct str s))
{
    struct str word;

    while (str_cut(list, ' ', &word, &list)) {
        word = str_trim(word);
        if (!str_is_empty(word) && fits(word, wanted))
            return true;
    }
    return false;
}

bool str_has_word(struct str list, struct str word)
{
    return has(list, word, str_eq);
}

bool str_has_match(struct str list, struct str s)
{
    return has(list, s, str_match);
}

bool str_copy(struct str s, char *out, size_t size)
{
    size_t len = s.len;

    if (size == 0)
        return false;
    if (len >= size)
        len = size - 1;
    if (len > 0)
        memcpy(out, s.ptr, len);
    out[len] = '\0';
    return len == s.len;
}

/* How long the sequence is that this byte begins by the table of RFC 3629, section 4; the second
 * byte's range is narrower after some first bytes. */
static size_t utf8_lead(unsigned char lead, unsigned char *second_min, unsigned char *second_max)
{
    *second_min = 0x80;
    *second_max = 0xBF;
    if (lead < 0x80)
        return 1;
    if (lead >= 0xC2 && lead <= 0xDF)
        return 2;
    if (lead >= 0xE0 && lead <= 0xEF) {
        *second_min = lead == 0xE0 ? 0xA0 : 0x80;
        *second_max = lead == 0xED ? 0x9F : 0xBF;
        return 3;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        *second_min = lead == 0xF0 ? 0x90 : 0x80;
        *second_max = lead == 0xF4 ? 0x8F : 0xBF;
        return 4;
    }
    return 0;
}

size_t str_utf8_step(struct str s)
{
    const unsigned char *bytes = (const unsigned char *)s.ptr;
    unsigned char min;
    unsigned char max;
    size_t len;

    if (s.len == 0)
        return 0;
    len = utf8_lead(bytes[0], &min, &max);
    if (len == 0 || len > s.len)
        return 0;
    if (len > 1 && (bytes[1] < min || bytes[1] > max))
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
    return len;
}

struct str str_limit(struct str s, size_t max)
{
    size_t start;

    if (s.len <= max)
        return s;
    start = max;
    while (start > 0 && max - start < 3 && ((unsigned char)s.ptr[start] & 0xC0) == 0x80)
        start--;
    if (str_utf8_step(str_skip(s, start)) > max - start)
        return str_of(s.ptr, start);
    return str_of(s.ptr, max);
}
