/* SPDX-License-Identifier: Apache-2.0 */
/* Every record against its schema: the same names, types and required fields, the same verdict on
 * every example. */
#include "codec/schema.h"
#include "model/activation.h"
#include "model/activation_request.h"
#include "model/binding.h"
#include "model/bonus_command.h"
#include "model/bonus_result.h"
#include "model/event.h"
#include "model/member.h"
#include "model/schema_ids.h"
#include "model/token.h"
#include "model/wechat_command.h"
#include "model/wechat_result.h"
#include "tests/unit/examples.h"

enum { PATH_SIZE = 256 };

union any_record {
    struct event event;
    struct member member;
    struct activation activation;
    struct activation_request activation_request;
    struct bonus_command bonus_command;
    struct bonus_result bonus_result;
    struct binding binding;
    struct token_state token_state;
    struct token_bad token_bad;
    struct wechat_command wechat_command;
    struct wechat_result wechat_result;
};

typedef enum status parse_fn(const struct json *value, union any_record *out, struct err *err);
typedef void write_fn(const union any_record *record, struct buf *out);

/* Adapters, so that one table holds them all. */
#define ADAPT(name)                                                                  \
    static enum status parse_##name(const struct json *value, union any_record *out, \
                                    struct err *err)                                 \
    {                                                                                \
        return name##_parse(value, &out->name, err);                                 \
    }                                                                                \
    static void write_##name(const union any_record *record, struct buf *out)        \
    {                                                                                \
        name##_write(&record->name, out);                                            \
    }

ADAPT(event)
ADAPT(member)
ADAPT(activation)
ADAPT(activation_request)
ADAPT(bonus_command)
ADAPT(bonus_result)
ADAPT(binding)
ADAPT(token_state)
ADAPT(token_bad)
ADAPT(wechat_command)
ADAPT(wechat_result)

static const struct record {
    const char *message;
    const char *id;
    const struct field *fields;
    const size_t *count;
    parse_fn *parse;
    write_fn *write;
} records[] = {
    {"event-wechat", SCHEMA_EVENT_WECHAT, EVENT_FIELDS, &EVENT_FIELD_COUNT, parse_event,
     write_event},
    {"state-member", SCHEMA_STATE_MEMBER, MEMBER_FIELDS, &MEMBER_FIELD_COUNT, parse_member,
     write_member},
    {"event-activation", SCHEMA_EVENT_ACTIVATION, ACTIVATION_FIELDS, &ACTIVATION_FIELD_COUNT,
     parse_activation, write_activation},
    {"event-binding", SCHEMA_EVENT_BINDING, BINDING_FIELDS, &BINDING_FIELD_COUNT, parse_binding,
     write_binding},
    {"cmd-activation", SCHEMA_CMD_ACTIVATION, ACTIVATION_REQUEST_FIELDS,
     &ACTIVATION_REQUEST_FIELD_COUNT, parse_activation_request, write_activation_request},
    {"cmd-bonus", SCHEMA_CMD_BONUS, BONUS_COMMAND_FIELDS, &BONUS_COMMAND_FIELD_COUNT,
     parse_bonus_command, write_bonus_command},
    {"result-bonus", SCHEMA_RESULT_BONUS, BONUS_RESULT_FIELDS, &BONUS_RESULT_FIELD_COUNT,
     parse_bonus_result, write_bonus_result},
    {"cmd-token", SCHEMA_CMD_TOKEN, TOKEN_BAD_FIELDS, &TOKEN_BAD_FIELD_COUNT, parse_token_bad,
     write_token_bad},
    {"state-token", SCHEMA_STATE_TOKEN, TOKEN_STATE_FIELDS, &TOKEN_STATE_FIELD_COUNT,
     parse_token_state, write_token_state},
    {"cmd-wechat", SCHEMA_CMD_WECHAT, WECHAT_COMMAND_FIELDS, &WECHAT_COMMAND_FIELD_COUNT,
     parse_wechat_command, write_wechat_command},
    {"result-wechat", SCHEMA_RESULT_WECHAT, WECHAT_RESULT_FIELDS, &WECHAT_RESULT_FIELD_COUNT,
     parse_wechat_result, write_wechat_result},
};

struct judged {
    const struct record *record;
    struct schema *schema;
};

static void message_path(char out[PATH_SIZE], const char *format_dir, const char *message,
                         const char *rest)
{
    (void)snprintf(out, PATH_SIZE, "%s/%s%s", format_dir, message, rest);
}

static bool lists(const struct json *names, const char *name)
{
    for (size_t i = 0; i < json_len(names); i++)
        if (str_eq_cstr(json_str(json_at(names, i)), name))
            return true;
    return false;
}

static void check_type(const char *message, const struct field *f, struct str type)
{
    static const char *const names[] = {
        [FIELD_STR] = "string", [FIELD_I64] = "integer", [FIELD_BOOL] = "boolean"};

    if (f->type == FIELD_JSON) {
        if (!str_eq_cstr(type, "object") && !str_eq_cstr(type, "array"))
            fail_msg("%s: %s is neither object nor array", message, f->name);
    } else if (!str_eq_cstr(type, names[f->type])) {
        fail_msg("%s: %s is no %s", message, f->name, names[f->type]);
    }
}

