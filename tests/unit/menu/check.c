/* SPDX-License-Identifier: Apache-2.0 */
/* The limits of menu/create, and agreement with the schema of the command. */
#include "tests/unit/check.h"

#include "base/buf.h"
#include "ctl/menu_check.h"

#include <stdio.h>

enum { REPORT_MAX = 1 << 16 };

/* menu_fault_fn */
static void note(void *arg, const char *pointer, const char *why)
{
    buf_addf(arg, "%s %s\n", pointer, why);
}

/* What is told of a menu. */
static void check_report(const char *menu, const char *report)
{
    struct buf told = BUF_INIT(REPORT_MAX);
    struct menu_faults faults = {.tell = note, .arg = &told};
    struct json *tree = NULL;
    struct err err;

    assert_int_equal(json_parse(str_from(menu), &tree, &err), ST_OK);
    menu_check(tree, &faults);
    assert_string_equal(told.ptr ? told.ptr : "", report);
    assert_int_equal(faults.count == 0, *report == '\0');
    json_free(tree);
    buf_done(&told);
}

static void check_button(const char *button, const char *report)
{
    char menu[4096];

    (void)snprintf(menu, sizeof(menu), "{\"button\":[%s]}", button);
    check_report(menu, report);
}

static void check_sub(const char *button, const char *report)
{
    char menu[4096];

    (void)snprintf(menu, sizeof(menu), "{\"name\":\"n\",\"sub_button\":[%s]}", button);
    check_button(menu, report);
}

#define CLICK "{\"type\":\"click\",\"name\":\"n\",\"key\":\"k\"}"

static void test_menu_check_takes_what_each_type_needs(void **state)
{
    static const struct {
        const char *type;
        const char *rest;
    } rows[] = {
        {"click", "\"key\":\"k\""},
        {"view", "\"url\":\"https://shop.example/\""},
        {"miniprogram", "\"url\":\"http://a\",\"appid\":\"wx1\",\"pagepath\":\"p\""},
        {"scancode_push", "\"key\":\"k\""},
        {"scancode_waitmsg", "\"key\":\"k\""},
        {"pic_sysphoto", "\"key\":\"k\""},
        {"pic_photo_or_album", "\"key\":\"k\""},
        {"pic_weixin", "\"key\":\"k\""},
        {"location_select", "\"key\":\"k\""},
        {"media_id", "\"media_id\":\"m\""},
        {"view_limited", "\"media_id\":\"m\""},
        {"article_id", "\"article_id\":\"a\""},
        {"article_view_limited", "\"article_id\":\"a\""},
    };

    char button[512];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void)snprintf(button, sizeof(button), "{\"type\":\"%s\",\"name\":\"n\",%s}", rows[i].type,
                       rows[i].rest);
        check_button(button, "");
        check_sub(button, "");
        (void)snprintf(button, sizeof(button), "{\"type\":\"%s\",\"name\":\"n\"}", rows[i].type);
        assert_non_null(menu_type_find(str_from(rows[i].type)));
        assert_non_null(menu_type_find(str_from(rows[i].type))->needs[0]);
    }
    check_button("{\"type\":\"miniprogram\",\"name\":\"n\"}",
                 "/button/0/url is required by the type miniprogram\n"
                 "/button/0/appid is required by the type miniprogram\n"
                 "/button/0/pagepath is required by the type miniprogram\n");
    check_button("{\"type\":\"text\",\"name\":\"n\",\"value\":\"v\"}",
                 "/button/0/type is none that menu/create takes\n"
                 "/button/0/value is nothing that menu/create takes\n");
    check_button("{\"name\":\"n\",\"sub_button\":[]}", "/button/0/type is required\n");
}

