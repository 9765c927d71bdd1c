/* SPDX-License-Identifier: Apache-2.0 */
/* WeChat's errcodes and what each asks for (wechat-api 3.3, 13). */
#pragma once

#include "base/err.h"
#include "wechat/calls.h"

enum errcode_class {
    ERRCODE_OK,
    ERRCODE_RETRY,  /* -1, unknown codes: again with back-off */
    ERRCODE_TOKEN,  /* 40001 40014 42001: report the token, once more with a new one */
    ERRCODE_MINUTE, /* 45011: the path is closed for 60 s */
    ERRCODE_DAY,    /* 45009 45040: the path is closed until midnight UTC+8 */
    ERRCODE_ALARM,  /* 40164 48001 ...: the path is closed for 60 s and an operator must act */
    ERRCODE_FINAL,  /* business result: no retry */
    ERRCODE_BUG,    /* our request was wrong: no retry */
};

struct errcode {
    int code;
    enum errcode_class class;
    const char *note; /* what it means and, for alarms, the remedy */
};

/* Never NULL: a code of call->final_codes (call may be NULL) is final whatever the table says of
 * it; unknown ones get an ERRCODE_RETRY row with note "unknown". The row's code is 0 for both. */
const struct errcode *errcode_find(int code, const struct call *call);
const struct errcode *errcode_all(size_t *count); /* sorted by code, unique */
