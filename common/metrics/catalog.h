/* SPDX-License-Identifier: Apache-2.0 */
/* Every metric of every program, one row each; README, dashboards and the page are checked against
 * it. */
#pragma once

#include "metrics/metrics.h"

/* Which programs serve a metric: who of them has something to say. */
enum metric_group {
    METRIC_GROUP_EVERY = 1,
    METRIC_GROUP_INGRESS = 2,
    METRIC_GROUP_WORKER = 4,    /* whoever runs on common/run */
    METRIC_GROUP_WECHAT = 8,    /* of them, who calls WeChat for records */
    METRIC_GROUP_TOKENS = 16,   /* of them, who knows the tokens, and which paths are closed */
    METRIC_GROUP_FETCH = 32,    /* kabao-token */
    METRIC_GROUP_CRM = 64,      /* kabao-crm */
    METRIC_GROUP_STORE = 128,   /* kabao-store */
    METRIC_GROUP_FORWARD = 256, /* kabao-forward */
};

/* X(identifier, type, group, name, help, values, labels...), in the order of their names; values as
 * in struct metric_def; NULL where there is no label. */
#define METRIC_CATALOG(X)                                                                          \
    X(BUILD_INFO, GAUGE, EVERY, "kabao_build_info", "Always 1.", NULL, "program", "version")       \
    X(CONSUMER_LAG, GAUGE, WORKER, "kabao_consumer_lag_records", "Records not yet done.", NULL,    \
      "topic", "partition")                                                                        \
    X(CONSUMER_LAG_SECONDS, GAUGE, WORKER, "kabao_consumer_lag_seconds",                           \
      "Age of the oldest record not yet done.", NULL, "topic", "partition")                        \
    X(CRM_GONE, COUNTER, CRM, "kabao_crm_gone_total",                                              \
      "Times the CRM answered 410, which stops a type of event.", NULL, "type")                    \
    X(CRM_REQUESTS, COUNTER, CRM, "kabao_crm_requests_total",                                      \
      "Webhooks sent, by HTTP status or by what went wrong.", NULL, "status")                      \
    X(DLQ, COUNTER, WORKER, "kabao_dlq_total", "Dead letters written.",                            \
      "malformed schema rejected exhausted outcome-unknown crash expired", "reason")               \
    X(EFFECTS, COUNTER, WECHAT, "kabao_effects_total", "Effects by outcome.", NULL, "step",        \
      "outcome")                                                                                   \
    X(FORWARD_SECONDS, HISTOGRAM, FORWARD, "kabao_forward_request_seconds",                        \
      "Duration of pushes to the old system, answer included.", NULL, NULL)                        \
    X(FORWARD_REQUESTS, COUNTER, FORWARD, "kabao_forward_requests_total",                          \
      "Pushes sent to the old system, by what it answered.", NULL, "account", "outcome")           \
    X(INFLIGHT, GAUGE, WORKER, "kabao_inflight_records", "Records fetched and not settled.", NULL, \
      NULL)                                                                                        \
    X(INGRESS_ACK, HISTOGRAM, INGRESS, "kabao_ingress_ack_seconds",                                \
      "From a push read to its record acknowledged by the broker.", NULL, NULL)                    \
    X(INGRESS_REQUESTS, COUNTER, INGRESS, "kabao_ingress_requests_total",                          \
      "Callback requests by outcome.", NULL, "account", "outcome")                                 \
    X(LATE_RESULTS, COUNTER, WORKER, "kabao_late_results_dropped_total",                           \
      "Results that came after their partition was lost.", NULL, NULL)                             \
    X(MYSQL_ERRORS, COUNTER, WORKER, "kabao_mysql_errors_total",                                   \
      "Failures of the database by error number; what it refuses as data is none.", NULL, "code")  \
    X(MYSQL_TRANSACTION, HISTOGRAM, WORKER, "kabao_mysql_transaction_seconds",                     \
      "Duration of transactions that write, commit included.", NULL, NULL)                         \
    X(OLDEST_INFLIGHT, GAUGE, WORKER, "kabao_oldest_inflight_seconds",                             \
      "Age of the longest in flight.", NULL, NULL)                                                 \
    X(PARKED_KEYS, GAUGE, WORKER, "kabao_parked_keys", "Keys that wait in MySQL.", NULL, NULL)     \
    X(PARKED_RECORDS, GAUGE, WORKER, "kabao_parked_records", "Records that wait in MySQL.", NULL,  \
      NULL)                                                                                        \
    X(POLL_AGE, GAUGE, WORKER, "kabao_poll_age_seconds", "Time since the last poll.", NULL, NULL)  \
    X(PROCESS_DURATION, HISTOGRAM, WORKER, "kabao_process_duration_seconds", "Time in a handler.", \
      NULL, NULL)                                                                                  \
    X(PROCESSED, COUNTER, WORKER, "kabao_processed_total", "Records settled, by outcome.",         \
      "ok ignored dead", "outcome")                                                                \
    X(QUOTA_BLOCKED, GAUGE, TOKENS, "kabao_quota_blocked_seconds",                                 \
      "How long a path stays closed.", NULL, "api")                                                \
    X(REBALANCES, COUNTER, WORKER, "kabao_rebalances_total", "Assignments and revocations.",       \
      "assigned revoked lost", "type")                                                             \
    X(RETRIES, COUNTER, WORKER, "kabao_retries_total", "Attempts that will be repeated.", NULL,    \
      "reason")                                                                                    \
    X(START_TIME, GAUGE, EVERY, "kabao_start_time_seconds",                                        \
      "When the process began, Unix time; a worker that died begins anew.", NULL, NULL)            \
    X(STORE_BATCH, HISTOGRAM, WORKER, "kabao_store_batch_rows", "Rows per transaction.", NULL,     \
      NULL)                                                                                        \
    X(STORE_ROWS, COUNTER, WORKER, "kabao_store_rows_total", "Rows written.", NULL, "table")       \
    X(STORE_UPKEEP, COUNTER, STORE, "kabao_store_upkeep_total",                                    \
      "Times old rows were forgotten and months made, by outcome.", "ok busy failed", "outcome")   \
    X(TOKEN_AGE, GAUGE, TOKENS, "kabao_token_age_seconds", "Age of the current access token.",     \
      NULL, "account")                                                                             \
    X(TOKEN_FETCH, COUNTER, FETCH, "kabao_token_fetch_total", "Tokens and tickets fetched.",       \
      "start expiry bad forced", "cause")                                                          \
    X(USEFUL_REPLICAS, GAUGE, WORKER, "kabao_useful_replicas",                                     \
      "Partitions that are behind; the sum over all instances is how many could be busy.", NULL,   \
      NULL)                                                                                        \
    X(WECHAT_SECONDS, HISTOGRAM, WECHAT, "kabao_wechat_request_seconds",                           \
      "Duration of calls to WeChat.", NULL, NULL)                                                  \
    X(WECHAT_REQUESTS, COUNTER, WECHAT, "kabao_wechat_requests_total", "Calls to WeChat.", NULL,   \
      "api", "errcode")

#define METRIC_DECLARE(id, ...) extern const struct metric_def METRIC_##id;
METRIC_CATALOG(METRIC_DECLARE)
#undef METRIC_DECLARE

/* All rows, sorted by name, for --help, docs and tests. */
const struct metric_def *const *metric_catalog(size_t *count);
/* What these groups (bits) serve is on the page from the start, as metric_declare has it. */
void metric_declare_groups(struct metrics *m, unsigned groups);
