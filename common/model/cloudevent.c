/* SPDX-License-Identifier: Apache-2.0 */
/* CloudEvents attributes as Kafka headers, and back from either mode. */
#include "model/cloudevent.h"

#include "codec/base64.h"
#include "codec/json.h"
#include "codec/utf8.h"

struct attribute {
    const char *header; /* binary mode */
    const char *member; /* structured mode */
    size_t offset;      /* into struct cloudevent */
    bool required;
};

#define ATTRIBUTE(name, required)                                         \
    {                                                                     \
        "ce_" #name, #name, offsetof(struct cloudevent, name), (required) \
    }

static const struct attribute attributes[] = {
    ATTRIBUTE(id, true),
    ATTRIBUTE(source, true),
    ATTRIBUTE(type, true),
    ATTRIBUTE(time, false),
    ATTRIBUTE(subject, false),
    ATTRIBUTE(dataschema, false),
    ATTRIBUTE(appid, false),
    {"traceparent", "traceparent", offsetof(struct cloudevent, traceparent), false},
};

_Static_assert(COUNT_OF(attributes) + 2 <= CLOUDEVENT_HEADERS_MAX, "room for every header");

static struct str *attribute_of(struct cloudevent *e, const struct attribute *a)
{
    return (struct str *)(void *)((char *)e + a->offset);
}

static struct str attribute_get(const struct cloudevent *e, const struct attribute *a)
{
    return *(const struct str *)(const void *)((const char *)e + a->offset);
}

size_t cloudevent_headers(const struct cloudevent *e, struct header out[CLOUDEVENT_HEADERS_MAX])
{
    size_t count = 0;

    out[count++] = (struct header){STR("content-type"), STR("application/json")};
    out[count++] = (struct header){STR("ce_specversion"), STR("1.0")};
    for (size_t i = 0; i < COUNT_OF(attributes); i++) {
        struct str value = attribute_get(e, &attributes[i]);

        if (str_is_set(value))
            out[count++] = (struct header){str_from(attributes[i].header), value};
    }
    return count;
}

static enum status check(const struct cloudevent *e, struct str specversion, struct err *err)
{
    if (!str_eq_cstr(specversion, "1.0"))
        return err_reject(err, REASON_MALFORMED, "cloudevent",
                          "CloudEvents specversion is missing or not 1.0");
    for (size_t i = 0; i < COUNT_OF(attributes); i++) {
        struct str value = attribute_get(e, &attributes[i]);

        if (attributes[i].required && str_is_empty(value))
            return err_reject(err, REASON_MALFORMED, "cloudevent", "CloudEvents %s is missing",
                              attributes[i].member);
        if (!utf8_valid(value))
            return err_reject(err, REASON_MALFORMED, "cloudevent", "CloudEvents %s is not UTF-8",
                              attributes[i].member);
    }
    return ST_OK;
}

static enum status read_binary(const struct header *headers, size_t count, struct str value,
                               struct cloudevent *e, struct str *data, struct err *err)
{
    struct cloudevent found = {0};
    enum status rc;

    for (size_t i = 0; i < COUNT_OF(attributes); i++)
        *attribute_of(&found, &attributes[i]) =
            header_find(headers, count, str_from(attributes[i].header));
    rc = check(&found, header_find(headers, count, STR("ce_specversion")), err);
    if (rc != ST_OK)
        return rc;
    *e = found;
    *data = value;
    return ST_OK;
}

static enum status data_of_base64(struct str text, struct arena *arena, struct str *data,
                                  struct err *err)
{
    AUTO(buf_done) struct buf bytes = BUF_INIT(text.len + 1);

    if (!base64_parse(text, &bytes))
        return err_reject(err, REASON_MALFORMED, "cloudevent", "data_base64 is not Base64");
    *data = arena_dup(arena, buf_str(&bytes));
    if (!str_is_set(*data))
        return err_retry(err, "memory", "no memory for the data of an event");
    return ST_OK;
}

/* The data member as JSON text of its own. */
static enum status data_of_json(const struct json *value, size_t limit, struct arena *arena,
                                struct str *data, struct err *err)
{
    /* Escapes may differ from the sender's; six bytes for one is the worst. */
    AUTO(buf_done) struct buf text = BUF_INIT(6 * limit + 16);

    json_format(value, &text);
    *data = buf_ok(&text) ? arena_dup(arena, buf_str(&text)) : (struct str){0};
    if (!str_is_set(*data))
        return err_retry(err, "memory", "no memory for the data of an event");
    return ST_OK;
}

static enum status structured_data(const struct json *event, size_t limit, struct arena *arena,
                                   struct str *data, struct err *err)
{
    struct str base64 = json_get_str(event, "data_base64");
    const struct json *value = json_get(event, "data");

    if (value != NULL)
        return data_of_json(value, limit, arena, data, err);
    if (str_is_set(base64))
        return data_of_base64(base64, arena, data, err);
    *data = (struct str){0};
    return ST_OK;
}

/* The attributes outlive the tree: they move into the arena. */
static enum status structured_attributes(const struct json *event, struct arena *arena,
                                         struct cloudevent *e, struct err *err)
{
    for (size_t i = 0; i < COUNT_OF(attributes); i++) {
        struct str value = json_get_str(event, attributes[i].member);
        struct str copy = arena_dup(arena, value);

        if (str_is_set(value) && !str_is_set(copy))
            return err_retry(err, "memory", "no memory for the attributes of an event");
        *attribute_of(e, &attributes[i]) = copy;
    }
    return check(e, json_get_str(event, "specversion"), err);
}

static enum status read_structured(struct str value, struct str traceparent, struct arena *arena,
                                   struct cloudevent *e, struct str *data, struct err *err)
{
    AUTO(json_freep) struct json *event = NULL;
    struct cloudevent found = {0};
    struct str text = {0};
    enum status rc;

    rc = json_parse(value, &event, err);
    if (rc != ST_OK)
        return rc;
    rc = structured_attributes(event, arena, &found, err);
    if (rc != ST_OK)
        return rc;
    rc = structured_data(event, value.len, arena, &text, err);
    if (rc != ST_OK)
        return rc;
    /* The transport's own trace is the newer one. */
    if (str_is_set(traceparent))
        found.traceparent = traceparent;
    *e = found;
    *data = text;
    return ST_OK;
}

/* "application/cloudevents" with at most "+json" and parameters behind it: other formats and
 * batches do not exist on Kafka. */
static bool is_json_format(struct str content_type)
{
    struct str media_type = {0};
    struct str rest;

    (void)str_cut(content_type, ';', &media_type, &rest);
    media_type = str_trim(media_type);
    return str_ieq(media_type, STR("application/cloudevents")) ||
           str_ieq(media_type, STR("application/cloudevents+json"));
}

/* NOLINTNEXTLINE(readability-function-size): the outputs and err make it more than six. */
enum status cloudevent_read(const struct header *headers, size_t count, struct str value,
                            struct arena *arena, struct cloudevent *e, struct str *data,
                            struct err *err)
{
    struct str content_type = header_find(headers, count, STR("content-type"));
    struct str head = str_of(content_type.ptr, content_type.len);

    if (head.len > sizeof("application/cloudevents") - 1)
        head.len = sizeof("application/cloudevents") - 1;
    if (!str_ieq(head, STR("application/cloudevents")))
        return read_binary(headers, count, value, e, data, err);
    if (!is_json_format(content_type))
        return err_reject(err, REASON_MALFORMED, "cloudevent",
                          "structured CloudEvents other than JSON");
    return read_structured(value, header_find(headers, count, STR("traceparent")), arena, e, data,
                           err);
}
