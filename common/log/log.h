/* SPDX-License-Identifier: Apache-2.0 */
/* Events with typed fields, one JSON line each on stderr. No format strings, no secrets, openids or
 * bodies. */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

enum kv_type { KV_END, KV_STR, KV_INT, KV_DOUBLE, KV_BOOL };

struct kv {
    const char *name;
    enum kv_type type;

    union {
        struct str str;
        int64_t i64;
        double f64;
        bool flag;
    } value;
};

struct kv kv_str(const char *name, struct str value); /* absent: the field is left out */
struct kv kv_cstr(const char *name, const char *value);
struct kv kv_int(const char *name, int64_t value);
struct kv kv_double(const char *name, double value);
struct kv kv_bool(const char *name, bool value);

/* The event's name always comes first: log_info(EV("member.fetched"), kv_int("ms", t)); */
#define EV(event_name) kv_cstr("event", event_name)

#define log_trace(...) log_write(LOG_TRACE, (const struct kv[]){__VA_ARGS__, {.type = KV_END}})
#define log_debug(...) log_write(LOG_DEBUG, (const struct kv[]){__VA_ARGS__, {.type = KV_END}})
#define log_info(...)  log_write(LOG_INFO, (const struct kv[]){__VA_ARGS__, {.type = KV_END}})
#define log_warn(...)  log_write(LOG_WARN, (const struct kv[]){__VA_ARGS__, {.type = KV_END}})
#define log_error(...) log_write(LOG_ERROR, (const struct kv[]){__VA_ARGS__, {.type = KV_END}})

/* Writes {"time","level","program","pid",fields...} as one write(2), so that lines of threads and
 * of processes on one pipe do not mix. Invalid UTF-8 becomes U+FFFD; a line is cut at 8 KiB.
 * Thread-safe. */
void log_write(enum log_level level, const struct kv *fields);

/* Before the first line, on one thread; program is borrowed for ever. */
void log_init(const char *program, enum log_level level);
void log_set_level(enum log_level level); /* SIGHUP */
bool log_level_parse(struct str text, enum log_level *out);
bool log_enabled(enum log_level level);

/* At most one line per second and site: if (log_limit(&limit)) log_warn(...). The number held back
 * since the last line comes through *suppressed when that is not NULL. Zero-initialise.
 * Thread-safe. */
struct log_limit {
    _Atomic int64_t next_ms;
    _Atomic int64_t held_back;
};

bool log_limit(struct log_limit *limit, int64_t *suppressed);
