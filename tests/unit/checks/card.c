/* SPDX-License-Identifier: Apache-2.0 */
/* What kabaoctl check --live says of a card template. */
#include "ctl/check_card.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

#define BASE       "\"base_info\":{\"title\":\"card\",\"status\":\"CARD_STATUS_VERIFY_OK\""
#define CARD(more) "{" BASE "}," more "}"

static char name[] = "demo";
static char page[] = "https://shop.example/";

/* All findings, a line each: "FAIL text". */
struct told {
    char text[8192];
    size_t count;
};

static void note(void *arg, enum check_state state, const char *text)
{
    static const char *const states[] = {"OK", "NOTE", "FAIL", "SKIP"};
    struct told *told = arg;
    size_t at = strlen(told->text);

    (void)snprintf(told->text + at, sizeof(told->text) - at, "%s %s\n", states[state], text);
    told->count++;
}

static struct told judge(const char *card, const struct account *account)
{
    AUTO(json_freep) struct json *json = NULL;
    struct told told = {0};
    const struct check_findings findings = {note, &told};
    struct err err;

    assert_int_equal(json_parse(str_from(card), &json, &err), ST_OK);
    card_judge(json, account, &findings);
    return told;
}

static struct account with(enum activation_mode activation)
{
    return (struct account){.name = name, .activation = activation, .landing_url = page};
}

static enum card_mode mode_of(const char *card)
{
    AUTO(json_freep) struct json *json = NULL;
    struct err err;

    assert_int_equal(json_parse(str_from(card), &json, &err), ST_OK);
    return card_mode(json);
}

static void test_card_mode_is_what_wechat_makes_of_the_flags(void **state)
{
    (void)state;
    assert_int_equal(mode_of("{}"), CARD_NONE);
    assert_int_equal(mode_of("{\"wx_activate\":false,\"activate_url\":\" \"}"), CARD_NONE);
    assert_int_equal(mode_of("{\"activate_url\":\"https://a\"}"), CARD_PAGE);
    assert_int_equal(mode_of("{\"activate_app_brand_user_name\":\"gh_1@app\"}"), CARD_PAGE);
    assert_int_equal(mode_of("{\"wx_activate\":true}"), CARD_FORM);
    assert_int_equal(mode_of("{\"wx_activate\":1,\"activate_url\":\"https://a\"}"), CARD_FORM);
    assert_int_equal(mode_of("{\"wx_activate\":true,\"wx_activate_after_submit\":true}"),
                     CARD_JUMP);
    /* An address is enough. */
    assert_int_equal(mode_of("{\"wx_activate\":true,\"wx_activate_after_submit\":false,"
                             "\"wx_activate_after_submit_url\":\"https://a\"}"),
                     CARD_JUMP);
    /* It overrides the others. */
    assert_int_equal(mode_of("{\"auto_activate\":true,\"wx_activate\":true}"), CARD_AUTO);
    assert_int_equal(mode_of("{\"wx_activate\":\"nonsense\"}"), CARD_NONE);
}

static void test_card_that_fits_is_one_finding(void **state)
{
    static const struct {
        const char *card;
        enum activation_mode activation;
    } fits[] = {
        {CARD("\"auto_activate\":true"), ACTIVATION_NONE},
        {CARD("\"wx_activate\":true"), ACTIVATION_NONE},
        {CARD("\"wx_activate\":true,\"wx_activate_after_submit_url\":\"https://k/wechat/demo/"
              "activate\""),
         ACTIVATION_ON_TICKET},
        {CARD("\"activate_url\":\"https://k/wechat/demo/activate?x=1\""), ACTIVATION_CRM},
        {CARD("\"activate_url\":\"https://k/join\""), ACTIVATION_ON_RECEIVE},
        {CARD("\"supply_bonus\":true"), ACTIVATION_ON_RECEIVE},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(fits); i++) {
        const struct account account = with(fits[i].activation);
        const struct told told = judge(fits[i].card, &account);

        assert_int_equal(told.count, 1);
        assert_memory_equal(told.text, "OK ", 3);
    }
}

