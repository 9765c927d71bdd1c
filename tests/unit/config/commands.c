/* SPDX-License-Identifier: Apache-2.0 */
/* [command NAME]: calls of WeChat's that a release does not know. */
#include "base/mem.h"
#include "config/settings.h"
#include "tests/unit/check.h"
#include "tests/unit/config/load.h"

#include <string.h>

#define GIFT                                                                \
    "[command card.gift_set]\npath = /card/gift/set\nnature = repeatable\n" \
    "final = 40073 40056\nschema_file = /etc/kabao/gift.schema.json\n"

static void test_settings_command_is_read_whole(void **state)
{
    AUTO(loaded_done) struct loaded l = load(DEMO GIFT "[command x]\nnature = once\npath = /x\n");

    (void)state;
    assert_int_equal(l.rc, ST_OK);
    assert_int_equal(l.s->command_count, 2);
    assert_string_equal(l.s->commands[0].name, "card.gift_set");
    assert_string_equal(l.s->commands[0].path, "/card/gift/set");
    assert_int_equal(l.s->commands[0].nature, COMMAND_NATURE_REPEATABLE);
    assert_string_equal(l.s->commands[0].final, "40073 40056");
    assert_string_equal(l.s->commands[0].schema_file, "/etc/kabao/gift.schema.json");
    assert_string_equal(l.s->commands[1].name, "x");
    assert_int_equal(l.s->commands[1].nature, COMMAND_NATURE_ONCE);
    assert_null(l.s->commands[1].final);
    assert_null(l.s->commands[1].schema_file);
}

static void test_settings_command_refuses_what_is_wrong(void **state)
{
    (void)state;
    REFUSALS(load(DEMO "[command a]\npath = card/get\nnature = twice\n"
                       "[command b]\npath = /card/get?x=1\nnature = once\nfinal = 40056, 40057\n"
                       "schema_file =\nmethod = GET\n"),
             ":4: [command] path must be an API path",
             ":5: [command] nature must be one of read, repeatable, probe, once, not \"twice\"",
             ":7: [command] path must be an API path", ":9: [command] final must be error codes",
             ":10: [command] schema_file must be the path of a file",
             ":11: [command] has no key \"method\"");
}

static void test_settings_command_needs_path_and_nature(void **state)
{
    (void)state;
    REFUSALS(load(DEMO "[command a]\nfinal = 1\n"), ":3: [command a] path is missing: add \"path",
             ":3: [command a] nature is missing: add \"nature");
}

static void test_settings_command_refuses_a_probe_without_code(void **state)
{
    (void)state;
    REFUSALS(
        load(DEMO "[command a]\npath = /a\nnature = probe\n"),
        ":5: [command a] nature = probe: kabao cannot ask WeChat what became of a call it does "
        "not know; use once, or repeatable");
}

static void test_settings_command_refuses_other_names(void **state)
{
    (void)state;
    REFUSALS(load(DEMO "[command]\n[command Card]\n[command a-b]\n[command a]\npath = /a\n"
                       "nature = read\n"),
             ":3: [command]: a command has a name of 1 to 64", ":4: [command Card]: a command has",
             ":5: [command a-b]: a command has");
}

static void test_settings_command_has_no_variable(void **state)
{
    char path[] = "KABAO_COMMAND_X_PATH=/y";
    char plain[] = "KABAO_COMMAND_PATH=/z";
    AUTO(loaded_done)
    struct loaded l =
        load_with(DEMO "[command x]\npath = /x\nnature = read\n", ENVIRONMENT(path, plain));

    (void)state;
    assert_int_equal(l.rc, ST_OK);
    assert_string_equal(l.s->commands[0].path, "/x");
    assert_string_equal(l.strangers.ptr, "KABAO_COMMAND_X_PATH\nKABAO_COMMAND_PATH\n");
}

static void test_settings_command_is_printed_and_described(void **state)
{
    AUTO(buf_done) struct buf once = BUF_INIT(OUTPUT_MAX);
    AUTO(buf_done) struct buf twice = BUF_INIT(OUTPUT_MAX);
    AUTO(buf_done) struct buf described = BUF_INIT(OUTPUT_MAX);

    (void)state;
    print(DEMO GIFT, NULL, &once);
    assert_non_null(strstr(once.ptr, GIFT));
    print(once.ptr, NULL, &twice);
    assert_string_equal(once.ptr, twice.ptr);
    settings_describe(&described);
    assert_non_null(strstr(described.ptr, "\n#[command NAME]\n"));
    assert_non_null(strstr(described.ptr, "\n#schema_file =\n"));
}

static void test_settings_command_survives_short_memory(void **state)
{
    enum status rc = ST_FATAL;

    (void)state;
    for (size_t n = 1; rc != ST_OK && n < 2000; n++) {
        struct file file = file_new(DEMO GIFT "[command b]\npath = /b\nnature = read\n");
        struct loaded l = {.report = BUF_INIT(OUTPUT_MAX), .strangers = BUF_INIT(OUTPUT_MAX)};

        mem_fail_at(n, false);
        l.rc = settings_load(file.path, NULL, &l.s, &l.report, &l.strangers, &l.err);
        mem_fail_at(0, false);
        rc = l.rc;
        assert_true(rc == ST_OK || (l.s == NULL && l.err.text[0] != '\0'));
        assert_true(rc != ST_OK || l.s->command_count == 2);
        loaded_done(&l);
        file_done(&file);
    }
    assert_int_equal(rc, ST_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings_command_is_read_whole),
        cmocka_unit_test(test_settings_command_refuses_what_is_wrong),
        cmocka_unit_test(test_settings_command_needs_path_and_nature),
        cmocka_unit_test(test_settings_command_refuses_a_probe_without_code),
        cmocka_unit_test(test_settings_command_refuses_other_names),
        cmocka_unit_test(test_settings_command_has_no_variable),
        cmocka_unit_test(test_settings_command_is_printed_and_described),
        cmocka_unit_test(test_settings_command_survives_short_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
