/* SPDX-License-Identifier: Apache-2.0 */
/* What records of event.binding, and results of bind.start, make of a scene: in every order. */
#include "scenes.h"

#include "base/attr.h"
#include "base/clock.h"
#include "intake.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

#define APPID "wx0123456789abcdef"
#define SCENE "bind-0af7651916cd43dd8448eb211c80319c"
#define ID    APPID ":" SCENE

enum { NOW = 100000, RECORDS_MAX = 5, TEXT_MAX = 400, PLENTY = 1 << 20 };

struct rig {
    struct intake in;
    struct outcome_watch watch;
    char seen[16]; /* on_wake: what is known of the scene then */
};

static const char *state_of(struct outcomes *scenes, const char *id, char out[TEXT_MAX])
{
    static const char *const names[] = {"unknown", "pending", "done", "gone"};
    struct outcome_view view;

    outcomes_get(scenes, str_from(id), NOW, &view);
    (void)str_copy(view.result ? outcome_text(view.result) : str_from(names[view.state]), out,
                   TEXT_MAX);
    outcome_text_release(view.result);
    return out;
}

static void on_wake(void *arg)
{
    struct rig *rig = arg;
    char text[TEXT_MAX];

    (void)str_copy(str_from(state_of(rig->in.scenes, ID, text)), rig->seen, sizeof(rig->seen));
}

static void rig_open(struct rig *rig)
{
    static const struct settings settings;

    *rig = (struct rig){.in = {.settings = &settings,
                               .commands = outcomes_new(900000, PLENTY),
                               .scenes = outcomes_new(86400000, PLENTY)}};
    assert_non_null(rig->in.commands);
    assert_non_null(rig->in.scenes);
    outcome_watch_init(&rig->watch, on_wake, rig);
}

static void rig_close(struct rig *rig)
{
    outcomes_free(rig->in.commands);
    outcomes_free(rig->in.scenes);
}

static void take(struct rig *rig, const struct feed_source *source, struct str data)
{
    const struct cloudevent event = {.id = STR("e"), .appid = STR(APPID)};
    const struct feed_record record = {
        .event = &event, .value = data, .data = data, .written_at_ms = NOW};

    source->take(&rig->in, &record);
}

/* "bound 7 o1": kind, second, openid; a kind with '/' is refused/REASON. */
static struct str record_of(const char *spec, char out[TEXT_MAX])
{
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
    char at[] = "2030-01-02T03:04:00Z";
    struct str rest = str_from(spec);
    struct str second;
    struct binding b = {
        .account = STR("demo"), .appid = STR(APPID), .scene = STR(SCENE), .at = str_from(at)};

    (void)str_cut(rest, ' ', &b.kind, &rest);
    (void)str_cut(rest, ' ', &second, &rest);
    (void)str_cut(b.kind, '/', &b.kind, &b.reason);
    at[sizeof(at) - 3] = second.ptr[0];
    if (rest.len > 0)
        b.openid = rest;
    if (str_eq(b.kind, STR("pending")))
        b.expires_at = STR("2030-01-02T03:14:00Z");
    binding_write(&b, &text);
    assert_true(str_copy(buf_str(&text), out, TEXT_MAX));
    return str_from(out);
}

struct story {
    const char *records[RECORDS_MAX];
    const char *end; /* a record, or a state */
};

static void check_order(const struct story *story, const size_t *order, size_t count)
{
    char text[TEXT_MAX];
    char found[TEXT_MAX];
    struct rig rig;

    rig_open(&rig);
    for (size_t round = 0; round < 2; round++) /* all of it is read again after a restart */
        for (size_t i = 0; i < count; i++)
            take(&rig, &INTAKE_SCENES[0], record_of(story->records[order[i]], text));
    assert_string_equal(state_of(rig.in.scenes, ID, found),
                        strchr(story->end, ' ') ? record_of(story->end, text).ptr : story->end);
    rig_close(&rig);
}

