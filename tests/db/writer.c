/* SPDX-License-Identifier: Apache-2.0 */
/* common/db/writer against a real server: what is kept, of whom, and in which order. */
#include "db/writer.h"

#include "base/mem.h"
#include "base/rand.h"
#include "metrics/catalog.h"
#include "tests/db/scratch.h"
#include "tests/unit/check.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    LANES = 64,
    SHARED = 50,
    MIXED = 30,
    HANG_MS = 60000,
    SHARED_ALL = LANES * SHARED,
    MIXED_ALL = LANES * MIXED
};

static const struct column CARD_COLUMNS[] = {
    {"code", COLUMN_KEY, NULL},   {"version", COLUMN_VERSION, NULL}, {"name", 0, NULL},
    {"unionid", 0, "unionid_at"}, {"unionid_at", 0, NULL},           {"born", COLUMN_FIRST, NULL},
};
static const struct table CARD = {"card", CARD_COLUMNS, COUNT_OF(CARD_COLUMNS), false};

static const struct column BORN_COLUMNS[] = {{"code", COLUMN_KEY, NULL},
                                             {"born", COLUMN_FIRST, NULL}};
static const struct table CARD_BORN = {"card", BORN_COLUMNS, COUNT_OF(BORN_COLUMNS), false};

static const struct column FACT_COLUMNS[] = {{"id", COLUMN_KEY, NULL}, {"text", 0, NULL}};
static const struct table FACT = {"fact", FACT_COLUMNS, COUNT_OF(FACT_COLUMNS), true};

struct fixture {
    struct scratch scratch;
    struct metrics *metrics;
    struct db_pool *pool;
    struct writer *w;
};

static int begin(void **state)
{
    struct fixture *f = *state;

    scratch_run(&f->scratch,
                "DROP TABLE IF EXISTS card, fact;"
                "CREATE TABLE card (code VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY,"
                " version BIGINT NOT NULL DEFAULT 0, name VARCHAR(10), unionid VARCHAR(10),"
                " unionid_at BIGINT, born BIGINT);"
                "CREATE TABLE fact (id BIGINT PRIMARY KEY, text VARCHAR(10))");
    f->metrics = metrics_new();
    f->pool = db_pool_new(&f->scratch.settings);
    f->w = writer_new(&f->scratch.settings, f->pool, f->metrics);
    return f->w ? 0 : 1;
}

static int end(void **state)
{
    struct fixture *f = *state;

    writer_free(f->w);
    db_pool_free(f->pool);
    metrics_free(f->metrics);
    return 0;
}

static struct db_value text_or_null(const char *text)
{
    return db_text(str_from(text));
}

/* One card as it is written: unionid carries its own version. */
struct card {
    const char *code;
    int64_t version;
    const char *name;
    const char *unionid;
    int64_t born;
};

static void card_values(const struct card *card, struct db_value values[6])
{
    values[0] = text_or_null(card->code);
    values[1] = db_int(card->version);
    values[2] = text_or_null(card->name);
    values[3] = text_or_null(card->unionid);
    values[4] = card->unionid ? db_int(card->version) : db_null();
    values[5] = card->born ? db_int(card->born) : db_null();
}

static void put_card(struct fixture *f, const struct card *card)
{
    struct db_value values[6];
    const struct db_row row = {&CARD, values};
    struct err err;

    card_values(card, values);
    must(writer_put(f->w, &row, 1, deadline_none(), &err), &err);
}

static void assert_card(const struct fixture *f, const char *where)
{
    char sql[300];

    (void)snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM card WHERE %s", where);
    assert_int_equal(scratch_int(&f->scratch, sql), 1);
}

static void test_writer_lower_version_loses_and_absent_never_erases(void **state)
{
    struct fixture *f = *state;

    put_card(f, &(struct card){"c", 5, "five", NULL, 0});
    put_card(f, &(struct card){"c", 4, "four", "u4", 4});
    assert_card(f, "version=5 AND name='five' AND unionid='u4' AND unionid_at=4 AND born=4");
    put_card(f, &(struct card){"c", 5, "again", NULL, 5});
    assert_card(f, "version=5 AND name='again' AND unionid='u4' AND born=4");
    put_card(f, &(struct card){"c", 6, NULL, "u6", 0});
    assert_card(f, "version=6 AND name='again' AND unionid='u6' AND unionid_at=6 AND born=4");
    put_card(f, &(struct card){"c", 5, "late", "u5", 0});
    assert_card(f, "version=6 AND name='again' AND unionid='u6' AND unionid_at=6");
}

