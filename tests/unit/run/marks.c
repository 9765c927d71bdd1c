/* SPDX-License-Identifier: Apache-2.0 */
#include "run/marks.h"

#include "base/mem.h"
#include "run/offsets.h"
#include "tests/unit/check.h"
#include "tests/unit/seed.h"

enum { CEILING = 4096, RANGES_MAX = CEILING / 2, ROUNDS = 400, ALL = 1024, TWICE = 2 * ALL };

static const struct str TOPIC_ID = STR_INIT("TbVtGjRBQsKHZmVzqXHkJw");
static const char TEXT[] = "k1.ed8d65e9.AACfgAgAA_fAggA";

static const struct offset_range SAMPLE[] = {
    {1001, 1002}, {1005, 1037}, {1070, 1103}, {1104, 2160}, {2161, 3218}};

static struct offset_range out[RANGES_MAX + 1];

static void must_read(struct str text, int64_t commit, const struct offset_range *want,
                      size_t want_count)
{
    size_t count = SIZE_MAX;

    assert_true(marks_read(text, TOPIC_ID, commit, out, RANGES_MAX, &count));
    assert_int_equal(count, want_count);
    if (count > 0)
        assert_memory_equal(out, want, count * sizeof(*want));
}

static void must_refuse(struct str text, struct str topic_id, int64_t commit, size_t max)
{
    struct offset_range before = {-5, -6};
    size_t count = 77;

    out[0] = before;
    assert_false(marks_read(text, topic_id, commit, out, max, &count));
    assert_int_equal(count, 77);
    assert_memory_equal(&out[0], &before, sizeof(before));
}

static void test_marks_text_is_as_described(void **state)
{
    (void)state;
    AUTO(buf_done) struct buf text = BUF_INIT(CEILING);

    assert_int_equal(marks_write(TOPIC_ID, 1000, SAMPLE, COUNT_OF(SAMPLE), &text),
                     COUNT_OF(SAMPLE));
    assert_string_equal(text.ptr, TEXT);
    must_read(buf_str(&text), 1000, SAMPLE, COUNT_OF(SAMPLE));
}

static void test_marks_nothing_done_is_no_text(void **state)
{
    (void)state;
    AUTO(buf_done) struct buf text = BUF_INIT(CEILING);

    assert_int_equal(marks_write(TOPIC_ID, 5, NULL, 0, &text), 0);
    assert_int_equal(text.len, 0);
    assert_true(buf_ok(&text));
    must_read(STR(""), 5, NULL, 0);
    must_read(str_from(NULL), 5, NULL, 0);
}

static void test_marks_lengths_of_any_size_come_back(void **state)
{
    (void)state;
    struct offset_range range;

    for (int bits = 0; bits < 62; bits++) {
        for (int64_t near = -2; near <= 2; near++) {
            AUTO(buf_done) struct buf text = BUF_INIT(CEILING);
            int64_t length = ((int64_t)1 << bits) + (int64_t)((UINT64_C(1) << bits) / 32) + near;

            if (length < 1)
                continue;
            range = (struct offset_range){length, length + length};
            assert_int_equal(marks_write(TOPIC_ID, 0, &range, 1, &text), 1);
            must_read(buf_str(&text), 0, &range, 1);
            assert_in_range(text.len, 1, marks_bound(1, range.to));
        }
    }
    for (int64_t commit = 0; commit < 3; commit++) {
        AUTO(buf_done) struct buf text = BUF_INIT(CEILING);

        range = (struct offset_range){commit + 1, INT64_MAX};
        assert_int_equal(marks_write(TOPIC_ID, commit, &range, 1, &text), 1);
        must_read(buf_str(&text), commit, &range, 1);
    }
}

/* Every second one done, in runs of run. */
static size_t write_alternating(size_t unfinished, int64_t run, struct buf *text)
{
    static struct offset_range done[2 * RANGES_MAX];
    size_t written;

    assert_in_range(unfinished, 1, COUNT_OF(done));
    for (size_t i = 0; i < unfinished; i++)
        done[i].to = (done[i].from = 1000000 + (int64_t)i * (run + 1) + 1) + run;
    written = marks_write(TOPIC_ID, 1000000, done, unfinished, text);
    must_read(buf_str(text), 1000000, done, written);
    return written;
}

