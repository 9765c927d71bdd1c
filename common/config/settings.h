/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of every program: one INI file, then the environment, checked whole before the
 * start. settings.c holds the only list of keys. Const after loading; handed to the modules section
 * by section. */
#pragma once

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "config/quota_limit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SETTINGS_PATH "/etc/kabao/kabao.ini" /* where no other is named */

enum push_mode { PUSH_MODE_AUTO, PUSH_MODE_PLAIN, PUSH_MODE_COMPATIBLE, PUSH_MODE_SECURE };

enum token_source { TOKEN_SOURCE_WECHAT, TOKEN_SOURCE_URL };

enum token_api { TOKEN_API_STABLE, TOKEN_API_CLASSIC };

/* Who activates a card, or what makes kabao do it. */
enum activation_mode {
    ACTIVATION_NONE,
    ACTIVATION_ON_RECEIVE,
    ACTIVATION_ON_TICKET,
    ACTIVATION_CRM
};

/* What happens when the CRM has not answered within activation_deadline_s. */
enum activation_fallback { ACTIVATION_FALLBACK_ACTIVATE, ACTIVATION_FALLBACK_LEAVE };

/* The points of a card that was given away. */
enum on_gift { ON_GIFT_FRESH, ON_GIFT_TRANSFER };

/* Points that somebody else wrote on a card. */
enum foreign_points { FOREIGN_POINTS_ADOPT, FOREIGN_POINTS_REVERT };

/* Scenes that bind an openid to a user: those of bind.start, or any that begins with binding_prefix
 * as well. */
enum binding_mode { BINDING_PENDING, BINDING_OPEN };

/* An openid that is bound to a user and is now bound to another one: keeps both, leaves the first,
 * or is refused. */
enum rebind { REBIND_MANY, REBIND_REPLACE, REBIND_REFUSE };

/* What a person's revocation (user_authorization_revoke) makes of what kabao knows of them. */
enum on_revoke { ON_REVOKE_KEEP, ON_REVOKE_ERASE };

/* [account NAME]. push_mode is never PUSH_MODE_AUTO after loading. */
struct account {
    char *name; /* [a-z0-9]{1,32} */
    char *appid;
    char *original_id;
    char *secret_file;
    char *callback_token_file;
    char *aes_key_file;
    char *aes_key_previous_file;
    int push_mode;     /* enum push_mode */
    char *frame_appid; /* NULL: appid */
    int token_source;  /* enum token_source */
    char *token_url;
    char *token_url_bearer_file;
    char *form_fields_drop; /* names separated by blanks */
    int activation;         /* enum activation_mode */
    int64_t activation_deadline_s;
    int64_t pending_after_s;
    int activation_fallback; /* enum activation_fallback */
    char *membership_number; /* "code" or "prefix:<text>" */
    int64_t init_bonus;
    int on_gift;        /* enum on_gift */
    int foreign_points; /* enum foreign_points */
    char *landing_url;  /* NULL: the landing page is off */
    int binding;        /* enum binding_mode */
    char *binding_prefix;
    int rebind;            /* enum rebind */
    int on_revoke;         /* enum on_revoke */
    char *bind_texts_file; /* what scanners are told; NULL: only codes */
    char *autoreply_file;  /* NULL: no replies */
    char *forward_url;     /* the old system's callback; NULL: nobody else gets the pushes */
};

/* In the order of wechat/calls.h. Never COMMAND_NATURE_PROBE after loading: what became of a call
 * can be asked by code only. */
enum command_nature {
    COMMAND_NATURE_READ,
    COMMAND_NATURE_REPEATABLE,
    COMMAND_NATURE_PROBE,
    COMMAND_NATURE_ONCE
};

/* [command NAME]: a POST of WeChat's that this release does not know. Without environment forms:
 * "_" would stand for "_" and for "." of NAME. */
struct settings_command {
    char *name;        /* [a-z0-9._]{1,64} */
    char *path;        /* "/card/..." */
    int nature;        /* enum command_nature */
    char *final;       /* error codes that refuse for good, separated by blanks; NULL: none */
    char *schema_file; /* of the body; NULL: any object */
};

struct kafka_property {
    char *name;
    char *value;
};

struct settings_kafka {
    struct kafka_property *properties; /* librdkafka's own names, in file order */
    size_t count;
};

struct settings_topic {
    char *prefix;
    int64_t partitions;
    int64_t replication_factor;
    int64_t event_retention_hours;
    char *reply_to_allowed; /* full names separated by blanks; NULL: none */
};

