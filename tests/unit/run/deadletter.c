/* SPDX-License-Identifier: Apache-2.0 */
#include "run/deadletter.h"

#include "base/mem.h"
#include "tests/unit/check.h"

#include <string.h>

static const struct err REJECTED = {
    .reason = REASON_REJECTED, .code = "wechat:40056", .text = "invalid serial code"};

static const struct header ORIGINAL[] = {
    {STR_INIT("ce_id"), STR_INIT("1")},
    {STR_INIT("x-bytes"), STR_INIT("\0\xff\n")},
    {STR_INIT("x-null"), {NULL, 0}},
    {STR_INIT("x-empty"), STR_INIT("")},
    {STR_INIT("x-twice"), STR_INIT("1")},
    {STR_INIT("x-twice"), STR_INIT("2")},
    {STR_INIT("dlq-of-somebody-else"), STR_INIT("stays")},
};

static struct record record_with(const struct header *headers, size_t count)
{
    return (struct record){
        .topic = STR("kabao.event.wechat.v1"),
        .partition = 3,
        .offset = 42,
        .timestamp_ms = 1760000000123,
        .key = STR("k"),
        .value = STR("v"),
        .headers = headers,
        .header_count = count,
    };
}

static struct deadletter letter_of(const struct record *record, const struct err *err)
{
    return (struct deadletter){
        .record = record,
        .worker = "member",
        .group = "kabao-member",
        .attempts = 2,
        .first_failed_ms = 1760000001000,
        .last_failed_ms = 1760000002000,
        .err = err,
    };
}

static void assert_header(const struct header *headers, size_t count, const char *name,
                          const char *value)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        if (!str_eq_cstr(headers[i].name, name))
            continue;
        assert_true(str_eq_cstr(headers[i].value, value));
        found++;
    }
    assert_int_equal(found, 1);
}

static void test_deadletter_keeps_original_headers_byte_for_byte(void **state)
{
    (void)state;
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    struct record record = record_with(ORIGINAL, COUNT_OF(ORIGINAL));
    struct deadletter letter = letter_of(&record, &REJECTED);
    size_t count = 0;
    const struct header *headers = deadletter_headers(&letter, &arena, &count);

    assert_non_null(headers);
    assert_int_equal(count, COUNT_OF(ORIGINAL) + 14);
    for (size_t i = 0; i < COUNT_OF(ORIGINAL); i++) {
        assert_true(str_eq(headers[i].name, ORIGINAL[i].name));
        assert_true(str_is_set(headers[i].value) == str_is_set(ORIGINAL[i].value));
        assert_int_equal(headers[i].value.len, ORIGINAL[i].value.len);
        if (ORIGINAL[i].value.len > 0)
            assert_memory_equal(headers[i].value.ptr, ORIGINAL[i].value.ptr, ORIGINAL[i].value.len);
    }
}

static void test_deadletter_tells_provenance_and_failure(void **state)
{
    (void)state;
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    struct record record = record_with(NULL, 0);
    struct deadletter letter = letter_of(&record, &REJECTED);
    size_t count = 0;
    const struct header *headers = deadletter_headers(&letter, &arena, &count);
    static const char *const expected[][2] = {
        {"dlq-original-topic", "kabao.event.wechat.v1"},
        {"kafka_dlt-original-topic", "kabao.event.wechat.v1"},
        {"dlq-original-partition", "3"},
        {"dlq-original-offset", "42"},
        {"dlq-original-timestamp", "2025-10-09T08:53:20.123Z"},
        {"dlq-first-failed-at", "2025-10-09T08:53:21.000Z"},
        {"dlq-last-failed-at", "2025-10-09T08:53:22.000Z"},
        {"dlq-consumer-group", "kabao-member"},
        {"dlq-worker", "member"},
        {"dlq-attempts", "2"},
        {"dlq-crashes", "0"},
        {"dlq-reason", "rejected"},
        {"dlq-error-code", "wechat:40056"},
        {"dlq-error-message", "invalid serial code"},
    };

    assert_int_equal(count, COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        assert_header(headers, count, expected[i][0], expected[i][1]);
    for (size_t i = 0; i < count; i++)
        assert_false(str_starts(headers[i].name, STR("__")));
}

static void test_deadletter_of_a_second_death_keeps_the_first_failure(void **state)
{
    (void)state;
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    struct record first = record_with(ORIGINAL, COUNT_OF(ORIGINAL));
    struct deadletter letter = letter_of(&first, &REJECTED);
    struct err again = {.reason = REASON_EXHAUSTED, .code = "http:503", .text = "away"};
    struct record second;
    size_t count = 0;
    const struct header *headers = deadletter_headers(&letter, &arena, &count);

    second = record_with(headers, count);
    second.topic = STR("kabao.redrive.member.v1");
    second.offset = 7;
    letter = letter_of(&second, &again);
    letter.first_failed_ms = 1770000000000;
    letter.last_failed_ms = 1770000000000;
    headers = deadletter_headers(&letter, &arena, &count);
    assert_int_equal(count, COUNT_OF(ORIGINAL) + 14);
    assert_header(headers, count, "dlq-original-topic", "kabao.event.wechat.v1");
    assert_header(headers, count, "kafka_dlt-original-topic", "kabao.event.wechat.v1");
    assert_header(headers, count, "dlq-original-offset", "42");
    assert_header(headers, count, "dlq-first-failed-at", "2025-10-09T08:53:21.000Z");
    assert_header(headers, count, "dlq-last-failed-at", "2026-02-02T02:40:00.000Z");
    assert_header(headers, count, "dlq-reason", "exhausted");
    assert_header(headers, count, "dlq-error-code", "http:503");
}

static void test_deadletter_names_the_effect_that_a_person_must_decide_on(void **state)
{
    (void)state;
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    const struct err unknown = {.reason = REASON_OUTCOME_UNKNOWN, .code = "effect", .text = "?"};
    struct record first = record_with(ORIGINAL, COUNT_OF(ORIGINAL));
    struct deadletter letter = letter_of(&first, &unknown);
    struct record second;
    size_t count = 0;
    const struct header *headers;

    letter.effect = "0123456789abcdef0123456789abcdef";
    headers = deadletter_headers(&letter, &arena, &count);
    assert_int_equal(count, COUNT_OF(ORIGINAL) + 15);
    assert_header(headers, count, "dlq-effect-id", letter.effect);
    second = record_with(headers, count);
    letter = letter_of(&second, &REJECTED);
    letter.effect = "";
    assert_non_null(deadletter_headers(&letter, &arena, &count));
    assert_int_equal(count, COUNT_OF(ORIGINAL) + 14);
}

static void test_deadletter_short_memory_is_told(void **state)
{
    (void)state;
    struct record record = record_with(ORIGINAL, COUNT_OF(ORIGINAL));
    struct deadletter letter = letter_of(&record, &REJECTED);
    const struct header *headers = NULL;

    for (size_t max = 64; !headers; max += 64) {
        AUTO(arena_done) struct arena arena = ARENA_INIT(max);
        size_t count = 1;

        assert_in_range(max, 64, 65536);
        headers = deadletter_headers(&letter, &arena, &count);
        assert_true((headers == NULL) == (count == 0));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deadletter_keeps_original_headers_byte_for_byte),
        cmocka_unit_test(test_deadletter_tells_provenance_and_failure),
        cmocka_unit_test(test_deadletter_of_a_second_death_keeps_the_first_failure),
        cmocka_unit_test(test_deadletter_names_the_effect_that_a_person_must_decide_on),
        cmocka_unit_test(test_deadletter_short_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
