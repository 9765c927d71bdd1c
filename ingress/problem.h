/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of the HTTP API as RFC 9457 wants them; each kind is a row of problem.c. */
#pragma once

#include "base/buf.h"
#include "base/str.h"

#include <stdint.h>

#define PROBLEM_CONTENT_TYPE "application/problem+json"

enum problem_kind {
    PROBLEM_ACCOUNT,         /* 422: not named, or not one of ours */
    PROBLEM_BROKER,          /* 503: no acknowledgement */
    PROBLEM_CONFIRM,         /* 422 */
    PROBLEM_CONFLICT,        /* 409: the same request is open */
    PROBLEM_CONNECTIONS,     /* 503 */
    PROBLEM_FORBIDDEN,       /* 403: account, type or permission */
    PROBLEM_HTTP,            /* 400: framing */
    PROBLEM_IDEMPOTENCY,     /* 422: the key was used for another body */
    PROBLEM_IDEMPOTENCY_KEY, /* 400: missing or malformed */
    PROBLEM_JSON,            /* 400: the body is no JSON object */
    PROBLEM_MEDIA_TYPE,      /* 415 */
    PROBLEM_MEMORY,          /* 503 */
    PROBLEM_METHOD,          /* 405 */
    PROBLEM_NOT_FOUND,       /* 404 */
    PROBLEM_NO_KEY,          /* 503: [token] seal_key_file */
    PROBLEM_NO_TOKEN,        /* 503: no valid token or ticket at the moment */
    PROBLEM_REFILLING,       /* 503: what was asked before the start is still being read */
    PROBLEM_REPLY_TO,        /* 422 */
    PROBLEM_SCENE_OVER,      /* 410: expired or refused */
    PROBLEM_SCHEMA,          /* 422 */
    PROBLEM_STOPPING,        /* 503 */
    PROBLEM_TOO_LARGE,       /* 413 */
    PROBLEM_TOO_MANY,        /* 429: in hand or waiting */
    PROBLEM_TYPE,            /* 404: no such command */
    PROBLEM_UNAUTHORIZED,    /* 401 */
    PROBLEM_KINDS
};

struct problem_def {
    int status;
    const char *type;    /* last part of the problem's type URI */
    const char *title;   /* the same for all of the kind */
    const char *outcome; /* label of kabao_ingress_requests_total */
};

const struct problem_def *problem_def(enum problem_kind kind);

struct problem {
    enum problem_kind kind;
    struct str detail;     /* of this one; absent: none */
    struct str pointer;    /* JSON Pointer at fault, for errors[]; absent: none */
    struct str fault;      /* what is wrong there */
    struct str reason;     /* why a scene is over; absent: none */
    int64_t errcode;       /* WeChat's; 0: none */
    int64_t retry_after_s; /* 0: that of the kind, if any */
    const char *allow;     /* of a 405 */
};

/* instance is the request's path as it came; left out when it is no UTF-8, or over 1024 bytes. */
void problem_write(const struct problem *p, struct str instance, struct buf *out);
