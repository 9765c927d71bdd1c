/* SPDX-License-Identifier: Apache-2.0 */
#include "trace_rows.h"

#include "base/header.h"
#include "base/mem.h"
#include "kafka/topics.h"
#include "model/id.h"
#include "run/effects.h"
#include "tables/bonus.h"
#include "tables/letter.h"
#include "tables/parked.h"
#include "tables/suspect.h"

enum { DAY_MS = 86400000, KEY_MAX = 1024, PARKED_MAX = 1000 };

/* Effects that are named by the record's id alone; and those of bind's further pages and of bonus'
 * repairs are not looked for. */
static const char *const STEPS[] = {"command", "bonus", "bind", "bind.code", "bind.told"};

/* --- where to look --- */

/* all: of every record with the card's key, else of those that are sought by other marks. */
static void seek_card(struct sought *s, const struct story_row *row, bool all)
{
    AUTO(buf_done) struct buf key = BUF_INIT(KEY_MAX);
    struct str code = story_text(row, "card_code");

    if (str_is_empty(code))
        return;
    buf_addf(&key, "%.*s:%.*s:%.*s", STR_ARG(story_text(row, "appid")),
             STR_ARG(story_text(row, "card_id")), STR_ARG(code));
    if (all)
        sought_told(s, buf_str(&key));
    else
        sought_key(s, buf_str(&key));
}

static void seek_user(struct sought *s, const struct story_row *row)
{
    AUTO(buf_done) struct buf key = BUF_INIT(KEY_MAX);
    struct str openid = story_text(row, "openid");

    if (str_is_empty(openid))
        return;
    buf_addf(&key, "%.*s:%.*s", STR_ARG(story_text(row, "appid")), STR_ARG(openid));
    sought_key(s, buf_str(&key));
}

/* -1: NULL. */
static int64_t number_of(const struct story_row *row, const char *name)
{
    return story_is_null(row, name) ? -1 : story_int(row, name);
}

/* story_fn: of wechat_event */
static enum status seek_event(void *arg, const struct story_row *row, struct err *err)
{
    struct sought *s = arg;
    const int64_t part = number_of(row, "part");

    (void)err;
    sought_id(s, story_text(row, "event_id"));
    sought_trace(s, story_text(row, "trace"));
    sought_from(s, story_int(row, "create_time"));
    sought_place(s, part, part < 0 ? -1 : number_of(row, "off"));
    seek_card(s, row, false);
    seek_user(s, row);
    return ST_OK;
}

/* story_fn: of bonus_entry, command_result. When it was asked for is not known. */
static enum status seek_answer(void *arg, const struct story_row *row, struct err *err)
{
    struct sought *s = arg;

    (void)err;
    sought_id(s, story_text(row, "command_id"));
    sought_key(s, story_text(row, "command_id"));
    sought_from(s, story_int(row, "at") - DAY_MS);
    s->placed = false;
    seek_card(s, row, false);
    return ST_OK;
}

enum status trace_seek_id(struct db *db, const struct ctl *ctl, struct str text, struct sought *s,
                          struct err *err)
{
    char room[BONUS_ID_ROOM];
    const struct str entry = bonus_id(text, room);
    enum status rc =
        story_read(db, &(struct story_query){STORY_EVENT, &text, 0}, seek_event, s, err);

    (void)ctl;
    if (rc == ST_OK && text.len == ID_LEN)
        rc = story_read(db, &(struct story_query){STORY_EVENTS_OF_TRACE, &text, 0}, seek_event, s,
                        err);
    if (rc == ST_OK)
        rc = story_read(db, &(struct story_query){STORY_BONUS_ENTRY, &entry, 0}, seek_answer, s,
                        err);
    if (rc == ST_OK)
        rc = story_read(db, &(struct story_query){STORY_COMMAND_RESULT, &text, 0}, seek_answer, s,
                        err);
    return rc;
}

/* story_fn: of member */
static enum status seek_member(void *arg, const struct story_row *row, struct err *err)
{
    (void)err;
    seek_card(arg, row, true);
    return ST_OK;
}

