/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics/metrics.h"

#include "base/mem.h"
#include "tests/unit/check.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>

enum { PAGE_MAX = 1 << 20, ADDS = 20000, THREADS = 4 };

static const struct metric_def PLAIN = {
    .name = "b_total", .type = METRIC_COUNTER, .help = "Plain."};
static const struct metric_def LABELLED = {
    .name = "a_total",
    .type = METRIC_COUNTER,
    .help = "Back\\slash and\nline.",
    .labels = {"one", "two"},
};
static const struct metric_def GAUGE = {
    .name = "c_seconds", .type = METRIC_GAUGE, .help = "Gauge."};
static const struct metric_def SECONDS = {
    .name = "d_seconds", .type = METRIC_HISTOGRAM, .help = "Seconds."};
static const struct metric_def ROWS = {
    .name = "e_rows", .type = METRIC_HISTOGRAM, .help = "Rows.", .labels = {"table"}};
static const struct metric_def KNOWN = {
    .name = "f_total",
    .type = METRIC_COUNTER,
    .help = "Known.",
    .values = "one two",
    .labels = {"which"},
};

static void assert_page(struct metrics *m, const char *expected)
{
    AUTO(buf_done) struct buf page = BUF_INIT(PAGE_MAX);

    metrics_format(m, &page);
    assert_true(buf_ok(&page));
    assert_string_equal(buf_str(&page).ptr, expected);
}

static void assert_on_page(struct metrics *m, const char *line)
{
    AUTO(buf_done) struct buf page = BUF_INIT(PAGE_MAX);
    size_t at;

    metrics_format(m, &page);
    assert_true(buf_ok(&page));
    if (!str_find(buf_str(&page), str_from(line), &at))
        fail_msg("no %s on the page", line);
}

static void test_metrics_page_is_in_alphabetical_order(void **state)
{
    (void)state;
    AUTO(metrics_freep) struct metrics *m = metrics_new();

    assert_page(m, "");
    metric_set(metric_plain(m, &GAUGE), 1.5);
    metric_add(metric_plain(m, &PLAIN), 2);
    metric_add(metric_2(m, &LABELLED, "x", NULL), 1);
    metric_add(metric_plain(m, &PLAIN), 3);
    assert_page(m, "# HELP a_total Back\\\\slash and\\nline.\n"
                   "# TYPE a_total counter\n"
                   "a_total{one=\"x\",two=\"\"} 1\n"
                   "# HELP b_total Plain.\n"
                   "# TYPE b_total counter\n"
                   "b_total 5\n"
                   "# HELP c_seconds Gauge.\n"
                   "# TYPE c_seconds gauge\n"
                   "c_seconds 1.5\n");
}

static void test_metrics_plain_series_show_from_the_start(void **state)
{
    (void)state;
    AUTO(metrics_freep) struct metrics *m = metrics_new();

    (void)metric_plain(m, &PLAIN);
    assert_page(m, "# HELP b_total Plain.\n# TYPE b_total counter\nb_total 0\n");
}

static void test_metrics_declared_are_shown_before_anything_happens(void **state)
{
    (void)state;
    AUTO(metrics_freep) struct metrics *m = metrics_new();

    metric_declare(m, &KNOWN);
    metric_declare(m, &ROWS);
    metric_declare(m, &PLAIN);
    metric_add(metric_1(m, &KNOWN, "two"), 1);
    assert_page(m, "# HELP b_total Plain.\n"
                   "# TYPE b_total counter\n"
                   "b_total 0\n"
                   "# HELP e_rows Rows.\n"
                   "# TYPE e_rows histogram\n"
                   "# HELP f_total Known.\n"
                   "# TYPE f_total counter\n"
                   "f_total{which=\"one\"} 0\n"
                   "f_total{which=\"two\"} 1\n");
}

