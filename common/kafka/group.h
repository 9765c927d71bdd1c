/* SPDX-License-Identifier: Apache-2.0 */
/* What a consumer group has done of some topics, seen from outside: nobody joins it. */
#pragma once

#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "config/settings.h"

#include <stddef.h>
#include <stdint.h>

struct group;

struct group_place {
    const char *topic; /* the group's, as metadata */
    int32_t partition;
    int64_t begin;
    int64_t end;
    int64_t next;        /* the first offset that is not committed; begin when nothing is */
    struct str metadata; /* of the commit; absent: none */
    int64_t oldest_ms;   /* timestamp of the first record that is not committed; -1: there is none,
                            or it did not come in time */
};

struct group_query {
    const char *name;
    const char *const *topics; /* exact names */
    size_t topic_count;
};

/* Reads commits, ends and the first waiting records of all partitions. ST_RETRY: no broker
 * answered; ST_FATAL: a topic does not exist, or may not be read. One thread. */
MUST_CHECK enum status group_open(const struct settings_kafka *kafka,
                                  const struct group_query *query, struct deadline until,
                                  struct group **out, struct err *err);
void group_close(struct group *g); /* NULL is fine */

/* How many consumers are in it; one that was killed counts until its session ends. ST_RETRY: no
 * broker answered. */
MUST_CHECK enum status group_members(const struct settings_kafka *kafka, const char *name,
                                     struct deadline until, int *members, struct err *err);

/* By topic in the order given, and partition. */
const struct group_place *group_places(const struct group *g, size_t *count);
