/* SPDX-License-Identifier: Apache-2.0 */
/* kabao-token: the one program that fetches access tokens and tickets (design, section 7). Whoever
 * has an account's partition of cmd.token leads for it. The limits on forced fetches stand in the
 * record itself, so that a restart keeps them.
 *
 * Nothing here holds up an account's key for long: a fetch that fails, or may not be made yet, is
 * tried again by the tick. A report of a bad token is settled at once and its fingerprint noted;
 * should this process end before the token is replaced, those who use it report it again. */
#include "base/mem.h"
#include "config/secret.h"
#include "run/lane.h"
#include "wechat/tokens.h"

#include <inttypes.h>
#include <string.h>

enum { TICK_MS = 1000, SAME_AGAIN_MS = 10000, KINDS = 3, SEALED_MAX = 4096 };

enum { SECRET_MAX_BYTES = 65536 };

enum { BACKOFF_FIRST_MS = 1000, BACKOFF_MAX_MS = 30000, TICKET_AGAIN_MS = 60000 };

/* A hub may take a moment to replace a token that was just reported. */
enum { HUB_AGAIN_MS = 2000, LIFE_DIFFERS_MS = 5000 };

/* What is to be done about one token, and when. */
struct agenda {
    struct deadline not_before; /* no fetch earlier, after a failure; zero: any time */
    struct deadline routine_at; /* no routine fetch earlier */
    int64_t backoff_ms;         /* of the last failure; 0: none */
    char bad[FINGERPRINT_SIZE]; /* the reported token; empty: none. Void once it is replaced */
};

struct token_worker {
    const struct settings *settings;
    struct agenda *agendas; /* account-major; guarded by lane_state_lock: a lane whose partition was
                               revoked may still be at work beside its successor */
};

struct job {
    const struct account *account;
    enum token_kind kind;
    struct token_entry entry; /* what holds now; token.text empty: nothing */
    struct agenda agenda;
};

static struct agenda *agenda_of(const struct token_worker *worker, const struct job *job)
{
    return &worker->agendas[(job->account - worker->settings->accounts) * KINDS + (int)job->kind];
}

static void job_start(struct job *job, struct lane *lane, const struct account *account,
                      enum token_kind kind)
{
    struct token_worker *worker = lane_state(lane);

    *job = (struct job){.account = account, .kind = kind};
    lane_state_lock(lane);
    job->agenda = *agenda_of(worker, job);
    lane_state_unlock(lane);
    (void)tokens_get(lane_tokens(lane), account, kind, &job->entry);
}

static void job_keep(const struct job *job, struct lane *lane)
{
    struct token_worker *worker = lane_state(lane);

    lane_state_lock(lane);
    *agenda_of(worker, job) = job->agenda;
    lane_state_unlock(lane);
}

static void job_done(struct job *job)
{
    explicit_bzero(&job->entry, sizeof(job->entry));
}

static bool has_token(const struct job *job)
{
    return job->entry.token.text[0] != '\0';
}

static bool is_ahead(struct deadline at)
{
    return at.at_ms != 0 && !deadline_passed(at);
}

/* The call that makes a token, as opposed to asking for one that exists. */
static bool is_ours(const struct job *job)
{
    return job->kind == TOKEN_ACCESS && job->account->token_source == TOKEN_SOURCE_WECHAT;
}

/* Into state.token, acknowledged, and into memory. */
static enum status publish(struct lane *lane, struct job *job, const struct token_entry *entry,
                           struct err *err)
{
    AUTO(buf_done) struct buf sealed = BUF_INIT(SEALED_MAX);
    char expires_at[CLOCK_RFC3339_SIZE];
    char fetched_at[CLOCK_RFC3339_SIZE];
    char forced_at[CLOCK_RFC3339_SIZE];
    struct token_state record = {
        .account = str_from(job->account->name),
        .appid = str_from(job->account->appid),
        .kind = str_from(token_kind_name(job->kind)),
        .fingerprint = str_from(entry->token.fingerprint),
        .forced_today = {true, entry->forced_today},
    };
    struct str key =
        arena_printf(lane_arena(lane), "%s:%s", job->account->appid, token_kind_name(job->kind));
    enum status rc;

