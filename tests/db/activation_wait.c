/* SPDX-License-Identifier: Apache-2.0 */
/* activation_wait against a real server: what goes in comes out, and who is due. */
#include "tables/activation_wait.h"

#include "base/buf.h"
#include "db/migrate.h"
#include "tests/db/scratch.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

enum { NOW_MS = 1760000, MANY = 700 };

static struct activation_wait key(const char *code)
{
    return (struct activation_wait){
        .appid = STR("wx1"), .card_id = STR("p1"), .card_code = str_from(code)};
}

static bool fill(struct activation_wait *row, void *arg)
{
    const struct activation_wait *from = arg;
    struct activation_wait filled = *from;

    filled.appid = row->appid;
    filled.card_id = row->card_id;
    filled.card_code = row->card_code;
    *row = filled;
    return true;
}

static bool leave(struct activation_wait *row, void *arg)
{
    (void)arg;
    row->told_at_ms = NOW_MS;
    return false;
}

static struct activation_wait full(void)
{
    return (struct activation_wait){
        .receipt_id = STR("r1"),
        .received_at_ms = 1000,
        .restored = true,
        .previous_card_code = STR("c0"),
        .openid = STR("o1"),
        .submitted_at_ms = 2001,
        .ticket_id = STR("t1"),
        .ticket_at_ms = 3002,
        .form = STR("{\"\xe7\x88\xb1\xe5\xa5\xbd\":\"\xf0\x9f\x98\x80\"}"),
        .acting = STR("-"),
        .asked_at_ms = 4003,
        .overdue_at_ms = 5004,
        .due_at_ms = 6005,
        .told_at_ms = 7006,
        .seen_at_ms = 8007,
    };
}

static void same_row(const struct activation_wait *a, const struct activation_wait *b)
{
    assert_true(str_eq(a->receipt_id, b->receipt_id) &&
                str_is_set(a->receipt_id) == str_is_set(b->receipt_id));
    assert_true(str_eq(a->previous_card_code, b->previous_card_code) &&
                str_eq(a->openid, b->openid) && str_eq(a->ticket_id, b->ticket_id) &&
                str_eq(a->form, b->form) && str_eq(a->acting, b->acting));
    assert_true(a->received_at_ms == b->received_at_ms && a->restored == b->restored &&
                a->submitted_at_ms == b->submitted_at_ms && a->ticket_at_ms == b->ticket_at_ms);
    assert_true(a->asked_at_ms == b->asked_at_ms && a->overdue_at_ms == b->overdue_at_ms &&
                a->due_at_ms == b->due_at_ms && a->told_at_ms == b->told_at_ms &&
                a->seen_at_ms == b->seen_at_ms);
}

/* In a transaction, as the writer does. */
static struct activation_wait change(const struct scratch *s, struct arena *arena, const char *code,
                                     activation_wait_fn *fn, void *arg)
{
    struct activation_wait row = key(code);
    struct err err = {0};

    must(db_begin(s->db, &err), &err);
    must(activation_wait_change(s->db, arena, &row, fn, arg, &err), &err);
    must(db_commit(s->db, &err), &err);
    return row;
}

static void test_activation_wait_comes_back_as_it_went(void **state)
{
    const struct scratch *s = *state;
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    struct activation_wait filled = full();
    struct activation_wait empty = {.restored = false};
    struct activation_wait back;

    back = change(s, &arena, "c1", NULL, NULL);
    same_row(&back, &empty);
    (void)change(s, &arena, "c1", leave, NULL);
    assert_int_equal(scratch_int(s, "SELECT COUNT(*) FROM activation_wait"), 0);
    for (int i = 0; i < 2; i++) {
        back = change(s, &arena, "c1", fill, &filled);
        same_row(&back, &filled);
        back = change(s, &arena, "c1", NULL, NULL);
        same_row(&back, &filled);
    }
    (void)change(s, &arena, "c1", leave, NULL);
    back = change(s, &arena, "c1", NULL, NULL);
    same_row(&back, &filled);
    (void)change(s, &arena, "C1", fill, &empty);
    (void)change(s, &arena, "c1", fill, &empty);
    back = change(s, &arena, "c1", NULL, NULL);
    same_row(&back, &empty);
    assert_int_equal(scratch_int(s, "SELECT COUNT(*) FROM activation_wait"), 2);
}

struct seen {
    size_t count;
    char last[16];
    bool in_order;
};

static void see(void *arg, struct str appid, struct str card_id, struct str card_code)
{
    struct seen *seen = arg;

    assert_true(str_eq(appid, STR("wx1")) && str_eq(card_id, STR("p1")));
    seen->in_order =
        seen->in_order && (seen->count == 0 || str_cmp(str_from(seen->last), card_code) < 0);
    assert_true(str_copy(card_code, seen->last, sizeof(seen->last)));
    seen->count++;
}

static struct seen due(const struct scratch *s, int64_t now_ms)
{
    struct seen seen = {.in_order = true};
    struct err err = {0};

    must(activation_wait_due(s->db, now_ms, see, &seen, &err), &err);
    return seen;
}

/* More than two pages, most of them due in the same instant. */
static void test_activation_wait_everyone_due_is_listed_once(void **state)
{
    const struct scratch *s = *state;
    AUTO(buf_done) struct buf sql = BUF_INIT(1 << 20);
    struct seen seen;

    for (int i = 0; i < MANY; i++)
        buf_addf(&sql, "%s('wx1','p1','d%04d',FROM_UNIXTIME(%d))",
                 i == 0 ? "INSERT INTO activation_wait (appid,card_id,card_code,due_at) VALUES "
                        : ",",
                 i, i < 600 ? 1000 : 2000);
    buf_add_cstr(&sql, ",('wx1','p1','e1',FROM_UNIXTIME(3000)),('wx1','p1','e2',NULL)");
    scratch_run(s, "DELETE FROM activation_wait");
    scratch_run(s, buf_str(&sql).ptr);
    assert_int_equal(due(s, 999999).count, 0);
    seen = due(s, 1000000);
    assert_true(seen.count == 600 && seen.in_order);
    seen = due(s, 2999999);
    assert_true(seen.count == MANY && seen.in_order);
    assert_int_equal(due(s, 3000000).count, MANY + 1);
}

int main(int argc, char **argv)
{
    struct scratch scratch = {0};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_activation_wait_comes_back_as_it_went, &scratch),
        cmocka_unit_test_prestate(test_activation_wait_everyone_due_is_listed_once, &scratch),
    };
    struct err err = {0};
    int failed;

    if (argc != 3)
        return 64;
    scratch_open(&scratch, argv + 1);
    must(migrate_apply(scratch.db, NULL, NULL, &err), &err);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&scratch);
    return failed;
}
