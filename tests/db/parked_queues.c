/* SPDX-License-Identifier: Apache-2.0 */
/* The queues in parked against a real server: their heads, wishes and lists, and that indexes are
 * used. */
#include "tables/parked.h"
#include "tests/db/parking.h"
#include "tests/unit/check.h"

#include <string.h>

struct heads {
    struct parked_head heads[20]; /* texts without their bytes */
    int64_t count;
    int64_t rows;
    int64_t last_id;
    bool ordered;
};

static enum status see_head(void *arg, const struct parked_head *head, struct err *err)
{
    struct heads *seen = arg;

    (void)err;
    seen->ordered = seen->ordered && head->id > seen->last_id;
    if (seen->count < (int64_t)COUNT_OF(seen->heads))
        seen->heads[seen->count] = *head;
    seen->count++;
    seen->rows += head->rows;
    seen->last_id = head->id;
    return ST_OK;
}

static struct heads heads_of(struct parking *f)
{
    struct heads seen = {.ordered = true};
    struct err err;

    must(parked_heads(f->db, "member", PARKING_PART, see_head, &seen, &err), &err);
    assert_true(seen.ordered);
    return seen;
}

static void test_parked_heads_are_one_per_key_in_order(void **state)
{
    struct parking *f = *state;
    struct heads seen;
    struct parked_row keyless = parking_row(PARKING_TOPIC, 50, PARKING_ABSENT);

    parking_park(f, PARKING_TOPIC, 10, "b");
    parking_park(f, PARKING_TOPIC, 11, "a");
    parking_park(f, PARKING_OTHER, 5, "b");
    parking_insert(f, &keyless, 1);
    keyless.record.offset = 51;
    keyless.next_at_ms = PARKING_NOW_MS;
    parking_insert(f, &keyless, 1);
    parking_park(f, PARKING_TOPIC, 12, "");
    parking_park(f, PARKING_TOPIC, 9, "b");
    scratch_run(&f->scratch,
                "INSERT INTO parked (worker,topic,part,off,record_key,attempts,reason,record)"
                " VALUES ('bonus','t',3,1,'b',0,'',''),('member','t',4,1,'b',0,'','')");
    seen = heads_of(f);
    assert_int_equal(seen.count, 5);
    assert_true(seen.heads[0].off == 10 && seen.heads[0].rows == 3 && seen.heads[0].key.len == 1);
    assert_true(seen.heads[1].off == 11 && seen.heads[1].rows == 1);
    assert_true(seen.heads[2].off == 50 && seen.heads[2].rows == 1 && !seen.heads[2].key.ptr);
    assert_true(seen.heads[3].off == 51 && seen.heads[3].next_at_ms == PARKING_NOW_MS);
    assert_true(seen.heads[4].off == 12 && seen.heads[4].key.ptr && seen.heads[4].key.len == 0);
    parking_delete(f, PARKING_TOPIC, 10);
    seen = heads_of(f);
    assert_true(seen.heads[0].off == 11 && seen.heads[1].off == 5 && seen.heads[1].rows == 2);
    assert_true(seen.heads[2].off == 50 && seen.heads[4].off == 12);
}

static void test_parked_ten_thousand_heads_come_in_windows(void **state)
{
    enum { KEYS = 10000, EACH = 3 };

    struct parking *f = *state;
    struct heads seen;

    scratch_run(&f->scratch,
                "INSERT INTO parked (worker,topic,part,off,record_key,attempts,reason,record)"
                " SELECT 'member','t',3,seq,MD5(seq MOD 10000),0,'','{}' FROM seq_1_to_30000;"
                "ALTER TABLE parked AUTO_INCREMENT=50000000;"
                "INSERT INTO parked (worker,topic,part,off,record_key,attempts,reason,record)"
                " SELECT 'member','t',3,seq,NULL,0,'','{}' FROM seq_40001_to_40010");
    seen = heads_of(f);
    assert_int_equal(seen.count, KEYS + 10);
    assert_int_equal(seen.rows, KEYS * EACH + 10);
    assert_true(seen.heads[0].off == 1 && seen.heads[19].off == 20);
}

static void test_parked_long_keys_are_queues_of_their_own(void **state)
{
    enum { LONG = PARKED_KEY_MAX + 1 };

    struct parking *f = *state;
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    char room[PARKED_KEY_ROOM];
    char bytes[LONG] = "";
    const struct str longest = str_of(bytes, PARKED_KEY_MAX);
    const struct str key = str_of(bytes, LONG);
    struct parked_queue queue = parking_queue(PARKING_ABSENT);
    const struct parked_row rows[] = {parking_row(PARKING_TOPIC, 3, key),
                                      parking_row(PARKING_OTHER, 1, longest),
                                      parking_row(PARKING_OTHER, 2, key)};
    struct parked_row back;
    struct heads seen;

    memset(bytes, 'k', sizeof(bytes));
    queue.key = parked_key(key, room);
    parking_insert(f, rows, 3);
    assert_int_equal(parking_first_off(f, key), 3);
    assert_int_equal(parking_first_off(f, longest), 1);
    assert_int_equal(parking_first(f, &queue, &arena, &back), PARKED_FOUND);
    parking_same(back.record.key, key);
    seen = heads_of(f);
    assert_true(seen.count == 2 && seen.heads[0].rows == 2);
    parking_delete(f, PARKING_TOPIC, 3);
    assert_int_equal(parking_first_off(f, key), 2);
}

