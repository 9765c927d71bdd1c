/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/script.h"

#include "base/mem.h"
#include "http/url.h"
#include "wxsim/lookup.h"
#include "wxsim/texts.h"

enum { DELAY_MAX_MS = 3600 * 1000 };

struct sim_rule {
    struct str path; /* with wildcards; all texts are the document's */
    struct str appid;
    const struct json *match;
    int64_t times; /* INT64_MAX: always */
    int64_t after;
    double probability;
    struct sim_action action;
    int64_t seen;
    int64_t applied;
};

static const char *const fault_names[SIM_FAULTS] = {
    [SIM_NO_FAULT] = "",       [SIM_ERRCODE] = "errcode", [SIM_HANG] = "hang",
    [SIM_CUT] = "cut",         [SIM_STATUS] = "status",   [SIM_TRUNCATE] = "truncate",
    [SIM_GARBAGE] = "garbage",
};

const char *sim_fault_name(enum sim_fault fault)
{
    return fault_names[fault];
}

static enum status refuse(struct err *err, const char *what)
{
    return err_reject(err, REASON_SCHEMA, "schema", "%s", what);
}

/* Each takes its value out of "do"; false when it does not fit. */
static bool take_errcode(const struct json *value, struct sim_action *a)
{
    int64_t errcode;

    if (!json_i64(value, &errcode) || errcode < -99999 || errcode > 9999999)
        return false;
    a->errcode = (int)errcode;
    return true;
}

static bool take_flag(const struct json *value, struct sim_action *a)
{
    bool on = false;

    (void)a;
    return json_bool(value, &on) && on;
}

static bool take_cut(const struct json *value, struct sim_action *a)
{
    const struct str when = json_str(value);

    a->effect = str_eq(when, STR("after"));
    return a->effect || str_eq(when, STR("before"));
}

static bool take_status(const struct json *value, struct sim_action *a)
{
    int64_t status;

    if (!json_i64(value, &status) || status < 200 || status > 599)
        return false;
    a->status = (int)status;
    return true;
}

/* A truncated or unreadable answer means that the call was carried out, the others that it was
 * not, unless "effect" says otherwise. */
static const struct {
    enum sim_fault fault;
    bool effect;
    bool (*take)(const struct json *value, struct sim_action *a);
} faults[] = {
    {SIM_ERRCODE, false, take_errcode}, {SIM_HANG, false, take_flag},
    {SIM_CUT, false, take_cut},         {SIM_STATUS, false, take_status},
    {SIM_TRUNCATE, true, take_flag},    {SIM_GARBAGE, true, take_flag},
};

static enum status read_fault(const struct json *from, struct sim_action *a, struct err *err)
{
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        const char *name = fault_names[faults[i].fault];

        if (!json_has(from, name))
            continue;
        if (a->fault != SIM_NO_FAULT)
            return refuse(err, "\"do\" holds more than one fault");
        a->fault = faults[i].fault;
        a->effect = faults[i].effect;
        if (!faults[i].take(json_get(from, name), a))
            return err_reject(err, REASON_SCHEMA, "schema", "\"%s\" has no fitting value", name);
    }
    return ST_OK;
}

static enum status read_action(const struct json *from, struct sim_action *a, struct err *err)
{
    static const char *const keys[] = {"errcode", "errmsg",   "delay_ms", "hang",   "cut",
                                       "status",  "truncate", "garbage",  "effect", NULL};
    enum status rc = sim_texts_only(NULL, 0, keys, from, err);

    if (rc == ST_OK)
        rc = read_fault(from, a, err);
    if (rc != ST_OK)
        return rc;
    a->errmsg = json_get_str(from, "errmsg");
    if (json_has(from, "effect") && !json_bool(json_get(from, "effect"), &a->effect))
        return refuse(err, "\"effect\" must be true or false");
    if (json_has(from, "delay_ms") && (!json_get_i64(from, "delay_ms", &a->delay_ms) ||
                                       a->delay_ms < 0 || a->delay_ms > DELAY_MAX_MS))
        return refuse(err, "\"delay_ms\" must be a number from 0 to 3600000");
    if (a->fault == SIM_NO_FAULT && !json_has(from, "delay_ms"))
        return refuse(err, "\"do\" holds nothing to do");
    return ST_OK;
}

