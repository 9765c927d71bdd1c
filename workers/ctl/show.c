/* SPDX-License-Identifier: Apache-2.0 */
#include "show.h"

#include "codec/base64.h"
#include "codec/json.h"
#include "codec/utf8.h"
#include "mask.h"

enum { TEXT_MAX = 64 << 20 };

static void write_base64(struct jsonw *w, struct str bytes)
{
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);

    base64_format(bytes.ptr, bytes.len, &text);
    w->out->failed = w->out->failed || !buf_ok(&text);
    jsonw_object(w);
    jsonw_key_str(w, "base64", buf_str(&text));
    jsonw_object_end(w);
}

void show_bytes(struct jsonw *w, struct str bytes)
{
    if (!str_is_set(bytes) || utf8_valid(bytes))
        jsonw_str(w, bytes);
    else
        write_base64(w, bytes);
}

static void write_value(struct jsonw *w, struct str value)
{
    AUTO(json_freep) struct json *parsed = NULL;
    struct err err = {0};

    if (str_is_set(value) && json_parse(value, &parsed, &err) == ST_OK)
        jsonw_raw(w, value);
    else
        show_bytes(w, value);
}

void show_members(struct jsonw *w, const struct record *record)
{
    jsonw_key(w, STR("key"));
    show_bytes(w, record->key);
    jsonw_key(w, STR("headers"));
    jsonw_object(w);
    for (size_t i = 0; i < record->header_count; i++) {
        struct str name = record->headers[i].name;

        jsonw_key(w, utf8_valid(name) ? name : STR("(binary)"));
        show_bytes(w, record->headers[i].value);
    }
    jsonw_object_end(w);
    jsonw_key(w, STR("value"));
    write_value(w, record->value);
}

/* Neither a control character (also those from U+0080 to U+009F) nor the head of a broken one. */
static bool is_plain(struct str rest, size_t step)
{
    const unsigned char first = (unsigned char)rest.ptr[0];

    if (step == 2)
        return first != 0xc2 || (unsigned char)rest.ptr[1] >= 0xa0;
    return step > 0 && first >= 0x20 && first != 0x7f;
}

void show_bytes_to(FILE *to, struct str bytes)
{
    while (bytes.len > 0) {
        size_t step = str_utf8_step(bytes);

        if (is_plain(bytes, step)) {
            (void)fwrite(bytes.ptr, 1, step, to);
        } else {
            step = 1;
            (void)fprintf(to, "\\x%02x", (unsigned char)bytes.ptr[0]);
        }
        bytes = str_skip(bytes, step);
    }
}

void show_print_bytes(struct str bytes)
{
    show_bytes_to(stdout, bytes);
}

static void print_line(struct str name, struct str value)
{
    (void)printf("    ");
    show_print_bytes(name);
    (void)printf(": ");
    show_print_bytes(value);
    (void)printf("\n");
}

static void print_key(struct str key, bool reveal)
{
    AUTO(buf_done) struct buf masked = BUF_INIT(TEXT_MAX);

    if (!reveal)
        mask_key(&masked, key);
    print_line(STR("key"), !str_is_set(key) ? STR("(none)") : reveal ? key : buf_str(&masked));
}

/* What is no JSON has no names to go by: it is hidden whole. */
static void print_value(struct str value, bool reveal)
{
    AUTO(json_freep) struct json *parsed = NULL;
    AUTO(buf_done) struct buf masked = BUF_INIT(TEXT_MAX);
    struct jsonw w = {.out = &masked};
    struct err err = {0};

    (void)printf("    ");
    if (!str_is_set(value)) {
        show_print_bytes(STR("(no value)"));
    } else if (reveal) {
        show_print_bytes(value);
    } else if (json_parse(value, &parsed, &err) == ST_OK) {
        mask_json(&w, parsed);
        show_print_bytes(buf_ok(&masked) ? buf_str(&masked) : STR("(too long)"));
    } else {
        (void)printf("(%zu bytes that are no JSON: --reveal shows them)", value.len);
    }
    (void)printf("\n");
}

void show_print(const struct record *record, bool reveal)
{
    print_key(record->key, reveal);
    for (size_t i = 0; i < record->header_count; i++)
        print_line(record->headers[i].name, record->headers[i].value);
    print_value(record->value, reveal);
}

bool show_print_json(const struct buf *json)
{
    if (!buf_ok(json))
        return false;
    (void)printf("%.*s\n", STR_ARG(buf_str(json)));
    return true;
}