static void test_metrics_series_are_found_by_their_labels(void **state)
{
    (void)state;
    AUTO(metrics_freep) struct metrics *m = metrics_new();
    struct series *s = metric_2(m, &LABELLED, "a", "b");

    assert_ptr_equal(metric_2(m, &LABELLED, "a", "b"), s);
    assert_ptr_not_equal(metric_2(m, &LABELLED, "a\",two=\"b", ""), s);
    assert_ptr_not_equal(metric_2(m, &LABELLED, "ab", ""), metric_2(m, &LABELLED, "a", "b"));
    assert_ptr_equal(metric_1(m, &LABELLED, "a"), metric_2(m, &LABELLED, "a", ""));
    assert_ptr_equal(metric_plain(m, &LABELLED), metric_2(m, &LABELLED, NULL, NULL));
}

static void test_metrics_label_values_are_escaped_and_cut(void **state)
{
    (void)state;
    AUTO(metrics_freep) struct metrics *m = metrics_new();
    char text[400];

    (void)metric_2(m, &LABELLED, "a\"b\\c\nd", "\xE5\x8D\xA1\xFF!");
    assert_on_page(m, "{one=\"a\\\"b\\\\c\\nd\",two=\"\xE5\x8D\xA1\xEF\xBF\xBD!\"} 0\n");
    (void)snprintf(text, sizeof(text), "%0300d", 0);
    (void)metric_1(m, &ROWS, text);
    (void)snprintf(text, sizeof(text), "{table=\"%0128d\",le=\"1\"} 0\n", 0);
    assert_on_page(m, text);
}

static void test_metrics_histogram_counts_up_to_each_bound(void **state)
{
    (void)state;
    AUTO(metrics_freep) struct metrics *m = metrics_new();
    struct series *s = metric_1(m, &ROWS, "t");

    metric_observe(s, 1);
    metric_observe(s, 1.5);
    metric_observe(s, 2);
    metric_observe(s, 5000);
    metric_observe(s, (double)NAN);
    assert_true(metric_value(s) == 4);
    assert_page(m, "# HELP e_rows Rows.\n"
                   "# TYPE e_rows histogram\n"
                   "e_rows_bucket{table=\"t\",le=\"1\"} 1\n"
                   "e_rows_bucket{table=\"t\",le=\"2\"} 3\n"
                   "e_rows_bucket{table=\"t\",le=\"5\"} 3\n"
                   "e_rows_bucket{table=\"t\",le=\"10\"} 3\n"
                   "e_rows_bucket{table=\"t\",le=\"20\"} 3\n"
                   "e_rows_bucket{table=\"t\",le=\"50\"} 3\n"
                   "e_rows_bucket{table=\"t\",le=\"100\"} 3\n"
                   "e_rows_bucket{table=\"t\",le=\"200\"} 3\n"
                   "e_rows_bucket{table=\"t\",le=\"500\"} 3\n"
                   "e_rows_bucket{table=\"t\",le=\"1000\"} 3\n"
                   "e_rows_bucket{table=\"t\",le=\"+Inf\"} 4\n"
                   "e_rows_sum{table=\"t\"} 5004.5\n"
                   "e_rows_count{table=\"t\"} 4\n");
}

static void test_metrics_seconds_have_their_own_bounds(void **state)
{
    (void)state;
    AUTO(metrics_freep) struct metrics *m = metrics_new();

    metric_observe(metric_plain(m, &SECONDS), 0.0004);
    assert_on_page(m, "d_seconds_bucket{le=\"0.0005\"} 1\n");
    assert_on_page(m, "d_seconds_bucket{le=\"0.025\"} 1\n");
    assert_on_page(m, "d_seconds_bucket{le=\"10\"} 1\nd_seconds_bucket{le=\"+Inf\"} 1\n");
    assert_on_page(m, "d_seconds_sum 0.0004\nd_seconds_count 1\n");
}

static void test_metrics_gauge_takes_every_value(void **state)
{
    (void)state;
    AUTO(metrics_freep) struct metrics *m = metrics_new();
    struct series *s = metric_plain(m, &GAUGE);

    metric_set(s, HUGE_VAL);
    assert_on_page(m, "c_seconds +Inf\n");
    metric_set(s, -HUGE_VAL);
    assert_on_page(m, "c_seconds -Inf\n");
    metric_set(s, (double)NAN);
    assert_on_page(m, "c_seconds NaN\n");
    metric_set(s, 2.5);
    metric_add(s, -4);
    assert_true(metric_value(s) == -1.5);
}

