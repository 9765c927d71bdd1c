/* SPDX-License-Identifier: Apache-2.0 */
/* The only list of keys, and what is done with the whole list. */
#include "config/settings.h"

#include "base/mem.h"
#include "config/check.h"
#include "config/settings_list.h"

#include <string.h>

#define ACCOUNT_PREFIX "account "

struct section {
    const char *name;
    size_t offset; /* into struct settings; not used for account and kafka */
    const char *help;
};

static const struct section SECTIONS[] = {
    {"account", 0, "One section per official account; NAME is 1 to 32 of a-z and 0-9."},
    {"kafka", offsetof(struct settings, kafka),
     "Any librdkafka property by its own name; librdkafka checks it at the start."},
    {"topic", offsetof(struct settings, topic), "The topics of kabao."},
    {"ingress", offsetof(struct settings, ingress), "kabao-ingress, which WeChat calls."},
    {"wechat", offsetof(struct settings, wechat), "Calls to WeChat."},
    {"quota", offsetof(struct settings, quota),
     "How calls to WeChat are shared out; a key that begins with / limits that API path."},
    {"mysql", offsetof(struct settings, mysql), "The database of the workers."},
    {"worker", offsetof(struct settings, worker), "What all workers have in common."},
    {"token", offsetof(struct settings, token), "kabao-token."},
    {"crm", offsetof(struct settings, crm), "kabao-crm, which calls the CRM."},
    {"admin", offsetof(struct settings, admin), "Health and metrics of every program."},
    {"log", offsetof(struct settings, log), "Log lines."},
};

static const char *const PUSH_MODES[] = {"auto", "plain", "compatible", "secure", NULL};
static const char *const TOKEN_SOURCES[] = {"wechat", "url", NULL};
static const char *const TOKEN_APIS[] = {"stable", "classic", NULL};
static const char *const ACTIVATIONS[] = {"none", "on_receive", "on_ticket", "crm", NULL};
static const char *const FALLBACKS[] = {"activate", "leave", NULL};
static const char *const ON_GIFT[] = {"fresh", "transfer", NULL};
static const char *const FOREIGN_POINTS[] = {"adopt", "revert", NULL};

static const struct row_check AN_ID = {"1 to 64 letters, digits, _ or -", check_id};
static const struct row_check AN_ADDRESS = {"host:port, an IPv6 address in brackets", check_listen};
static const struct row_check A_PREFIX = {"letters, digits, inner dots and -, without _",
                                          check_topic_prefix};
static const struct row_check A_NUMBER_RULE = {
    "code, or prefix: and 1 to 8 letters, digits, _ or -", check_membership_number};
static const struct row_check EVENT_TYPES = {"words of a-z, 0-9, _, . and *, separated by blanks",
                                             check_event_types};
static const struct row_check A_LEVEL = {"one of trace, debug, info, warn, error", check_log_level};

#define ACCOUNT(field) \
    .section = "account", .key = #field, .offset = offsetof(struct account, field)
#define IN(name, field) \
    .section = #name, .key = #field, .offset = offsetof(struct settings_##name, field)
#define WITHIN(least, most) .min = (least), .max = (most)

#define DEFAULT_EVENTS \
    "kabao.member.changed kabao.card.* kabao.activation.* kabao.bonus.changed kabao.binding.*"

