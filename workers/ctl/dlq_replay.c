/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl dlq replay|discard: what becomes of dead letters stands in the table before and after
 * each is sent, so that whoever comes next knows what is left to do. One kabaoctl at a time.
 *
 * A letter of reason outcome-unknown is sent only together with a person's word on its effect,
 * which is written first: whoever runs the record then finds it done, or not begun. */
#include "app/app.h"
#include "base/rand.h"
#include "database.h"
#include "dlq.h"
#include "redrive.h"
#include "tables/effect.h"
#include "who.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { RATE_DEFAULT = 50, SHOW_EVERY_MS = 200 };

/* What a person says of effects whose outcome nobody knows. */
enum word { WORD_NONE, WORD_DONE, WORD_AGAIN };

#define EFFECT_HEADER "dlq-effect-id"
#define SAID_DONE     " done"
#define SAID_AGAIN    " again"

struct job {
    const struct ctl *ctl;
    struct letters_query query;
    bool discard;
    enum word as;
    struct db *db;
    struct letters letters;
    struct redrive *redrive; /* NULL: not needed */
    char by[LETTER_BY_SIZE]; /* this run's alone; ends with the person's word */
    size_t tried;
    size_t done;    /* replayed, or discarded */
    size_t sent;    /* of those done: by this run */
    size_t found;   /* an earlier run had sent them */
    size_t refused; /* cannot be replayed */
    size_t passed;  /* somebody dealt with them before */
    size_t unsaid;  /* wait for a person's word */
};

static void name_run(enum word as, char by[LETTER_BY_SIZE])
{
    static const char *const said[] = {"", SAID_DONE, SAID_AGAIN};
    char user[USER_SIZE];

    who_am_i(user);
    (void)snprintf(by, LETTER_BY_SIZE, "%.40s %016llx%s", user, (unsigned long long)rand_u64(),
                   said[as]);
}

static bool is_redriving(const struct dead *dead)
{
    return dead->letter.state == LETTER_REDRIVING;
}

static bool is_final(enum letter_state state)
{
    return state != LETTER_OPEN && state != LETTER_REDRIVING;
}

/* A person must say what became of it. */
static bool is_unknown(const struct dead *dead)
{
    return str_eq_cstr(dead_header(dead, "dlq-reason"), reason_name(REASON_OUTCOME_UNKNOWN));
}

static enum letter_state sent_state(const struct dead *dead)
{
    return is_unknown(dead) ? LETTER_SETTLED : LETTER_REDRIVEN;
}

/* One letter */

static enum status settle(struct job *job, const struct dead *dead, enum letter_state state,
                          struct err *err)
{
    struct letter letter = {
        .part = dead->letter.part,
        .off = dead->letter.off,
        .state = state,
        .at_ms = clock_wall_ms(),
    };

    (void)str_copy(str_from(job->by), letter.by, sizeof(letter.by));
    return letter_settle(job->db, job->query.worker, &letter, err);
}

static void complain(const struct dead *dead, const char *what)
{
    (void)fprintf(stderr, "kabaoctl: %d:%lld: %s\n", dead->letter.part, (long long)dead->letter.off,
                  what);
}

/* At the pace that was asked for, over the whole run. */
static void wait_for_turn(const struct job *job, int64_t started_ns)
{
    const int64_t rate = job->ctl->rate > 0 ? job->ctl->rate : RATE_DEFAULT;
    const int64_t due_ns = started_ns + (int64_t)job->sent * 1000000000 / rate;

    for (;;) {
        const int64_t left_ns = due_ns - clock_mono_ns();

        if (left_ns <= 0)
            return;
        (void)poll(NULL, 0, (int)(left_ns / 1000000) + 1);
    }
}

/* The lock lives as long as the connection: that the statement got an answer means that nobody else
 * is sending. */
