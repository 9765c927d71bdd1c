/* SPDX-License-Identifier: Apache-2.0 */
#include "import_follow.h"

#include "base/clock.h"
#include "base/mem.h"
#include "codec/json.h"
#include "codec/jsonw.h"
#include "database.h"
#include "rate.h"

enum {
    OPEN_MAX = 32, /* commands at a time: others find lanes free */
    AGAIN_MS = 5000,
    RESTARTS_MAX = 3,
    ANSWERS_MAX_BYTES = 64 << 20,
    BODY_MAX = 256,
    NS_PER_MS = 1000000,
};

static const char LIST[] = "user.list";
static const char CARDS[] = "user.cards";
static const double SHARE_LEAST = 0.01;

_Static_assert(OPEN_MAX + 1 <= IMPORT_CHUNK, "all ids fit into one question");

/* A command whose answer is awaited. */
struct question {
    struct id id;
    char openid[IMPORT_TEXT_SIZE]; /* of a page: the one before it; "": the first */
    bool is_page;
    bool is_lost; /* perhaps: who sent it was cut short. It is sent again at `again` */
    struct deadline again;
};

struct answer {
    struct question *question;
    struct str outcome;
    struct str answer;
    struct str error;
};

struct follow {
    struct import_job *job;
    struct question open[OPEN_MAX + 1];
    size_t count;
    bool page_open;
    bool all_asked; /* nobody in the table is new */
    int restarts;
    struct rate rate;
    struct answer answers[OPEN_MAX + 1];
    size_t answer_count;
    struct arena arena; /* of the answers at hand */
    int64_t people;
    int64_t cards;
};

static enum status no_memory(struct err *err)
{
    return err_retry(err, "memory", "out of memory");
}

/* No more than what a replay may have of the path's limit: live commands have the rest. */
static struct rate rate_of(const struct settings_quota *quota)
{
    const struct quota_limit *limit = quota_limit_of(quota, str_from(IMPORT_CARDS_PATH));
    const double share = quota->replay_share > SHARE_LEAST ? quota->replay_share : SHARE_LEAST;
    struct rate rate = {0};

    if (limit->count > 0)
        rate.interval_ns =
            (int64_t)((double)limit->per_ms * NS_PER_MS / (double)limit->count / share);
    return rate;
}

struct follow *follow_new(struct import_job *job)
{
    struct follow *f = mem_zalloc(sizeof(*f));

    if (!f)
        return NULL;
    f->job = job;
    f->rate = rate_of(&job->ctl->settings->quota);
    f->arena.max = ANSWERS_MAX_BYTES;
    return f;
}

void follow_free(struct follow *f)
{
    if (!f)
        return;
    arena_done(&f->arena);
    mem_free(f);
}

bool follow_waits(const struct follow *f)
{
    return f->count > 0;
}

bool follow_done(const struct follow *f)
{
    return f->job->run.listed && f->all_asked && f->count == 0;
}

int64_t follow_people(const struct follow *f)
{
    return f->people;
}

int64_t follow_cards(const struct follow *f)
{
    return f->cards;
}

/* Asking */

static enum status send(struct follow *f, struct question *q, struct err *err)
{
    AUTO(buf_done) struct buf body = BUF_INIT(BODY_MAX);
    struct jsonw w = {.out = &body};

    jsonw_object(&w);
    if (q->openid[0])
        jsonw_key_str(&w, q->is_page ? "next_openid" : "openid", str_from(q->openid));
    jsonw_object_end(&w);
    if (!buf_ok(&body))
        return no_memory(err);
    q->is_lost = false;
    return import_wire_command(f->job->wire, q->is_page ? LIST : CARDS, &q->id, buf_str(&body),
                               err);
}

/* NULL: no such openid can be. */
static struct question *add(struct follow *f, bool is_page, struct str openid)
{
    struct question *q = &f->open[f->count];

    *q = (struct question){.is_page = is_page};
    if (!str_copy(openid, q->openid, sizeof(q->openid)))
        return NULL;
    import_command_id(f->job->run.run_id, is_page ? LIST : CARDS, openid, &q->id);
    f->count++;
    return q;
}

static void expect_late(struct question *q)
{
    q->is_lost = true;
    q->again = deadline_in(AGAIN_MS);
}

static enum status ask_page(struct follow *f, bool may_be_asked, struct err *err)
{
    struct question *q;

    if (f->job->run.listed || f->page_open)
        return ST_OK;
    q = add(f, true, str_from(f->job->run.next_openid));
    f->page_open = true;
    if (!may_be_asked)
        return send(f, q, err);
    expect_late(q);
    return ST_OK;
}

/* import_person_fn: what was asked for before */
static enum status take_up(void *arg, struct str openid, struct err *err UNUSED)
{
    struct follow *f = arg;
    struct question *q = add(f, false, openid);

    if (q)
        expect_late(q);
    return ST_OK;
}

enum status follow_load(struct follow *f, struct err *err)
{
    struct import_job *job = f->job;
    enum status rc = ST_OK;

