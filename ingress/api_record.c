/* SPDX-License-Identifier: Apache-2.0 */
/* Equal requests give equal bytes under equal ids. */
#include "api_record.h"

#include "base/hex.h"

#include <string.h>

enum { NAME_SHOWN_MAX = 64, ID_PREIMAGE_MAX = 1024 };

/* Bodies */

bool api_record_fault(struct api_request *r, enum problem_kind kind, struct str pointer,
                      struct str fault)
{
    api_problem(r, &(struct problem){.kind = kind, .pointer = pointer, .fault = fault});
    return false;
}

static bool has_field(const struct api_shape *shape, struct str name)
{
    for (size_t i = 0; i < shape->count; i++)
        if (str_eq_cstr(name, shape->fields[i].name))
            return true;
    return false;
}

static struct str pointer_to(struct arena *arena, struct str name)
{
    AUTO(buf_done) struct buf pointer = BUF_INIT((size_t)2 * NAME_SHOWN_MAX + 1);
    const struct str shown = str_limit(name, NAME_SHOWN_MAX);

    buf_add_char(&pointer, '/');
    for (size_t i = 0; i < shown.len; i++) {
        if (shown.ptr[i] == '~' || shown.ptr[i] == '/')
            buf_add_cstr(&pointer, shown.ptr[i] == '~' ? "~0" : "~1");
        else
            buf_add_char(&pointer, shown.ptr[i]);
    }
    return arena_dup(arena, buf_str(&pointer));
}

/* A misspelt "deadline" shall not become a command without one. */
static bool knows_members(struct api_request *r, const struct api_shape *shape, struct str type)
{
    for (struct json_iter i = json_iter(r->body); json_next(&i);) {
        if (!has_field(shape, i.key))
            return api_record_fault(r, PROBLEM_SCHEMA, pointer_to(http_exchange_arena(r->x), i.key),
                                    STR("is not known"));
        if (str_eq(i.key, STR("type")) && !str_eq(json_str(i.value), type))
            return api_record_fault(r, PROBLEM_SCHEMA, STR("/type"),
                                    STR("must be that of the path"));
    }
    return true;
}

/* Members in the table's order, without blanks: equal bodies give equal bytes. */
static void write_value(const struct api_request *r, const struct api_shape *shape, struct buf *out)
{
    buf_clear(out);
    for (size_t i = 0; i < shape->count; i++) {
        const char *name = shape->fields[i].name;

        if (!json_has(r->body, name))
            continue;
        buf_add_cstr(out, out->len == 0 ? "{\"" : ",\"");
        buf_add_cstr(out, name);
        buf_add_cstr(out, "\":");
        json_format(json_get(r->body, name), out);
    }
    buf_add_char(out, '}');
}

/* What the request leaves to its path, or to the settings. */
static bool complete(struct api_request *r, const struct api_shape *shape, struct str type)
{
    return json_set_str(r->body, "account", str_from(r->account->name)) &&
           (!has_field(shape, STR("type")) || json_set_str(r->body, "type", type));
}

/* The record's value in the gate's buffer; the request's body becomes the value as well. */
bool api_record_write(struct api_request *r, const struct api_shape *shape, struct str type)
{
    struct buf *out = &r->gate->value;

    if (!knows_members(r, shape, type))
        return false;
    if (complete(r, shape, type)) {
        write_value(r, shape, out);
        if (buf_ok(out))
            return true;
    }
    api_problem(r, &(struct problem){.kind = PROBLEM_MEMORY});
    return false;
}

bool api_record_judge(struct api_request *r, enum status rc, const struct schema_fault *fault,
                      const struct err *err)
{
    struct problem p = {.kind = PROBLEM_SCHEMA};

    if (rc == ST_OK)
        return true;
    if (rc != ST_REJECT)
        p.kind = PROBLEM_MEMORY;
    else if (strcmp(err->code, "confirm") == 0)
        p.kind = PROBLEM_CONFIRM;
    if (rc == ST_REJECT) {
        p.pointer = str_from(fault->pointer);
        p.fault = str_from(fault->detail);
    }
    api_problem(r, &p);
    return false;
}

/* Identities */

static void hash_id(struct api_request *r, struct str type, const char *key)
{
    AUTO(buf_done) struct buf text = BUF_INIT(ID_PREIMAGE_MAX);
    uint8_t hash[SHA256_LEN];

    buf_addf(&text, "%s\x1f%s\x1f%.*s\x1f%s", r->client->name, r->account->name, STR_ARG(type),
             key);
    sha256(buf_str(&text), hash);
    hex_format(hash, ID_LEN / 2, r->id.text);
}

/* Names the request: by its Idempotency-Key, or by chance. */
bool api_record_name(struct api_request *r, struct str type, bool needs_key)
{
    const struct str header = http_exchange_header_list(r->x, "Idempotency-Key");
    struct problem p = {.kind = PROBLEM_IDEMPOTENCY_KEY};
    char key[IDEMPOTENCY_KEY_MAX + 1];
    uint8_t bytes[ID_LEN / 2];

    if (str_is_set(header) && idempotency_key_parse(header, key)) {
        hash_id(r, type, key);
        return true;
    }
    if (str_is_set(header) || needs_key) {
        p.detail = str_is_set(header)
                       ? STR("It must be a quoted string of 1 to 255 characters of ASCII.")
                       : STR("This must not happen twice: send an Idempotency-Key.");
        api_problem(r, &p);
        return false;
    }
    rand_pool_take(&r->gate->random, bytes, sizeof(bytes));
    hex_format(bytes, sizeof(bytes), r->id.text);
    return true;
}
