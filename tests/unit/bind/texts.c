/* SPDX-License-Identifier: Apache-2.0 */
/* bind_texts_file: what is refused, and what is said. */
#include "bind/texts.h"

#include "base/buf.h"
#include "base/mem.h"
#include "tests/unit/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 64 };

static char named[] = "demo";
static char unnamed[] = "other";

struct file {
    char path[PATH_SIZE];
};

static void file_done(struct file *f)
{
    (void)unlink(f->path);
}

static struct file file_with(struct str contents)
{
    struct file f = {"/tmp/kabao-texts.XXXXXX"};
    int fd = mkostemp(f.path, O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, contents.ptr, contents.len), (ssize_t)contents.len);
    (void)close(fd);
    return f;
}

struct opened {
    char path[PATH_SIZE];
    struct account accounts[2]; /* "demo" with the file, "other" without one */
    struct bind_texts *texts;
    struct err err;
    enum status rc;
};

static void opened_done(struct opened *o)
{
    bind_texts_close(o->texts);
}

static void open_file(struct opened *o, const char *path)
{
    const struct settings settings = {.accounts = o->accounts, .account_count = 2};

    o->accounts[0] = (struct account){.name = named, .bind_texts_file = path ? o->path : NULL};
    o->accounts[1] = (struct account){.name = unnamed};
    (void)str_copy(str_from(path), o->path, sizeof(o->path));
    o->rc = bind_texts_open(&settings, &o->texts, &o->err);
}

static void open_text(struct opened *o, struct str contents)
{
    AUTO(file_done) struct file f = file_with(contents);

    open_file(o, f.path);
}

static void says(const struct opened *o, size_t account, enum bind_text text,
                 const struct bind_facts *facts, const char *expected)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    struct str said = bind_text_of(o->texts, &o->accounts[account], text, facts, &arena);

    if (!expected) {
        assert_false(str_is_set(said));
        return;
    }
    assert_int_equal(said.len, strlen(expected));
    assert_memory_equal(said.ptr, expected, said.len);
}

static void test_texts_say_what_the_file_says(void **state)
{
    AUTO(opened_done) struct opened o = {.rc = ST_OK};
    const struct bind_facts facts = {.user = STR("{code}\"7"), .code = STR("012345"), .ttl_s = 61};

    (void)state;
    open_text(&o, STR("{\"bound\":\"欢迎 {user}}!\",\"code\":\"{code}{code} {minutes}\","
                      "\"used\":\"{user}\"}"));
    assert_int_equal(o.rc, ST_OK);
    says(&o, 0, BIND_TEXT_BOUND, &facts, "欢迎 {code}\"7}!");
    says(&o, 0, BIND_TEXT_CODE, &facts, "012345012345 2");
    says(&o, 0, BIND_TEXT_USED, &(struct bind_facts){.ttl_s = 60}, "");
    says(&o, 0, BIND_TEXT_LOGIN, &facts, NULL);
    says(&o, 1, BIND_TEXT_BOUND, &facts, NULL);
}

static void test_texts_without_a_file_are_a_code_only(void **state)
{
    AUTO(opened_done) struct opened o = {.rc = ST_OK};
    const struct bind_facts facts = {.code = STR("012345"), .ttl_s = 300};

    (void)state;
    open_file(&o, NULL);
    assert_int_equal(o.rc, ST_OK);
    for (int text = 0; text < BIND_TEXT_CODE; text++)
        says(&o, 0, (enum bind_text)text, &facts, NULL);
    says(&o, 0, BIND_TEXT_CODE, &facts, "您的验证码是 012345，5 分钟内有效，请勿告诉他人。");
}

static void test_texts_name_what_is_wrong(void **state)
{
    static const struct {
        const char *file;
        const char *says;
    } cases[] = {
        {"", "json"},
        {"{\"bound\":\"x\"", "byte"},
        {"[]", "no JSON object"},
        {"null", "no JSON object"},
        {"{\"bond\":\"x\"}", "\"bond\" is none"},
        {"{\"bound\":\"\"}", "\"bound\" is no text, or empty"},
        {"{\"bound\":7}", "\"bound\" is no text, or empty"},
        {"{\"bound\":null}", "\"bound\" is no text, or empty"},
        {"{\"bound\":\"{name}\"}", "\"bound\" has a {"},
        {"{\"bound\":\"a {user\"}", "\"bound\" has a {"},
        {"{\"code\":\"no code\"}", "\"code\" has no {code}"},
        {"{\"used\":\"x\",\"used\":\"y\"}", "twice"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(opened_done) struct opened o = {.rc = ST_OK};

        open_text(&o, str_from(cases[i].file));
        assert_int_equal(o.rc, ST_FATAL);
        assert_non_null(strstr(o.err.text, "[account demo] bind_texts_file /tmp/"));
        if (i > 1)
            assert_non_null(strstr(o.err.text, cases[i].says));
    }
}

static void test_texts_have_a_length(void **state)
{
    (void)state;
    for (size_t len = 2048; len <= 2049; len++) {
        AUTO(opened_done) struct opened o = {.rc = ST_OK};
        AUTO(buf_done) struct buf text = BUF_INIT(4096);

        buf_add_cstr(&text, "{\"bound\":\"");
        for (size_t i = 0; i < len; i++)
            buf_add_char(&text, 'x');
        buf_add_cstr(&text, "\"}");
        open_text(&o, buf_str(&text));
        assert_int_equal(o.rc, len == 2048 ? ST_OK : ST_FATAL);
    }
}

static void test_texts_that_cannot_be_read_stop_the_start(void **state)
{
    AUTO(opened_done) struct opened o = {.rc = ST_OK};

    (void)state;
    open_file(&o, "/nowhere/texts.json");
    assert_int_equal(o.rc, ST_FATAL);
    assert_non_null(strstr(o.err.text, "[account demo] bind_texts_file /nowhere/texts.json"));
}

static void test_texts_survive_a_lack_of_memory(void **state)
{
    AUTO(file_done) struct file f = file_with(STR("{\"bound\":\"x {user}\",\"used\":\"y\"}"));
    bool done = false;

    (void)state;
    for (size_t nth = 1; !done; nth++) {
        AUTO(opened_done) struct opened o = {.rc = ST_OK};

        mem_fail_at(nth, true);
        open_file(&o, f.path);
        mem_fail_at(0, false);
        done = o.rc == ST_OK;
        assert_true(done || o.rc == ST_FATAL);
        assert_true(nth < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_say_what_the_file_says),
        cmocka_unit_test(test_texts_without_a_file_are_a_code_only),
        cmocka_unit_test(test_texts_name_what_is_wrong),
        cmocka_unit_test(test_texts_have_a_length),
        cmocka_unit_test(test_texts_that_cannot_be_read_stop_the_start),
        cmocka_unit_test(test_texts_survive_a_lack_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
