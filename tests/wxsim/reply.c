/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/reply.h"

#include "base/num.h"

enum { CONTENT_MAX = 2048, TO_MESSAGE_MAX = 1, TO_EVENT_MAX = 8, SIGNED_PARTS = 4 };

enum kind {
    NEEDED,  /* a text, not empty */
    PRESENT, /* a text, maybe empty */
    ALLOWED, /* the same, or absent */
    NUMBER,  /* digits */
    BOX,     /* elements */
    BOX_IF,  /* the same, or absent */
    BOXES,   /* the same, any number of them from one on */
};

struct rule {
    const char *type; /* MsgType; NULL: every one */
    const char *in;   /* "": the root */
    const char *name;
    enum kind kind;
};

/* clang-format off */
static const struct rule envelope[] = {
    {NULL, "", "Encrypt", NEEDED}, {NULL, "", "MsgSignature", NEEDED}, {NULL, "", "TimeStamp", NUMBER},
    {NULL, "", "Nonce", NEEDED},
};

static const struct rule rules[] = {
    {NULL, "", "ToUserName", NEEDED}, {NULL, "", "FromUserName", NEEDED}, {NULL, "", "CreateTime", NUMBER},
    {NULL, "", "MsgType", NEEDED},
    {"text", "", "Content", NEEDED},
    {"image", "", "Image", BOX}, {"image", "Image", "MediaId", NEEDED},
    {"voice", "", "Voice", BOX}, {"voice", "Voice", "MediaId", NEEDED},
    {"video", "", "Video", BOX}, {"video", "Video", "MediaId", NEEDED},
    {"video", "Video", "Title", ALLOWED}, {"video", "Video", "Description", ALLOWED},
    {"music", "", "Music", BOX}, {"music", "Music", "ThumbMediaId", NEEDED},
    {"music", "Music", "Title", ALLOWED}, {"music", "Music", "Description", ALLOWED},
    {"music", "Music", "MusicUrl", ALLOWED}, {"music", "Music", "HQMusicUrl", ALLOWED},
    {"news", "", "ArticleCount", NUMBER}, {"news", "", "Articles", BOX}, {"news", "Articles", "item", BOXES},
    {"news", "Articles/item", "Title", NEEDED}, {"news", "Articles/item", "Description", PRESENT},
    {"news", "Articles/item", "PicUrl", PRESENT}, {"news", "Articles/item", "Url", NEEDED},
    {"transfer_customer_service", "", "TransInfo", BOX_IF},
    {"transfer_customer_service", "TransInfo", "KfAccount", NEEDED},
};
static const char *const types[] = {
    "text", "image", "voice", "video", "music", "news", "transfer_customer_service", NULL,
};

/* clang-format on */

/* The rules in hand and what they are applied to. */
struct book {
    const struct rule *rules;
    size_t count;
    struct str type;
    const struct xml *xml;
    const struct sim_reply_part *parts;
    struct arena *arena;
};

static const char *say(struct arena *arena, const char *what, struct str where)
{
    const struct str text = arena_printf(arena, "%.*s: %s", STR_ARG(where), what);

    return str_is_set(text) ? text.ptr : what;
}

/* How many siblings of the same name come before the element. */
static int same_before(const struct xml *xml, int at)
{
    const struct xml_element *e = &xml->elements[at];
    int count = 0;

    for (int i = e->parent + 1; i < at; i++)
        if (xml->elements[i].parent == e->parent && str_eq(xml->elements[i].name, e->name))
            count++;
    return count;
}

/* NULL: no memory. */
static struct sim_reply_part *list_parts(const struct xml *xml, struct arena *arena)
{
    struct sim_reply_part *parts = arena_alloc(arena, (size_t)xml->count * sizeof(*parts));

