/* SPDX-License-Identifier: Apache-2.0 */
/* The catalog: a row, a schema, examples for each; refusals as the ingress and the worker tell
 * them. */
#include "wechat/commands.h"

#include "base/clock.h"
#include "tests/unit/examples.h"
#include "tests/unit/wechat/files.h"
#include "wechat/command_schemas.h"

#include <string.h>

enum { PATH_SIZE = 256 };

/* kabao's own: of no path, with bodies of their own. */
static const char *const OWN[] = {"bind.end",       "bind.start",   "member.erase", "member.find",
                                  "oauth.exchange", "verify.check", "verify.send",  "verify.start"};

static struct commands *open_plain(void)
{
    const struct settings settings = {0};
    struct commands *c = NULL;
    struct err err;

    if (commands_open(&settings, &c, &err) != ST_OK)
        fail_msg("%s", err.text);
    return c;
}

static void test_commands_are_the_calls_and_our_own(void **state)
{
    AUTO(commands_closep) struct commands *c = open_plain();
    size_t count;
    size_t calls;
    const struct command_type *types = commands_all(c, &count);
    const struct call *call = call_all(&calls);

    (void)state;
    assert_int_equal(count, calls + COUNT_OF(OWN));
    assert_int_equal(count, COMMAND_SCHEMA_COUNT);
    for (size_t i = 0; i < count; i++) {
        assert_non_null(types[i].body);
        assert_ptr_equal(commands_find(c, str_from(types[i].call->type)), &types[i]);
        if (i > 0)
            assert_true(strcmp(types[i - 1].call->type, types[i].call->type) < 0);
    }
    for (size_t i = 0; i < calls; i++)
        assert_ptr_equal(commands_find(c, str_from(call[i].type))->call, &call[i]);
    for (size_t i = 0; i < COUNT_OF(OWN); i++) {
        assert_null(commands_find(c, str_from(OWN[i]))->call->path);
        assert_true(commands_find(c, str_from(OWN[i]))->is_ours);
    }
    assert_true(commands_find(c, STR("media.uploadimg"))->is_ours);
    assert_false(commands_find(c, STR("card.get"))->is_ours);
    assert_null(commands_find(c, STR("card")));
    assert_null(commands_find(c, (struct str){0}));
}

static void test_commands_that_happen_once(void **state)
{
    static const char *const once[] = {"card.create",    "card.modify_stock", "card.paygift.add",
                                       "message.custom", "message.subscribe", "message.template"};
    AUTO(commands_closep) struct commands *c = open_plain();
    size_t count;
    size_t needing = 0;
    const struct command_type *types = commands_all(c, &count);

    (void)state;
    for (size_t i = 0; i < count; i++)
        needing += command_nature(&types[i], NULL) == NATURE_ONCE;
    assert_int_equal(needing, COUNT_OF(once));
    for (size_t i = 0; i < COUNT_OF(once); i++)
        assert_int_equal(command_nature(commands_find(c, str_from(once[i])), NULL), NATURE_ONCE);
}

static void test_commands_a_member_is_told_of_happen_once(void **state)
{
    static const struct {
        const char *body;
        enum nature nature;
    } cases[] = {
        {"{}", NATURE_REPEATABLE},
        {"{\"notify_optional\":{\"is_notify_custom_field1\":false}}", NATURE_REPEATABLE},
        {"{\"notify_optional\":{\"is_notify_custom_field1\":false,"
         "\"is_notify_custom_field2\":true}}",
         NATURE_ONCE},
    };
    AUTO(commands_closep) struct commands *c = open_plain();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(json_freep) struct json *body = NULL;
        struct err err;

        assert_int_equal(json_parse(str_from(cases[i].body), &body, &err), ST_OK);
        assert_int_equal(command_nature(commands_find(c, STR("member.update")), body),
                         cases[i].nature);
        assert_int_equal(command_nature(commands_find(c, STR("card.update")), body),
                         NATURE_REPEATABLE);
    }
}

struct judge {
    const struct commands *commands;
    const struct command_type *type;
    const struct json *pointers;
    size_t seen;
};

