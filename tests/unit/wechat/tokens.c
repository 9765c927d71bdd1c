/* SPDX-License-Identifier: Apache-2.0 */
#include "wechat/tokens.h"

#include "base/mem.h"
#include "metrics/catalog.h"
#include "tests/unit/check.h"

#include <pthread.h>
#include <string.h>

enum { HANG_MS = 20000 };

static char demo_name[] = "demo";
static char demo_appid[] = "wx1";
static char other_name[] = "other";
static char other_appid[] = "wx2";

static struct account accounts[] = {
    {.name = demo_name, .appid = demo_appid},
    {.name = other_name, .appid = other_appid},
};

static const struct settings SETTINGS = {
    .accounts = accounts,
    .account_count = COUNT_OF(accounts),
};

static const struct seal_key KEY = {.bytes = "0123456789abcdef0123456789abcde"};

static struct token_entry entry_of(const char *text, int64_t fetched_at_ms)
{
    struct token_entry entry = {
        .fetched_at_ms = fetched_at_ms,
        .expires_at_ms = clock_wall_ms() + 7200000,
    };

    (void)str_copy(str_from(text), entry.token.text, sizeof(entry.token.text));
    token_fingerprint(str_from(text), entry.token.fingerprint);
    return entry;
}

static void put(struct tokens *t, const char *text, int64_t fetched_at_ms)
{
    struct token_entry entry = entry_of(text, fetched_at_ms);

    tokens_put(t, &accounts[0], TOKEN_ACCESS, &entry);
}

static void assert_token(struct tokens *t, const struct account *account, enum token_kind kind,
                         const char *text)
{
    struct token_entry entry;

    assert_true(tokens_get(t, account, kind, &entry) == (text[0] != '\0'));
    assert_string_equal(entry.token.text, text);
}

static void test_tokens_keep_the_latest_fetched(void **state)
{
    (void)state;
    AUTO(tokens_freep) struct tokens *t = tokens_new(&SETTINGS, &KEY);
    struct token_entry entry;

    assert_token(t, &accounts[0], TOKEN_ACCESS, "");
    put(t, "second", 2000);
    put(t, "first", 1000);
    assert_token(t, &accounts[0], TOKEN_ACCESS, "second");
    assert_token(t, &accounts[0], TOKEN_JSAPI, "");
    assert_token(t, &accounts[1], TOKEN_ACCESS, "");
    /* The use of a forced fetch is recorded before the fetch: the same token, fetched as before. */
    entry = entry_of("second", 2000);
    entry.forced_at_ms = 5000;
    entry.forced_today = 3;
    tokens_put(t, &accounts[0], TOKEN_ACCESS, &entry);
    put(t, "second", 2000);
    assert_true(tokens_get(t, &accounts[0], TOKEN_ACCESS, &entry));
    assert_int_equal(entry.forced_at_ms, 5000);
    assert_int_equal(entry.forced_today, 3);
    put(t, "third", 3000);
    assert_token(t, &accounts[0], TOKEN_ACCESS, "third");
}

/* A record as kabao-token writes it. */
struct sealed {
    struct buf text;
    struct token_state state;
};

static void seal(struct sealed *s, const char *record_key, const char *token, const char *fetched)
{
    struct err err = {0};

    s->text = (struct buf)BUF_INIT(4096);
    assert_int_equal(seal_token(&KEY, str_from(record_key), str_from(token), &s->text, &err),
                     ST_OK);
    s->state = (struct token_state){
        .account = STR("demo"),
        .appid = STR("wx1"),
        .kind = STR("access_token"),
        .sealed = buf_str(&s->text),
        .fingerprint = STR("0011223344556677"),
        .expires_at = STR("2099-01-01T00:00:00.000Z"),
        .fetched_at = str_from(fetched),
        .forced_at = STR("2026-01-01T00:00:00.500Z"),
        .forced_today = {true, 4},
    };
}