static enum status intend(struct job *job, const struct dead *dead, int32_t partition,
                          struct letter *stands, struct err *err)
{
    struct letter intent = {
        .part = dead->letter.part,
        .off = dead->letter.off,
        .at_ms = clock_wall_ms(),
        .redrive_from = redrive_end(job->redrive, partition),
    };
    enum status rc;

    (void)str_copy(str_from(job->by), intent.by, sizeof(intent.by));
    rc = letter_intend(job->db, job->query.worker, &intent, stands, err);
    if (rc != ST_OK || is_final(stands->state) || strcmp(stands->by, job->by) == 0)
        return rc;
    return is_redriving(dead) ? ST_OK
                              : err_retry(err, "locked", "%d:%lld is being replayed by another run",
                                          dead->letter.part, (long long)dead->letter.off);
}

/* Safe to repeat until the letter is sent. */
static enum status say_word(struct job *job, const struct dead *dead, struct err *err)
{
    if (!is_unknown(dead))
        return ST_OK;
    return effect_decide(job->db, dead_header(dead, EFFECT_HEADER), job->as == WORD_DONE, err);
}

static enum status send(struct job *job, const struct dead *dead, int32_t partition,
                        struct err *err)
{
    enum status rc = say_word(job, dead, err);

    if (rc != ST_OK)
        return rc;
    rc = redrive_send(job->redrive, dead, partition, err);
    if (rc == ST_REJECT) {
        complain(dead, err->text);
        job->refused++;
        return ST_OK;
    }
    if (rc != ST_OK)
        return rc;
    job->sent++;
    rc = settle(job, dead, sent_state(dead), err);
    if (rc == ST_OK)
        job->done++;
    return rc;
}

static enum status settle_found(struct job *job, const struct dead *dead, struct err *err)
{
    enum status rc;

    rc = settle(job, dead, sent_state(dead), err);
    if (rc == ST_OK)
        job->found++;
    return rc;
}

static bool was_sent(const struct job *job, const struct dead *dead)
{
    return is_redriving(dead) && redrive_has(job->redrive, dead);
}

enum demur {
    DEMUR_NONE,
    DEMUR_UNSAID,   /* a word is missing */
    DEMUR_ONE_MORE, /* one too many */
    DEMUR_LATE,     /* a run that was cut short said that it happened: that is not taken back */
};

static enum demur demur(const struct job *job, const struct dead *dead)
{
    bool said = job->as != WORD_NONE;

    if (!said)
        return is_unknown(dead) ? DEMUR_UNSAID : DEMUR_NONE;
    if (!is_unknown(dead) || str_is_empty(dead_header(dead, EFFECT_HEADER)))
        return DEMUR_ONE_MORE;
    if (job->as == WORD_AGAIN && is_redriving(dead) &&
        str_ends(str_from(dead->letter.by), STR(SAID_DONE)))
        return DEMUR_LATE;
    return DEMUR_NONE;
}

/* False: told why. */
static bool may_send(struct job *job, const struct dead *dead)
{
    if (was_sent(job, dead))
        return true;
    switch (demur(job, dead)) {
    case DEMUR_NONE: return true;
    case DEMUR_UNSAID:
        complain(dead, "nobody knows whether it happened: look, then replay it with --as done, or "
                       "with --as again to have it done");
        job->unsaid++;
        return false;
    case DEMUR_ONE_MORE:
        complain(dead, "--as is for letters of reason outcome-unknown that name their effect");
        break;
    case DEMUR_LATE:
        complain(dead, "an earlier run was told that it is done, and that stands: replay it with "
                       "--as done, or discard it");
        break;
    }
    job->refused++;
    return false;
}

static enum status replay(struct job *job, const struct dead *dead, struct err *err)
{
    struct letter stands = {0};
    int32_t partition = 0;
    enum status rc;

