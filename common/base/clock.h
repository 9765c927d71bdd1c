/* SPDX-License-Identifier: Apache-2.0 */
/* Time. Durations and deadlines are monotonic; the wall clock is for what people read. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* An absolute point on the monotonic clock; passed down instead of time-outs. Zero = none. */
struct deadline {
    int64_t at_ms;
};

int64_t clock_mono_ms(void);
int64_t clock_mono_ns(void);
int64_t clock_wall_ms(void); /* Unix time */
int64_t clock_wall_ns(void); /* the same; when something was, never how long it took */

struct deadline deadline_in(int64_t from_now_ms);
struct deadline deadline_none(void); /* never passes */
/* The earlier of two; a none gives way. */
struct deadline deadline_min(struct deadline a, struct deadline b);
/* Milliseconds left: 0 when passed, INT64_MAX for none. */
int64_t deadline_left_ms(struct deadline deadline);
bool deadline_passed(struct deadline deadline);
/* For pthread_cond_timedwait on CLOCK_MONOTONIC; one that never passes is a year away. */
struct timespec deadline_timespec(struct deadline deadline);

enum { CLOCK_RFC3339_SIZE = 32 };

/* "2026-01-02T03:04:05.678Z" (RFC 3339, UTC, milliseconds), NUL-terminated. */
void clock_format_rfc3339(int64_t wall_ms, char out[CLOCK_RFC3339_SIZE]);
/* Accepts RFC 3339 with or without fraction and with any offset; false when it is none. */
bool clock_parse_rfc3339(const char *text, size_t len, int64_t *wall_ms);
/* The next midnight in UTC+8 strictly after wall_ms, where WeChat's days begin. */
int64_t clock_next_midnight_utc8(int64_t wall_ms);
