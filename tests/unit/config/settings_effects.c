/* SPDX-License-Identifier: Apache-2.0 */
/* The keys that activation, points, quotas and the CRM go by. */
#include "config/settings.h"
#include "tests/unit/check.h"
#include "tests/unit/config/load.h"

static void test_settings_of_effects_have_the_documented_defaults(void **state)
{
    AUTO(loaded_done) struct loaded l = load(DEMO);
    const struct settings *s = l.s;

    (void)state;
    assert_int_equal(l.rc, ST_OK);
    assert_int_equal(s->accounts[0].activation, ACTIVATION_NONE);
    assert_int_equal(s->accounts[0].activation_deadline_s, 600);
    assert_int_equal(s->accounts[0].pending_after_s, 600);
    assert_int_equal(s->accounts[0].activation_fallback, ACTIVATION_FALLBACK_ACTIVATE);
    assert_string_equal(s->accounts[0].membership_number, "code");
    assert_int_equal(s->accounts[0].init_bonus, 0);
    assert_int_equal(s->accounts[0].on_gift, ON_GIFT_FRESH);
    assert_int_equal(s->accounts[0].foreign_points, FOREIGN_POINTS_ADOPT);
    assert_null(s->accounts[0].landing_url);
    assert_int_equal(s->quota.count, 0);
    assert_int_equal(s->quota.default_limit.count, 0);
    assert_true(s->quota.replay_share > 0.19 && s->quota.replay_share < 0.21);
    assert_null(s->crm.url);
    assert_int_equal(s->crm.timeout_ms, 10000);
    assert_int_equal(s->crm.max_inflight, 32);
    assert_string_equal(s->crm.events, "kabao.member.changed kabao.card.* kabao.activation.* "
                                       "kabao.bonus.changed kabao.binding.*");
}

static void test_settings_read_activation_and_points(void **state)
{
    AUTO(loaded_done)
    struct loaded l = load(
        DEMO
        "activation = crm\nactivation_deadline_s = 1\npending_after_s = 2592000\n"
        "activation_fallback = leave\nmembership_number = prefix:VIP-\n"
        "init_bonus = 2147483647\non_gift = transfer\nforeign_points = revert\n"
        "landing_url = http://127.0.0.1:9/joined?x=1\n"
        "[account b]\nappid = wx2\nactivation = on_receive\n"
        "[account c]\nappid = wx3\nactivation = on_ticket\nlanding_url = https://shop.example\n");
    const struct account *a = &l.s->accounts[0];

    (void)state;
    assert_int_equal(l.rc, ST_OK);
    assert_int_equal(a->activation, ACTIVATION_CRM);
    assert_int_equal(a->activation_deadline_s, 1);
    assert_int_equal(a->pending_after_s, 2592000);
    assert_int_equal(a->activation_fallback, ACTIVATION_FALLBACK_LEAVE);
    assert_string_equal(a->membership_number, "prefix:VIP-");
    assert_int_equal(a->init_bonus, 2147483647);
    assert_int_equal(a->on_gift, ON_GIFT_TRANSFER);
    assert_int_equal(a->foreign_points, FOREIGN_POINTS_REVERT);
    assert_string_equal(a->landing_url, "http://127.0.0.1:9/joined?x=1");
    assert_int_equal(settings_account(l.s, "b")->activation, ACTIVATION_ON_RECEIVE);
    assert_int_equal(settings_account(l.s, "c")->activation, ACTIVATION_ON_TICKET);
    assert_string_equal(settings_account(l.s, "c")->landing_url, "https://shop.example");
}

static void test_settings_refuse_bad_activation_and_points(void **state)
{
    (void)state;
    REFUSALS(
        load(DEMO "activation = always\nactivation_deadline_s = 0\npending_after_s = 2592001\n"
                  "activation_fallback = none\nmembership_number = prefix:123456789\n"
                  "init_bonus = -1\non_gift = keep\nforeign_points = ignore\n"
                  "landing_url = http://shop.example/joined\n"),
        ":3: [account] activation must be one of none, on_receive, on_ticket, crm, not \"always",
        ":4: [account] activation_deadline_s must be a number from 1 to 2592000, not \"0\"",
        ":5: [account] pending_after_s must be a number from 1 to 2592000, not \"2592001\"",
        ":6: [account] activation_fallback must be one of activate, leave, not \"none\"",
        ":7: [account] membership_number must be code, or prefix: and 1 to 8 letters, digits",
        ":8: [account] init_bonus must be a number from 0 to 2147483647, not \"-1\"",
        ":9: [account] on_gift must be one of fresh, transfer, not \"keep\"",
        ":10: [account] foreign_points must be one of adopt, revert, not \"ignore\"",
        ":11: [account] landing_url must be an https:// address (http:// on loopback only)");
}