static const struct row ROWS[] = {
    {ACCOUNT(appid), .type = ROW_TEXT, .flags = ROW_REQUIRED, .check = &AN_ID,
     .help = "AppID, as the WeChat console shows it."},
    {ACCOUNT(original_id), .type = ROW_TEXT, .check = &AN_ID,
     .help = "Original ID (gh_...), the ToUserName of pushes."},
    {ACCOUNT(secret_file), .type = ROW_FILE, .help = "AppSecret; needed by kabao-token only."},
    {ACCOUNT(callback_token_file), .type = ROW_FILE,
     .help = "Token of the callback, 3 to 32 letters and digits."},
    {ACCOUNT(aes_key_file), .type = ROW_FILE,
     .help = "EncodingAESKey of the callback, 43 characters."},
    {ACCOUNT(aes_key_previous_file), .type = ROW_FILE,
     .help = "EncodingAESKey before the last change; still decrypts."},
    {ACCOUNT(push_mode), .type = ROW_CHOICE, .preset = "auto", .choices = PUSH_MODES,
     .help = "Pushes accepted; auto is secure when an AES key is set, else plain."},
    {ACCOUNT(frame_appid), .type = ROW_TEXT, .check = &AN_ID,
     .help = "AppID in the AES frame where it is a third-party platform's."},
    {ACCOUNT(token_source), .type = ROW_CHOICE, .preset = "wechat", .choices = TOKEN_SOURCES,
     .help = "Where the access token comes from: WeChat, or a hub at token_url."},
    {ACCOUNT(token_url), .type = ROW_TEXT, .flags = ROW_LOOPBACK_HTTP,
     .help = "Token hub that answers with access_token and expires_in."},
    {ACCOUNT(token_url_bearer_file), .type = ROW_FILE, .help = "Bearer token for token_url."},
    {ACCOUNT(form_fields_drop), .type = ROW_TEXT, .preset = "USER_FORM_INFO_FLAG_IDCARD",
     .flags = ROW_MAY_BE_EMPTY,
     .help = "Form fields, separated by blanks, that are never produced; empty drops none."},
    {ACCOUNT(activation), .type = ROW_CHOICE, .preset = "none", .choices = ACTIVATIONS,
     .help = "Cards are activated on receipt, by a form's ticket, or as the CRM says."},
    {ACCOUNT(activation_deadline_s), .type = ROW_INT, .preset = "600", WITHIN(1, 2592000),
     .help = "With activation = crm: the CRM answers in this time, or activation_fallback counts."},
    {ACCOUNT(pending_after_s), .type = ROW_INT, .preset = "600", WITHIN(1, 2592000),
     .help = "A submitted form without a ticket for so long is reported as pending."},
    {ACCOUNT(activation_fallback), .type = ROW_CHOICE, .preset = "activate", .choices = FALLBACKS,
     .help = "When the CRM is silent: activate by the rules below, or leave the card as it is."},
    {ACCOUNT(membership_number), .type = ROW_TEXT, .preset = "code", .check = &A_NUMBER_RULE,
     .help = "Member's number: the code, or a text and the code's end."},
    {ACCOUNT(init_bonus), .type = ROW_INT, .preset = "0", WITHIN(0, 2147483647),
     .help = "Points a card is activated with."},
    {ACCOUNT(on_gift), .type = ROW_CHOICE, .preset = "fresh", .choices = ON_GIFT,
     .help = "A card that was given away starts afresh, or takes the points over."},
    {ACCOUNT(foreign_points), .type = ROW_CHOICE, .preset = "adopt", .choices = FOREIGN_POINTS,
     .help = "Points that others put on a card join the account, or are set back."},
    {ACCOUNT(landing_url), .type = ROW_TEXT, .flags = ROW_LOOPBACK_HTTP,
     .help = "Where the landing page sends members on to; unset turns it off."},
    {IN(topic, prefix), .type = ROW_TEXT, .preset = "kabao", .check = &A_PREFIX,
     .help = "Begins every topic and consumer group."},
    {IN(topic, partitions), .type = ROW_INT, .preset = "12", WITHIN(1, 1000),
     .help = "Partitions of keyed topics; never changed in place."},
    {IN(topic, replication_factor), .type = ROW_INT, .preset = "3", WITHIN(1, 100),
     .help = "Replicas of topics that are created."},
    {IN(topic, event_retention_hours), .type = ROW_INT, .preset = "336", WITHIN(1, 876000),
     .help = "How long event topics keep records."},
    {IN(ingress, listen), .type = ROW_TEXT, .preset = "127.0.0.1:8080", .check = &AN_ADDRESS,
     .help = "Address WeChat's pushes arrive at; TLS ends in front of it."},
    {IN(ingress, loops), .type = ROW_INT, .preset = "0", WITHIN(0, 256),
     .help = "Event loops; 0 is one per core."},
    {IN(ingress, max_body_bytes), .type = ROW_SIZE, .preset = "65536", WITHIN(1024, 16777216),
     .help = "Larger pushes are answered with 413."},
    {IN(ingress, max_connections), .type = ROW_INT, .preset = "4096", WITHIN(1, 1000000),
     .help = "Connections at a time; further ones are answered with 503."},
    {IN(ingress, ack_timeout_ms), .type = ROW_INT, .preset = "4000", WITHIN(100, 4500),
     .help = "No broker acknowledgement in this time is answered with 503."},
    {IN(ingress, recent_ids), .type = ROW_INT, .preset = "65536", WITHIN(0, 16777216),
     .help = "Acknowledged pushes remembered to spare Kafka re-deliveries."},
    {IN(wechat, base_url), .type = ROW_TEXT, .preset = "https://api.weixin.qq.com",
     .flags = ROW_LOOPBACK_HTTP, .help = "WeChat's API."},
    {IN(wechat, ca_file), .type = ROW_FILE,
     .help = "CA certificates (PEM) to trust instead of the system's."},
    {IN(wechat, connect_timeout_ms), .type = ROW_INT, .preset = "2000", WITHIN(10, 60000),
     .help = "Longest wait for a connection."},
    {IN(wechat, timeout_ms), .type = ROW_INT, .preset = "5000", WITHIN(10, 120000),
     .help = "Longest wait for an answer."},
    {.section = "quota",
     .key = "default",
     .type = ROW_QUOTA,
     .flags = ROW_FILE_ONLY,
     .offset = offsetof(struct settings_quota, default_limit),
     .help = "Limit of all other paths; without it, none."},
    {IN(quota, replay_share), .type = ROW_DOUBLE, .preset = "0.2", WITHIN(0, 1),
     .flags = ROW_FILE_ONLY,
     .help = "Share of lanes and limits that records given again may take, one lane at least."},
    {IN(mysql, host), .type = ROW_TEXT,
     .help = "Server; without host and socket the client library's default."},
    {IN(mysql, port), .type = ROW_INT, .preset = "3306", WITHIN(1, 65535), .help = "TCP port."},
    {IN(mysql, socket), .type = ROW_TEXT, .help = "Unix socket, instead of host and port."},
    {IN(mysql, user), .type = ROW_TEXT, .help = "User name."},
    {IN(mysql, password_file), .type = ROW_FILE, .help = "Password of the user."},
    {IN(mysql, database), .type = ROW_TEXT, .preset = "kabao", .help = "Name of the database."},
    {IN(mysql, ca_file), .type = ROW_FILE,
     .help = "CA certificates (PEM) the server's certificate must go back to."},
    {IN(mysql, connections), .type = ROW_INT, .preset = "4", WITHIN(1, 1000),
     .help = "Connections of one process."},
    {IN(mysql, batch_rows), .type = ROW_INT, .preset = "200", WITHIN(1, 10000),
     .help = "Rows in one transaction at most."},
    {IN(mysql, batch_ms), .type = ROW_INT, .preset = "10", WITHIN(0, 1000),
     .help = "Longest wait for further rows."},
    {IN(worker, lanes), .type = ROW_INT, .preset = "0", WITHIN(0, 1024),
     .help = "Records in work at a time; 0 is the program's own default (64, kabao-store 256)."},
    {IN(worker, max_inflight), .type = ROW_INT, .preset = "1024", WITHIN(1, 1000000),
     .help = "Records held in memory."},
    {IN(worker, max_inflight_bytes), .type = ROW_SIZE, .preset = "67108864",
     WITHIN(1024, 68719476736), .help = "Their bytes."},
    {IN(worker, retry_initial_ms), .type = ROW_INT, .preset = "500", WITHIN(1, 3600000),
     .help = "Wait before the second attempt."},
    {IN(worker, retry_max_ms), .type = ROW_INT, .preset = "300000", WITHIN(1, 86400000),
     .help = "Longest wait between attempts."},
    {IN(worker, park_after_ms), .type = ROW_INT, .preset = "10000", WITHIN(0, 86400000),
     .help = "A key that fails for so long moves to MySQL, its later records behind it."},
    {IN(worker, max_attempts), .type = ROW_INT, .preset = "300", WITHIN(1, 1000000),
     .help = "Attempts before the dead letter."},
    {IN(worker, crash_limit), .type = ROW_INT, .preset = "3", WITHIN(1, 100),
     .help = "Crashes over all instances before the dead letter."},
    {IN(worker, revoke_drain_ms), .type = ROW_INT, .preset = "6000", WITHIN(0, 60000),
     .help = "Time for calls in hand when partitions are revoked."},
    {IN(worker, drain_timeout_ms), .type = ROW_INT, .preset = "25000", WITHIN(0, 600000),
     .help = "Time for records in hand after SIGTERM."},
    {IN(token, api), .type = ROW_CHOICE, .preset = "stable", .choices = TOKEN_APIS,
     .help = "cgi-bin/stable_token or cgi-bin/token."},
    {IN(token, seal_key_file), .type = ROW_FILE,
     .help = "Key (32 bytes in Base64) that seals tokens in Kafka; the same for all programs."},
    {IN(token, refresh_ahead_s), .type = ROW_INT, .preset = "300", WITHIN(0, 7000),
     .help = "Refresh so long before expiry."},
    {IN(token, force_interval_s), .type = ROW_INT, .preset = "30", WITHIN(1, 86400),
     .help = "Forced refreshes are so far apart at least."},
    {IN(token, force_per_day), .type = ROW_INT, .preset = "20", WITHIN(0, 10000),
     .help = "Forced refreshes a day."},
    {IN(crm, url), .type = ROW_TEXT, .flags = ROW_LOOPBACK_HTTP,
     .help = "Webhook that is told what happens and may answer with commands."},
    {IN(crm, secret_file), .type = ROW_FILE,
     .help = "Secret (whsec_ and Base64) that signs the calls."},
    {IN(crm, secret_previous_file), .type = ROW_FILE,
     .help = "Secret before the last change; signs as well while the CRM changes over."},
    {IN(crm, ca_file), .type = ROW_FILE,
     .help = "CA certificates (PEM) to trust instead of the system's."},
    {IN(crm, timeout_ms), .type = ROW_INT, .preset = "10000", WITHIN(100, 60000),
     .help = "Longest wait for an answer."},
    {IN(crm, max_inflight), .type = ROW_INT, .preset = "32", WITHIN(1, 1024),
     .help = "Calls at a time."},
    {IN(crm, events), .type = ROW_TEXT, .preset = DEFAULT_EVENTS, .check = &EVENT_TYPES,
     .help = "Event types the CRM is told of; * is any run of characters."},
    {IN(admin, listen), .type = ROW_TEXT, .preset = "127.0.0.1:0", .check = &AN_ADDRESS,
     .help = "Address of /healthz, /readyz and /metrics; port 0 is off."},
    {IN(log, level), .type = ROW_TEXT, .preset = "info", .check = &A_LEVEL,
     .help = "Lowest level that is written."},
};