static void test_writer_either_source_may_come_first(void **state)
{
    struct fixture *f = *state;
    const struct db_value values[] = {db_text(STR("c")), db_int(77)};
    const struct db_row born = {&CARD_BORN, values};
    struct err err;

    must(writer_put(f->w, &born, 1, deadline_none(), &err), &err);
    assert_card(f, "version=0 AND born=77 AND name IS NULL");
    put_card(f, &(struct card){"c", 1, "one", NULL, 0});
    must(writer_put(f->w, &born, 1, deadline_none(), &err), &err);
    assert_card(f, "version=1 AND born=77 AND name='one'");
}

static void test_writer_key_twice_in_one_call_is_applied_in_order(void **state)
{
    struct fixture *f = *state;
    static const struct card cards[] = {{"c", 3, "three", "u", 0},
                                        {"b", 1, "other", NULL, 0},
                                        {"c", 3, "last", NULL, 0},
                                        {"c", 2, "two", NULL, 9}};
    struct db_value values[4][6];
    struct db_row rows[4];
    struct err err;

    for (size_t i = 0; i < COUNT_OF(cards); i++) {
        card_values(&cards[i], values[i]);
        rows[i] = (struct db_row){&CARD, values[i]};
    }
    must(writer_put(f->w, rows, COUNT_OF(rows), deadline_none(), &err), &err);
    assert_card(f, "code='c' AND version=3 AND name='last' AND unionid='u' AND born=9");
    assert_card(f, "code='b' AND name='other'");
}

static void put_permuted(struct fixture *f, const struct card *cards, int permutation)
{
    int left[4] = {0, 1, 2, 3};

    for (int n = 4; n > 0; n--) {
        int at = permutation % n;

        put_card(f, &cards[left[at]]);
        left[at] = left[n - 1];
        permutation /= n;
    }
}

static void test_writer_every_order_of_arrival_ends_in_the_same_row(void **state)
{
    struct fixture *f = *state;
    static const struct card cards[] = {{"c", 1, "a", "u1", 0},
                                        {"c", 2, "b", NULL, 0},
                                        {"c", 3, "c", "u3", 0},
                                        {"c", 4, "d", NULL, 0}};

    for (int permutation = 0; permutation < 24; permutation++) {
        scratch_run(&f->scratch, "DELETE FROM card");
        put_permuted(f, cards, permutation);
        assert_card(f, "version=4 AND name='d' AND unionid='u3' AND unionid_at=3");
    }
}

static enum status put_fact(struct writer *w, int64_t id, const char *text, struct err *err)
{
    const struct db_value values[] = {db_int(id), text_or_null(text)};
    const struct db_row row = {&FACT, values};

    return writer_put(w, &row, 1, deadline_in(HANG_MS), err);
}

static void test_writer_facts_stay_as_first_told(void **state)
{
    struct fixture *f = *state;
    struct err err;

    must(put_fact(f->w, 1, "first", &err), &err);
    must(put_fact(f->w, 1, "second", &err), &err);
    assert_int_equal(scratch_int(&f->scratch, "SELECT COUNT(*) FROM fact WHERE text='first'"), 1);
}

static void test_writer_call_is_kept_whole_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    const struct db_value good[] = {db_int(1), db_text(STR("good"))};
    const struct db_value bad[] = {db_int(2), db_text(STR("far too long"))};
    const struct db_row rows[] = {{&FACT, good}, {&FACT, bad}};
    struct err err;

    assert_int_equal(writer_put(f->w, rows, 2, deadline_none(), &err), ST_REJECT);
    assert_string_equal(err.code, "mysql:1406");
    assert_int_equal(scratch_int(&f->scratch, "SELECT COUNT(*) FROM fact"), 0);
    must(writer_put(f->w, rows, 1, deadline_none(), &err), &err);
}

static void test_writer_takes_calls_larger_than_a_batch(void **state)
{
    enum { ROWS = 1234 };

    struct fixture *f = *state;
    struct db_value(*values)[2] = mem_array(ROWS, sizeof(*values));
    struct db_row *rows = mem_array(ROWS, sizeof(*rows));
    struct err err;

    for (int64_t i = 0; i < ROWS; i++) {
        values[i][0] = db_int(i);
        values[i][1] = db_null();
        rows[i] = (struct db_row){&FACT, values[i]};
    }
    must(writer_put(f->w, rows, ROWS, deadline_none(), &err), &err);
    assert_int_equal(scratch_int(&f->scratch, "SELECT COUNT(*) FROM fact"), ROWS);
    assert_true(metric_value(metric_1(f->metrics, &METRIC_STORE_ROWS, "fact")) == ROWS);
    mem_free(values);
    mem_free(rows);
}

