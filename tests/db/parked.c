/* SPDX-License-Identifier: Apache-2.0 */
/* parked against a real server: what goes in, what comes out, what goes. */
#include "tables/parked.h"

#include "base/mem.h"
#include "base/rand.h"
#include "tests/db/parking.h"
#include "tests/unit/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MIB = 1024 * 1024 };

static void test_parked_row_comes_back_as_it_went(void **state)
{
    struct parking *f = *state;
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    char bytes[256] = "";
    const struct header headers[] = {{STR("ce_id"), STR("1")}, {STR("n"), PARKING_ABSENT}};
    struct parked_row row = parking_row(PARKING_TOPIC, 12, str_of(bytes, sizeof(bytes)));
    const struct parked_queue queue = parking_queue(row.record.key);
    struct parked_row back;

    for (int i = 0; i < 256; i++)
        bytes[i] = (char)(255 - i);
    row.record.value = str_of(bytes, sizeof(bytes));
    row.record.headers = headers;
    row.record.header_count = 2;
    row.attempts = 3;
    row.next_at_ms = PARKING_NOW_MS + 1;
    row.first_failed_ms = PARKING_NOW_MS + 2;
    row.last_failed_ms = PARKING_NOW_MS + 3;
    row.reason = STR("wechat:45009");
    for (int i = 0; i < 2; i++)
        parking_insert(f, &row, 1);
    assert_int_equal(scratch_int(&f->scratch, "SELECT COUNT(*) FROM parked"), 1);
    assert_int_equal(parking_first(f, &queue, &arena, &back), PARKED_FOUND);
    assert_true(back.id > 0 && back.attempts == 3 && back.wish == PARKED_NO_WISH && !back.damaged);
    assert_true(back.next_at_ms == PARKING_NOW_MS + 1 &&
                back.first_failed_ms == PARKING_NOW_MS + 2 &&
                back.last_failed_ms == PARKING_NOW_MS + 3);
    parking_same(back.reason, row.reason);
    parking_same(back.record.topic, PARKING_TOPIC);
    assert_string_equal(back.record.topic.ptr, "kabao.event.wechat.v1");
    assert_true(back.record.partition == PARKING_PART && back.record.offset == 12);
    parking_same(back.record.key, row.record.key);
    parking_same(back.record.value, row.record.value);
    assert_int_equal(back.record.header_count, 2);
    parking_same(back.record.headers[1].value, PARKING_ABSENT);
}

static void test_parked_keys_are_compared_bytewise(void **state)
{
    struct parking *f = *state;
    static const char *const keys[] = {"a", "A", "a ", "", "\xff", "\xc3\xa4", "a\xcc\x88"};

    for (size_t i = 0; i < COUNT_OF(keys); i++)
        parking_park(f, PARKING_TOPIC, (int64_t)i, keys[i]);
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        assert_int_equal(parking_first_off(f, str_from(keys[i])), i);
    assert_int_equal(parking_first_off(f, STR("b")), -1);
}

static void test_parked_ids_follow_the_order_given(void **state)
{
    enum { ROWS = 119 };

    struct parking *f = *state;
    struct parked_row rows[ROWS];

    for (int64_t i = 0; i < ROWS; i++)
        rows[i] = parking_row(PARKING_TOPIC, (i * 37) % ROWS, STR("k"));
    parking_insert(f, rows, ROWS);
    parking_insert(f, rows + 20, ROWS - 20);
    for (int64_t i = 0; i < ROWS; i++) {
        assert_int_equal(parking_first_off(f, STR("k")), (i * 37) % ROWS);
        parking_delete(f, PARKING_TOPIC, (i * 37) % ROWS);
        parking_delete(f, PARKING_TOPIC, (i * 37) % ROWS);
    }
    assert_int_equal(parking_first_off(f, STR("k")), -1);
}

static void test_parked_row_overwritten_keeps_its_place_and_wish(void **state)
{
    struct parking *f = *state;
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    const struct parked_queue queue = parking_queue(STR("k"));
    struct parked_row rows[] = {parking_row(PARKING_TOPIC, 9, STR("k")),
                                parking_row(PARKING_TOPIC, 8, STR("k"))};
    struct parked_row back;
    struct err err;
    int64_t marked = 0;
    int64_t id;

    parking_insert(f, rows, 2);
    must(parked_wish(f->db, "member", STR("k"), PARKED_DISCARD, &marked, &err), &err);
    assert_int_equal(parking_first(f, &queue, &arena, &back), PARKED_FOUND);
    id = back.id;
    rows[0].attempts = 5;
    rows[0].record.value = STR("other");
    parking_insert(f, rows, 2);
    assert_int_equal(parking_first(f, &queue, &arena, &back), PARKED_FOUND);
    assert_true(back.id == id && back.attempts == 5 && back.record.offset == 9);
    parking_same(back.record.value, STR("other"));
    assert_int_equal(back.wish, PARKED_DISCARD);
}

