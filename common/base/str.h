/* SPDX-License-Identifier: Apache-2.0 */
/* A borrowed run of bytes: pointer and length, no NUL assumed. ptr NULL means absent. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
    const char *ptr;
    size_t len;
};

/* A string literal as struct str; STR_INIT in static tables. */
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_INIT(literal)              \
    {                                  \
        (literal), sizeof(literal) - 1 \
    }
/* For printf: "%.*s", STR_ARG(s). */
#define STR_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

struct str str_from(const char *text); /* of a NUL-terminated text; NULL gives the absent str */
struct str str_of(const void *ptr, size_t len);
bool str_is_set(struct str s);           /* present, maybe empty */
bool str_is_empty(struct str s);         /* absent or of length 0 */
bool str_eq(struct str a, struct str b); /* of their bytes: absent equals empty, here and below */
bool str_eq_cstr(struct str a, const char *b);
bool str_ieq(struct str a, struct str b); /* ASCII letters without case */
int str_cmp(struct str a, struct str b);  /* bytewise, like strcmp */
uint64_t str_hash(struct str s); /* FNV-1a: to tell texts apart, of no use against an enemy */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
struct str str_skip(struct str s, size_t count); /* without the first count bytes */
struct str str_trim(struct str s);               /* without ASCII white space at both ends */
/* Cuts at the first separator: *head is what stands before it, *rest what follows (absent when
 * there is none). False when s is absent, so that a loop ends: while (str_cut(rest, ',', &part,
 * &rest)) */
bool str_cut(struct str s, char separator, struct str *head, struct str *rest);
/* *at: the first occurrence; an empty needle is found at 0. False (*at untouched) when there is
 * none or s is absent. */
bool str_find(struct str s, struct str needle, size_t *at);
/* "*" in pattern matches any run of bytes; everything else itself. */
bool str_match(struct str pattern, struct str s);
/* Whether one of the words of list, which blanks separate, is this one; an empty one never is. */
bool str_has_word(struct str list, struct str word);
/* The same where the words of list are patterns. */
bool str_has_match(struct str list, struct str s);
/* Copies with a closing NUL, cut to size; returns false when it was cut. */
bool str_copy(struct str s, char *out, size_t size);
/* The length of the UTF-8 sequence s begins with (1 to 4); 0 when s is empty or it is not valid. */
size_t str_utf8_step(struct str s);
/* At most the first max bytes; a UTF-8 sequence that would be cut in two is left out. */
struct str str_limit(struct str s, size_t max);