static enum status read_counts(const struct json *from, struct sim_rule *rule, struct err *err)
{
    rule->times = INT64_MAX;
    rule->probability = 1;
    if (json_has(from, "times") && (!json_get_i64(from, "times", &rule->times) || rule->times < 1))
        return refuse(err, "\"times\" must be a number from 1");
    if (json_has(from, "after") && (!json_get_i64(from, "after", &rule->after) || rule->after < 0))
        return refuse(err, "\"after\" must be a number from 0");
    if (json_has(from, "probability") &&
        (!json_double(json_get(from, "probability"), &rule->probability) || rule->probability < 0 ||
         rule->probability > 1))
        return refuse(err, "\"probability\" must be a number from 0 to 1");
    return ST_OK;
}

static enum status read_rule(const struct json *from, struct sim_rule *rule, struct err *err)
{
    static const char *const keys[] = {"path",  "appid",       "match", "times",
                                       "after", "probability", "do",    NULL};
    enum status rc = sim_texts_only(NULL, 0, keys, from, err);

    if (rc != ST_OK)
        return rc;
    rule->path = json_get_str(from, "path");
    rule->appid = json_get_str(from, "appid");
    rule->match = json_get(from, "match");
    if (!str_starts(rule->path, STR("/")))
        return refuse(err, "\"path\" must begin with /");
    if (rule->match != NULL && !json_is(rule->match, JSON_OBJECT))
        return refuse(err, "\"match\" must be an object");
    rc = read_counts(from, rule, err);
    if (rc == ST_OK)
        rc = read_action(json_get(from, "do"), &rule->action, err);
    return rc;
}

static enum status read_rules(const struct json *list, struct sim_rule *rules, struct err *err)
{
    struct err why;

    for (size_t i = 0; i < json_len(list); i++)
        if (read_rule(json_at(list, i), &rules[i], &why) != ST_OK)
            return err_reject(err, REASON_SCHEMA, "schema", "rule %zu: %s", i, why.text);
    return ST_OK;
}

enum status sim_script_load(struct sim_script *script, struct json *document, struct err *err)
{
    AUTO(json_freep) struct json *owned = document;
    AUTO(mem_freep) struct sim_rule *rules = NULL;
    const size_t count = json_len(document);
    enum status rc;

    if (document != NULL && !json_is(document, JSON_ARRAY))
        return refuse(err, "a script is an array of rules");
    rules = mem_array(count > 0 ? count : 1, sizeof(*rules));
    if (rules == NULL)
        return err_retry(err, "memory", "no memory for %zu rules", count);
    rc = read_rules(document, rules, err);
    if (rc != ST_OK)
        return rc;
    sim_script_done(script);
    script->document = TAKE(owned);
    script->rules = TAKE(rules);
    script->count = count;
    return ST_OK;
}

void sim_script_done(struct sim_script *script)
{
    json_free(script->document);
    mem_free(script->rules);
    script->document = NULL;
    script->rules = NULL;
    script->count = 0;
}

/* A field of the body (dots go into objects), else a parameter of the query. */
static bool field_matches(const struct sim_subject *subject, struct str name,
                          const struct json *expected)
{
    const struct json *in_body = sim_lookup(subject->body, name);
    const char *param = arena_cstr(subject->arena, name);
    struct str text;

    if (in_body != NULL)
        return json_equal(in_body, expected);
    if (param == NULL)
        return false;
    text = url_query(subject->query, param, subject->arena);
    return str_is_set(text) && str_eq(text, json_str(expected));
}

static bool rule_matches(const struct sim_rule *rule, const struct sim_subject *subject)
{
    if (!str_match(rule->path, subject->path))
        return false;
    if (str_is_set(rule->appid) && !str_eq(rule->appid, subject->appid))
        return false;
    for (struct json_iter i = json_iter(rule->match); json_next(&i);)
        if (!field_matches(subject, i.key, i.value))
            return false;
    return true;
}

struct sim_action sim_script_pick(struct sim_script *script, const struct sim_subject *subject)
{
    for (size_t i = 0; i < script->count; i++) {
        struct sim_rule *rule = &script->rules[i];

        if (!rule_matches(rule, subject) || rule->seen++ < rule->after ||
            rule->applied >= rule->times)
            continue;
        if (rule->probability < 1 && !chance_hit(&script->chance, rule->probability))
            continue;
        rule->applied++;
        return rule->action;
    }
    return (struct sim_action){0};
}
