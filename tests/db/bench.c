/* SPDX-License-Identifier: Apache-2.0 */
/* Rows per second into `member`: the writer with 1 to 256 lanes beside the same upsert as single
 * rows with autocommit, on as many connections as the writer has. */
#include "base/mem.h"
#include "base/rand.h"
#include "db/migrate.h"
#include "db/writer.h"
#include "metrics/catalog.h"
#include "tests/db/scratch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { KEYS = 200000, RUN_MS = 3000, LANES_MAX = 256, ROUNDS = 3 };

static const struct column COLUMNS[] = {
    {"appid", COLUMN_KEY, NULL},
    {"card_id", COLUMN_KEY, NULL},
    {"card_code", COLUMN_KEY, NULL},
    {"openid", 0, NULL},
    {"unionid", 0, "unionid_at"},
    {"unionid_at", 0, NULL},
    {"membership_number", 0, NULL},
    {"nickname", 0, NULL},
    {"mobile", 0, NULL},
    {"bonus", 0, NULL},
    {"balance", 0, NULL},
    {"status", 0, NULL},
    {"has_active", 0, NULL},
    {"outer_str", 0, "outer_str_at"},
    {"outer_str_at", 0, NULL},
    {"version", COLUMN_VERSION, NULL},
    {"updated_at", 0, NULL},
};
static const struct table MEMBER = {"member", COLUMNS, COUNT_OF(COLUMNS), false};

struct member_row {
    struct db_value values[COUNT_OF(COLUMNS)];
    char code[24];
    char openid[32];
};

static _Atomic int64_t next_version = 1;

static void fill(struct member_row *m)
{
    uint32_t key = rand_below(KEYS);
    int64_t version = atomic_fetch_add(&next_version, 1);
    struct db_value *v = m->values;

    (void)snprintf(m->code, sizeof(m->code), "%012u", key);
    (void)snprintf(m->openid, sizeof(m->openid), "oGRUFjk0a1b2c3d4e5f6%08u", key);
    *v++ = db_text(STR("wx0123456789abcdef"));
    *v++ = db_text(STR("pGRUFjv0a1b2c3d4e5f6g7h8i9j0"));
    *v++ = db_text(str_from(m->code));
    *v++ = db_text(str_from(m->openid));
    *v++ = db_text(str_from(m->openid));
    *v++ = db_int(version);
    *v++ = db_text(str_from(m->code));
    *v++ = db_text(STR("\xe5\xbc\xa0\xe4\xb8\x89"));
    *v++ = db_text(STR("+8613800138000"));
    *v++ = db_int(version % 1000);
    *v++ = db_int(version % 100);
    *v++ = db_text(STR("NORMAL"));
    *v++ = db_int(1);
    *v++ = db_text(STR("shop-7"));
    *v++ = db_int(version);
    *v++ = db_int(version);
    *v++ = db_time(1760000000000 + version);
}

struct lane {
    struct writer *w; /* NULL: single rows through db */
    struct db *db;
    int64_t end_ms;
    int64_t rows;
    int64_t waited_ns;
};

static void *work(void *arg)
{
    struct lane *lane = arg;
    struct member_row m;
    const struct db_row row = {&MEMBER, m.values};
    AUTO(buf_done) struct buf sql = BUF_INIT(4096);

    table_upsert_sql(&MEMBER, 1, &sql);
    while (clock_mono_ms() < lane->end_ms) {
        int64_t start_ns = clock_mono_ns();
        struct err err;

        fill(&m);
        if (lane->w)
            must(writer_put(lane->w, &row, 1, deadline_none(), &err), &err);
        else
            must(db_exec(lane->db, buf_str(&sql), m.values, COUNT_OF(m.values), NULL, &err), &err);
        lane->rows++;
        lane->waited_ns += clock_mono_ns() - start_ns;
    }
    return NULL;
}

static double measure(struct lane *lanes, size_t count, const char *name)
{
    pthread_t threads[LANES_MAX];
    int64_t start_ns = clock_mono_ns();
    struct lane sum = {0};
    double seconds;

    for (size_t i = 0; i < count; i++) {
        lanes[i].end_ms = clock_mono_ms() + RUN_MS;
        if (pthread_create(&threads[i], NULL, work, &lanes[i]) != 0)
            return 0;
    }
    for (size_t i = 0; i < count; i++) {
        (void)pthread_join(threads[i], NULL);
        sum.rows += lanes[i].rows;
        sum.waited_ns += lanes[i].waited_ns;
    }
    seconds = (double)(clock_mono_ns() - start_ns) / 1e9;
    (void)printf("%-12s %4zu  %8.0f rows/s  mean wait %7.3f ms\n", name, count,
                 (double)sum.rows / seconds, (double)sum.waited_ns / (double)sum.rows / 1e6);
    return (double)sum.rows / seconds;
}

static double single_rows(const struct scratch *s, size_t connections)
{
    struct lane lanes[LANES_MAX] = {0};
    double rate;
    struct err err;

    for (size_t i = 0; i < connections; i++)
        must(db_open(&s->settings, &lanes[i].db, &err), &err);
    rate = measure(lanes, connections, "single rows");
    for (size_t i = 0; i < connections; i++)
        db_close(lanes[i].db);
    return rate;
}

static double writer_lanes(const struct scratch *s, size_t count)
{
    AUTO(metrics_freep) struct metrics *metrics = metrics_new();
    AUTO(db_pool_freep) struct db_pool *pool = db_pool_new(&s->settings);
    AUTO(writer_freep) struct writer *w = writer_new(&s->settings, pool, metrics);
    struct lane lanes[LANES_MAX] = {0};
    struct series *batches = metric_plain(metrics, &METRIC_STORE_BATCH);
    double rate;

    for (size_t i = 0; i < count; i++)
        lanes[i].w = w;
    rate = measure(lanes, count, "writer");
    (void)printf("%28.1f rows/batch\n", rate * RUN_MS / 1000 / metric_value(batches));
    return rate;
}

int main(int argc, char **argv)
{
    static const size_t lanes[] = {1, 16, 64, 256};
    struct scratch s;
    struct err err;

    if (argc != 3)
        return 64;
    scratch_open(&s, argv + 1);
    must(migrate_apply(s.db, NULL, NULL, &err), &err);
    (void)writer_lanes(&s, LANES_MAX); /* most later writes are updates */
    (void)writer_lanes(&s, LANES_MAX);
    for (int round = 0; round < ROUNDS; round++) {
        double one = single_rows(&s, 1);
        double four = single_rows(&s, (size_t)s.settings.connections);
        double writer = 0;

        for (size_t i = 0; i < COUNT_OF(lanes); i++)
            writer = writer_lanes(&s, lanes[i]);
        (void)printf("256 lanes: %.1f times one connection, %.1f times four\n", writer / one,
                     writer / four);
    }
    scratch_close(&s);
    return 0;
}