static void test_marks_alternating_records_fit(void **state)
{
    (void)state;

    static const struct {
        size_t unfinished;
        int64_t run;
        size_t len;
    } cases[] = {
        {ALL, 1, 12 + TWICE},
        {ALL, 32, 12 + TWICE},
        {ALL, 1056, 12 + 3 * ALL},
        {1021, 33824, 12 + 4084},
        {RANGES_MAX - 6, 32, 12 + 4084},
        {816, 1082400, 12 + 5 * 816},
        {1, INT64_C(1) << 40, 12 + 9},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(buf_done) struct buf text = BUF_INIT(CEILING);

        assert_int_equal(write_alternating(cases[i].unfinished, cases[i].run, &text),
                         cases[i].unfinished);
        assert_int_equal(text.len, cases[i].len);
    }
}

static void test_marks_the_lowest_that_fit_are_written(void **state)
{
    (void)state;
    AUTO(buf_done) struct buf whole = BUF_INIT(CEILING);

    assert_int_equal(write_alternating(5000 / 3, 1000, &whole), (CEILING - 12) / 3);
    assert_true(buf_ok(&whole));
    for (size_t ceiling = 0; ceiling < sizeof(TEXT) + 2; ceiling++) {
        AUTO(buf_done) struct buf text = BUF_INIT(ceiling);
        size_t written = marks_write(TOPIC_ID, 1000, SAMPLE, COUNT_OF(SAMPLE), &text);

        assert_true(buf_ok(&text));
        assert_in_range(text.len, 0, ceiling);
        assert_true((written == 0) == (text.len == 0));
        assert_true((written == COUNT_OF(SAMPLE)) == (ceiling >= sizeof(TEXT) - 1));
        must_read(buf_str(&text), 1000, SAMPLE, written);
    }
}

static void test_marks_any_damage_is_refused(void **state)
{
    (void)state;
    const size_t len = sizeof(TEXT) - 1;
    char text[sizeof(TEXT) + 1];

    for (size_t at = 0; at < len; at++) {
        for (int byte = 0; byte < 256; byte++) {
            memcpy(text, TEXT, sizeof(TEXT));
            if ((char)byte == TEXT[at])
                continue;
            text[at] = (char)byte;
            must_refuse(str_of(text, len), TOPIC_ID, 1000, RANGES_MAX);
        }
    }
    for (size_t short_len = 1; short_len < len; short_len++) {
        must_refuse(str_of(TEXT, short_len), TOPIC_ID, 1000, RANGES_MAX);
        must_refuse(str_of(TEXT + short_len, len - short_len), TOPIC_ID, 1000, RANGES_MAX);
    }
    for (int byte = 0; byte < 256; byte++) {
        memcpy(text, TEXT, sizeof(TEXT));
        text[len] = (char)byte;
        must_refuse(str_of(text, len + 1), TOPIC_ID, 1000, RANGES_MAX);
        memcpy(text + 1, TEXT, len);
        text[0] = (char)byte;
        must_refuse(str_of(text, len + 1), TOPIC_ID, 1000, RANGES_MAX);
    }
}

static void test_marks_belong_to_one_commit_of_one_topic(void **state)
{
    (void)state;
    struct str text = str_from(TEXT);

    must_refuse(text, TOPIC_ID, 999, RANGES_MAX);
    must_refuse(text, TOPIC_ID, 1001, RANGES_MAX);
    must_refuse(text, TOPIC_ID, 0, RANGES_MAX);
    must_refuse(text, TOPIC_ID, -1, RANGES_MAX);
    must_refuse(text, STR("TbVtGjRBQsKHZmVzqXHkJv"), 1000, RANGES_MAX);
    must_refuse(text, str_from(NULL), 1000, RANGES_MAX);
    must_refuse(text, TOPIC_ID, 1000, COUNT_OF(SAMPLE) - 1);
    must_refuse(STR("none of ours"), TOPIC_ID, 1000, RANGES_MAX);
}

