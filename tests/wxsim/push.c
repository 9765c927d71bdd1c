/* SPDX-License-Identifier: Apache-2.0 */
/* kabao-wxsim push: events and messages, sent the way WeChat sends them. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/rand.h"
#include "wxsim/commands.h"
#include "wxsim/delivery.h"
#include "wxsim/file.h"
#include "wxsim/options.h"
#include "wxsim/push_xml.h"
#include "wxsim/relay.h"
#include "wxsim/tries.h"
#include "wxsim/world.h"

#include <stdio.h>

enum {
    XML_MAX = 16 * 1024 * 1024,
    ARENA_MAX = 64 * 1024 * 1024,
};

struct push_options {
    const char *to;
    const char *from;
    const char *accounts;
    const char *appid;
    const char *original_id;
    const char *token;
    const char *aes_key;
    const char *mode;
    const char *openid;
    const char *friend_openid;
    const char *card_id;
    const char *code;
    const char *nonce;
    int64_t after;
    int64_t create_time;
    int64_t repeat;
    int64_t times;
    bool retry;
    bool any;
    bool print;
    struct sim_list sets;
    struct sim_list unsets;
};

#define TEXT(name, member)                                              \
    {                                                                   \
        name, SIM_OPT_TEXT, offsetof(struct push_options, member), 0, 0 \
    }
#define FLAG(name, member)                                              \
    {                                                                   \
        name, SIM_OPT_FLAG, offsetof(struct push_options, member), 0, 0 \
    }

/* clang-format off */
static const struct sim_option option_rows[] = {
    TEXT("to", to),
    TEXT("from", from),
    TEXT("accounts", accounts),
    TEXT("appid", appid),
    TEXT("original-id", original_id),
    TEXT("token", token),
    TEXT("aes-key", aes_key),
    TEXT("mode", mode),
    TEXT("openid", openid),
    TEXT("friend", friend_openid),
    TEXT("card-id", card_id),
    TEXT("code", code),
    TEXT("nonce", nonce),
    {"after", SIM_OPT_INT, offsetof(struct push_options, after), 0, INT64_MAX},
    {"create-time", SIM_OPT_INT, offsetof(struct push_options, create_time), 0, INT64_MAX},
    {"repeat", SIM_OPT_INT, offsetof(struct push_options, repeat), 1, 1000000},
    {"times", SIM_OPT_INT, offsetof(struct push_options, times), 1, 1000000},
    FLAG("retry", retry),
    FLAG("any", any),
    FLAG("print", print),
    {"set", SIM_OPT_LIST, offsetof(struct push_options, sets), 0, 0},
    {"unset", SIM_OPT_LIST, offsetof(struct push_options, unsets), 0, 0},
};

/* clang-format on */

static int usage(const char *why)
{
    (void)fprintf(stderr, "kabao-wxsim: push: %s\n", why);
    return SIM_EXIT_USAGE;
}

static void default_text(const char **slot, const char *text)
{
    if (*slot == NULL)
        *slot = text;
}

/* What the command line leaves open comes from the accounts file; the only account needs no name.
 */
static bool take_account(struct push_options *o, const struct sim_world *world)
{
    const struct sim_account *account = NULL;

    if (o->appid != NULL)
        account = sim_world_account(world, str_from(o->appid));
    else if (map_len(world->accounts) == 1)
        account = map_value(map_first(world->accounts));
    if (account == NULL)
        return false;
    default_text(&o->appid, account->appid);
    default_text(&o->original_id, account->original_id);
    default_text(&o->token, account->callback_token);
    default_text(&o->aes_key, account->aes_key);
    return true;
}

/* Loads the world that the texts of the options come from. */
static enum status load_account(struct push_options *o, struct sim_world *world, struct err *err)
{
    AUTO(json_freep) struct json *document = NULL;
    enum status rc;

    if (o->accounts == NULL)
        return ST_OK;
    rc = sim_file_json(o->accounts, &document, err);
    if (rc == ST_OK)
        rc = sim_world_load(world, document, err);
    if (rc == ST_OK && !take_account(o, world))
        rc = err_fatal(err, "account", "--appid names no account of %s", o->accounts);
    return rc;
}

static bool parse_mode(const struct push_options *o, enum sim_mode *out)
{
    *out = o->aes_key != NULL ? SIM_SECURE : SIM_PLAIN;
    return o->mode == NULL || sim_mode_parse(str_from(o->mode), out);
}

static int tries_of(const struct push_options *o)
{
    return o->retry ? SIM_TRIES : 1;
}

/* The push of one number, as often as asked for. */
static bool send_number(const struct push_options *o, const struct sim_event *event,
                        struct sim_sender *sender, int64_t number)
{
    AUTO(buf_done) struct buf xml = BUF_INIT(XML_MAX);
    AUTO(buf_done) struct buf openid = BUF_INIT(1024);
    const struct sim_changes changes = {o->sets.items, o->sets.count, o->unsets.items,
                                        o->unsets.count};
    const struct sim_about about = {
        .original_id = o->original_id,
        .appid = o->appid,
        .openid = o->openid,
        .friend_openid = o->friend_openid,
        .card_id = o->card_id,
        .code = o->code,
        .create_time = o->create_time + number,
        .number = number,
    };
    bool good = true;