    rc = seal_token(tokens_seal_key(lane_tokens(lane)), key, str_from(entry->token.text), &sealed,
                    err);
    if (rc != ST_OK)
        return rc;
    clock_format_rfc3339(entry->expires_at_ms, expires_at);
    clock_format_rfc3339(entry->fetched_at_ms, fetched_at);
    clock_format_rfc3339(entry->forced_at_ms, forced_at);
    record.sealed = buf_str(&sealed);
    record.expires_at = str_from(expires_at);
    record.fetched_at = str_from(fetched_at);
    if (entry->forced_at_ms > 0)
        record.forced_at = str_from(forced_at);
    rc = lane_emit(lane, &EMIT_TOKEN_STATE, &record, err);
    if (rc == ST_OK)
        rc = lane_flush(lane, err);
    if (rc != ST_OK)
        return rc;
    tokens_put(lane_tokens(lane), job->account, job->kind, entry);
    job->entry = *entry;
    return ST_OK;
}

static bool is_stale_token(const struct err *err)
{
    static const char *const codes[] = {"wechat:40001", "wechat:40014", "wechat:42001"};

    for (size_t i = 0; i < COUNT_OF(codes); i++)
        if (strcmp(err->code, codes[i]) == 0)
            return true;
    return false;
}

static void note_bad(struct lane *lane, const struct account *account, const struct token *token)
{
    AUTO(job_done) struct job access = {0};

    job_start(&access, lane, account, TOKEN_ACCESS);
    memcpy(access.agenda.bad, token->fingerprint, sizeof(access.agenda.bad));
    job_keep(&access, lane);
}

static enum status call_for_ticket(struct lane *lane, const struct job *job,
                                   struct token_grant *grant, struct err *err)
{
    struct token_entry access;
    enum status rc;

    if (!tokens_get(lane_tokens(lane), job->account, TOKEN_ACCESS, &access))
        return err_retry(err, "token", "no access token yet");
    rc = token_fetch_ticket(lane_http(lane), &lane_settings(lane)->wechat, &access.token, job->kind,
                            lane_deadline(lane), grant, err);
    if (rc == ST_RETRY && is_stale_token(err))
        note_bad(lane, job->account, &access.token);
    explicit_bzero(&access, sizeof(access));
    return rc;
}

static enum status call(struct lane *lane, const struct job *job, bool force,
                        struct token_grant *grant, struct err *err)
{
    const struct settings *settings = lane_settings(lane);

    if (job->kind != TOKEN_ACCESS)
        return call_for_ticket(lane, job, grant, err);
    if (job->account->token_source == TOKEN_SOURCE_URL)
        return token_fetch_hub(lane_http(lane), job->account, lane_deadline(lane), grant, err);
    return token_fetch(lane_http(lane), &settings->wechat, job->account,
                       (enum token_api)settings->token.api, force, lane_deadline(lane), grant, err);
}

static bool is_same(const struct token_entry *a, const struct token_entry *b)
{
    int64_t differs_ms = a->expires_at_ms - b->expires_at_ms;

    return strcmp(a->token.fingerprint, b->token.fingerprint) == 0 &&
           differs_ms < LIFE_DIFFERS_MS && differs_ms > -LIFE_DIFFERS_MS;
}

/* Fetches once. The same token with the same end is no news and is not published. */
static enum status fetch(struct lane *lane, struct job *job, bool force, const char *cause,
                         struct err *err)
{
    struct token_grant grant = {0};
    struct token_entry next = job->entry;
    int64_t now_ms;
    enum status rc = call(lane, job, force, &grant, err);

    if (rc != ST_OK)
        return rc;
    lane_count(lane, &METRIC_TOKEN_FETCH, cause);
    now_ms = clock_wall_ms();
    next.token = grant.token;
    next.expires_at_ms = now_ms + grant.expires_in_s * 1000;
    /* Everybody keeps the latest: a clock that was set back must not hide a new token. */
    next.fetched_at_ms = now_ms > job->entry.fetched_at_ms ? now_ms : job->entry.fetched_at_ms + 1;
    if (!is_same(&next, &job->entry))
        rc = publish(lane, job, &next, err);
    explicit_bzero(&grant, sizeof(grant));
    explicit_bzero(&next, sizeof(next));
    return rc;
}

/* Routine */

static bool is_due(const struct job *job, const struct settings_token *settings)
{
    int64_t ahead_ms = settings->refresh_ahead_s * 1000;

    if (is_ahead(job->agenda.routine_at))
        return false;
    return !has_token(job) || job->entry.expires_at_ms - ahead_ms <= clock_wall_ms();
}

/* Near its end stable_token may still give the same token: asked again a little later. */
static enum status keep_fresh(struct lane *lane, struct job *job, struct err *err)
{
    const char *cause = has_token(job) ? "expiry" : "start";
    enum status rc;

