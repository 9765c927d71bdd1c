/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl dlq ls|show: dead letters, and what became of them. */
#include "dlq.h"

#include "app/app.h"
#include "app/table.h"
#include "base/num.h"
#include "database.h"
#include "show.h"

#include <stdio.h>

enum { LINE_MAX_BYTES = 256 << 20, REASONS = REASON_EXPIRED + 1 };

/* Choosing */

static bool parse_place(const char *word, struct letters_query *query)
{
    struct str part = {0};
    struct str off = {0};
    int64_t number = 0;

    (void)str_cut(str_from(word), ':', &part, &off);
    if (!num_parse_i64(part, 0, INT32_MAX, &number) ||
        !num_parse_i64(off, 0, INT64_MAX, &query->off))
        return false;
    query->part = (int32_t)number;
    query->has_place = true;
    return true;
}

static bool parse_times(const struct ctl *ctl, struct letters_query *query)
{
    if (str_is_set(ctl->from) && !str_eq(ctl->from, STR("beginning")) &&
        !clock_parse_rfc3339(ctl->from.ptr, ctl->from.len, &query->from_ms))
        return false;
    return !str_is_set(ctl->to) || clock_parse_rfc3339(ctl->to.ptr, ctl->to.len, &query->to_ms);
}

static bool is_reason(struct str name)
{
    for (int reason = REASON_NONE + 1; reason < REASONS; reason++)
        if (str_eq_cstr(name, reason_name((enum reason)reason)))
            return true;
    return false;
}

int dlq_select(const struct ctl *ctl, struct letters_query *out)
{
    *out = (struct letters_query){
        .worker = ctl->words[0],
        .key = ctl->key,
        .reason = ctl->reason,
        .from_ms = INT64_MIN,
        .to_ms = INT64_MAX,
        .max = ctl->max,
    };
    if (!ctl_is_worker(ctl->words[0]))
        return ctl_usage("that is no worker's name");
    if (ctl->word_count > 1 && !parse_place(ctl->words[1], out))
        return ctl_usage("a dead letter is named PARTITION:OFFSET");
    if (!parse_times(ctl, out))
        return ctl_usage("--from and --to take a time such as 2026-01-02T03:04:05Z");
    if (str_is_set(ctl->reason) && !is_reason(ctl->reason))
        return ctl_usage("there is no such reason");
    return EXIT_DONE;
}

static int read_letters(const struct ctl *ctl, const struct letters_query *query,
                        struct letters *out)
{
    struct db *db = NULL;
    struct err err = {0};
    enum status rc;

    rc = database_open(ctl, &db, &err);
    if (rc == ST_OK)
        rc = letters_read(ctl, db, query, out, &err);
    database_close(db);
    return rc == ST_OK ? EXIT_DONE : ctl_fail(rc, &err);
}

/* Printing */

static void write_number(struct jsonw *w, const char *key, const struct dead *dead,
                         const char *header)
{
    int64_t number = 0;

    jsonw_key(w, str_from(key));
    if (dead_number(dead, header, INT64_MAX, &number))
        jsonw_i64(w, number);
    else
        jsonw_null(w);
}

static void write_header(struct jsonw *w, const char *key, const struct dead *dead,
                         const char *header)
{
    jsonw_key(w, str_from(key));
    show_bytes(w, dead_header(dead, header));
}

/* Into an object that is open. */
static void write_letter(struct jsonw *w, const struct dead *dead)
{
    const struct record *record = &dead->record;
    char time[CLOCK_RFC3339_SIZE];

    jsonw_key_i64(w, "partition", record->partition);
    jsonw_key_i64(w, "offset", record->offset);
    clock_format_rfc3339(record->timestamp_ms, time);
    jsonw_key_str(w, "died_at", str_from(time));
    write_header(w, "reason", dead, "dlq-reason");
    write_header(w, "code", dead, "dlq-error-code");
    write_header(w, "message", dead, "dlq-error-message");
    write_header(w, "original_topic", dead, "dlq-original-topic");
    write_number(w, "original_partition", dead, "dlq-original-partition");
    write_number(w, "original_offset", dead, "dlq-original-offset");
    write_number(w, "attempts", dead, "dlq-attempts");
    write_number(w, "crashes", dead, "dlq-crashes");
    write_header(w, "first_failed_at", dead, "dlq-first-failed-at");
    jsonw_key_str(w, "state", str_from(dead_state(dead)));
    if (dead->letter.state == LETTER_OPEN)
        return;
    clock_format_rfc3339(dead->letter.at_ms, time);
    jsonw_key_str(w, "state_at", str_from(time));
    jsonw_key_str(w, "state_by", str_from(dead->letter.by));
}

static bool print_json(const struct letters *letters, dlq_would_fn *would, void *arg)
{
    AUTO(buf_done) struct buf line = BUF_INIT(LINE_MAX_BYTES);
    bool good = true;

    (void)printf("[");
    for (size_t i = 0; good && i < letters->count; i++) {
        const struct dead *dead = &letters->list[i];
        struct jsonw w = {.out = &line};

        buf_clear(&line);
        jsonw_object(&w);
        write_letter(&w, dead);
        jsonw_key(&w, STR("key"));
        show_bytes(&w, dead->record.key);
        if (would)
            jsonw_key_str(&w, "would", str_from(would(arg, dead)));
        jsonw_object_end(&w);
        (void)printf("%s\n", i > 0 ? "," : "");
        good = buf_ok(&line);
        (void)printf("%.*s", STR_ARG(buf_str(&line)));
    }
    (void)printf("\n]\n");
    return good;
}

