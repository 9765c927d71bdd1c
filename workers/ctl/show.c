/* SPDX-License-Identifier: Apache-2.0 */
#include "show.h"

#include "codec/base64.h"
#include "codec/json.h"
#include "codec/utf8.h"

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

void show_print(const struct record *record)
{
    print_line(STR("key"), str_is_set(record->key) ? record->key : STR("(none)"));
    for (size_t i = 0; i < record->header_count; i++)
        print_line(record->headers[i].name, record->headers[i].value);
    (void)printf("    ");
    show_print_bytes(str_is_set(record->value) ? record->value : STR("(no value)"));
    (void)printf("\n");
}

bool show_print_json(const struct buf *json)
{
    if (!buf_ok(json))
        return false;
    (void)printf("%.*s\n", STR_ARG(buf_str(json)));
    return true;
}
