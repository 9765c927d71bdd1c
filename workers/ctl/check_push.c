/* SPDX-License-Identifier: Apache-2.0 */
/* The first push of an account, from the ingress to its rows: each step as it is done, and which
 * one is missing when the time is over. */
#include "base/header.h"
#include "base/mem.h"
#include "check.h"
#include "check_way.h"
#include "database.h"
#include "kafka/tail.h"
#include "kafka/topics.h"

#include <stdio.h>

enum { OPEN_MS = 10000, POLL_MS = 200, WHAT_SIZE = 64 };

struct waiting {
    struct check_report *report;
    const struct account *const *accounts;
    bool *seen; /* of each account */
    size_t count;
    size_t left; /* accounts without a push so far */
    struct deadline until;
    struct db *db;
    struct tail *tail;
};

static void tell(struct waiting *w, size_t account, enum check_state state, const char *text)
{
    char what[WHAT_SIZE];

    (void)snprintf(what, sizeof(what), "%s push", w->accounts[account]->name);
    check_line(w->report, state, what, str_from(text));
}

static void follow(struct waiting *w, const struct record *record)
{
    const struct str appid = header_find(record->headers, record->header_count, STR("ce_appid"));

    for (size_t i = 0; i < w->count; i++) {
        if (w->seen[i] || !str_eq_cstr(appid, w->accounts[i]->appid))
            continue;
        w->seen[i] = true;
        w->left--;
        way_follow(w->report, w->db, w->accounts[i], record, w->until);
        return;
    }
}

static enum status wait(struct waiting *w, struct err *err)
{
    enum status rc = ST_OK;

    while (rc == ST_OK && w->left > 0 && !deadline_passed(w->until)) {
        struct kafka_message *message = NULL;

        rc = tail_poll(w->tail, POLL_MS, &message, err);
        if (rc == ST_OK && message)
            follow(w, kafka_message_record(message));
        kafka_message_free(message);
        rc = rc == ST_RETRY ? ST_OK : rc;
    }
    return rc;
}

static void tell_silence(struct waiting *w)
{
    for (size_t i = 0; i < w->count; i++)
        if (!w->seen[i])
            tell(w, i, CHECK_FAIL,
                 "none came: is server mode on in the console, with this account's address, Token "
                 "and EncodingAESKey, and does the address lead to kabao-ingress? Its log line "
                 "callback.refused says what it refused; nothing there: look at proxy, firewall "
                 "and the console's address");
}

static enum status open_tail(struct waiting *w, struct err *err)
{
    char name[TOPIC_NAME_SIZE];
    const char *topics[] = {name};
    const struct tail_conf conf = {
        .kafka = &w->report->ctl->settings->kafka,
        .client_id = "kabaoctl",
        .topics = topics,
        .topic_count = 1,
        .from = TAIL_END,
    };

    topic_name(&w->report->ctl->settings->topic, TOPIC_EVENT_WECHAT, NULL, name);
    return tail_open(&conf, deadline_in(OPEN_MS), &w->tail, err);
}

static enum status run(struct waiting *w, int64_t for_s, struct err *err)
{
    enum status rc = database_open(w->report->ctl, &w->db, err);

    if (rc == ST_OK)
        rc = open_tail(w, err);
    if (rc != ST_OK)
        return rc;
    check_flush(w->report);
    (void)fprintf(
        stderr,
        "kabaoctl: waiting %lld s for a push: follow the account, write to it, or receive "
        "its card\n",
        (long long)for_s);
    w->until = deadline_in(for_s * 1000);
    rc = wait(w, err);
    if (rc == ST_OK)
        tell_silence(w);
    return rc;
}

void check_push(struct check_report *r, const struct account *const *accounts, size_t count,
                int64_t for_s)
{
    struct waiting w = {.report = r, .accounts = accounts, .count = count, .left = count};
    struct err err = {0};

    w.seen = mem_array(count, sizeof(*w.seen));
    if (!w.seen)
        r->broken = true;
    else if (run(&w, for_s, &err) != ST_OK)
        for (size_t i = 0; i < count; i++)
            if (!w.seen[i])
                tell(&w, i, w.tail ? CHECK_FAIL : CHECK_SKIP, err.text);
    tail_close(w.tail);
    database_close(w.db);
    mem_free(w.seen);
}