    if (!sim_push_xml(event, &about, &changes, &xml)) {
        (void)usage("--set takes NAME=VALUE, and a push holds 96 elements at most");
        return false;
    }
    sim_push_expand(str_from(o->openid), number, &openid);
    if (o->print)
        (void)fprintf(stderr, "<xml>%.*s</xml>\n", STR_ARG(buf_str(&xml)));
    for (int64_t i = 0; i < o->times; i++)
        good = sim_try_push(sender, buf_str(&xml), buf_str(&openid), tries_of(o)) && good;
    return good;
}

static int send_all(const struct push_options *o, const struct sim_event *event,
                    struct sim_sender *sender)
{
    bool good = true;

    for (int64_t number = 0; number < o->repeat; number++)
        good = send_number(o, event, sender, number) && good;
    return good ? 0 : SIM_EXIT_FAILED;
}

static int check_url(struct sim_sender *sender)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(ARENA_MAX);
    const struct str echostr = arena_printf(&arena, "%llu", (unsigned long long)(rand_u64() >> 1));
    struct sim_reply reply;
    struct err err;
    const enum status rc = sim_check_url(sender, echostr, &arena, &reply, &err);

    sim_report_delivery(rc, &reply, &err);
    return rc == ST_OK && reply.accepted ? 0 : SIM_EXIT_FAILED;
}

static int relay(const struct push_options *o, struct sim_sender *sender)
{
    struct sim_relay r = {
        .from = o->from,
        .appid = o->appid,
        .sender = sender,
        .tries = tries_of(o),
        .after = o->after,
    };

    if (o->from == NULL)
        return usage("relay needs --from URL, a simulator's");
    return sim_relay_run(&r);
}

/* What is sent: the event where there is one, else what the name stands for. */
static int run(const struct push_options *o, const char *name, const struct sim_event *event)
{
    AUTO(sim_sender_closep) struct sim_sender *sender = NULL;
    struct sim_sender_conf conf = {
        .url = o->to,
        .appid = o->appid,
        .token = o->token,
        .original_id = o->original_id,
        .aes_key = o->aes_key,
        .nonce = o->nonce,
        .report_to = o->from,
    };
    struct err err;

    if (o->to == NULL || o->token == NULL || o->appid == NULL)
        return usage("needs --to URL, and --appid and --token or --accounts FILE");
    if (!parse_mode(o, &conf.mode))
        return usage("--mode is plain, compatible or secure");
    if (sim_sender_open(&conf, &sender, &err) != ST_OK)
        return usage(err.text);
    if (event != NULL)
        return send_all(o, event, sender);
    return str_eq_cstr(str_from(name), "relay") ? relay(o, sender) : check_url(sender);
}

static int list_events(void)
{
    for (size_t i = 0; i < SIM_EVENT_COUNT; i++)
        (void)printf("%s\n", SIM_EVENTS[i].name);
    return 0;
}

/* Finds the event, or makes one that holds the header alone; false: unknown and not asked for. */
static bool choose_event(const char *name, bool any, struct sim_event *out)
{
    const struct sim_event *found = sim_event_find(str_from(name));

    if (found == NULL && !any)
        return false;
    *out = found != NULL ? *found
                         : (struct sim_event){.name = name, .msg_type = "event", .event = name};
    return true;
}

int sim_push(int argc, char **argv)
{
    AUTO(sim_world_close) struct sim_world world = {.accounts = NULL};
    struct push_options o = {
        .original_id = NULL,
        .openid = "oWxsimFakeOpenid000000000001",
        .friend_openid = "oWxsimFakeOpenid000000000002",
        .card_id = "pWxsimFakeCardId000000000001",
        .code = "018255396048",
        .create_time = clock_wall_ms() / 1000,
        .repeat = 1,
        .times = 1,
    };
    struct sim_event event;
    struct err err;
    const char *name = argc > 0 ? argv[0] : "";
    const bool special =
        str_eq_cstr(str_from(name), "url-check") || str_eq_cstr(str_from(name), "relay");

    if (argc == 1 && str_eq_cstr(str_from(name), "list"))
        return list_events();
    if (argc < 1 || !sim_options_parse(option_rows, COUNT_OF(option_rows), argc - 1, argv + 1, &o))
        return SIM_EXIT_USAGE;
    if (!special && !choose_event(name, o.any, &event))
        return usage("no such event; \"push list\" names them, --any sends any");
    if (sim_world_open(&world, &err) != ST_OK || load_account(&o, &world, &err) != ST_OK)
        return usage(err.text);
    default_text(&o.original_id, "gh_0123456789ab");
    return run(&o, name, special ? NULL : &event);
}