const struct row *settings_rows(size_t *count)
{
    *count = COUNT_OF(ROWS);
    return ROWS;
}

const char *settings_section(size_t index)
{
    return index < COUNT_OF(SECTIONS) ? SECTIONS[index].name : NULL;
}

static bool is_account(const struct section *section)
{
    return strcmp(section->name, "account") == 0;
}

static bool is_kafka(const struct section *section)
{
    return strcmp(section->name, "kafka") == 0;
}

static bool is_quota(const struct section *section)
{
    return strcmp(section->name, "quota") == 0;
}

/* An account's rows live in base itself, the others' in the section's part of struct settings. */
static void *part_of(struct settings *s, const struct section *section)
{
    return (char *)s + section->offset;
}

static enum status preset(const char *section, void *base, struct err *err)
{
    enum status rc = ST_OK;

    for (size_t i = 0; rc == ST_OK && i < COUNT_OF(ROWS); i++)
        if (strcmp(ROWS[i].section, section) == 0 && ROWS[i].preset != NULL)
            rc = row_set(&ROWS[i], base, str_from(ROWS[i].preset), "default", err);
    return rc;
}

static void clear(const char *section, void *base)
{
    for (size_t i = 0; i < COUNT_OF(ROWS); i++)
        if (strcmp(ROWS[i].section, section) == 0)
            row_clear(&ROWS[i], base);
}

