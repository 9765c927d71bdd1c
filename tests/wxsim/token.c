/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/token.h"

#include "base/rand.h"

#include <assert.h>
#include <string.h>

enum { OVERLAP_S = 300, SECOND_MS = 1000 };

static const int64_t DAY_MS = INT64_C(24) * 3600 * SECOND_MS;
static const int64_t UTC8_MS = INT64_C(8) * 3600 * SECOND_MS;

/* Lives under ten minutes, which only tests have, overlap for half of it. */
static int64_t overlap_ms(const struct sim_token_rules *rules)
{
    const int64_t half_s = rules->ttl_s / 2;

    return (half_s < OVERLAP_S ? half_s : OVERLAP_S) * SECOND_MS;
}

static enum sim_token_state state_of(const struct sim_token *token, int64_t now_ms)
{
    if (now_ms >= token->expires_at_ms)
        return SIM_TOKEN_EXPIRED;
    return now_ms >= token->retired_at_ms ? SIM_TOKEN_RETIRED : SIM_TOKEN_GOOD;
}

/* "85_" and URL-safe letters, as the platform's look. */
static void make_text(char *out, size_t len)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t bytes[SIM_TOKEN_MAX];

    assert(len <= SIM_TOKEN_MAX);
    rand_bytes(bytes, len);
    for (size_t i = 0; i < len; i++)
        out[i] = alphabet[bytes[i] & 63];
    out[len] = '\0';
    if (len > 3)
        memcpy(out, "85_", 3);
}

static struct sim_grant grant(const struct sim_token_line *line, int64_t now_ms, bool fresh)
{
    const struct sim_token *newest = &line->kept[0];

    return (struct sim_grant){
        .text = str_from(newest->text),
        .expires_in_s = (newest->expires_at_ms - now_ms) / SECOND_MS,
        .fresh = fresh,
    };
}

static struct sim_grant issue(struct sim_token_line *line, const struct sim_token_rules *rules,
                              int64_t now_ms)
{
    if (line->count < SIM_TOKEN_KEPT)
        line->count++;
    memmove(&line->kept[1], &line->kept[0], (line->count - 1) * sizeof(line->kept[0]));
    make_text(line->kept[0].text, (size_t)rules->bytes);
    line->kept[0].expires_at_ms = now_ms + rules->ttl_s * SECOND_MS;
    line->kept[0].retired_at_ms = INT64_MAX;
    line->sticky = false;
    line->issued++;
    return grant(line, now_ms, true);
}

/* The newest, about to be replaced, works on for the overlap, even past its own end. */
static void retire_newest(struct sim_token_line *line, const struct sim_token_rules *rules,
                          int64_t now_ms)
{
    struct sim_token *newest = &line->kept[0];

    if (line->count == 0 || state_of(newest, now_ms) != SIM_TOKEN_GOOD)
        return;
    newest->retired_at_ms = now_ms + overlap_ms(rules);
    if (newest->expires_at_ms < newest->retired_at_ms)
        newest->expires_at_ms = newest->retired_at_ms;
}

struct sim_grant sim_token_normal(struct sim_token_line *line, const struct sim_token_rules *rules,
                                  int64_t now_ms)
{
    const struct sim_token *newest = &line->kept[0];

    if (line->count > 0 && (line->sticky || state_of(newest, now_ms) == SIM_TOKEN_GOOD) &&
        newest->expires_at_ms - now_ms >= overlap_ms(rules))
        return grant(line, now_ms, false);
    retire_newest(line, rules, now_ms);
    return issue(line, rules, now_ms);
}

static bool may_force(struct sim_token_line *line, const struct sim_token_rules *rules,
                      int64_t now_ms)
{
    const int64_t day = (now_ms + UTC8_MS) / DAY_MS;

    if (line->forced_day != day) {
        line->forced_day = day;
        line->forced_so_far = 0;
    }
    if (line->forced_so_far >= rules->forced_per_day)
        return false;
    return line->forced_at_ms == 0 ||
           now_ms - line->forced_at_ms >= rules->forced_interval_s * SECOND_MS;
}

struct sim_grant sim_token_forced(struct sim_token_line *line, const struct sim_token_rules *rules,
                                  int64_t now_ms)
{
    if (!may_force(line, rules, now_ms))
        return sim_token_normal(line, rules, now_ms);
    line->forced_at_ms = now_ms;
    line->forced_so_far++;
    sim_token_invalidate(line, now_ms, false);
    return issue(line, rules, now_ms);
}

struct sim_grant sim_token_classic(struct sim_token_line *line, const struct sim_token_rules *rules,
                                   int64_t now_ms)
{
    retire_newest(line, rules, now_ms);
    return issue(line, rules, now_ms);
}

enum sim_token_state sim_token_check(const struct sim_token_line *line, struct str text,
                                     int64_t now_ms)
{
    for (size_t i = 0; i < line->count; i++)
        if (str_eq_cstr(text, line->kept[i].text))
            return state_of(&line->kept[i], now_ms);
    return SIM_TOKEN_UNKNOWN;
}

void sim_token_expire(struct sim_token_line *line, int64_t now_ms)
{
    for (size_t i = 0; i < line->count; i++)
        if (line->kept[i].expires_at_ms > now_ms)
            line->kept[i].expires_at_ms = now_ms;
}

void sim_token_invalidate(struct sim_token_line *line, int64_t now_ms, bool sticky)
{
    for (size_t i = 0; i < line->count; i++)
        if (line->kept[i].retired_at_ms > now_ms)
            line->kept[i].retired_at_ms = now_ms;
    line->sticky = sticky;
}