/* story_fn: of wechat_event, for whoever asks for all of a card */
static enum status seek_card_event(void *arg, const struct story_row *row, struct err *err)
{
    seek_card(arg, row, true);
    return seek_event(arg, row, err);
}

enum status trace_seek_owner(struct db *db, struct str text, int64_t max, struct sought *s,
                             bool *is_person, struct err *err)
{
    enum status rc =
        story_read(db, &(struct story_query){STORY_CARDS, &text, 0}, seek_member, s, err);

    *is_person = false;
    s->placed = false; /* newer ones have no row yet */
    if (rc == ST_OK)
        rc = story_read(db, &(struct story_query){STORY_EVENTS_OF_CODE, &text, max},
                        seek_card_event, s, err);
    if (rc != ST_OK || !sought_is_empty(s))
        return rc;
    rc =
        story_read(db, &(struct story_query){STORY_EVENTS_OF_USER, &text, max}, seek_event, s, err);
    *is_person = !sought_is_empty(s);
    return rc;
}

enum status trace_seek_more(struct db *db, struct sought *s, struct err *err)
{
    enum status rc = ST_OK;

    for (const struct map_entry *e = map_first(s->traces); e && rc == ST_OK; e = map_next(e)) {
        const struct str trace = map_key(e);

        rc = story_read(db, &(struct story_query){STORY_EVENTS_OF_TRACE, &trace, 0}, seek_event, s,
                        err);
    }
    return rc;
}

/* --- what was written --- */

struct rows {
    struct db *db;
    const struct ctl *ctl;
    const struct sought *s;
    struct tale *tale;
    struct map *subjects; /* ids that rows and effects are asked of */
    enum tale_kind kind;
    struct str id; /* of the record that the next rows belong to */
    struct str key;
    const char *worker;
};

static struct tale_node *find_record(const struct tale *tale, struct str id)
{
    for (struct tale_node *node = tale->first; node; node = node->then)
        if (node->kind == TALE_RECORD && str_is_set(id) && str_eq(node->id, id))
            return node;
    return NULL;
}

/* The last record of this topic and key. */
static struct tale_node *find_last(const struct tale *tale, const char *topic, struct str key)
{
    struct tale_node *found = NULL;

    for (struct tale_node *node = tale->first; node; node = node->then)
        if (node->kind == TALE_RECORD && str_eq_cstr(node->topic, topic) &&
            str_eq(node->key, key) && (!found || node->at_ms >= found->at_ms))
            found = node;
    return found;
}

/* story_fn */
static enum status tell_row(void *arg, const struct story_row *row, struct err *err)
{
    struct rows *r = arg;
    struct tale_node *node = tale_row(r->tale, r->kind, row);

    (void)err;
    if (!node)
        return ST_OK;
    node->id = arena_dup(&r->tale->arena, r->id);
    if (!find_record(r->tale, r->id))
        node->at_ms = story_int(row, "create_time");
    else if (!str_eq_cstr(node->what, "card_use")) /* whose time is the push's */
        node->at_ms = story_int(row, "at");
    return ST_OK;
}

/* story_fn: only one that a told record began */
static enum status tell_effect(void *arg, const struct story_row *row, struct err *err)
{
    struct rows *r = arg;
    struct str event_id = story_text(row, "event_id");
    struct tale_node *node;

    (void)err;
    if (!map_get(r->subjects, event_id))
        return ST_OK;
    node = tale_row(r->tale, TALE_EFFECT, row);
    if (!node)
        return ST_OK;
    node->id = tale_get(node, "event_id");
    node->what = tale_get(node, "step");
    node->at_ms = story_int(row, "at");
    return ST_OK;
}

static enum status read_effect(struct rows *r, const char *name, struct str identity,
                               struct err *err)
{
    const struct step step = {.name = name};
    struct id id;
    struct str key;

    if (str_is_empty(identity))
        return ST_OK;
    effect_id(&step, identity, &id);
    key = str_from(id.text);
    return story_read(r->db, &(struct story_query){STORY_EFFECT, &key, 0}, tell_effect, r, err);
}