enum status settings_new(struct settings **out, struct err *err)
{
    AUTO(settings_freep) struct settings *s = mem_zalloc(sizeof(*s));
    enum status rc = ST_OK;

    if (s == NULL)
        return err_fatal(err, "memory", "settings: memory is short");
    for (size_t i = 0; rc == ST_OK && i < COUNT_OF(SECTIONS); i++)
        if (!is_account(&SECTIONS[i]))
            rc = preset(SECTIONS[i].name, part_of(s, &SECTIONS[i]), err);
    if (rc == ST_OK)
        *out = TAKE(s);
    return rc;
}

static void account_done(struct account *account)
{
    clear("account", account);
    mem_free(account->name);
}

void settings_free(struct settings *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->account_count; i++)
        account_done(&s->accounts[i]);
    for (size_t i = 0; i < s->kafka.count; i++) {
        mem_free(s->kafka.properties[i].name);
        mem_free_secret(s->kafka.properties[i].value, strlen(s->kafka.properties[i].value));
    }
    for (size_t i = 0; i < s->quota.count; i++)
        mem_free(s->quota.limits[i].path);
    for (size_t i = 0; i < COUNT_OF(SECTIONS); i++)
        if (!is_account(&SECTIONS[i]))
            clear(SECTIONS[i].name, part_of(s, &SECTIONS[i]));
    mem_free(s->quota.limits);
    mem_free(s->accounts);
    mem_free(s->kafka.properties);
    mem_free(s->path);
    mem_free(s);
}