struct settings_ingress {
    char *listen;
    int64_t loops; /* 0 = one per core */
    int64_t max_body_bytes;
    int64_t max_connections;
    int64_t ack_timeout_ms;
    int64_t recent_ids;
    char *api_tokens_file; /* NULL: there is no API */
    int64_t api_max_body_bytes;
    int64_t api_max_waiting;
    int64_t api_window_s;
};

struct settings_store {
    int64_t keep_months;
};

struct settings_media {
    char *hosts; /* that files may be fetched from, separated by blanks; NULL: none */
};

struct settings_verify {
    char *key_file; /* NULL: verification codes are off */
    char *channels; /* words of verify/verify.h, separated by blanks */
    int64_t ttl_s;
    int64_t attempts;
    int64_t resend_s;
    int64_t per_openid_day;
    int64_t per_account_day;
    char *sms_url;
    char *sms_secret_file;
};

struct settings_wechat {
    char *base_url;
    char *ca_file;
    int64_t connect_timeout_ms;
    int64_t timeout_ms;
};

struct settings_mysql {
    char *host;
    int64_t port;
    char *socket;
    char *user;
    char *password_file;
    char *database;
    char *ca_file;
    int64_t connections;
    int64_t batch_rows;
    int64_t batch_ms;
};

struct settings_worker {
    int64_t lanes; /* 0: the program's own default (64; store 256) */
    int64_t max_inflight;
    int64_t max_inflight_bytes;
    int64_t retry_initial_ms;
    int64_t retry_max_ms;
    int64_t park_after_ms;
    int64_t max_attempts;
    int64_t crash_limit;
    int64_t revoke_drain_ms;
    int64_t drain_timeout_ms;
};

struct settings_quota {
    struct quota_limit *limits; /* in file order, every path once */
    size_t count;
    struct quota_limit default_limit; /* of paths without their own; path NULL, count 0: none */
    double replay_share;
};

struct settings_token {
    int api; /* enum token_api */
    char *seal_key_file;
    int64_t refresh_ahead_s;
    int64_t force_interval_s;
    int64_t force_per_day;
};

/* url is NULL when there is no CRM to call; events are ce_types with "*", separated by blanks. */
struct settings_crm {
    char *url;
    char *secret_file;
    char *secret_previous_file;
    char *ca_file;
    int64_t timeout_ms;
    int64_t max_inflight;
    char *events;
};

struct settings_admin {
    char *listen; /* "127.0.0.1:0" = off */
};

struct settings_log {
    char *level;
};

struct settings {
    char *path; /* the file read; NULL when there was none */
    struct account *accounts;
    size_t account_count;
    struct settings_command *commands; /* in file order */
    size_t command_count;
    struct settings_kafka kafka;
    struct settings_topic topic;
    struct settings_ingress ingress;
    struct settings_wechat wechat;
    struct settings_mysql mysql;
    struct settings_quota quota;
    struct settings_worker worker;
    struct settings_token token;
    struct settings_crm crm;
    struct settings_verify verify;
    struct settings_media media;
    struct settings_store store;
    struct settings_admin admin;
    struct settings_log log;
};

/* Reads path (NULL: /etc/kabao/kabao.ini, which may be missing when a KABAO_ variable names a key),
 * then KABAO_<SECTION>_<KEY> from environment (as main's envp; NULL: none), then checks what spans
 * keys. ST_FATAL with file, line, key and remedy in err; all refusals are collected into report
 * (one line each) when it is not NULL, err has the first. Syntax errors hide the refusals of keys.
 *
 * An empty variable counts as not set. KABAO_KAFKA_X_Y is the librdkafka property x.y, but for
 * log_level and enabled_events, the only ones with "_" that a text can set. A KABAO_* variable that
 * names no key, and what Kubernetes injects for services (KABAO_KAFKA_SERVICE_HOST,
 * KABAO_MYSQL_PORT=tcp://...), is appended to strangers (one name a line) when that is not NULL. */
MUST_CHECK enum status settings_load(const char *path, char *const *environment,
                                     struct settings **out, struct buf *report,
                                     struct buf *strangers, struct err *err);
void settings_free(struct settings *s);
DECLARE_FREEP(struct settings, settings_free)

/* Borrowed; NULL when there is none. */
const struct account *settings_account(const struct settings *s, const char *name);
const struct account *settings_account_by_appid(const struct settings *s, struct str appid);

void settings_print(const struct settings *s,
                    struct buf *out);    /* --print-config: an INI, secrets masked */
void settings_describe(struct buf *out); /* --describe-config: every key with type, default, help */
