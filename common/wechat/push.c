/* SPDX-License-Identifier: Apache-2.0 */
/* From a callback's bytes to an event. Nothing of a stranger's is looked at before the signature
 * fits, and nothing decrypted before msg_signature does. */
#include "wechat/push.h"

#include "base/mem.h"
#include "base/num.h"
#include "model/schema_ids.h"
#include "wechat/crypt.h"
#include "wechat/member.h"
#include "wechat/sign.h"

#include <string.h>

enum { CREATE_TIME_BITS = 40, TYPE_NAME_MAX = 64 };

struct push_reader {
    const struct account *account;
    struct str token;
    struct str frame_appid;
    struct hasher *sha1;
    struct hasher *sha256;
    struct crypt *crypt; /* NULL: no AES key */
};

/* The elements that have names in the record: children of the root, the first that is not empty. */
struct named {
    struct str to_user;
    struct str openid;
    struct str create_time;
    struct str msg_type;
    struct str event;
    struct str event_key;
    struct str card_id;
    struct str card_code;
    struct str msg_id;
    struct str encrypt;
};

struct name_row {
    struct str name;
    size_t offset; /* into struct named */
};

static const struct name_row name_rows[] = {
    {STR_INIT("ToUserName"), offsetof(struct named, to_user)},
    {STR_INIT("FromUserName"), offsetof(struct named, openid)},
    {STR_INIT("CreateTime"), offsetof(struct named, create_time)},
    {STR_INIT("MsgType"), offsetof(struct named, msg_type)},
    {STR_INIT("Event"), offsetof(struct named, event)},
    {STR_INIT("EventKey"), offsetof(struct named, event_key)},
    {STR_INIT("CardId"), offsetof(struct named, card_id)},
    {STR_INIT("UserCardCode"), offsetof(struct named, card_code)},
    {STR_INIT("MsgId"), offsetof(struct named, msg_id)},
    {STR_INIT("MsgID"), offsetof(struct named, msg_id)},
    {STR_INIT("Encrypt"), offsetof(struct named, encrypt)},
};

enum status push_reader_new(const struct account *account, const struct account_secrets *secrets,
                            struct push_reader **out, struct err *err)
{
    AUTO(push_reader_freep) struct push_reader *r = mem_zalloc(sizeof(*r));

    if (r == NULL)
        return err_fatal(err, "memory", "no memory for account %s", account->name);
    r->account = account;
    r->token = str_from(secrets->callback_token);
    r->frame_appid = str_from(account->frame_appid ? account->frame_appid : account->appid);
    r->sha1 = hasher_new(HASH_SHA1);
    r->sha256 = hasher_new(HASH_SHA256);
    if (secrets->aes_key_count > 0)
        r->crypt = crypt_new(secrets->aes_keys, secrets->aes_key_count);
    if (r->sha1 == NULL || r->sha256 == NULL || (secrets->aes_key_count > 0 && r->crypt == NULL))
        return err_fatal(err, "memory", "no memory for account %s", account->name);
    *out = TAKE(r);
    return ST_OK;
}

void push_reader_free(struct push_reader *r)
{
    if (r == NULL)
        return;
    hasher_free(r->sha1);
    hasher_free(r->sha256);
    crypt_free(r->crypt);
    mem_free(r);
}

static enum status refuse(struct err *err, const char *code, const char *text)
{
    return err_reject(err, REASON_MALFORMED, code, "%s", text);
}

static enum status no_memory(struct err *err)
{
    return err_retry(err, "memory", "no memory for a push");
}

static enum status check_signature(const struct push_reader *r, const struct push_query *q,
                                   struct err *err)
{
    const struct str values[] = {r->token, q->timestamp, q->nonce};

    if (!sign_check(r->sha1, values, COUNT_OF(values), q->signature))
        return refuse(err, "403:signature", "signature is missing or wrong");
    return ST_OK;
}

/* One request on its way through. */
struct opening {
    struct push_reader *reader;
    const struct push_query *query;
    struct arena *arena;
};

/* msg_signature covers the encrypted text; only then is it decrypted. */
static enum status decrypt(const struct opening *o, struct str encrypted, struct push *p,
                           struct str *message, struct err *err)
{
    struct push_reader *r = o->reader;
    const struct str values[] = {r->token, o->query->timestamp, o->query->nonce, encrypted};
    enum status rc;

    if (!sign_check(r->sha1, values, COUNT_OF(values), o->query->msg_signature))
        return refuse(err, "403:signature", "msg_signature is missing or wrong");
    if (r->crypt == NULL)
        return refuse(err, "400:decrypt", "encrypted, but the account has no AES key");
    rc = crypt_open(r->crypt, encrypted, r->frame_appid, o->arena, message, &p->key_index, err);
    if (rc == ST_REJECT)
        return refuse(err, "400:decrypt", "the frame cannot be decrypted");
    if (rc == ST_OK)
        p->encrypted = true;
    return rc;
}

