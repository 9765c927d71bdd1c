/* SPDX-License-Identifier: Apache-2.0 */
/* Families (one per definition) of series (one per label values); the lock guards which exist,
 * values are atomics. */
#include "metrics/metrics.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { BUCKETS_MAX = 14, LABEL_VALUE_MAX = 128, LABELS_TEXT_MAX = 4096 };

struct buckets {
    const char *name_end;
    size_t count;
    double bounds[BUCKETS_MAX];
};

static const struct buckets SECONDS = {
    "_seconds",
    14,
    {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10},
};

static const struct buckets ROWS = {
    "_rows",
    10,
    {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000},
};

struct histogram {
    const struct buckets *buckets;
    _Atomic int64_t counts[BUCKETS_MAX + 1]; /* each alone; the last is above every bound */
};

struct series {
    enum metric_type type;
    struct str labels; /* as they stand between the braces; lies behind the struct */
    _Atomic int64_t count;
    _Atomic double value; /* of a gauge; the sum of a histogram */
    struct histogram *histogram;
};

struct family {
    const struct metric_def *def;
    struct map *series;
    struct family *next;
};

struct metrics {
    pthread_mutex_t lock;
    struct family *families; /* in the order of their names */
    /* What is measured where memory is short: counted and never shown. */
    struct series lost[METRIC_HISTOGRAM + 1];
    struct histogram lost_histogram;
};

struct metrics *metrics_new(void)
{
    struct metrics *m = mem_zalloc(sizeof(*m));

    if (m == NULL)
        return NULL;
    if (pthread_mutex_init(&m->lock, NULL) != 0) {
        mem_free(m);
        return NULL;
    }
    for (enum metric_type type = METRIC_COUNTER; type <= METRIC_HISTOGRAM; type++)
        m->lost[type].type = type;
    m->lost_histogram.buckets = &SECONDS;
    m->lost[METRIC_HISTOGRAM].histogram = &m->lost_histogram;
    return m;
}

static void series_free(void *series)
{
    struct series *s = series;

    mem_free(s->histogram);
    mem_free(s);
}

static void family_free(struct family *f)
{
    map_free(f->series, series_free);
    mem_free(f);
}

void metrics_free(struct metrics *m)
{
    if (m == NULL)
        return;
    while (m->families != NULL) {
        struct family *next = m->families->next;

        family_free(m->families);
        m->families = next;
    }
    (void)pthread_mutex_destroy(&m->lock);
    mem_free(m);
}

static size_t label_count(const struct metric_def *def)
{
    size_t count = 0;

    while (count < METRIC_LABELS_MAX && def->labels[count] != NULL)
        count++;
    return count;
}

/* A label value: cut, valid UTF-8 (a page with anything else is refused as a whole), escaped. */
static void add_label_value(struct buf *out, const char *text)
{
    struct str s = str_limit(str_from(text), LABEL_VALUE_MAX);

    while (s.len > 0) {
        const size_t step = str_utf8_step(s);

        if (step == 0)
            buf_add_cstr(out, "\xEF\xBF\xBD");
        else if (s.ptr[0] == '\n')
            buf_add_cstr(out, "\\n");
        else if (s.ptr[0] == '"' || s.ptr[0] == '\\')
            buf_addf(out, "\\%c", s.ptr[0]);
        else
            buf_add(out, str_of(s.ptr, step));
        s = str_skip(s, step > 0 ? step : 1);
    }
}

/* topic="a",partition="0": what the page shows is what a series is found by. */
static void format_labels(const struct metric_def *def, const char *const *values, struct buf *out)
{
    const size_t count = label_count(def);

    for (size_t i = 0; i < count; i++) {
        buf_add_cstr(out, i > 0 ? "," : "");
        buf_add_cstr(out, def->labels[i]);
        buf_add_cstr(out, "=\"");
        add_label_value(out, values != NULL ? values[i] : NULL);
        buf_add_char(out, '"');
    }
}

static struct family *family_new(const struct metric_def *def)
{
    struct family *f = mem_zalloc(sizeof(*f));

    if (f == NULL)
        return NULL;
    f->def = def;
    f->series = map_new();
    if (f->series == NULL) {
        mem_free(f);
        return NULL;
    }
    return f;
}

static struct family *find_family(struct metrics *m, const struct metric_def *def)
{
    struct family **place = &m->families;
    struct family *f;

    for (f = m->families; f != NULL; f = f->next)
        if (f->def == def)
            return f;
    f = family_new(def);
    if (f == NULL)
        return NULL;
    while (*place != NULL && strcmp((*place)->def->name, def->name) < 0)
        place = &(*place)->next;
    f->next = *place;
    *place = f;
    return f;
}