    if (!is_due(job, &lane_settings(lane)->token))
        return ST_OK;
    rc = fetch(lane, job, false, cause, err);
    if (rc == ST_OK)
        job->agenda.routine_at = deadline_in(SAME_AGAIN_MS);
    return rc;
}

/* On demand */

static int64_t forced_today(const struct token_entry *entry, int64_t now_ms)
{
    return clock_next_midnight_utc8(entry->forced_at_ms) == clock_next_midnight_utc8(now_ms)
               ? entry->forced_today
               : 0;
}

/* When the next forced fetch is allowed, wall time; now or earlier: at once. */
static int64_t force_allowed_at(const struct token_entry *entry,
                                const struct settings_token *settings, int64_t now_ms)
{
    if (entry->forced_at_ms == 0)
        return now_ms;
    if (forced_today(entry, now_ms) >= settings->force_per_day)
        return clock_next_midnight_utc8(now_ms);
    return entry->forced_at_ms + settings->force_interval_s * 1000;
}

/* The use of a forced fetch is on record before it is made: a crash in between costs one, never
 * adds one. */
static enum status force(struct lane *lane, struct job *job, struct err *err)
{
    int64_t now_ms = clock_wall_ms();
    int64_t allowed_ms = force_allowed_at(&job->entry, &lane_settings(lane)->token, now_ms);
    struct token_entry entry = job->entry;
    enum status rc;

    if (allowed_ms > now_ms)
        return err_wait(err, "token:force", deadline_in(allowed_ms - now_ms),
                        "the next forced fetch is allowed in %" PRId64 " s",
                        (allowed_ms - now_ms) / 1000 + 1);
    entry.forced_today = forced_today(&job->entry, now_ms) + 1;
    entry.forced_at_ms = now_ms;
    rc = publish(lane, job, &entry, err);
    explicit_bzero(&entry, sizeof(entry));
    return rc == ST_OK ? fetch(lane, job, true, "forced", err) : rc;
}

static bool is_bad(const struct job *job)
{
    return job->agenda.bad[0] != '\0' && strcmp(job->agenda.bad, job->entry.token.fingerprint) == 0;
}

/* Asks for another token than the reported one; where the same comes back, it is forced. */
static enum status replace(struct lane *lane, struct job *job, struct err *err)
{
    const struct settings_token *settings = &lane_settings(lane)->token;
    enum status rc = ST_OK;

    /* The classic call makes a new token each time: it is the forced one. */
    if (!is_ours(job) || settings->api != TOKEN_API_CLASSIC)
        rc = fetch(lane, job, false, "bad", err);
    if (rc != ST_OK || !is_bad(job))
        return rc;
    if (is_ours(job))
        return force(lane, job, err);
    if (job->kind == TOKEN_ACCESS)
        return err_wait(err, "token:again", deadline_in(HUB_AGAIN_MS), "the hub gave the same");
    job->agenda.bad[0] = '\0'; /* no ticket can be had by force */
    return ST_OK;
}

/* What failed is tried again by the tick: in its time, or a little later each time. */
static void put_off(struct lane *lane, struct job *job, enum status rc, const struct err *err)
{
    struct agenda *agenda = &job->agenda;

    agenda->backoff_ms = agenda->backoff_ms == 0 ? BACKOFF_FIRST_MS : agenda->backoff_ms * 2;
    if (agenda->backoff_ms > BACKOFF_MAX_MS)
        agenda->backoff_ms = BACKOFF_MAX_MS;
    agenda->not_before =
        deadline_in(job->kind == TOKEN_ACCESS ? agenda->backoff_ms : TICKET_AGAIN_MS);
    if (rc == ST_WAIT)
        agenda->not_before = err->until;
    lane_warn(lane, job->kind == TOKEN_ACCESS ? "token.delayed" : "ticket.delayed", err);
}

/* Keeps one token fresh and good; only what ends the process is told. */
static enum status tend(struct lane *lane, struct job *job, struct err *err)
{
    enum status rc = ST_OK;

    if (is_ahead(job->agenda.not_before))
        return ST_OK;
    if (is_bad(job))
        rc = replace(lane, job, err);
    else
        rc = keep_fresh(lane, job, err);
    if (!is_bad(job))
        job->agenda.bad[0] = '\0';
    if (rc == ST_FATAL)
        return rc;
    if (rc == ST_OK)
        job->agenda.backoff_ms = 0;
    else
        put_off(lane, job, rc, err);
    job_keep(job, lane);
    return ST_OK;
}

static enum status tend_kind(struct lane *lane, const struct account *account, enum token_kind kind,
                             struct err *err)
{
    AUTO(job_done) struct job job = {0};
    struct token_entry access;
    bool possible =
        kind == TOKEN_ACCESS || tokens_get(lane_tokens(lane), account, TOKEN_ACCESS, &access);