static void test_menu_check_counts_bytes(void **state)
{
    char button[2048];

    (void)state;
    check_button("{\"type\":\"click\",\"name\":\"\xe4\xb8\x80\xe4\xb8\x80\xe4\xb8\x80"
                 "\xe4\xb8\x80\xe4\xb8\x80x\",\"key\":\"k\"}",
                 "");
    check_button("{\"type\":\"click\",\"name\":\"\xe4\xb8\x80\xe4\xb8\x80\xe4\xb8\x80"
                 "\xe4\xb8\x80\xe4\xb8\x80xx\",\"key\":\"k\"}",
                 "/button/0/name must be at most 16 bytes\n");
    (void)snprintf(button, sizeof(button),
                   "{\"type\":\"click\",\"name\":\"%060d\",\"key\":\"%0128d\"}", 0, 0);
    check_sub(button, "");
    (void)snprintf(button, sizeof(button),
                   "{\"type\":\"click\",\"name\":\"%061d\",\"key\":\"%0129d\"}", 0, 0);
    check_sub(button, "/button/0/sub_button/0/name must be at most 60 bytes\n"
                      "/button/0/sub_button/0/key must be at most 128 bytes\n");
    (void)snprintf(button, sizeof(button),
                   "{\"type\":\"view\",\"name\":\"n\",\"url\":\"https://a/%01014d\"}", 0);
    check_button(button, "");
    (void)snprintf(button, sizeof(button),
                   "{\"type\":\"view\",\"name\":\"n\",\"url\":\"https://a/%01015d\"}", 0);
    check_button(button, "/button/0/url must be at most 1024 bytes\n");
}

static void test_menu_check_names_what_is_wrong(void **state)
{
    (void)state;
    check_report("[]", " must be an object with the member button\n");
    check_report("null", " must be an object with the member button\n");
    check_report("{}", "/button is required\n");
    check_report("{\"menuid\":1,\"button\":[" CLICK "]}",
                 "/menuid is nothing that menu/create takes\n");
    check_report("{\"button\":{}}", "/button must be a list\n");
    check_report("{\"button\":[]}",
                 "/button must have a button; 'kabaoctl menu delete' takes a menu down\n");
    check_button(CLICK "," CLICK "," CLICK, "");
    check_button(CLICK "," CLICK "," CLICK "," CLICK, "/button must have at most 3 buttons\n");
    check_sub(CLICK "," CLICK "," CLICK "," CLICK "," CLICK, "");
    check_sub(CLICK "," CLICK "," CLICK "," CLICK "," CLICK "," CLICK,
              "/button/0/sub_button must have at most 5 buttons\n");
    check_sub("{\"name\":\"n\",\"sub_button\":[" CLICK "]}",
              "/button/0/sub_button/0/sub_button a sub menu has no sub menus\n");
    check_button("7", "/button/0 must be an object\n");
    check_sub("null", "/button/0/sub_button/0 must be an object\n");
    check_button("{\"name\":\"n\",\"sub_button\":{}}", "/button/0/sub_button must be a list\n");
    check_sub("{\"name\":\"n\",\"sub_button\":7}",
              "/button/0/sub_button/0/sub_button must be a list\n");
    check_button("{\"type\":\"click\",\"key\":\"k\"}", "/button/0/name is required\n");
    check_button("{\"type\":\"click\",\"name\":7,\"key\":\"k\"}",
                 "/button/0/name must be a text\n");
    check_button("{\"type\":\"click\",\"name\":\"\",\"key\":\"k\"}",
                 "/button/0/name must not be empty\n");
    check_button("{\"type\":\"click\",\"name\":\"n\",\"key\":7}", "/button/0/key must be a text\n");
    check_button("{\"type\":\"click\",\"name\":\"n\",\"key\":\"\"}",
                 "/button/0/key is required by the type click\n");
    check_button("{\"type\":\"view\",\"name\":\"n\",\"url\":\"ftp://a\"}",
                 "/button/0/url must begin with http:// or https://\n");
    check_button("{\"type\":7,\"name\":\"n\"}", "/button/0/type is none that menu/create takes\n");
}

static void test_menu_check_looks_at_what_stands_beside_a_sub_menu(void **state)
{
    (void)state;
    check_button("{\"type\":\"text\",\"name\":\"n\",\"key\":7,\"sub_button\":[" CLICK "]}",
                 "/button/0/key must be a text\n/button/0/type is none that menu/create takes\n");
    check_button("{\"type\":\"click\",\"name\":\"n\",\"sub_button\":[" CLICK "]}", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_menu_check_takes_what_each_type_needs),
        cmocka_unit_test(test_menu_check_counts_bytes),
        cmocka_unit_test(test_menu_check_names_what_is_wrong),
        cmocka_unit_test(test_menu_check_looks_at_what_stands_beside_a_sub_menu),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