static void test_parked_large_records_go_in_and_too_large_ones_are_refused(void **state)
{
    enum { ROWS = 10, TOO_LARGE = 13 * MIB };

    struct parking *f = *state;
    AUTO(mem_freep) char *bytes = mem_zalloc(TOO_LARGE);
    struct parked_row rows[ROWS];
    struct err err;

    for (int64_t i = 0; i < ROWS; i++) {
        rows[i] = parking_row(PARKING_TOPIC, ROWS - i, STR("k"));
        rows[i].record.value = str_of(bytes, i == 5 ? 7 * MIB : MIB);
    }
    parking_insert(f, rows, ROWS);
    assert_int_equal(scratch_int(&f->scratch,
                                 "SELECT COUNT(*) FROM parked a JOIN parked b ON b.off=a.off-1"
                                 " WHERE b.id>a.id AND LENGTH(a.record)>1398101"),
                     ROWS - 1);
    rows[0].record.value = str_of(bytes, TOO_LARGE);
    assert_int_equal(parked_insert(f->db, "member", rows, 1, &err), ST_REJECT);
    assert_string_equal(err.code, "parked:record");
}

/* Every third offset, in several topics, partitions and workers. */
static void fill_for_sweep(struct parking *f)
{
    scratch_run(&f->scratch,
                "INSERT INTO parked (worker,topic,part,off,record_key,attempts,reason,record)"
                " SELECT 'member','kabao.event.wechat.v1',3,seq*3,seq MOD 50,0,'','{}'"
                " FROM seq_0_to_2999;"
                "INSERT INTO parked (worker,topic,part,off,record_key,attempts,reason,record)"
                " VALUES ('bonus','kabao.event.wechat.v1',3,8000,'k',0,'','{}'),"
                "('member','kabao.cmd.bonus.v1',3,8000,'k',0,'','{}'),"
                "('member','kabao.event.wechat.v1',4,8000,'k',0,'','{}')");
}

static void test_parked_uncovered_rows_are_forgotten_and_only_they(void **state)
{
    enum { RANGES = 1000, COMMIT = 900 };

    struct parking *f = *state;
    const struct source source = {"member", PARKING_TOPIC, PARKING_PART};
    struct offset_range ranges[RANGES];
    struct covered covered = {COMMIT, ranges, RANGES};
    int64_t expected = 0;
    int64_t deleted = -1;
    struct err err;

    for (int64_t i = 0, at = COMMIT; i < RANGES; i++, at = ranges[i - 1].to) {
        ranges[i].from = at + 1 + rand_below(5);
        ranges[i].to = ranges[i].from + 1 + rand_below(5);
    }
    fill_for_sweep(f);
    for (int64_t off = 0; off < 9000; off += 3)
        expected += !covered_has(&covered, off);
    assert_true(expected > 500 && expected < 2700);
    must(parked_forget_uncovered(f->db, &source, &covered, &deleted, &err), &err);
    assert_int_equal(deleted, expected);
    must(parked_forget_uncovered(f->db, &source, &covered, &deleted, &err), &err);
    assert_int_equal(deleted, 0);
    for (int64_t off = 0; off < 9000; off += 300) {
        char sql[100];

        (void)snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM parked WHERE off=%" PRId64, off);
        assert_int_equal(scratch_int(&f->scratch, sql), covered_has(&covered, off));
    }
    covered.commit = -1;
    must(parked_forget_uncovered(f->db, &source, &covered, NULL, &err), &err);
    assert_int_equal(scratch_int(&f->scratch, "SELECT COUNT(*) FROM parked"), 3);
}