static char *duplicate(struct str text)
{
    char *copy = mem_alloc(text.len + 1);

    if (copy != NULL)
        (void)str_copy(text, copy, text.len + 1);
    return copy;
}

static struct account *find_account(const struct settings *s, struct str name)
{
    for (size_t i = 0; i < s->account_count; i++)
        if (str_eq_cstr(name, s->accounts[i].name))
            return &s->accounts[i];
    return NULL;
}

enum status settings_account_add(struct settings *s, struct str name, struct err *err)
{
    struct account account = {0};
    struct account *grown;
    enum status rc;

    if (find_account(s, name) != NULL)
        return ST_OK;
    rc = preset("account", &account, err);
    account.name = duplicate(name);
    grown = mem_resize(s->accounts, (s->account_count + 1) * sizeof(account));
    if (grown != NULL)
        s->accounts = grown;
    if (rc == ST_OK && account.name != NULL && grown != NULL) {
        grown[s->account_count++] = account;
        return ST_OK;
    }
    account_done(&account);
    return err_fatal(err, "memory", "settings: memory is short");
}

static struct kafka_property *find_property(const struct settings *s, struct str name)
{
    for (size_t i = 0; i < s->kafka.count; i++)
        if (str_eq_cstr(name, s->kafka.properties[i].name))
            return &s->kafka.properties[i];
    return NULL;
}

/* A property without a value yet, so that there is one place for values. */
static struct kafka_property *add_property(struct settings *s, struct str name)
{
    struct kafka_property *grown =
        mem_resize(s->kafka.properties, (s->kafka.count + 1) * sizeof(*grown));

    if (grown == NULL)
        return NULL;
    s->kafka.properties = grown;
    grown[s->kafka.count] = (struct kafka_property){.name = duplicate(name)};
    return grown[s->kafka.count].name != NULL ? &grown[s->kafka.count++] : NULL;
}

enum status settings_kafka_set(struct settings *s, struct str name, struct str value,
                               struct err *err)
{
    char *copy = duplicate(value);
    struct kafka_property *property = copy != NULL ? find_property(s, name) : NULL;

    if (copy != NULL && property == NULL)
        property = add_property(s, name);
    if (property == NULL) {
        mem_free(copy);
        return err_fatal(err, "memory", "settings: memory is short");
    }
    if (property->value != NULL)
        mem_free_secret(property->value, strlen(property->value));
    property->value = copy;
    return ST_OK;
}

enum status settings_limit_add(struct settings *s, struct str path, const struct quota_limit *limit,
                               struct err *err)
{
    char *copy = duplicate(path);
    struct quota_limit *grown = mem_resize(s->quota.limits, (s->quota.count + 1) * sizeof(*grown));

    if (grown != NULL)
        s->quota.limits = grown;
    if (copy == NULL || grown == NULL) {
        mem_free(copy);
        return err_fatal(err, "memory", "settings: memory is short");
    }
    grown[s->quota.count] = *limit;
    grown[s->quota.count++].path = copy;
    return ST_OK;
}