static void test_writer_missing_table_is_fatal(void **state)
{
    struct fixture *f = *state;
    struct err err;

    scratch_run(&f->scratch, "DROP TABLE fact");
    assert_int_equal(put_fact(f->w, 1, "x", &err), ST_FATAL);
    assert_string_equal(err.code, "mysql:1146");
}

/* Many lanes, each with a stretch of ids of its own. */
struct lane {
    struct writer *w;
    int64_t first;
    int64_t count;
    int64_t bad_every; /* 0: never */
    int64_t kept;      /* ids for which ST_OK came back */
    int64_t rejected;
    int64_t failed;
};

static void *write_facts(void *arg)
{
    struct lane *lane = arg;

    for (int64_t id = lane->first; id < lane->first + lane->count; id++) {
        bool bad = lane->bad_every > 0 && id % lane->bad_every == 0;
        struct err err;

        switch (put_fact(lane->w, id, bad ? "far too long" : "good", &err)) {
        case ST_OK: lane->kept += !bad; break;
        case ST_REJECT: lane->rejected += bad; break;
        case ST_WAIT:
        case ST_RETRY:
        case ST_FATAL: lane->failed++; break;
        }
    }
    db_thread_done();
    return NULL;
}

static struct lane run_lanes(struct fixture *f, int64_t count, int64_t bad_every)
{
    struct lane lanes[LANES];
    struct lane sum = {0};
    pthread_t threads[LANES];

    for (int i = 0; i < LANES; i++) {
        lanes[i] =
            (struct lane){.w = f->w, .first = i * count, .count = count, .bad_every = bad_every};
        assert_int_equal(pthread_create(&threads[i], NULL, write_facts, &lanes[i]), 0);
    }
    for (int i = 0; i < LANES; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        sum.kept += lanes[i].kept;
        sum.rejected += lanes[i].rejected;
        sum.failed += lanes[i].failed;
    }
    return sum;
}

static void test_writer_lanes_share_transactions(void **state)
{
    struct fixture *f = *state;
    struct lane sum = run_lanes(f, SHARED, 0);
    int64_t commits;

    assert_int_equal(sum.kept, SHARED_ALL);
    assert_int_equal(scratch_int(&f->scratch, "SELECT COUNT(*) FROM fact"), SHARED_ALL);
    assert_true(metric_value(metric_1(f->metrics, &METRIC_STORE_ROWS, "fact")) == SHARED_ALL);
    commits = (int64_t)metric_value(metric_plain(f->metrics, &METRIC_STORE_BATCH));
    assert_true(commits > 0 && commits < SHARED_ALL);
}

static void test_writer_refuses_the_bad_calls_alone(void **state)
{
    struct fixture *f = *state;
    struct lane sum = run_lanes(f, MIXED, 7);
    const int64_t bad = (MIXED_ALL + 6) / 7;

    assert_int_equal(sum.failed, 0);
    assert_int_equal(sum.rejected, bad);
    assert_int_equal(sum.kept, MIXED_ALL - bad);
    assert_int_equal(scratch_int(&f->scratch, "SELECT COUNT(*) FROM fact"), sum.kept);
}

struct killer {
    const struct scratch *s;
    atomic_bool stop;
    int kills;
};

static enum status kill_row(void *arg, const struct db_value *columns, size_t count,
                            struct err *err)
{
    int64_t *ids = arg;

    (void)count;
    (void)err;
    for (size_t i = 0; i < 8; i++)
        if (ids[i] == 0) {
            ids[i] = columns[0].value.i64;
            break;
        }
    return ST_OK;
}

static void nap(long ms)
{
    const struct timespec time = {.tv_nsec = ms * 1000000};

    (void)nanosleep(&time, NULL);
}