enum status push_check_url(struct push_reader *r, const struct push_query *q, struct arena *arena,
                           struct str *echo, struct err *err)
{
    const struct opening opening = {.reader = r, .query = q, .arena = arena};
    struct push decrypted = {0};
    enum status rc;

    rc = check_signature(r, q, err);
    if (rc != ST_OK)
        return rc;
    if (str_is_empty(q->echostr))
        return refuse(err, "400:field", "echostr is missing");
    /* Official accounts send it plain; what brings a msg_signature of its own is encrypted. */
    if (str_is_set(q->msg_signature))
        return decrypt(&opening, q->echostr, &decrypted, echo, err);
    *echo = q->echostr;
    return ST_OK;
}

/* Not str_eq: called for each pair of element and name, mostly to find the lengths different. */
static bool same(struct str a, struct str b)
{
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

static void name_element(const struct xml_element *e, struct named *n)
{
    for (size_t i = 0; i < COUNT_OF(name_rows); i++) {
        struct str *slot = (struct str *)(void *)((char *)n + name_rows[i].offset);

        if (!same(e->name, name_rows[i].name))
            continue;
        if (str_is_empty(*slot) && e->text.len > 0)
            *slot = e->text;
        return;
    }
}

static struct named name_elements(const struct xml *xml)
{
    struct named n = {0};

    for (int i = 1; i < xml->count; i++)
        if (xml->elements[i].parent == 0)
            name_element(&xml->elements[i], &n);
    return n;
}

static enum status parse(struct str text, struct arena *arena, struct push *p, struct named *n,
                         struct err *err)
{
    struct err detail = {0};
    enum status rc;

    rc = xml_parse(text, arena, &p->xml, &detail);
    if (rc == ST_REJECT)
        return refuse(err, "400:xml", detail.text);
    if (rc != ST_OK) {
        *err = detail;
        return rc;
    }
    *n = name_elements(&p->xml);
    return ST_OK;
}

/* Which half of a body counts. In plain mode the encrypted copy of a compatible body is left alone:
 * that is what WeChat's compatible mode is for. */
static enum status is_encrypted(const struct push_reader *r, const struct push_query *q,
                                const struct named *n, bool *encrypted, struct err *err)
{
    const bool only_encrypted = str_is_set(n->encrypt) && str_is_empty(n->openid);
    const bool says_encrypted = str_ieq(q->encrypt_type, STR("aes"));
    const int mode = r->account->push_mode;

    if (mode == PUSH_MODE_PLAIN && only_encrypted)
        return refuse(err, "400:decrypt", "encrypted, but push_mode is plain");
    if (mode != PUSH_MODE_PLAIN && mode != PUSH_MODE_COMPATIBLE && str_is_empty(n->encrypt))
        return refuse(err, "403:mode", "a plain push, but push_mode is secure");
    if (mode == PUSH_MODE_COMPATIBLE && says_encrypted && str_is_empty(n->encrypt))
        return refuse(err, "400:decrypt", "encrypt_type is aes, but nothing is encrypted");
    if (mode == PUSH_MODE_PLAIN)
        *encrypted = false;
    else if (mode == PUSH_MODE_COMPATIBLE)
        *encrypted = says_encrypted || only_encrypted;
    else
        *encrypted = true;
    return ST_OK;
}

/* The authentic message, parsed. */
static enum status open_body(const struct opening *o, struct str body, struct push *p,
                             struct named *n, struct err *err)
{
    struct str message = {0};
    bool encrypted = false;
    enum status rc;

    rc = parse(body, o->arena, p, n, err);
    if (rc != ST_OK)
        return rc;
    rc = is_encrypted(o->reader, o->query, n, &encrypted, err);
    if (rc != ST_OK || !encrypted)
        return rc;
    rc = decrypt(o, n->encrypt, p, &message, err);
    if (rc != ST_OK)
        return rc;
    return parse(message, o->arena, p, n, err);
}

static bool parse_create_time(struct str text, struct opt_i64 *out)
{
    const bool digit_first = text.len > 0 && text.ptr[0] >= '0' && text.ptr[0] <= '9';

    out->set = digit_first && num_parse_i64(text, 1, (int64_t)1 << CREATE_TIME_BITS, &out->value);
    return out->set;
}

/* The scene of a parametric QR code; other events use EventKey for other things. */
static void read_scene(struct str event_key, struct event *e)
{
    const struct str prefix = STR("qrscene_");
    const bool subscribes = str_ieq(e->event, STR("subscribe"));
    struct str scene = event_key;

    if (str_is_empty(event_key) || (!subscribes && !str_ieq(e->event, STR("SCAN"))))
        return;
    if (subscribes && str_starts(scene, prefix))
        scene = str_skip(scene, prefix.len);
    e->scene_raw = event_key;
    if (!str_is_empty(scene))
        e->scene = scene;
}

static enum status read_event(const struct push_reader *r, const struct named *n, struct event *e,
                              struct err *err)
{
    if (str_is_empty(n->openid))
        return refuse(err, "400:field", "FromUserName is missing");
    if (str_is_empty(n->msg_type))
        return refuse(err, "400:field", "MsgType is missing");
    if (!parse_create_time(n->create_time, &e->create_time))
        return refuse(err, "400:field", "CreateTime is missing or no time");
    e->account = str_from(r->account->name);
    e->appid = str_from(r->account->appid);
    e->to_user = n->to_user;
    e->openid = n->openid;
    e->msg_type = n->msg_type;
    e->card_id = n->card_id;
    e->card_code = n->card_code;
    e->msg_id = n->msg_id;
    if (str_ieq(n->msg_type, STR("event"))) {
        e->event = n->event;
        read_scene(n->event_key, e);
    }
    return ST_OK;
}

/* paths of elements with children are kept for those below them. */
static struct str path_of(const struct xml_element *e, const struct str *paths, struct arena *arena)
{
    struct str parent;
    char *text;

    if (e->depth <= 1)
        return e->name;
    parent = paths[e->parent];
    text = arena_alloc(arena, parent.len + 1 + e->name.len);
    if (text == NULL)
        return (struct str){0};
    memcpy(text, parent.ptr, parent.len);
    text[parent.len] = '/';
    memcpy(text + parent.len + 1, e->name.ptr, e->name.len);
    return str_of(text, parent.len + 1 + e->name.len);
}

/* WeChat's transport, not part of the message. */
static bool is_transport(const struct xml_element *e)
{
    return e->parent == 0 && same(e->name, STR("Encrypt"));
}

static enum status identify(const struct push_reader *r, struct arena *arena, struct push *p,
                            struct err *err)
{
    const size_t count = (size_t)p->xml.count;
    struct str *paths = arena_alloc(arena, count * sizeof(*paths));
    struct id_leaf *leaves = arena_alloc(arena, count * sizeof(*leaves));
    size_t leaf_count = 0;

    if (paths == NULL || leaves == NULL)
        return no_memory(err);
    for (size_t i = 1; i < count; i++) {
        const struct xml_element *e = &p->xml.elements[i];

        paths[i] = path_of(e, paths, arena);
        if (!str_is_set(paths[i]))
            return no_memory(err);
        if (!e->has_children && !is_transport(e))
            leaves[leaf_count++] = (struct id_leaf){.path = paths[i], .text = e->text};
    }
    id_of_push(r->sha256, p->event.appid, leaves, leaf_count, &p->id);
    return ST_OK;
}

/* Marks what the record must not hold: the transport, elements named in drop, and list entries
 * whose <Name> is. */
static bool mark_dropped(const struct xml *xml, const char *drop, bool *gone)
{
    bool any = false;

    for (int i = 1; i < xml->count; i++) {
        const struct xml_element *e = &xml->elements[i];
        int marked = -1;

        if (is_transport(e) || wechat_field_dropped(drop, e->name))
            marked = i;
        else if (e->parent > 0 && str_ieq(e->name, STR("name")) &&
                 wechat_field_dropped(drop, e->text))
            marked = e->parent;
        if (marked < 0)
            continue;
        gone[marked] = true;
        any = true;
    }
    return any;
}

/* Closes the gaps; what stands below a dropped element goes with it. */
static void compact(struct xml *xml, bool *gone, int *moved)
{
    int kept = 1;

    for (int i = 1; i < xml->count; i++) {
        struct xml_element e = xml->elements[i];

        gone[i] = gone[i] || gone[e.parent];
        if (gone[i])
            continue;
        e.parent = moved[e.parent];
        moved[i] = kept;
        xml->elements[kept++] = e;
    }
    xml->count = kept;
}

static enum status drop_fields(const struct push_reader *r, struct arena *arena, struct push *p,
                               struct err *err)
{
    const size_t count = (size_t)p->xml.count;
    bool *gone = arena_alloc(arena, count * sizeof(*gone));
    int *moved = arena_alloc(arena, count * sizeof(*moved));

    if (gone == NULL || moved == NULL)
        return no_memory(err);
    if (mark_dropped(&p->xml, r->account->form_fields_drop, gone))
        compact(&p->xml, gone, moved);
    return ST_OK;
}

static char type_char(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '_';
}

/* Names come from outside: what a type cannot hold becomes '_', and what is too long is cut. */
static struct str type_of(const struct event *e, struct arena *arena)
{
    const bool is_event = str_ieq(e->msg_type, STR("event"));
    const struct str prefix = is_event ? STR(CE_TYPE_WECHAT_PREFIX) : STR(CE_TYPE_MESSAGE_PREFIX);
    struct str name = is_event ? e->event : e->msg_type;
    char *text;

    if (str_is_empty(name))
        name = STR("unknown");
    if (name.len > TYPE_NAME_MAX)
        name.len = TYPE_NAME_MAX;
    text = arena_alloc(arena, prefix.len + name.len);
    if (text == NULL)
        return (struct str){0};
    memcpy(text, prefix.ptr, prefix.len);
    for (size_t i = 0; i < name.len; i++)
        text[prefix.len + i] = type_char(name.ptr[i]);
    return str_of(text, prefix.len + name.len);
}

static struct str key_of(const struct event *e, struct arena *arena)
{
    if (str_is_empty(e->card_id) || str_is_empty(e->card_code))
        return id_user_key(arena, e->appid, e->openid);
    return id_card_key(arena, e->appid, e->card_id, e->card_code);
}

enum status push_open(struct push_reader *r, const struct push_query *q, struct str body,
                      struct arena *arena, struct push *out, struct err *err)
{
    const struct opening opening = {.reader = r, .query = q, .arena = arena};
    struct push p = {0};
    struct named n = {0};
    enum status rc;

    rc = check_signature(r, q, err);
    if (rc != ST_OK)
        return rc;
    rc = open_body(&opening, body, &p, &n, err);
    if (rc != ST_OK)
        return rc;
    rc = read_event(r, &n, &p.event, err);
    if (rc != ST_OK)
        return rc;
    rc = identify(r, arena, &p, err);
    if (rc != ST_OK)
        return rc;
    rc = drop_fields(r, arena, &p, err);
    if (rc != ST_OK)
        return rc;
    p.key = key_of(&p.event, arena);
    p.type = type_of(&p.event, arena);
    if (!str_is_set(p.key) || !str_is_set(p.type))
        return no_memory(err);
    *out = p;
    return ST_OK;
}

/* The next sibling of that name at or after index, -1 when there is none. */
static int find_named(const struct xml *xml, int parent, int index, struct str name)
{
    const int depth = xml->elements[parent].depth;

    for (int i = index; i < xml->count && xml->elements[i].depth > depth; i++)
        if (xml->elements[i].parent == parent && same(xml->elements[i].name, name))
            return i;
    return -1;
}

static void write_children(const struct xml *xml, int parent, struct jsonw *w);

/* NOLINTNEXTLINE(misc-no-recursion): as deep as XML_DEPTH_MAX. */
static void write_element(const struct xml *xml, int index, struct jsonw *w)
{
    if (xml->elements[index].has_children)
        write_children(xml, index, w);
    else
        jsonw_str(w, xml->elements[index].text);
}

/* One key with all elements of its name. NOLINTNEXTLINE(misc-no-recursion): see above */
static void write_named(const struct xml *xml, int first, struct jsonw *w)
{
    const int parent = xml->elements[first].parent;
    const struct str name = xml->elements[first].name;
    int next = find_named(xml, parent, first + 1, name);

    jsonw_key(w, name);
    if (next < 0) {
        write_element(xml, first, w);
        return;
    }
    jsonw_array(w);
    write_element(xml, first, w);
    for (; next >= 0; next = find_named(xml, parent, next + 1, name))
        write_element(xml, next, w);
    jsonw_array_end(w);
}

/* NOLINTNEXTLINE(misc-no-recursion): see above */
static void write_children(const struct xml *xml, int parent, struct jsonw *w)
{
    const int depth = xml->elements[parent].depth;

    jsonw_object(w);
    for (int i = parent + 1; i < xml->count && xml->elements[i].depth > depth; i++)
        if (xml->elements[i].parent == parent &&
            find_named(xml, parent, parent + 1, xml->elements[i].name) == i)
            write_named(xml, i, w);
    jsonw_object_end(w);
}

void push_write(const struct push *p, struct buf *out)
{
    struct jsonw w = {.out = out};

    jsonw_object(&w);
    field_write(EVENT_FIELDS, EVENT_FIELD_COUNT, &p->event, &w);
    jsonw_key(&w, STR("fields"));
    write_children(&p->xml, 0, &w);
    jsonw_object_end(&w);
}

struct push_seal push_seal_of(const struct push_reader *r, const struct push *p)
{
    return (struct push_seal){.token = r->token,
                              .frame_appid = r->frame_appid,
                              .sha1 = r->sha1,
                              .crypt = r->crypt,
                              .key_index = p->key_index};
}
