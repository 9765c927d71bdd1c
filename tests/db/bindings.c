/* SPDX-License-Identifier: Apache-2.0 */
/* scene and bound against a real server. */
#include "db/migrate.h"
#include "tables/bound.h"
#include "tables/scene.h"
#include "tests/db/scratch.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

enum { MANY = 70 };

struct fixture {
    struct scratch scratch;
    struct arena arena;
};

static int begin(void **state)
{
    const struct fixture *f = *state;

    scratch_run(&f->scratch, "DELETE FROM scene; DELETE FROM bound");
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    arena_done(&f->arena);
    return 0;
}

static void same(struct str a, struct str b)
{
    assert_true(str_eq(a, b) && str_is_set(a) == str_is_set(b));
}

/* Scenes */

static struct scene order(enum scene_kind kind, const char *made_by)
{
    return (struct scene){
        .appid = STR("wx1"),
        .kind = kind,
        .user = STR("u\xe7\x88\xb1"),
        .made_by = str_from(made_by),
        .expires_at_ms = 1760000000123,
    };
}

static struct scene make(struct fixture *f, struct scene row)
{
    struct err err = {0};

    must(db_begin(f->scratch.db, &err), &err);
    must(scene_make(f->scratch.db, &f->arena, &row, &err), &err);
    must(db_commit(f->scratch.db, &err), &err);
    return row;
}

static bool load(struct fixture *f, const char *appid, struct str scene, struct scene *out)
{
    struct scene row = {.appid = str_from(appid), .scene = scene};
    struct err err = {0};
    bool found = false;

    must(scene_load(f->scratch.db, &f->arena, &row, &found, &err), &err);
    if (found)
        *out = row;
    return found;
}

static void test_bindings_scenes_are_made_once_for_each_maker(void **state)
{
    struct fixture *f = *state;
    struct scene wanted = order(SCENE_VERIFY, "m1");
    struct scene made;
    struct scene again;
    struct scene other;
    enum scene_kind kind;

    wanted.purpose = STR("pay");
    wanted.code_ttl_s = 120;
    made = make(f, wanted);
    assert_true(scene_is_ours(made.scene, &kind) && kind == SCENE_VERIFY);
    wanted.user = STR("another");
    again = make(f, wanted);
    same(again.scene, made.scene);
    same(again.user, STR("u\xe7\x88\xb1"));
    same(again.purpose, STR("pay"));
    assert_true(again.code_ttl_s == 120 && again.expires_at_ms == 1760000000123);
    assert_true(again.used_at_ms == 0 && !str_is_set(again.openid));
    other = make(f, order(SCENE_BIND, "m2"));
    assert_true(scene_is_ours(other.scene, &kind) && kind == SCENE_BIND);
    assert_false(str_eq(str_skip(other.scene, 5), str_skip(made.scene, 7)));
    assert_int_equal(scratch_int(&f->scratch, "SELECT COUNT(*) FROM scene"), 2);
}

static void test_bindings_scenes_are_found_and_used(void **state)
{
    struct fixture *f = *state;
    struct scene wanted = order(SCENE_BIND, "m1");
    struct scene made;
    struct scene row = {0};
    struct err err = {0};

    wanted.user = (struct str){NULL, 0};
    made = make(f, wanted);
    assert_false(load(f, "wx2", made.scene, &row));
    assert_false(load(f, "wx1", STR("bind-0"), &row));
    assert_true(load(f, "wx1", made.scene, &row));
    same(row.user, (struct str){NULL, 0});
    assert_true(row.kind == SCENE_BIND && row.used_at_ms == 0);
    must(scene_spend(f->scratch.db, &row, STR("o1"), 1750000000000, &err), &err);
    assert_true(load(f, "wx1", made.scene, &row) && row.used_at_ms == 1750000000000);
    same(row.openid, STR("o1"));
}

static void test_bindings_scenes_are_forgotten(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    int64_t deleted = 0;

    scratch_run(&f->scratch,
                "INSERT INTO scene SELECT 'wx1',LPAD(seq,32,'0'),'bind',NULL,NULL,NULL,"
                "LPAD(seq,32,'0'),UTC_TIMESTAMP(3)-INTERVAL IF(seq<700,31,29) DAY,NULL,NULL"
                " FROM seq_0_to_999");
    must(scene_forget(f->scratch.db, &deleted, &err), &err);
    assert_int_equal(deleted, SCENE_FORGET_ROWS);
    must(scene_forget(f->scratch.db, &deleted, &err), &err);
    assert_int_equal(deleted, 700 - SCENE_FORGET_ROWS);
    assert_int_equal(scratch_int(&f->scratch, "SELECT COUNT(*) FROM scene"), 300);
}

/* Who is bound */

static int64_t put(const struct fixture *f, const char *scene, const char *user, int64_t at_s)
{
    const struct bound row = {STR("wx1"), STR("o1"), str_from(scene), str_from(user), at_s * 1000};
    struct err err = {0};
    int64_t ended_at_ms = -1;

    for (int i = 0; i < 2; i++) /* may be repeated */
        must(bound_put(f->scratch.db, &row, &ended_at_ms, &err), &err);
    assert_int_equal(ended_at_ms % 1000, 0);
    return ended_at_ms / 1000;
}

