/* SPDX-License-Identifier: Apache-2.0 */
/* What a handler holds: its thread's tools. Everything taken from it dies when the handler returns.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "config/settings.h"
#include "db/table.h"
#include "db/writer.h"
#include "http/client.h"
#include "metrics/catalog.h"
#include "run/effects.h"
#include "run/emit.h"
#include "run/worker.h"
#include "tables/erased.h"
#include "trace/span.h"
#include "wechat/client.h"
#include "wechat/token.h"

struct tokens;

/* The worker's own, worker_def.state_size bytes, shared by all lanes. What changes in it is guarded
 * by lane_state_lock, which is never held across a call that waits. */
void *lane_state(struct lane *lane);
void lane_state_lock(struct lane *lane);
void lane_state_unlock(struct lane *lane);
const struct settings *lane_settings(const struct lane *lane);
struct arena *lane_arena(struct lane *lane);
struct wechat *lane_wechat(struct lane *lane);
struct http_client *lane_http(struct lane *lane);
/* When this attempt must have ended: passed down into every call. */
struct deadline lane_deadline(const struct lane *lane);
struct str lane_traceparent(const struct lane *lane);
/* For a step of the handler that the trace shall show (a request to others than WeChat): a span
 * below the record's. Its traceparent goes out with the request; ends by SPAN_END. */
void lane_span_open(struct lane *lane, struct span *out);
/* The account of a record; NULL when this installation has none of that name. */
const struct account *lane_account(struct lane *lane, struct str name);

/* The record was given again (kabaoctl dlq replay), not as it was first sent. */
bool lane_is_replay(const struct lane *lane);
/* The record in hand has a deadline of its own: however long its verdict would have it wait, it is
 * looked at by then, once. */
void lane_look_by(struct lane *lane, struct deadline by);

/* Sends a record; the engine waits for its acknowledgement before it settles the one in hand. */
MUST_CHECK enum status lane_emit(struct lane *lane, const struct emit *emit, const void *record,
                                 struct err *err);
/* Waits for what was emitted so far, where later steps depend on it. */
MUST_CHECK enum status lane_flush(struct lane *lane, struct err *err);

/* Adds a row to those that are written, in one transaction, when the handler returns ST_OK. Values
 * are borrowed until then (lane_arena). */
MUST_CHECK enum status lane_put(struct lane *lane, const struct table *table,
                                const struct db_value *values, struct err *err);
/* Conditional work in a shared transaction, committed when it returns. */
MUST_CHECK enum status lane_run(struct lane *lane, writer_fn *fn, void *arg, struct err *err);

/* Whom kabao has forgotten, as it was known when the handler began. What is decided by that is
 * written only while it holds: lane_run and lane_effect end with ST_WAIT, and the rows of lane_put
 * are not written, when somebody was erased since; the record then runs again at once. So a row can
 * be written before an erasure, which finds it, or knowing of it; never in between. What goes to
 * Kafka instead may come up to two seconds late. */
struct erased *lane_erased(const struct lane *lane);
/* As lane_run, for what was not decided by that. */
MUST_CHECK enum status lane_run_unguarded(struct lane *lane, writer_fn *fn, void *arg,
                                          struct err *err);
/* worker_tick.fn only: has on_key run for this key, if its partition of the first input is assigned
 * here and it is not waiting already. */
void lane_schedule(struct lane *lane, struct str key);

/* One more of a counter with one label. */
void lane_count(struct lane *lane, const struct metric_def *metric, const char *label);
/* The same with two. */
void lane_count_2(struct lane *lane, const struct metric_def *metric, const char *a, const char *b);
/* One observation of a histogram without labels. */
void lane_observe(struct lane *lane, const struct metric_def *metric, double value);
/* For what fails beside the record in hand; outcomes of records are logged by the engine. */
void lane_warn(struct lane *lane, const char *event, const struct err *err);
/* The same where somebody has to act. */
void lane_error(struct lane *lane, const char *event, const struct err *err);

/* kabao-token only: the tokens as state.token last had them. */
struct tokens *lane_tokens(struct lane *lane);
