/* SPDX-License-Identifier: Apache-2.0 */
#include "log/log.h"

#include "base/attr.h"
#include "base/clock.h"
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 8192, OUTPUT_SIZE = 65536, THREADS = 4, LINES = 50 };

/* Standard error goes into a pipe between begin and end. */
struct capture {
    int read_fd;
    int stderr_fd;
    char text[OUTPUT_SIZE];
};

static void begin(struct capture *c)
{
    int fds[2];

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    c->read_fd = fds[0];
    c->stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    assert_true(c->stderr_fd >= 0);
    assert_int_equal(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
    (void)close(fds[1]);
}

static struct str end(struct capture *c)
{
    size_t len = 0;
    ssize_t got;

    assert_int_equal(dup2(c->stderr_fd, STDERR_FILENO), STDERR_FILENO);
    (void)close(c->stderr_fd);
    while ((got = read(c->read_fd, c->text + len, sizeof(c->text) - 1 - len)) > 0)
        len += (size_t)got;
    (void)close(c->read_fd);
    c->text[len] = '\0';
    return str_of(c->text, len);
}

static void assert_ends(struct str line, const char *tail)
{
    if (!str_ends(line, str_from(tail)))
        fail_msg("%.*s does not end in %s", STR_ARG(line), tail);
}

static void test_log_line_has_its_fields_in_order(void **state)
{
    (void)state;
    struct capture c;
    struct str line;
    struct str time;
    char tail[200];
    int64_t wall_ms;

    log_init("kabao-test", LOG_INFO);
    begin(&c);
    log_info(EV("member.fetched"), kv_int("ms", -12), kv_double("rate", 0.25),
             kv_bool("cached", true), kv_bool("late", false), kv_cstr("none", NULL),
             kv_cstr("empty", ""));
    line = end(&c);
    assert_true(str_starts(line, STR("{\"time\":\"")));
    time = str_of(line.ptr + 9, 24);
    assert_true(clock_parse_rfc3339(time.ptr, time.len, &wall_ms));
    (void)snprintf(tail, sizeof(tail),
                   "\",\"level\":\"info\",\"program\":\"kabao-test\",\"pid\":%d,"
                   "\"event\":\"member.fetched\",\"ms\":-12,\"rate\":0.25,\"cached\":true,"
                   "\"late\":false,\"empty\":\"\"}\n",
                   (int)getpid());
    assert_string_equal(line.ptr + 9 + 24, tail);
}

static void test_log_text_is_escaped(void **state)
{
    (void)state;
    struct capture c;

    begin(&c);
    log_error(EV("x"), kv_str("t", STR("\"\\/\b\f\n\r\t\x01\x7F\0\xE5\x8D\xA1")));
    assert_ends(end(&c), ",\"t\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u007f\\u0000\xE5\x8D\xA1\"}\n");
    begin(&c);
    log_error(EV("x"), kv_str("t", STR("a\xFFz\xE5\x8D-\xED\xA0\x80")));
    assert_ends(end(&c), ",\"t\":\"a\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD-"
                         "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"}\n");
}

static void test_log_numbers_json_does_not_know_are_null(void **state)
{
    (void)state;
    struct capture c;

    begin(&c);
    log_error(EV("x"), kv_double("a", (double)NAN), kv_double("b", -HUGE_VAL),
              kv_int("c", INT64_MIN));
    assert_ends(end(&c), ",\"a\":null,\"b\":null,\"c\":-9223372036854775808}\n");
}

/* Wherever the ceiling falls, the line ends as an object and within it. */
static void test_log_long_line_is_cut_and_closed(void **state)
{
    (void)state;
    /* What stands across the cut: escapes, a character of three bytes. */
    const struct str across = STR("\n\xE5\x8D\xA1\"\\\x01");
    char text[LINE_MAX_BYTES + 100];
    struct capture c;

    memset(text, 'x', sizeof(text));
    for (size_t len = LINE_MAX_BYTES - 300; len < sizeof(text); len++) {
        struct str line;

        memcpy(text + len - across.len, across.ptr, across.len);
        begin(&c);
        log_error(EV("x"), kv_str("t", str_of(text, len)), kv_int("after", 1), kv_cstr("b", "c"));
        line = end(&c);
        memset(text, 'x', sizeof(text));
        assert_true(line.len <= LINE_MAX_BYTES);
        assert_true(str_ends(line, STR("\"}\n")) || str_ends(line, STR("1}\n")) ||
                    str_ends(line, STR(",\"cut\":true}\n")));
        assert_ptr_equal(strchr(line.ptr, '\n'), line.ptr + line.len - 1);
        for (struct str rest = line; rest.len > 0; rest = str_skip(rest, str_utf8_step(rest)))
            assert_int_not_equal(str_utf8_step(rest), 0);
    }
    begin(&c);
    log_error(EV("x"), kv_str("t", str_of(text, sizeof(text))), kv_int("after", 1));
    assert_ends(end(&c), "xxx\",\"cut\":true}\n");
}

static void test_log_below_its_level_is_silent(void **state)
{
    (void)state;
    struct capture c;

    begin(&c);
    log_set_level(LOG_WARN);
    log_info(EV("no"));
    log_debug(EV("no"));
    log_trace(EV("no"));
    assert_int_equal(end(&c).len, 0);
    assert_true(log_enabled(LOG_ERROR));
    assert_false(log_enabled(LOG_INFO));
    begin(&c);
    log_warn(EV("yes"));
    assert_ends(end(&c), "\"event\":\"yes\"}\n");
    log_set_level(LOG_INFO);
}

static void test_log_level_parse_knows_five_names(void **state)
{
    (void)state;
    static const char *const names[] = {"trace", "debug", "info", "warn", "error"};
    enum log_level level = LOG_INFO;

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_true(log_level_parse(str_from(names[i]), &level));
        assert_int_equal(level, i);
    }
    assert_false(log_level_parse(STR("warning"), &level));
    assert_false(log_level_parse(STR("INFO"), &level));
    assert_false(log_level_parse(str_from(NULL), &level));
    assert_int_equal(level, LOG_ERROR);
}