/* A whole command around a body, confirmed. */
static struct json *command_of(const char *type, const char *path)
{
    AUTO(buf_done) struct buf text = BUF_INIT(EXAMPLE_MAX);
    struct json *value = NULL;
    struct err err;

    buf_addf(&text, "{\"account\":\"demo\",\"confirm\":true,\"type\":\"%s\",\"body\":", type);
    example_read(path, &text);
    buf_add_char(&text, '}');
    if (json_parse(buf_str(&text), &value, &err) != ST_OK)
        fail_msg("%s: %s", path, err.text);
    return value;
}

static void check_good(const char *path, void *arg)
{
    const struct judge *j = arg;
    AUTO(json_freep) struct json *value = command_of(j->type->call->type, path);
    const struct command_type *type = NULL;
    struct schema_fault fault = {0};
    struct err err;

    if (command_check(j->commands, value, &type, &fault, &err) != ST_OK)
        fail_msg("%s: %s", path, err.text);
    assert_ptr_equal(type, j->type);
}

static void check_bad(const char *path, void *arg)
{
    struct judge *j = arg;
    AUTO(json_freep) struct json *value = command_of(j->type->call->type, path);
    const struct command_type *type = NULL;
    const struct str pointer = json_get_str(j->pointers, example_name(path));
    struct schema_fault fault = {0};
    struct err err = {0};

    j->seen++;
    assert_true(str_is_set(pointer));
    if (command_check(j->commands, value, &type, &fault, &err) != ST_REJECT)
        fail_msg("%s is accepted", path);
    assert_null(type);
    assert_int_equal(err.reason, REASON_SCHEMA);
    assert_string_equal(err.code, "schema");
    assert_true(str_starts(str_from(fault.pointer), STR("/body")));
    if (!str_eq_cstr(pointer, fault.pointer + strlen("/body")))
        fail_msg("%s: %s %s", path, fault.pointer, fault.detail);
    assert_true(str_starts(str_from(err.text), str_from(fault.pointer)));
}

static void test_commands_take_good_and_refuse_bad_examples(void **state)
{
    AUTO(commands_closep) struct commands *c = open_plain();
    size_t count;
    const struct command_type *types = commands_all(c, &count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        AUTO(json_freep) struct json *pointers = NULL;
        struct judge judge = {.commands = c, .type = &types[i]};
        const char *type = types[i].call->type;
        char path[PATH_SIZE];

        (void)snprintf(path, sizeof(path), "schemas/examples/commands/%s/pointers.json", type);
        pointers = example_parse(path);
        judge.pointers = pointers;
        (void)snprintf(path, sizeof(path), "schemas/examples/commands/%s/ok-*.json", type);
        example_each(path, check_good, &judge);
        (void)snprintf(path, sizeof(path), "schemas/examples/commands/%s/bad-*.json", type);
        example_each(path, check_bad, &judge);
        assert_int_equal(judge.seen, json_len(pointers));
    }
}

/* What is wrong beside the body, with code and pointer. */
static void test_commands_are_refused_by_name(void **state)
{
    static const struct {
        const char *value;
        const char *code;
        const char *pointer;
    } cases[] = {
        {"[]", "schema", ""},
        {"{\"account\":\"demo\"}", "schema", "/type"},
        {"{\"account\":\"demo\",\"type\":\"card.gte\"}", "type", "/type"},
        {"{\"account\":\"demo\",\"type\":\"card.get\"}", "schema", "/body/card_id"},
        {"{\"account\":\"demo\",\"type\":\"card.get\",\"body\":[]}", "schema", "/body"},
        {"{\"account\":\"demo\",\"type\":\"card.get\",\"body\":null}", "schema", "/body"},
        {"{\"account\":\"demo\",\"type\":\"card.delete\",\"body\":{\"card_id\":\"p\"}}", "confirm",
         "/confirm"},
        {"{\"account\":\"demo\",\"type\":\"card.delete\",\"body\":{\"card_id\":\"p\"},"
         "\"confirm\":false}",
         "confirm", "/confirm"},
        {"{\"account\":\"demo\",\"type\":\"card.delete\",\"body\":{\"card_id\":\"p\"},"
         "\"confirm\":\"true\"}",
         "schema", "/confirm"},
        {"{\"account\":\"demo\",\"type\":\"card.delete\",\"confirm\":true}", "schema",
         "/body/card_id"},
        {"{\"account\":\"demo\",\"type\":\"card.get\\u0000\",\"body\":{\"card_id\":\"p\"}}", "type",
         "/type"},
    };
    AUTO(commands_closep) struct commands *c = open_plain();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(json_freep) struct json *value = NULL;
        const struct command_type *type = NULL;
        struct schema_fault fault = {0};
        struct err err = {0};

        assert_int_equal(json_parse(str_from(cases[i].value), &value, &err), ST_OK);
        assert_int_equal(command_check(c, value, &type, &fault, &err), ST_REJECT);
        assert_int_equal(err.reason, REASON_SCHEMA);
        assert_string_equal(err.code, cases[i].code);
        assert_string_equal(fault.pointer, cases[i].pointer);
        assert_true(fault.detail[0] != '\0');
        assert_null(type);
    }
}

