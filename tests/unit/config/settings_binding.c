/* SPDX-License-Identifier: Apache-2.0 */
/* The keys that bindings, replies and verification codes go by. */
#include "config/settings.h"
#include "tests/unit/check.h"
#include "tests/unit/config/load.h"

static void test_settings_of_bindings_have_the_documented_defaults(void **state)
{
    AUTO(loaded_done) struct loaded l = load(DEMO);
    const struct settings *s = l.s;

    (void)state;
    assert_int_equal(l.rc, ST_OK);
    assert_int_equal(s->accounts[0].binding, BINDING_PENDING);
    assert_null(s->accounts[0].binding_prefix);
    assert_int_equal(s->accounts[0].rebind, REBIND_MANY);
    assert_null(s->accounts[0].bind_texts_file);
    assert_null(s->accounts[0].autoreply_file);
    assert_null(s->verify.key_file);
    assert_string_equal(s->verify.channels, "custom template subscribe webhook");
    assert_int_equal(s->verify.ttl_s, 300);
    assert_int_equal(s->verify.attempts, 5);
    assert_int_equal(s->verify.resend_s, 60);
    assert_int_equal(s->verify.per_openid_day, 10);
    assert_int_equal(s->verify.per_account_day, 10000);
    assert_null(s->verify.sms_url);
    assert_null(s->verify.sms_secret_file);
}

static void test_settings_read_bindings_and_codes(void **state)
{
    AUTO(loaded_done)
    struct loaded l =
        load(DEMO "binding = open\nbinding_prefix = m-\nrebind = replace\n"
                  "bind_texts_file = /etc/kabao/texts.json\n"
                  "autoreply_file = /etc/kabao/replies.json\n"
                  "[account b]\nappid = wx2\nrebind = refuse\n"
                  "[verify]\nkey_file = /etc/kabao/verify.key\nchannels = webhook custom\n"
                  "ttl_s = 30\nattempts = 1\nresend_s = 0\nper_openid_day = 1\n"
                  "per_account_day = 1\nsms_url = http://127.0.0.1:9/sms\n"
                  "sms_secret_file = /etc/kabao/sms.secret\n");
    const struct account *a = &l.s->accounts[0];

    (void)state;
    assert_int_equal(l.rc, ST_OK);
    assert_int_equal(a->binding, BINDING_OPEN);
    assert_string_equal(a->binding_prefix, "m-");
    assert_int_equal(a->rebind, REBIND_REPLACE);
    assert_string_equal(a->bind_texts_file, "/etc/kabao/texts.json");
    assert_string_equal(a->autoreply_file, "/etc/kabao/replies.json");
    assert_int_equal(l.s->accounts[1].rebind, REBIND_REFUSE);
    assert_string_equal(l.s->verify.channels, "webhook custom");
    assert_int_equal(l.s->verify.ttl_s, 30);
    assert_int_equal(l.s->verify.attempts, 1);
    assert_int_equal(l.s->verify.resend_s, 0);
    assert_string_equal(l.s->verify.sms_url, "http://127.0.0.1:9/sms");
}

static void test_settings_refuse_bad_bindings_and_codes(void **state)
{
    (void)state;
    REFUSALS(load(DEMO "binding = all\nbinding_prefix = m/\nrebind = never\n"
                       "[verify]\nchannels = custom sms\nttl_s = 29\nattempts = 11\n"
                       "sms_url = http://shop.example/sms\n"),
             ":3: [account] binding must be one of pending, open, not \"all\"",
             ":4: [account] binding_prefix must be 1 to 32 letters, digits, _ . : or -",
             ":5: [account] rebind must be one of many, replace, refuse, not \"never\"",
             ":7: [verify] channels must be words of custom, template, subscribe, webhook",
             ":8: [verify] ttl_s must be a number from 30 to 3600, not \"29\"",
             ":9: [verify] attempts must be a number from 1 to 10, not \"11\"",
             ":10: [verify] sms_url must be an https:// address");
}

static void test_settings_check_what_binding_and_codes_need(void **state)
{
    (void)state;
    REFUSALS(load(DEMO "binding = open\n[verify]\nsms_url = https://shop.example/sms\n"),
             "[account demo] binding = open needs binding_prefix",
             "[verify] sms_url needs sms_secret_file");
    REFUSALS(
        load(DEMO "binding = open\nbinding_prefix = bind-\n"),
        "[account demo] binding_prefix may not begin as scenes of bind.start and verify.start");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings_of_bindings_have_the_documented_defaults),
        cmocka_unit_test(test_settings_read_bindings_and_codes),
        cmocka_unit_test(test_settings_refuse_bad_bindings_and_codes),
        cmocka_unit_test(test_settings_check_what_binding_and_codes_need),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