static void finish(const struct fixture *f, const char *scene, int64_t at_s)
{
    const struct bound row = {.appid = STR("wx1"), .openid = STR("o1"), .scene = str_from(scene)};
    struct err err = {0};

    must(bound_end(f->scratch.db, &row, at_s * 1000, &err), &err);
}

static void leave(const struct fixture *f, int64_t at_s)
{
    struct err err = {0};

    must(bound_left(f->scratch.db, STR("wx1"), STR("o1"), at_s * 1000, &err), &err);
}

static struct bound_list who(struct fixture *f, const char *openid, const char *user)
{
    const struct bound key = {
        .appid = STR("wx1"), .openid = str_from(openid), .user = str_from(user)};
    struct bound_list list = {NULL, 0};
    struct err err = {0};

    must(bound_load(f->scratch.db, &f->arena, &key, &list, &err), &err);
    return list;
}

static void test_bindings_come_back_oldest_first(void **state)
{
    struct fixture *f = *state;
    struct bound_list list;

    assert_int_equal(who(f, "o1", NULL).count, 0);
    assert_int_equal(put(f, "s2", "u2", 200), 0);
    assert_int_equal(put(f, "s1", "u1", 100), 0);
    assert_int_equal(put(f, "s3", "u1", 300), 0);
    scratch_run(&f->scratch,
                "INSERT INTO bound VALUES ('wx1','o2','s1','u1',FROM_UNIXTIME(50),NULL),"
                "('wx2','o1','s1','u1',FROM_UNIXTIME(50),NULL)");
    list = who(f, "o1", NULL);
    assert_int_equal(list.count, 3);
    same(list.items[0].scene, STR("s1"));
    same(list.items[2].scene, STR("s3"));
    same(list.items[2].appid, STR("wx1"));
    assert_int_equal(list.items[1].bound_at_ms, 200000);
    list = who(f, NULL, "u1");
    assert_int_equal(list.count, 3);
    same(list.items[0].openid, STR("o2"));
    list = who(f, "o1", "u1");
    assert_int_equal(list.count, 1);
    same(list.items[0].user, STR("u2"));
    finish(f, "s1", 400);
    assert_int_equal(who(f, "o1", NULL).count, 2);
}

static void test_bindings_are_listed_up_to_the_limit(void **state)
{
    struct fixture *f = *state;
    struct bound_list list;
    char scene[16];

    for (int i = 0; i < MANY; i++) {
        (void)snprintf(scene, sizeof(scene), "s%02d", i);
        assert_int_equal(put(f, scene, "u1", 1000 + i), 0);
    }
    list = who(f, "o1", NULL);
    assert_int_equal(list.count, BOUND_LIST_MAX);
    assert_int_equal(list.items[BOUND_LIST_MAX - 1].bound_at_ms, (999 + BOUND_LIST_MAX) * 1000);
}

static void test_bindings_ended_later_stay_ended(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(put(f, "s1", "u1", 100), 0);
    finish(f, "s1", 200);
    finish(f, "s1", 150);
    assert_int_equal(put(f, "s1", "u1", 150), 200);
    assert_int_equal(who(f, "o1", NULL).count, 0);
    assert_int_equal(put(f, "s1", "u1", 200), 0); /* in the same second, but told later */
    assert_int_equal(who(f, "o1", NULL).count, 1);
    assert_int_equal(put(f, "s1", "u1", 120), 0); /* bound since */
    assert_int_equal(who(f, "o1", NULL).items[0].bound_at_ms, 200000);
}

static void test_bindings_before_the_openid_left_are_over(void **state)
{
    struct fixture *f = *state;

    leave(f, 200);
    leave(f, 100);
    assert_int_equal(who(f, "o1", NULL).count, 0);
    assert_int_equal(put(f, "s1", "u1", 150), 200);
    assert_int_equal(who(f, "o1", NULL).count, 0);
    assert_int_equal(scratch_int(&f->scratch, "SELECT COUNT(*) FROM bound WHERE scene='s1' AND"
                                              " UNIX_TIMESTAMP(ended_at)=200"),
                     1);
    assert_int_equal(put(f, "s1", "u1", 200), 0);
    assert_int_equal(who(f, "o1", NULL).count, 1);
    assert_int_equal(put(f, "s1", "u1", 150), 0);
    assert_int_equal(who(f, "o1", NULL).count, 1);
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, begin, end, &fixture)

int main(int argc, char **argv)
{
    struct fixture fixture = {.arena = ARENA_INIT(0)};
    const struct CMUnitTest tests[] = {
        TEST(test_bindings_scenes_are_made_once_for_each_maker),
        TEST(test_bindings_scenes_are_found_and_used),
        TEST(test_bindings_scenes_are_forgotten),
        TEST(test_bindings_come_back_oldest_first),
        TEST(test_bindings_are_listed_up_to_the_limit),
        TEST(test_bindings_ended_later_stay_ended),
        TEST(test_bindings_before_the_openid_left_are_over),
    };
    struct err err = {0};
    int failed;

    if (argc != 3)
        return 64;
    scratch_open(&fixture.scratch, argv + 1);
    must(migrate_apply(fixture.scratch.db, NULL, NULL, &err), &err);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&fixture.scratch);
    return failed;
}
