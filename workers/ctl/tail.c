/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl tail TOPIC: records as they come, readable or one JSON object per line. */
#include "kafka/tail.h"

#include "app/app.h"
#include "base/header.h"
#include "codec/json.h"
#include "codec/jsonw.h"
#include "codec/utf8.h"
#include "ctl.h"
#include "kafka/topics.h"

#include <stdio.h>
#include <string.h>

enum { OPEN_MS = 10000, POLL_MS = 200, LINE_MAX_BYTES = 16 << 20, TYPE_WIDTH = 40 };

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

static void write_text(struct jsonw *w, struct str text)
{
    jsonw_str(w, utf8_valid(text) ? text : STR("(binary)"));
}

/* The value as JSON when it is JSON, else as text. */
static void write_value(struct jsonw *w, struct str value)
{
    AUTO(json_freep) struct json *parsed = NULL;
    struct err err = {0};

    if (!str_is_set(value))
        jsonw_null(w);
    else if (json_parse(value, &parsed, &err) == ST_OK)
        jsonw_raw(w, value);
    else
        write_text(w, value);
}

static void write_record(const struct record *r, struct buf *out)
{
    struct jsonw w = {.out = out};

    jsonw_object(&w);
    jsonw_key_str(&w, "topic", r->topic);
    jsonw_key_i64(&w, "partition", r->partition);
    jsonw_key_i64(&w, "offset", r->offset);
    jsonw_key(&w, STR("key"));
    write_text(&w, r->key);
    jsonw_key(&w, STR("headers"));
    jsonw_object(&w);
    for (size_t i = 0; i < r->header_count; i++) {
        jsonw_key(&w, r->headers[i].name);
        write_text(&w, r->headers[i].value);
    }
    jsonw_object_end(&w);
    jsonw_key(&w, STR("value"));
    write_value(&w, r->value);
    jsonw_object_end(&w);
}

static void print_people(const struct record *r)
{
    struct str type = header_find(r->headers, r->header_count, STR("ce_type"));
    char time[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(r->timestamp_ms, time);
    (void)printf("%s %d:%lld  %.*s  %.*s\n", time, r->partition, (long long)r->offset,
                 STR_ARG(type), STR_ARG(r->key));
    for (size_t i = 0; i < r->header_count; i++)
        (void)printf("    %.*s: %.*s\n", STR_ARG(r->headers[i].name), STR_ARG(r->headers[i].value));
    (void)printf("    %.*s\n", STR_ARG(r->value));
}

static void print_record(const struct ctl *ctl, const struct record *r)
{
    AUTO(buf_done) struct buf line = BUF_INIT(LINE_MAX_BYTES);

    if (!ctl->json) {
        print_people(r);
    } else {
        write_record(r, &line);
        (void)printf("%.*s\n", STR_ARG(buf_str(&line)));
    }
    (void)fflush(stdout);
}

static enum status follow(const struct ctl *ctl, struct tail *tail, struct err *err)
{
    int64_t printed = 0;
    enum status rc = ST_OK;

    while (rc == ST_OK && (ctl->max == 0 || printed < ctl->max) && !ferror(stdout)) {
        struct kafka_message *message = NULL;

        rc = tail_poll(tail, POLL_MS, &message, err);
        if (rc == ST_OK && message && is_wanted(ctl, kafka_message_record(message))) {
            print_record(ctl, kafka_message_record(message));
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