static void test_settings_read_quotas(void **state)
{
    AUTO(loaded_done)
    struct loaded l = load("[quota]\n/card/membercard/updateuser = 600/min\nreplay_share = 0.5\n"
                           "/Card/code/get=10000/day\ndefault = 1/min\n");
    const struct settings_quota *quota = &l.s->quota;

    (void)state;
    assert_int_equal(l.rc, ST_OK);
    assert_int_equal(quota->count, 2);
    assert_string_equal(quota->limits[0].path, "/card/membercard/updateuser");
    assert_int_equal(quota->limits[0].count, 600);
    assert_int_equal(quota->limits[0].per_ms, 60000);
    assert_string_equal(quota->limits[1].path, "/Card/code/get");
    assert_int_equal(quota->limits[1].count, 10000);
    assert_int_equal(quota->limits[1].per_ms, 86400000);
    assert_int_equal(quota->default_limit.count, 1);
    assert_int_equal(quota->default_limit.per_ms, 60000);
    assert_null(quota->default_limit.path);
    assert_true(quota->replay_share > 0.49 && quota->replay_share < 0.51);
}

static void test_settings_refuse_bad_quotas(void **state)
{
    (void)state;
    REFUSALS(load("[quota]\n/card/code/get = 600/hour\n/card/code/check = 0/min\n/card//x = 1/min\n"
                  "/card/code/unavailable =\n/a?b = 1/day\ncard/code/get = 1/min\n"
                  "default = unlimited\nreplay_share = 2\n"),
             ":2: [quota] /card/code/get must be N/min (N 1 to 1000000) or N/day (N",
             ":3: [quota] /card/code/check must be N/min (N 1 to 1000000) or",
             ":4: [quota] \"/card//x\" is no API path: letters, digits, _ . - between single",
             ":5: [quota] /card/code/unavailable must be N/min",
             ":6: [quota] \"/a?b\" is no API path",
             ":7: [quota] has no key \"card/code/get\"; a path begins with /",
             ":8: [quota] default must be N/min",
             ":9: [quota] replay_share must be a number from 0 to 1");
    REFUSALS(load("[quota]\n/card/code/get = 1/min\n/card/code/get = 2/min\n"),
             ":3: this key stands in the section twice");
    REFUSALS(load("[wechat]\n/card/code/get = 1/min\n"), ":2: [wechat] has no key");
}

static void test_settings_quotas_have_no_environment_form(void **state)
{
    char share[] = "KABAO_QUOTA_REPLAY_SHARE=0.9";
    char rest[] = "KABAO_QUOTA_DEFAULT=1/min";
    char path[] = "KABAO_QUOTA_/CARD/CODE/GET=1/min";
    AUTO(loaded_done) struct loaded l = load_with(DEMO, ENVIRONMENT(share, rest, path));

    (void)state;
    assert_int_equal(l.rc, ST_OK);
    assert_int_equal(l.s->quota.count, 0);
    assert_int_equal(l.s->quota.default_limit.count, 0);
    assert_true(l.s->quota.replay_share < 0.21);
    assert_string_equal(l.strangers.ptr, "KABAO_QUOTA_REPLAY_SHARE\nKABAO_QUOTA_DEFAULT\n"
                                         "KABAO_QUOTA_/CARD/CODE/GET\n");
}

static void test_settings_read_the_crm(void **state)
{
    char url[] = "KABAO_CRM_URL=https://crm.example/hook";
    char mode[] = "KABAO_ACCOUNT_DEMO_ACTIVATION=crm";
    char deadline[] = "KABAO_ACCOUNT_DEMO_ACTIVATION_DEADLINE_S=30";
    AUTO(loaded_done)
    struct loaded l = load_with(
        DEMO "[crm]\nurl = http://localhost:1/\nsecret_file = /s\nsecret_previous_file = /p\n"
             "ca_file = /c\ntimeout_ms = 100\nmax_inflight = 1024\n"
             "events = kabao.bonus.changed  kabao.wechat.user_*\n",
        ENVIRONMENT(url, mode, deadline));

    (void)state;
    assert_int_equal(l.rc, ST_OK);
    assert_int_equal(l.strangers.len, 0);
    assert_string_equal(l.s->crm.url, "https://crm.example/hook");
    assert_string_equal(l.s->crm.secret_file, "/s");
    assert_string_equal(l.s->crm.secret_previous_file, "/p");
    assert_string_equal(l.s->crm.ca_file, "/c");
    assert_int_equal(l.s->crm.timeout_ms, 100);
    assert_int_equal(l.s->crm.max_inflight, 1024);
    assert_string_equal(l.s->crm.events, "kabao.bonus.changed  kabao.wechat.user_*");
    assert_int_equal(l.s->accounts[0].activation, ACTIVATION_CRM);
    assert_int_equal(l.s->accounts[0].activation_deadline_s, 30);
}