    if (!redrive_partition(job->redrive, dead, &partition)) {
        complain(dead, "the redrive topic has no partition like the one it came from: left alone");
        job->refused++;
        return ST_OK;
    }
    if (!may_send(job, dead))
        return ST_OK;
    rc = intend(job, dead, partition, &stands, err);
    if (rc != ST_OK)
        return rc;
    if (is_final(stands.state)) {
        job->passed++;
        return ST_OK;
    }
    if (was_sent(job, dead))
        return settle_found(job, dead, err);
    return send(job, dead, partition, err);
}

static enum status discard(struct job *job, const struct dead *dead, struct err *err)
{
    enum status rc;

    if (was_sent(job, dead))
        return settle_found(job, dead, err);
    rc = settle(job, dead, LETTER_DISCARDED, err);
    if (rc == ST_OK)
        job->done++;
    return rc;
}

/* All of them */

static enum status prepare(struct job *job, struct err *err)
{
    const struct letters *letters = &job->letters;
    size_t unsure = 0;
    enum status rc = ST_OK;

    for (size_t i = 0; i < letters->count; i++)
        unsure += is_redriving(&letters->list[i]) ? 1 : 0;
    if (job->discard && unsure == 0)
        return ST_OK;
    rc = redrive_open(job->ctl, job->query.worker, &job->redrive, err);
    for (size_t i = 0; rc == ST_OK && i < letters->count; i++)
        if (is_redriving(&letters->list[i]))
            rc = redrive_expect(job->redrive, &letters->list[i], err);
    return rc == ST_OK && !job->ctl->dry_run ? redrive_read(job->redrive, err) : rc;
}

static void show_progress(const struct job *job, struct deadline *next)
{
    if (!isatty(STDERR_FILENO) || !deadline_passed(*next))
        return;
    (void)fprintf(stderr, "\r%zu of %zu ", job->tried, job->letters.count);
    *next = deadline_in(SHOW_EVERY_MS);
}

static enum status work(struct job *job, struct err *err)
{
    const int64_t started_ns = clock_mono_ns();
    struct deadline next = deadline_in(SHOW_EVERY_MS);
    enum status rc = ST_OK;

