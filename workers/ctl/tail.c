/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl tail TOPIC: records as they come, readable or one JSON object per line. */
#include "kafka/tail.h"

#include "app/app.h"
#include "base/header.h"
#include "codec/jsonw.h"
#include "ctl.h"
#include "kafka/topics.h"
#include "show.h"

#include <stdio.h>
#include <string.h>

enum { OPEN_MS = 10000, POLL_MS = 200, LINE_MAX_BYTES = 16 << 20 };

/* "event.wechat" and "kabao.event.wechat.v1" are the same topic; so are "dlq.member" and its full
 * name. */
static bool full_name(const struct settings_topic *settings, const char *word,
                      char out[TOPIC_NAME_SIZE])
{
    struct str name = str_from(word);
    bool full = str_starts(name, str_from(settings->prefix)) && str_ends(name, STR(".v1"));
    int length;

    if (full)
        return str_copy(name, out, TOPIC_NAME_SIZE);
    length = snprintf(out, TOPIC_NAME_SIZE, "%s.%s.v1", settings->prefix, word);
    return length > 0 && length < TOPIC_NAME_SIZE;
}

static bool take_from(const struct ctl *ctl, struct tail_conf *conf)
{
    conf->from = TAIL_END;
    if (!str_is_set(ctl->from))
        return true;
    conf->from = TAIL_BEGINNING;
    if (str_eq(ctl->from, STR("beginning")))
        return true;
    conf->from = TAIL_TIME;
    return clock_parse_rfc3339(ctl->from.ptr, ctl->from.len, &conf->from_wall_ms);
}

static bool is_wanted(const struct ctl *ctl, const struct record *r)
{
    struct str type = header_find(r->headers, r->header_count, STR("ce_type"));

    if (str_is_set(ctl->key) && !str_eq(ctl->key, r->key))
        return false;
    return !str_is_set(ctl->type) || str_match(ctl->type, type);
}

static void print_people(const struct ctl *ctl, const struct record *r)
{
    struct str type = header_find(r->headers, r->header_count, STR("ce_type"));
    char time[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(r->timestamp_ms, time);
    (void)printf("%s %d:%lld  ", time, r->partition, (long long)r->offset);
    show_print_bytes(type);
    (void)printf("\n");
    show_print(r, ctl->reveal);
}

static bool print_json(const struct record *r)
{
    AUTO(buf_done) struct buf line = BUF_INIT(LINE_MAX_BYTES);
    struct jsonw w = {.out = &line};

    jsonw_object(&w);
    jsonw_key_str(&w, "topic", r->topic);
    jsonw_key_i64(&w, "partition", r->partition);
    jsonw_key_i64(&w, "offset", r->offset);
    show_members(&w, r);
    jsonw_object_end(&w);
    return show_print_json(&line);
}

static enum status print_record(const struct ctl *ctl, const struct record *r, struct err *err)
{
    bool good = true;

    if (ctl->json)
        good = print_json(r);
    else
        print_people(ctl, r);
    (void)fflush(stdout);
    return good ? ST_OK
                : err_fatal(err, "memory", "%s:%d:%lld takes too much memory", r->topic.ptr,
                            r->partition, (long long)r->offset);
}

static enum status follow(const struct ctl *ctl, struct tail *tail, struct err *err)
{
    int64_t printed = 0;
    enum status rc = ST_OK;

    while (rc == ST_OK && (ctl->max == 0 || printed < ctl->max) && !ferror(stdout)) {
        struct kafka_message *message = NULL;

        rc = tail_poll(tail, POLL_MS, &message, err);
        if (rc == ST_OK && message && is_wanted(ctl, kafka_message_record(message))) {
            rc = print_record(ctl, kafka_message_record(message), err);
            printed++;
        }
        kafka_message_free(message);
    }
    return rc;
}

int ctl_tail(const struct ctl *ctl)
{
    char name[TOPIC_NAME_SIZE];
    const char *topics[] = {name};
    struct tail_conf conf = {
        .kafka = &ctl->settings->kafka,
        .client_id = "kabaoctl",
        .topics = topics,
        .topic_count = 1,
    };
    struct tail *tail = NULL;
    struct err err = {0};
    enum status rc;

    if (!take_from(ctl, &conf))
        return ctl_usage("--from takes 'beginning' or a time such as 2026-01-02T03:04:05Z");
    if (!full_name(&ctl->settings->topic, ctl->words[0], name))
        return ctl_usage("that is no topic's name");
    rc = tail_open(&conf, deadline_in(OPEN_MS), &tail, &err);
    if (rc == ST_OK)
        rc = follow(ctl, tail, &err);
    tail_close(tail);
    return rc == ST_OK ? EXIT_DONE : ctl_fail(rc, &err);
}
