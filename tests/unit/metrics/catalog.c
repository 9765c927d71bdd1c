/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics/catalog.h"

#include "base/err.h"
#include "base/str.h"
#include "tests/unit/check.h"

#include <string.h>

static void test_catalog_is_sorted_and_unique(void **state)
{
    (void)state;
    size_t count = 0;
    const struct metric_def *const *rows = metric_catalog(&count);

    assert_true(count > 0);
    for (size_t i = 1; i < count; i++)
        assert_true(strcmp(rows[i - 1]->name, rows[i]->name) < 0);
}

static bool has_unit(struct str name, enum metric_type type)
{
    if (type == METRIC_COUNTER)
        return str_ends(name, STR("_total"));
    if (type == METRIC_HISTOGRAM)
        return str_ends(name, STR("_seconds")) || str_ends(name, STR("_rows"));
    return !str_ends(name, STR("_total"));
}

static void test_catalog_names_follow_the_conventions(void **state)
{
    (void)state;
    size_t count = 0;
    const struct metric_def *const *rows = metric_catalog(&count);

    for (size_t i = 0; i < count; i++) {
        const struct str name = str_from(rows[i]->name);

        assert_true(str_starts(name, STR("kabao_")));
        assert_true(has_unit(name, rows[i]->type));
        assert_int_equal(strspn(name.ptr, "abcdefghijklmnopqrstuvwxyz0123456789_"), name.len);
        assert_true(strlen(rows[i]->help) > 0);
        assert_true(rows[i]->groups != 0);
        assert_true(rows[i]->values == NULL || rows[i]->labels[1] == NULL);
        for (size_t l = 1; l < METRIC_LABELS_MAX; l++)
            assert_true(rows[i]->labels[l] == NULL || rows[i]->labels[l - 1] != NULL);
    }
}

static void test_catalog_row_reads_as_written(void **state)
{
    (void)state;

    assert_string_equal(METRIC_WECHAT_REQUESTS.name, "kabao_wechat_requests_total");
    assert_int_equal(METRIC_WECHAT_REQUESTS.type, METRIC_COUNTER);
    assert_string_equal(METRIC_WECHAT_REQUESTS.labels[1], "errcode");
    assert_null(METRIC_WECHAT_REQUESTS.labels[2]);
    assert_null(METRIC_POLL_AGE.labels[0]);
}

/* Of a series that begins at one, nobody sees the first increase. */
static void test_catalog_knows_every_reason_of_a_dead_letter(void **state)
{
    (void)state;
    struct str rest = str_from(METRIC_DLQ.values);
    struct str word;
    enum reason reason = REASON_NONE;

    while (str_cut(rest, ' ', &word, &rest))
        assert_true(str_eq_cstr(word, reason_name(++reason)));
    assert_string_equal(reason_name(reason + 1), "");
}

static void test_catalog_declares_a_group_alone(void **state)
{
    (void)state;
    AUTO(metrics_freep) struct metrics *m = metrics_new();
    AUTO(buf_done) struct buf page = BUF_INIT(1 << 16);
    size_t at;

    metric_declare_groups(m, METRIC_GROUP_CRM | METRIC_GROUP_FETCH);
    metrics_format(m, &page);
    assert_true(buf_ok(&page));
    assert_true(str_find(buf_str(&page), STR("# TYPE kabao_crm_requests_total counter\n"), &at));
    assert_true(str_find(buf_str(&page), STR("kabao_token_fetch_total{cause=\"bad\"} 0\n"), &at));
    assert_false(str_find(buf_str(&page), STR("kabao_poll_age_seconds"), &at));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catalog_is_sorted_and_unique),
        cmocka_unit_test(test_catalog_names_follow_the_conventions),
        cmocka_unit_test(test_catalog_row_reads_as_written),
        cmocka_unit_test(test_catalog_knows_every_reason_of_a_dead_letter),
        cmocka_unit_test(test_catalog_declares_a_group_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
