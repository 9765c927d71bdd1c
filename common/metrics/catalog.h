/* SPDX-License-Identifier: Apache-2.0 */
/* Every metric of every program, one row each; README, dashboards and the page are checked against
 * it. */
#pragma once

#include "metrics/metrics.h"

/* X(identifier, type, name, help, labels...), in the order of their names; NULL where there is no
 * label. */
#define METRIC_CATALOG(X)                                                                          \
    X(BUILD_INFO, GAUGE, "kabao_build_info", "Always 1.", "program", "version")                    \
    X(CONSUMER_LAG, GAUGE, "kabao_consumer_lag_records", "Records not yet done.", "topic",         \
      "partition")                                                                                 \
    X(CONSUMER_LAG_SECONDS, GAUGE, "kabao_consumer_lag_seconds",                                   \
      "Age of the oldest record not yet done.", "topic", "partition")                              \
    X(CRM_GONE, COUNTER, "kabao_crm_gone_total",                                                   \
      "Times the CRM answered 410, which stops a type of event.", "type")                          \
    X(CRM_REQUESTS, COUNTER, "kabao_crm_requests_total",                                           \
      "Webhooks sent, by HTTP status or by what went wrong.", "status")                            \
    X(DLQ, COUNTER, "kabao_dlq_total", "Dead letters written.", "reason")                          \
    X(EFFECTS, COUNTER, "kabao_effects_total", "Effects by outcome.", "step", "outcome")           \
    X(INFLIGHT, GAUGE, "kabao_inflight_records", "Records fetched and not settled.", NULL)         \
    X(INGRESS_ACK, HISTOGRAM, "kabao_ingress_ack_seconds",                                         \
      "From a push read to its record acknowledged by the broker.", NULL)                          \
    X(INGRESS_REQUESTS, COUNTER, "kabao_ingress_requests_total", "Callback requests by outcome.",  \
      "account", "outcome")                                                                        \
    X(LATE_RESULTS, COUNTER, "kabao_late_results_dropped_total",                                   \
      "Results that came after their partition was lost.", NULL)                                   \
    X(OLDEST_INFLIGHT, GAUGE, "kabao_oldest_inflight_seconds", "Age of the longest in flight.",    \
      NULL)                                                                                        \
    X(PARKED_KEYS, GAUGE, "kabao_parked_keys", "Keys that wait in MySQL.", NULL)                   \
    X(PARKED_RECORDS, GAUGE, "kabao_parked_records", "Records that wait in MySQL.", NULL)          \
    X(POLL_AGE, GAUGE, "kabao_poll_age_seconds", "Time since the last poll.", NULL)                \
    X(PROCESS_DURATION, HISTOGRAM, "kabao_process_duration_seconds", "Time in a handler.", NULL)   \
    X(PROCESSED, COUNTER, "kabao_processed_total", "Records settled, by outcome.", "outcome")      \
    X(QUOTA_BLOCKED, GAUGE, "kabao_quota_blocked_seconds", "How long a path stays closed.", "api") \
    X(REBALANCES, COUNTER, "kabao_rebalances_total", "Assignments and revocations.", "type")       \
    X(RETRIES, COUNTER, "kabao_retries_total", "Attempts that will be repeated.", "reason")        \
    X(STORE_BATCH, HISTOGRAM, "kabao_store_batch_rows", "Rows per transaction.", NULL)             \
    X(STORE_ROWS, COUNTER, "kabao_store_rows_total", "Rows written.", "table")                     \
    X(STORE_UPKEEP, COUNTER, "kabao_store_upkeep_total",                                           \
      "Times old rows were forgotten and months made, by outcome.", "outcome")                     \
    X(TOKEN_AGE, GAUGE, "kabao_token_age_seconds", "Age of the current access token.", "account")  \
    X(TOKEN_FETCH, COUNTER, "kabao_token_fetch_total", "Tokens and tickets fetched.", "cause")     \
    X(USEFUL_REPLICAS, GAUGE, "kabao_useful_replicas",                                             \
      "Partitions that are behind; the sum over all instances is how many could be busy.", NULL)   \
    X(WECHAT_SECONDS, HISTOGRAM, "kabao_wechat_request_seconds", "Duration of calls to WeChat.",   \
      NULL)                                                                                        \
    X(WECHAT_REQUESTS, COUNTER, "kabao_wechat_requests_total", "Calls to WeChat.", "api", "errcode")

#define METRIC_DECLARE(id, ...) extern const struct metric_def METRIC_##id;
METRIC_CATALOG(METRIC_DECLARE)
#undef METRIC_DECLARE

/* All rows, sorted by name, for --help, docs and tests. */
const struct metric_def *const *metric_catalog(size_t *count);
