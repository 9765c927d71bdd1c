/* SPDX-License-Identifier: Apache-2.0 */
/* kabao-wxsim population: plausible members for an accounts file. The same seed prints the same. */
#include "base/buf.h"
#include "codec/jsonw.h"
#include "wxsim/chance.h"
#include "wxsim/commands.h"
#include "wxsim/options.h"

#include <stdio.h>

enum { COUNT_MAX = 1000000, MEMBER_MAX = 16 * 1024, OPENID_TAIL = 21, TEXT_MAX = 64 };

struct population_options {
    const char *appid;
    const char *card_id;
    int64_t count;
    int64_t seed;
};

static const struct sim_option option_rows[] = {
    {"appid", SIM_OPT_TEXT, offsetof(struct population_options, appid), 0, 0},
    {"card-id", SIM_OPT_TEXT, offsetof(struct population_options, card_id), 0, 0},
    {"count", SIM_OPT_INT, offsetof(struct population_options, count), 1, COUNT_MAX},
    {"seed", SIM_OPT_INT, offsetof(struct population_options, seed), 0, INT64_MAX},
};

static const char digits[] = "0123456789";

static const char *pick(struct chance *c, const char *const *from, size_t count)
{
    return from[chance_below(c, (uint32_t)count)];
}

static void write_name(struct chance *c, struct buf *out)
{
    static const char *const families[] = {"王", "李", "张", "刘", "陈",
                                           "杨", "黄", "赵", "周", "欧阳"};
    static const char *const given[] = {"伟", "芳",   "娜",   "敏",   "静",  "丽",
                                        "强", "晓明", "嘉欣", "子轩", "𠮷雄"};

    buf_add_cstr(out, pick(c, families, COUNT_OF(families)));
    buf_add_cstr(out, pick(c, given, COUNT_OF(given)));
}

static void write_field(struct jsonw *w, const char *name, struct str value)
{
    struct buf key = BUF_INIT(TEXT_MAX);

    buf_addf(&key, "USER_FORM_INFO_FLAG_%s", name);
    jsonw_key(w, buf_str(&key));
    jsonw_str(w, value);
    buf_done(&key);
}

static void write_form(struct chance *c, struct jsonw *w)
{
    static const char *const hobbies[] = {"阅读", "登山", "钢琴", "舞蹈"};
    AUTO(buf_done) struct buf name = BUF_INIT(TEXT_MAX);
    AUTO(buf_done) struct buf birthday = BUF_INIT(TEXT_MAX);
    char mobile[] = "13800000000";

    write_name(c, &name);
    chance_text(c, digits, mobile + 3, 8);
    mobile[1] = (char)('3' + (int)chance_below(c, 7));
    buf_addf(&birthday, "%u-%u-%u", 1950 + chance_below(c, 55), 1 + chance_below(c, 12),
             1 + chance_below(c, 28));
    jsonw_key(w, STR("form"));
    jsonw_object(w);
    write_field(w, "MOBILE", str_from(mobile));
    write_field(w, "NAME", buf_str(&name));
    if (chance_hit(c, 0.7))
        write_field(w, "BIRTHDAY", buf_str(&birthday));
    jsonw_object_end(w);
    if (!chance_hit(c, 0.3))
        return;
    jsonw_key(w, STR("custom_form"));
    jsonw_array(w);
    jsonw_object(w);
    jsonw_key_str(w, "name", STR("爱好"));
    jsonw_key_str(w, "value", str_from(pick(c, hobbies, COUNT_OF(hobbies))));
    jsonw_object_end(w);
    jsonw_array_end(w);
}

static void write_identity(const struct population_options *o, struct chance *c, int64_t index,
                           struct jsonw *w)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char tail[OPENID_TAIL + 1];
    char head[7];
    AUTO(buf_done) struct buf openid = BUF_INIT(TEXT_MAX);
    AUTO(buf_done) struct buf code = BUF_INIT(TEXT_MAX);

    chance_text(c, letters, tail, OPENID_TAIL);
    chance_text(c, digits, head, 6);
    buf_addf(&openid, "oWxsim%s0", tail);
    buf_addf(&code, "%s%06lld", head, (long long)index); /* the index keeps them apart */
    jsonw_key_str(w, "appid", str_from(o->appid));
    jsonw_key_str(w, "card_id", str_from(o->card_id));
    jsonw_key_str(w, "code", buf_str(&code));
    jsonw_key_str(w, "openid", buf_str(&openid));
    if (chance_hit(c, 0.5))
        jsonw_key_str(w, "membership_number", buf_str(&code));
    if (!chance_hit(c, 0.4))
        return;
    buf_clear(&openid);
    buf_addf(&openid, "uWxsim%s0", tail);
    jsonw_key_str(w, "unionid", buf_str(&openid));
}

static void write_member(const struct population_options *o, struct chance *c, int64_t index,
                         struct jsonw *w)
{
    static const char *const sexes[] = {"MALE", "FEMALE", "UNKNOWN"};
    static const char *const gone[] = {"DELETE", "EXPIRE", "UNAVAILABLE", "GIFT_SUCC"};
    static const char *const channels[] = {"12b", "menu", "shop-17", "pay"};
    const bool active = chance_hit(c, 0.85);
    AUTO(buf_done) struct buf nickname = BUF_INIT(TEXT_MAX);

    jsonw_object(w);
    write_identity(o, c, index, w);
    if (chance_hit(c, 0.8)) {
        write_name(c, &nickname);
        jsonw_key_str(w, "nickname", buf_str(&nickname));
    }
    jsonw_key_str(w, "sex", str_from(pick(c, sexes, COUNT_OF(sexes))));
    jsonw_key_i64(w, "bonus", active ? (int64_t)chance_below(c, 20000) : 0);
    if (active && chance_hit(c, 0.2))
        jsonw_key_i64(w, "balance", (int64_t)chance_below(c, 500000));
    jsonw_key_bool(w, "has_active", active);
    jsonw_key_str(w, "outer_str", str_from(pick(c, channels, COUNT_OF(channels))));
    jsonw_key_str(w, "status",
                  str_from(chance_hit(c, 0.05) ? pick(c, gone, COUNT_OF(gone)) : "NORMAL"));
    if (active)
        write_form(c, w);
    jsonw_object_end(w);
}

int sim_population(int argc, char **argv)
{
    struct population_options o = {.count = 0, .seed = 1};
    AUTO(buf_done) struct buf line = BUF_INIT(MEMBER_MAX);
    struct chance chance;

    if (!sim_options_parse(option_rows, COUNT_OF(option_rows), argc, argv, &o))
        return SIM_EXIT_USAGE;
    if (o.appid == NULL || o.card_id == NULL || o.count == 0) {
        (void)fprintf(stderr, "kabao-wxsim: population needs --appid, --card-id and --count\n");
        return SIM_EXIT_USAGE;
    }
    chance = chance_seeded((uint64_t)o.seed);
    (void)printf("{\"members\":[\n");
    for (int64_t i = 0; i < o.count; i++) {
        struct jsonw w = {.out = &line};

        buf_clear(&line);
        write_member(&o, &chance, i, &w);
        (void)printf("%.*s%s\n", STR_ARG(buf_str(&line)), i + 1 < o.count ? "," : "");
    }
    (void)printf("]}\n");
    return fflush(stdout) == 0 ? 0 : SIM_EXIT_FAILED;
}
