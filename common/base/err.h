/* SPDX-License-Identifier: Apache-2.0 */
/* What happened: filled on every status but ST_OK, untouched on ST_OK. */
#pragma once

#include "base/clock.h"
#include "base/status.h"

/* The closed list of dead-letter reasons (conventions: dlq-reason). */
enum reason {
    REASON_NONE = 0,
    REASON_MALFORMED,
    REASON_SCHEMA,
    REASON_REJECTED,
    REASON_EXHAUSTED,
    REASON_OUTCOME_UNKNOWN,
    REASON_CRASH,
    REASON_EXPIRED,
};

struct err {
    enum reason reason;
    char code[32];     /* machine-readable, "wechat:40056", "mysql:1406", "http:503" */
    char text[200];    /* one line for a person, without secrets, openids or bodies */
    char resource[96]; /* ST_WAIT only: what is closed, "wechat:demo:/card/code/get" */
    struct deadline
        until; /* ST_WAIT: when it opens; ST_RETRY: not before (Retry-After), else zero */
};

/* "malformed" ... as dlq-reason prints it, "" for REASON_NONE; static. */
const char *reason_name(enum reason reason);

/* Each fills err and returns its status, so that a failure is one statement:
 *     return err_reject(err, REASON_SCHEMA, "schema", "%s is missing", name);
 * err may not be NULL. Texts longer than the field are cut at a character boundary. */
enum status err_reject(struct err *err, enum reason reason, const char *code, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
enum status err_retry(struct err *err, const char *code, const char *fmt, ...) PRINTF_LIKE(3, 4);
enum status err_fatal(struct err *err, const char *code, const char *fmt, ...) PRINTF_LIKE(3, 4);
enum status err_wait(struct err *err, const char *resource, struct deadline until, const char *fmt,
                     ...) PRINTF_LIKE(4, 5);

/* Fills err with the named system call's error number, code "errno:ENOENT"; returns status. */
enum status err_errno(struct err *err, enum status status, int error_number, const char *what);
