/* SPDX-License-Identifier: Apache-2.0 */
/* An idempotent producer, acks=all, partitioner murmur2_random, a delivery report per record. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "config/settings.h"
#include "kafka/record.h"

#include <stdbool.h>

struct producer;

struct producer_conf {
    const struct settings_kafka *kafka;
    const char *client_id;
    /* 0: a record waits for the broker as long as it takes. So for programs that live on: after a
     * record that timed out on its way librdkafka may use its sequence number again, and the broker
     * acknowledges the next record as a repetition without having it (librdkafka issue 4134; seen
     * with 2.0.2 and a frozen broker). Others: the report comes up to 1 s after the time-out. */
    int64_t message_timeout_ms;
    /* Records that wait for the broker; 0: [kafka] or librdkafka's default. */
    int64_t queue_records;
    int64_t queue_kbytes;
    /* As librdkafka takes it, "0.5"; NULL: "1"; [kafka] linger.ms wins. With "0" a record leaves at
     * once while fewer than five requests are under way, and what comes meanwhile forms the next
     * batch: the least latency at every rate, at a few tenths of a microsecond per record. */
    const char *linger_ms;
};

MUST_CHECK enum status producer_open(const struct producer_conf *conf, struct producer **out,
                                     struct err *err);
/* Waits for what is in flight until the deadline, reports the rest as failed ("kafka:closed"),
 * frees. NULL is fine. */
void producer_close(struct producer *p, struct deadline until);

/* Fetches the topic's metadata (the first record else pays the connection) and returns its number
 * of partitions. ST_RETRY: no broker; ST_FATAL "kafka:topic": it does not exist (remedy: kabaoctl
 * topics apply). */
MUST_CHECK enum status producer_topic(struct producer *p, const char *topic, struct deadline until,
                                      int32_t *partitions, struct err *err);

/* Runs on the thread that polls, drains or closes. err is NULL when the broker acknowledged; else
 * its code says why ("kafka:timeout", "kafka:too-large", "kafka:authorization", ...) and
 * err->reason is REASON_REJECTED where this very record will never be taken. */
typedef void delivery_fn(void *arg, int32_t partition, int64_t offset, const struct err *err);

/* Key, value and headers are copied. ST_RETRY "kafka:queue-full", memory, rights missing;
 * ST_REJECT: too large, unknown partition or topic (a topic nobody asked about is looked for first:
 * its records wait and their reports tell); ST_FATAL: librdkafka gave this producer up. fn runs
 * exactly once after ST_OK, never otherwise. Thread-safe. */
MUST_CHECK enum status producer_send(struct producer *p, const struct outgoing *record,
                                     delivery_fn *fn, void *arg, struct err *err);

/* Delivery reports on a loop: the descriptor becomes readable when there are some; drain serves all
 * of them and resets the descriptor. The descriptor is the producer's. */
int producer_fd(struct producer *p);
void producer_drain(struct producer *p);
/* Delivery reports on a thread of their own: serves for at most timeout_ms. */
void producer_poll(struct producer *p, int timeout_ms);
size_t producer_in_flight(struct producer *p);
