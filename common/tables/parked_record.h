/* SPDX-License-Identifier: Apache-2.0 */
/* A Kafka record as the text of parked.record: {"timestamp_ms":1760000000123,"key":"a2V5",
 * "value":null,"headers":[["Y2VfaWQ=","MQ=="]]}. Base64 keeps bytes as they are; null and empty
 * differ. */
#pragma once

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "kafka/record.h"

/* The bytes parked_record_format takes at most. */
size_t parked_record_size(const struct record *record);
/* Appends; errors show in the buffer. */
void parked_record_format(const struct record *record, struct buf *out);
/* Sets timestamp, key, value and headers, all in the arena, and nothing else. ST_REJECT (malformed,
 * "parked:record") when the text is damaged; ST_RETRY: no memory. */
MUST_CHECK enum status parked_record_parse(struct str text, struct arena *arena, struct record *out,
                                           struct err *err);
