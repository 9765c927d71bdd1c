/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/merge.h"

enum { TEXT_MAX = 4 * 1024 * 1024 };

void sim_value_write(const struct json *value, struct jsonw *w)
{
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);

    json_format(value, &text);
    jsonw_raw(w, buf_str(&text));
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the documents, whose depth json.h bounds */
void sim_merge_write(const struct json *below, const struct json *above, struct jsonw *w)
{
    if (!json_is(below, JSON_OBJECT) || !json_is(above, JSON_OBJECT)) {
        sim_value_write(above != NULL ? above : below, w);
        return;
    }
    jsonw_object(w);
    for (struct json_iter i = json_iter(below); json_next(&i);) {
        jsonw_key(w, i.key);
        sim_merge_write(i.value, json_get(above, i.key.ptr), w); /* json-c ends its keys in NUL */
    }
    for (struct json_iter i = json_iter(above); json_next(&i);) {
        if (json_has(below, i.key.ptr))
            continue;
        jsonw_key(w, i.key);
        sim_value_write(i.value, w);
    }
    jsonw_object_end(w);
}

enum status sim_merge(const struct json *below, const struct json *above, struct json **out,
                      struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
    struct jsonw w = {.out = &text};

    sim_merge_write(below, above, &w);
    if (!buf_ok(&text))
        return err_retry(err, "memory", "no memory for a document");
    return json_parse(buf_str(&text), out, err);
}
