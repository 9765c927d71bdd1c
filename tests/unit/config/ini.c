/* SPDX-License-Identifier: Apache-2.0 */
#include "config/ini.h"

#include "base/mem.h"
#include "tests/unit/check.h"
#include "tests/unit/config/file.h"

/* What was read, as "line section|key|value" lines; "line section" for a header. */
static enum status note(void *arg, struct str section, struct str key, struct str value,
                        unsigned line, struct err *err)
{
    struct buf *out = arg;

    if (str_eq(key, STR("stop")))
        return err_fatal(err, "test", "stopped");
    if (!str_is_set(key))
        buf_addf(out, "%u %.*s\n", line, STR_ARG(section));
    else
        buf_addf(out, "%u %.*s|%.*s|%.*s\n", line, STR_ARG(section), STR_ARG(key), STR_ARG(value));
    return ST_OK;
}

static void assert_reads(struct file file, const char *expected)
{
    AUTO(buf_done) struct buf seen = BUF_INIT(1 << 20);
    AUTO(buf_done) struct buf report = BUF_INIT(1 << 20);
    struct err err = {0};

    assert_int_equal(ini_read(file.path, note, &seen, &report, &err), ST_OK);
    assert_string_equal(buf_str(&seen).ptr, expected);
    assert_int_equal(report.len, 0);
    assert_string_equal(err.text, "");
    file_done(&file);
}

/* Each of lines (ended by 0) is refused; nothing is delivered. */
static void assert_refused(struct file file, const unsigned *lines)
{
    AUTO(buf_done) struct buf seen = BUF_INIT(1 << 20);
    AUTO(buf_done) struct buf report = BUF_INIT(1 << 20);
    struct err err = {0};
    char where[64];
    size_t count = 0;
    size_t at;

    assert_int_equal(ini_read(file.path, note, &seen, &report, &err), ST_FATAL);
    assert_int_equal(seen.len, 0);
    assert_true(str_starts(buf_str(&report), str_from(err.text)));
    for (; lines[count] != 0; count++) {
        (void)snprintf(where, sizeof(where), "%s:%u: ", file.path, lines[count]);
        if (!str_find(buf_str(&report), str_from(where), &at))
            fail_msg("no refusal of line %u in: %s", lines[count], report.ptr);
    }
    for (size_t i = 0; i < report.len; i++)
        count -= report.ptr[i] == '\n' ? 1 : 0;
    assert_int_equal(count, 0);
    file_done(&file);
}

#define LINES(...) ((const unsigned[]){__VA_ARGS__, 0})

static void test_ini_tells_lines_sections_and_values(void **state)
{
    (void)state;
    assert_reads(file_new("# comment\n\n[a b]\nk = v\n; other\nbootstrap.servers=x:1\n[empty]\n"
                          "[c]\n\t\nx = 1"),
                 "3 a b\n4 a b|k|v\n6 a b|bootstrap.servers|x:1\n7 empty\n8 c\n10 c|x|1\n");
}

static void test_ini_keeps_what_stands_inside_a_value(void **state)
{
    (void)state;
    assert_reads(file_new("[a]\nk =  a  b # c ; d = [e] \"f\"  \nempty =\nequal = =\n"),
                 "1 a\n2 a|k|a  b # c ; d = [e] \"f\"\n3 a|empty|\n4 a|equal|=\n");
}

static void test_ini_reads_long_values_whole(void **state)
{
    enum { LEN = 100000 };

    AUTO(buf_done) struct buf text = BUF_INIT(1 << 20);
    AUTO(buf_done) struct buf expected = BUF_INIT(1 << 20);

    (void)state;
    buf_addf(&text, "[a]\nk = %0*d\nj = 1\n", LEN, 7);
    buf_addf(&expected, "1 a\n2 a|k|%0*d\n3 a|j|1\n", LEN, 7);
    assert_reads(file_new(text.ptr), expected.ptr);
}

static void test_ini_tolerates_crlf_and_byte_order_mark(void **state)
{
    (void)state;
    assert_reads(file_new("\xEF\xBB\xBF[a]\r\nk = v\r\n\r\nj = \xE5\x8D\xA1\r\n"),
                 "1 a\n2 a|k|v\n4 a|j|\xE5\x8D\xA1\n");
    assert_reads(file_new(""), "");
    assert_reads(file_new("\xEF\xBB\xBF"), "");
    assert_reads(file_new("# only a comment"), "");
}

static void test_ini_refuses_keys_before_the_first_section(void **state)
{
    (void)state;
    assert_refused(file_new("k = 1\nl = 1\n[a]\nj = 2\n"), LINES(1, 2));
    assert_refused(file_new("k = 1"), LINES(1));
    assert_refused(file_new("[a\nk = 1\n[b]\nk = 1\n"), LINES(1));
    assert_reads(file_new("\n[default]\nk = 1\n"), "2 default\n3 default|k|1\n");
}

static void test_ini_refuses_everything_given_twice(void **state)
{
    (void)state;
    assert_refused(file_new("[a]\nk = 1\nk = 2\nj = 1\nK = 3\n"), LINES(3, 5));
    assert_refused(file_new("[a]\nk = 1\n[b]\n[a]\nj = 2\nl = 3\n\n[B]\n"), LINES(4, 8));
}

