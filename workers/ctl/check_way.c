/* SPDX-License-Identifier: Apache-2.0 */
#include "check_way.h"

#include "base/header.h"
#include "base/num.h"
#include "kafka/group.h"
#include "tale_print.h"
#include "trace_gather.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

enum {
    LOOK_FIRST_MS = 200,
    LOOK_MAX_MS = 2000,
    LAST_LOOK_MS = 5000, /* for a push that came just before the time is over */
    ASK_MS = 10000,
    WHAT_SIZE = 64,
    GROUP_SIZE = 64,
    MARK_MAX = 1024,
};

/* One push under way. */
struct way {
    struct check_report *report;
    struct db *db;
    const struct account *account;
    struct sought sought;
    struct tale tale;
    struct map *told;   /* nodes, by what names them */
    struct str type;    /* ce_type */
    int64_t started_ms; /* mono */
    int64_t pushed_ms;  /* wall, the record's own */
    bool has_event;     /* rows and records that are there */
    bool has_profile;
    bool has_member;
    const struct tale_node *letter;
};

static void tell(struct way *w, enum check_state state, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void tell(struct way *w, enum check_state state, const char *fmt, ...)
{
    char what[WHAT_SIZE];
    char text[FINDING_SIZE];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    (void)snprintf(what, sizeof(what), "%s push", w->account->name);
    check_line(w->report, state, what, str_from(text));
}

/* Pushes that kabao-member looks a card up for, each time (workers/member.c). */
static bool wants_member(const struct way *w)
{
    static const char *const types[] = {
        "kabao.wechat.user_get_card",      "kabao.wechat.user_gifting_card",
        "kabao.wechat.user_consume_card",  "kabao.wechat.user_pay_from_pay_cell",
        "kabao.wechat.update_member_card", "kabao.wechat.submit_membercard_user_info",
    };

    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (str_eq_cstr(w->type, types[i]))
            return true;
    return false;
}

static bool is_through(const struct way *w)
{
    return w->has_event && (w->has_member || !wants_member(w));
}

/* Steps */

/* False: it was told before, or there is no memory to remember it. */
static bool is_new(struct way *w, const struct tale_node *node)
{
    AUTO(buf_done) struct buf mark = BUF_INIT(MARK_MAX);

    buf_addf(&mark, "%d ", (int)node->kind);
    tale_what(node, &mark);
    buf_addf(&mark, " %.*s %d:%lld %.*s %.*s", STR_ARG(node->topic), node->partition,
             (long long)node->offset, STR_ARG(node->id), STR_ARG(node->outcome));
    return buf_ok(&mark) && !map_get(w->told, buf_str(&mark)) &&
           map_put(w->told, buf_str(&mark), w, NULL);
}

static void tell_node(struct way *w, const struct tale_node *node)
{
    AUTO(buf_done) struct buf what = BUF_INIT(FINDING_SIZE);
    const bool bad = node->kind == TALE_LETTER || node->kind == TALE_PARKED ||
                     node->kind == TALE_CRASH || node->kind == TALE_TRIES;

    tale_what(node, &what);
    if (str_is_set(node->topic))
        buf_addf(&what, " at %.*s %d:%lld", STR_ARG(node->topic), node->partition,
                 (long long)node->offset);
    if (str_is_set(node->outcome))
        buf_addf(&what, ", %.*s", STR_ARG(node->outcome));
    tell(w, bad ? CHECK_NOTE : CHECK_OK, "%s", buf_str(&what).ptr);
}

/* The row may be of an earlier push. */
static bool is_of_now(const struct way *w, const struct tale_node *row)
{
    int64_t version = 0;

    return num_parse_i64(tale_get(row, "version"), 0, INT64_MAX, &version) &&
           version >= w->pushed_ms;
}

static void note(struct way *w, const struct tale_node *node)
{
    if (node->kind == TALE_ROW && str_eq_cstr(node->what, "wechat_event"))
        w->has_event = true;
    if (node->kind == TALE_ROW && str_eq_cstr(node->what, "member"))
        w->has_member = w->has_member || is_of_now(w, node);
    if (node->kind == TALE_RECORD && str_eq_cstr(node->topic, "state.member"))
        w->has_profile = true;
    if (node->kind == TALE_LETTER)
        w->letter = node;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as redrives follow on each other */
static void tell_tree(struct way *w, const struct tale_node *node)
{
    for (; node; node = node->next) {
        note(w, node);
        if (is_new(w, node))
            tell_node(w, node);
        tell_tree(w, node->child);
    }
}

/* The end */

/* Members of the worker's group; -1: not known. */
static int count_at_work(const struct way *w, const char *worker)
{
    const struct settings *settings = w->report->ctl->settings;
    char name[GROUP_SIZE];
    struct err err = {0};
    int members = 0;

    (void)snprintf(name, sizeof(name), "%s-%s", settings->topic.prefix, worker);
    if (group_members(&settings->kafka, name, deadline_in(ASK_MS), &members, &err) != ST_OK)
        return -1;
    return members;
}

static void tell_missing(struct way *w, const char *step, const char *worker)
{
    if (count_at_work(w, worker) == 0)
        tell(w, CHECK_FAIL,
             "%s is missing: no kabao-%s is at work; start it, and look at its log where it ends "
             "again (systemctl start kabao@%s; journalctl -u kabao@%s -o cat)",
             step, worker, worker, worker);
    else
        tell(w, CHECK_FAIL,
             "%s is missing, and kabao-%s is at work: what waits before it, and why? kabaoctl lag "
             "%s, kabaoctl parked ls %s; journalctl -u kabao@%s -o cat",
             step, worker, worker, worker, worker);
}

static void tell_end(struct way *w)
{
    if (is_through(w))
        tell(w, CHECK_OK, "is in its rows, %.1f s after it was seen",
             (double)(clock_mono_ms() - w->started_ms) / 1000);
    else if (w->letter)
        tell(w, CHECK_FAIL,
             "kabao-%.*s gave it up: kabaoctl dlq show %.*s %d:%lld says why; kabaoctl dlq replay "
             "%.*s gives it again",
             STR_ARG(w->letter->worker), STR_ARG(w->letter->worker), w->letter->partition,
             (long long)w->letter->offset, STR_ARG(w->letter->worker));
    else if (!w->has_event)
        tell_missing(w, "its row in wechat_event", "store");
    else if (!w->has_profile)
        tell_missing(w, "the card's profile in state.member", "member");
    else
        tell_missing(w, "the card's row in member", "store");
}

static enum status look(struct way *w, struct err *err)
{
    enum status rc = trace_gather(w->report->ctl, w->db, &w->sought, false, &w->tale, err);

    w->letter = NULL;
    if (rc == ST_OK)
        tell_tree(w, w->tale.roots);
    return rc;
}

static void pause_for(int64_t ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&time, NULL);
}

static void go(struct way *w, struct deadline until)
{
    int64_t pause_ms = LOOK_FIRST_MS;
    struct err err = {0};
    enum status rc = look(w, &err);

    while (rc == ST_OK && !is_through(w) && !w->letter && !deadline_passed(until)) {
        pause_for(pause_ms);
        pause_ms = pause_ms * 2 < LOOK_MAX_MS ? pause_ms * 2 : LOOK_MAX_MS;
        rc = look(w, &err);
    }
    if (rc == ST_OK)
        tell_end(w);
    else
        tell(w, CHECK_FAIL, "%s", err.text);
}

static void seek(struct way *w, const struct record *push)
{
    sought_id(&w->sought, header_find(push->headers, push->header_count, STR("ce_id")));
    sought_trace(&w->sought, tale_trace_of(push));
    sought_key(&w->sought, push->key);
    sought_from(&w->sought, push->timestamp_ms);
    sought_place(&w->sought, push->partition, push->offset);
}

void way_follow(struct check_report *r, struct db *db, const struct account *account,
                const struct record *push, struct deadline until)
{
    struct way w = {.report = r, .db = db, .account = account, .started_ms = clock_mono_ms()};
    const struct str time = header_find(push->headers, push->header_count, STR("ce_time"));
    const struct deadline last = deadline_in(LAST_LOOK_MS);

    w.type = header_find(push->headers, push->header_count, STR("ce_type"));
    w.told = map_new();
    tale_init(&w.tale);
    (void)clock_parse_rfc3339(time.ptr, time.len, &w.pushed_ms);
    if (sought_init(&w.sought) && w.told) {
        seek(&w, push);
        go(&w, deadline_left_ms(until) > deadline_left_ms(last) ? until : last);
    } else {
        r->broken = true;
    }
    sought_done(&w.sought);
    tale_done(&w.tale);
    map_free(w.told, NULL);
}
