/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/topics.h"

#include "tests/unit/check.h"

#include <string.h>

static char prefix[] = "kabao";
static const struct settings_topic SETTINGS = {.prefix = prefix};

static void test_topics_rows_are_whole_and_consistent(void **state)
{
    (void)state;
    for (int t = TOPIC_NONE + 1; t < TOPIC_COUNT; t++) {
        const struct topic_def *def = topic_def((enum topic)t);

        assert_int_equal(def->topic, t);
        assert_non_null(def->key);
        assert_non_null(def->help);
        assert_int_equal(def->compact, def->retention_hours == -1);
        assert_int_equal(def->per_worker, def->name[strlen(def->name) - 1] == '.');
        assert_int_equal(strspn(def->name, "abcdefghijklmnopqrstuvwxyz."), strlen(def->name));
    }
}

static void test_topics_names_are_unique(void **state)
{
    (void)state;
    for (int a = TOPIC_NONE + 1; a < TOPIC_COUNT; a++)
        for (int b = a + 1; b < TOPIC_COUNT; b++)
            assert_string_not_equal(topic_def((enum topic)a)->name, topic_def((enum topic)b)->name);
}

static void test_topics_name_has_prefix_and_version(void **state)
{
    char name[TOPIC_NAME_SIZE];

    (void)state;
    topic_name(&SETTINGS, TOPIC_EVENT_WECHAT, NULL, name);
    assert_string_equal(name, "kabao.event.wechat.v1");
    topic_name(&SETTINGS, TOPIC_STATE_TOKEN, "member", name);
    assert_string_equal(name, "kabao.state.token.v1");
    topic_name(&SETTINGS, TOPIC_CMD_ACTIVATION, NULL, name);
    assert_string_equal(name, "kabao.cmd.activation.v1");
    topic_name(&SETTINGS, TOPIC_CMD_BONUS, NULL, name);
    assert_string_equal(name, "kabao.cmd.bonus.v1");
    topic_name(&SETTINGS, TOPIC_RESULT_BONUS, NULL, name);
    assert_string_equal(name, "kabao.result.bonus.v1");
}

static void test_topics_name_of_a_family_has_the_worker(void **state)
{
    char name[TOPIC_NAME_SIZE];

    (void)state;
    topic_name(&SETTINGS, TOPIC_DLQ, "member", name);
    assert_string_equal(name, "kabao.dlq.member.v1");
    topic_name(&SETTINGS, TOPIC_REDRIVE, "store", name);
    assert_string_equal(name, "kabao.redrive.store.v1");
}

static void test_topics_know_workers_by_name(void **state)
{
    size_t count = 0;

    (void)state;
    for (const struct topic_worker *w = topic_workers(); w->name; w++, count++)
        assert_ptr_equal(topic_worker(w->name), w);
    assert_int_equal(count, 9);
    assert_int_equal(topic_worker("member")->inputs[0], TOPIC_EVENT_WECHAT);
    assert_null(topic_worker("members"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_topics_rows_are_whole_and_consistent),
        cmocka_unit_test(test_topics_names_are_unique),
        cmocka_unit_test(test_topics_name_has_prefix_and_version),
        cmocka_unit_test(test_topics_name_of_a_family_has_the_worker),
        cmocka_unit_test(test_topics_know_workers_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
