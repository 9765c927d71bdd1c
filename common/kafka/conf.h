/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this module share over librdkafka; nobody else includes it. */
#pragma once

#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"
#include "config/settings.h"
#include "kafka/consumer.h"
#include "log/log.h"

#include <librdkafka/rdkafka.h>

#include <stdbool.h>

/* KAFKA_CLIENT neither produces nor consumes: metadata and administration. */
enum kafka_kind { KAFKA_CLIENT, KAFKA_PRODUCER, KAFKA_CONSUMER };

/* A property of ours; value NULL: left to librdkafka. Lists end with {NULL, NULL}. */
struct kafka_option {
    const char *name;
    const char *value;
};

struct kafka_spec {
    const struct settings_kafka *settings;
    enum kafka_kind kind;
    const char *client_id;
    const struct kafka_option *defaults; /* [kafka] wins over them; may be NULL */
    const struct kafka_option *fixed;    /* they win over [kafka]; may be NULL */
    void (*tune)(rd_kafka_conf_t *conf); /* events and callbacks; may be NULL */
};

/* Lies in its owner's memory and must not move while open: librdkafka's callbacks get it as their
 * opaque. */
struct kafka_handle {
    rd_kafka_t *rk;
    void *owner; /* for the owner's own callbacks */
    struct log_limit warned;
};

/* Order: the defaults of the kind, the spec's defaults, [kafka], what is the same for every handle,
 * the spec's fixed ones. [kafka] properties that only mean something to another kind are left out;
 * one that kabao needs for itself is refused. ST_FATAL "[kafka] NAME: reason". */
MUST_CHECK enum status kafka_handle_open(const struct kafka_spec *spec, void *owner,
                                         struct kafka_handle *out, struct err *err);

/* Destroys rk once all that refers to it is gone. False after 5 s: librdkafka 2.0.2 never ends when
 * an assigned topic was deleted; rk then lives on with its threads, and the memory of the handle
 * and its owner must stay. NULL rk is fine. */
MUST_CHECK bool kafka_handle_close(struct kafka_handle *handle);

/* What a property is for, by librdkafka's own names; KAFKA_CLIENT: for every kind. */
enum kafka_kind kafka_property_kind(const char *name);

/* Fills err from librdkafka's code, "kafka:..." (closed list for what callers act on, librdkafka's
 * name for the rest), and returns what to do about it. */
enum status kafka_error(rd_kafka_resp_err_t code, const char *what, struct err *err);
/* The same with a better text than the code's own. */
enum status kafka_error_text(rd_kafka_resp_err_t code, const char *what, const char *text,
                             struct err *err);
/* The same for an error object, which it destroys. */
enum status kafka_error_take(rd_kafka_error_t *error, const char *what, struct err *err);
/* What made the handle unusable for good; ST_OK when nothing did. */
MUST_CHECK enum status kafka_fatal(rd_kafka_t *rk, struct err *err);

struct kafka_topic_shape {
    int32_t partitions;
    int32_t replication; /* of partition 0 */
};

/* Asks a broker until the deadline. ST_RETRY: none answered; ST_FATAL "kafka:topic": there is no
 * such topic. */
MUST_CHECK enum status kafka_topic_shape(rd_kafka_t *rk, const char *topic, struct deadline until,
                                         struct kafka_topic_shape *out, struct err *err);

/* Where the partitions of the list end (RD_KAFKA_OFFSET_END) or begin (RD_KAFKA_OFFSET_BEGINNING),
 * into their offsets: one request for all partitions of a broker. */
MUST_CHECK enum status kafka_read_ends(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list,
                                       int64_t which, int timeout_ms, struct err *err);

/* The first error of a partition of the list; NULL: none. */
MUST_CHECK enum status kafka_list_error(const rd_kafka_topic_partition_list_t *list,
                                        const char *what, struct err *err);

/* A deadline as librdkafka takes time-outs, at most max_ms. */
int kafka_timeout_ms(struct deadline until, int max_ms);

/* Takes raw over in every case. ST_OK with *out NULL: not a record (end of partition). */
MUST_CHECK enum status kafka_message_take(rd_kafka_message_t *raw, struct kafka_message **out,
                                          struct err *err);
