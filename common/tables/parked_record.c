/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/parked_record.h"

#include "codec/base64.h"
#include "codec/json.h"
#include "codec/jsonw.h"

/* Names, brackets, a number of 20 digits; quotes, brackets and commas of one header. */
enum { RECORD_OVERHEAD = 96, HEADER_OVERHEAD = 16 };

static size_t bytes_size(struct str bytes)
{
    return sizeof("null") + (bytes.len + 2) / 3 * 4;
}

size_t parked_record_size(const struct record *record)
{
    size_t size = RECORD_OVERHEAD + bytes_size(record->key) + bytes_size(record->value);

    for (size_t i = 0; i < record->header_count; i++)
        size += HEADER_OVERHEAD + bytes_size(record->headers[i].name) +
                bytes_size(record->headers[i].value);
    return size;
}

/* The text in Base64 goes straight into the writer's buffer; the quote before it sets the comma. */
static void add_bytes(struct jsonw *w, struct str bytes)
{
    if (!str_is_set(bytes)) {
        jsonw_null(w);
        return;
    }
    jsonw_raw(w, STR("\""));
    base64_format(bytes.ptr, bytes.len, w->out);
    buf_add_char(w->out, '"');
}

static void add_headers(struct jsonw *w, const struct record *record)
{
    jsonw_array(w);
    for (size_t i = 0; i < record->header_count; i++) {
        jsonw_array(w);
        add_bytes(w, record->headers[i].name);
        add_bytes(w, record->headers[i].value);
        jsonw_array_end(w);
    }
    jsonw_array_end(w);
}

void parked_record_format(const struct record *record, struct buf *out)
{
    struct jsonw w = {.out = out};

    jsonw_object(&w);
    jsonw_key_i64(&w, "timestamp_ms", record->timestamp_ms);
    jsonw_key(&w, STR("key"));
    add_bytes(&w, record->key);
    jsonw_key(&w, STR("value"));
    add_bytes(&w, record->value);
    jsonw_key(&w, STR("headers"));
    add_headers(&w, record);
    jsonw_object_end(&w);
}

static enum status damaged(struct err *err, const char *what)
{
    return err_reject(err, REASON_MALFORMED, "parked:record", "A parked record is damaged: %s",
                      what);
}

static enum status no_memory(struct err *err)
{
    return err_retry(err, "memory", "no memory for a parked record");
}

/* Where decoded bytes go. */
struct decoding {
    struct arena *arena;
    struct buf bytes;
};

/* JSON's null: the absent str. */
static enum status take_bytes(struct decoding *d, const struct json *value, const char *what,
                              struct str *out, struct err *err)
{
    struct str text = json_str(value);

    if (json_is(value, JSON_NULL)) {
        *out = (struct str){NULL, 0};
        return ST_OK;
    }
    if (!json_is(value, JSON_STRING))
        return damaged(err, what);
    buf_clear(&d->bytes);
    if (!base64_parse(text, &d->bytes))
        return buf_ok(&d->bytes) ? damaged(err, what) : no_memory(err);
    *out = arena_dup(d->arena, buf_str(&d->bytes));
    return str_is_set(*out) ? ST_OK : no_memory(err);
}

static enum status take_header(struct decoding *d, const struct json *pair, struct header *out,
                               struct err *err)
{
    enum status rc;

    if (!json_is(pair, JSON_ARRAY) || json_len(pair) != 2 || !json_at(pair, 0))
        return damaged(err, "a header is no pair");
    rc = take_bytes(d, json_at(pair, 0), "a header's name", &out->name, err);
    if (rc != ST_OK)
        return rc;
    return take_bytes(d, json_at(pair, 1), "a header's value", &out->value, err);
}

static enum status take_headers(struct decoding *d, const struct json *list, struct record *out,
                                struct err *err)
{
    size_t count = json_len(list);
    struct header *headers = NULL;

    if (!json_is(list, JSON_ARRAY))
        return damaged(err, "the headers are no list");
    if (count > 0) {
        headers = arena_alloc(d->arena, count * sizeof(*headers));
        if (!headers)
            return no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        enum status rc = take_header(d, json_at(list, i), &headers[i], err);

        if (rc != ST_OK)
            return rc;
    }
    out->headers = headers;
    out->header_count = count;
    return ST_OK;
}

static enum status take_record(struct decoding *d, const struct json *json, struct record *out,
                               struct err *err)
{
    const struct json *timestamp = json_get(json, "timestamp_ms");
    enum status rc;

    if (!json_is(json, JSON_OBJECT) || !json_has(json, "key") || !json_has(json, "value"))
        return damaged(err, "a member is missing");
    if (!json_is(timestamp, JSON_INT) || !json_i64(timestamp, &out->timestamp_ms))
        return damaged(err, "the timestamp");
    rc = take_bytes(d, json_get(json, "key"), "the key", &out->key, err);
    if (rc != ST_OK)
        return rc;
    rc = take_bytes(d, json_get(json, "value"), "the value", &out->value, err);
    if (rc != ST_OK)
        return rc;
    return take_headers(d, json_get(json, "headers"), out, err);
}

enum status parked_record_parse(struct str text, struct arena *arena, struct record *out,
                                struct err *err)
{
    AUTO(json_freep) struct json *json = NULL;
    struct decoding d = {.arena = arena, .bytes = BUF_INIT(text.len)};
    struct record record = *out;
    enum status rc = json_parse(text, &json, err);

    if (rc != ST_OK)
        return rc == ST_REJECT ? damaged(err, "it is no JSON") : rc;
    rc = take_record(&d, json, &record, err);
    buf_done(&d.bytes);
    if (rc == ST_OK)
        *out = record;
    return rc;
}