    if (parts == NULL)
        return NULL;
    parts[0] = (struct sim_reply_part){STR(""), STR("")};
    for (int i = 1; i < xml->count; i++) {
        const struct xml_element *e = &xml->elements[i];
        const struct sim_reply_part *in = &parts[e->parent];
        const char *slash = e->parent > 0 ? "/" : "";
        const int before = same_before(xml, i);

        parts[i].plain =
            arena_printf(arena, "%.*s%s%.*s", STR_ARG(in->plain), slash, STR_ARG(e->name));
        parts[i].path =
            arena_printf(arena, "%.*s%s%.*s", STR_ARG(in->path), slash, STR_ARG(e->name));
        if (before > 0)
            parts[i].path = arena_printf(arena, "%.*s#%d", STR_ARG(parts[i].path), before + 1);
    }
    return parts;
}

static bool applies(const struct book *b, const struct rule *rule, struct str in)
{
    return (rule->type == NULL || str_eq_cstr(b->type, rule->type)) && str_eq_cstr(in, rule->in);
}

static const struct rule *find_rule(const struct book *b, int at)
{
    const struct xml_element *e = &b->xml->elements[at];

    for (size_t i = 0; i < b->count; i++)
        if (applies(b, &b->rules[i], b->parts[e->parent].plain) &&
            str_eq_cstr(e->name, b->rules[i].name))
            return &b->rules[i];
    return NULL;
}

static const char *check_element(const struct book *b, int at)
{
    const struct xml_element *e = &b->xml->elements[at];
    const struct rule *rule = find_rule(b, at);
    const struct str path = b->parts[at].path;
    int64_t value;

    if (rule == NULL)
        return say(b->arena, "no reply of its type has it", path);
    if (rule->kind != BOXES && same_before(b->xml, at) > 0)
        return say(b->arena, "stands there twice", path);
    if (e->has_children && rule->kind < BOX)
        return say(b->arena, "must be a text", path);
    if (!e->has_children && rule->kind >= BOX)
        return say(b->arena, "must hold elements", path);
    if (rule->kind == NEEDED && e->text.len == 0)
        return say(b->arena, "is empty", path);
    if (rule->kind == NUMBER && !num_parse_i64(e->text, 0, INT64_MAX, &value))
        return say(b->arena, "must be a number", path);
    return NULL;
}

static bool has_child(const struct xml *xml, int parent, const char *name)
{
    for (int i = parent + 1; i < xml->count; i++)
        if (xml->elements[i].parent == parent && str_eq_cstr(xml->elements[i].name, name))
            return true;
    return false;
}

/* What the element must hold. */
static const char *check_children(const struct book *b, int at)
{
    for (size_t i = 0; i < b->count; i++) {
        const struct rule *rule = &b->rules[i];

        if (rule->kind != ALLOWED && rule->kind != BOX_IF && applies(b, rule, b->parts[at].plain) &&
            !has_child(b->xml, at, rule->name))
            return say(b->arena, "is missing", str_from(rule->name));
    }
    return NULL;
}

static const char *check_all(const struct book *b)
{
    const char *bad = check_children(b, 0);

    for (int i = 1; bad == NULL && i < b->xml->count; i++) {
        bad = check_element(b, i);
        if (bad == NULL && b->xml->elements[i].has_children)
            bad = check_children(b, i);
    }
    return bad;
}

static int count_items(const struct sim_verdict *v)
{
    int count = 0;

    for (int i = 1; i < v->xml.count; i++)
        count += str_eq(v->parts[i].plain, STR("Articles/item"));
    return count;
}

static const char *check_articles(const struct sim_expected *expected, const struct sim_verdict *v)
{
    const int max = str_eq(expected->push_type, STR("event")) ? TO_EVENT_MAX : TO_MESSAGE_MAX;
    int64_t told = 0;

    (void)num_parse_i64(xml_child(&v->xml, "ArticleCount"), 0, INT64_MAX, &told);
    if (told != count_items(v))
        return "ArticleCount: is not the number of items";
    return told <= max ? NULL : "Articles: more than WeChat shows for such a push";
}

