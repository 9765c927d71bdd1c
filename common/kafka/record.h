/* SPDX-License-Identifier: Apache-2.0 */
/* One Kafka record as its reader sees it: borrowed memory. */
#pragma once

#include "base/header.h"
#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

struct record {
    struct str topic; /* NUL-terminated */
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;
    struct str key;   /* absent: null */
    struct str value; /* absent: tombstone */
    const struct header *headers;
    size_t header_count;
};

/* One record to send; partition -1 = by key (murmur2_random, as the Java client). */
struct outgoing {
    const char *topic;
    int32_t partition;
    int64_t timestamp_ms; /* 0: now */
    struct str key;
    struct str value;
    const struct header *headers;
    size_t header_count;
};

/* The partition Kafka's Java client gives this key. */
int32_t record_partition(struct str key, int32_t partition_count);