    explicit_bzero(&access, sizeof(access));
    if (!possible)
        return ST_OK;
    job_start(&job, lane, account, kind);
    return tend(lane, &job, err);
}

/* Tickets come after the token that they are fetched with. */
static enum status on_key(struct lane *lane, struct str appid, struct err *err)
{
    static const enum token_kind kinds[KINDS] = {TOKEN_ACCESS, TOKEN_JSAPI, TOKEN_WX_CARD};
    const struct account *account = settings_account_by_appid(lane_settings(lane), appid);
    enum status rc = ST_OK;

    for (size_t i = 0; account && rc == ST_OK && i < KINDS; i++)
        rc = tend_kind(lane, account, kinds[i], err);
    return rc;
}

static enum status on_tick(struct lane *lane, struct err *err UNUSED)
{
    const struct settings *settings = lane_settings(lane);

    for (size_t i = 0; i < settings->account_count; i++)
        lane_schedule(lane, str_from(settings->accounts[i].appid));
    return ST_OK;
}

static bool kind_of(struct str name, enum token_kind *kind)
{
    for (int i = 0; i < KINDS; i++) {
        if (!str_eq_cstr(name, token_kind_name((enum token_kind)i)))
            continue;
        *kind = (enum token_kind)i;
        return true;
    }
    return false;
}

static enum status on_bad(struct lane *lane, const struct message *message, struct err *err)
{
    AUTO(job_done) struct job job = {0};
    const struct account *account;
    enum token_kind kind = TOKEN_ACCESS;
    struct token_bad bad = {0};
    enum status rc = token_bad_parse(message->value, &bad, err);

    if (rc != ST_OK)
        return rc;
    account = settings_account_by_appid(lane_settings(lane), bad.appid);
    if (!account || !kind_of(bad.kind, &kind))
        return err_reject(err, REASON_REJECTED, "account", "no such account or kind");
    if (!str_eq(message->record->key, bad.appid))
        return err_reject(err, REASON_REJECTED, "key", "the record's key is not its appid");
    job_start(&job, lane, account, kind);
    if (!has_token(&job) || !str_eq_cstr(bad.fingerprint, job.entry.token.fingerprint))
        return ST_OK; /* replaced already, or about to be */
    (void)str_copy(bad.fingerprint, job.agenda.bad, sizeof(job.agenda.bad));
    job_keep(&job, lane);
    return tend(lane, &job, err);
}

/* A secret that cannot be read is better known at the start than at the first fetch. */
static enum status check_secret(const struct account *account, struct err *err)
{
    AUTO(buf_done_secret) struct buf secret = BUF_INIT(SECRET_MAX_BYTES);

    if (account->token_source == TOKEN_SOURCE_WECHAT)
        return secret_read("secret_file", account->secret_file, &secret, err);
    if (!account->token_url_bearer_file)
        return ST_OK;
    return secret_read("token_url_bearer_file", account->token_url_bearer_file, &secret, err);
}

static enum status token_open(void *arg, const struct settings *settings, struct err *err)
{
    struct token_worker *worker = arg;
    enum status rc = ST_OK;

    worker->settings = settings;
    for (size_t i = 0; rc == ST_OK && i < settings->account_count; i++)
        rc = check_secret(&settings->accounts[i], err);
    if (rc != ST_OK)
        return rc;
    worker->agendas = mem_array(settings->account_count * KINDS + 1, sizeof(*worker->agendas));
    return worker->agendas ? ST_OK : err_fatal(err, "memory", "out of memory");
}

static void token_close(void *arg)
{
    struct token_worker *worker = arg;

    mem_free(worker->agendas);
}

static const struct route ROUTES[] = {
    {"kabao.token.bad", on_bad},
    {0},
};

int main(int argc, char **argv)
{
    static const struct worker_def def = {
        .name = "token",
        .purpose = "fetches and refreshes access tokens and tickets, for all other programs",
        .inputs = {TOPIC_CMD_TOKEN},
        .outputs = {TOPIC_STATE_TOKEN},
        .routes = ROUTES,
        .lanes = 8,
        .keeps_tokens = true,
        .metric_groups = METRIC_GROUP_FETCH,
        .state_size = sizeof(struct token_worker),
        .open = token_open,
        .close = token_close,
        .tick = {.every_ms = TICK_MS, .fn = on_tick, .on_key = on_key},
    };

    return worker_main(argc, argv, &def);
}
