/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/csv.h"

#include "base/mem.h"
#include "tests/unit/check.h"
#include "tests/unit/config/file.h"

#include <stdio.h>
#include <stdlib.h>

enum { SEEN_MAX = 4 << 20, KIB = 1024 };

static const struct csv_column COLUMNS[] = {
    {"card_id", true}, {"card_code", true}, {"mobile", false}, {NULL, false}};

struct seen {
    struct buf text; /* "2:card|code|mobile\n"; "-" for an unset value */
    size_t rows;
    size_t stop_at;
};

static enum status on_row(void *arg, size_t line, const struct str *values, struct err *err)
{
    struct seen *seen = arg;

    seen->rows++;
    if (seen->rows == seen->stop_at)
        return err_reject(err, REASON_REJECTED, "test", "enough");
    buf_addf(&seen->text, "%zu:", line);
    for (size_t i = 0; i < 3; i++) {
        buf_add_cstr(&seen->text, i > 0 ? "|" : "");
        buf_add(&seen->text, str_is_set(values[i]) ? values[i] : STR("-"));
    }
    buf_add_char(&seen->text, '\n');
    return ST_OK;
}

static enum status read_bytes(struct str bytes, struct seen *seen, struct err *err)
{
    struct file file = file_of(bytes.ptr, bytes.len);
    const enum status rc = csv_read(file.path, COLUMNS, on_row, seen, err);

    file_done(&file);
    return rc;
}