static void test_log_keeps_errno_and_outlives_a_closed_sink(void **state)
{
    (void)state;
    const int keep = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);

    assert_true(keep >= 0);
    (void)close(STDERR_FILENO);
    errno = ENOENT;
    log_error(EV("nobody.hears"));
    assert_int_equal(errno, ENOENT);
    assert_int_equal(dup2(keep, STDERR_FILENO), STDERR_FILENO);
    (void)close(keep);
}

static void test_log_limit_passes_one_and_counts_the_rest(void **state)
{
    (void)state;
    struct log_limit limit = {0};
    int64_t suppressed = -1;

    assert_true(log_limit(&limit, &suppressed));
    assert_int_equal(suppressed, 0);
    /* As far as the clock goes in no second. */
    limit.next_ms = INT64_MAX;
    for (int i = 0; i < 5; i++)
        assert_false(log_limit(&limit, &suppressed));
    assert_int_equal(suppressed, 0);
    limit.next_ms = clock_mono_ms();
    assert_true(log_limit(&limit, &suppressed));
    assert_int_equal(suppressed, 5);
    limit.next_ms = 0;
    assert_true(log_limit(&limit, NULL));
}

static void *write_lines(void *arg)
{
    for (int i = 0; i < LINES; i++)
        log_info(EV("thread"), kv_cstr("padding", arg));
    return NULL;
}

static void test_log_lines_of_threads_do_not_mix(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    char padding[] = "a padding of some length so that a line is more than a word or two";
    struct capture c;
    struct str rest;
    struct str line;
    int count = 0;

    begin(&c);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, padding), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    rest = end(&c);
    while (str_cut(rest, '\n', &line, &rest) && str_is_set(rest)) {
        assert_true(str_starts(line, STR("{\"time\":")));
        assert_true(str_ends(line, STR("or two\"}")));
        count++;
    }
    assert_int_equal(count, THREADS * LINES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_line_has_its_fields_in_order),
        cmocka_unit_test(test_log_text_is_escaped),
        cmocka_unit_test(test_log_numbers_json_does_not_know_are_null),
        cmocka_unit_test(test_log_long_line_is_cut_and_closed),
        cmocka_unit_test(test_log_below_its_level_is_silent),
        cmocka_unit_test(test_log_level_parse_knows_five_names),
        cmocka_unit_test(test_log_keeps_errno_and_outlives_a_closed_sink),
        cmocka_unit_test(test_log_limit_passes_one_and_counts_the_rest),
        cmocka_unit_test(test_log_lines_of_threads_do_not_mix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
