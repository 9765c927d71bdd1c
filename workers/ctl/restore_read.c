/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a topic for one step of kabaoctl restore, and what is remembered of it. */
#include "restore.h"
#include "scan.h"

#include <stdio.h>
#include <unistd.h>

enum { BATCH = 500, ARENA_MAX = 64 << 20, KEY_MAX = 1024, SHOW_EVERY_MS = 200 };

struct reading {
    struct restore *restore;
    given_fn *fn;
    struct arena arena;
    struct restore_progress progress;
};

enum status restore_no_memory(struct err *err)
{
    return err_fatal(err, "memory", "out of memory");
}

const struct account *restore_account(const struct restore *r, struct str name)
{
    for (size_t i = 0; i < r->settings->account_count; i++)
        if (str_eq_cstr(name, r->settings->accounts[i].name))
            return &r->settings->accounts[i];
    return NULL;
}

/* Memory of what is known */

struct known *restore_known(const struct restore *r, char kind, struct str id)
{
    AUTO(buf_done) struct buf key = BUF_INIT(KEY_MAX);

    buf_addf(&key, "%c%.*s", kind, STR_ARG(id));
    return buf_ok(&key) ? map_get(r->known, buf_str(&key)) : NULL;
}

struct known *restore_know(struct restore *r, char kind, struct str id)
{
    AUTO(buf_done) struct buf key = BUF_INIT(KEY_MAX);
    struct known *known = restore_known(r, kind, id);

    if (known)
        return known;
    buf_addf(&key, "%c%.*s", kind, STR_ARG(id));
    known = arena_alloc(&r->arena, sizeof(*known));
    return known && buf_ok(&key) && map_put(r->known, buf_str(&key), known, NULL) ? known : NULL;
}

enum status restore_doubt(struct restore *r, const struct given *given, const char *why,
                          struct err *err)
{
    struct doubt *doubt = arena_alloc(&r->arena, sizeof(*doubt));

    if (!doubt)
        return restore_no_memory(err);
    *doubt = (struct doubt){.id = arena_dup(&r->arena, given->event.id),
                            .type = arena_dup(&r->arena, given->event.type),
                            .why = str_from(why)};
    if (!str_is_set(doubt->id) || !str_is_set(doubt->type))
        return restore_no_memory(err);
    *r->doubts_end = doubt;
    r->doubts_end = &doubt->next;
    r->counts[RESTORED_FOR_PERSONS]++;
    return ST_OK;
}

/* Reading */

void restore_show(struct restore_progress *progress, bool at_end)
{
    const int64_t now_ms = clock_mono_ms();

    if (!isatty(STDERR_FILENO) || (!at_end && now_ms - progress->shown_ms < SHOW_EVERY_MS))
        return;
    progress->shown_ms = now_ms;
    (void)fprintf(stderr, "\r%s: %lld records%s", progress->what, (long long)progress->records,
                  at_end ? "\n" : "");
}

/* A dry run is one transaction that is undone. */
static enum status end_batch(struct restore *r, struct err *err)
{
    enum status rc;

    if (r->ctl->dry_run)
        return ST_OK;
    rc = db_commit(r->db, err);
    return rc == ST_OK ? db_begin(r->db, err) : rc;
}

static enum status hand_on(struct reading *reading, const struct record *record, struct err *err)
{
    AUTO(json_freep) struct json *value = NULL;
    struct given given = {.record = record, .arena = &reading->arena};
    struct err why = {0};

    if (!str_is_set(record->value) ||
        cloudevent_read(record->headers, record->header_count, record->value, &reading->arena,
                        &given.event, &given.data, &why) != ST_OK ||
        json_parse(given.data, &value, &why) != ST_OK)
        return ST_OK;
    given.value = value;
    return reading->fn(reading->restore, &given, err);
}

/* scan_fn */
static enum status take(void *arg, const struct record *record, struct err *err)
{
    struct reading *reading = arg;
    enum status rc;

    arena_reset(&reading->arena);
    reading->progress.records++;
    restore_show(&reading->progress, false);
    rc = hand_on(reading, record, err);
    return rc == ST_OK && reading->progress.records % BATCH == 0 ? end_batch(reading->restore, err)
                                                                 : rc;
}

enum status restore_read(struct restore *r, enum topic topic, given_fn *fn, struct err *err)
{
    char name[TOPIC_NAME_SIZE];
    struct reading reading = {.restore = r, .fn = fn, .arena = ARENA_INIT(ARENA_MAX)};
    const struct scan scan = {
        .settings = r->settings, .topic = name, .has_from = true, .from_ms = r->from_ms};
    enum status rc;

    topic_name(&r->settings->topic, topic, NULL, name);
    (void)snprintf(reading.progress.what, sizeof(reading.progress.what), "%s", name);
    rc = scan_topic(&scan, take, &reading, err);
    if (rc == ST_OK)
        rc = end_batch(r, err);
    if (rc == ST_OK)
        restore_show(&reading.progress, true);
    arena_done(&reading.arena);
    return rc;
}
