/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/parked_record.h"

#include "base/mem.h"
#include "base/rand.h"
#include "tests/unit/check.h"

#include <string.h>

enum { ROUNDS = 300, BYTES_MAX = 300, HEADERS_MAX = 20, LONG_VALUE = 1024 * 1024, ROOM = 1 << 22 };

static const struct str ABSENT = {NULL, 0};

static void assert_same(struct str a, struct str b)
{
    assert_int_equal(str_is_set(a), str_is_set(b));
    assert_int_equal(a.len, b.len);
    if (a.len > 0)
        assert_memory_equal(a.ptr, b.ptr, a.len);
}

static void assert_comes_back(const struct record *record)
{
    AUTO(buf_done) struct buf text = BUF_INIT(ROOM);
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    struct record back = {.topic = STR("t"), .partition = 7, .offset = 9};
    struct err err;

    parked_record_format(record, &text);
    assert_true(buf_ok(&text));
    assert_true(text.len <= parked_record_size(record));
    assert_int_equal(parked_record_parse(buf_str(&text), &arena, &back, &err), ST_OK);
    buf_clear(&text);
    assert_string_equal(back.topic.ptr, "t");
    assert_true(back.partition == 7 && back.offset == 9);
    assert_true(back.timestamp_ms == record->timestamp_ms);
    assert_same(back.key, record->key);
    assert_same(back.value, record->value);
    assert_int_equal(back.header_count, record->header_count);
    for (size_t i = 0; record->headers && i < back.header_count; i++) {
        assert_same(back.headers[i].name, record->headers[i].name);
        assert_same(back.headers[i].value, record->headers[i].value);
    }
}

/* Absent, empty, or bytes of any value. */
static struct str random_bytes(struct arena *arena, bool may_be_absent)
{
    uint32_t kind = rand_below(8);
    size_t len = kind == 1 ? 0 : rand_below(BYTES_MAX);
    char *bytes;

    if (kind == 0 && may_be_absent)
        return ABSENT;
    bytes = arena_alloc(arena, len + 1);
    assert_non_null(bytes);
    rand_bytes(bytes, len);
    return str_of(bytes, len);
}

static void test_parked_record_any_bytes_come_back(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        AUTO(arena_done) struct arena arena = ARENA_INIT(0);
        struct header headers[HEADERS_MAX];
        struct record record = {.timestamp_ms = (int64_t)rand_u64(),
                                .key = random_bytes(&arena, true),
                                .value = random_bytes(&arena, true),
                                .header_count = rand_below(HEADERS_MAX + 1)};

        for (size_t i = 0; i < record.header_count; i++)
            headers[i] = (struct header){random_bytes(&arena, false), random_bytes(&arena, true)};
        record.headers = headers;
        assert_comes_back(&record);
    }
}

static void test_parked_record_null_and_empty_differ(void **state)
{
    (void)state;
    static const struct header headers[] = {
        {STR_INIT("a"), STR_INIT("")}, {STR_INIT("a"), {NULL, 0}}, {STR_INIT(""), STR_INIT("x")}};
    const struct record nulls = {.timestamp_ms = INT64_MIN, .headers = headers, .header_count = 3};
    const struct record empty = {.timestamp_ms = INT64_MAX, .key = STR(""), .value = STR("")};

    assert_comes_back(&nulls);
    assert_comes_back(&empty);
}

static void test_parked_record_long_value_comes_back(void **state)
{
    (void)state;
    AUTO(mem_freep) char *value = mem_alloc(LONG_VALUE);
    const struct record record = {
        .timestamp_ms = 1760000000123, .key = STR("k"), .value = str_of(value, LONG_VALUE)};

    rand_bytes(value, LONG_VALUE);
    assert_comes_back(&record);
}

static void test_parked_record_text_is_as_described(void **state)
{
    (void)state;
    AUTO(buf_done) struct buf text = BUF_INIT(1000);
    static const struct header header = {STR_INIT("ce_id"), STR_INIT("1")};
    const struct record record = {
        .timestamp_ms = 1760000000123, .key = STR("key"), .headers = &header, .header_count = 1};

    parked_record_format(&record, &text);
    assert_string_equal(text.ptr, "{\"timestamp_ms\":1760000000123,\"key\":\"a2V5\",\"value\":null,"
                                  "\"headers\":[[\"Y2VfaWQ=\",\"MQ==\"]]}");
}