static void test_commands_without_parameters_need_no_body(void **state)
{
    AUTO(commands_closep) struct commands *c = open_plain();
    AUTO(json_freep) struct json *value = NULL;
    const struct command_type *type = NULL;
    struct schema_fault fault;
    struct err err;

    (void)state;
    assert_int_equal(json_parse(STR("{\"account\":\"demo\",\"type\":\"menu.get\"}"), &value, &err),
                     ST_OK);
    assert_int_equal(command_check(c, value, &type, &fault, &err), ST_OK);
    assert_string_equal(type->call->path, "/cgi-bin/menu/get");
}

/* A pointer that is too long is cut between characters. */
static void test_commands_cut_a_long_pointer(void **state)
{
    AUTO(commands_closep) struct commands *c = open_plain();
    AUTO(buf_done) struct buf text = BUF_INIT(EXAMPLE_MAX);
    AUTO(json_freep) struct json *value = NULL;
    const struct command_type *type = NULL;
    struct schema_fault fault = {0};
    struct err err;

    (void)state;
    buf_add_cstr(&text, "{\"account\":\"demo\",\"type\":\"menu.get\",\"body\":{\"");
    for (size_t i = 0; i < 200; i++)
        buf_add_cstr(&text, "卡");
    buf_add_cstr(&text, "\":[]}}");
    assert_int_equal(json_parse(buf_str(&text), &value, &err), ST_OK);
    assert_int_equal(command_check(c, value, &type, &fault, &err), ST_REJECT);
    assert_true(str_starts(str_from(fault.pointer), STR("/body/卡")));
    for (struct str rest = str_from(fault.pointer); rest.len > 0;
         rest = str_skip(rest, str_utf8_step(rest)))
        assert_true(str_utf8_step(rest) > 0);
}

static enum status open_declared(const struct settings_command *declared, struct commands **out,
                                 struct err *err)
{
    struct settings_command copy = *declared;
    const struct settings settings = {.commands = &copy, .command_count = 1};

    return commands_open(&settings, out, err);
}

static void test_commands_of_the_settings_are_calls(void **state)
{
    struct secret_file file;
    AUTO(commands_closep) struct commands *c = NULL;
    AUTO(json_freep) struct json *value = NULL;
    char name[] = "card.gift.set";
    char path[] = "/card/gift/set";
    char final[] = " 40073  40056 ";
    struct settings_command declared = {.name = name, .path = path, .final = final};
    const struct settings settings = {.commands = &declared, .command_count = 1};
    const struct command_type *type;
    const struct command_type *judged = NULL;
    struct schema_fault fault;
    struct err err;

    (void)state;
    secret_file_init(&file, "{\"type\":\"object\",\"required\":[\"card_id\"]}\n");
    declared.schema_file = file.path;
    declared.nature = COMMAND_NATURE_REPEATABLE;
    assert_int_equal(commands_open(&settings, &c, &err), ST_OK);
    secret_file_done(&file);
    type = commands_find(c, str_from(name));
    assert_non_null(type);
    assert_string_equal(type->call->method, "POST");
    assert_string_equal(type->call->path, path);
    assert_int_equal(type->call->nature, NATURE_REPEATABLE);
    assert_false(type->call->irreversible);
    assert_false(type->is_ours);
    assert_int_equal(type->call->final_codes[0], 40073);
    assert_int_equal(type->call->final_codes[1], 40056);
    assert_int_equal(type->call->final_codes[2], 0);
    assert_int_equal(
        json_parse(STR("{\"account\":\"demo\",\"type\":\"card.gift.set\"}"), &value, &err), ST_OK);
    assert_int_equal(command_check(c, value, &judged, &fault, &err), ST_REJECT);
    assert_string_equal(fault.pointer, "/body/card_id");
}