static void test_ini_refuses_lines_that_are_nothing(void **state)
{
    (void)state;
    assert_refused(file_new("[a]\nnothing\n[b\n[]\n= 1\n[c] x\n/* c */\n"),
                   LINES(2, 3, 4, 5, 6, 7));
}

static void test_ini_refuses_continuation_lines(void **state)
{
    (void)state;
    assert_refused(file_new("[a]\nk = 1\n  and more\n\tand = more\n [b]\n"), LINES(3, 4, 5));
}

static void test_ini_refuses_bytes_that_are_no_text(void **state)
{
    static const char nul[] = "[a]\nk = 1\0002\n";

    (void)state;
    assert_refused(file_of(nul, sizeof(nul) - 1), LINES(2));
    assert_refused(file_new("[a]\n# \xBF\xA8\xB0\xFC in GBK\nk = \x1B[31m\nj = a\rb\n"),
                   LINES(2, 3, 4));
    assert_refused(file_of("\xFF\xFE[\0a\0]\0\n\0", 10), LINES(1, 2));
    assert_refused(file_new("[caf\xC3\xA9]\nk\xC3\xA9 = 1\n[a!]\nb!c = 2\n"), LINES(1, 2, 3, 4));
}

static void test_ini_passes_on_what_its_reader_says(void **state)
{
    struct file file = file_new("[a]\nk = 1\nstop = 1\nj = 1\n");
    AUTO(buf_done) struct buf seen = BUF_INIT(1024);
    struct err err = {0};

    (void)state;
    assert_int_equal(ini_read(file.path, note, &seen, NULL, &err), ST_FATAL);
    assert_string_equal(err.text, "stopped");
    assert_string_equal(seen.ptr, "1 a\n2 a|k|1\n");
    file_done(&file);
}

static void test_ini_refuses_what_is_no_settings_file(void **state)
{
    AUTO(buf_done) struct buf report = BUF_INIT(1024);
    AUTO(buf_done) struct buf text = BUF_INIT(1 << 20);
    struct err err = {0};
    struct file file;

    (void)state;
    assert_int_equal(ini_read("/nonexistent/x.ini", note, NULL, &report, &err), ST_FATAL);
    assert_non_null(strstr(err.text, "/nonexistent/x.ini"));
    assert_non_null(strstr(report.ptr, "/nonexistent/x.ini"));
    assert_int_equal(ini_read("/", note, NULL, NULL, &err), ST_FATAL);
    buf_addf(&text, "#%0*d\n", 256 * 1024, 0);
    file = file_new(text.ptr);
    assert_int_equal(ini_read(file.path, note, NULL, NULL, &err), ST_FATAL);
    assert_non_null(strstr(err.text, "larger"));
    file_done(&file);
}

static void test_ini_where_keeps_the_end_of_a_long_path(void **state)
{
    char path[400];
    char where[INI_WHERE_SIZE];

    (void)state;
    (void)snprintf(path, sizeof(path), "/%0*d/kabao.ini", 300, 0);
    ini_where(path, 4000000000U, where);
    assert_non_null(strstr(where, "0/kabao.ini:4000000000"));
    ini_where("kabao.ini", 12, where);
    assert_string_equal(where, "kabao.ini:12");
    ini_where("kabao.ini", 0, where);
    assert_string_equal(where, "kabao.ini");
}

static void test_ini_survives_short_memory(void **state)
{
    struct file file = file_new("[a]\nk = 1\n");
    AUTO(buf_done) struct buf seen = BUF_INIT(1024);
    enum status rc = ST_FATAL;

    (void)state;
    for (size_t n = 1; rc != ST_OK && n < 100; n++) {
        struct err err = {0};

        buf_clear(&seen);
        mem_fail_at(n, false);
        rc = ini_read(file.path, note, &seen, NULL, &err);
        mem_fail_at(0, false);
        assert_true(rc == ST_OK || err.text[0] != '\0');
    }
    assert_int_equal(rc, ST_OK);
    file_done(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ini_tells_lines_sections_and_values),
        cmocka_unit_test(test_ini_keeps_what_stands_inside_a_value),
        cmocka_unit_test(test_ini_reads_long_values_whole),
        cmocka_unit_test(test_ini_tolerates_crlf_and_byte_order_mark),
        cmocka_unit_test(test_ini_refuses_keys_before_the_first_section),
        cmocka_unit_test(test_ini_refuses_everything_given_twice),
        cmocka_unit_test(test_ini_refuses_lines_that_are_nothing),
        cmocka_unit_test(test_ini_refuses_continuation_lines),
        cmocka_unit_test(test_ini_refuses_bytes_that_are_no_text),
        cmocka_unit_test(test_ini_passes_on_what_its_reader_says),
        cmocka_unit_test(test_ini_refuses_what_is_no_settings_file),
        cmocka_unit_test(test_ini_where_keeps_the_end_of_a_long_path),
        cmocka_unit_test(test_ini_survives_short_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