/* The text that these lengths would have; the checksum is computed here a second way. */
static struct str sealed(const char *version, int64_t commit, const char *lengths, struct buf *text)
{
    AUTO(buf_done) struct buf covered = BUF_INIT(CEILING);
    uint32_t crc = UINT32_MAX;

    buf_addf(&covered, "%lld:%.*s:%s", (long long)commit, STR_ARG(TOPIC_ID), lengths);
    for (size_t i = 0; i < covered.len; i++) {
        crc ^= (uint8_t)covered.ptr[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ ((crc & 1) ? 0xEDB88320 : 0);
    }
    buf_clear(text);
    buf_addf(text, "%s.%08" PRIx32 ".%s", version, ~crc, lengths);
    return buf_str(text);
}

static void test_marks_a_right_checksum_is_not_enough(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "",   "A",   "AAA", "Ag",    "AAg", "AAAg",           "A A",  "A=",
        "AA", "AA.", "A+",  "A\x7F", "A/A", "AAAAAAAAAAAAA.", "AAgg", "\xC3\xA9",
    };
    AUTO(buf_done) struct buf text = BUF_INIT(CEILING);

    for (size_t i = 0; i < COUNT_OF(broken); i++)
        if (strcmp(broken[i], "AA") != 0)
            must_refuse(sealed("k1", 7, broken[i], &text), TOPIC_ID, 7, RANGES_MAX);
    must_read(sealed("k1", 7, "AA", &text), 7, &(struct offset_range){8, 9}, 1);
    must_refuse(sealed("k2", 7, "AA", &text), TOPIC_ID, 7, RANGES_MAX);
    must_refuse(sealed("K1", 7, "AA", &text), TOPIC_ID, 7, RANGES_MAX);
}

static void test_marks_lengths_never_overflow(void **state)
{
    (void)state;
    static const char *const lengths[] = {
        "3-----------GA",             /* from the highest offset there is */
        "4-----------GA",             /* from the one above */
        "A4-----------G",             /* up to there */
        "_-----------OA",             /* 2^64 */
        "_-----------C_-----------C", /* 2^62 and the same again */
        "-------------AA",            /* more digits than an offset has bits */
        "gggggggggggggAA",            /* the same, with nothing in them */
        "-------------------------",
    };
    AUTO(buf_done) struct buf text = BUF_INIT(CEILING);

    for (size_t i = 0; i < COUNT_OF(lengths); i++)
        must_refuse(sealed("k1", 7, lengths[i], &text), TOPIC_ID, 7, RANGES_MAX);
    must_read(sealed("k1", 7, "2-----------GA", &text), 7,
              &(struct offset_range){INT64_MAX - 1, INT64_MAX}, 1);
    must_refuse(sealed("k1", INT64_MAX, "AA", &text), TOPIC_ID, INT64_MAX, RANGES_MAX);
    must_refuse(sealed("k1", INT64_MAX - 1, "AA", &text), TOPIC_ID, INT64_MAX - 1, RANGES_MAX);
    must_read(sealed("k1", INT64_MAX - 2, "AA", &text), INT64_MAX - 2,
              &(struct offset_range){INT64_MAX - 1, INT64_MAX}, 1);
}