static void test_settings_refuse_a_bad_crm(void **state)
{
    (void)state;
    REFUSALS(load("[crm]\nurl = http://crm.example\nsecret_previous_file = /p\ntimeout_ms = 99\n"
                  "max_inflight = 1025\nevents = kabao.member.changed, kabao.card.*\nca_file =\n"
                  "secret = x\n"),
             ":2: [crm] url must be an https:// address",
             ":3: [crm] secret_previous_file needs secret",
             ":4: [crm] timeout_ms must be a number from 100 to 60000, not \"99\"",
             ":5: [crm] max_inflight must be a number from 1 to 1024",
             ":6: [crm] events must be words of a-z, 0-9, _, . and *, separated by blanks",
             ":7: [crm] ca_file must be the path of a file", ":8: [crm] has no key \"secret\"");
}

/* Only the programs that use it need the CRM's address. */
static void test_settings_activation_by_the_crm_needs_no_crm_here(void **state)
{
    AUTO(loaded_done) struct loaded l = load(DEMO "activation = crm\n");

    (void)state;
    assert_int_equal(l.rc, ST_OK);
}

static void test_settings_print_what_effects_go_by(void **state)
{
    AUTO(buf_done) struct buf once = BUF_INIT(OUTPUT_MAX);
    AUTO(buf_done) struct buf twice = BUF_INIT(OUTPUT_MAX);

    (void)state;
    print(DEMO "membership_number = prefix:V\n[quota]\n/card/code/get = 5/day\ndefault = 60/min\n"
               "/b = 1/min\n[crm]\nurl = https://crm.example\nsecret_file = /run/secrets/crm\n"
               "secret_previous_file = /run/secrets/old\n",
          NULL, &once);
    assert_non_null(strstr(once.ptr, "membership_number = prefix:V\ninit_bonus = 0\n"));
    assert_non_null(strstr(once.ptr, "activation = none\nactivation_deadline_s = 600\n"));
    assert_non_null(strstr(once.ptr, "[quota]\ndefault = 60/min\nreplay_share = 0.2\n"
                                     "/card/code/get = 5/day\n/b = 1/min\n\n"));
    assert_non_null(strstr(once.ptr,
                           "[crm]\nurl = https://crm.example\n"
                           "secret_file = /run/secrets/crm\n"
                           "secret_previous_file = /run/secrets/old\ntimeout_ms = 10000\n"));
    assert_null(strstr(once.ptr, "= ***"));
    print(once.ptr, NULL, &twice);
    assert_string_equal(once.ptr, twice.ptr);
}

static void test_settings_print_no_limit_where_there_is_none(void **state)
{
    AUTO(buf_done) struct buf out = BUF_INIT(OUTPUT_MAX);

    (void)state;
    print(DEMO, NULL, &out);
    assert_non_null(strstr(out.ptr, "[quota]\nreplay_share = 0.2\n\n"));
    assert_null(strstr(out.ptr, "landing_url"));
}

static void test_settings_describe_what_effects_go_by(void **state)
{
    static const char *const lines[] = {
        "#activation = none\n",
        "#activation_deadline_s = 600\n",
        "#pending_after_s = 600\n",
        "#activation_fallback = activate\n",
        "#membership_number = code\n",
        "#init_bonus = 0\n",
        "#on_gift = fresh\n",
        "#foreign_points = adopt\n",
        "#landing_url =\n",
        "\n[quota]\n",
        "#/card/membercard/updateuser =\n",
        "file only)\n#default =\n",
        "file only)\n#replay_share = 0.2\n",
        "\n[crm]\n",
        "#secret_previous_file =\n",
        "#timeout_ms = 10000\n",
        "#max_inflight = 32\n",
        "kabao.activation.* kabao.bonus.changed kabao.binding.*\n",
    };
    AUTO(buf_done) struct buf out = BUF_INIT(OUTPUT_MAX);

    (void)state;
    settings_describe(&out);
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        if (strstr(out.ptr, lines[i]) == NULL)
            fail_msg("\"%s\" is not described", lines[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings_of_effects_have_the_documented_defaults),
        cmocka_unit_test(test_settings_read_activation_and_points),
        cmocka_unit_test(test_settings_refuse_bad_activation_and_points),
        cmocka_unit_test(test_settings_read_quotas),
        cmocka_unit_test(test_settings_refuse_bad_quotas),
        cmocka_unit_test(test_settings_quotas_have_no_environment_form),
        cmocka_unit_test(test_settings_read_the_crm),
        cmocka_unit_test(test_settings_refuse_a_bad_crm),
        cmocka_unit_test(test_settings_activation_by_the_crm_needs_no_crm_here),
        cmocka_unit_test(test_settings_print_what_effects_go_by),
        cmocka_unit_test(test_settings_print_no_limit_where_there_is_none),
        cmocka_unit_test(test_settings_describe_what_effects_go_by),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