static enum status read_of_id(struct rows *r, struct str id, struct err *err)
{
    static const enum story of_id[] = {STORY_EVENT, STORY_CARD_USE, STORY_COMMAND_RESULT};

    char room[BONUS_ID_ROOM];
    const struct str entry = bonus_id(id, room);
    enum status rc = ST_OK;

    r->kind = TALE_ROW;
    r->id = id;
    for (size_t i = 0; i < COUNT_OF(of_id) && rc == ST_OK; i++)
        rc = story_read(r->db, &(struct story_query){of_id[i], &id, 0}, tell_row, r, err);
    if (rc == ST_OK)
        rc = story_read(r->db, &(struct story_query){STORY_BONUS_ENTRY, &entry, 0}, tell_row, r,
                        err);
    for (size_t i = 0; i < COUNT_OF(STEPS) && rc == ST_OK; i++)
        rc = read_effect(r, STEPS[i], id, err);
    return rc;
}

/* Cards */

/* story_fn: of a card, where a told record wrote it; the row does not say when. */
static enum status tell_card_row(void *arg, const struct story_row *row, struct err *err)
{
    struct rows *r = arg;
    const bool is_member = str_eq_cstr(str_from(row->table), "member");
    const struct tale_node *by = is_member ? find_last(r->tale, "state.member", r->key)
                                           : find_last(r->tale, "result.bonus", r->key);

    if (str_eq_cstr(str_from(row->table), "activation"))
        by = find_record(r->tale, story_text(row, "event_id"));
    if (!by)
        return ST_OK;
    r->id = by->id;
    return tell_row(r, row, err);
}

static enum status read_activation(struct rows *r, struct str receipt, struct err *err)
{
    AUTO(buf_done) struct buf name = BUF_INIT(4096);

    buf_add(&name, r->key);
    buf_add_char(&name, '#');
    buf_add(&name, str_is_empty(receipt) ? STR("-") : receipt);
    return read_effect(r, "activate", buf_str(&name), err);
}

/* story_fn */
static enum status keep_receipts(void *arg, const struct story_row *row, struct err *err)
{
    struct rows *r = arg;
    struct str receipts[] = {story_text(row, "receipt_id"), story_text(row, "acting")};

    (void)err;
    for (size_t i = 0; i < COUNT_OF(receipts); i++)
        if (!str_is_empty(receipts[i]) && !map_put(r->subjects, receipts[i], r, NULL))
            r->tale->is_short = true;
    return ST_OK;
}

static bool cut_key(struct str key, struct str parts[3])
{
    struct str rest = {0};

    return str_cut(key, ':', &parts[0], &rest) && str_cut(rest, ':', &parts[1], &parts[2]) &&
           !str_is_empty(parts[2]);
}

static enum status read_of_card(struct rows *r, struct str key, struct err *err)
{
    static const enum story of_card[] = {STORY_MEMBER, STORY_ACTIVATION, STORY_BONUS_ACCOUNT};
    struct str parts[3];
    enum status rc = ST_OK;

    if (!cut_key(key, parts))
        return ST_OK;
    r->key = key;
    r->kind = TALE_ROW;
    for (size_t i = 0; i < COUNT_OF(of_card) && rc == ST_OK; i++)
        rc = story_read(r->db, &(struct story_query){of_card[i], parts, 0}, tell_card_row, r, err);
    return rc;
}

/* An activation is named by the card and its last receipt: any of the pushes, or what the wait
 * says. */
static enum status read_activations(struct rows *r, struct str key, struct err *err)
{
    struct map *before = r->subjects;
    struct map *receipts = map_new();
    struct str parts[3];
    enum status rc = ST_OK;

    if (!receipts)
        return err_fatal(err, "memory", "out of memory");
    if (cut_key(key, parts)) {
        r->key = key;
        r->subjects = receipts;
        rc = story_read(r->db, &(struct story_query){STORY_ACTIVATION_WAIT, parts, 0},
                        keep_receipts, r, err);
        r->subjects = before;
        for (const struct map_entry *e = map_first(before); e && rc == ST_OK; e = map_next(e))
            if (!map_put(receipts, map_key(e), r, NULL))
                rc = err_fatal(err, "memory", "out of memory");
        if (rc == ST_OK)
            rc = read_activation(r, (struct str){NULL, 0}, err);
        for (const struct map_entry *e = map_first(receipts); e && rc == ST_OK; e = map_next(e))
            rc = read_activation(r, map_key(e), err);
    }
    map_free(receipts, NULL);
    return rc;
}