static void test_marks_bound_is_kept_and_reached(void **state)
{
    (void)state;
    struct seed seed = seed_start("marks bound");

    assert_int_equal(marks_bound(0, INT64_MAX), 0);
    assert_int_equal(marks_bound(1, 1), 13);
    assert_int_equal(marks_bound(ALL, TWICE), 12 + TWICE);
    assert_int_equal(marks_bound(ALL, TWICE + 32), 12 + TWICE + 1);
    assert_int_equal(marks_bound(2, 4 + 4 * 32 + 4 * 1024 + 1023), 12 + 4 + 4 + 4);
    assert_int_equal(marks_bound(2, 4 + 4 * 32 + 4 * 1024 + 32768), 12 + 4 + 4 + 4 + 1);
    assert_in_range(marks_bound(ALL, 67000), 0, CEILING);
    assert_in_range(marks_bound(680, 1600000), 0, CEILING);
    assert_in_range(marks_bound(512, 34000000), 0, CEILING);
    assert_in_range(marks_bound(170, INT64_MAX), 0, CEILING);
    assert_in_range(marks_bound(SIZE_MAX, INT64_MAX), CEILING, SIZE_MAX);
    for (int round = 0; round < ROUNDS; round++) {
        AUTO(buf_done) struct buf text = BUF_INIT(100000);
        struct offset_range done[ROUNDS];
        size_t count = 1 + seed_below(&seed, COUNT_OF(done));
        int64_t at = 3;

        for (size_t i = 0; i < count; i++) {
            done[i].from = at + 1 + (int64_t)(seed_next(&seed) >> (20 + seed_below(&seed, 44)));
            at = done[i].from + 1 + (int64_t)(seed_next(&seed) >> (20 + seed_below(&seed, 44)));
            done[i].to = at;
        }
        assert_int_equal(marks_write(TOPIC_ID, 3, done, count, &text), count);
        assert_in_range(text.len, 1, marks_bound(count, at - 3));
    }
}

static void test_marks_short_memory_writes_none(void **state)
{
    (void)state;
    AUTO(buf_done) struct buf text = BUF_INIT(CEILING);

    mem_fail_at(1, false);
    assert_int_equal(marks_write(TOPIC_ID, 1000, SAMPLE, COUNT_OF(SAMPLE), &text), 0);
    assert_false(buf_ok(&text));
    assert_int_equal(text.len, 0);
}

/* A worker in small: reads a log with gaps, finishes in any order, commits, is killed. Records are
 * taken in under the rule of marks_bound, so that the text holds every range. */
enum { LOG = 3000, SMALL_CEILING = 60, HAND_MAX = 30, NOTHING = -1 };

struct worker {
    struct offsets *offsets;
    bool exists[LOG];
    bool known[LOG]; /* done as of the last commit */
    bool done[LOG];
    int runs[LOG]; /* since the last start */
    int64_t hand[HAND_MAX];
    size_t in_hand;
    int64_t next;
    int64_t commit;
    struct buf text;
    size_t most; /* ranges in a text */
    size_t pressed;
};

static void worker_take_in(struct worker *w)
{
    int64_t commit = offsets_commit_point(w->offsets);
    int64_t base;

    while (w->next < LOG && !w->exists[w->next])
        w->next++;
    if (w->next >= LOG || w->in_hand == HAND_MAX)
        return;
    base = commit < 0 ? w->next : commit;
    if (marks_bound(w->in_hand + 1, w->next + 1 - base) > SMALL_CEILING) {
        w->pressed++;
        return;
    }
    assert_true(offsets_was_done(w->offsets, w->next) == w->known[w->next]);
    assert_true(offsets_reserve(w->offsets));
    offsets_add(w->offsets, w->next, 0, 0);
    if (!w->known[w->next]) {
        w->runs[w->next]++;
        w->hand[w->in_hand++] = w->next;
    }
    w->next++;
}

static void worker_finish_one(struct worker *w, struct seed *seed)
{
    size_t i;

    if (w->in_hand == 0)
        return;
    i = seed_below(seed, w->in_hand);
    if (i == 0 && seed_below(seed, 20) > 0)
        return; /* the first is often stuck */
    offsets_done(w->offsets, w->hand[i]);
    w->done[w->hand[i]] = true;
    w->in_hand--;
    memmove(&w->hand[i], &w->hand[i + 1], (w->in_hand - i) * sizeof(w->hand[0]));
}

static void worker_commit(struct worker *w)
{
    int64_t point = offsets_commit_point(w->offsets);
    size_t count = offsets_done_beyond(w->offsets, out, RANGES_MAX);

    if (point < 0)
        return;
    buf_clear(&w->text);
    assert_int_equal(marks_write(TOPIC_ID, point, out, count, &w->text), count);
    w->commit = point;
    w->most = count > w->most ? count : w->most;
    memcpy(w->known, w->done, sizeof(w->known));
}

