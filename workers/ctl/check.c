/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl check: everything an installation stands on, one line each: OK, or what to do. */
#include "check.h"

#include "app/app.h"
#include "codec/json.h"
#include "config/accounts.h"
#include "config/secret.h"
#include "db/migrate.h"
#include "http/client.h"
#include "kafka/admin.h"
#include "kafka/client.h"
#include "show.h"
#include "wechat/seal.h"

#include <stdio.h>
#include <stdlib.h>

enum { ASK_MS = 8000, SKEW_MAX_MS = 5000, SECRET_MAX = 65536, ARENA_MAX = 2 << 20 };

static const char *const STATES[] = {
    [CHECK_OK] = "OK",
    [CHECK_NOTE] = "NOTE",
    [CHECK_FAIL] = "FAIL",
    [CHECK_SKIP] = "SKIP",
};

static void print_line(enum check_state state, const char *what, struct str text)
{
    (void)printf("%-5s %s  ", STATES[state], what);
    show_print_bytes(text);
    (void)printf("\n");
    (void)fflush(stdout);
}

void check_flush(struct check_report *r)
{
    if (r->ctl->json || !r->table)
        return;
    r->broken = !text_table_print(r->table) || r->broken;
    (void)fflush(stdout);
    text_table_free(r->table);
    r->table = NULL;
}

void check_line(struct check_report *r, enum check_state state, const char *what, struct str text)
{
    if (state == CHECK_FAIL)
        r->failed++;
    if (!r->table)
        print_line(state, what, text);
    else if (!text_table_row(r->table,
                             (const struct str[]){str_from(STATES[state]), str_from(what), text}))
        r->broken = true;
}

void check_judge(struct check_report *r, const char *what, enum status rc, const char *good,
                 const struct err *err)
{
    if (rc == ST_OK)
        check_line(r, CHECK_OK, what, str_from(good));
    else
        check_line(r, CHECK_FAIL, what, str_from(err->text));
}

/* Settings and secrets */

static enum status check_account(const struct account *account, struct err *err)
{
    struct account_secrets secrets;
    struct buf secret = BUF_INIT(SECRET_MAX);
    enum status rc = account_secrets_read(account, &secrets, err);

    if (rc != ST_OK)
        return rc;
    account_secrets_done(&secrets);
    if (account->token_source == TOKEN_SOURCE_WECHAT)
        rc = secret_read("secret_file", account->secret_file, &secret, err);
    buf_done_secret(&secret);
    return rc;
}

static void check_accounts(struct check_report *r)
{
    const struct settings *settings = r->ctl->settings;

    if (settings->account_count == 0)
        check_line(r, CHECK_FAIL, "accounts", STR("no [account NAME] in the settings"));
    for (size_t i = 0; i < settings->account_count; i++) {
        struct err err = {0};
        char name[64];

        (void)snprintf(name, sizeof(name), "account %s", settings->accounts[i].name);
        check_judge(r, name, check_account(&settings->accounts[i], &err), "secrets are readable",
                    &err);
    }
}

static void check_seal(struct check_report *r)
{
    struct seal_key key;
    struct err err = {0};
    enum status rc = seal_key_read(&r->ctl->settings->token, &key, &err);

    if (rc == ST_OK)
        seal_key_done(&key);
    check_judge(r, "seal key", rc, "32 bytes", &err);
}

/* Kafka */

struct topic_check {
    const struct settings *settings;
    struct admin *admin;
    size_t count;
};

static enum status check_topic(struct topic_check *c, enum topic topic, const char *worker,
                               struct err *err)
{
    struct admin_topic is = {0};
    char name[TOPIC_NAME_SIZE];
    enum status rc;

    topic_name(&c->settings->topic, topic, worker, name);
    rc = admin_describe(c->admin, name, deadline_in(ASK_MS), &is, err);
    if (rc != ST_OK)
        return rc;
    if (!is.exists)
        return err_fatal(err, "kafka:topic", "%s does not exist: run kabaoctl topics apply", name);
    if (is.partitions != c->settings->topic.partitions)
        return err_fatal(err, "kafka:partitions",
                         "%s has %d partitions, [topic] partitions says %lld", name, is.partitions,
                         (long long)c->settings->topic.partitions);
    c->count++;
    return ST_OK;
}

static enum status check_family(struct topic_check *c, enum topic topic, struct err *err)
{
    enum status rc = ST_OK;

    if (!topic_def(topic)->per_worker)
        return check_topic(c, topic, NULL, err);
    for (const struct topic_worker *w = topic_workers(); rc == ST_OK && w->name; w++)
        rc = check_topic(c, topic, w->name, err);
    return rc;
}

static void check_topics(struct check_report *r)
{
    struct topic_check c = {.settings = r->ctl->settings};
    struct err err = {0};
    char good[64];
    enum status rc = admin_open(&c.settings->kafka, &c.admin, &err);

    for (int topic = TOPIC_NONE + 1; rc == ST_OK && topic < TOPIC_COUNT; topic++)
        rc = check_family(&c, (enum topic)topic, &err);
    admin_close(c.admin);
    (void)snprintf(good, sizeof(good), "%zu topics of %lld partitions", c.count,
                   (long long)c.settings->topic.partitions);
    check_judge(r, "topics", rc, good, &err);
}