static void check_field(const char *message, const struct field *f, const struct json *schema)
{
    const struct json *property = json_get(json_get(schema, "properties"), f->name);

    check_type(message, f, json_get_str(property, "type"));
    if (lists(json_get(schema, "required"), f->name) != f->required)
        fail_msg("%s: %s is required in one of table and schema", message, f->name);
}

static void test_records_agree_with_their_schemas(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(records); i++) {
        const struct record *r = &records[i];
        AUTO(json_freep) struct json *schema = NULL;
        char path[PATH_SIZE];

        message_path(path, "schemas/messages", r->message, ".schema.json");
        schema = example_parse(path);
        assert_true(str_eq_cstr(json_get_str(schema, "$id"), r->id));
        assert_int_equal(json_len(json_get(schema, "properties")), *r->count);
        for (size_t k = 0; k < *r->count; k++)
            check_field(r->message, &r->fields[k], schema);
    }
}

static void check_good(const char *path, void *arg)
{
    const struct judged *j = arg;
    AUTO(json_freep) struct json *value = example_parse(path);
    AUTO(json_freep) struct json *again = NULL;
    AUTO(buf_done) struct buf text = BUF_INIT(EXAMPLE_MAX);
    union any_record record;
    struct err err;

    /* What parsing leaves alone must show. */
    memset(&record, 0xA5, sizeof(record));
    if (schema_check(j->schema, value, NULL, &err) != ST_OK ||
        j->record->parse(value, &record, &err) != ST_OK)
        fail_msg("%s: %s", path, err.text);
    j->record->write(&record, &text);
    assert_true(buf_ok(&text));
    assert_int_equal(json_parse(buf_str(&text), &again, &err), ST_OK);
    for (size_t i = 0; i < *j->record->count; i++) {
        const char *name = j->record->fields[i].name;

        if (!json_equal(json_get(value, name), json_get(again, name)))
            fail_msg("%s: %s came out as %s", path, name, text.ptr);
    }
    assert_int_equal(schema_check(j->schema, again, NULL, &err), ST_OK);
}

/* Of what fits no alternative the text begins with that, and names the field behind it. */
static bool names_place(const char *text, const char *pointer)
{
    return text[0] == '/' ? strncmp(text, pointer, strlen(pointer)) == 0
                          : strstr(text, pointer) != NULL;
}

/* bad-<kind>-<field>.json; what is missing or of a wrong type the table refuses as well. */
static void check_bad(const char *path, void *arg)
{
    const struct judged *j = arg;
    AUTO(json_freep) struct json *value = example_parse(path);
    const char *kind = example_name(path) + strlen("bad-");
    bool by_table = strncmp(kind, "missing-", 8) == 0 || strncmp(kind, "type-", 5) == 0;
    union any_record record = {0};
    union any_record untouched = {0};
    char pointer[PATH_SIZE];
    struct err err = {0};

    (void)snprintf(pointer, sizeof(pointer), "/%s", strchr(kind, '-') + 1);
    *strrchr(pointer, '.') = '\0';
    assert_int_equal(schema_check(j->schema, value, NULL, &err), ST_REJECT);
    assert_int_equal(err.reason, REASON_SCHEMA);
    if (!names_place(err.text, pointer))
        fail_msg("%s: %s", path, err.text);
    if (!by_table)
        return;
    if (j->record->parse(value, &record, &err) != ST_REJECT)
        fail_msg("%s: accepted", path);
    assert_int_equal(err.reason, REASON_SCHEMA);
    assert_non_null(strstr(err.text, pointer));
    assert_memory_equal(&record, &untouched, sizeof(record));
}

static void test_records_take_good_and_refuse_bad_examples(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(records); i++) {
        AUTO(buf_done) struct buf text = BUF_INIT(EXAMPLE_MAX);
        AUTO(schema_freep) struct schema *schema = NULL;
        struct judged judged = {.record = &records[i]};
        char path[PATH_SIZE];
        struct err err;

        message_path(path, "schemas/messages", records[i].message, ".schema.json");
        example_read(path, &text);
        if (schema_compile(buf_str(&text), &schema, &err) != ST_OK)
            fail_msg("%s: %s", path, err.text);
        judged.schema = schema;
        message_path(path, "schemas/examples", records[i].message, "/ok-*.json");
        example_each(path, check_good, &judged);
        message_path(path, "schemas/examples", records[i].message, "/bad-*.json");
        example_each(path, check_bad, &judged);
    }
}

static void test_records_refuse_what_is_no_object(void **state)
{
    union any_record record;
    struct err err;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(records); i++)
        assert_int_equal(records[i].parse(NULL, &record, &err), ST_REJECT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_agree_with_their_schemas),
        cmocka_unit_test(test_records_take_good_and_refuse_bad_examples),
        cmocka_unit_test(test_records_refuse_what_is_no_object),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
