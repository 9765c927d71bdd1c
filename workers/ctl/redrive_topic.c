/* SPDX-License-Identifier: Apache-2.0 */
#include "redrive_topic.h"

#include "base/clock.h"
#include "base/hex.h"
#include "codec/crypto.h"

#include <poll.h>
#include <stdio.h>

enum {
    ASK_MS = 10000,
    CLOSE_MS = 1000,
    /* A record that the broker has not acknowledged by then is given up (the report takes up to 1 s
     * more); nothing is on its way from a run whose lock ended LANDED_MS ago. */
    SEND_MS = 3000,
    LANDED_MS = 5000,
};

const struct str REPLAY_ID_HEADER = STR_INIT("dlq-replay-id");

enum status redrive_topic_open(struct redrive_topic *t, const struct settings *settings,
                               const char *worker, struct err *err)
{
    const struct producer_conf conf = {
        .kafka = &settings->kafka,
        .client_id = "kabaoctl",
        .message_timeout_ms = SEND_MS,
        .linger_ms = "0",
    };
    enum status rc;

    topic_name(&settings->topic, TOPIC_REDRIVE, worker, t->name);
    rc = producer_open(&conf, &t->producer, err);
    if (rc == ST_OK)
        rc = producer_topic(t->producer, t->name, deadline_in(ASK_MS), &t->partitions, err);
    return rc;
}

void redrive_topic_close(struct redrive_topic *t)
{
    producer_close(t->producer, deadline_in(CLOSE_MS));
    t->producer = NULL;
}

void replay_id(struct str text, char out[REPLAY_ID_SIZE])
{
    uint8_t hash[SHA256_LEN];

    sha256(text, hash);
    hex_format(hash, (REPLAY_ID_SIZE - 1) / 2, out);
}

void redrive_topic_settle(void)
{
    const struct deadline landed = deadline_in(LANDED_MS);

    (void)fprintf(stderr, "kabaoctl: a run was cut short: waiting %d s for what it had sent\n",
                  LANDED_MS / 1000);
    while (!deadline_passed(landed))
        (void)poll(NULL, 0, (int)deadline_left_ms(landed));
}
