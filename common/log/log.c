/* SPDX-License-Identifier: Apache-2.0 */
/* JSON lines on stderr. A line is built on the stack and leaves in one write. */
#include "log/log.h"

#include "base/attr.h"
#include "base/clock.h"
#include "base/num.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SIZE = 8192, INTERVAL_MS = 1000 };

#define LINE_END     "}\n"
#define LINE_END_CUT ",\"cut\":true}\n"

static const char *const LEVEL_NAMES[] = {
    [LOG_TRACE] = "trace", [LOG_DEBUG] = "debug", [LOG_INFO] = "info",
    [LOG_WARN] = "warn",   [LOG_ERROR] = "error",
};

/* The sink's state: the only one of the tree that is global and changes. */
static const char *program_name = "kabao";
static atomic_int lowest_level = LOG_INFO;

/* limit leaves room for the end of the line; once something did not fit, nothing follows it. */
struct line {
    char text[LINE_SIZE];
    size_t len;
    size_t limit;
    bool cut;
};

struct kv kv_str(const char *name, struct str value)
{
    return (struct kv){.name = name, .type = KV_STR, .value.str = value};
}

struct kv kv_cstr(const char *name, const char *value)
{
    return kv_str(name, str_from(value));
}

struct kv kv_int(const char *name, int64_t value)
{
    return (struct kv){.name = name, .type = KV_INT, .value.i64 = value};
}

struct kv kv_double(const char *name, double value)
{
    return (struct kv){.name = name, .type = KV_DOUBLE, .value.f64 = value};
}

struct kv kv_bool(const char *name, bool value)
{
    return (struct kv){.name = name, .type = KV_BOOL, .value.flag = value};
}

static bool add(struct line *line, struct str s)
{
    if (line->cut || s.len > line->limit - line->len) {
        line->cut = true;
        return false;
    }
    if (s.len > 0)
        memcpy(line->text + line->len, s.ptr, s.len);
    line->len += s.len;
    return true;
}

static bool add_escaped(struct line *line, char c)
{
    static const char short_forms[][2] = {
        {'"', '"'}, {'\\', '\\'}, {'\b', 'b'}, {'\f', 'f'}, {'\n', 'n'}, {'\r', 'r'}, {'\t', 't'},
    };
    char text[8];

    for (size_t i = 0; i < COUNT_OF(short_forms); i++)
        if (short_forms[i][0] == c)
            return add(line, str_of((const char[]){'\\', short_forms[i][1]}, 2));
    (void)snprintf(text, sizeof(text), "\\u%04x", (unsigned)(unsigned char)c);
    return add(line, str_from(text));
}

static bool needs_escape(char c)
{
    return (unsigned char)c < ' ' || c == '"' || c == '\\' || c == 0x7F;
}

static bool add_character(struct line *line, struct str character)
{
    if (character.len == 0)
        return add(line, STR("\xEF\xBF\xBD"));
    if (character.len == 1 && needs_escape(character.ptr[0]))
        return add_escaped(line, character.ptr[0]);
    return add(line, character);
}

/* False when not even the quotes fit; a text that does not fit as a whole is cut between
 * characters. */
static bool add_text(struct line *line, struct str s)
{
    if (line->limit - line->len < 2 || !add(line, STR("\""))) {
        line->cut = true;
        return false;
    }
    line->limit--;
    while (s.len > 0) {
        const size_t step = str_utf8_step(s);

        if (!add_character(line, str_of(s.ptr, step)))
            break;
        s = str_skip(s, step > 0 ? step : 1);
    }
    line->text[line->len++] = '"';
    line->limit++;
    return true;
}

static bool add_i64(struct line *line, int64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRId64, value);
    return add(line, str_from(text));
}

/* JSON has no word for infinity and NaN. */
static bool add_double(struct line *line, double value)
{
    char text[NUM_DOUBLE_SIZE] = "null";

    if (isfinite(value))
        num_format_double(value, text);
    return add(line, str_from(text));
}

static bool add_value(struct line *line, const struct kv *field)
{
    switch (field->type) {
    case KV_STR: return add_text(line, field->value.str);
    case KV_INT: return add_i64(line, field->value.i64);
    case KV_DOUBLE: return add_double(line, field->value.f64);
    case KV_BOOL: return add(line, field->value.flag ? STR("true") : STR("false"));
    case KV_END: break;
    }
    return false;
}

static void add_field(struct line *line, const struct kv *field)
{
    const size_t before = line->len;

    if (line->cut || (field->type == KV_STR && !str_is_set(field->value.str)))
        return;
    if (!add(line, before == 0 ? STR("{") : STR(",")) || !add_text(line, str_from(field->name)) ||
        !add(line, STR(":")) || !add_value(line, field))
        line->len = before;
}

static void write_line(const char *text, size_t len)
{
    while (len > 0) {
        const ssize_t written = write(STDERR_FILENO, text, len);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        text += written;
        len -= (size_t)written;
    }
}

static void write_fields(enum log_level level, const struct kv *fields)
{
    const int errno_before = errno;
    struct line line;
    char time[CLOCK_RFC3339_SIZE];
    struct kv head[4];

    line.len = 0;
    line.limit = sizeof(line.text) - sizeof(LINE_END_CUT);
    line.cut = false;
    clock_format_rfc3339(clock_wall_ms(), time);
    head[0] = kv_cstr("time", time);
    head[1] = kv_cstr("level", LEVEL_NAMES[level]);
    head[2] = kv_cstr("program", program_name);
    head[3] = kv_int("pid", getpid());
    for (size_t i = 0; i < COUNT_OF(head); i++)
        add_field(&line, &head[i]);
    for (; fields->type != KV_END; fields++)
        add_field(&line, fields);
    line.limit = sizeof(line.text);
    if (line.cut) {
        line.cut = false;
        add(&line, STR(LINE_END_CUT));
    } else {
        add(&line, STR(LINE_END));
    }
    write_line(line.text, line.len);
    errno = errno_before;
}

/* Apart, so that a line nobody wants does not pay for the memory of one. */
void log_write(enum log_level level, const struct kv *fields)
{
    if (log_enabled(level))
        write_fields(level, fields);
}

void log_init(const char *program, enum log_level level)
{
    program_name = program;
    log_set_level(level);
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&lowest_level, (int)level, memory_order_relaxed);
}

bool log_level_parse(struct str text, enum log_level *out)
{
    for (enum log_level level = LOG_TRACE; level <= LOG_ERROR; level++) {
        if (str_eq_cstr(text, LEVEL_NAMES[level])) {
            *out = level;
            return true;
        }
    }
    return false;
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&lowest_level, memory_order_relaxed);
}

bool log_limit(struct log_limit *limit, int64_t *suppressed)
{
    const int64_t now_ms = clock_mono_ms();
    int64_t next_ms = atomic_load(&limit->next_ms);
    int64_t held_back;

    if (now_ms < next_ms ||
        !atomic_compare_exchange_strong(&limit->next_ms, &next_ms, now_ms + INTERVAL_MS)) {
        atomic_fetch_add(&limit->held_back, 1);
        return false;
    }
    held_back = atomic_exchange(&limit->held_back, 0);
    if (suppressed != NULL)
        *suppressed = held_back;
    return true;
}
