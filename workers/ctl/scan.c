/* SPDX-License-Identifier: Apache-2.0 */
#include "scan.h"

enum { OPEN_MS = 10000, POLL_MS = 200, STALL_MS = 30000 };

static enum status stall(struct err *err)
{
    return err_retry(err, "kafka:timeout", "nothing more can be read, but this is not the end");
}

static enum status read_to_end(struct tail *tail, const bool *enough, scan_fn *fn, void *arg,
                               struct err *err)
{
    struct deadline stalled = deadline_in(STALL_MS);
    enum status rc = ST_OK;

    while (rc == ST_OK && !tail_at_end(tail) && !(enough && *enough)) {
        struct kafka_message *message = NULL;

        rc = tail_poll(tail, POLL_MS, &message, err);
        if (rc == ST_OK && message) {
            stalled = deadline_in(STALL_MS);
            rc = fn(arg, kafka_message_record(message), err);
        } else if (rc == ST_OK || rc == ST_RETRY) {
            rc = deadline_passed(stalled) ? stall(err) : ST_OK;
        }
        kafka_message_free(message);
    }
    return rc;
}

enum status scan_topic(const struct scan *scan, scan_fn *fn, void *arg, struct err *err)
{
    const char *topics[] = {scan->topic};
    const struct tail_conf conf = {
        .kafka = &scan->settings->kafka,
        .client_id = "kabaoctl",
        .topics = scan->topic ? topics : scan->topics,
        .topic_count = scan->topic ? 1 : scan->topic_count,
        .keys = scan->keys,
        .key_count = scan->key_count,
        .skips_missing = scan->skips_missing,
        .spans = scan->spans,
        .span_count = scan->span_count,
        .from = scan->has_from ? TAIL_TIME : TAIL_BEGINNING,
        .from_wall_ms = scan->from_ms,
        .or_all = true,
        .to_wall_ms = scan->to_ms,
    };
    struct tail *tail = NULL;
    enum status rc;

    rc = tail_open(&conf, deadline_in(OPEN_MS), &tail, err);
    if (rc == ST_OK && scan->lacks && tail_lacks(tail))
        *scan->lacks = true;
    if (rc == ST_OK)
        rc = read_to_end(tail, scan->enough, fn, arg, err);
    tail_close(tail);
    return rc;
}