/* Beside every text cut short. */
static const char *const DAMAGED[] = {
    "",
    "null",
    "[]",
    "{}",
    "{\"timestamp_ms\":1,\"key\":null,\"value\":null}",
    "{\"timestamp_ms\":1,\"key\":null,\"headers\":[]}",
    "{\"timestamp_ms\":1,\"value\":null,\"headers\":[]}",
    "{\"key\":null,\"value\":null,\"headers\":[]}",
    "{\"timestamp_ms\":\"1\",\"key\":null,\"value\":null,\"headers\":[]}",
    "{\"timestamp_ms\":1.5,\"key\":null,\"value\":null,\"headers\":[]}",
    "{\"timestamp_ms\":18446744073709551615,\"key\":null,\"value\":null,\"headers\":[]}",
    "{\"timestamp_ms\":1,\"key\":1,\"value\":null,\"headers\":[]}",
    "{\"timestamp_ms\":1,\"key\":\"a2V\",\"value\":null,\"headers\":[]}",
    "{\"timestamp_ms\":1,\"key\":null,\"value\":\"a2V!\",\"headers\":[]}",
    "{\"timestamp_ms\":1,\"key\":null,\"value\":null,\"headers\":null}",
    "{\"timestamp_ms\":1,\"key\":null,\"value\":null,\"headers\":{}}",
    "{\"timestamp_ms\":1,\"key\":null,\"value\":null,\"headers\":[\"YQ==\"]}",
    "{\"timestamp_ms\":1,\"key\":null,\"value\":null,\"headers\":[[\"YQ==\"]]}",
    "{\"timestamp_ms\":1,\"key\":null,\"value\":null,\"headers\":[[null,\"YQ==\"]]}",
    "{\"timestamp_ms\":1,\"key\":null,\"value\":null,\"headers\":[[\"YQ==\",\"YQ==\",null]]}",
    "{\"timestamp_ms\":1,\"key\":null,\"value\":null,\"headers\":[]}x",
};

static void assert_refused(struct str text)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    struct record record = {.offset = 5, .timestamp_ms = 6};
    struct err err;

    assert_int_equal(parked_record_parse(text, &arena, &record, &err), ST_REJECT);
    assert_int_equal(err.reason, REASON_MALFORMED);
    assert_string_equal(err.code, "parked:record");
    assert_true(record.offset == 5 && record.timestamp_ms == 6 && !record.key.ptr);
}

static void test_parked_record_damaged_text_is_refused(void **state)
{
    (void)state;
    static const struct str whole = STR_INIT("{\"timestamp_ms\":1,\"key\":\"a2V5\",\"value\":"
                                             "\"a2V5\",\"headers\":[[\"YQ==\",\"YQ==\"]]}");

    for (size_t i = 0; i < COUNT_OF(DAMAGED); i++)
        assert_refused(str_from(DAMAGED[i]));
    for (size_t len = 0; len < whole.len; len++)
        assert_refused(str_of(whole.ptr, len));
}

static void test_parked_record_without_memory_is_tried_again(void **state)
{
    (void)state;
    static const struct str text = STR_INIT("{\"timestamp_ms\":1,\"key\":\"a2V5\",\"value\":"
                                            "\"a2V5\",\"headers\":[[\"YQ==\",\"YQ==\"]]}");
    enum status rc = ST_RETRY;

    for (size_t nth = 1; rc != ST_OK; nth++) {
        AUTO(arena_done) struct arena arena = ARENA_INIT(0);
        struct record record = {0};
        struct err err;

        mem_fail_at(nth, false);
        rc = parked_record_parse(text, &arena, &record, &err);
        mem_fail_at(0, false);
        assert_true(rc == ST_OK || rc == ST_RETRY);
        assert_true(nth < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parked_record_any_bytes_come_back),
        cmocka_unit_test(test_parked_record_null_and_empty_differ),
        cmocka_unit_test(test_parked_record_long_value_comes_back),
        cmocka_unit_test(test_parked_record_text_is_as_described),
        cmocka_unit_test(test_parked_record_damaged_text_is_refused),
        cmocka_unit_test(test_parked_record_without_memory_is_tried_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
