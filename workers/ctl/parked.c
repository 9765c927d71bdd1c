/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl parked ls|show|release|discard: records that wait in MySQL. What is asked of them is
 * written down; who owns them does it. */
#include "tables/parked.h"

#include "app/app.h"
#include "app/table.h"
#include "base/map.h"
#include "database.h"
#include "show.h"

#include <stdio.h>

enum { TEXTS_MAX_MIB = 256, LINE_MAX_BYTES = 64 << 20, NAME_MAX_BYTES = 1024 };

/* The rows of one key and partition number; its texts are the list's. */
struct queue {
    struct parked_row first;
    int64_t rows;
    struct queue *next;
};

struct queues {
    struct queue *first; /* in the order of their first rows */
    struct queue **end;
    struct map *by_name;
    struct arena arena;
};

/* Lines of parked ls */

static enum status no_memory(struct err *err)
{
    return err_fatal(err, "memory", "these keys take more than %d MiB: choose one with --key",
                     TEXTS_MAX_MIB);
}

/* A record without a key is a queue of its own. */
static void name_queue(const struct parked_row *row, struct buf *name)
{
    char room[PARKED_KEY_ROOM];

    if (str_is_set(row->record.key))
        buf_addf(name, "k%d:", row->record.partition);
    else
        buf_addf(name, "i%lld", (long long)row->id);
    buf_add(name, parked_key(row->record.key, room));
}

static struct queue *add_queue(struct queues *q, struct str name, const struct parked_row *row)
{
    struct queue *queue = arena_alloc(&q->arena, sizeof(*queue));

    if (!queue)
        return NULL;
    queue->first = *row;
    queue->first.reason = arena_dup(&q->arena, row->reason);
    queue->first.record = (struct record){
        .topic = arena_dup(&q->arena, row->record.topic),
        .partition = row->record.partition,
        .offset = row->record.offset,
        .key = arena_dup(&q->arena, row->record.key),
    };
    if (!map_put(q->by_name, name, queue, NULL))
        return NULL;
    *q->end = queue;
    q->end = &queue->next;
    return queue;
}

/* parked_row_fn */
static enum status count_row(void *arg, const struct parked_row *row, struct err *err)
{
    AUTO(buf_done) struct buf name = BUF_INIT(NAME_MAX_BYTES);
    struct queues *q = arg;
    struct queue *queue;

    name_queue(row, &name);
    if (!buf_ok(&name))
        return no_memory(err);
    queue = map_get(q->by_name, buf_str(&name));
    if (!queue)
        queue = add_queue(q, buf_str(&name), row);
    if (!queue || !str_is_set(queue->first.record.topic))
        return no_memory(err);
    queue->rows++;
    return ST_OK;
}

/* "" for at once. */
static void format_next(const struct parked_row *row, char out[CLOCK_RFC3339_SIZE])
{
    out[0] = '\0';
    if (row->next_at_ms > 0)
        clock_format_rfc3339(row->next_at_ms, out);
}

static void write_time(struct jsonw *w, const char *key, int64_t wall_ms)
{
    char time[CLOCK_RFC3339_SIZE];

    jsonw_key(w, str_from(key));
    if (wall_ms > 0)
        clock_format_rfc3339(wall_ms, time);
    jsonw_str(w, wall_ms > 0 ? str_from(time) : (struct str){0});
}

/* Into an object that is open. */
static void write_row(struct jsonw *w, const struct parked_row *row)
{
    jsonw_key_str(w, "topic", row->record.topic);
    jsonw_key_i64(w, "partition", row->record.partition);
    jsonw_key_i64(w, "offset", row->record.offset);
    jsonw_key_i64(w, "attempts", row->attempts);
    write_time(w, "next_at", row->next_at_ms);
    write_time(w, "first_failed_at", row->first_failed_ms);
    write_time(w, "last_failed_at", row->last_failed_ms);
    jsonw_key(w, STR("reason"));
    show_bytes(w, row->reason);
    jsonw_key_str(w, "wish", str_from(parked_wish_name(row->wish)));
}

static bool print_queues_json(const struct queues *q)
{
    AUTO(buf_done) struct buf line = BUF_INIT(LINE_MAX_BYTES);
    bool good = true;

    (void)printf("[");
    for (const struct queue *queue = q->first; good && queue; queue = queue->next) {
        struct jsonw w = {.out = &line};

        buf_clear(&line);
        jsonw_object(&w);
        jsonw_key(&w, STR("key"));
        show_bytes(&w, queue->first.record.key);
        jsonw_key_i64(&w, "rows", queue->rows);
        write_row(&w, &queue->first);
        jsonw_object_end(&w);
        good = buf_ok(&line);
        (void)printf("%s\n%.*s", queue == q->first ? "" : ",", STR_ARG(buf_str(&line)));
    }
    (void)printf("\n]\n");
    return good;
}

static bool add_line(struct text_table *table, const struct queue *queue)
{
    const struct parked_row *row = &queue->first;
    char next[CLOCK_RFC3339_SIZE];
    char rows[24];
    char attempts[24];
    char place[320];

    format_next(row, next);
    (void)snprintf(rows, sizeof(rows), "%lld", (long long)queue->rows);
    (void)snprintf(attempts, sizeof(attempts), "%lld", (long long)row->attempts);
    (void)snprintf(place, sizeof(place), "%.250s:%d:%lld", row->record.topic.ptr,
                   row->record.partition, (long long)row->record.offset);
    return text_table_row(
        table, (const struct str[]){row->record.key, str_from(rows), str_from(place),
                                    str_from(attempts), next[0] ? str_from(next) : STR("at once"),
                                    row->reason, str_from(parked_wish_name(row->wish))});
}