static void test_metrics_too_many_series_share_one(void **state)
{
    (void)state;
    AUTO(metrics_freep) struct metrics *m = metrics_new();
    struct series *other = NULL;
    char text[32];

    for (int i = 0; i < METRIC_SERIES_MAX + 10; i++) {
        struct series *s;

        (void)snprintf(text, sizeof(text), "%d", i);
        s = metric_1(m, &LABELLED, text);
        metric_add(s, 1);
        if (i > METRIC_SERIES_MAX)
            assert_ptr_equal(s, other);
        other = s;
    }
    assert_on_page(m, "a_total{one=\"other\",two=\"other\"} 10\n");
    assert_on_page(m, "a_total{one=\"0\",two=\"\"} 1\n");
    assert_ptr_not_equal(metric_1(m, &LABELLED, "7"), other);
}

/* Whatever fails, there is a series to count on. */
static void test_metrics_survive_every_failed_allocation(void **state)
{
    (void)state;
    bool shown = false;

    for (size_t nth = 1; !shown; nth++) {
        AUTO(metrics_freep) struct metrics *m = NULL;
        AUTO(buf_done) struct buf page = BUF_INIT(PAGE_MAX);
        size_t at;

        mem_fail_at(nth, true);
        m = metrics_new();
        if (m != NULL) {
            metric_observe(metric_1(m, &ROWS, "x"), 1);
            metric_add(metric_2(m, &LABELLED, "x", "y"), 1);
            metric_set(metric_plain(m, &GAUGE), 1);
        }
        mem_fail_at(0, false);
        if (m != NULL)
            metrics_format(m, &page);
        shown = str_find(buf_str(&page), STR("c_seconds 1\n"), &at);
        assert_in_range(nth, 1, 100);
    }
}

static void *add_many(void *arg)
{
    struct metrics *m = arg;

    for (int i = 0; i < ADDS; i++) {
        metric_add(metric_2(m, &LABELLED, "x", i % 2 ? "a" : "b"), 1);
        metric_observe(metric_plain(m, &SECONDS), 1);
        metric_add(metric_plain(m, &GAUGE), 1);
    }
    return NULL;
}

static void test_metrics_lose_nothing_between_threads(void **state)
{
    (void)state;
    AUTO(metrics_freep) struct metrics *m = metrics_new();
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, m), 0);
    for (int i = 0; i < 50; i++) {
        AUTO(buf_done) struct buf page = BUF_INIT(PAGE_MAX);

        metrics_format(m, &page);
        assert_true(buf_ok(&page));
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(metric_value(metric_2(m, &LABELLED, "x", "a")) == ADDS / 2.0 * THREADS);
    assert_true(metric_value(metric_plain(m, &GAUGE)) == ADDS * THREADS);
    assert_true(metric_value(metric_plain(m, &SECONDS)) == ADDS * THREADS);
    assert_on_page(m, "d_seconds_sum 80000\nd_seconds_count 80000\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_page_is_in_alphabetical_order),
        cmocka_unit_test(test_metrics_plain_series_show_from_the_start),
        cmocka_unit_test(test_metrics_declared_are_shown_before_anything_happens),
        cmocka_unit_test(test_metrics_series_are_found_by_their_labels),
        cmocka_unit_test(test_metrics_label_values_are_escaped_and_cut),
        cmocka_unit_test(test_metrics_histogram_counts_up_to_each_bound),
        cmocka_unit_test(test_metrics_seconds_have_their_own_bounds),
        cmocka_unit_test(test_metrics_gauge_takes_every_value),
        cmocka_unit_test(test_metrics_too_many_series_share_one),
        cmocka_unit_test(test_metrics_survive_every_failed_allocation),
        cmocka_unit_test(test_metrics_lose_nothing_between_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