static const char *check_values(const struct sim_expected *expected, const struct sim_verdict *v)
{
    if (!str_eq(xml_child(&v->xml, "ToUserName"), expected->openid))
        return "ToUserName: is not the person's openid";
    if (!str_eq(xml_child(&v->xml, "FromUserName"), expected->original_id))
        return "FromUserName: is not the account's original id";
    if (xml_child(&v->xml, "Content").len > CONTENT_MAX)
        return "Content: over 2048 bytes";
    if (str_eq(xml_child(&v->xml, "MsgType"), STR("news")))
        return check_articles(expected, v);
    return NULL;
}

/* Reads the message as elements. */
static const char *read_message(struct sim_verdict *v, struct str text, struct arena *arena)
{
    struct err err;

    v->xml.count = 0;
    if (xml_parse(text, arena, &v->xml, &err) != ST_OK)
        return "not XML";
    v->parts = list_parts(&v->xml, arena);
    if (v->parts == NULL) {
        v->xml.count = 0;
        return "no memory to read it";
    }
    v->message = text;
    return str_eq(v->xml.elements[0].name, STR("xml")) ? NULL : "the root is not xml";
}

static const char *check_envelope(const struct sim_expected *expected, const struct sim_verdict *v,
                                  struct arena *arena)
{
    const struct book book = {envelope, COUNT_OF(envelope), STR(""), &v->xml, v->parts, arena};
    struct str parts[SIGNED_PARTS] = {expected->token, xml_child(&v->xml, "TimeStamp"),
                                      xml_child(&v->xml, "Nonce"), xml_child(&v->xml, "Encrypt")};
    char signature[SIM_SIGNATURE_SIZE];
    const char *bad = check_all(&book);

    if (bad != NULL)
        return bad;
    sim_sign(parts, SIGNED_PARTS, signature);
    return str_eq_cstr(xml_child(&v->xml, "MsgSignature"), signature)
               ? NULL
               : "MsgSignature: does not fit";
}

/* Puts the message in the place of the envelope that it came in. */
static const char *open_envelope(const struct sim_expected *expected, struct sim_verdict *v,
                                 struct arena *arena)
{
    const struct str encrypt = xml_child(&v->xml, "Encrypt");
    const char *bad;
    struct str message;
    int key_index;
    struct err err;

    if (!str_is_set(encrypt))
        return expected->mode == SIM_SECURE ? "Encrypt: is missing in secure mode" : NULL;
    if (expected->mode == SIM_PLAIN || expected->crypt == NULL)
        return "Encrypt: in plain mode";
    bad = check_envelope(expected, v, arena);
    if (bad == NULL && crypt_open(expected->crypt, encrypt, expected->appid, arena, &message,
                                  &key_index, &err) != ST_OK)
        bad = "Encrypt: cannot be decrypted with the account's key and appid";
    return bad == NULL ? read_message(v, message, arena) : bad;
}

static const char *check_message(const struct sim_expected *expected, const struct sim_verdict *v,
                                 struct arena *arena)
{
    const struct book book = {rules,   COUNT_OF(rules), xml_child(&v->xml, "MsgType"),
                              &v->xml, v->parts,        arena};
    size_t i = 0;
    const char *bad;

    while (types[i] != NULL && !str_eq_cstr(book.type, types[i]))
        i++;
    if (types[i] == NULL)
        return "MsgType: there are no replies of it";
    bad = check_all(&book);
    return bad == NULL ? check_values(expected, v) : bad;
}

void sim_reply_judge(const struct sim_expected *expected, struct str answer, struct arena *arena,
                     struct sim_verdict *out)
{
    *out = (struct sim_verdict){.is_reply = answer.len > 0 && !str_eq_cstr(answer, "success")};
    if (!out->is_reply)
        return;
    out->bad = read_message(out, answer, arena);
    if (out->bad == NULL)
        out->bad = open_envelope(expected, out, arena);
    if (out->bad == NULL)
        out->bad = check_message(expected, out, arena);
}