static void test_tokens_apply_opens_what_was_sealed(void **state)
{
    (void)state;
    AUTO(tokens_freep) struct tokens *t = tokens_new(&SETTINGS, &KEY);
    struct token_entry entry;
    struct sealed s;
    struct err err = {0};

    seal(&s, "wx1:access_token", "token-1", "2026-01-01T00:00:00.000Z");
    assert_int_equal(tokens_apply(t, STR("wx1:access_token"), &s.state, &err), ST_OK);
    assert_true(tokens_get(t, &accounts[0], TOKEN_ACCESS, &entry));
    assert_string_equal(entry.token.text, "token-1");
    assert_int_equal(entry.forced_today, 4);
    assert_int_equal(entry.forced_at_ms - entry.fetched_at_ms, 500);
    buf_done(&s.text);

    seal(&s, "wx1:access_token", "token-0", "2025-12-31T23:59:59.000Z");
    assert_int_equal(tokens_apply(t, STR("wx1:access_token"), &s.state, &err), ST_OK);
    assert_token(t, &accounts[0], TOKEN_ACCESS, "token-1");
    buf_done(&s.text);
}

static void test_tokens_apply_refuses_what_it_cannot_open(void **state)
{
    (void)state;
    AUTO(tokens_freep) struct tokens *t = tokens_new(&SETTINGS, &KEY);
    struct sealed s;
    struct err err = {0};

    put(t, "old", 1);
    seal(&s, "wx2:access_token", "token", "2026-01-01T00:00:00.000Z"); /* another record's */
    assert_int_equal(tokens_apply(t, STR("wx1:access_token"), &s.state, &err), ST_REJECT);
    s.state.sealed = STR("AAAA");
    assert_int_equal(tokens_apply(t, STR("wx1:access_token"), &s.state, &err), ST_REJECT);
    assert_token(t, &accounts[0], TOKEN_ACCESS, "old");
    buf_done(&s.text);
}

static void test_tokens_apply_ignores_accounts_and_kinds_it_does_not_serve(void **state)
{
    (void)state;
    AUTO(tokens_freep) struct tokens *t = tokens_new(&SETTINGS, &KEY);
    struct sealed s;
    struct err err = {0};

    seal(&s, "wx9:access_token", "token", "2026-01-01T00:00:00.000Z");
    s.state.appid = STR("wx9");
    assert_int_equal(tokens_apply(t, STR("wx9:access_token"), &s.state, &err), ST_OK);
    s.state.appid = STR("wx1");
    s.state.kind = STR("another");
    assert_int_equal(tokens_apply(t, STR("wx1:another"), &s.state, &err), ST_OK);
    assert_token(t, &accounts[0], TOKEN_ACCESS, "");
    buf_done(&s.text);
}

struct waiter {
    struct tokens *tokens;
    const char *older;
    struct token got;
    enum status rc;
    struct err err;
};

static void *wait_main(void *arg)
{
    struct waiter *w = arg;

    w->rc = tokens_wait(w->tokens, &accounts[0], TOKEN_ACCESS, w->older, deadline_in(HANG_MS),
                        &w->got, &w->err);
    return NULL;
}

static void test_tokens_wait_wakes_on_news(void **state)
{
    (void)state;
    AUTO(tokens_freep) struct tokens *t = tokens_new(&SETTINGS, &KEY);
    struct token_entry failed = entry_of("failed", 1000);
    struct waiter any = {.tokens = t};
    struct waiter newer = {.tokens = t, .older = failed.token.fingerprint};
    int64_t started_ms = clock_mono_ms();
    pthread_t threads[2];

    assert_int_equal(pthread_create(&threads[0], NULL, wait_main, &any), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, wait_main, &newer), 0);
    put(t, "failed", 1000);
    assert_int_equal(pthread_join(threads[0], NULL), 0);
    assert_int_equal(any.rc, ST_OK);
    assert_string_equal(any.got.text, "failed");
    put(t, "fresh", 2000);
    assert_int_equal(pthread_join(threads[1], NULL), 0);
    assert_int_equal(newer.rc, ST_OK);
    assert_string_equal(newer.got.text, "fresh");
    assert_true(clock_mono_ms() - started_ms < HANG_MS);
}