static bool print_queues(const struct queues *q)
{
    static const char *const columns[] = {"key",     "rows",   "first", "attempts",
                                          "next_at", "reason", "wish",  NULL};
    AUTO(text_table_freep) struct text_table *table = text_table_new(columns, false);
    bool good = table != NULL;

    for (const struct queue *queue = q->first; good && queue; queue = queue->next)
        good = add_line(table, queue);
    if (good && !q->first)
        (void)printf("nothing is parked\n");
    return good && (!q->first || text_table_print(table));
}

/* Reading */

static int list_rows(const struct ctl *ctl, parked_row_fn *fn, void *arg)
{
    const struct parked_query query = {
        .worker = ctl->words[0],
        .key = ctl->key,
        .limit = INT64_MAX,
    };
    struct db *db = NULL;
    struct err err = {0};
    enum status rc;

    if (!ctl_is_worker(ctl->words[0]))
        return ctl_usage("that is no worker's name");
    rc = database_open(ctl, &db, &err);
    if (rc == ST_OK)
        rc = parked_list(db, &query, fn, arg, &err);
    database_close(db);
    return rc == ST_OK ? EXIT_DONE : ctl_fail(rc, &err);
}

int ctl_parked_ls(const struct ctl *ctl)
{
    struct queues q = {.by_name = map_new(), .arena = ARENA_INIT((size_t)TEXTS_MAX_MIB << 20)};
    int code = EXIT_INTERNAL;

    q.end = &q.first;
    if (q.by_name)
        code = list_rows(ctl, count_row, &q);
    if (code == EXIT_DONE && !(ctl->json ? print_queues_json(&q) : print_queues(&q)))
        code = EXIT_INTERNAL;
    map_free(q.by_name, NULL);
    arena_done(&q.arena);
    return code;
}

struct showing {
    bool json;
    bool reveal;
    size_t rows;
};

static enum status show_row_json(const struct parked_row *row, bool first, struct err *err)
{
    AUTO(buf_done) struct buf line = BUF_INIT(LINE_MAX_BYTES);
    struct jsonw w = {.out = &line};

    jsonw_object(&w);
    write_row(&w, row);
    jsonw_key_bool(&w, "damaged", row->damaged);
    show_members(&w, &row->record);
    jsonw_object_end(&w);
    if (!buf_ok(&line))
        return err_fatal(err, "memory", "out of memory");
    (void)printf("%s\n%.*s", first ? "[" : ",", STR_ARG(buf_str(&line)));
    return ST_OK;
}

static void show_row_people(const struct parked_row *row, bool reveal)
{
    char next[CLOCK_RFC3339_SIZE];

    format_next(row, next);
    (void)printf("%.*s:%d:%lld  %lld attempts, next %s  ", STR_ARG(row->record.topic),
                 row->record.partition, (long long)row->record.offset, (long long)row->attempts,
                 next[0] ? next : "at once");
    show_print_bytes(row->reason);
    (void)printf("  %s%s\n", parked_wish_name(row->wish), row->damaged ? "  (damaged)" : "");
    show_print(&row->record, reveal);
}

/* parked_row_fn */
static enum status show_row(void *arg, const struct parked_row *row, struct err *err)
{
    struct showing *showing = arg;
    bool first = showing->rows++ == 0;

    if (showing->json)
        return show_row_json(row, first, err);
    show_row_people(row, showing->reveal);
    return ST_OK;
}

int ctl_parked_show(const struct ctl *ctl)
{
    struct showing showing = {.json = ctl->json, .reveal = ctl->reveal};
    int code;

    code = list_rows(ctl, show_row, &showing);
    if (code == EXIT_DONE && ctl->json)
        (void)printf("%s\n]\n", showing.rows == 0 ? "[" : "");
    else if (code == EXIT_DONE && showing.rows == 0)
        (void)printf("nothing is parked\n");
    return code;
}

/* Wishing */

static int print_wish(const struct ctl *ctl, enum parked_wish wish, int64_t rows)
{
    if (ctl->json)
        (void)printf("{\"worker\":\"%s\",\"wish\":\"%s\",\"rows\":%lld}\n", ctl->words[0],
                     parked_wish_name(wish), (long long)rows);
    else if (rows == 0)
        (void)printf("nothing is parked\n");
    else
        (void)printf("%lld record%s marked %s; whoever owns %s acts on it within a second or so\n",
                     (long long)rows, rows == 1 ? "" : "s", parked_wish_name(wish),
                     rows == 1 ? "it" : "them");
    return EXIT_DONE;
}

static int make_wish(const struct ctl *ctl, enum parked_wish wish)
{
    const char *worker = ctl->words[0];
    char question[128];
    struct db *db = NULL;
    struct err err = {0};
    int64_t rows = 0;
    enum status rc;

    if (!ctl_is_worker(worker))
        return ctl_usage("that is no worker's name");
    (void)snprintf(question, sizeof(question), "%s %s of %s?",
                   wish == PARKED_RELEASE ? "Try again at once" : "Give up and dead-letter",
                   str_is_set(ctl->key) ? "the parked key" : "every parked key", worker);
    if (!ctl_confirm(ctl, question))
        return EXIT_USAGE;
    rc = database_open(ctl, &db, &err);
    if (rc == ST_OK)
        rc = parked_wish(db, worker, ctl->key, wish, &rows, &err);
    database_close(db);
    return rc == ST_OK ? print_wish(ctl, wish, rows) : ctl_fail(rc, &err);
}

int ctl_parked_release(const struct ctl *ctl)
{
    return make_wish(ctl, PARKED_RELEASE);
}

int ctl_parked_discard(const struct ctl *ctl)
{
    return make_wish(ctl, PARKED_DISCARD);
}