/* Nothing is claimed that is not done, and nothing done is forgotten. */
static void worker_start(struct worker *w)
{
    bool claimed[LOG] = {false};
    size_t count = 0;

    offsets_free(w->offsets);
    w->offsets = offsets_new();
    assert_non_null(w->offsets);
    w->in_hand = 0;
    w->next = w->commit < 0 ? 0 : w->commit;
    memset(w->runs, 0, sizeof(w->runs));
    memcpy(w->done, w->known, sizeof(w->done));
    if (w->commit < 0)
        return;
    assert_true(marks_read(buf_str(&w->text), TOPIC_ID, w->commit, out, RANGES_MAX, &count));
    assert_true(offsets_restore(w->offsets, w->commit, out, count));
    assert_int_equal(offsets_commit_point(w->offsets), w->commit);
    for (int64_t i = 0; i < w->commit; i++)
        assert_true(!w->exists[i] || w->known[i]);
    for (size_t i = 0; i < count; i++)
        for (int64_t offset = out[i].from; offset < out[i].to; offset++)
            claimed[offset] = true;
    for (int64_t i = w->commit; i < LOG; i++)
        assert_true(!w->exists[i] || claimed[i] == w->known[i]);
}

/* Of what the commit did not cover, each ran once since the last start. */
static void worker_check_end(const struct worker *w)
{
    for (int64_t i = 0; i < LOG; i++) {
        assert_int_equal(w->done[i], w->exists[i]);
        assert_int_equal(w->runs[i], w->exists[i] && !w->known[i]);
    }
}

static void worker_run(struct worker *w, struct seed *seed)
{
    size_t intake = 2 + seed_below(seed, 8);

    for (int i = 0; i < 4 * LOG; i++) {
        if (seed_below(seed, 40) == 0)
            worker_commit(w);
        if (seed_below(seed, 400) == 0)
            worker_start(w);
        if (seed_below(seed, 10) < intake)
            worker_take_in(w);
        else
            worker_finish_one(w, seed);
    }
    worker_start(w);
    while (w->next < LOG || w->in_hand > 0) {
        worker_take_in(w);
        worker_finish_one(w, seed);
    }
    worker_check_end(w);
}

static void test_marks_a_restart_repeats_exactly_the_unfinished(void **state)
{
    (void)state;
    struct seed seed = seed_start("marks");
    static struct worker w;
    size_t most = 0;
    size_t pressed = 0;

    for (int round = 0; round < 20; round++) {
        size_t density = 1 + seed_below(&seed, 10);

        w = (struct worker){.commit = NOTHING, .text = BUF_INIT(SMALL_CEILING)};
        for (size_t i = 0; i < LOG; i++)
            w.exists[i] = seed_below(&seed, 10) < density;
        worker_start(&w);
        worker_run(&w, &seed);
        most = w.most > most ? w.most : most;
        pressed += w.pressed;
        offsets_free(w.offsets);
        buf_done(&w.text);
    }
    assert_in_range(most, 5, SMALL_CEILING);
    assert_in_range(pressed, 1, SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_marks_text_is_as_described),
        cmocka_unit_test(test_marks_nothing_done_is_no_text),
        cmocka_unit_test(test_marks_lengths_of_any_size_come_back),
        cmocka_unit_test(test_marks_alternating_records_fit),
        cmocka_unit_test(test_marks_the_lowest_that_fit_are_written),
        cmocka_unit_test(test_marks_any_damage_is_refused),
        cmocka_unit_test(test_marks_belong_to_one_commit_of_one_topic),
        cmocka_unit_test(test_marks_a_right_checksum_is_not_enough),
        cmocka_unit_test(test_marks_lengths_never_overflow),
        cmocka_unit_test(test_marks_bound_is_kept_and_reached),
        cmocka_unit_test(test_marks_short_memory_writes_none),
        cmocka_unit_test(test_marks_a_restart_repeats_exactly_the_unfinished),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