static struct heads wishes_of(struct parking *f)
{
    static const int32_t parts[40] = {[39] = PARKING_PART, [38] = 5};
    const struct parked_parts mine = {"member", parts, COUNT_OF(parts)};
    struct heads seen = {.ordered = true};
    struct err err;

    must(parked_wishes(f->db, &mine, see_head, &seen, &err), &err);
    return seen;
}

static int64_t wish_for(struct parking *f, struct str key, enum parked_wish wish)
{
    int64_t marked = -1;
    int64_t again = -1;
    struct err err;

    must(parked_wish(f->db, "member", key, wish, &marked, &err), &err);
    must(parked_wish(f->db, "member", key, wish, &again, &err), &err);
    assert_int_equal(marked, again);
    return marked;
}

static void test_parked_wishes_reach_the_owner_by_their_first_row(void **state)
{
    struct parking *f = *state;
    const struct parked_row keyless = parking_row(PARKING_TOPIC, 50, PARKING_ABSENT);
    struct heads seen;

    parking_park(f, PARKING_TOPIC, 10, "a");
    parking_park(f, PARKING_TOPIC, 11, "a");
    parking_park(f, PARKING_OTHER, 12, "b");
    parking_insert(f, &keyless, 1);
    assert_int_equal(wishes_of(f).count, 0);
    assert_int_equal(wish_for(f, STR("a"), PARKED_RELEASE), 1);
    seen = wishes_of(f);
    assert_true(seen.count == 1 && seen.heads[0].off == 10 && seen.heads[0].part == PARKING_PART);
    assert_int_equal(seen.heads[0].wish, PARKED_RELEASE);
    parking_delete(f, PARKING_TOPIC, 10);
    assert_int_equal(wishes_of(f).count, 0);
    parking_park(f, PARKING_TOPIC, 13, "a");
    assert_int_equal(wish_for(f, STR("a"), PARKED_DISCARD), 2);
    assert_int_equal(wish_for(f, STR("b"), PARKED_RELEASE), 1);
    assert_int_equal(wishes_of(f).count, 2);
    assert_int_equal(wish_for(f, PARKING_ABSENT, PARKED_DISCARD), 4);
    assert_int_equal(wishes_of(f).count, 3);
    assert_int_equal(wish_for(f, PARKING_ABSENT, PARKED_RELEASE), 3);
    assert_int_equal(scratch_int(&f->scratch, "SELECT COUNT(*) FROM parked WHERE wish='discard'"),
                     0);
    scratch_run(&f->scratch, "UPDATE parked SET part=4");
    assert_int_equal(wishes_of(f).count, 0);
    scratch_run(&f->scratch, "UPDATE parked SET part=5,worker='bonus'");
    assert_int_equal(wishes_of(f).count, 0);
    assert_int_equal(wish_for(f, PARKING_ABSENT, PARKED_RELEASE), 0);
}

static enum status see_row(void *arg, const struct parked_row *row, struct err *err)
{
    struct heads *seen = arg;

    (void)err;
    assert_false(row->damaged);
    parking_same(row->record.value, STR("v"));
    seen->ordered = seen->ordered && row->id > seen->last_id;
    seen->last_id = row->id;
    seen->rows += row->record.offset;
    seen->count++;
    return ST_OK;
}

static struct heads list(struct parking *f, struct str key, int64_t after, int64_t limit)
{
    const struct parked_query query = {"member", key, after, limit};
    struct heads seen = {.ordered = true, .last_id = after};
    struct err err;

    must(parked_list(f->db, &query, see_row, &seen, &err), &err);
    assert_true(seen.ordered);
    return seen;
}