void *settings_base(struct settings *s, struct str section, const char **family)
{
    const struct str prefix = STR(ACCOUNT_PREFIX);

    if (str_starts(section, prefix)) {
        *family = "account";
        return find_account(s, str_skip(section, prefix.len));
    }
    for (size_t i = 0; i < COUNT_OF(SECTIONS); i++) {
        if (is_account(&SECTIONS[i]) || is_kafka(&SECTIONS[i]) ||
            !str_eq_cstr(section, SECTIONS[i].name))
            continue;
        *family = SECTIONS[i].name;
        return part_of(s, &SECTIONS[i]);
    }
    return NULL;
}

const struct account *settings_account(const struct settings *s, const char *name)
{
    return find_account(s, str_from(name));
}

const struct account *settings_account_by_appid(const struct settings *s, struct str appid)
{
    for (size_t i = 0; i < s->account_count; i++)
        if (str_eq_cstr(appid, s->accounts[i].appid))
            return &s->accounts[i];
    return NULL;
}

static void print_rows(const char *section, const void *base, struct buf *out)
{
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        if (strcmp(ROWS[i].section, section) != 0 || !row_is_set(&ROWS[i], base))
            continue;
        buf_addf(out, "%s = ", ROWS[i].key);
        row_print(&ROWS[i], base, out);
        buf_add_char(out, '\n');
    }
}

/* By its name; and what spans lines (a PEM given by the environment) would not be an INI value. */
static bool is_secret(const struct kafka_property *property)
{
    static const char *const signs[] = {"password", "secret", "key", "token"};

    for (size_t i = 0; i < COUNT_OF(signs); i++)
        if (strcasestr(property->name, signs[i]) != NULL)
            return true;
    return strpbrk(property->value, "\r\n") != NULL;
}

static void print_kafka(const struct settings_kafka *kafka, struct buf *out)
{
    for (size_t i = 0; i < kafka->count; i++)
        buf_addf(out, "%s = %s\n", kafka->properties[i].name,
                 is_secret(&kafka->properties[i]) ? "***" : kafka->properties[i].value);
}

static void print_limits(const struct settings_quota *quota, struct buf *out)
{
    for (size_t i = 0; i < quota->count; i++) {
        buf_addf(out, "%s = ", quota->limits[i].path);
        quota_limit_format(&quota->limits[i], out);
        buf_add_char(out, '\n');
    }
}

static void print_accounts(const struct settings *s, struct buf *out)
{
    for (size_t i = 0; i < s->account_count; i++) {
        buf_addf(out, "\n[" ACCOUNT_PREFIX "%s]\n", s->accounts[i].name);
        print_rows("account", &s->accounts[i], out);
    }
}

void settings_print(const struct settings *s, struct buf *out)
{
    buf_add_cstr(out, "# Settings in effect, defaults included; *** stands for a secret.\n");
    print_accounts(s, out);
    for (size_t i = 0; i < COUNT_OF(SECTIONS); i++) {
        if (is_account(&SECTIONS[i]))
            continue;
        buf_addf(out, "\n[%s]\n", SECTIONS[i].name);
        if (is_kafka(&SECTIONS[i]))
            print_kafka(&s->kafka, out);
        else
            print_rows(SECTIONS[i].name, (const char *)s + SECTIONS[i].offset, out);
        if (is_quota(&SECTIONS[i]))
            print_limits(&s->quota, out);
    }
}

static void describe_limit(struct buf *out)
{
    buf_addf(out,
             "\n# Calls of all programs together to that path. (%s; file only)\n"
             "#/card/membercard/updateuser =\n",
             QUOTA_LIMIT_ALLOWED);
}

void settings_describe(struct buf *out)
{
    for (size_t i = 0; i < COUNT_OF(SECTIONS); i++) {
        const char *name = SECTIONS[i].name;

        buf_addf(out, "%s[%s%s]\n# %s\n", i > 0 ? "\n" : "", name,
                 is_account(&SECTIONS[i]) ? " NAME" : "", SECTIONS[i].help);
        if (is_kafka(&SECTIONS[i]))
            buf_add_cstr(out, "#bootstrap.servers =\n");
        if (is_quota(&SECTIONS[i]))
            describe_limit(out);
        for (size_t r = 0; r < COUNT_OF(ROWS); r++) {
            if (strcmp(ROWS[r].section, name) != 0)
                continue;
            buf_add_char(out, '\n');
            row_describe(&ROWS[r], out);
        }
    }
}
