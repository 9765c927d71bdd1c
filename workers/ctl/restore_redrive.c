/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker's group has behind it and the database has lost, given to the worker again, unless
 * a result tells that it is done. What the group has not behind it the worker reads by itself. */
#include "base/range.h"
#include "crm/wants.h"
#include "feed.h"
#include "forward/wants.h"
#include "kafka/group.h"
#include "model/activation.h"
#include "model/schema_ids.h"
#include "redrive_topic.h"
#include "restore.h"
#include "run/marks.h"
#include "scan.h"
#include "tables/bonus.h"
#include "tables/covered.h"

#include <stdio.h>
#include <string.h>

enum { SKEW_MS = 60000 /* between clocks */ };

enum { ASK_MS = 10000, RANGES_MAX = 2048, TYPES_MAX = 4 };

/* One input of a worker; topics of a worker in the order in which they are given. */
struct source_row {
    const char *worker;
    enum topic topic;
    char known;                   /* kind of what says that it is done; 0: nothing does */
    const char *types[TYPES_MAX]; /* patterns; none: all */
};

static const struct source_row SOURCES[] = {
    {"store", TOPIC_EVENT_WECHAT, 0, {NULL}},
    {"store", TOPIC_STATE_MEMBER, 0, {NULL}},
    {"store", TOPIC_EVENT_ACTIVATION, 0, {NULL}},
    {"store", TOPIC_EVENT_BINDING, 0, {NULL}},
    {"store", TOPIC_RESULT_WECHAT, 0, {NULL}},
    {"member", TOPIC_EVENT_WECHAT, 0, {"kabao.wechat.*card*"}},
    {"activate",
     TOPIC_EVENT_WECHAT,
     0,
     {"kabao.wechat.user_get_card", "kabao.wechat.submit_membercard_user_info"}},
    {"activate", TOPIC_CMD_ACTIVATION, 0, {NULL}},
    {"bonus", TOPIC_CMD_BONUS, 'b', {NULL}},
    {"bonus", TOPIC_EVENT_ACTIVATION, 'b', {"kabao.card.activated"}},
    {"bonus", TOPIC_EVENT_WECHAT, 'b', {"kabao.wechat.update_member_card"}},
    {"bind",
     TOPIC_EVENT_WECHAT,
     's',
     {"kabao.wechat.subscribe", "kabao.wechat.scan", "kabao.wechat.unsubscribe"}},
    {"command", TOPIC_CMD_WECHAT, 'c', {NULL}},
    {"crm", TOPIC_EVENT_WECHAT, 0, {NULL}},
    {"crm", TOPIC_STATE_MEMBER, 0, {NULL}},
    {"crm", TOPIC_EVENT_ACTIVATION, 0, {NULL}},
    {"crm", TOPIC_EVENT_BINDING, 0, {NULL}},
    {"crm", TOPIC_RESULT_BONUS, 0, {NULL}},
    {"forward", TOPIC_EVENT_WECHAT, 0, {NULL}},
};

/* One topic on its way to one worker. */
struct giving {
    struct restore *restore;
    const struct source_row *row;
    struct feed *feed; /* NULL: only counted */
    struct group *group;
    const struct group_place *places; /* by partition */
    size_t count;
    struct offset_range ranges[RANGES_MAX]; /* of the partition read last */
    size_t range_count;
    int32_t ranges_of;                /* -1: none */
    struct restore_progress progress; /* of what is given */
};

static bool is_covered(struct giving *g, const struct record *record)
{
    const struct group_place *place;
    struct covered covered;

    if (record->partition < 0 || (size_t)record->partition >= g->count)
        return false;
    place = &g->places[record->partition];
    if (g->ranges_of != record->partition) {
        g->range_count = 0;
        if (!marks_read(place->metadata, (struct str){NULL, 0}, place->next, g->ranges, RANGES_MAX,
                        &g->range_count))
            g->range_count = 0;
        g->ranges_of = record->partition;
    }
    covered = (struct covered){place->next, g->ranges, g->range_count};
    return covered_has(&covered, record->offset);
}

static bool matches(const struct source_row *row, struct str type)
{
    if (!row->types[0])
        return true;
    for (size_t i = 0; i < TYPES_MAX && row->types[i]; i++)
        if (str_match(str_from(row->types[i]), type))
            return true;
    return false;
}

/* An activation whose account is there: told again, it would put what a command has left open on
 * the card, and the command would find nothing to tell the member. */
static enum status has_account(const struct giving *g, const struct record *record, bool *has,
                               struct err *err)
{
    AUTO(json_freep) struct json *value = NULL;
    struct bonus_account account = {0};
    struct activation a = {0};
    struct err why = {0};
    enum status rc;