    if (job->goes_on)
        rc = import_people(job->db, job->run.run_id, IMPORT_SENT, OPEN_MAX, take_up, f, err);
    return rc == ST_OK ? ask_page(f, job->goes_on, err) : rc;
}

/* import_person_fn */
static enum status take_next(void *arg, struct str openid, struct err *err UNUSED)
{
    struct follow *f = arg;

    (void)add(f, false, openid);
    return ST_OK;
}

struct marking {
    const struct follow *follow;
    size_t from;
};

/* writer_fn */
static enum status mark_sent(struct db *tx, void *arg, struct err *err)
{
    const struct marking *m = arg;
    enum status rc = ST_OK;

    for (size_t i = m->from; rc == ST_OK && i < m->follow->count; i++)
        rc = import_person_is(tx, m->follow->job->run.run_id, str_from(m->follow->open[i].openid),
                              IMPORT_SENT, (struct str){0}, (struct str){0}, err);
    return rc;
}

/* Whose turn it is now. They are marked first: a command that nobody remembers would be sent
 * twice. */
static enum status ask_people(struct follow *f, struct err *err)
{
    struct import_job *job = f->job;
    const size_t people = f->count - (f->page_open ? 1 : 0);
    struct marking marking = {f, f->count};
    int64_t turns = 0;
    enum status rc;

    while (people + (size_t)turns < OPEN_MAX && rate_take(&f->rate))
        turns++;
    if (turns == 0)
        return ST_OK;
    rc = import_people(job->db, job->run.run_id, IMPORT_NEW, turns, take_next, f, err);
    f->all_asked = rc == ST_OK && f->count == marking.from;
    if (rc == ST_OK && !f->all_asked)
        rc = database_do(job->db, mark_sent, &marking, err);
    for (size_t i = marking.from; rc == ST_OK && i < f->count; i++)
        rc = send(f, &f->open[i], err);
    return rc;
}

static enum status ask_again(struct follow *f, struct err *err)
{
    enum status rc = ST_OK;

    for (size_t i = 0; rc == ST_OK && i < f->count; i++)
        if (f->open[i].is_lost && deadline_passed(f->open[i].again))
            rc = send(f, &f->open[i], err);
    return rc;
}

/* Answers */

/* import_answer_fn */
static enum status keep_answer(void *arg, const struct import_answer *given, struct err *err)
{
    struct follow *f = arg;
    struct answer *a = &f->answers[f->answer_count];

    *a = (struct answer){
        .outcome = arena_dup(&f->arena, given->outcome),
        .answer = arena_dup(&f->arena, given->answer),
        .error = arena_dup(&f->arena, given->error),
    };
    if (!str_is_set(a->outcome) || (str_is_set(given->answer) && !str_is_set(a->answer)))
        return no_memory(err);
    for (size_t i = 0; i < f->count; i++)
        if (str_eq_cstr(given->command_id, f->open[i].id.text))
            a->question = &f->open[i];
    if (a->question)
        f->answer_count++;
    return ST_OK;
}

static enum status read_answers(struct follow *f, struct err *err)
{
    struct str ids[OPEN_MAX + 1];

    for (size_t i = 0; i < f->count; i++)
        ids[i] = str_from(f->open[i].id.text);
    f->answer_count = 0;
    arena_reset(&f->arena);
    return import_answers(f->job->db, ids, f->count, keep_answer, f, err);
}

/* One answer on its way into the tables. */
struct taking {
    struct follow *follow;
    const struct question *question;
    const struct json *answer;
    bool is_done;
    struct str code;
    struct str message;
    struct import_run run; /* as it is after a page */
    int64_t cards;
};

static enum status add_page(struct db *tx, const struct taking *t, struct err *err)
{
    const struct json *list = json_get(json_get(t->answer, "data"), "openid");
    struct str openids[IMPORT_CHUNK];
    size_t count = 0;
    enum status rc = ST_OK;

    for (size_t i = 0; rc == ST_OK && i < json_len(list); i++) {
        const struct str openid = json_str(json_at(list, i));

        if (!str_is_empty(openid) && openid.len < IMPORT_TEXT_SIZE)
            openids[count++] = openid;
        if (count < IMPORT_CHUNK)
            continue;
        rc = import_add_people(tx, t->run.run_id, openids, count, err);
        count = 0;
    }
    return rc == ST_OK ? import_add_people(tx, t->run.run_id, openids, count, err) : rc;
}

static void turn_page(struct taking *t)
{
    const struct json *list = json_get(json_get(t->answer, "data"), "openid");
    const struct str next = json_get_str(t->answer, "next_openid");

    (void)json_get_i64(t->answer, "total", &t->run.total);
    t->run.seen += (int64_t)json_len(list);
    t->run.listed = json_len(list) == 0 || str_is_empty(next) || t->run.seen >= t->run.total ||
                    !str_copy(next, t->run.next_openid, sizeof(t->run.next_openid));
}

/* writer_fn. Where the list is to begin is WeChat's word, and a follower who left is none any more:
 * then it begins anew, and who is listed already stays as he is. */
