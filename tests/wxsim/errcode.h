/* SPDX-License-Identifier: Apache-2.0 */
/* The platform's error codes that the simulator gives by itself (wechat-api 3.3, 13). */
#pragma once

enum sim_errcode {
    SIM_BUSY = -1,
    SIM_OK = 0,
    SIM_BAD_TOKEN = 40001,
    SIM_BAD_GRANT = 40002,
    SIM_BAD_APPID = 40013,
    SIM_MALFORMED_TOKEN = 40014,
    SIM_ESCAPED_TEXT = 40033,
    SIM_BAD_CODE = 40056,
    SIM_BAD_URL = 40066,
    SIM_BAD_CARD_ID = 40073,
    SIM_BAD_ENCRYPT_CODE = 40075,
    SIM_BAD_ARGS = 40097,
    SIM_CONSUMED = 40099,
    SIM_BAD_DATE_RANGE = 40100,
    SIM_BAD_SECRET = 40125,
    SIM_BAD_CARD_STATE = 40127,
    SIM_NO_TOKEN = 41001,
    SIM_NO_APPID = 41002,
    SIM_NO_SECRET = 41004,
    SIM_NO_FIELD = 41011,
    SIM_NO_CARD_ID = 41012,
    SIM_NO_CODE = 41013,
    SIM_EXPIRED_TOKEN = 42001,
    SIM_NEEDS_GET = 43001,
    SIM_NEEDS_POST = 43002,
    SIM_EMPTY_BODY = 44002,
    SIM_DAY_LIMIT = 45009,
    SIM_MINUTE_LIMIT = 45011,
    SIM_TOO_LONG = 45021,
    SIM_BONUS_LIMIT = 45022,
    SIM_BALANCE_LIMIT = 45023,
    SIM_BAD_JSON = 47001,
    SIM_CLEAR_LIMIT = 48006,
    SIM_NOT_ALLOWED = 48001,
    SIM_BAD_TICKET = 72011,
    SIM_EXPIRED_TICKET = 72012,
    SIM_UNKNOWN_PATH = 76021,
};

/* The errmsg without its tail; a general one for codes that only scripts give. Static. */
const char *sim_errcode_message(int errcode);