static void test_parked_list_is_whole_and_in_order(void **state)
{
    enum { ROWS = 5000 };

    struct parking *f = *state;
    int64_t after;

    scratch_run(&f->scratch,
                "INSERT INTO parked (worker,topic,part,off,record_key,attempts,reason,record)"
                " SELECT IF(seq MOD 2,'member','bonus'),'t',seq MOD 7,seq,IF(seq<9998,'k','l'),0,"
                "'','{\"timestamp_ms\":1,\"key\":null,\"value\":\"dg==\",\"headers\":[]}'"
                " FROM seq_1_to_10000");
    assert_int_equal(list(f, PARKING_ABSENT, 0, INT64_MAX).count, ROWS);
    assert_int_equal(list(f, PARKING_ABSENT, 0, INT64_MAX).rows, (int64_t)ROWS * ROWS);
    assert_int_equal(list(f, STR("k"), 0, INT64_MAX).count, ROWS - 1);
    assert_int_equal(list(f, STR("l"), 0, INT64_MAX).count, 1);
    assert_int_equal(list(f, STR("m"), 0, INT64_MAX).count, 0);
    assert_int_equal(list(f, PARKING_ABSENT, 0, 0).count, 0);
    after = list(f, PARKING_ABSENT, 0, 4500).last_id;
    assert_int_equal(list(f, PARKING_ABSENT, after, 4500).count, 500);
    after = list(f, STR("k"), 0, 17).last_id;
    assert_int_equal(list(f, STR("k"), after, 3).rows, 35 + 37 + 39);
}

static enum status keep_number(void *arg, const struct db_value *columns, size_t count,
                               struct err *err)
{
    int64_t *number = arg;

    (void)count;
    (void)err;
    *number = columns[0].type == DB_DOUBLE ? (int64_t)columns[0].value.f64 : columns[0].value.i64;
    return ST_OK;
}

/* Rows and index entries that this connection has read so far. */
static int64_t reads(struct parking *f)
{
    int64_t number = -1;
    struct err err;

    must(db_query(f->db,
                  STR("SELECT CAST(SUM(VARIABLE_VALUE) AS SIGNED) FROM"
                      " information_schema.session_status WHERE VARIABLE_NAME LIKE 'HANDLER_READ%'"
                      " OR VARIABLE_NAME='HANDLER_ICP_ATTEMPTS'"),
                  NULL, 0, keep_number, &number, &err),
         &err);
    return number;
}

/* What one look at the counters costs by itself. */
static int64_t reads_of_looking(struct parking *f)
{
    int64_t before = reads(f);

    return reads(f) - before;
}

static void test_parked_statements_read_what_they_need(void **state)
{
    struct parking *f = *state;
    const struct parked_row row = parking_row(STR("t"), 30000, STR("k7"));
    const struct parked_row fresh = parking_row(STR("t"), 90000, STR("k7"));
    const struct source source = {"member", STR("t"), PARKING_PART};
    const struct covered covered = {50000, NULL, 0};
    int64_t looking;
    int64_t before;
    struct err err;

    /* Two thirds of the table are another worker's or another partition's. */
    scratch_run(&f->scratch,
                "INSERT INTO parked (worker,topic,part,off,record_key,attempts,reason,record)"
                " SELECT ELT(1+seq MOD 3,'member','member','bonus'),'t',3+(seq MOD 3),seq,"
                "CONCAT('k',seq MOD 1000),0,'','{}' FROM seq_1_to_60000;"
                "UPDATE parked SET wish='release' WHERE part=4; ANALYZE TABLE parked");
    (void)reads_of_looking(f);
    looking = reads_of_looking(f);
    before = reads(f);
    assert_int_equal(parking_first_off(f, STR("k7")), 2007);
    assert_true(reads(f) - before - looking < 10);
    before = reads(f);
    parking_delete(f, STR("t"), 2007);
    must(parked_update(f->db, "member", &row, &err), &err);
    parking_insert(f, &fresh, 1);
    assert_true(reads(f) - before - looking < 20);
    before = reads(f);
    assert_int_equal(wishes_of(f).count, 0);
    assert_true(reads(f) - before - looking < 200);
    before = reads(f);
    assert_int_equal(heads_of(f).count, 1000);
    assert_true(reads(f) - before - looking < 60000 + 3 * 20000 + 1000);
    before = reads(f);
    must(parked_forget_uncovered(f->db, &source, &covered, NULL, &err), &err);
    assert_true(reads(f) - before - looking < 3 * 10000 / 3 + 100);
}

#define TEST(name) \
    cmocka_unit_test_prestate_setup_teardown(name, parking_begin, parking_end, &parking)

int main(int argc, char **argv)
{
    struct parking parking = {0};
    const struct CMUnitTest tests[] = {
        TEST(test_parked_heads_are_one_per_key_in_order),
        TEST(test_parked_ten_thousand_heads_come_in_windows),
        TEST(test_parked_long_keys_are_queues_of_their_own),
        TEST(test_parked_wishes_reach_the_owner_by_their_first_row),
        TEST(test_parked_list_is_whole_and_in_order),
        TEST(test_parked_statements_read_what_they_need),
    };
    int failed;

    if (argc != 3)
        return 64;
    parking_open(&parking, argv + 1);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&parking.scratch);
    return failed;
}