    *has = false;
    if (g->row->topic != TOPIC_EVENT_ACTIVATION || strcmp(g->row->worker, "bonus") != 0 ||
        json_parse(record->value, &value, &why) != ST_OK ||
        activation_parse(value, &a, &why) != ST_OK || !str_is_empty(a.previous_card_code))
        return ST_OK;
    rc = bonus_account_lock(g->restore->db, &(struct bonus_key){a.appid, a.card_id, a.card_code},
                            &account, err);
    *has = account.found;
    return rc;
}

/* What is no event is covered by a dead letter. */
static bool is_wanted(const struct giving *g, const struct record *record)
{
    struct str id = header_find(record->headers, record->header_count, STR("ce_id"));
    struct str type = header_find(record->headers, record->header_count, STR("ce_type"));

    if (strcmp(g->row->worker, "crm") == 0 && !crm_wants(g->restore->settings, type))
        return false;
    if (strcmp(g->row->worker, "forward") == 0 && !forward_wants(g->restore->settings, type))
        return false;
    if (!matches(g->row, type))
        return false;
    return !g->row->known || str_is_empty(id) || !restore_known(g->restore, g->row->known, id);
}

/* scan_fn */
static enum status give(void *arg, const struct record *record, struct err *err)
{
    struct giving *g = arg;
    bool has = false;
    enum status rc;

    if (record->timestamp_ms < g->restore->from_ms || !is_covered(g, record) ||
        !is_wanted(g, record))
        return ST_OK;
    rc = has_account(g, record, &has, err);
    if (rc != ST_OK || has)
        return rc;
    g->restore->counts[RESTORED_REDRIVEN]++;
    g->progress.records++;
    restore_show(&g->progress, false);
    return g->feed ? feed_send(g->feed, record, err) : ST_OK;
}

static enum status open_group(struct giving *g, const char *topic, struct err *err)
{
    char name[64];
    const struct group_query query = {.name = name, .topics = &topic, .topic_count = 1};
    const struct settings *settings = g->restore->settings;
    enum status rc;

    (void)snprintf(name, sizeof(name), "%s-%s", settings->topic.prefix, g->row->worker);
    rc = group_open(&settings->kafka, &query, deadline_in(ASK_MS), &g->group, err);
    if (rc == ST_OK)
        g->places = group_places(g->group, &g->count);
    return rc;
}

static enum status give_topic(struct restore *r, const struct source_row *row, struct feed *feed,
                              struct err *err)
{
    struct giving g = {.restore = r, .row = row, .feed = feed, .ranges_of = -1};
    char topic[TOPIC_NAME_SIZE];
    const struct scan scan = {
        .settings = r->settings, .topic = topic, .has_from = true, .from_ms = r->from_ms};
    enum status rc;

    topic_name(&r->settings->topic, row->topic, NULL, topic);
    (void)snprintf(g.progress.what, sizeof(g.progress.what), "%s is given %s", row->worker, topic);
    rc = open_group(&g, topic, err);
    if (rc == ST_OK)
        rc = scan_topic(&scan, give, &g, err);
    if (rc == ST_OK && feed)
        rc = feed_flush(feed, err);
    if (rc == ST_OK)
        restore_show(&g.progress, true);
    group_close(g.group);
    return rc;
}

static enum status open_feed(const struct restore *r, const char *worker, struct feed **out,
                             struct err *err)
{
    const struct feed_conf conf = {
        .settings = r->settings, .worker = worker, .run = r->run.run_id, .rate = r->ctl->rate};
    enum status rc;

    if (r->ctl->dry_run)
        return ST_OK;
    rc = feed_open(&conf, out, err);
    return rc == ST_OK && r->run.goes_on
               ? feed_recall(*out, r->run.started_ms - SKEW_MS, NULL, NULL, err)
               : rc;
}

static enum status give_worker(struct restore *r, const char *worker, struct err *err)
{
    struct feed *feed = NULL;
    enum status rc = open_feed(r, worker, &feed, err);

    for (size_t i = 0; rc == ST_OK && i < COUNT_OF(SOURCES); i++)
        if (strcmp(SOURCES[i].worker, worker) == 0)
            rc = give_topic(r, &SOURCES[i], feed, err);
    feed_close(feed);
    return rc;
}

/* Its topics may not be there. */
static bool is_idle(const struct restore *r, const char *worker)
{
    return strcmp(worker, "forward") == 0 &&
           !forward_wants(r->settings, STR(CE_TYPE_WECHAT_PREFIX));
}

enum status restore_redrive(struct restore *r, struct err *err)
{
    const char *last = "";
    enum status rc = ST_OK;

    if (r->run.goes_on && !r->ctl->dry_run)
        redrive_topic_settle();
    for (size_t i = 0; rc == ST_OK && i < COUNT_OF(SOURCES); i++) {
        if (strcmp(SOURCES[i].worker, last) != 0 && !is_idle(r, SOURCES[i].worker))
            rc = give_worker(r, SOURCES[i].worker, err);
        last = SOURCES[i].worker;
    }
    return rc;
}