static void test_csv_reads_what_rfc_4180_allows(void **state)
{
    static const struct {
        const char *file;
        const char *rows;
    } cases[] = {
        {"card_id,card_code\nA,1\n", "2:A|1|-\n"},
        {"card_id,card_code\r\nA,1\r\nB,2\r\n", "2:A|1|-\n3:B|2|-\n"},
        {"card_id,card_code\nA,1", "2:A|1|-\n"},
        {"\xEF\xBB\xBF"
         "card_id,card_code\nA,1\n",
         "2:A|1|-\n"},
        {"\xEF\xBB\xBF\"card_id\",\"card_code\"\r\n\"A\",\"1\"\r\n", "2:A|1|-\n"},
        {" Card_Code , name,MOBILE,CARD_ID\n 1 ,x, +86 139 , A \n", "2:A|1|+86 139\n"},
        {"card_id,card_code,mobile\nA,\"1\"\"2\"\"\",\"a,b\"\n", "2:A|1\"2\"|a,b\n"},
        {"card_id,card_code,mobile\nA,1,\"x\ny\r\nz\"\nB,2,\n", "2:A|1|x\ny\r\nz\n5:B|2|\n"},
        {"\n\r\ncard_id,card_code\n\n  \nA,1\n\r\n\nB,2\n\n", "6:A|1|-\n9:B|2|-\n"},
        {"card_id,card_code,mobile\nA,1\nB\n,,\n", "2:A|1|\n3:B||\n4:||\n"},
        {"card_id,card_code\n", ""},
        {"card_id,card_code", ""},
        {"card_id,card_code,\xE5\xA7\x93\xE5\x90\x8D\nA,\xE5\xBC\xA0,x\n", "2:A|\xE5\xBC\xA0|-\n"},
        {"x,,card_id,x,card_code,\nx,,A,x,1,\n", "2:A|1|-\n"},
        {"card_id,card_code\nA , \"1\" \r\n", "2:A|1|-\n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct seen seen = {.text = BUF_INIT(SEEN_MAX)};
        struct err err = {0};

        if (read_bytes(str_from(cases[i].file), &seen, &err) != ST_OK)
            fail_msg("case %zu: %s", i, err.text);
        assert_true(str_eq_cstr(buf_str(&seen.text), cases[i].rows));
        buf_done(&seen.text);
    }
}

static void test_csv_refuses_with_the_line_and_a_remedy(void **state)
{
    static const struct {
        const char *file;
        const char *why;
    } cases[] = {
        {"", ": no header row"},
        {"\n \r\n\n", ": no header row"},
        {"\xEF\xBB\xBF", ": no header row"},
        {"card_id\nA\n", ":1: the header has no column card_code"},
        {"card_id;card_code\nA;1\n", ":1: the header has no column card_id"},
        {"card_id,card_code,CARD_ID\n", ":1: the header names column card_id twice"},
        {"card_id,card_code\n\nA,1,\n", ":3: more cells than the header has"},
        {"card_id,card_code\nA,\"1\nB,2\n", ":2: a quote of this row is not closed"},
        {"card_id,card_code\nA,\"", ":2: a quote of this row is not closed"},
        {"card_id,card_code\nA,1\"2\n", ":2: a quote inside a cell"},
        {"card_id,card_code\nA,\"\n1\"2\n", ":3: a quote inside a cell"},
        {"card_id,card_code,name\nA,1,\xD5\xC5\xC8\xFD\n", ":2: not UTF-8 text (GBK"},
        {"card_id,card_code,\xD0\xD5\xC3\xFB\n", ":1: not UTF-8 text (GBK"},
        {"\xFF\xFE"
         "c",
         ":1: not UTF-8 text"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct seen seen = {.text = BUF_INIT(SEEN_MAX)};
        struct err err = {0};

        if (read_bytes(str_from(cases[i].file), &seen, &err) != ST_FATAL)
            fail_msg("case %zu was taken", i);
        if (!str_find(str_from(err.text), str_from(cases[i].why), &(size_t){0}))
            fail_msg("case %zu: %s", i, err.text);
        buf_done(&seen.text);
    }
}

static void test_csv_refuses_bytes_that_are_no_text(void **state)
{
    struct seen seen = {.text = BUF_INIT(SEEN_MAX)};
    struct err err = {0};

    (void)state;
    assert_int_equal(read_bytes(STR("card_id,card_code\nA,\0\n"), &seen, &err), ST_FATAL);
    assert_int_equal(read_bytes(STR("card_id,card_code\nA,1\n\0"), &seen, &err), ST_FATAL);
    buf_done(&seen.text);
}

static void test_csv_names_a_file_it_cannot_read(void **state)
{
    struct seen seen = {.text = BUF_INIT(SEEN_MAX)};
    struct err err = {0};

    (void)state;
    assert_int_equal(csv_read("/nowhere/at-all.csv", COLUMNS, on_row, &seen, &err), ST_FATAL);
    assert_true(str_find(str_from(err.text), STR("/nowhere/at-all.csv"), &(size_t){0}));
    assert_int_equal(csv_read("/", COLUMNS, on_row, &seen, &err), ST_FATAL);
    assert_int_equal(seen.rows, 0);
}

/* "card_id,card_code\nA,<count times x>\n" */
static enum status read_long(const char *quote, size_t count, struct seen *seen, struct err *err)
{
    AUTO(buf_done) struct buf file = BUF_INIT(SEEN_MAX);

    buf_addf(&file, "card_id,card_code\nA,%s", quote);
    for (size_t i = 0; i < count; i++)
        buf_add_char(&file, 'x');
    buf_addf(&file, "%s\nB,2\n", quote);
    assert_true(buf_ok(&file));
    return read_bytes(buf_str(&file), seen, err);
}

static void test_csv_bounds_a_cell(void **state)
{
    static const char *const quotes[] = {"", "\""};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(quotes); i++) {
        struct seen seen = {.text = BUF_INIT(SEEN_MAX)};
        struct err err = {0};

        assert_int_equal(read_long(quotes[i], (size_t)64 * KIB, &seen, &err), ST_OK);
        assert_int_equal(seen.rows, 2);
        for (size_t more = 1; more < (size_t)2000 * KIB; more *= 7) {
            assert_int_equal(read_long(quotes[i], (size_t)64 * KIB + more, &seen, &err), ST_FATAL);
            assert_true(str_find(str_from(err.text), STR(":2: a cell over 64 KiB"), &(size_t){0}));
        }
        assert_int_equal(seen.rows, 2);
        buf_done(&seen.text);
    }
}

/* Rows of a length prime to the chunk: each of their bytes lies at a border once. */
static void test_csv_does_not_see_the_borders_of_its_chunks(void **state)
{
    enum { ROWS = 100000 };
    AUTO(buf_done) struct buf file = BUF_INIT(SEEN_MAX);
    struct seen seen = {.text = BUF_INIT(SEEN_MAX)};
    struct err err = {0};
    size_t at = 0;

    (void)state;
    buf_add_cstr(&file, "\xEF\xBB\xBF"
                        "card_id,card_code\r\n");
    for (size_t i = 0; i < ROWS; i++)
        buf_add_cstr(&file, "\"\xE5\xBC\xA0\"\"\n\",\"1\"\r\n");
    assert_int_equal(read_bytes(buf_str(&file), &seen, &err), ST_OK);
    assert_int_equal(seen.rows, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        char want[64];
        const int len = snprintf(want, sizeof(want), "%zu:\xE5\xBC\xA0\"|1|-\n", 2 * i + 2);

        assert_true(str_starts(str_skip(buf_str(&seen.text), at), str_of(want, (size_t)len)));
        at += (size_t)len;
    }
    assert_int_equal(at, seen.text.len);
    buf_done(&seen.text);
}

static void test_csv_ends_with_the_callers_refusal(void **state)
{
    struct seen seen = {.text = BUF_INIT(SEEN_MAX), .stop_at = 2};
    struct err err = {0};

    (void)state;
    assert_int_equal(read_bytes(STR("card_id,card_code\nA,1\nB,2\nC,3\n\"D"), &seen, &err),
                     ST_REJECT);
    assert_string_equal(err.text, "enough");
    assert_int_equal(seen.rows, 2);
    buf_done(&seen.text);
}

static void test_csv_survives_short_memory(void **state)
{
    enum status rc = ST_FATAL;

    (void)state;
    for (size_t nth = 1; rc != ST_OK; nth++) {
        struct seen seen = {.text = BUF_INIT(SEEN_MAX)};
        struct err err = {0};

        assert_true(nth < 100);
        assert_non_null(buf_room(&seen.text, KIB));
        mem_fail_at(nth, false);
        rc = read_bytes(STR("card_id,card_code,mobile\nA,\"1\",2\n"), &seen, &err);
        mem_fail_at(0, false);
        assert_true(rc == ST_OK || (rc == ST_FATAL && strcmp(err.code, "memory") == 0));
        assert_int_equal(seen.rows, rc == ST_OK ? 1 : 0);
        buf_done(&seen.text);
    }
}

static void test_csv_writes_quotes_only_where_needed(void **state)
{
    const struct str values[] = {STR("plain"), STR("a,b"),     STR("5\" disk"), STR("two\r\nlines"),
                                 STR(" x"),    str_from(NULL), STR(""),         STR("x\t")};
    AUTO(buf_done) struct buf out = BUF_INIT(SEEN_MAX);

    (void)state;
    csv_add_row(&out, values, COUNT_OF(values));
    assert_string_equal(out.ptr,
                        "plain,\"a,b\",\"5\"\" disk\",\"two\r\nlines\",\" x\",,,\"x\t\"\r\n");
    buf_clear(&out);
    csv_add_row(&out, &STR(""), 1);
    assert_string_equal(out.ptr, "\"\"\r\n");
}

static void test_csv_reads_back_what_it_wrote(void **state)
{
    static const struct str header[] = {STR_INIT("card_id"), STR_INIT("card_code"),
                                        STR_INIT("mobile")};
    static const struct str texts[] = {
        STR_INIT(""),    STR_INIT("\""),   STR_INIT("\"\""),
        STR_INIT(","),   STR_INIT("a\nb"), STR_INIT("a\rb"),
        STR_INIT("=1"),  STR_INIT("'"),    STR_INIT("\xE5\xBC\xA0"),
        STR_INIT("a b"),
    };
    AUTO(buf_done) struct buf file = BUF_INIT(SEEN_MAX);
    AUTO(buf_done) struct buf want = BUF_INIT(SEEN_MAX);
    struct seen seen = {.text = BUF_INIT(SEEN_MAX)};
    struct err err = {0};
    size_t line = 2;

    (void)state;
    csv_add_row(&file, header, COUNT_OF(header));
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const struct str row[] = {STR("A"), texts[i], texts[COUNT_OF(texts) - 1 - i]};

        csv_add_row(&file, row, COUNT_OF(row));
        buf_addf(&want, "%zu:A|%.*s|%.*s\n", line, STR_ARG(row[1]), STR_ARG(row[2]));
        line += str_find(row[1], STR("\n"), &(size_t){0}) ? 2 : 1;
        line += str_find(row[2], STR("\n"), &(size_t){0}) ? 1 : 0;
    }
    assert_int_equal(read_bytes(buf_str(&file), &seen, &err), ST_OK);
    assert_true(str_eq(buf_str(&seen.text), buf_str(&want)));
    buf_done(&seen.text);
}

static void test_csv_write_fails_with_its_buffer(void **state)
{
    AUTO(buf_done) struct buf out = BUF_INIT(6);

    (void)state;
    csv_add_row(&out, &STR("a,b,c"), 1);
    assert_false(buf_ok(&out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv_reads_what_rfc_4180_allows),
        cmocka_unit_test(test_csv_refuses_with_the_line_and_a_remedy),
        cmocka_unit_test(test_csv_refuses_bytes_that_are_no_text),
        cmocka_unit_test(test_csv_names_a_file_it_cannot_read),
        cmocka_unit_test(test_csv_bounds_a_cell),
        cmocka_unit_test(test_csv_does_not_see_the_borders_of_its_chunks),
        cmocka_unit_test(test_csv_ends_with_the_callers_refusal),
        cmocka_unit_test(test_csv_survives_short_memory),
        cmocka_unit_test(test_csv_writes_quotes_only_where_needed),
        cmocka_unit_test(test_csv_reads_back_what_it_wrote),
        cmocka_unit_test(test_csv_write_fails_with_its_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
