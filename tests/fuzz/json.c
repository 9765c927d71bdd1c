/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as WeChat's JSON: refused, or a tree that formats to text which parses to its equal. */
#include "codec/json.h"

#include "base/buf.h"
#include "codec/utf8.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>

static void read_values(const struct json *value)
{
    struct json_iter i = json_iter(value);
    int64_t number;
    double fraction;
    bool flag;

    (void)json_get_i64(value, "errcode", &number);
    (void)json_get_str(value, "errmsg");
    while (json_next(&i)) {
        assert(json_has(value, i.key.ptr) && json_get(value, i.key.ptr) == i.value);
        assert(utf8_valid(i.key) && utf8_valid(json_str(i.value)));
        (void)json_i64(i.value, &number);
        (void)json_double(i.value, &fraction);
        (void)json_bool(i.value, &flag);
    }
    for (size_t at = 0; at < json_len(value); at++)
        (void)json_is_whole(json_at(value, at));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(json_freep) struct json *first = NULL;
    AUTO(json_freep) struct json *second = NULL;
    AUTO(buf_done) struct buf text = BUF_INIT(16 << 20);
    struct err err;

    if (json_parse(str_of(data, size), &first, &err) != ST_OK)
        return 0;
    read_values(first);
    json_format(first, &text);
    if (!buf_ok(&text))
        return 0;
    if (json_parse(buf_str(&text), &second, &err) != ST_OK || !json_equal(first, second))
        __builtin_trap();
    return 0;
}
