/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/accounts/{account}/access-token: the merchant's other systems take the token from here, and
 * say here when it failed, instead of fetching one of their own and ending ours. */
#include "api_steps.h"
#include "base/hex.h"
#include "base/rand.h"
#include "codec/jsonw.h"
#include "log/log.h"
#include "model/schema_ids.h"
#include "tickets.h"

#include <string.h>

enum { ANSWER_MAX = 2 * TOKEN_MAX, RECORD_MAX = 1024, ID_BYTES = ID_LEN / 2 };

/* False: answered. */
static bool is_allowed(struct api_request *r)
{
    if (r->client->access_token)
        return api_account(r, r->parts[1]);
    api_problem(r, &(struct problem){.kind = PROBLEM_FORBIDDEN,
                                     .detail = STR("the client has no access_token = true")});
    return false;
}

static int64_t seconds_left(int64_t expires_at_ms)
{
    int64_t left_ms = expires_at_ms - clock_wall_ms();

    return left_ms > 0 ? left_ms / 1000 : 0;
}

void access_token_get(struct api_request *r)
{
    AUTO(buf_done_secret) struct buf json = BUF_INIT(ANSWER_MAX);
    struct jsonw w = {.out = &json};
    struct token_entry entry;

    if (!is_allowed(r) || !api_ticket(r, TOKEN_ACCESS, &entry))
        return;
    jsonw_object(&w);
    jsonw_key_str(&w, "access_token", str_from(entry.token.text));
    jsonw_key_i64(&w, "expires_in", seconds_left(entry.expires_at_ms));
    jsonw_object_end(&w);
    explicit_bzero(&entry, sizeof(entry));
    if (buf_ok(&json))
        api_answer(r, 200, buf_str(&json), NULL, 0);
    else
        api_problem(r, &(struct problem){.kind = PROBLEM_MEMORY});
}

static void answer_taken(struct api_request *r)
{
    api_answer(r, 202, (struct str){NULL, 0}, NULL, 0);
}

/* Only what the broker has counts as said: who got 503 and asks again is heard again. */
static void on_acked(struct api_request *r)
{
    if (tickets_told(r->gate->shared->api->tickets, r->account, json_get_str(r->body, "bad")))
        log_warn(EV("token.bad"), kv_cstr("account", r->account->name),
                 kv_cstr("kind", token_kind_name(TOKEN_ACCESS)),
                 kv_cstr("client", r->client->name));
    answer_taken(r);
}

/* An instance that does not know the current token cannot tell whether this is it. */
static bool knows_tokens(struct api_request *r)
{
    if (!api_has_tickets(r))
        return false;
    if (tickets_are_read(r->gate->shared->api->tickets))
        return true;
    api_problem(r, &(struct problem){.kind = PROBLEM_NO_TOKEN,
                                     .detail = STR("the tokens are still being read")});
    return false;
}

static void random_id(struct gate *gate, struct id *out)
{
    uint8_t bytes[ID_BYTES];

    rand_pool_take(&gate->random, bytes, sizeof(bytes));
    hex_format(bytes, sizeof(bytes), out->text);
}

/* As workers tell kabao-token (EMIT_TOKEN_BAD). */
static void produce_bad(struct api_request *r, const char *fingerprint)
{
    AUTO(buf_done) struct buf value = BUF_INIT(RECORD_MAX);
    char topic[TOPIC_NAME_SIZE];
    char now[CLOCK_RFC3339_SIZE];
    struct token_bad bad = {
        .account = str_from(r->account->name),
        .appid = str_from(r->account->appid),
        .kind = str_from(token_kind_name(TOKEN_ACCESS)),
        .fingerprint = str_from(fingerprint),
    };
    struct api_record record = {
        .topic = topic,
        .type = STR(CE_TYPE_TOKEN_BAD),
        .dataschema = SCHEMA_CMD_TOKEN,
        .key = bad.appid,
    };

    clock_format_rfc3339(clock_wall_ms(), now);
    bad.at = str_from(now);
    token_bad_write(&bad, &value);
    if (!buf_ok(&value)) {
        api_problem(r, &(struct problem){.kind = PROBLEM_MEMORY});
        return;
    }
    record.value = buf_str(&value);
    topic_name(&r->gate->shared->settings->topic, TOPIC_CMD_TOKEN, NULL, topic);
    random_id(r->gate, &r->id);
    api_produce(r, &record, on_acked);
}

/* 202 either way: what failed may have been replaced meanwhile. */
void access_token_post(struct api_request *r)
{
    char fingerprint[FINGERPRINT_SIZE];

    if (!is_allowed(r) || !api_fits(r, HTTP_SCHEMA("token-bad")) || !knows_tokens(r))
        return;
    if (tickets_is_news(r->gate->shared->api->tickets, r->account, json_get_str(r->body, "bad"),
                        fingerprint))
        produce_bad(r, fingerprint);
    else
        answer_taken(r);
}