static void check_kafka(struct check_report *r)
{
    struct err err = {0};
    enum status rc = kafka_check(&r->ctl->settings->kafka, &err);

    check_judge(r, "kafka settings", rc, "librdkafka takes them all", &err);
    if (rc != ST_OK)
        return;
    rc = kafka_ping(&r->ctl->settings->kafka, deadline_in(ASK_MS), &err);
    check_judge(r, "broker", rc, "answers", &err);
    if (rc == ST_OK)
        check_topics(r);
}

/* Database and clock */

static enum status take_skew(void *arg, const struct db_value *columns, size_t count UNUSED,
                             struct err *err UNUSED)
{
    int64_t *skew_ms = arg;

    *skew_ms = clock_wall_ms() - columns[0].value.i64;
    return ST_OK;
}

static enum status check_clock(struct db *db, struct err *err)
{
    int64_t skew_ms = 0;
    enum status rc = db_query(db, STR("SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)"), NULL,
                              0, take_skew, &skew_ms, err);

    if (rc != ST_OK || llabs(skew_ms) <= SKEW_MAX_MS)
        return rc;
    return err_fatal(err, "clock",
                     "this clock and the database's differ by %lld ms: run NTP on both",
                     (long long)skew_ms);
}

static void check_database(struct check_report *r)
{
    struct db *db = NULL;
    struct err err = {0};
    enum status rc = db_library_init(&err);

    if (rc == ST_OK)
        rc = db_open(&r->ctl->settings->mysql, &db, &err);
    check_judge(r, "database", rc, "answers", &err);
    if (rc == ST_OK) {
        check_judge(r, "tables", migrate_check(db, &err), "are up to date", &err);
        check_judge(r, "clock", check_clock(db, &err), "agrees with the database's", &err);
    }
    db_close(db);
    db_library_done();
}

/* WeChat: without a token it must answer 41001, in JSON. */

static enum status ask_wechat(const struct ctl *ctl, struct http_client *http, struct err *err)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(ARENA_MAX);
    AUTO(json_freep) struct json *answer = NULL;
    struct http_request request = {.method = "GET"};
    struct http_reply reply = {0};
    int64_t errcode = 0;
    enum status rc;

    request.url =
        arena_printf(&arena, "%s/cgi-bin/getcallbackip", ctl->settings->wechat.base_url).ptr;
    rc = http_client_send(http, &request, deadline_in(ASK_MS), &arena, &reply, err);
    if (rc != ST_OK)
        return rc;
    if (json_parse(reply.body, &answer, err) != ST_OK || !json_get_i64(answer, "errcode", &errcode))
        return err_fatal(err, "wechat", "%s does not answer like WeChat",
                         ctl->settings->wechat.base_url);
    return ST_OK;
}

static void check_wechat(struct check_report *r)
{
    struct http_client_conf conf = {
        .ca_file = r->ctl->settings->wechat.ca_file,
        .connect_timeout_ms = r->ctl->settings->wechat.connect_timeout_ms,
    };
    AUTO(http_share_freep) struct http_share *share = http_share_new();
    struct http_client *http = NULL;
    struct err err = {0};
    enum status rc = ST_RETRY;

    if (share)
        rc = http_client_open(&conf, share, &http, &err);
    if (rc == ST_OK)
        rc = ask_wechat(r->ctl, http, &err);
    http_client_close(http);
    check_judge(r, "wechat", rc, r->ctl->settings->wechat.base_url, &err);
}

static bool is_for_live(const struct ctl *ctl)
{
    return str_is_set(ctl->account) || str_is_set(ctl->export) || ctl->wait_s > 0;
}

int ctl_check(const struct ctl *ctl)
{
    static const char *const columns[] = {"state", "what", "detail", NULL};
    struct check_report r = {.ctl = ctl};

    if (!ctl->live && is_for_live(ctl))
        return ctl_usage("--account, --export and --wait go with --live");
    if (str_is_set(ctl->account) && !settings_account(ctl->settings, ctl->account.ptr))
        return ctl_usage("there is no such account");
    r.table = text_table_new(columns, ctl->json);
    if (!r.table)
        return EXIT_INTERNAL;
    check_line(&r, CHECK_OK, "settings",
               str_from(ctl->settings->path ? ctl->settings->path : "environment"));
    check_accounts(&r);
    check_seal(&r);
    check_kafka(&r);
    check_database(&r);
    check_wechat(&r);
    if (ctl->live)
        check_live(&r);
    if ((r.table && !text_table_print(r.table)) || r.broken)
        r.failed++;
    text_table_free(r.table);
    return r.failed == 0 ? EXIT_DONE : EXIT_CONFIG;
}
