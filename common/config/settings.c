/* SPDX-License-Identifier: Apache-2.0 */
/* The only list of keys. */
#include "config/settings.h"

#include "config/check.h"
#include "config/settings_list.h"

#include <string.h>

struct section {
    const char *name;
    size_t offset; /* into struct settings; not used for account, command and kafka */
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
    {"verify", offsetof(struct settings, verify), "Verification codes."},
    {"media", offsetof(struct settings, media), "Files of media commands."},
    {"store", offsetof(struct settings, store), "kabao-store."},
    {"command", 0,
     "One section per further call of WeChat's, to be asked for as command NAME: 1 to 64 of a-z, "
     "0-9, _ and dots."},
    {"admin", offsetof(struct settings, admin), "Health and metrics of every program."},
    {"log", offsetof(struct settings, log), "Log lines."},
};

static const char *const PUSH_MODES[] = {"auto", "plain", "compatible", "secure", NULL};
static const char *const TOKEN_SOURCES[] = {"wechat", "url", NULL};
static const char *const TOKEN_APIS[] = {"stable", "classic", NULL};
static const char *const ACTIVATIONS[] = {"none", "on_receive", "on_ticket", "crm", NULL};
static const char *const FALLBACKS[] = {"activate", "leave", NULL};
static const char *const ON_GIFT[] = {"fresh", "transfer", NULL};
static const char *const ON_REVOKE[] = {"keep", "erase", NULL};
static const char *const NATURES[] = {"read", "repeatable", "probe", "once", NULL};
static const char *const FOREIGN_POINTS[] = {"adopt", "revert", NULL};
static const char *const BINDINGS[] = {"pending", "open", NULL};
static const char *const REBINDS[] = {"many", "replace", "refuse", NULL};

static const struct row_check AN_ID = {"1 to 64 letters, digits, _ or -", check_id};
static const struct row_check AN_ADDRESS = {"host:port, an IPv6 address in brackets", check_listen};
static const struct row_check A_PREFIX = {"letters, digits, inner dots and -, without _",
                                          check_topic_prefix};
static const struct row_check A_NUMBER_RULE = {
    "code, or prefix: and 1 to 8 letters, digits, _ or -", check_membership_number};
static const struct row_check EVENT_TYPES = {"words of a-z, 0-9, _, . and *, separated by blanks",
                                             check_event_types};
static const struct row_check TOPIC_NAMES = {"topic names separated by blanks", check_topic_names};
static const struct row_check HOST_NAMES = {"host or host:port in lower case, separated by blanks",
                                            check_host_names};
static const struct row_check AN_API_PATH = {
    "an API path: letters, digits, _ . - between single slashes", check_api_path};
static const struct row_check ERROR_CODES = {"error codes separated by blanks", check_error_codes};
static const struct row_check A_SCENE = {"1 to 32 letters, digits, _ . : or -", check_scene_prefix};
static const struct row_check CHANNELS = {
    "words of custom, template, subscribe, webhook, each once, separated by blanks",
    check_channels};
static const struct row_check A_LEVEL = {"one of trace, debug, info, warn, error", check_log_level};

#define ACCOUNT(field) \
    .section = "account", .key = #field, .offset = offsetof(struct account, field)
