/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl restore: after the database came from a backup, what it has lost is rebuilt from what
 * the workers told of it, and only what has no result is given to them again. The ledger comes
 * first: what runs again then finds what was done. Workers must stand still meanwhile. */
#include "restore.h"

#include "app/app.h"
#include "base/hex.h"
#include "base/rand.h"
#include "codec/jsonw.h"
#include "database.h"
#include "db/lock.h"
#include "kafka/group.h"
#include "show.h"
#include "tables/parked.h"

#include <stdio.h>
#include <string.h>

enum {
    ASK_MS = 10000,
    EARLIER_MS = 60000, /* clocks differ */
    REPORT_MAX = 16 << 20,
    PARKED_MAX = 100000,
    ID_BYTES = 16,
};

static const char *const NAMES[RESTORED_COUNTS] = {
    [RESTORED_RESULTS] = "results",    [RESTORED_EFFECTS] = "effects",
    [RESTORED_ENTRIES] = "entries",    [RESTORED_DOUBT] = "in_doubt",
    [RESTORED_FOR_PERSONS] = "to_see", [RESTORED_SCENES] = "scenes",
    [RESTORED_UNPARKED] = "unparked",  [RESTORED_CODES] = "codes_ended",
    [RESTORED_REDRIVEN] = "redriven",
};

static const char *const MEANINGS[RESTORED_COUNTS] = {
    [RESTORED_RESULTS] = "results read",
    [RESTORED_EFFECTS] = "effects known to be done",
    [RESTORED_ENTRIES] = "changes of points rebuilt",
    [RESTORED_DOUBT] = "commands that may have been begun",
    [RESTORED_FOR_PERSONS] = "of those for a person to see",
    [RESTORED_SCENES] = "scenes rebuilt",
    [RESTORED_UNPARKED] = "parked records settled since",
    [RESTORED_CODES] = "verification codes ended",
    [RESTORED_REDRIVEN] = "records given to workers again",
};

/* Nobody else */

static enum status check_group(const struct restore *r, const char *worker, struct err *err)
{
    char name[64];
    int members = 0;
    enum status rc;

    (void)snprintf(name, sizeof(name), "%s-%s", r->settings->topic.prefix, worker);
    rc = group_members(&r->settings->kafka, name, deadline_in(ASK_MS), &members, err);
    if (rc != ST_OK || members == 0)
        return rc;
    return err_retry(err, "running",
                     "%d of kabao-%s still run: stop all workers (one that was killed counts until "
                     "its session ends)",
                     members, worker);
}

static enum status check_workers(const struct restore *r, struct err *err)
{
    enum status rc = ST_OK;

    for (const struct topic_worker *w = topic_workers(); rc == ST_OK && w->name; w++)
        rc = check_group(r, w->name, err);
    return rc;
}

static enum status lock(const struct restore *r, struct err *err)
{
    bool locked = false;
    enum status rc = db_lock(r->db, "restore", STR(""), &locked, err);

    if (rc != ST_OK || locked)
        return rc;
    return err_retry(err, "locked", "another kabaoctl restore is at work");
}

/* Steps */

static enum status begin(struct restore *r, struct err *err)
{
    uint8_t chance[ID_BYTES];
    enum status rc;

    rand_bytes(chance, sizeof(chance));
    hex_format(chance, sizeof(chance), r->run.run_id);
    rc = restore_begin(r->db, r->from_ms, &r->run, err);
    for (const struct topic_worker *w = topic_workers(); rc == ST_OK && w->name; w++)
        rc = restore_fence(r->db, w->name, (int32_t)r->settings->topic.partitions, err);
    return rc == ST_OK ? restore_end_codes(r->db, &r->counts[RESTORED_CODES], err) : rc;
}

static enum status rebuild(struct restore *r, struct err *err)
{
    static const struct {
        enum topic topic;
        given_fn *fn;
    } steps[] = {
        {TOPIC_RESULT_WECHAT, restore_result},        {TOPIC_CMD_WECHAT, restore_command},
        {TOPIC_RESULT_BONUS, restore_points},         {TOPIC_EVENT_WECHAT, restore_receipt},
        {TOPIC_EVENT_ACTIVATION, restore_activation}, {TOPIC_CMD_BONUS, restore_bonus_command},
        {TOPIC_EVENT_BINDING, restore_binding},       {TOPIC_EVENT_WECHAT, restore_scan},
    };
    enum status rc = ST_OK;

    for (size_t i = 0; rc == ST_OK && i < COUNT_OF(steps); i++)
        rc = restore_read(r, steps[i].topic, steps[i].fn, err);
    return rc;
}

struct parked_ids {
    const struct restore *restore;
    char kind;
    int64_t *ids; /* PARKED_MAX */
    size_t count;
};

/* parked_row_fn */
static enum status note_parked(void *arg, const struct parked_row *row, struct err *err)
{
    struct parked_ids *p = arg;
    struct str id = header_find(row->record.headers, row->record.header_count, STR("ce_id"));

    (void)err;
    if (p->count < PARKED_MAX && !str_is_empty(id) && restore_known(p->restore, p->kind, id))
        p->ids[p->count++] = row->id;
    return ST_OK;
}

