/* SPDX-License-Identifier: Apache-2.0 */
/* A platform that a test asks as clients and controls do; the last answer stands in f->answer. */
#pragma once

#include "base/mem.h"
#include "tests/unit/check.h"
#include "wxsim/api.h"
#include "wxsim/control.h"
#include "wxsim/merge.h"

#define APPID "wx0123456789abcdef"
#define CARD  "pWxsimFakeCardId000000000001"

struct fixture {
    struct sim_world world;
    struct arena arena;
    struct json *answer; /* the last one */
    char token[SIM_TOKEN_MAX + 1];
};

/* A call as a test makes it. */
struct ask {
    enum http_method method;
    const char *path;
    const char *query; /* added behind the token */
    const char *content_type;
    struct str body;
};

/* The errcode of the answer, which stands in f->answer. */
static inline int ask(struct fixture *f, const struct ask *a)
{
    const struct sim_request request = {
        .method = a->method,
        .path = str_from(a->path),
        .query = arena_printf(&f->arena, "access_token=%s&%s", f->token, a->query),
        .content_type = str_from(a->content_type),
        .body = a->body,
        .arena = &f->arena,
    };
    AUTO(sim_call_done) struct sim_call c;
    struct err err;
    int64_t errcode = 0;

    sim_call_open(&c, &f->world, &request);
    sim_call_run(&c);
    json_free(f->answer);
    f->answer = NULL;
    assert_int_equal(json_parse(buf_str(&c.answer), &f->answer, &err), ST_OK);
    (void)json_get_i64(f->answer, "errcode", &errcode);
    assert_int_equal(errcode, c.errcode);
    return (int)errcode;
}

static inline int call(struct fixture *f, enum http_method method, const char *path,
                       const char *query, const char *body)
{
    return ask(f, &(struct ask){method, path, query, NULL, str_from(body)});
}

static inline int post(struct fixture *f, const char *path, const char *body)
{
    return call(f, HTTP_POST, path, "", body);
}

static inline int get(struct fixture *f, const char *path, const char *query)
{
    return call(f, HTTP_GET, path, query, NULL);
}

/* A body that the errcode belongs to. */
struct row {
    const char *body;
    int errcode;
};

static inline void check_rows(struct fixture *f, const char *path, const struct row *rows,
                              size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const int errcode = post(f, path, rows[i].body);

        if (errcode != rows[i].errcode)
            fail_msg("%s: %d, not %d", rows[i].body, errcode, rows[i].errcode);
    }
}

/* Posts good with the members of change in place of its own. */
static inline int post_changed(struct fixture *f, const char *path, const char *good,
                               const char *change)
{
    AUTO(json_freep) struct json *below = NULL;
    AUTO(json_freep) struct json *above = NULL;
    AUTO(buf_done) struct buf text = BUF_INIT(1 << 20);
    struct jsonw w = {.out = &text};
    struct err err;

    assert_int_equal(json_parse(str_from(good), &below, &err), ST_OK);
    assert_int_equal(json_parse(str_from(change), &above, &err), ST_OK);
    sim_merge_write(below, above, &w);
    return post(f, path, text.ptr);
}

/* Each row's body is a change of good. */
static inline void check_changes(struct fixture *f, const char *path, const char *good,
                                 const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const int errcode = post_changed(f, path, good, rows[i].body);

        if (errcode != rows[i].errcode)
            fail_msg("%s: %d, not %d", rows[i].body, errcode, rows[i].errcode);
    }
}

static inline int64_t total(const struct fixture *f, enum sim_total which)
{
    return sim_world_account(&f->world, STR(APPID))->totals[which];
}

static inline int stable_token(struct fixture *f, const char *appid, const char *secret)
{
    const struct str body = arena_printf(
        &f->arena, "{\"grant_type\":\"client_credential\",\"appid\":\"%s\",\"secret\":\"%s\"}",
        appid, secret);
    const int errcode = post(f, "/cgi-bin/stable_token", body.ptr);

    if (errcode == 0)
        assert_true(str_copy(json_get_str(f->answer, "access_token"), f->token, sizeof(f->token)));
    return errcode;
}

/* The HTTP status. A body makes it a POST; query is behind the path. */
static inline int control(struct fixture *f, const char *path, const char *query, const char *body)
{
    AUTO(buf_done) struct buf answer = BUF_INIT(1 << 20);
    struct sim_script script = {.count = 0};
    struct sim_control c = {&f->world, &script, NULL};
    const struct sim_request request = {
        .method = body != NULL ? HTTP_POST : HTTP_GET,
        .path = str_from(path),
        .query = str_from(query),
        .body = str_from(body),
        .arena = &f->arena,
    };
    struct err err;
    const int status = sim_control_run(&c, &request, &answer);

    json_free(f->answer);
    f->answer = NULL;
    assert_int_equal(json_parse(buf_str(&answer), &f->answer, &err), ST_OK);
    return status;
}

/* A number at the top of the answer. */
static inline int64_t number(const struct fixture *f, const char *name)
{
    int64_t value = INT64_MIN;

    (void)json_get_i64(f->answer, name, &value);
    return value;
}

/* With a token of the account APPID, whose secret is "s". */
static inline int platform_open(void **state, const char *accounts)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    struct json *document = NULL;
    struct err err;

    if (f == NULL)
        return -1;
    *state = f;
    if (sim_world_open(&f->world, &err) != ST_OK ||
        json_parse(str_from(accounts), &document, &err) != ST_OK ||
        sim_world_load(&f->world, document, &err) != ST_OK)
        return -1;
    json_free(document);
    return stable_token(f, APPID, "s");
}

static inline int platform_close(void **state)
{
    struct fixture *f = *state;

    json_free(f->answer);
    arena_done(&f->arena);
    sim_world_close(&f->world);
    mem_free(f);
    return 0;
}