static void *kill_connections(void *arg)
{
    struct killer *killer = arg;
    struct err err;

    while (!killer->stop) {
        int64_t ids[8] = {0};

        must(db_query(killer->s->db,
                      STR("SELECT id FROM information_schema.processlist"
                          " WHERE db=DATABASE() AND id<>CONNECTION_ID() LIMIT 8"),
                      NULL, 0, kill_row, ids, &err),
             &err);
        for (size_t i = 0; i < COUNT_OF(ids) && ids[i] != 0; i++) {
            char sql[64];

            (void)snprintf(sql, sizeof(sql), "KILL %" PRId64, ids[i]);
            killer->kills += db_script(killer->s->db, str_from(sql), &err) == ST_OK;
        }
        nap(30);
    }
    return NULL;
}

static void test_writer_loses_nothing_with_its_connections(void **state)
{
    struct fixture *f = *state;
    struct killer killer = {.s = &f->scratch};
    struct lane sum;
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, kill_connections, &killer), 0);
    sum = run_lanes(f, 200, 0);
    killer.stop = true;
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(killer.kills > 0);
    assert_int_equal(sum.failed, 0);
    assert_int_equal(scratch_int(&f->scratch, "SELECT COUNT(*) FROM fact"), LANES * 200);
}

static const char CODES[] = "0123";

struct transfer {
    struct writer *w;
    uint32_t from;
    uint32_t to;
    enum status rc;
};

static enum status move_one(struct db *tx, void *arg, struct err *err)
{
    const struct transfer *t = arg;
    const struct db_value from = db_text(str_of(&CODES[t->from], 1));
    const struct db_value to = db_text(str_of(&CODES[t->to], 1));
    enum status rc =
        db_exec(tx, STR("UPDATE card SET version=version-1 WHERE code=?"), &from, 1, NULL, err);

    if (rc == ST_OK)
        rc = db_exec(tx, STR("UPDATE card SET version=version+1 WHERE code=?"), &to, 1, NULL, err);
    return rc;
}

static void *move_many(void *arg)
{
    struct transfer *t = arg;

    for (int i = 0; i < 40 && t->rc == ST_OK; i++) {
        struct err err;

        t->from = rand_below(4);
        t->to = rand_below(4);
        t->rc = writer_run(t->w, move_one, t, deadline_in(HANG_MS), &err);
    }
    return NULL;
}

/* Two writers, as of two processes, lock the same few rows in any order. */
static void test_writer_repeats_what_a_deadlock_undid(void **state)
{
    struct fixture *f = *state;
    struct writer *other = writer_new(&f->scratch.settings, f->pool, f->metrics);
    struct transfer lanes[LANES];
    pthread_t threads[LANES];

    for (int i = 0; i < 4; i++) {
        char code[2] = {(char)('0' + i), '\0'};

        put_card(f, &(struct card){code, 1000, NULL, NULL, 0});
    }
    for (int i = 0; i < LANES; i++) {
        lanes[i] = (struct transfer){.w = i % 2 ? f->w : other};
        assert_int_equal(pthread_create(&threads[i], NULL, move_many, &lanes[i]), 0);
    }
    for (int i = 0; i < LANES; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(lanes[i].rc, ST_OK);
    }
    assert_int_equal(scratch_int(&f->scratch, "SELECT CAST(SUM(version) AS SIGNED) FROM card"),
                     4000);
    writer_free(other);
}

struct insert {
    int64_t id;
    enum status verdict;
};

static enum status insert_then(struct db *tx, void *arg, struct err *err)
{
    const struct insert *insert = arg;
    const struct db_value id = db_int(insert->id);
    enum status rc = db_exec(tx, STR("INSERT INTO fact (id) VALUES (?)"), &id, 1, NULL, err);

    if (rc != ST_OK || insert->verdict == ST_OK)
        return rc;
    if (insert->verdict == ST_WAIT)
        return err_wait(err, "test", deadline_none(), "closed");
    return err_reject(err, REASON_SCHEMA, "test", "not wanted");
}

static void test_writer_undoes_the_statements_of_a_refusing_fn(void **state)
{
    struct fixture *f = *state;
    struct insert wanted = {1, ST_OK};
    struct insert unwanted = {2, ST_REJECT};
    struct insert waiting = {3, ST_WAIT};
    struct insert again = {1, ST_OK};
    struct err err;

    must(writer_run(f->w, insert_then, &wanted, deadline_none(), &err), &err);
    assert_int_equal(writer_run(f->w, insert_then, &unwanted, deadline_none(), &err), ST_REJECT);
    assert_string_equal(err.code, "test");
    assert_int_equal(writer_run(f->w, insert_then, &waiting, deadline_none(), &err), ST_WAIT);
    assert_int_equal(writer_run(f->w, insert_then, &again, deadline_none(), &err), ST_REJECT);
    assert_string_equal(err.code, "mysql:1062");
    assert_int_equal(scratch_int(&f->scratch, "SELECT CAST(SUM(id) AS SIGNED) FROM fact"), 1);
}

