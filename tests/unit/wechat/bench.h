/* SPDX-License-Identifier: Apache-2.0 */
/* A WeChat client with an account "demo" and the token "T", before a scripted peer. */
#pragma once

#include "tests/unit/wechat/peer.h"
#include "wechat/member.h"

struct bench {
    struct peer peer;
    struct peer_client client;
    struct settings_wechat settings;
    char name[8];
    char appid[32];
    char drop[64];
    struct account account;
    struct wechat_env env;
    struct wechat *wechat;
    struct arena arena;
};

/* NOLINTNEXTLINE(readability-function-size): the signature is struct wechat_env's. */
static inline enum status bench_give_token(void *arg, const struct account *account,
                                           enum token_kind kind, const char *older,
                                           struct deadline until, struct token *out,
                                           struct err *err)
{
    (void)arg;
    (void)account;
    (void)kind;
    (void)older;
    (void)until;
    (void)err;
    (void)str_copy(STR("T"), out->text, sizeof(out->text));
    return ST_OK;
}

static inline enum status bench_admit(void *arg, const struct account *account, const char *path,
                                      struct err *err)
{
    (void)arg;
    (void)account;
    (void)path;
    (void)err;
    return ST_OK;
}

static inline void bench_report(void *arg, const struct account *account, const char *path,
                                int errcode, int64_t took_ms)
{
    (void)arg;
    (void)account;
    (void)path;
    (void)errcode;
    (void)took_ms;
}

static inline void bench_init_with(struct bench *b, const struct peer_answer *answers, size_t count)
{
    *b = (struct bench){
        .name = "demo",
        .appid = "wx0123456789abcdef",
        .drop = "OTHER USER_FORM_INFO_FLAG_IDCARD",
        .arena = ARENA_INIT(1 << 20),
        .env = {.token = bench_give_token, .admit = bench_admit, .report = bench_report},
    };
    peer_start(&b->peer, answers, count);
    peer_client_open(&b->client);
    b->settings = (struct settings_wechat){.base_url = b->peer.base_url, .timeout_ms = 10000};
    b->account = (struct account){.name = b->name, .appid = b->appid, .form_fields_drop = b->drop};
    b->wechat = wechat_new(&b->settings, b->client.http, &b->env);
}

static inline void bench_init(struct bench *b, const struct peer_answer *answer)
{
    bench_init_with(b, answer, 1);
}

static inline void bench_done(struct bench *b)
{
    wechat_free(b->wechat);
    peer_client_close(&b->client);
    peer_stop(&b->peer);
    arena_done(&b->arena);
}

static inline struct card bench_card(const struct bench *b)
{
    return (struct card){.account = &b->account, .card_id = STR("p1"), .card_code = STR("018")};
}

/* The JSON that the first request carried. */
static inline const char *bench_body(const struct bench *b)
{
    const char *end = strstr(b->peer.requests[0], "\r\n\r\n");

    return end != NULL ? end + 4 : "";
}