/* story_fn */
static enum status tell_binding(void *arg, const struct story_row *row, struct err *err)
{
    struct rows *r = arg;

    for (struct tale_node *node = r->tale->first; node; node = node->then)
        if (str_eq_cstr(node->topic, "event.binding") && str_eq(node->key, r->key) &&
            str_eq(tale_get(node, "scene"), story_text(row, "scene"))) {
            r->id = node->id;
            return tell_row(r, row, err);
        }
    return ST_OK;
}

static enum status read_of_user(struct rows *r, struct str key, struct err *err)
{
    struct str parts[2];

    if (!str_cut(key, ':', &parts[0], &parts[1]) || str_is_empty(parts[1]) ||
        !find_last(r->tale, "event.binding", key))
        return ST_OK;
    r->key = key;
    r->kind = TALE_ROW;
    return story_read(r->db, &(struct story_query){STORY_BINDINGS, parts, 0}, tell_binding, r, err);
}

/* What waits and what failed */

static bool is_told(const struct rows *r, const struct record *record)
{
    struct str id = header_find(record->headers, record->header_count, STR("ce_id"));
    struct str trace = tale_trace_of(record);

    return (str_is_set(id) && map_get(r->subjects, id)) ||
           (str_is_set(trace) && map_get(r->s->traces, trace));
}

static void place_node(struct rows *r, struct tale_node *node, struct str topic, int32_t partition,
                       int64_t offset)
{
    const char *prefix = r->ctl->settings->topic.prefix;

    node->what = node->worker = str_from(r->worker);
    node->topic = arena_dup(&r->tale->arena, tale_short_topic(topic, prefix));
    node->partition = partition;
    node->offset = offset;
    for (struct tale_node *other = r->tale->first; other; other = other->then)
        if (other->kind <= TALE_REDRIVE && str_eq(other->topic, node->topic) &&
            other->partition == partition && other->offset == offset)
            node->parent = other;
}

/* parked_row_fn */
static enum status tell_parked(void *arg, const struct parked_row *row, struct err *err)
{
    struct rows *r = arg;
    const struct record *record = &row->record;
    struct tale_node *node;

    (void)err;
    if (row->damaged || !is_told(r, record))
        return ST_OK;
    node = tale_add(r->tale, TALE_PARKED);
    if (!node)
        return ST_OK;
    place_node(r, node, record->topic, record->partition, record->offset);
    node->at_ms = row->first_failed_ms;
    node->id = arena_dup(&r->tale->arena,
                         header_find(record->headers, record->header_count, STR("ce_id")));
    tale_number(r->tale, node, STR("attempts"), row->attempts);
    tale_field(r->tale, node, STR("reason"), row->reason);
    tale_time(r->tale, node, STR("last_failed_at"), row->last_failed_ms);
    tale_time(r->tale, node, STR("next_at"), row->next_at_ms);
    tale_field(r->tale, node, STR("wish"),
               row->wish == PARKED_NO_WISH ? (struct str){NULL, 0}
                                           : str_from(parked_wish_name(row->wish)));
    return ST_OK;
}

/* suspect_fn */
static enum status tell_suspect(void *arg, const struct suspect *suspect, struct err *err)
{
    struct rows *r = arg;
    struct tale_node lookup = {0};
    struct tale_node *node;

    (void)err;
    place_node(r, &lookup, suspect->topic, suspect->part, suspect->off);
    if (!lookup.parent)
        return ST_OK;
    node = tale_add(r->tale, TALE_CRASH);
    if (!node)
        return ST_OK;
    place_node(r, node, suspect->topic, suspect->part, suspect->off);
    node->at_ms = suspect->last_at_ms;
    tale_number(r->tale, node, STR("crashes"), suspect->crashes);
    return ST_OK;
}