static void *insert_odd_ones(void *arg)
{
    struct lane *lane = arg;

    for (int64_t id = lane->first; id < lane->first + lane->count; id++) {
        struct insert insert = {id, id % 2 ? ST_OK : ST_REJECT};
        struct err err;
        enum status rc = writer_run(lane->w, insert_then, &insert, deadline_in(HANG_MS), &err);

        lane->kept += rc == ST_OK;
        lane->failed += rc != insert.verdict;
    }
    return NULL;
}

static void test_writer_fns_share_a_transaction_without_harm(void **state)
{
    struct fixture *f = *state;
    struct lane lanes[LANES];
    pthread_t threads[LANES];

    for (int i = 0; i < LANES; i++) {
        lanes[i] = (struct lane){.w = f->w, .first = 20L * i, .count = 20};
        assert_int_equal(pthread_create(&threads[i], NULL, insert_odd_ones, &lanes[i]), 0);
    }
    for (int i = 0; i < LANES; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(lanes[i].failed, 0);
        assert_int_equal(lanes[i].kept, 10);
    }
    assert_int_equal(scratch_int(&f->scratch, "SELECT COUNT(*) FROM fact WHERE id%2=1"),
                     LANES * 10);
    assert_int_equal(scratch_int(&f->scratch, "SELECT COUNT(*) FROM fact"), LANES * 10);
}

static void *link_later(void *arg)
{
    const char *const *names = arg;

    nap(700);
    return symlink(names[0], names[1]) == 0 ? arg : NULL;
}

static void test_writer_waits_for_a_server_that_comes_back(void **state)
{
    struct fixture *f = *state;
    struct settings_mysql settings = f->scratch.settings;
    char path[100];
    const char *names[] = {settings.socket, path};
    struct db_pool *pool;
    pthread_t thread;
    void *linked = NULL;

    (void)snprintf(path, sizeof(path), "/tmp/%s.sock", f->scratch.name);
    settings.socket = path;
    pool = db_pool_new(&settings);
    writer_free(f->w);
    f->w = writer_new(&settings, pool, f->metrics);

    assert_int_equal(pthread_create(&thread, NULL, link_later, names), 0);
    assert_int_equal(run_lanes(f, 2, 0).kept, LANES * 2);
    assert_int_equal(pthread_join(thread, &linked), 0);
    assert_non_null(linked);
    assert_int_equal(unlink(path), 0);
    writer_free(f->w);
    f->w = NULL;
    db_pool_free(pool);
}

#define WRITER_TEST(test) cmocka_unit_test_prestate_setup_teardown(test, begin, end, &fixture)

int main(int argc, char **argv)
{
    struct fixture fixture = {0};
    const struct CMUnitTest tests[] = {
        WRITER_TEST(test_writer_lower_version_loses_and_absent_never_erases),
        WRITER_TEST(test_writer_either_source_may_come_first),
        WRITER_TEST(test_writer_key_twice_in_one_call_is_applied_in_order),
        WRITER_TEST(test_writer_every_order_of_arrival_ends_in_the_same_row),
        WRITER_TEST(test_writer_facts_stay_as_first_told),
        WRITER_TEST(test_writer_call_is_kept_whole_or_not_at_all),
        WRITER_TEST(test_writer_takes_calls_larger_than_a_batch),
        WRITER_TEST(test_writer_missing_table_is_fatal),
        WRITER_TEST(test_writer_lanes_share_transactions),
        WRITER_TEST(test_writer_refuses_the_bad_calls_alone),
        WRITER_TEST(test_writer_loses_nothing_with_its_connections),
        WRITER_TEST(test_writer_repeats_what_a_deadlock_undid),
        WRITER_TEST(test_writer_undoes_the_statements_of_a_refusing_fn),
        WRITER_TEST(test_writer_fns_share_a_transaction_without_harm),
        WRITER_TEST(test_writer_waits_for_a_server_that_comes_back),
    };
    int failed;

    if (argc != 3)
        return 64;
    scratch_open(&fixture.scratch, argv + 1);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&fixture.scratch);
    return failed;
}