static bool add_row(struct text_table *table, const struct dead *dead, const char *last)
{
    const struct record *record = &dead->record;
    char time[CLOCK_RFC3339_SIZE];
    char place[40];
    char source[400];
    struct str topic = dead_header(dead, "dlq-original-topic");
    struct str part = dead_header(dead, "dlq-original-partition");
    struct str off = dead_header(dead, "dlq-original-offset");

    clock_format_rfc3339(record->timestamp_ms, time);
    (void)snprintf(place, sizeof(place), "%d:%lld", record->partition, (long long)record->offset);
    (void)snprintf(source, sizeof(source), "%.250s:%.20s:%.20s", str_is_set(topic) ? topic.ptr : "",
                   str_is_set(part) ? part.ptr : "", str_is_set(off) ? off.ptr : "");
    return text_table_row(
        table,
        (const struct str[]){str_from(place), str_from(time), dead_header(dead, "dlq-reason"),
                             dead_header(dead, "dlq-error-code"), str_from(source), record->key,
                             dead_header(dead, "dlq-attempts"), str_from(last)});
}

static bool print_table(const struct letters *letters, dlq_would_fn *would, void *arg)
{
    const char *const columns[] = {"place", "died_at", "reason",   "code",
                                   "from",  "key",     "attempts", would ? "would" : "state",
                                   NULL};
    AUTO(text_table_freep) struct text_table *table = text_table_new(columns, false);
    bool good = table != NULL;

    for (size_t i = 0; good && i < letters->count; i++) {
        const struct dead *dead = &letters->list[i];

        good = add_row(table, dead, would ? would(arg, dead) : dead_state(dead));
    }
    return good && (letters->count == 0 || text_table_print(table));
}

static void print_summary(const struct letters *letters)
{
    size_t named = 0;
    const char *between = ": ";

    (void)printf("%zu dead letter%s", letters->count, letters->count == 1 ? "" : "s");
    for (int reason = REASON_NONE + 1; reason < REASONS; reason++) {
        const char *name = reason_name((enum reason)reason);
        size_t count = 0;

        for (size_t i = 0; i < letters->count; i++)
            count += str_eq_cstr(dead_header(&letters->list[i], "dlq-reason"), name) ? 1 : 0;
        if (count > 0)
            (void)printf("%s%zu %s", between, count, name);
        between = count > 0 ? ", " : between;
        named += count;
    }
    if (named < letters->count)
        (void)printf("%s%zu without a reason", between, letters->count - named);
    (void)printf("\n");
}

int dlq_print_list(const struct ctl *ctl, const struct letters *letters, dlq_would_fn *would,
                   void *arg)
{
    if (ctl->json)
        return print_json(letters, would, arg) ? EXIT_DONE : EXIT_INTERNAL;
    if (!print_table(letters, would, arg))
        return EXIT_INTERNAL;
    print_summary(letters);
    return EXIT_DONE;
}

int ctl_dlq_ls(const struct ctl *ctl)
{
    struct letters_query query;
    struct letters letters = {0};
    int code = dlq_select(ctl, &query);

    if (code != EXIT_DONE)
        return code;
    query.unfinished = !ctl->all;
    code = read_letters(ctl, &query, &letters);
    if (code == EXIT_DONE)
        code = dlq_print_list(ctl, &letters, NULL, NULL);
    letters_done(&letters);
    return code;
}

static bool print_letter(const struct ctl *ctl, const struct dead *dead)
{
    AUTO(buf_done) struct buf line = BUF_INIT(LINE_MAX_BYTES);
    struct jsonw w = {.out = &line};
    char time[CLOCK_RFC3339_SIZE];

    if (!ctl->json) {
        clock_format_rfc3339(dead->record.timestamp_ms, time);
        (void)printf("%s %d:%lld  %s\n", time, dead->record.partition,
                     (long long)dead->record.offset, dead_state(dead));
        show_print(&dead->record, ctl->reveal);
        return true;
    }
    jsonw_object(&w);
    jsonw_key_str(&w, "topic", dead->record.topic);
    write_letter(&w, dead);
    show_members(&w, &dead->record);
    jsonw_object_end(&w);
    return show_print_json(&line);
}

int ctl_dlq_show(const struct ctl *ctl)
{
    struct letters_query query;
    struct letters letters = {0};
    int code = dlq_select(ctl, &query);

    if (code != EXIT_DONE)
        return code;
    query.whole = true;
    code = read_letters(ctl, &query, &letters);
    if (code == EXIT_DONE && letters.count == 0)
        code = ctl_usage("there is no dead letter at that place");
    else if (code == EXIT_DONE && !print_letter(ctl, &letters.list[0]))
        code = EXIT_INTERNAL;
    letters_done(&letters);
    return code;
}
