/* SPDX-License-Identifier: Apache-2.0 */
/* Filling struct err; the arguments may point into the very err that is filled. */
#include "base/err.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *status_name(enum status status)
{
    switch (status) {
    case ST_OK: return "ok";
    case ST_WAIT: return "wait";
    case ST_RETRY: return "retry";
    case ST_REJECT: return "reject";
    case ST_FATAL: return "fatal";
    }
    return "unknown";
}

const char *reason_name(enum reason reason)
{
    switch (reason) {
    case REASON_NONE: return "";
    case REASON_MALFORMED: return "malformed";
    case REASON_SCHEMA: return "schema";
    case REASON_REJECTED: return "rejected";
    case REASON_EXHAUSTED: return "exhausted";
    case REASON_OUTCOME_UNKNOWN: return "outcome-unknown";
    case REASON_CRASH: return "crash";
    case REASON_EXPIRED: return "expired";
    }
    return "";
}

static void copy_cut(char *out, size_t size, const char *text)
{
    (void)str_copy(str_limit(str_from(text), size - 1), out, size);
}

PRINTF_LIKE(2, 0)

static void format_text(struct err *err, const char *fmt, va_list args)
{
    /* Three bytes more than the field, so that a sequence it would cut is seen whole. */
    char line[sizeof(err->text) + 3];

    if (vsnprintf(line, sizeof(line), fmt, args) < 0)
        line[0] = '\0';
    for (char *c = line; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7F)
            *c = ' ';
    copy_cut(err->text, sizeof(err->text), line);
}

enum status err_reject(struct err *err, enum reason reason, const char *code, const char *fmt, ...)
{
    struct err filled = {.reason = reason};
    va_list args;

    va_start(args, fmt);
    format_text(&filled, fmt, args);
    va_end(args);
    copy_cut(filled.code, sizeof(filled.code), code);
    *err = filled;
    return ST_REJECT;
}

enum status err_retry(struct err *err, const char *code, const char *fmt, ...)
{
    struct err filled = {0};
    va_list args;

    va_start(args, fmt);
    format_text(&filled, fmt, args);
    va_end(args);
    copy_cut(filled.code, sizeof(filled.code), code);
    *err = filled;
    return ST_RETRY;
}

enum status err_fatal(struct err *err, const char *code, const char *fmt, ...)
{
    struct err filled = {0};
    va_list args;

    va_start(args, fmt);
    format_text(&filled, fmt, args);
    va_end(args);
    copy_cut(filled.code, sizeof(filled.code), code);
    *err = filled;
    return ST_FATAL;
}

enum status err_wait(struct err *err, const char *resource, struct deadline until, const char *fmt,
                     ...)
{
    struct err filled = {.until = until};
    va_list args;

    va_start(args, fmt);
    format_text(&filled, fmt, args);
    va_end(args);
    copy_cut(filled.resource, sizeof(filled.resource), resource);
    *err = filled;
    return ST_WAIT;
}

enum status err_errno(struct err *err, enum status status, int error_number, const char *what)
{
    const char *name = strerrorname_np(error_number);
    const char *meaning = strerrordesc_np(error_number);
    char number[16];
    char code[sizeof(err->code)];

    (void)snprintf(number, sizeof(number), "%d", error_number);
    (void)snprintf(code, sizeof(code), "errno:%s", name != NULL ? name : number);
    (void)err_fatal(err, code, "%s: %s", what, meaning != NULL ? meaning : "unknown error");
    return status;
}