/* What stays inactive is a fault, whoever was to activate it. */
static void test_card_that_nobody_activates_fails(void **state)
{
    static const struct {
        const char *card;
        enum activation_mode activation;
    } faults[] = {
        {CARD("\"activate_url\":\"https://k/join\""), ACTIVATION_NONE},
        {CARD("\"wx_activate\":true,\"wx_activate_after_submit_url\":\"https://k/?x=1\""),
         ACTIVATION_NONE},
        {CARD("\"supply_bonus\":true"), ACTIVATION_NONE},
        {CARD("\"supply_bonus\":true"), ACTIVATION_ON_TICKET},
        {CARD("\"supply_bonus\":true"), ACTIVATION_CRM},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        const struct account account = with(faults[i].activation);
        const struct told told = judge(faults[i].card, &account);

        assert_int_equal(told.count, 2);
        assert_non_null(strstr(told.text, "FAIL [account demo] activation = "));
    }
}

static void test_card_leads_to_a_page_that_is_there(void **state)
{
    struct account account = with(ACTIVATION_ON_TICKET);
    struct told told;

    (void)state;
    account.landing_url = NULL;
    told = judge(CARD("\"activate_url\":\"https://k/wechat/demo/activate\""), &account);
    assert_non_null(strstr(told.text, "FAIL its page is kabao's, which is off"));
    /* Another account's is somebody else's page. */
    told = judge(CARD("\"activate_url\":\"https://k/wechat/other/activate\""), &account);
    assert_non_null(strstr(told.text, "NOTE WeChat opens https://k/wechat/other/activate"));
    told = judge(CARD("\"wx_activate\":true,\"wx_activate_after_submit_url\":\"https://k/a\""),
                 &account);
    assert_non_null(strstr(told.text, "?x=1"));
    told = judge(CARD("\"wx_activate\":true,\"wx_activate_after_submit_url\":\"https://k/a?b\""),
                 &account);
    assert_null(strstr(told.text, "?x=1"));
}

static void test_card_gifts_codes_points_and_stock(void **state)
{
    struct account account = with(ACTIVATION_NONE);
    static const char card[] = "{" BASE ",\"use_custom_code\":true,\"can_give_friend\":true,"
                               "\"sku\":{\"quantity\":0}},\"supply_bonus\":false,"
                               "\"auto_activate\":true}";
    struct told told = judge(card, &account);

    (void)state;
    assert_int_equal(told.count, 5);
    assert_non_null(strstr(told.text, "NOTE its codes are yours (use_custom_code)"));
    assert_non_null(strstr(told.text, "NOTE members may give it away"));
    assert_non_null(strstr(told.text, "NOTE it shows no points"));
    assert_non_null(strstr(told.text, "FAIL none is left"));
    account.on_gift = ON_GIFT_TRANSFER;
    told = judge(card, &account);
    assert_non_null(strstr(told.text, "OK members may give it away"));
}

static void test_card_of_odd_shape_is_told_and_no_more(void **state)
{
    const struct account account = with(ACTIVATION_NONE);
    struct told told = judge("{}", &account);

    (void)state;
    assert_non_null(strstr(told.text, "NOTE : in a state that kabao does not know"));
    told = judge("{\"base_info\":[1],\"auto_activate\":true,\"sku\":7}", &account);
    assert_int_equal(told.count, 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_card_mode_is_what_wechat_makes_of_the_flags),
        cmocka_unit_test(test_card_that_fits_is_one_finding),
        cmocka_unit_test(test_card_that_nobody_activates_fails),
        cmocka_unit_test(test_card_leads_to_a_page_that_is_there),
        cmocka_unit_test(test_card_gifts_codes_points_and_stock),
        cmocka_unit_test(test_card_of_odd_shape_is_told_and_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
