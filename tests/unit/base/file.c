/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include "tests/unit/check.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BYTES = 10000 };

static void test_file_reads_back_what_it_wrote(void **state)
{
    AUTO(file_close) const int fd = memfd_create("file", MFD_CLOEXEC);
    AUTO(buf_done) struct buf out = BUF_INIT(BYTES + 10);
    char text[BYTES];
    struct err err = {0};

    (void)state;
    memset(text, 'x', sizeof(text));
    assert_true(file_write(fd, str_of(text, sizeof(text))));
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    buf_add_cstr(&out, "kept");
    assert_int_equal(file_read(fd, "file", &out, &err), ST_OK);
    assert_int_equal(out.len, BYTES + 4);
    assert_true(str_starts(buf_str(&out), STR("keptxxx")));
}

static void test_file_stops_reading_when_the_buffer_is_full(void **state)
{
    AUTO(file_close) const int fd = memfd_create("file", MFD_CLOEXEC);
    AUTO(buf_done) struct buf out = BUF_INIT(3);
    struct err err = {0};

    (void)state;
    assert_true(file_write(fd, STR("abcde")));
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(file_read(fd, "file", &out, &err), ST_OK);
    assert_string_equal(out.ptr, "abc");
    buf_clear(&out);
    assert_int_equal(file_read(fd, "file", &out, &err), ST_OK);
    assert_string_equal(out.ptr, "de");
}

static void test_file_names_what_cannot_be_read(void **state)
{
    AUTO(buf_done) struct buf out = BUF_INIT(3);
    struct err err = {0};

    (void)state;
    assert_int_equal(file_read(-1, "this-one", &out, &err), ST_FATAL);
    assert_non_null(strstr(err.text, "this-one"));
    assert_string_equal(err.code, "errno:EBADF");
    errno = 0;
    assert_false(file_write(-1, STR("x")));
    assert_int_equal(errno, EBADF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_reads_back_what_it_wrote),
        cmocka_unit_test(test_file_stops_reading_when_the_buffer_is_full),
        cmocka_unit_test(test_file_names_what_cannot_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
