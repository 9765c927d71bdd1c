/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl trace ID|CODE|OPENID: the story of an event, or of the latest events of a card or a
 * person, across topics, calls and rows. */
#include "app/app.h"
#include "database.h"
#include "mask.h"
#include "show.h"
#include "tale_print.h"
#include "trace_gather.h"

#include <stdio.h>

enum { MAX_DEFAULT = 20, MAX_MAX = 1000, ID_BYTES_MAX = 512, OUT_MAX = 256 << 20 };

/* One trace under way. */
struct tracing {
    const struct ctl *ctl;
    struct db *db; /* NULL: away; then records tell all there is to tell */
    struct str id;
    struct sought *s;
    struct tale tale;
    bool is_list; /* events of an owner */
    bool is_person;
};

static int64_t max_of(const struct ctl *ctl)
{
    return ctl->max == 0 ? MAX_DEFAULT : ctl->max;
}

static enum status seek(struct tracing *t, struct err *err)
{
    enum status rc = t->db ? trace_seek_id(t->db, t->ctl, t->id, t->s, err) : ST_OK;

    if (rc == ST_OK && t->db && sought_is_empty(t->s)) {
        rc = trace_seek_owner(t->db, t->id, max_of(t->ctl), t->s, &t->is_person, err);
        t->is_list = !sought_is_empty(t->s);
    }
    return rc;
}

/* Nothing is known: all of it must be read to learn what is to be read. */
static enum status search(struct tracing *t, struct sought *exact, struct sought *loose,
                          struct err *err)
{
    enum status rc = sought_search(t->ctl, t->id, exact, loose, err);

    exact->placed = loose->placed = false; /* there may be pushes without a row */

    t->is_list = sought_is_empty(exact);
    t->s = t->is_list ? loose : exact;
    return rc;
}

static enum status run(struct tracing *t, struct sought *exact, struct sought *loose,
                       struct err *err)
{
    enum status rc = seek(t, err);

    if (rc == ST_OK && sought_is_empty(t->s))
        rc = search(t, exact, loose, err);
    if (rc == ST_OK && !sought_is_empty(t->s))
        rc = trace_gather(t->ctl, t->db, t->s, t->is_list, &t->tale, err);
    if (rc == ST_OK && (t->tale.is_short || exact->is_short || loose->is_short))
        rc = err_fatal(err, "memory", "out of memory");
    return rc;
}

/* Printing */

/* Of several traces none. */
static struct str only_trace(const struct tale *tale, size_t skip)
{
    struct str trace = {NULL, 0};

    for (const struct tale_node *root = tale->roots; root; root = root->next) {
        if (skip > 0) {
            skip--;
            continue;
        }
        if (str_is_set(trace) && !str_eq(trace, root->trace))
            return (struct str){NULL, 0};
        trace = root->trace;
    }
    return trace;
}

static size_t count_skipped(const struct tracing *t)
{
    size_t roots = 0;

    for (const struct tale_node *root = t->tale.roots; root; root = root->next)
        roots++;
    if (!t->is_list || (int64_t)roots <= max_of(t->ctl))
        return 0;
    return roots - (size_t)max_of(t->ctl);
}

static bool print_json(const struct tracing *t, size_t skip)
{
    AUTO(buf_done) struct buf text = BUF_INIT(OUT_MAX);
    AUTO(buf_done) struct buf id = BUF_INIT(ID_BYTES_MAX);
    struct jsonw w = {.out = &text};

    if (t->ctl->reveal || !t->is_person)
        buf_add(&id, t->id);
    else
        mask_text(&id, t->id);
    jsonw_object(&w);
    jsonw_key_str(&w, "id", buf_str(&id));
    jsonw_key(&w, STR("trace"));
    jsonw_str(&w, only_trace(&t->tale, skip));
    tale_write(&w, &t->tale, skip, t->ctl->reveal);
    jsonw_object_end(&w);
    return show_print_json(&text);
}

static int print(const struct tracing *t)
{
    const size_t skip = count_skipped(t);
    bool good;

    if (!t->tale.roots)
        return ctl_usage("nothing is known of it: no row, no record in any topic");
    good = t->ctl->json ? print_json(t, skip) : tale_print(&t->tale, skip, t->ctl->reveal);
    if (skip > 0 && !t->ctl->json)
        (void)printf("the latest %lld; --max N for more\n", (long long)max_of(t->ctl));
    return good ? EXIT_DONE : EXIT_INTERNAL;
}

static void open_database(struct tracing *t)
{
    struct err err = {0};

    if (database_open(t->ctl, &t->db, &err) != ST_OK)
        (void)fprintf(stderr, "kabaoctl: without the database: %s\n", err.text);
}

int ctl_trace(const struct ctl *ctl)
{
    struct sought exact = {0};
    struct sought loose = {0};
    struct tracing t = {.ctl = ctl, .id = str_from(ctl->words[0]), .s = &exact};
    struct err err = {0};
    enum status rc;
    int code;

    if (str_is_empty(t.id) || t.id.len > ID_BYTES_MAX)
        return ctl_usage("that is no id, no code and no openid");
    if (ctl->max > MAX_MAX)
        return ctl_usage("--max is 1000 at most");
    tale_init(&t.tale);
    if (sought_init(&exact) && sought_init(&loose)) {
        open_database(&t);
        rc = run(&t, &exact, &loose, &err);
    } else {
        rc = err_fatal(&err, "memory", "out of memory");
    }
    code = rc == ST_OK ? print(&t) : ctl_fail(rc, &err);
    database_close(t.db);
    sought_done(&exact);
    sought_done(&loose);
    tale_done(&t.tale);
    return code;
}
