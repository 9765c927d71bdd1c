/* SPDX-License-Identifier: Apache-2.0 */
/* kabao-probe: a worker that does what its records tell it to, and keeps a journal of it. For tests
 * of the engine; README.md has the words. */
#include "base/num.h"
#include "effect.h"
#include "journal.h"
#include "model/event.h"
#include "model/member.h"
#include "run/lane.h"
#include "tables/event.h"
#include "wechat/member.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS = 200, LOOK_MS = 5, PAGE_BYTES = 4096, PATH_BYTES = 512, NUMBER_MAX = 1 << 30 };

#define DIRECTORY "PROBE_DIR" /* not KABAO_: it is no setting of the product */

struct probe {
    const char *directory; /* of the journal and of the files that heal */
    int journal;
};

/* One record being played. */
struct act {
    struct lane *lane;
    const struct message *message;
    struct event event;
};

static struct str text(const struct act *act, const char *name)
{
    return event_field(&act->event, name);
}

static int64_t number(const struct act *act, const char *name, int64_t preset)
{
    int64_t value = preset;

    (void)num_parse_i64(text(act, name), 0, NUMBER_MAX, &value);
    return value;
}

static void nap(int64_t ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    int cut;

    do
        cut = nanosleep(&left, &left);
    while (cut != 0 && errno == EINTR);
}

/* The file of that name is there, or the attempts of that number are used up. */
static bool is_healed(const struct act *act)
{
    const struct probe *probe = lane_state(act->lane);
    struct str name = text(act, "Until");
    AUTO(buf_done) struct buf path = BUF_INIT(PATH_BYTES);

    buf_addf(&path, "%s/%.*s", probe->directory, STR_ARG(name));
    if (!str_is_empty(name) && buf_ok(&path) && access(path.ptr, F_OK) == 0)
        return true;
    return act->message->attempt > number(act, "Times", NUMBER_MAX);
}

/* Words that work */

static enum status do_sleep(const struct act *act, struct err *err UNUSED)
{
    nap(number(act, "Ms", 0));
    return ST_OK;
}

static enum status do_call(const struct act *act, struct err *err)
{
    AUTO(json_freep) struct json *answer = NULL;
    struct wechat *wechat = lane_wechat(act->lane);
    struct arena *arena = lane_arena(act->lane);
    struct deadline until = lane_deadline(act->lane);
    struct member m = {0};
    struct card card = {
        .account = lane_account(act->lane, act->event.account),
        .card_id = act->event.card_id,
        .card_code = act->event.card_code,
        .traceparent = lane_traceparent(act->lane),
    };

    if (!card.account)
        return err_reject(err, REASON_REJECTED, "account", "no such account in the settings");
    if (str_eq(text(act, "Path"), STR("code")))
        return wechat_code_get(wechat, &card, until, arena, &m, &answer, err);
    return wechat_member_get(wechat, &card, until, arena, &m, &answer, err);
}

static enum status do_put(const struct act *act, struct err *err)
{
    const struct message *message = act->message;
    const struct event_origin origin = {.id = message->event.id, .body = message->data};
    const struct db_value *row = event_row(lane_arena(act->lane), &act->event, &origin);

    if (!row)
        return err_retry(err, "memory", "no memory for a row");
    return lane_put(act->lane, &TABLE_WECHAT_EVENT, row, err);
}

static enum status do_emit(const struct act *act, struct err *err)
{
    const struct event *event = &act->event;
    struct member m = {
        .version = {true, event->create_time.value * 1000},
        .account = event->account,
        .appid = event->appid,
        .card_id = event->card_id,
        .card_code = event->card_code,
        .nickname = text(act, "Seq"),
    };

    return lane_emit(act->lane, &EMIT_MEMBER, &m, err);
}

static enum status do_effect(const struct act *act, struct err *err)
{
    const struct probe *probe = lane_state(act->lane);
    const struct effect_play played = {
        .lane = act->lane,
        .message = act->message,
        .event = &act->event,
        .directory = probe->directory,
        .journal = probe->journal,
    };

    return effect_play(&played, err);
}

/* Words that fail until they are healed */

static enum status do_retry(const struct act *act UNUSED, struct err *err)
{
    return err_retry(err, "probe:retry", "told to fail");
}

static enum status do_wait(const struct act *act, struct err *err)
{
    const char *resource = arena_cstr(lane_arena(act->lane), text(act, "Resource"));

    return err_wait(err, resource ? resource : "probe", deadline_in(number(act, "WaitMs", WAIT_MS)),
                    "told to wait");
}

static enum status do_reject(const struct act *act UNUSED, struct err *err)
{
    return err_reject(err, REASON_REJECTED, "probe:reject", "told to reject");
}

static enum status do_fatal(const struct act *act UNUSED, struct err *err)
{
    return err_fatal(err, "probe:fatal", "told to end the worker");
}

/* Deaf to deadline and stop, as a handler must not be. */
static enum status do_hang(const struct act *act, struct err *err UNUSED)
{
    struct deadline until = deadline_in(number(act, "Ms", NUMBER_MAX));

    while (!deadline_passed(until) && !is_healed(act))
        nap(LOOK_MS);
    return ST_OK;
}