static void test_tokens_wait_ends_in_a_closed_resource(void **state)
{
    (void)state;
    AUTO(tokens_freep) struct tokens *t = tokens_new(&SETTINGS, &KEY);
    struct token_entry expired = entry_of("expired", 1000);
    struct token got = {.text = "untouched"};
    struct err err = {0};

    expired.expires_at_ms = clock_wall_ms() - 1;
    tokens_put(t, &accounts[0], TOKEN_ACCESS, &expired);
    assert_int_equal(tokens_wait(t, &accounts[0], TOKEN_ACCESS, NULL, deadline_in(20), &got, &err),
                     ST_WAIT);
    assert_string_equal(err.resource, "token:demo:access_token");
    assert_string_equal(got.text, "untouched");
    assert_true(deadline_left_ms(err.until) > 0);
    put(t, "same", 2000);
    expired = entry_of("same", 0);
    assert_int_equal(tokens_wait(t, &accounts[0], TOKEN_ACCESS, expired.token.fingerprint,
                                 deadline_in(20), &got, &err),
                     ST_WAIT);
}

static void test_tokens_report_each_fingerprint_once(void **state)
{
    (void)state;
    AUTO(tokens_freep) struct tokens *t = tokens_new(&SETTINGS, &KEY);

    assert_false(tokens_is_reported(t, &accounts[0], TOKEN_ACCESS, "a"));
    assert_true(tokens_report_bad(t, &accounts[0], TOKEN_ACCESS, "a"));
    assert_true(tokens_is_reported(t, &accounts[0], TOKEN_ACCESS, "a"));
    assert_false(tokens_is_reported(t, &accounts[0], TOKEN_JSAPI, "a"));
    assert_false(tokens_is_reported(t, &accounts[0], TOKEN_ACCESS, "b"));
    assert_false(tokens_report_bad(t, &accounts[0], TOKEN_ACCESS, "a"));
    assert_true(tokens_report_bad(t, &accounts[1], TOKEN_ACCESS, "a"));
    assert_true(tokens_report_bad(t, &accounts[0], TOKEN_JSAPI, "a"));
    assert_true(tokens_report_bad(t, &accounts[0], TOKEN_ACCESS, "b"));
}

static void test_tokens_show_their_age_by_account(void **state)
{
    (void)state;
    AUTO(tokens_freep) struct tokens *t = tokens_new(&SETTINGS, &KEY);
    AUTO(metrics_freep) struct metrics *m = metrics_new();

    put(t, "token", clock_wall_ms() - 60000);
    tokens_collect(t, m);
    assert_true(metric_value(metric_1(m, &METRIC_TOKEN_AGE, "demo")) >= 60);
    assert_true(metric_value(metric_1(m, &METRIC_TOKEN_AGE, "demo")) < 120);
}

static void test_tokens_short_memory_is_told(void **state)
{
    (void)state;
    struct tokens *t = NULL;

    for (size_t n = 1; !t; n++) {
        mem_fail_at(n, false);
        t = tokens_new(&SETTINGS, &KEY);
        mem_fail_at(0, false);
        assert_true((t == NULL) == (n <= 2));
    }
    tokens_free(t);
    tokens_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens_keep_the_latest_fetched),
        cmocka_unit_test(test_tokens_apply_opens_what_was_sealed),
        cmocka_unit_test(test_tokens_apply_refuses_what_it_cannot_open),
        cmocka_unit_test(test_tokens_apply_ignores_accounts_and_kinds_it_does_not_serve),
        cmocka_unit_test(test_tokens_wait_wakes_on_news),
        cmocka_unit_test(test_tokens_wait_ends_in_a_closed_resource),
        cmocka_unit_test(test_tokens_report_each_fingerprint_once),
        cmocka_unit_test(test_tokens_show_their_age_by_account),
        cmocka_unit_test(test_tokens_short_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
