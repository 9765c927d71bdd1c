/* SPDX-License-Identifier: Apache-2.0 */
#include "config/secret.h"

#include "base/mem.h"
#include "tests/unit/check.h"
#include "tests/unit/config/file.h"

static void assert_secret(struct file file, struct str expected)
{
    AUTO(buf_done_secret) struct buf out = BUF_INIT(1 << 20);
    struct err err = {0};

    assert_int_equal(secret_read("[x] secret_file", file.path, &out, &err), ST_OK);
    assert_true(str_eq(buf_str(&out), expected));
    file_done(&file);
}

static void assert_no_secret(const char *path, const char *why)
{
    AUTO(buf_done_secret) struct buf out = BUF_INIT(1 << 20);
    struct err err = {0};

    assert_int_equal(secret_read("[x] secret_file", path, &out, &err), ST_FATAL);
    assert_int_equal(out.len, 0);
    assert_non_null(strstr(err.text, "[x] secret_file"));
    assert_non_null(strstr(err.text, why));
    if (path != NULL)
        assert_non_null(strstr(err.text, path));
}

static void test_secret_loses_one_final_newline_only(void **state)
{
    (void)state;
    assert_secret(file_new("s3cret"), STR("s3cret"));
    assert_secret(file_new("s3cret\n"), STR("s3cret"));
    assert_secret(file_new("s3cret\r\n"), STR("s3cret"));
    assert_secret(file_new(" a b \n\n"), STR(" a b \n"));
    assert_secret(file_new("a\r"), STR("a\r"));
    assert_secret(file_of("a\0b", 3), str_of("a\0b", 3));
}

static void test_secret_that_is_not_there_is_named(void **state)
{
    struct file empty = file_new("");
    struct file newline = file_new("\n");

    (void)state;
    assert_no_secret(NULL, "not set");
    assert_no_secret("/nonexistent/secret", "No such file");
    assert_no_secret("/", "directory");
    assert_no_secret(empty.path, "is empty");
    assert_no_secret(newline.path, "is empty");
    file_done(&empty);
    file_done(&newline);
}

static void test_secret_has_a_limit(void **state)
{
    enum { LIMIT = 64 * 1024 };
    AUTO(buf_done) struct buf text = BUF_INIT(1 << 20);
    struct file file;

    (void)state;
    buf_addf(&text, "%0*d", LIMIT, 1);
    assert_secret(file_new(text.ptr), buf_str(&text));
    buf_add_char(&text, '1');
    file = file_new(text.ptr);
    assert_no_secret(file.path, "larger than 65536 bytes");
    file_done(&file);
    assert_no_secret("/dev/zero", "larger");
}

static void test_secret_survives_short_memory(void **state)
{
    struct file file = file_new("s3cret\n");
    enum status rc = ST_FATAL;

    (void)state;
    for (size_t n = 1; rc != ST_OK && n < 100; n++) {
        AUTO(buf_done_secret) struct buf out = BUF_INIT(1024);
        struct err err = {0};

        mem_fail_at(n, false);
        rc = secret_read("[x] secret_file", file.path, &out, &err);
        mem_fail_at(0, false);
        assert_true(rc == ST_OK || err.text[0] != '\0');
    }
    assert_int_equal(rc, ST_OK);
    file_done(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secret_loses_one_final_newline_only),
        cmocka_unit_test(test_secret_that_is_not_there_is_named),
        cmocka_unit_test(test_secret_has_a_limit),
        cmocka_unit_test(test_secret_survives_short_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
