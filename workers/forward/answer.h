/* SPDX-License-Identifier: Apache-2.0 */
/* What the old system said to a push, read as WeChat reads it (wechat-api 1.6). Pure. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "http/client.h"

enum answer {
    ANSWER_TAKEN,       /* 2xx with "success" or nothing */
    ANSWER_REPLIED,     /* 2xx with a passive reply; nobody waits for it any more */
    ANSWER_RUBBISH,     /* 2xx with anything else */
    ANSWER_REFUSED,     /* 3xx, 4xx */
    ANSWER_FAILED,      /* 5xx */
    ANSWER_SILENT,      /* no whole answer in time, or cut */
    ANSWER_UNREACHABLE, /* nothing was sent: DNS, connection, TLS */
    ANSWER_NONE,        /* of this side's doing: says nothing about the old system */
};

/* For metrics. */
const char *answer_name(enum answer answer);
bool answer_is_taken(enum answer answer);
/* The old system, or what stands in front of it, may be away, and the push good: 408, 429, 502,
 * 503, 504, no answer. */
bool answer_may_pass(enum answer answer, int status);

/* rc, reply and err as http_client_send left them. memory: for reading a reply. */
enum answer answer_read(enum status rc, const struct http_reply *reply, const struct err *err,
                        struct arena *memory);
