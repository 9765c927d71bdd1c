/* SPDX-License-Identifier: Apache-2.0 */
#include "config/rows.h"

#include "base/mem.h"
#include "config/check.h"
#include "config/quota_limit.h"
#include "tests/unit/check.h"

#include <string.h>

struct part {
    char *text;
    char *file;
    char *url;
    char *empty;
    char *listen;
    int64_t number;
    int64_t size;
    double share;
    bool flag;
    int choice;
    struct quota_limit limit;
};

enum { TEXT, FILE_ROW, URL, EMPTY, LISTEN, NUMBER, SIZE, SHARE, FLAG, CHOICE, LIMIT };

#define AT(field) .section = "part", .key = #field, .offset = offsetof(struct part, field)

static const char *const CHOICES[] = {"one", "two", NULL};
static const struct row_check AN_ADDRESS = {"host:port", check_listen};

static const struct row ROWS[] = {
    [TEXT] = {AT(text), .type = ROW_TEXT, .preset = "x", .help = "A text."},
    [FILE_ROW] = {AT(file), .type = ROW_FILE, .flags = ROW_REQUIRED, .help = "A file."},
    [URL] = {AT(url), .type = ROW_TEXT, .flags = ROW_LOOPBACK_HTTP, .help = "An address."},
    [EMPTY] = {AT(empty), .type = ROW_TEXT, .flags = ROW_MAY_BE_EMPTY, .help = "Words."},
    [LISTEN] = {AT(listen), .type = ROW_TEXT, .check = &AN_ADDRESS, .help = "Where."},
    [NUMBER] = {AT(number), .type = ROW_INT, .min = -5, .max = 5, .help = "A number."},
    [SIZE] = {AT(size), .type = ROW_SIZE, .min = 1024, .max = 1048576, .help = "A size."},
    [SHARE] = {AT(share), .type = ROW_DOUBLE, .min = 0, .max = 1, .help = "A share."},
    [FLAG] = {AT(flag), .type = ROW_BOOL, .help = "Whether."},
    [CHOICE] = {AT(choice), .type = ROW_CHOICE, .choices = CHOICES, .help = "Which."},
    [LIMIT] = {AT(limit), .type = ROW_QUOTA, .flags = ROW_FILE_ONLY, .help = "Calls."},
};

static void part_done(struct part *part)
{
    for (size_t i = 0; i < COUNT_OF(ROWS); i++)
        row_clear(&ROWS[i], part);
}

static void assert_set(struct part *part, int row, const char *value, const char *printed)
{
    AUTO(buf_done) struct buf out = BUF_INIT(8192);
    struct err err = {0};

    assert_int_equal(row_set(&ROWS[row], part, str_from(value), "x.ini:1", &err), ST_OK);
    assert_true(row_is_set(&ROWS[row], part));
    row_print(&ROWS[row], part, &out);
    assert_string_equal(buf_str(&out).ptr, printed);
}

static void test_rows_set_and_print_every_type(void **state)
{
    AUTO(part_done) struct part part = {0};

    (void)state;
    assert_set(&part, TEXT, "a b # \xE5\x8D\xA1", "a b # \xE5\x8D\xA1");
    assert_set(&part, TEXT, "again", "again");
    assert_set(&part, FILE_ROW, "/run/secrets/x", "/run/secrets/x");
    assert_set(&part, URL, "http://127.0.0.1:9/x", "http://127.0.0.1:9/x");
    assert_set(&part, EMPTY, "", "");
    assert_set(&part, LISTEN, "[::1]:80", "[::1]:80");
    assert_set(&part, NUMBER, "-5", "-5");
    assert_set(&part, SIZE, "64 KiB", "65536");
    assert_set(&part, SHARE, "0.2", "0.2");
    assert_set(&part, FLAG, "true", "true");
    assert_set(&part, FLAG, "false", "false");
    assert_set(&part, CHOICE, "two", "two");
    assert_false(row_is_set(&ROWS[LIMIT], &part));
    assert_set(&part, LIMIT, "600/min", "600/min");
    assert_set(&part, LIMIT, "10000/day", "10000/day");
    assert_string_equal(part.text, "again");
    assert_string_equal(part.file, "/run/secrets/x");
    assert_string_equal(part.url, "http://127.0.0.1:9/x");
    assert_string_equal(part.empty, "");
    assert_string_equal(part.listen, "[::1]:80");
    assert_int_equal(part.number, -5);
    assert_int_equal(part.size, 65536);
    assert_true(part.share > 0.19 && part.share < 0.21);
    assert_false(part.flag);
    assert_int_equal(part.choice, 1);
    assert_int_equal(part.limit.count, 10000);
    assert_int_equal(part.limit.per_ms, 86400000);
}