static struct histogram *histogram_new(const struct metric_def *def)
{
    struct histogram *h = mem_zalloc(sizeof(*h));

    if (h != NULL)
        h->buckets = str_ends(str_from(def->name), str_from(ROWS.name_end)) ? &ROWS : &SECONDS;
    return h;
}

static struct series *series_new(const struct metric_def *def, struct str labels)
{
    struct series *s = mem_zalloc(sizeof(*s) + labels.len + 1);
    char *text;

    if (s == NULL)
        return NULL;
    text = (char *)(s + 1);
    (void)str_copy(labels, text, labels.len + 1);
    s->labels = str_of(text, labels.len);
    s->type = def->type;
    if (def->type == METRIC_HISTOGRAM)
        s->histogram = histogram_new(def);
    if (def->type == METRIC_HISTOGRAM && s->histogram == NULL) {
        mem_free(s);
        return NULL;
    }
    return s;
}

static struct series *add_series(struct family *f, struct str labels)
{
    struct series *s = series_new(f->def, labels);

    if (s == NULL)
        return NULL;
    if (!map_put(f->series, labels, s, NULL)) {
        series_free(s);
        return NULL;
    }
    return s;
}

static struct series *other_series(struct family *f)
{
    static const char *const other[METRIC_LABELS_MAX] = {"other", "other", "other", "other"};
    AUTO(buf_done) struct buf labels = BUF_INIT(LABELS_TEXT_MAX);
    struct series *s;

    format_labels(f->def, other, &labels);
    if (!buf_ok(&labels))
        return NULL;
    s = map_get(f->series, buf_str(&labels));
    return s != NULL ? s : add_series(f, buf_str(&labels));
}

/* NULL when memory is short. Called with the lock. */
static struct series *find_series(struct metrics *m, const struct metric_def *def,
                                  struct str labels)
{
    struct family *f = find_family(m, def);
    struct series *s;

    if (f == NULL)
        return NULL;
    s = map_get(f->series, labels);
    if (s != NULL)
        return s;
    if (map_len(f->series) >= METRIC_SERIES_MAX)
        return other_series(f);
    return add_series(f, labels);
}

struct series *metric_series(struct metrics *m, const struct metric_def *def,
                             const char *const *labels)
{
    AUTO(buf_done) struct buf text = BUF_INIT(LABELS_TEXT_MAX);
    struct series *s = NULL;

    format_labels(def, labels, &text);
    if (buf_ok(&text)) {
        (void)pthread_mutex_lock(&m->lock);
        s = find_series(m, def, buf_str(&text));
        (void)pthread_mutex_unlock(&m->lock);
    }
    return s != NULL ? s : &m->lost[def->type];
}

struct series *metric_plain(struct metrics *m, const struct metric_def *def)
{
    return metric_series(m, def, NULL);
}

struct series *metric_1(struct metrics *m, const struct metric_def *def, const char *a)
{
    return metric_series(m, def, (const char *const[METRIC_LABELS_MAX]){a});
}

struct series *metric_2(struct metrics *m, const struct metric_def *def, const char *a,
                        const char *b)
{
    return metric_series(m, def, (const char *const[METRIC_LABELS_MAX]){a, b});
}

/* HELP and TYPE alone. */
static void declare_family(struct metrics *m, const struct metric_def *def)
{
    (void)pthread_mutex_lock(&m->lock);
    (void)find_family(m, def);
    (void)pthread_mutex_unlock(&m->lock);
}

void metric_declare(struct metrics *m, const struct metric_def *def)
{
    struct str rest = str_from(def->values);
    struct str word;

    declare_family(m, def);
    if (def->labels[0] == NULL)
        (void)metric_plain(m, def);
    while (str_cut(rest, ' ', &word, &rest)) {
        char value[LABEL_VALUE_MAX + 1];

        (void)str_copy(word, value, sizeof(value));
        (void)metric_1(m, def, value);
    }
}

static void add_double(_Atomic double *sum, double value)
{
    double before = atomic_load_explicit(sum, memory_order_relaxed);
    bool added = false;

    while (!added)
        added = atomic_compare_exchange_weak_explicit(sum, &before, before + value,
                                                      memory_order_relaxed, memory_order_relaxed);
}

void metric_add(struct series *s, int64_t count)
{
    assert(s->type != METRIC_HISTOGRAM);
    if (s->type == METRIC_COUNTER)
        (void)atomic_fetch_add_explicit(&s->count, count, memory_order_relaxed);
    else
        add_double(&s->value, (double)count);
}

