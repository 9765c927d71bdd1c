/* SPDX-License-Identifier: Apache-2.0 */
#include "app/table.h"

#include "codec/json.h"
#include "tests/unit/app/output.h"

static const char *const COLUMNS[] = {"topic", "lag", NULL};

struct print {
    bool json;
    const struct str *cells;
    size_t rows;
};

static int print_table(void *arg)
{
    const struct print *p = arg;
    AUTO(text_table_freep) struct text_table *t = text_table_new(COLUMNS, p->json);

    if (!t)
        return 1;
    for (size_t i = 0; i < p->rows; i++)
        if (!text_table_row(t, p->cells + i * 2))
            return 2;
    return text_table_print(t) ? 0 : 3;
}

static void print(struct output *out, bool json, const struct str *cells, size_t rows)
{
    struct print p = {json, cells, rows};

    assert_int_equal(output_of(out, print_table, &p), 0);
}

static struct json *parsed(const struct output *out)
{
    struct json *json = NULL;
    struct err err = {0};

    if (json_parse(str_from(out->text), &json, &err) != ST_OK)
        fail_msg("%s: %s", err.text, out->text);
    return json;
}

static void test_table_json_is_a_list_of_objects(void **state)
{
    (void)state;
    static struct output out;
    AUTO(json_freep) struct json *list = NULL;
    const struct str cells[] = {
        STR_INIT("a [x] \"q\" \\ ]\n"), STR_INIT("1"), STR_INIT("会员"), {NULL, 0}};

    print(&out, true, cells, 2);
    list = parsed(&out);
    assert_true(json_is(list, JSON_ARRAY));
    assert_int_equal(json_len(list), 2);
    assert_true(str_eq(json_get_str(json_at(list, 0), "topic"), cells[0]));
    assert_true(str_eq_cstr(json_get_str(json_at(list, 0), "lag"), "1"));
    assert_true(str_eq(json_get_str(json_at(list, 1), "topic"), cells[2]));
    assert_false(str_is_set(json_get_str(json_at(list, 1), "lag")));
}

static void test_table_json_of_no_rows_is_an_empty_list(void **state)
{
    (void)state;
    static struct output out;
    AUTO(json_freep) struct json *list = NULL;

    print(&out, true, NULL, 0);
    list = parsed(&out);
    assert_true(json_is(list, JSON_ARRAY));
    assert_int_equal(json_len(list), 0);
}

static void test_table_for_people_is_aligned(void **state)
{
    (void)state;
    static struct output out;
    const struct str cells[] = {STR_INIT("event.wechat"), STR_INIT("1"), STR_INIT("x"),
                                STR_INIT("22")};

    print(&out, false, cells, 2);
    assert_string_equal(out.text, "TOPIC        LAG\nevent.wechat 1\nx            22\n");
}

static void test_table_long_cells_stay_whole(void **state)
{
    (void)state;
    static struct output out;
    static char text[20000];
    AUTO(json_freep) struct json *list = NULL;
    struct str cells[2] = {{text, sizeof(text)}, STR("")};

    memset(text, 'x', sizeof(text));
    print(&out, true, cells, 1);
    list = parsed(&out);
    assert_int_equal(json_get_str(json_at(list, 0), "topic").len, sizeof(text));
}

static int print_tree(void *arg UNUSED)
{
    static const struct str root[] = {STR_INIT("root"), STR_INIT("1")};
    static const struct str leaf[] = {STR_INIT("leaf"), STR_INIT("2")};
    AUTO(text_table_freep) struct text_table *t = text_table_new(COLUMNS, false);
    struct text_line *line;

    if (!t || !text_table_tree(t, "topic") || text_table_tree(t, "nothing"))
        return 1;
    line = text_table_branch(t, NULL, root);
    if (!line || !text_line_colour(line, 1, TEXT_BAD))
        return 2;
    line = text_table_branch(t, line, leaf);
    return line && text_table_print(t) ? 0 : 3;
}

static void test_table_tree_shows_branches_and_no_colours_in_a_file(void **state)
{
    static struct output out;
    const char *root;
    const char *leaf;

    (void)state;
    assert_int_equal(output_of(&out, print_tree, NULL), 0);
    root = strstr(out.text, "root");
    leaf = strstr(out.text, "leaf");
    assert_true(root && leaf && leaf > root);
    assert_int_not_equal(leaf[-1], '\n');
    assert_null(strchr(out.text, '\033'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_json_is_a_list_of_objects),
        cmocka_unit_test(test_table_json_of_no_rows_is_an_empty_list),
        cmocka_unit_test(test_table_for_people_is_aligned),
        cmocka_unit_test(test_table_long_cells_stay_whole),
        cmocka_unit_test(test_table_tree_shows_branches_and_no_colours_in_a_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