static void swap(size_t *a, size_t *b)
{
    const size_t kept = *a;

    *a = *b;
    *b = kept;
}

/* The next in lexical order; false after the last. */
static bool permute(size_t *order, size_t count)
{
    size_t i = count - 1;
    size_t k = count - 1;

    while (i > 0 && order[i - 1] >= order[i])
        i--;
    if (i == 0)
        return false;
    while (order[k] <= order[i - 1])
        k--;
    swap(&order[i - 1], &order[k]);
    for (k = count - 1; i < k; i++, k--)
        swap(&order[i], &order[k]);
    return true;
}

static void test_scenes_end_the_same_in_any_order(void **state)
{
    static const struct story stories[] = {
        {{"pending 1 "}, "pending"},
        {{"scanned 1 o1", "pending 1 "}, "pending"},
        {{"pending 1 ", "scanned 2 o1", "bound 2 o1"}, "bound 2 o1"},
        {{"pending 1 ", "scanned 2 o1", "code_sent 2 o1", "code_verified 3 o1"}, "code_sent 2 o1"},
        {{"pending 1 ", "bound 2 o1", "refused/used 3 o2", "unbound 4 o1"}, "bound 2 o1"},
        {{"pending 1 ", "bound 2 o1", "refused/used 2 o2", "refused/expired 9 o3"}, "bound 2 o1"},
        {{"pending 1 ", "refused/rebind 2 o1", "refused/used 3 o2"}, "refused/rebind 2 o1"},
        {{"pending 1 ", "refused/undelivered 2 o1", "refused/expired 8 o1"},
         "refused/undelivered 2 o1"},
        {{"refused/expired 8 o1", "refused/expired 9 o2", "pending 1 "}, "refused/expired 8 o1"},
        {{"pending 1 ", "refused/used 2 o1"}, "pending"},
        {{"pending 1 ", "refused/unknown 2 o1"}, "pending"},
        /* open ones may be scanned again, by two in one second */
        {{"bound 2 o1", "bound 3 o2", "unbound 4 o1"}, "bound 3 o2"},
        {{"bound 3 o1", "bound 3 o2", "refused/rebind 1 o3"}, "bound 3 o2"},
        {{"scanned 1 o1", "refused/unknown 1 o1", "unbound 3 o1", "code_verified 4 o1"}, "unknown"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(stories); i++) {
        size_t order[RECORDS_MAX] = {0, 1, 2, 3, 4};
        size_t count = 0;

        while (count < RECORDS_MAX && stories[i].records[count])
            count++;
        do
            check_order(&stories[i], order, count);
        while (permute(order, count));
    }
}

static void give_result(struct rig *rig, const char *type, const char *outcome)
{
    char text[TEXT_MAX];

    (void)snprintf(text, sizeof(text),
                   "{\"account\":\"demo\",\"type\":\"%s\",\"command_id\":\"c\",\"outcome\":\"%s\","
                   "\"answer\":{\"scene\":\"" SCENE "\",\"expires_at\":\"2030-01-02T03:14:00Z\"}}",
                   type, outcome);
    take(rig, &INTAKE_COMMANDS[2], str_from(text));
}

/* Nothing of event.binding has been read yet. */
static void test_scenes_wait_before_who_asked_for_them_hears(void **state)
{
    static const char *const types[] = {"bind.start", "verify.start"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        const struct outcome_key key = {.id = STR("c")};
        struct outcome_wait w = {.any = true};
        char text[TEXT_MAX];
        struct rig rig;

        rig_open(&rig);
        outcomes_saw_command(rig.in.commands, &key, NOW);
        assert_true(outcomes_wait(rig.in.commands, key.id, &rig.watch, &w));
        give_result(&rig, types[i], "done");
        assert_string_equal(rig.seen, "pending");
        take(&rig, &INTAKE_SCENES[0], record_of("bound 2 o1", text));
        give_result(&rig, types[i], "done"); /* read again */
        assert_true(str_starts(str_from(state_of(rig.in.scenes, ID, text)), STR("{\"account\"")));
        assert_ptr_equal(outcomes_take(rig.in.commands, &rig.watch), &w);
        outcome_text_release(w.result);
        rig_close(&rig);
    }
}

static void test_scenes_other_results_start_none(void **state)
{
    char text[TEXT_MAX];
    struct rig rig;

    (void)state;
    rig_open(&rig);
    give_result(&rig, "bind.start", "failed");
    give_result(&rig, "bind.start", "rejected");
    give_result(&rig, "bind.end", "done");
    assert_string_equal(state_of(rig.in.scenes, ID, text), "unknown");
    rig_close(&rig);
}

static void test_scenes_know_when_they_lapse(void **state)
{
    struct outcome_view view;
    char text[TEXT_MAX];
    char at[CLOCK_RFC3339_SIZE];
    struct rig rig;

    (void)state;
    rig_open(&rig);
    take(&rig, &INTAKE_SCENES[0], record_of("pending 1 ", text));
    outcomes_get(rig.in.scenes, STR(ID), NOW, &view);
    clock_format_rfc3339(view.expires_ms, at);
    assert_string_equal(at, "2030-01-02T03:14:00.000Z");
    rig_close(&rig);
}

static void test_scenes_have_an_id_or_none(void **state)
{
    char out[SCENE_ID_SIZE];
    char longest[SCENE_ID_SIZE];

    (void)state;
    assert_true(str_eq(scenes_id(STR(APPID), STR(SCENE), out), STR(ID)));
    assert_false(str_is_set(scenes_id(STR(""), STR(SCENE), out)));
    assert_false(str_is_set(scenes_id(STR(APPID), STR(""), out)));
    assert_false(str_is_set(scenes_id(STR(APPID), STR("a\0b"), out)));
    memset(longest, 's', sizeof(longest));
    assert_true(str_is_set(scenes_id(STR("a"), str_of(longest, OUTCOME_ID_MAX - 2), out)));
    assert_false(str_is_set(scenes_id(STR("a"), str_of(longest, OUTCOME_ID_MAX - 1), out)));
    assert_true(str_eq(scenes_type(STR("verify-1")), STR("verify.start")));
    assert_true(str_eq(scenes_type(STR("bind-1")), STR("bind.start")));
    assert_true(str_eq(scenes_type(STR("user-1")), STR("bind.start")));
}

static void test_scenes_what_is_no_binding_changes_nothing(void **state)
{
    static const char *const records[] = {
        "{",
        "[]",
        "{\"kind\":\"bound\"}",
        "{\"account\":\"demo\",\"appid\":\"" APPID "\",\"kind\":\"bound\",\"at\":\"now\","
        "\"scene\":\"" SCENE "\"}",
        "{\"account\":\"demo\",\"appid\":\"" APPID "\",\"kind\":\"code_sent\",\"openid\":\"o\","
        "\"at\":\"2030-01-02T03:04:05Z\"}", /* verify.send's: of no scene */
    };
    char text[TEXT_MAX];
    struct rig rig;

    (void)state;
    rig_open(&rig);
    for (size_t i = 0; i < COUNT_OF(records); i++)
        take(&rig, &INTAKE_SCENES[0], str_from(records[i]));
    assert_string_equal(state_of(rig.in.scenes, ID, text), "unknown");
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenes_end_the_same_in_any_order),
        cmocka_unit_test(test_scenes_wait_before_who_asked_for_them_hears),
        cmocka_unit_test(test_scenes_other_results_start_none),
        cmocka_unit_test(test_scenes_know_when_they_lapse),
        cmocka_unit_test(test_scenes_have_an_id_or_none),
        cmocka_unit_test(test_scenes_what_is_no_binding_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