static bool is_first_of_partition(const struct tale *tale, const struct tale_node *node)
{
    for (const struct tale_node *c = tale->first; c != node; c = c->then)
        if (c->kind == TALE_RECORD && c->partition == node->partition)
            return false;
    return node->kind == TALE_RECORD;
}

static enum status read_of_worker(struct rows *r, const struct tale_node *last, struct err *err)
{
    enum status rc = ST_OK;

    for (const struct map_entry *e = map_first(r->s->keys); e && rc == ST_OK; e = map_next(e)) {
        const struct parked_query query = {
            .worker = r->worker, .key = map_key(e), .limit = PARKED_MAX};

        rc = parked_list(r->db, &query, tell_parked, r, err);
    }
    for (const struct tale_node *node = r->tale->first; node && rc == ST_OK; node = node->then) {
        if (is_first_of_partition(r->tale, node))
            rc = suspect_load(r->db, r->worker, node->partition, tell_suspect, r, err);
        if (node == last)
            break;
    }
    return rc;
}

/* Dead letters */

static enum status read_letter(struct rows *r, struct tale_node *dead, struct err *err)
{
    struct letter letter;
    struct tale_node *node;
    char worker[64];
    enum status rc;

    (void)str_copy(dead->worker, worker, sizeof(worker));
    rc = letter_get(r->db, worker, dead->partition, dead->offset, &letter, err);
    if (rc != ST_OK || letter.state == LETTER_OPEN)
        return rc;
    node = tale_add(r->tale, TALE_DEALT);
    if (!node)
        return ST_OK;
    node->parent = dead;
    node->at_ms = letter.at_ms;
    node->what = node->worker = dead->worker;
    node->outcome = str_from(letter_state_name(letter.state));
    tale_field(r->tale, node, STR("by"), str_from(letter.by));
    return ST_OK;
}

/* What rows and effects are asked of: pushes and commands, and what was looked for itself. */
static bool name_subjects(struct rows *r)
{
    bool good = true;

    for (const struct map_entry *e = map_first(r->s->ids); e && good; e = map_next(e))
        good = map_put(r->subjects, map_key(e), r, NULL);
    for (const struct tale_node *node = r->tale->first; node && good; node = node->then)
        if (node->kind == TALE_RECORD && !str_is_empty(node->id) &&
            (str_eq_cstr(node->topic, "event.wechat") || str_starts(node->topic, STR("cmd."))))
            good = map_put(r->subjects, node->id, r, NULL);
    return good;
}

static enum status read_all(struct rows *r, struct tale_node *last, struct err *err)
{
    enum status rc = ST_OK;

    for (const struct map_entry *e = map_first(r->subjects); e && rc == ST_OK; e = map_next(e))
        rc = read_of_id(r, map_key(e), err);
    for (const struct map_entry *e = map_first(r->s->keys); e && rc == ST_OK; e = map_next(e)) {
        rc = read_of_card(r, map_key(e), err);
        if (rc == ST_OK)
            rc = read_activations(r, map_key(e), err);
        if (rc == ST_OK)
            rc = read_of_user(r, map_key(e), err);
    }
    for (const struct topic_worker *w = topic_workers(); w->name && rc == ST_OK; w++) {
        r->worker = w->name;
        rc = read_of_worker(r, last, err);
    }
    for (struct tale_node *node = r->tale->first; node && rc == ST_OK; node = node->then)
        if (node->kind == TALE_LETTER)
            rc = read_letter(r, node, err);
    return rc;
}

enum status trace_rows(struct db *db, const struct ctl *ctl, const struct sought *s,
                       struct tale *tale, struct err *err)
{
    struct rows r = {.db = db, .ctl = ctl, .s = s, .tale = tale, .subjects = map_new()};
    struct tale_node *last = tale->first;
    enum status rc;

    while (last && last->then)
        last = last->then;
    if (!r.subjects || !name_subjects(&r))
        rc = err_fatal(err, "memory", "out of memory");
    else
        rc = read_all(&r, last, err);
    map_free(r.subjects, NULL);
    return rc;
}
