/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a query string, as an address, and as something to encode. */
#include "base/arena.h"
#include "base/buf.h"
#include "http/url.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <string.h>

enum { ARENA_MAX = 4 << 20, INPUT_MAX = 1 << 16 };

static void read_query(struct str query, struct arena *arena)
{
    static const char *const names[] = {"signature", "echostr", "a", "", "a b"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const struct str value = url_query(query, names[i], arena);

        assert(str_is_empty(value) || memchr(value.ptr, '\0', value.len) == NULL);
        assert(value.len <= query.len);
    }
}

/* What was encoded decodes to itself, whether '+' is a blank or not. */
static void go_and_return(struct str raw, struct arena *arena)
{
    AUTO(buf_done) struct buf text = BUF_INIT((size_t)3 * INPUT_MAX);
    const bool has_nul = raw.len > 0 && memchr(raw.ptr, '\0', raw.len) != NULL;

    url_encode(raw, &text);
    assert(buf_ok(&text));
    for (int plus = 0; plus <= 1; plus++) {
        const struct str back = url_decode(buf_str(&text), plus == 1, arena);

        assert(str_is_set(back) == !has_nul);
        assert(has_nul || str_eq(back, raw));
    }
}

static void show_address(struct str url)
{
    const struct str shown = url_without_query(url);

    assert(shown.len <= url.len);
    assert(str_is_empty(shown) || memchr(shown.ptr, '?', shown.len) == NULL);
    if (url_is_loopback_http(url))
        assert(shown.ptr == url.ptr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct str input = str_of(size > 0 ? (const char *)data : "", size);
    struct arena arena = ARENA_INIT(ARENA_MAX);

    if (size > INPUT_MAX)
        return 0;
    read_query(input, &arena);
    go_and_return(input, &arena);
    show_address(input);
    arena_done(&arena);
    return 0;
}
