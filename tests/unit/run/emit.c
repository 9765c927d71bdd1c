/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of records: each goes to the topic of its schema, under the right key and id. */
#include "run/emit.h"

#include "codec/json.h"
#include "model/bonus_result.h"
#include "model/validate.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 4096, ID_SIZE = 128 };

static const struct activation ACTIVATION = {
    .account = STR_INIT("demo"),
    .appid = STR_INIT("wx1"),
    .card_id = STR_INIT("p1"),
    .card_code = STR_INIT("018"),
};

static void test_emit_schema_is_the_topics(void **state)
{
    static const struct emit *const all[] = {
        &EMIT_MEMBER,
        &EMIT_TOKEN_STATE,
        &EMIT_TOKEN_BAD,
        &EMIT_BONUS_RESULT,
        &EMIT_CARD_ACTIVATED,
        &EMIT_ACTIVATION_REQUESTED,
        &EMIT_ACTIVATION_PENDING,
        &EMIT_COMMAND_BONUS,
        &EMIT_COMMAND_ACTIVATION,
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        char id[ID_SIZE];

        (void)snprintf(id, sizeof(id), "https://schemas.kabao.example/messages/%s.v1.schema.json",
                       topic_def(all[i]->topic)->name);
        assert_string_equal(all[i]->dataschema, id);
        assert_true(str_starts(str_from(all[i]->type), STR("kabao.")));
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(all[k]->type, all[i]->type);
            assert_string_not_equal(all[k]->step, all[i]->step);
        }
    }
}

/* Addresses the record, writes it, and checks it against its schema; *out and text are kept. */
static void emit_one(const struct emit *emit, const void *record, struct arena *arena,
                     struct emit_address *out, struct buf *text)
{
    AUTO(json_freep) struct json *value = NULL;
    struct err err;

    assert_true(emit->address(record, arena, out));
    emit->write(record, text);
    assert_true(buf_ok(text));
    assert_int_equal(json_parse(buf_str(text), &value, &err), ST_OK);
    if (record_validate(emit->dataschema, value, &err) != ST_OK)
        fail_msg("%s: %s", emit->type, err.text);
}

static void test_emit_bonus_result_goes_by_card(void **state)
{
    const struct bonus_result result = {
        .account = STR("demo"),
        .appid = STR("wx1"),
        .card_id = STR("p1"),
        .card_code = STR("018"),
        .command_id = STR("c1"),
        .outcome = STR("applied"),
        .mode = STR("add"),
        .delta = {true, 10},
        .at = STR("2026-01-02T03:04:05.678Z"),
    };
    AUTO(arena_done) struct arena arena = ARENA_INIT(TEXT_MAX);
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
    struct emit_address address = {0};

    (void)state;
    emit_one(&EMIT_BONUS_RESULT, &result, &arena, &address, &text);
    assert_true(str_eq_cstr(address.key, "wx1:p1:018"));
    assert_true(str_eq_cstr(address.appid, "wx1"));
    assert_true(str_eq_cstr(address.subject, "018"));
    assert_false(str_is_set(address.id)); /* the command's and "result" */
    assert_false(EMIT_BONUS_RESULT.news);
}

static void test_emit_bonus_result_without_a_card_goes_by_command(void **state)
{
    const struct bonus_result result = {
        .appid = STR("wx1"),
        .card_id = STR("p1"),
        .command_id = STR("c1"),
        .outcome = STR("rejected"),
        .at = STR("2026-01-02T03:04:05.678Z"),
        .error = {.text = STR("{\"code\":\"schema\",\"message\":\"/card_code is required\"}")},
    };
    AUTO(arena_done) struct arena arena = ARENA_INIT(TEXT_MAX);
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
    struct emit_address address = {0};

    (void)state;
    emit_one(&EMIT_BONUS_RESULT, &result, &arena, &address, &text);
    assert_true(str_eq_cstr(address.key, "c1"));
    assert_false(str_is_set(address.subject));
}

static void test_emit_activation_brings_its_id(void **state)
{
    const struct activation_emit record = {.id = STR("e1"), .activation = ACTIVATION};
    const struct activation_emit nameless = {.activation = ACTIVATION};
    AUTO(arena_done) struct arena arena = ARENA_INIT(TEXT_MAX);
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
    struct emit_address address = {0};

    (void)state;
    emit_one(&EMIT_CARD_ACTIVATED, &record, &arena, &address, &text);
    assert_true(str_eq_cstr(address.id, "e1"));
    assert_true(str_eq_cstr(address.key, "wx1:p1:018"));
    assert_true(str_eq_cstr(address.subject, "018"));
    assert_true(EMIT_ACTIVATION_PENDING.address(&nameless, &arena, &address));
    assert_false(str_is_set(address.id));
}

static void test_emit_command_passes_through(void **state)
{
    const struct command_emit command = {
        .id = STR("c1"),
        .key = STR("wx1:p1:018"),
        .appid = STR("wx1"),
        .subject = STR("018"),
        .json = STR("{\"account\":\"demo\",\"card_id\":\"p1\",\"card_code\":\"018\","
                    "\"mode\":\"sync\",\"later\":[1.50]}"),
    };
    AUTO(arena_done) struct arena arena = ARENA_INIT(TEXT_MAX);
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
    struct emit_address address = {0};

    (void)state;
    emit_one(&EMIT_COMMAND_BONUS, &command, &arena, &address, &text);
    assert_true(str_eq(buf_str(&text), command.json));
    assert_true(str_eq_cstr(address.id, "c1"));
    assert_true(str_eq_cstr(address.key, "wx1:p1:018"));
    assert_true(str_eq_cstr(address.appid, "wx1"));
    assert_true(str_eq_cstr(address.subject, "018"));
    buf_clear(&text);
    emit_one(&EMIT_COMMAND_ACTIVATION, &command, &arena, &address, &text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_emit_schema_is_the_topics),
        cmocka_unit_test(test_emit_bonus_result_goes_by_card),
        cmocka_unit_test(test_emit_bonus_result_without_a_card_goes_by_command),
        cmocka_unit_test(test_emit_activation_brings_its_id),
        cmocka_unit_test(test_emit_command_passes_through),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