/* A real fault at an address that the sanitizers have no word on. */
static enum status do_segv(const struct act *act UNUSED, struct err *err)
{
    volatile char *page = mmap(NULL, PAGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    *page = 1;
    return err_fatal(err, "probe:segv", "lived on");
}

static enum status do_abort(const struct act *act UNUSED, struct err *err UNUSED)
{
    abort();
}

/* NOLINTNEXTLINE(misc-no-recursion): without an end, which is its purpose. */
static int64_t descend(const volatile char *above, int64_t depth)
{
    volatile char here[PAGE_BYTES];

    here[0] = above[0];
    return depth < NUMBER_MAX ? descend(here, depth + 1) + here[0] : 0;
}

static enum status do_overflow(const struct act *act UNUSED, struct err *err)
{
    return err_fatal(err, "probe:overflow", "lived on after %lld", (long long)descend("x", 0));
}

/* What the kernel does when memory is short. */
static enum status do_kill(const struct act *act UNUSED, struct err *err)
{
    (void)kill(getpid(), SIGKILL);
    return err_fatal(err, "probe:kill", "lived on");
}

struct verb {
    const char *word;
    enum status (*fn)(const struct act *act, struct err *err);
    bool heals; /* passed over when the record is healed */
};

static const struct verb VERBS[] = {
    {"sleep", do_sleep, false},      {"call", do_call, false},     {"put", do_put, false},
    {"emit", do_emit, false},        {"effect", do_effect, false}, {"retry", do_retry, true},
    {"wait", do_wait, true},         {"reject", do_reject, true},  {"fatal", do_fatal, true},
    {"hang", do_hang, true},         {"segv", do_segv, true},      {"abort", do_abort, true},
    {"overflow", do_overflow, true}, {"kill", do_kill, true},
};

static enum status run_word(const struct act *act, struct str word, struct err *err)
{
    for (size_t i = 0; i < COUNT_OF(VERBS); i++) {
        if (!str_eq_cstr(word, VERBS[i].word))
            continue;
        if (VERBS[i].heals && is_healed(act))
            return ST_OK;
        return VERBS[i].fn(act, err);
    }
    return err_reject(err, REASON_SCHEMA, "probe:word", "no such word: %.*s", STR_ARG(word));
}

static enum status play(const struct act *act, struct err *err)
{
    struct str rest = text(act, "Do");
    struct str word;
    enum status rc = ST_OK;

    while (rc == ST_OK && str_cut(rest, ' ', &word, &rest))
        if (!str_is_empty(word))
            rc = run_word(act, word, err);
    return rc;
}

static const char *verdict_name(enum status verdict)
{
    switch (verdict) {
    case ST_OK: return "ok";
    case ST_WAIT: return "wait";
    case ST_RETRY: return "retry";
    case ST_REJECT: return "reject";
    case ST_FATAL: return "fatal";
    }
    return "";
}

static enum status on_event(struct lane *lane, const struct message *message, struct err *err)
{
    const struct probe *probe = lane_state(lane);
    struct act act = {.lane = lane, .message = message};
    enum status rc = event_parse(message->value, &act.event, err);

    if (rc != ST_OK)
        return rc;
    journal_add(probe->journal, "begin", message, text(&act, "Seq"));
    rc = play(&act, err);
    journal_add(probe->journal, verdict_name(rc), message, text(&act, "Seq"));
    return rc;
}

/* Also for records that no handler could read: they have no number. */
static enum status on_dead(struct lane *lane, const struct message *message,
                           const struct err *why UNUSED, struct err *err UNUSED)
{
    const struct probe *probe = lane_state(lane);
    const struct json *fields = json_get(message->value, "fields");

    journal_add(probe->journal, "dead", message, json_get_str(fields, "Seq"));
    return ST_OK;
}

static const char *directory(void)
{
    size_t len = strlen(DIRECTORY "=");

    for (char **variable = environ; *variable; variable++)
        if (strncmp(*variable, DIRECTORY "=", len) == 0)
            return *variable + len;
    return ".";
}

static enum status probe_open(void *arg, const struct settings *settings UNUSED, struct err *err)
{
    AUTO(arena_done) struct arena arena = {0};
    struct probe *probe = arg;
    struct str path;
    enum status rc;

    probe->directory = directory();
    probe->journal = -1;
    path = arena_printf(&arena, "%s/journal", probe->directory);
    if (!str_is_set(path))
        return err_fatal(err, "memory", "out of memory");
    rc = journal_open(path.ptr, &probe->journal, err);
    if (rc == ST_OK)
        journal_add(probe->journal, "start", NULL, (struct str){NULL, 0});
    return rc;
}

static void probe_close(void *arg)
{
    struct probe *probe = arg;

    (void)close(probe->journal);
}

static const struct route ROUTES[] = {
    {"kabao.wechat.*", on_event},
    {0},
};

int main(int argc, char **argv)
{
    static const struct worker_def def = {
        .name = "probe",
        .purpose = "does what its records tell it to, for tests of the engine",
        .inputs = {TOPIC_EVENT_WECHAT},
        .outputs = {TOPIC_STATE_MEMBER, TOPIC_CMD_TOKEN},
        .routes = ROUTES,
        .calls_wechat = true,
        .state_size = sizeof(struct probe),
        .open = probe_open,
        .close = probe_close,
        .on_dead = on_dead,
    };

    return worker_main(argc, argv, &def);
}