static void test_rows_refusals_say_where_what_and_what_is_allowed(void **state)
{
    static const struct {
        int row;
        struct str value;
        const char *says;
    } cases[] = {
        {TEXT, STR_INIT(""), "x.ini:7: [part] text must be text"},
        {TEXT, STR_INIT("a\nb"), "text"},
        {TEXT, STR_INIT("a\0b"), "text"},
        {FILE_ROW, STR_INIT("\x1B"), "the path of a file"},
        {URL, STR_INIT("http://example.com"), "https://"},
        {LISTEN, STR_INIT("8080"), "[part] listen must be host:port"},
        {NUMBER, STR_INIT("6"), "number must be a number from -5 to 5, not \"6\""},
        {NUMBER, STR_INIT(""), "number"},
        {NUMBER, STR_INIT("1.0"), "number"},
        {NUMBER, STR_INIT("99999999999999999999"), "number"},
        {SIZE, STR_INIT("1 KB"), "bytes from 1024 to 1048576"},
        {SIZE, STR_INIT("2 MiB"), "size"},
        {SHARE, STR_INIT("1.01"), "a number from 0 to 1"},
        {SHARE, STR_INIT("nan"), "share"},
        {FLAG, STR_INIT("yes"), "true or false, not \"yes\""},
        {CHOICE, STR_INIT("three"), "one of one, two, not \"three\""},
        {CHOICE, STR_INIT("One"), "one of"},
        {LIMIT, STR_INIT("600"), "limit must be N/min (N 1 to 1000000) or"},
        {LIMIT, STR_INIT("600/hour"), "(N 1 to 1000000000), not \"600/hour\""},
    };
    AUTO(part_done) struct part part = {.number = 3, .choice = 1};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct err err = {0};

        assert_int_equal(row_set(&ROWS[cases[i].row], &part, cases[i].value, "x.ini:7", &err),
                         ST_FATAL);
        if (strstr(err.text, cases[i].says) == NULL)
            fail_msg("\"%s\" lacks \"%s\"", err.text, cases[i].says);
    }
    assert_null(part.text);
    assert_int_equal(part.number, 3);
    assert_int_equal(part.choice, 1);
}

static void test_rows_refusals_keep_texts_to_themselves(void **state)
{
    AUTO(part_done) struct part part = {0};
    struct err err = {0};

    (void)state;
    assert_int_equal(row_set(&ROWS[URL], &part, STR("https://me:hunter2@h/"), "x", &err), ST_FATAL);
    assert_null(strstr(err.text, "hunter2"));
}

static void test_rows_texts_have_a_limit(void **state)
{
    AUTO(part_done) struct part part = {0};
    AUTO(buf_done) struct buf text = BUF_INIT(8192);
    struct err err = {0};

    (void)state;
    buf_addf(&text, "%0*d", 4096, 1);
    assert_int_equal(row_set(&ROWS[TEXT], &part, buf_str(&text), "x", &err), ST_OK);
    buf_add_char(&text, '1');
    assert_int_equal(row_set(&ROWS[TEXT], &part, buf_str(&text), "x", &err), ST_FATAL);
    assert_int_equal(strlen(part.text), 4096);
}

static void test_rows_describe_themselves(void **state)
{
    AUTO(buf_done) struct buf out = BUF_INIT(8192);

    (void)state;
    row_describe(&ROWS[TEXT], &out);
    row_describe(&ROWS[FILE_ROW], &out);
    row_describe(&ROWS[CHOICE], &out);
    row_describe(&ROWS[LIMIT], &out);
    assert_string_equal(
        out.ptr, "# A text. (text)\n#text = x\n"
                 "# A file. (the path of a file; required)\n#file =\n"
                 "# Which. (one of one, two)\n#choice =\n"
                 "# Calls. (N/min (N 1 to 1000000) or N/day (N 1 to 1000000000); file only)\n"
                 "#limit =\n");
}

static void test_rows_survive_short_memory(void **state)
{
    AUTO(part_done) struct part part = {0};
    struct err err = {0};

    (void)state;
    mem_fail_at(1, true);
    assert_int_equal(row_set(&ROWS[TEXT], &part, STR("a"), "x", &err), ST_FATAL);
    assert_int_equal(row_set(&ROWS[NUMBER], &part, STR("a"), "x", &err), ST_FATAL);
    mem_fail_at(0, false);
    assert_null(part.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_set_and_print_every_type),
        cmocka_unit_test(test_rows_refusals_say_where_what_and_what_is_allowed),
        cmocka_unit_test(test_rows_refusals_keep_texts_to_themselves),
        cmocka_unit_test(test_rows_texts_have_a_limit),
        cmocka_unit_test(test_rows_describe_themselves),
        cmocka_unit_test(test_rows_survive_short_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