#define COMMAND(field) \
    .section = "command", .key = #field, .offset = offsetof(struct settings_command, field)
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
    {ACCOUNT(secret_file), .type = ROW_FILE,
     .help = "AppSecret; for kabao-token, and for oauth.exchange of kabao-command."},
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
    {ACCOUNT(binding), .type = ROW_CHOICE, .preset = "pending", .choices = BINDINGS,
     .help =
         "Scenes that bind: those of bind.start only, or all that begin with binding_prefix too."},
    {ACCOUNT(binding_prefix), .type = ROW_TEXT, .check = &A_SCENE,
     .help = "With binding = open: what such a scene begins with; the rest is the user."},
    {ACCOUNT(rebind), .type = ROW_CHOICE, .preset = "many", .choices = REBINDS,
     .help = "A bound openid that scans for another user: keeps both, changes over, is refused."},
    {ACCOUNT(on_revoke), .type = ROW_CHOICE, .preset = "keep", .choices = ON_REVOKE,
     .help = "A person who takes the permission for their data back: kept, or erased."},
    {ACCOUNT(bind_texts_file), .type = ROW_FILE,
     .help = "JSON: what those who scan are told; without it only codes are sent."},
    {ACCOUNT(autoreply_file), .type = ROW_FILE,
     .help = "JSON: rules that answer messages and events; reloaded on SIGHUP."},
    {ACCOUNT(forward_url), .type = ROW_TEXT, .flags = ROW_LOOPBACK_HTTP,
     .help = "Callback of the old system: kabao-forward sends every push on to it."},
    {IN(topic, prefix), .type = ROW_TEXT, .preset = "kabao", .check = &A_PREFIX,
     .help = "Begins every topic and consumer group."},
    {IN(topic, partitions), .type = ROW_INT, .preset = "12", WITHIN(1, 1000),
     .help = "Partitions of keyed topics; never changed in place."},
    {IN(topic, replication_factor), .type = ROW_INT, .preset = "3", WITHIN(1, 100),
     .help = "Replicas of topics that are created."},
    {IN(topic, event_retention_hours), .type = ROW_INT, .preset = "336", WITHIN(1, 876000),
     .help = "How long event topics keep records."},
    {IN(topic, reply_to_allowed), .type = ROW_TEXT, .check = &TOPIC_NAMES,
     .help = "Topics, by full name, that a command's reply_to may name."},
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
    {IN(ingress, api_tokens_file), .type = ROW_FILE,
     .help = "Clients of the HTTP API (kabaoctl api-token new); unset turns it off."},
    {IN(ingress, api_max_body_bytes), .type = ROW_SIZE, .preset = "1048576", WITHIN(1024, 16777216),
     .help = "Larger requests to the API are answered with 413."},
    {IN(ingress, api_max_waiting), .type = ROW_INT, .preset = "1024", WITHIN(1, 1000000),
     .help = "API requests in hand or waiting for a result; further ones get 429."},
    {IN(ingress, api_window_s), .type = ROW_INT, .preset = "900", WITHIN(1, 86400),
     .help = "Commands and results are remembered for so long."},
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
    {IN(verify, key_file), .type = ROW_FILE,
     .help = "Key (32 bytes in Base64) that hashes codes; unset turns verify.* off."},
    {IN(verify, channels), .type = ROW_TEXT, .preset = "custom template subscribe webhook",
     .check = &CHANNELS, .help = "How verify.send tries to deliver a code, in this order."},
    {IN(verify, ttl_s), .type = ROW_INT, .preset = "300", WITHIN(30, 3600),
     .help = "A code is good for so long."},
    {IN(verify, attempts), .type = ROW_INT, .preset = "5", WITHIN(1, 10),
     .help = "After so many wrong codes none is right any more."},
    {IN(verify, resend_s), .type = ROW_INT, .preset = "60", WITHIN(0, 3600),
     .help = "The next code to the same openid for the same purpose is so far away."},
    {IN(verify, per_openid_day), .type = ROW_INT, .preset = "10", WITHIN(1, 1000),
     .help = "Codes an openid gets in a day of UTC+8."},
    {IN(verify, per_account_day), .type = ROW_INT, .preset = "10000", WITHIN(1, 10000000),
     .help = "Codes an account sends in a day of UTC+8."},
    {IN(verify, sms_url), .type = ROW_TEXT, .flags = ROW_LOOPBACK_HTTP,
     .help = "Webhook that sends a code by the merchant's SMS; channel webhook."},
    {IN(verify, sms_secret_file), .type = ROW_FILE,
     .help = "Secret (whsec_ and Base64) that signs the calls of sms_url."},
    {IN(media, hosts), .type = ROW_TEXT, .check = &HOST_NAMES,
     .help = "Hosts that media commands may fetch files from, over HTTPS."},
    {IN(store, keep_months), .type = ROW_INT, .preset = "24", WITHIN(1, 1200),
     .help = "Pushes and results of commands are forgotten when they are so many months old."},
    {COMMAND(path), .type = ROW_TEXT, .flags = ROW_REQUIRED | ROW_FILE_ONLY, .check = &AN_API_PATH,
     .help = "Path of the call; it is a POST."},
    {COMMAND(nature), .type = ROW_CHOICE, .flags = ROW_REQUIRED | ROW_FILE_ONLY, .choices = NATURES,
     .help =
         "What a second call does: nothing, the same again, or harm; probe is for kabao's own."},
    {COMMAND(final), .type = ROW_TEXT, .flags = ROW_FILE_ONLY, .check = &ERROR_CODES,
     .help = "What refuses this call for good, beside the codes kabao knows."},
    {COMMAND(schema_file), .type = ROW_FILE, .flags = ROW_FILE_ONLY,
     .help = "JSON Schema of the body; without it any object will do."},
    {IN(admin, listen), .type = ROW_TEXT, .preset = "127.0.0.1:0", .check = &AN_ADDRESS,
     .help = "Address of /healthz, /readyz and /metrics; port 0 is off."},
    {IN(log, level), .type = ROW_TEXT, .preset = "info", .check = &A_LEVEL,
     .help = "Lowest level that is written; trace adds the span lines."},
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

const char *settings_section_help(size_t index)
{
    return SECTIONS[index].help;
}

size_t settings_section_offset(size_t index)
{
    return SECTIONS[index].offset;
}

bool settings_has_names(const char *section)
{
    return strcmp(section, "account") == 0 || strcmp(section, "command") == 0;
}