static enum status put_page(struct db *tx, void *arg, struct err *err)
{
    struct taking *t = arg;
    enum status rc = ST_OK;

    t->run = t->follow->job->run;
    if (t->is_done) {
        turn_page(t);
        rc = add_page(tx, t, err);
    } else {
        t->run.next_openid[0] = '\0';
        t->run.seen = 0;
    }
    if (rc == ST_OK)
        rc = import_save(tx, &t->run, err);
    return rc == ST_OK ? import_drop_answer(tx, str_from(t->question->id.text), err) : rc;
}

static enum status add_cards(struct db *tx, struct taking *t, struct err *err)
{
    const struct json *list = json_get(t->answer, "card_list");
    struct import_card cards[IMPORT_CHUNK];
    size_t count = 0;
    enum status rc = ST_OK;

    t->cards = 0;
    for (size_t i = 0; rc == ST_OK && i < json_len(list); i++) {
        const struct json *entry = json_at(list, i);

        cards[count] = (struct import_card){
            .card_id = json_get_str(entry, "card_id"),
            .card_code = json_get_str(entry, "code"),
            .openid = str_from(t->question->openid),
        };
        if (str_is_empty(cards[count].card_id) || str_is_empty(cards[count].card_code))
            continue;
        t->cards++;
        if (++count < IMPORT_CHUNK)
            continue;
        rc = import_add_cards(tx, t->run.run_id, cards, count, err);
        count = 0;
    }
    return rc == ST_OK ? import_add_cards(tx, t->run.run_id, cards, count, err) : rc;
}

/* writer_fn */
static enum status put_cards(struct db *tx, void *arg, struct err *err)
{
    struct taking *t = arg;
    const struct str openid = str_from(t->question->openid);
    enum status rc = ST_OK;

    t->run = t->follow->job->run;
    if (t->is_done)
        rc = add_cards(tx, t, err);
    if (rc == ST_OK)
        rc = import_person_is(tx, t->run.run_id, openid, t->is_done ? IMPORT_DONE : IMPORT_FAILED,
                              t->code, t->message, err);
    return rc == ST_OK ? import_drop_answer(tx, str_from(t->question->id.text), err) : rc;
}

static enum status take_page(struct follow *f, struct taking *t, struct err *err)
{
    const bool is_lost = !t->is_done && str_eq(t->code, STR("wechat:40003")) &&
                         f->job->run.next_openid[0] && f->restarts++ < RESTARTS_MAX;
    enum status rc = database_do(f->job->db, put_page, t, err);

    if (rc != ST_OK)
        return rc;
    f->job->run = t->run;
    f->page_open = false;
    if (!t->is_done && !is_lost)
        return err_fatal(err, "user.list", "the followers cannot be listed: %.*s %.*s",
                         STR_ARG(t->code), STR_ARG(t->message));
    return ST_OK;
}

static enum status take_person(struct follow *f, struct taking *t, struct err *err)
{
    enum status rc = database_do(f->job->db, put_cards, t, err);

    f->people += rc == ST_OK;
    f->cards += rc == ST_OK ? t->cards : 0;
    return rc;
}

static enum status take(struct follow *f, const struct answer *a, struct err *err)
{
    AUTO(json_freep) struct json *answer = NULL;
    AUTO(json_freep) struct json *error = NULL;
    struct taking t = {.follow = f, .question = a->question};
    struct err unseen = {0};

    if (str_is_set(a->answer) && json_parse(a->answer, &answer, &unseen) != ST_OK)
        answer = NULL;
    if (str_is_set(a->error) && json_parse(a->error, &error, &unseen) != ST_OK)
        error = NULL;
    t.answer = answer;
    t.is_done = str_eq(a->outcome, STR("done")) && !error;
    if (!t.is_done) {
        t.code = str_limit(error ? json_get_str(error, "code") : a->outcome, 32);
        t.message = str_limit(json_get_str(error, "message"), 255);
    }
    f->all_asked = f->all_asked && !a->question->is_page;
    return a->question->is_page ? take_page(f, &t, err) : take_person(f, &t, err);
}

static enum status take_all(struct follow *f, struct err *err)
{
    enum status rc = ST_OK;
    size_t left = 0;

    for (size_t i = 0; rc == ST_OK && i < f->answer_count; i++) {
        rc = take(f, &f->answers[i], err);
        if (rc == ST_OK)
            f->answers[i].question->id.text[0] = '\0';
    }
    f->answer_count = 0;
    for (size_t i = 0; i < f->count; i++)
        if (f->open[i].id.text[0])
            f->open[left++] = f->open[i];
    f->count = left;
    return rc;
}

enum status follow_step(struct follow *f, struct err *err)
{
    enum status rc = ask_page(f, false, err);

    if (rc == ST_OK)
        rc = ask_people(f, err);
    if (rc == ST_OK)
        rc = ask_again(f, err);
    if (rc == ST_OK && f->count > 0)
        rc = read_answers(f, err);
    return rc == ST_OK ? take_all(f, err) : rc;
}
