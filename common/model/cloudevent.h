/* SPDX-License-Identifier: Apache-2.0 */
/* CloudEvents 1.0 on Kafka (https://github.com/cloudevents/spec, Kafka protocol binding): binary
 * mode out, both modes in. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/header.h"
#include "base/str.h"

#include <stddef.h>

struct cloudevent {
    struct str id;
    struct str source;
    struct str type;
    struct str time; /* RFC 3339; absent allowed */
    struct str subject;
    struct str dataschema;
    struct str appid;
    struct str traceparent;
};

enum { CLOUDEVENT_HEADERS_MAX = 12 };

/* Binary mode: headers point into e. Returns how many were filled (content-type included). */
size_t cloudevent_headers(const struct cloudevent *e, struct header out[CLOUDEVENT_HEADERS_MAX]);

/* Reads either mode. *data is the event's data as JSON text (in structured mode it is in the
 * arena). ST_REJECT, REASON_MALFORMED: no id, source or type, specversion other than 1.0, broken
 * structured body. e borrows. */
MUST_CHECK enum status cloudevent_read(const struct header *headers, size_t count, struct str value,
                                       struct arena *arena, struct cloudevent *e, struct str *data,
                                       struct err *err);
