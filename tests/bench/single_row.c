/* SPDX-License-Identifier: Apache-2.0 */
/* The reference of the store benchmark: what a plain consumer does. Each record is parsed and each
 * of its rows written by a statement and a commit of its own, through the same client library.
 *   single_row SOCKET PASSWORD_FILE DATABASE RECORDS CONNECTIONS SECONDS
 * RECORDS has one record per line: its id, a tab, its value. Prints the rows and the time in us.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/num.h"
#include "codec/json.h"
#include "db/mysql.h"
#include "tables/event.h"
#include "tables/member.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { CONNECTIONS_MAX = 16, FILE_MAX = 256 * 1024 * 1024, SQL_MAX = 8192 };

struct writer_thread {
    const struct settings_mysql *settings;
    struct str records;
    int64_t nth; /* takes every count-th line */
    int64_t count;
    int64_t end_ms;
    int64_t rows;
    struct db *db;
};

static void must(enum status rc, const struct err *err)
{
    if (rc == ST_OK)
        return;
    (void)fprintf(stderr, "single_row: %s: %s\n", err->code, err->text);
    abort();
}

static void write_row(struct writer_thread *t, const struct table *table,
                      const struct db_value *values)
{
    AUTO(buf_done) struct buf sql = BUF_INIT(SQL_MAX);
    struct err err = {0};

    if (values == NULL)
        abort();
    table_upsert_sql(table, 1, &sql);
    must(db_exec(t->db, buf_str(&sql), values, table->column_count, NULL, &err), &err);
    t->rows++;
}

static void write_member(struct writer_thread *t, const struct json *value, struct arena *arena)
{
    struct member m = {0};
    struct err err = {0};

    must(member_parse(value, &m, &err), &err);
    write_row(t, &TABLE_MEMBER, member_row(arena, &m));
    for (struct json_iter i = json_iter(m.form.tree); json_next(&i);)
        write_row(t, &TABLE_MEMBER_FIELD, member_field_row(arena, &m, i.key, i.value));
}

static void write_record(struct writer_thread *t, struct str line)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 20);
    AUTO(json_freep) struct json *value = NULL;
    struct event e = {0};
    struct str id;
    struct str text;
    struct err err = {0};

    (void)str_cut(line, '\t', &id, &text);
    must(json_parse(text, &value, &err), &err);
    if (json_has(value, "version")) {
        write_member(t, value, &arena);
        return;
    }
    must(event_parse(value, &e, &err), &err);
    write_row(t, &TABLE_WECHAT_EVENT,
              event_row(&arena, &e, &(struct event_origin){.id = id, .body = text}));
}

static void *work(void *arg)
{
    struct writer_thread *t = arg;
    struct str rest = t->records;
    struct str line;
    struct err err = {0};

    must(db_open(t->settings, &t->db, &err), &err);
    for (int64_t i = 0; str_cut(rest, '\n', &line, &rest) && clock_mono_ms() < t->end_ms; i++)
        if (i % t->count == t->nth && line.len > 0)
            write_record(t, line);
    db_close(t->db);
    return NULL;
}

static void read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "re");
    char part[65536];
    size_t got;

    if (file == NULL)
        abort();
    while ((got = fread(part, 1, sizeof(part), file)) > 0)
        buf_add(out, str_of(part, got));
    (void)fclose(file);
    if (!buf_ok(out))
        abort();
}

static int64_t number(const char *text, int64_t max)
{
    int64_t value = 0;

    if (!num_parse_i64(str_from(text), 1, max, &value))
        abort();
    return value;
}

/* All connections together; prints the result. */
static void run(const struct settings_mysql *settings, struct str records, int64_t seconds)
{
    struct writer_thread threads[CONNECTIONS_MAX] = {0};
    pthread_t ids[CONNECTIONS_MAX];
    const int64_t begin_ns = clock_mono_ns();
    int64_t rows = 0;

    for (int64_t i = 0; i < settings->connections; i++) {
        threads[i] = (struct writer_thread){.settings = settings,
                                            .records = records,
                                            .nth = i,
                                            .count = settings->connections,
                                            .end_ms = clock_mono_ms() + seconds * 1000};
        if (pthread_create(&ids[i], NULL, work, &threads[i]) != 0)
            abort();
    }
    for (int64_t i = 0; i < settings->connections; i++) {
        (void)pthread_join(ids[i], NULL);
        rows += threads[i].rows;
    }
    (void)printf("%" PRId64 " %" PRId64 "\n", rows, (clock_mono_ns() - begin_ns) / 1000);
}

int main(int argc, char **argv)
{
    AUTO(buf_done) struct buf records = BUF_INIT(FILE_MAX);
    struct settings_mysql settings = {0};
    char user[] = "kabao";
    struct err err = {0};

    if (argc != 7) {
        (void)fputs("usage: single_row SOCKET PASSWORD_FILE DATABASE RECORDS CONNECTIONS SECONDS\n",
                    stderr);
        return 64;
    }
    settings.socket = argv[1];
    settings.user = user;
    settings.password_file = argv[2];
    settings.database = argv[3];
    settings.connections = number(argv[5], CONNECTIONS_MAX);
    read_file(argv[4], &records);
    must(db_library_init(&err), &err);
    run(&settings, buf_str(&records), number(argv[6], 3600));
    db_library_done();
    return 0;
}