    for (size_t i = 0; rc == ST_OK && i < job->letters.count; i++) {
        const struct dead *dead = &job->letters.list[i];

        if (is_final(dead->letter.state)) {
            complain(dead, dead_state(dead));
            job->passed++;
            continue;
        }
        if (!job->discard)
            wait_for_turn(job, started_ns);
        rc = job->discard ? discard(job, dead, err) : replay(job, dead, err);
        job->tried += rc == ST_OK ? 1 : 0;
        show_progress(job, &next);
    }
    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\r\033[K");
    return rc;
}

static void print_result(const struct job *job)
{
    const char *verb = job->discard ? "discarded" : "replayed";
    const size_t left =
        job->letters.count - job->done - job->found - job->refused - job->passed - job->unsaid;

    if (job->ctl->json) {
        (void)printf("{\"worker\":\"%s\",\"selected\":%zu,\"%s\":%zu,\"sent_before\":%zu,"
                     "\"refused\":%zu,\"settled_before\":%zu,\"outcome_unknown\":%zu,"
                     "\"left\":%zu}\n",
                     job->query.worker, job->letters.count, verb, job->done, job->found,
                     job->refused, job->passed, job->unsaid, left);
        return;
    }
    (void)printf("%zu of %zu dead letters %s", job->done, job->letters.count, verb);
    if (job->found > 0)
        (void)printf(", %zu had been sent by an earlier run", job->found);
    if (job->passed > 0)
        (void)printf(", %zu had been dealt with", job->passed);
    if (job->refused > 0)
        (void)printf(", %zu refused", job->refused);
    if (job->unsaid > 0)
        (void)printf(", %zu wait for --as done or --as again", job->unsaid);
    if (left > 0)
        (void)printf(", %zu left: run it again", left);
    (void)printf("\n");
}

/* dlq_would_fn */
static const char *foretell(void *arg, const struct dead *dead)
{
    const struct job *job = arg;
    int32_t partition = 0;

    if (is_final(dead->letter.state))
        return "nothing, it is settled";
    if (!job->discard && !redrive_partition(job->redrive, dead, &partition))
        return "refuse";
    if (job->discard)
        return is_redriving(dead) ? "discard unless sent" : "discard";
    switch (demur(job, dead)) {
    case DEMUR_NONE: break;
    case DEMUR_UNSAID: return "nothing without --as";
    case DEMUR_ONE_MORE: /* as the next */
    case DEMUR_LATE: return "refuse";
    }
    if (is_redriving(dead))
        return "replay unless sent";
    return job->as == WORD_NONE   ? "replay"
           : job->as == WORD_DONE ? "replay as done"
                                  : "replay as new";
}

static bool may_go_on(const struct job *job)
{
    char question[128];

    if (job->letters.count == 0)
        return true;
    (void)snprintf(question, sizeof(question), "%s %zu dead letters of %s?",
                   job->discard ? "Discard" : "Replay", job->letters.count, job->query.worker);
    return ctl_confirm(job->ctl, question);
}

static int run_job(struct job *job)
{
    struct err err = {0};
    enum status rc;

    rc = database_open(job->ctl, &job->db, &err);
    if (rc == ST_OK && !job->ctl->dry_run)
        rc = database_lock_letters(job->db, job->query.worker, &err);
    if (rc == ST_OK)
        rc = letters_read(job->ctl, job->db, &job->query, &job->letters, &err);
    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    if (job->query.has_place && job->letters.count == 0)
        return ctl_usage("there is no such dead letter at that place");
    if (!job->ctl->dry_run && !may_go_on(job))
        return EXIT_USAGE;
    rc = prepare(job, &err);
    if (rc == ST_OK && job->ctl->dry_run)
        return dlq_print_list(job->ctl, &job->letters, foretell, job);
    if (rc == ST_OK)
        rc = work(job, &err);
    print_result(job);
    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    return job->refused + job->unsaid == 0 ? EXIT_DONE : EXIT_CONFIG;
}

static int parse_word(struct job *job)
{
    struct str unknown = str_from(reason_name(REASON_OUTCOME_UNKNOWN));
    struct str as = job->ctl->as;

    if (!str_is_set(as))
        return EXIT_DONE;
    if (!str_eq(as, STR("done")) && !str_eq(as, STR("again")))
        return ctl_usage("--as takes done or again");
    if (str_is_set(job->query.reason) && !str_eq(job->query.reason, unknown))
        return ctl_usage("--as is for letters of reason outcome-unknown");
    job->as = str_eq(as, STR("done")) ? WORD_DONE : WORD_AGAIN;
    if (!job->query.has_place) /* at a place, another reason is worth an answer */
        job->query.reason = unknown;
    return EXIT_DONE;
}

static int start_job(const struct ctl *ctl, bool discards)
{
    struct job job = {.ctl = ctl, .discard = discards};
    int code = dlq_select(ctl, &job.query);

    if (code == EXIT_DONE)
        code = parse_word(&job);
    if (code != EXIT_DONE)
        return code;
    if (!ctl->dry_run &&
        !ctl_can_ask(ctl, discards ? "Discard dead letters?" : "Replay dead letters?"))
        return EXIT_USAGE;
    /* A place that was dealt with before is worth an answer. */
    job.query.unfinished = !job.query.has_place;
    job.query.whole = !discards;
    name_run(job.as, job.by);
    code = run_job(&job);
    redrive_close(job.redrive);
    letters_done(&job.letters);
    database_close(job.db);
    return code;
}

int ctl_dlq_replay(const struct ctl *ctl)
{
    return start_job(ctl, false);
}

int ctl_dlq_discard(const struct ctl *ctl)
{
    return start_job(ctl, true);
}