static void test_commands_of_the_settings_may_have_any_body(void **state)
{
    AUTO(commands_closep) struct commands *c = NULL;
    AUTO(json_freep) struct json *value = NULL;
    char name[] = "x";
    char path[] = "/x";
    const struct settings_command declared = {
        .name = name, .path = path, .nature = COMMAND_NATURE_ONCE};
    const struct command_type *type = NULL;
    struct schema_fault fault;
    struct err err;

    (void)state;
    assert_int_equal(open_declared(&declared, &c, &err), ST_OK);
    assert_int_equal(
        json_parse(STR("{\"account\":\"demo\",\"type\":\"x\",\"body\":{\"a\":1}}"), &value, &err),
        ST_OK);
    assert_int_equal(command_check(c, value, &type, &fault, &err), ST_OK);
    assert_null(type->body);
    assert_int_equal(command_nature(type, NULL), NATURE_ONCE);
}

static void assert_not_opened(struct settings_command declared, const char *why)
{
    struct commands *c = NULL;
    struct err err = {0};

    assert_int_equal(open_declared(&declared, &c, &err), ST_FATAL);
    assert_null(c);
    if (strstr(err.text, why) == NULL)
        fail_msg("%s", err.text);
}

static void test_commands_of_the_settings_are_refused(void **state)
{
    char names[][16] = {"card.get", "bonus", "activation", "result", "signature"};
    char name[] = "x";
    char path[] = "/x";
    char missing[] = "/nonexistent/x.schema.json";
    struct secret_file file;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_not_opened((struct settings_command){.name = names[i], .path = path},
                          "that name is kabao's own; choose another");
    for (size_t i = 0; i < COUNT_OF(OWN); i++) {
        char own[PATH_SIZE];

        (void)str_copy(str_from(OWN[i]), own, sizeof(own));
        assert_not_opened((struct settings_command){.name = own, .path = path},
                          "that name is kabao's own; choose another");
    }
    assert_not_opened((struct settings_command){.name = name, .path = path, .schema_file = missing},
                      "[command x] schema_file: /nonexistent/x.schema.json: No such file");
    secret_file_init(&file, "{\"pattern\":\"a\"}");
    assert_not_opened(
        (struct settings_command){.name = name, .path = path, .schema_file = file.path},
        "[command x] schema_file /tmp/kabao-test-");
    assert_not_opened(
        (struct settings_command){.name = name, .path = path, .schema_file = file.path}, "pattern");
    secret_file_done(&file);
}

/* All at once is cheap enough for every start of the ingress, the worker and kabaoctl. */
static void test_commands_open_quickly(void **state)
{
    const int64_t before = clock_mono_ms();
    AUTO(commands_closep) struct commands *c = open_plain();
    const int64_t spent = clock_mono_ms() - before;

    (void)state;
    assert_non_null(c);
    print_message("commands_open: %lld ms\n", (long long)spent);
    assert_true(spent < 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands_are_the_calls_and_our_own),
        cmocka_unit_test(test_commands_that_happen_once),
        cmocka_unit_test(test_commands_a_member_is_told_of_happen_once),
        cmocka_unit_test(test_commands_take_good_and_refuse_bad_examples),
        cmocka_unit_test(test_commands_are_refused_by_name),
        cmocka_unit_test(test_commands_without_parameters_need_no_body),
        cmocka_unit_test(test_commands_cut_a_long_pointer),
        cmocka_unit_test(test_commands_of_the_settings_are_calls),
        cmocka_unit_test(test_commands_of_the_settings_may_have_any_body),
        cmocka_unit_test(test_commands_of_the_settings_are_refused),
        cmocka_unit_test(test_commands_open_quickly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
