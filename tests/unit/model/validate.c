/* SPDX-License-Identifier: Apache-2.0 */
/* The schemas inside the program are those of schemas/messages, and all of them. */
#include "model/validate.h"

#include "model/schema_ids.h"
#include "model/schemas.h"
#include "tests/unit/examples.h"

#include <pthread.h>

enum { NAME_SIZE = 64, ID_SIZE = 160, PATTERN_SIZE = 160 };

struct tally {
    size_t messages;
    size_t judged;
    char id[ID_SIZE]; /* of the schema in hand */
};

static void check_good(const char *path, void *arg)
{
    AUTO(json_freep) struct json *value = example_parse(path);
    struct tally *tally = arg;
    struct err err;

    if (record_validate(tally->id, value, &err) != ST_OK)
        fail_msg("%s: %s", path, err.text);
    tally->judged++;
}

static void check_bad(const char *path, void *arg)
{
    AUTO(json_freep) struct json *value = example_parse(path);
    struct tally *tally = arg;
    struct err err = {0};

    if (record_validate(tally->id, value, &err) != ST_REJECT)
        fail_msg("%s: accepted", path);
    assert_int_equal(err.reason, REASON_SCHEMA);
    assert_string_equal(err.code, "schema");
    tally->judged++;
}

/* schemas/messages/cmd-bonus.schema.json: schemas/examples/cmd-bonus/... */
static void check_examples(const char *schema_path, const char *files,
                           void (*check)(const char *path, void *arg), struct tally *tally)
{
    const char *name = example_name(schema_path);
    struct str message = str_of(name, strlen(name) - strlen(".schema.json"));
    char folder[NAME_SIZE];
    char pattern[PATTERN_SIZE];

    assert_true(str_copy(message, folder, sizeof(folder)));
    (void)snprintf(pattern, sizeof(pattern), "schemas/examples/%s/%s", folder, files);
    example_each(pattern, check, tally);
}

static void check_message(const char *path, void *arg)
{
    AUTO(json_freep) struct json *schema = example_parse(path);
    struct tally *tally = arg;

    assert_true(str_copy(json_get_str(schema, "$id"), tally->id, sizeof(tally->id)));
    check_examples(path, "ok-*.json", check_good, tally);
    check_examples(path, "bad-*.json", check_bad, tally);
    tally->messages++;
}

static void test_validate_judges_every_example_of_every_message(void **state)
{
    struct tally tally = {0};

    (void)state;
    example_each("schemas/messages/*.schema.json", check_message, &tally);
    assert_int_equal(tally.messages, MESSAGE_SCHEMA_COUNT);
    assert_true(tally.judged > 2 * tally.messages);
}

static void check_text(const char *path, void *arg)
{
    AUTO(buf_done) struct buf file = BUF_INIT(EXAMPLE_MAX);
    const struct schema_text **at = arg;

    example_read(path, &file);
    assert_true(str_eq(buf_str(&file), (*at)->text));
    (*at)++;
}

static void test_validate_carries_the_files_byte_for_byte(void **state)
{
    const struct schema_text *at = MESSAGE_SCHEMAS;

    (void)state;
    example_each("schemas/messages/*.schema.json", check_text, &at);
    assert_ptr_equal(at, MESSAGE_SCHEMAS + MESSAGE_SCHEMA_COUNT);
}

static enum status judge(const char *schema_id, const char *text, struct err *err)
{
    AUTO(json_freep) struct json *value = NULL;

    assert_int_equal(json_parse(str_from(text), &value, err), ST_OK);
    return record_validate(schema_id, value, err);
}

static void test_validate_counts_bytes_where_wechat_does(void **state)
{
    /* 14 Chinese characters are 42 bytes. */
    static const char whole[] =
        "{\"account\":\"demo\",\"card_id\":\"p1\",\"card_code\":\"018\",\"mode\":\"add\","
        "\"add_bonus\":1,\"record_bonus\":\"一二三四五六七八九十一二三四\"}";
    static const char longer[] =
        "{\"account\":\"demo\",\"card_id\":\"p1\",\"card_code\":\"018\",\"mode\":\"add\","
        "\"add_bonus\":1,\"record_bonus\":\"一二三四五六七八九十一二三四.\"}";
    struct err err = {0};

    (void)state;
    assert_int_equal(judge(SCHEMA_CMD_BONUS, whole, &err), ST_OK);
    assert_int_equal(judge(SCHEMA_CMD_BONUS, longer, &err), ST_REJECT);
    assert_string_equal(err.text, "/record_bonus must be at most 42 bytes");
}

static void test_validate_names_place_and_rule_but_no_value(void **state)
{
    struct err err = {0};

    (void)state;
    assert_int_equal(judge(SCHEMA_CMD_ACTIVATION,
                           "{\"account\":\"demo\",\"card_id\":\"p1\",\"card_code\":\"018\","
                           "\"openid\":[\"oGRUFjk0\"]}",
                           &err),
                     ST_REJECT);
    assert_string_equal(err.text, "/openid must be string");
    assert_int_equal(record_validate(SCHEMA_CMD_BONUS, NULL, &err), ST_REJECT);
    assert_int_equal(judge(SCHEMA_CMD_BONUS, "[]", &err), ST_REJECT);
}

static void *judge_often(void *arg)
{
    struct err err = {0};
    size_t *refused = arg;

    for (int i = 0; i < 200; i++)
        *refused += record_validate(MESSAGE_SCHEMAS[i % (int)MESSAGE_SCHEMA_COUNT].id, NULL,
                                    &err) == ST_REJECT;
    return NULL;
}

/* First of all tests, so that the threads meet schemas that nobody compiled. */
static void test_validate_may_be_used_by_many_threads(void **state)
{
    enum { THREADS = 8 };

    pthread_t threads[THREADS];
    size_t refused[THREADS] = {0};

    (void)state;
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, judge_often, &refused[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(refused[i], 200);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_validate_may_be_used_by_many_threads),
        cmocka_unit_test(test_validate_judges_every_example_of_every_message),
        cmocka_unit_test(test_validate_carries_the_files_byte_for_byte),
        cmocka_unit_test(test_validate_counts_bytes_where_wechat_does),
        cmocka_unit_test(test_validate_names_place_and_rule_but_no_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
