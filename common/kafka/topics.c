/* SPDX-License-Identifier: Apache-2.0 */
/* The table of topics. Adding one: a constant in topics.h, a row here. */
#include "kafka/topics.h"

#include "base/attr.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Twice what brokers take by default. */
enum { LETTER_BYTES_MAX = 2 << 20 };

static const struct topic_def TOPICS[TOPIC_COUNT] = {
    [TOPIC_EVENT_WECHAT] =
        {
            .topic = TOPIC_EVENT_WECHAT,
            .name = "event.wechat",
            .retention_hours = 0,
            .key = "card key, else <appid>:<FromUserName>",
            .help = "every authenticated push, lossless",
        },
    [TOPIC_STATE_MEMBER] =
        {
            .topic = TOPIC_STATE_MEMBER,
            .name = "state.member",
            .compact = true,
            .retention_hours = -1,
            .key = "card key",
            .help = "latest member profile",
        },
    [TOPIC_EVENT_ACTIVATION] =
        {
            .topic = TOPIC_EVENT_ACTIVATION,
            .name = "event.activation",
            .retention_hours = 0,
            .key = "card key",
            .help = "a card became active, its activation is requested or overdue",
        },
    [TOPIC_EVENT_BINDING] =
        {
            .topic = TOPIC_EVENT_BINDING,
            .name = "event.binding",
            .retention_hours = 0,
            .key = "<appid>:<openid>, pending ones <appid>:<scene>",
            .help = "scene and openid found each other",
        },
    [TOPIC_CMD_ACTIVATION] =
        {
            .topic = TOPIC_CMD_ACTIVATION,
            .name = "cmd.activation",
            .retention_hours = 0,
            .key = "card key, else <appid>:<openid>, else <appid>:<SHA-256 of encrypt_code>",
            .help = "activation tickets, and the CRM's answers",
        },
    [TOPIC_CMD_BONUS] =
        {
            .topic = TOPIC_CMD_BONUS,
            .name = "cmd.bonus",
            .retention_hours = 0,
            .key = "card key",
            .help = "the CRM asks for a change of points, balance or fields",
        },
    [TOPIC_RESULT_BONUS] =
        {
            .topic = TOPIC_RESULT_BONUS,
            .name = "result.bonus",
            .retention_hours = 0,
            .key = "card key",
            .help = "what became of a command of cmd.bonus",
        },
    [TOPIC_CMD_WECHAT] =
        {
            .topic = TOPIC_CMD_WECHAT,
            .name = "cmd.wechat",
            .retention_hours = 0,
            .key = "the caller's, else the command's id",
            .help = "a card, coupon or account call is asked for",
        },
    [TOPIC_RESULT_WECHAT] =
        {
            .topic = TOPIC_RESULT_WECHAT,
            .name = "result.wechat",
            .retention_hours = 0,
            .key = "the command's key",
            .help = "what became of a command of cmd.wechat",
        },
    [TOPIC_CMD_TOKEN] =
        {
            .topic = TOPIC_CMD_TOKEN,
            .name = "cmd.token",
            .retention_hours = 24,
            .key = "<appid>",
            .help = "the token with this fingerprint failed",
        },
    [TOPIC_STATE_TOKEN] =
        {
            .topic = TOPIC_STATE_TOKEN,
            .name = "state.token",
            .compact = true,
            .retention_hours = -1,
            .key = "<appid>:<kind>",
            .help = "sealed tokens and tickets",
        },
    [TOPIC_DLQ] =
        {
            .topic = TOPIC_DLQ,
            .name = "dlq.",
            .per_worker = true,
            .retention_hours = 720,
            .max_message_bytes = LETTER_BYTES_MAX,
            .key = "original key",
            .help = "dead letters: original key, value and headers byte for byte",
        },
    [TOPIC_REDRIVE] =
        {
            .topic = TOPIC_REDRIVE,
            .name = "redrive.",
            .per_worker = true,
            .retention_hours = 168,
            .max_message_bytes = LETTER_BYTES_MAX,
            .key = "original key",
            .help = "records given to one worker again by redrive or replay",
        },
};

static const struct topic_worker WORKERS[] = {
    {"token", {TOPIC_CMD_TOKEN}},
    {"member", {TOPIC_EVENT_WECHAT}},
    {"store",
     {TOPIC_EVENT_WECHAT, TOPIC_STATE_MEMBER, TOPIC_EVENT_ACTIVATION, TOPIC_EVENT_BINDING,
      TOPIC_RESULT_WECHAT}},
    {"activate", {TOPIC_EVENT_WECHAT, TOPIC_CMD_ACTIVATION}},
    {"bonus", {TOPIC_CMD_BONUS, TOPIC_EVENT_WECHAT, TOPIC_EVENT_ACTIVATION}},
    {"bind", {TOPIC_EVENT_WECHAT}},
    {"command", {TOPIC_CMD_WECHAT}},
    {"crm",
     {TOPIC_EVENT_WECHAT, TOPIC_STATE_MEMBER, TOPIC_EVENT_ACTIVATION, TOPIC_EVENT_BINDING,
      TOPIC_RESULT_BONUS}},
    {"forward", {TOPIC_EVENT_WECHAT}},
    {0},
};

const struct topic_def *topic_def(enum topic topic)
{
    assert(topic > TOPIC_NONE && topic < TOPIC_COUNT);
    return &TOPICS[topic];
}

void topic_name(const struct settings_topic *settings, enum topic topic, const char *worker,
                char out[TOPIC_NAME_SIZE])
{
    const struct topic_def *def = topic_def(topic);
    int len;

    assert(!def->per_worker || worker != NULL);
    len = snprintf(out, TOPIC_NAME_SIZE, "%s.%s%s.v1", settings->prefix, def->name,
                   def->per_worker ? worker : "");
    assert(len > 0 && len < TOPIC_NAME_SIZE);
}

const struct topic_worker *topic_workers(void)
{
    return WORKERS;
}

const struct topic_worker *topic_worker(const char *name)
{
    for (const struct topic_worker *w = WORKERS; w->name; w++)
        if (strcmp(w->name, name) == 0)
            return w;
    return NULL;
}
