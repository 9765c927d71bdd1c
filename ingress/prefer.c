/* SPDX-License-Identifier: Apache-2.0 */
/* Prefer and Idempotency-Key, taken apart. */
#include "prefer.h"

#include "base/num.h"

/* The end of one preference: the next comma outside quotes. */
static size_t preference_len(struct str s)
{
    bool quoted = false;

    for (size_t i = 0; i < s.len; i++) {
        if (quoted && s.ptr[i] == '\\')
            i++;
        else if (s.ptr[i] == '"')
            quoted = !quoted;
        else if (s.ptr[i] == ',' && !quoted)
            return i;
    }
    return s.len;
}

static struct str unquoted(struct str s)
{
    if (s.len < 2 || s.ptr[0] != '"' || s.ptr[s.len - 1] != '"')
        return s;
    return str_of(s.ptr + 1, s.len - 2);
}

static void read_wait(struct str value, struct prefer *p)
{
    uint64_t seconds;

    if (p->has_wait || !num_parse_u64(value, 0, UINT64_MAX, &seconds))
        return;
    p->has_wait = true;
    p->wait_s = seconds > PREFER_WAIT_MAX_S ? PREFER_WAIT_MAX_S : (int)seconds;
}

static void read_preference(struct str text, struct prefer *p)
{
    struct str preference;
    struct str parameters;
    struct str name;
    struct str value;

    (void)str_cut(text, ';', &preference, &parameters);
    (void)str_cut(preference, '=', &name, &value);
    name = str_trim(name);
    if (str_ieq(name, STR("respond-async")))
        p->respond_async = true;
    else if (str_ieq(name, STR("wait")) && str_is_set(value))
        read_wait(unquoted(str_trim(value)), p);
}

struct prefer prefer_parse(struct str header)
{
    struct prefer p = {0};

    while (header.len > 0) {
        const size_t len = preference_len(header);

        if (len > 0)
            read_preference(str_of(header.ptr, len), &p);
        header = str_skip(header, len < header.len ? len + 1 : len);
    }
    return p;
}

/* A backslash stands before " and \ only (RFC 8941, 3.3.3). */
static bool read_quoted(struct str s, char out[IDEMPOTENCY_KEY_MAX + 1])
{
    size_t len = 0;

    for (size_t i = 1; i < s.len && len <= IDEMPOTENCY_KEY_MAX; i++) {
        char c = s.ptr[i];

        if (c == '"') {
            out[len] = '\0';
            return len > 0 && i + 1 == s.len;
        }
        if (c == '\\') {
            c = ++i < s.len ? s.ptr[i] : '\0';
            if (c != '"' && c != '\\')
                return false;
        }
        if (c < ' ' || c > '~' || len == IDEMPOTENCY_KEY_MAX)
            return false;
        out[len++] = c;
    }
    return false;
}

bool idempotency_key_parse(struct str header, char out[IDEMPOTENCY_KEY_MAX + 1])
{
    const struct str s = str_trim(header);

    if (s.len > 0 && s.ptr[0] == '"')
        return read_quoted(s, out);
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~' || s.ptr[i] == '"' || s.ptr[i] == '\\')
            return false;
    return s.len > 0 && str_copy(s, out, IDEMPOTENCY_KEY_MAX + 1);
}