void metric_set(struct series *s, double value)
{
    assert(s->type == METRIC_GAUGE);
    atomic_store_explicit(&s->value, value, memory_order_relaxed);
}

double metric_value(struct series *s)
{
    if (s->type == METRIC_GAUGE)
        return atomic_load_explicit(&s->value, memory_order_relaxed);
    return (double)atomic_load_explicit(&s->count, memory_order_relaxed);
}

void metric_observe(struct series *s, double value)
{
    const struct buckets *buckets;
    size_t i = 0;

    assert(s->type == METRIC_HISTOGRAM);
    if (isnan(value))
        return;
    buckets = s->histogram->buckets;
    while (i < buckets->count && value > buckets->bounds[i])
        i++;
    (void)atomic_fetch_add_explicit(&s->histogram->counts[i], 1, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&s->count, 1, memory_order_relaxed);
    add_double(&s->value, value);
}

static void format_double(double value, struct buf *out)
{
    char text[NUM_DOUBLE_SIZE];

    if (isnan(value)) {
        buf_add_cstr(out, "NaN");
        return;
    }
    if (isinf(value)) {
        buf_add_cstr(out, value > 0 ? "+Inf" : "-Inf");
        return;
    }
    num_format_double(value, text);
    buf_add_cstr(out, text);
}

/* name_suffix{labels,le="bound"} without what is empty, and the blank before the value. */
static void format_name(const struct metric_def *def, const char *suffix, const struct series *s,
                        const double *le, struct buf *out)
{
    const bool braces = s->labels.len > 0 || le != NULL;

    buf_add_cstr(out, def->name);
    buf_add_cstr(out, suffix);
    if (braces)
        buf_add_char(out, '{');
    buf_add(out, s->labels);
    if (le != NULL) {
        buf_add_cstr(out, s->labels.len > 0 ? ",le=\"" : "le=\"");
        format_double(*le, out);
        buf_add_char(out, '"');
    }
    if (braces)
        buf_add_char(out, '}');
    buf_add_char(out, ' ');
}

/* The count is the sum of what was read here, so that a line of the page never contradicts another
 * one while others observe. */
static void format_histogram(const struct metric_def *def, struct series *s, struct buf *out)
{
    const struct buckets *buckets = s->histogram->buckets;
    const double infinity = HUGE_VAL;
    int64_t total = 0;

    for (size_t i = 0; i <= buckets->count; i++) {
        total += atomic_load_explicit(&s->histogram->counts[i], memory_order_relaxed);
        format_name(def, "_bucket", s, i < buckets->count ? &buckets->bounds[i] : &infinity, out);
        buf_add_i64(out, total);
        buf_add_char(out, '\n');
    }
    format_name(def, "_sum", s, NULL, out);
    format_double(atomic_load_explicit(&s->value, memory_order_relaxed), out);
    buf_add_char(out, '\n');
    format_name(def, "_count", s, NULL, out);
    buf_add_i64(out, total);
    buf_add_char(out, '\n');
}

static void format_series(const struct metric_def *def, struct series *s, struct buf *out)
{
    if (def->type == METRIC_HISTOGRAM) {
        format_histogram(def, s, out);
        return;
    }
    format_name(def, "", s, NULL, out);
    if (def->type == METRIC_COUNTER)
        buf_add_i64(out, atomic_load_explicit(&s->count, memory_order_relaxed));
    else
        format_double(atomic_load_explicit(&s->value, memory_order_relaxed), out);
    buf_add_char(out, '\n');
}

static void format_help(const struct metric_def *def, struct buf *out)
{
    static const char *const type_names[] = {
        [METRIC_COUNTER] = "counter",
        [METRIC_GAUGE] = "gauge",
        [METRIC_HISTOGRAM] = "histogram",
    };

    buf_addf(out, "# HELP %s ", def->name);
    for (const char *c = def->help; *c != '\0'; c++) {
        if (*c == '\n')
            buf_add_cstr(out, "\\n");
        else if (*c == '\\')
            buf_add_cstr(out, "\\\\");
        else
            buf_add_char(out, *c);
    }
    buf_addf(out, "\n# TYPE %s %s\n", def->name, type_names[def->type]);
}

void metrics_format(struct metrics *m, struct buf *out)
{
    (void)pthread_mutex_lock(&m->lock);
    for (const struct family *f = m->families; f != NULL; f = f->next) {
        format_help(f->def, out);
        for (const struct map_entry *e = map_first(f->series); e != NULL; e = map_next(e))
            format_series(f->def, map_value(e), out);
    }
    (void)pthread_mutex_unlock(&m->lock);
}
