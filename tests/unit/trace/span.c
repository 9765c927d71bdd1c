/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/span.h"

#include "base/attr.h"
#include "tests/unit/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ID    "4bf92f3577b34da6a3ce929d0e0e4736"
#define CAUSE "00f067aa0ba902b7"

enum { OUTPUT_SIZE = 4096 };

static struct trace trace_of(const char *text)
{
    struct trace t;

    assert_true(trace_parse(str_from(text), &t));
    return t;
}

/* What span_write says on standard error; the room is the caller's. */
static struct str line_of(const struct span *span, char out[OUTPUT_SIZE])
{
    const int before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    ssize_t got;
    int fds[2];

    assert_true(before >= 0);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
    (void)close(fds[1]);
    SPAN_END(span, SPAN_CALL, true, kv_cstr("api", "/x"), kv_int("errcode", -1));
    assert_int_equal(dup2(before, STDERR_FILENO), STDERR_FILENO);
    (void)close(before);
    got = read(fds[0], out, OUTPUT_SIZE - 1);
    (void)close(fds[0]);
    return str_of(out, got > 0 ? (size_t)got : 0);
}

static void test_span_line_names_its_trace_itself_and_its_parent(void **state)
{
    (void)state;
    const struct trace cause = trace_of("00-" ID "-" CAUSE "-01");
    struct span span;
    char room[OUTPUT_SIZE];
    char expected[256];
    struct str line;
    size_t at;

    log_init("kabao-test", LOG_TRACE);
    span_open(&cause, &span);
    assert_true(span_is_open(&span));
    assert_string_not_equal(span.trace.text, cause.text);
    line = line_of(&span, room);
    (void)snprintf(expected, sizeof(expected),
                   "\"event\":\"span\",\"trace\":\"" ID "\",\"span\":\"%.16s\",\"parent\":\"" CAUSE
                   "\",\"name\":\"call\",\"kind\":\"client\",\"start\":\"%lld\",\"end\":\"",
                   trace_span_id(&span.trace).ptr, (long long)span.start_ns);
    assert_true(str_find(line, str_from(expected), &at));
    assert_true(str_ends(line, STR("\"status\":\"error\",\"api\":\"/x\",\"errcode\":-1}\n")));
}

static void test_span_of_a_traces_first_step_has_no_parent(void **state)
{
    (void)state;
    const struct trace own = trace_of("00-" ID "-" CAUSE "-01");
    struct span span;
    char room[OUTPUT_SIZE];
    struct str line;
    size_t at;

    log_init("kabao-test", LOG_TRACE);
    span_begin(&own, NULL, &span);
    line = line_of(&span, room);
    assert_true(str_find(line, STR("\"span\":\"" CAUSE "\",\"name\""), &at));
}

/* A clock that is set back makes no span that ends before it began. */
static void test_span_never_ends_before_it_began(void **state)
{
    (void)state;
    const struct trace own = trace_of("00-" ID "-" CAUSE "-01");
    struct span span;
    char room[OUTPUT_SIZE];
    size_t at;

    log_init("kabao-test", LOG_TRACE);
    span_begin(&own, NULL, &span);
    span.start_ns = INT64_MAX;
    assert_true(str_find(line_of(&span, room),
                         STR("\"start\":\"9223372036854775807\",\"end\":\"9223372036854775807\""),
                         &at));
}

static void test_span_nobody_wants_leaves_the_cause_as_it_is(void **state)
{
    (void)state;

    static const struct {
        enum log_level level;
        const char *cause;
    } cases[] = {
        {LOG_DEBUG, "00-" ID "-" CAUSE "-01"},
        {LOG_TRACE, "00-" ID "-" CAUSE "-00"},
        {LOG_TRACE, "00-" ID "-" CAUSE "-fe"},
    };

    char room[OUTPUT_SIZE];

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct trace cause = trace_of(cases[i].cause);
        struct span span;

        log_init("kabao-test", cases[i].level);
        span_open(&cause, &span);
        assert_false(span_is_open(&span));
        assert_string_equal(span.trace.text, cause.text);
        assert_int_equal(line_of(&span, room).len, 0);
        span_begin(&cause, NULL, &span);
        assert_false(span_is_open(&span));
    }
}

static void test_trace_is_sampled_by_the_last_bit_alone(void **state)
{
    (void)state;

    static const struct {
        const char *flags;
        bool sampled;
    } cases[] = {{"00", false}, {"01", true}, {"02", false}, {"03", true},
                 {"0a", false}, {"0b", true}, {"ff", true},  {"10", false}};

    char text[TRACE_TEXT_SIZE];
    struct trace sampled;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        (void)snprintf(text, sizeof(text), "00-" ID "-" CAUSE "-%s", cases[i].flags);
        sampled = trace_of(text);
        assert_int_equal(trace_is_sampled(&sampled), cases[i].sampled);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_span_line_names_its_trace_itself_and_its_parent),
        cmocka_unit_test(test_span_of_a_traces_first_step_has_no_parent),
        cmocka_unit_test(test_span_never_ends_before_it_began),
        cmocka_unit_test(test_span_nobody_wants_leaves_the_cause_as_it_is),
        cmocka_unit_test(test_trace_is_sampled_by_the_last_bit_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