static void test_parked_first_is_for_the_owner_alone(void **state)
{
    struct parking *f = *state;
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    struct parked_queue queue = parking_queue(STR("k"));
    struct parked_queue keyless = parking_queue(PARKING_ABSENT);
    const struct parked_row row = parking_row(PARKING_TOPIC, 8, PARKING_ABSENT);
    struct parked_row back;

    assert_int_equal(parking_first(f, &queue, &arena, &back), PARKED_EMPTY);
    parking_park(f, PARKING_TOPIC, 7, "k");
    parking_insert(f, &row, 1);
    keyless.topic = PARKING_TOPIC;
    keyless.off = 8;
    assert_int_equal(parking_first(f, &queue, &arena, &back), PARKED_FOUND);
    assert_int_equal(back.record.offset, 7);
    assert_int_equal(parking_first(f, &keyless, &arena, &back), PARKED_FOUND);
    assert_true(back.record.offset == 8 && !str_is_set(back.record.key));
    keyless.off = 9;
    assert_int_equal(parking_first(f, &keyless, &arena, &back), PARKED_EMPTY);
    scratch_run(&f->scratch, "UPDATE owner SET epoch=epoch+1");
    assert_int_equal(parking_first(f, &queue, &arena, &back), PARKED_LOST);
    assert_int_equal(parking_first(f, &keyless, &arena, &back), PARKED_LOST);
    scratch_run(&f->scratch, "DELETE FROM owner");
    assert_int_equal(parking_first(f, &queue, &arena, &back), PARKED_LOST);
}

static void test_parked_damaged_record_is_told_and_can_go(void **state)
{
    struct parking *f = *state;
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    const struct parked_queue queue = parking_queue(STR("k"));
    struct parked_row back;

    parking_park(f, PARKING_TOPIC, 7, "k");
    scratch_run(&f->scratch, "UPDATE parked SET record=LEFT(record,LENGTH(record)-1)");
    assert_int_equal(parking_first(f, &queue, &arena, &back), PARKED_FOUND);
    assert_true(back.damaged && back.record.offset == 7 && !str_is_set(back.record.value));
    parking_same(back.record.key, STR("k"));
    parking_delete(f, back.record.topic, back.record.offset);
    assert_int_equal(parking_first_off(f, STR("k")), -1);
}

static void test_parked_update_keeps_the_place_and_ends_a_release(void **state)
{
    struct parking *f = *state;
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    const struct parked_queue queue = parking_queue(STR("k"));
    struct parked_row row = parking_row(PARKING_TOPIC, 7, STR("k"));
    struct parked_row back;
    int64_t marked = 0;
    struct err err;

    parking_insert(f, &row, 1);
    parking_park(f, PARKING_TOPIC, 8, "k");
    row.attempts = 9;
    row.next_at_ms = PARKING_NOW_MS;
    row.reason = STR("a text far longer than the code of any error that this engine knows about");
    must(parked_wish(f->db, "member", STR("k"), PARKED_RELEASE, &marked, &err), &err);
    for (int i = 0; i < 2; i++)
        must(parked_update(f->db, "member", &row, &err), &err);
    assert_int_equal(parking_first(f, &queue, &arena, &back), PARKED_FOUND);
    assert_true(back.record.offset == 7 && back.attempts == 9 && back.next_at_ms == PARKING_NOW_MS);
    assert_true(back.first_failed_ms == 0 && back.wish == PARKED_NO_WISH);
    assert_true(back.reason.len == 64 && str_starts(row.reason, back.reason));
    must(parked_wish(f->db, "member", STR("k"), PARKED_DISCARD, &marked, &err), &err);
    must(parked_update(f->db, "member", &row, &err), &err);
    assert_int_equal(parking_first(f, &queue, &arena, &back), PARKED_FOUND);
    assert_int_equal(back.wish, PARKED_DISCARD);
    assert_int_equal(scratch_int(&f->scratch, "SELECT COUNT(*) FROM parked WHERE attempts=9"), 1);
}

#define TEST(name) \
    cmocka_unit_test_prestate_setup_teardown(name, parking_begin, parking_end, &parking)

int main(int argc, char **argv)
{
    struct parking parking = {0};
    const struct CMUnitTest tests[] = {
        TEST(test_parked_row_comes_back_as_it_went),
        TEST(test_parked_keys_are_compared_bytewise),
        TEST(test_parked_ids_follow_the_order_given),
        TEST(test_parked_row_overwritten_keeps_its_place_and_wish),
        TEST(test_parked_large_records_go_in_and_too_large_ones_are_refused),
        TEST(test_parked_uncovered_rows_are_forgotten_and_only_they),
        TEST(test_parked_first_is_for_the_owner_alone),
        TEST(test_parked_damaged_record_is_told_and_can_go),
        TEST(test_parked_update_keeps_the_place_and_ends_a_release),
    };
    int failed;

    if (argc != 3)
        return 64;
    parking_open(&parking, argv + 1);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&parking.scratch);
    return failed;
}