static enum status unpark(struct restore *r, const char *worker, char kind, struct err *err)
{
    const struct parked_query query = {.worker = worker, .limit = INT64_MAX};
    struct parked_ids found = {.restore = r, .kind = kind};
    enum status rc;

    found.ids = arena_alloc(&r->arena, PARKED_MAX * sizeof(*found.ids));
    if (!found.ids)
        return restore_no_memory(err);
    rc = parked_list(r->db, &query, note_parked, &found, err);
    for (size_t i = 0; rc == ST_OK && i < found.count; i++)
        rc = restore_unpark(r->db, found.ids[i], err);
    r->counts[RESTORED_UNPARKED] += (int64_t)found.count;
    return rc;
}

enum status restore_parked(struct restore *r, struct err *err)
{
    enum status rc = unpark(r, "command", 'c', err);

    return rc == ST_OK ? unpark(r, "bonus", 'b', err) : rc;
}

/* A dry run undoes it all at the end; else nothing is given away before what it must find is
 * committed. */
static enum status carry_out(struct restore *r, struct err *err)
{
    enum status rc = db_begin(r->db, err);

    if (rc == ST_OK)
        rc = begin(r, err);
    if (rc == ST_OK && !r->ctl->dry_run)
        rc = db_commit(r->db, err);
    if (rc == ST_OK && !r->ctl->dry_run)
        rc = db_begin(r->db, err);
    if (rc == ST_OK)
        rc = rebuild(r, err);
    if (rc == ST_OK)
        rc = restore_parked(r, err);
    if (rc == ST_OK && !r->ctl->dry_run)
        rc = db_commit(r->db, err);
    if (rc == ST_OK)
        rc = restore_redrive(r, err);
    if (rc == ST_OK && !r->ctl->dry_run)
        return restore_finish(r->db, &r->run, err);
    db_rollback(r->db);
    return rc;
}

/* Telling */

static bool print_json(const struct restore *r)
{
    AUTO(buf_done) struct buf text = BUF_INIT(REPORT_MAX);
    struct jsonw w = {.out = &text};

    jsonw_object(&w);
    for (size_t i = 0; i < RESTORED_COUNTS; i++)
        jsonw_key_i64(&w, NAMES[i], r->counts[i]);
    jsonw_key_bool(&w, "dry_run", r->ctl->dry_run);
    jsonw_key(&w, STR("for_a_person"));
    jsonw_array(&w);
    for (const struct doubt *d = r->doubts; d; d = d->next) {
        jsonw_object(&w);
        jsonw_key_str(&w, "id", d->id);
        jsonw_key_str(&w, "type", d->type);
        jsonw_key_str(&w, "why", d->why);
        jsonw_object_end(&w);
    }
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    return show_print_json(&text);
}

static bool print(const struct restore *r)
{
    if (r->ctl->json)
        return print_json(r);
    for (size_t i = 0; i < RESTORED_COUNTS; i++)
        (void)printf("%10lld  %s\n", (long long)r->counts[i], MEANINGS[i]);
    for (const struct doubt *d = r->doubts; d; d = d->next) {
        show_print_bytes(d->type);
        (void)printf(" ");
        show_print_bytes(d->id);
        (void)printf(": %.*s\n", STR_ARG(d->why));
    }
    (void)printf(r->ctl->dry_run ? "nothing was changed\n"
                                 : "done: start the workers; dead letters of reason "
                                   "outcome-unknown wait for a person\n");
    return true;
}

static bool read_time(struct str text, int64_t *out)
{
    return clock_parse_rfc3339(text.ptr, text.len, out);
}

static int restore(struct restore *r)
{
    struct err err = {0};
    enum status rc = check_workers(r, &err);

    if (rc == ST_OK)
        rc = commands_open(r->settings, &r->types, &err);
    if (rc == ST_OK)
        rc = database_open(r->ctl, &r->db, &err);
    if (rc == ST_OK)
        rc = lock(r, &err);
    if (rc == ST_OK)
        rc = carry_out(r, &err);
    database_close(r->db);
    commands_close(r->types);
    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    return print(r) ? EXIT_DONE : EXIT_INTERNAL;
}

int ctl_restore(const struct ctl *ctl)
{
    struct restore r = {.ctl = ctl, .settings = ctl->settings, .to_ms = clock_wall_ms()};
    int code;

    if (!str_is_set(ctl->from) || !read_time(ctl->from, &r.from_ms))
        return ctl_usage("restore needs --from TIME, when the backup was begun");
    if (str_is_set(ctl->to) && !read_time(ctl->to, &r.to_ms))
        return ctl_usage("--to is no time of RFC 3339");
    if (!ctl->dry_run && !ctl_confirm(ctl, "Rebuild what this database has lost since then?"))
        return EXIT_USAGE;
    r.from_ms -= EARLIER_MS;
    r.doubts_end = &r.doubts;
    r.known = map_new_packed();
    code = r.known ? restore(&r) : EXIT_INTERNAL;
    map_free(r.known, NULL);
    arena_done(&r.arena);
    return code;
}
