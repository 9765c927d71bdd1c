/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of Debian's json-schema-test-suite as judge of the interpreter. The package ends with
 * draft 7: "definitions" is translated to "$defs", and the one group whose answer 2020-12 turned
 * round ($ref beside other keywords) is left to test_codec_schema. A group is skipped only when its
 * schema is refused for something outside the declared subset. */
#include "base/buf.h"
#include "codec/schema.h"
#include "tests/unit/check.h"

#include <glob.h>
#include <stdio.h>

#define SUITE "/usr/share/json-schema-test-suite/tests/draft7/*.json"

enum { FILE_MAX = 1 << 20, READ_SIZE = 4096, RUN_AT_LEAST = 200 };

struct tally {
    int run;
    int skipped;
    int wrong;
};

static const char *const outside_the_subset[] = {
    "unknown keyword",
    "items: must be an object",
    "leaves the document",
    "$id stands at the root",
};

static void read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rbe");
    size_t got = 1;

    assert_non_null(file);
    while (got > 0) {
        char *room = buf_room(out, READ_SIZE);

        assert_non_null(room);
        got = fread(room, 1, READ_SIZE, file);
        buf_grew(out, got);
    }
    assert_int_equal(fclose(file), 0);
}

static void add_replaced(struct buf *out, struct str text, struct str from, struct str to)
{
    size_t at;

    while (str_find(text, from, &at)) {
        buf_add(out, str_of(text.ptr, at));
        buf_add(out, to);
        text = str_skip(text, at + from.len);
    }
    buf_add(out, text);
}

static enum status compile(const struct json *source, struct schema **out, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(FILE_MAX);
    AUTO(buf_done) struct buf renamed = BUF_INIT(FILE_MAX);
    AUTO(buf_done) struct buf translated = BUF_INIT(FILE_MAX);

    json_format(source, &text);
    add_replaced(&renamed, buf_str(&text), STR("\"definitions\""), STR("\"$defs\""));
    add_replaced(&translated, buf_str(&renamed), STR("#/definitions/"), STR("#/$defs/"));
    assert_true(buf_ok(&translated));
    return schema_compile(buf_str(&translated), out, err);
}

static bool may_skip(struct str refusal)
{
    for (size_t i = 0; i < COUNT_OF(outside_the_subset); i++)
        if (str_find(refusal, str_from(outside_the_subset[i]), &(size_t){0}))
            return true;
    return false;
}

static void run_case(const struct schema *schema, const struct json *group, const struct json *test,
                     struct tally *tally)
{
    enum status rc;
    struct err err = {.text = "fits"};
    bool valid = false;

    assert_true(json_bool(json_get(test, "valid"), &valid));
    rc = schema_check(schema, json_get(test, "data"), NULL, &err);
    tally->run++;
    if ((rc == ST_OK) == valid)
        return;
    tally->wrong++;
    print_error("%.*s, %.*s: %s\n", STR_ARG(json_get_str(group, "description")),
                STR_ARG(json_get_str(test, "description")), err.text);
}

static void run_group(const struct json *group, struct tally *tally)
{
    AUTO(schema_freep) struct schema *schema = NULL;
    const struct json *tests = json_get(group, "tests");
    struct str description = json_get_str(group, "description");
    struct err err;

    if (str_eq_cstr(description, "ref overrides any sibling keywords")) {
        tally->skipped += (int)json_len(tests);
        return;
    }
    if (compile(json_get(group, "schema"), &schema, &err) != ST_OK) {
        if (!may_skip(str_from(err.text)))
            fail_msg("%.*s: %s", STR_ARG(description), err.text);
        tally->skipped += (int)json_len(tests);
        return;
    }
    for (size_t i = 0; i < json_len(tests); i++)
        run_case(schema, group, json_at(tests, i), tally);
}

static void run_file(const char *path, struct tally *all)
{
    AUTO(buf_done) struct buf text = BUF_INIT(FILE_MAX);
    AUTO(json_freep) struct json *groups = NULL;
    struct tally tally = {0};
    struct err err;

    read_file(path, &text);
    if (json_parse(buf_str(&text), &groups, &err) != ST_OK)
        fail_msg("%s: %s", path, err.text);
    for (size_t i = 0; i < json_len(groups); i++)
        run_group(json_at(groups, i), &tally);
    print_message("%s: %d run, %d skipped, %d wrong\n", path, tally.run, tally.skipped,
                  tally.wrong);
    all->run += tally.run;
    all->skipped += tally.skipped;
    all->wrong += tally.wrong;
}

static void test_schema_suite_agrees(void **state)
{
    struct tally all = {0};
    glob_t files;

    (void)state;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread. */
    if (glob(SUITE, 0, NULL, &files) != 0)
        fail_msg("no file " SUITE ": install the package json-schema-test-suite");
    for (size_t i = 0; i < files.gl_pathc; i++)
        run_file(files.gl_pathv[i], &all);
    globfree(&files);
    print_message("all: %d run, %d skipped, %d wrong\n", all.run, all.skipped, all.wrong);
    assert_int_equal(all.wrong, 0);
    assert_true(all.run >= RUN_AT_LEAST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schema_suite_agrees),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
