/* SPDX-License-Identifier: Apache-2.0 */
#include "db/migrate.h"

#include "tests/unit/check.h"

#include <string.h>

static void test_migrate_list_counts_from_one_without_a_gap(void **state)
{
    (void)state;
    size_t count = 0;
    const struct migration *all = migrate_all(&count);

    assert_true(count >= 1);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(all[i].version, i + 1);
        assert_true(strlen(all[i].name) > 0 && strlen(all[i].name) <= 128);
    }
}

static void test_migrate_scripts_are_whole(void **state)
{
    (void)state;
    size_t count = 0;
    const struct migration *all = migrate_all(&count);

    for (size_t i = 0; i < count; i++) {
        assert_true(str_starts(all[i].sql, STR("-- SPDX-License-Identifier")));
        assert_true(str_ends(all[i].sql, STR(";\n")));
        assert_null(memchr(all[i].sql.ptr, '\0', all[i].sql.len));
    }
}

/* DDL ends any transaction, so a migration that was killed half-way runs again from its start. */
static void test_migrate_statements_can_be_repeated(void **state)
{
    (void)state;
    size_t count = 0;
    const struct migration *all = migrate_all(&count);

    for (size_t i = 0; i < count; i++) {
        struct str rest = all[i].sql;
        size_t at;

        while (str_find(rest, STR("CREATE TABLE "), &at)) {
            rest = str_skip(rest, at);
            assert_true(str_starts(rest, STR("CREATE TABLE IF NOT EXISTS ")));
            rest = str_skip(rest, 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_migrate_list_counts_from_one_without_a_gap),
        cmocka_unit_test(test_migrate_scripts_are_whole),
        cmocka_unit_test(test_migrate_statements_can_be_repeated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
