/* SPDX-License-Identifier: Apache-2.0 */
/* One table says what a reply of each type is made of, for its XML and for the file of rules. */
#include "wechat/reply.h"

#include "base/rand.h"
#include "codec/utf8.h"
#include "codec/xmlw.h"
#include "wechat/crypt.h"
#include "wechat/sign.h"

#include <inttypes.h>
#include <stdio.h>

enum { NONCE_SIZE = 17, TIME_SIZE = 24, SEALED_EXTRA = 512 };

const struct reply_form REPLY_FORMS[REPLY_TYPE_COUNT] = {
    [REPLY_TEXT] = {"text",
                    STR_INIT(""),
                    STR_INIT(""),
                    {{"content", STR_INIT("Content"), REPLY_WORDS, true}}},
    [REPLY_IMAGE] = {"image",
                     STR_INIT("<Image>"),
                     STR_INIT("</Image>"),
                     {{"media_id", STR_INIT("MediaId"), REPLY_NAME, true}}},
    [REPLY_VOICE] = {"voice",
                     STR_INIT("<Voice>"),
                     STR_INIT("</Voice>"),
                     {{"media_id", STR_INIT("MediaId"), REPLY_NAME, true}}},
    [REPLY_VIDEO] = {"video",
                     STR_INIT("<Video>"),
                     STR_INIT("</Video>"),
                     {{"media_id", STR_INIT("MediaId"), REPLY_NAME, true},
                      {"title", STR_INIT("Title"), REPLY_WORDS, false},
                      {"description", STR_INIT("Description"), REPLY_WORDS, false}}},
    [REPLY_MUSIC] = {"music",
                     STR_INIT("<Music>"),
                     STR_INIT("</Music>"),
                     {{"title", STR_INIT("Title"), REPLY_WORDS, false},
                      {"description", STR_INIT("Description"), REPLY_WORDS, false},
                      {"music_url", STR_INIT("MusicUrl"), REPLY_URL, false},
                      {"hq_music_url", STR_INIT("HQMusicUrl"), REPLY_URL, false},
                      {"thumb_media_id", STR_INIT("ThumbMediaId"), REPLY_NAME, true}}},
    [REPLY_NEWS] = {"news",
                    STR_INIT("<ArticleCount>1</ArticleCount><Articles><item>"),
                    STR_INIT("</item></Articles>"),
                    {{"title", STR_INIT("Title"), REPLY_WORDS, true},
                     {"description", STR_INIT("Description"), REPLY_WORDS, false},
                     {"pic_url", STR_INIT("PicUrl"), REPLY_URL, false},
                     {"url", STR_INIT("Url"), REPLY_URL, true}}},
    [REPLY_TRANSFER] = {"transfer_customer_service",
                        STR_INIT("<TransInfo>"),
                        STR_INIT("</TransInfo>"),
                        {{"kf_account", STR_INIT("KfAccount"), REPLY_NAME, false}}},
};

static bool has_parts(const struct reply *reply)
{
    for (size_t i = 0; i < REPLY_PARTS_MAX; i++)
        if (str_is_set(reply->parts[i]))
            return true;
    return false;
}

/* Every SDK sends the parts that are not given as empty ones. */
static void add_parts(struct buf *out, const struct reply *reply)
{
    const struct reply_form *form = &REPLY_FORMS[reply->type];

    buf_add(out, form->before);
    for (size_t i = 0; i < REPLY_PARTS_MAX && form->parts[i].member != NULL; i++) {
        struct str text = reply->parts[i];

        if (reply->type == REPLY_TEXT)
            text = utf8_cut(text, REPLY_TEXT_MAX);
        xmlw_cdata(out, form->parts[i].element, text);
    }
    buf_add(out, form->after);
}

void reply_write(const struct reply *reply, const struct reply_head *head, struct buf *out)
{
    buf_add(out, STR("<xml>"));
    xmlw_cdata(out, STR("ToUserName"), head->openid);
    xmlw_cdata(out, STR("FromUserName"), head->original_id);
    buf_addf(out, "<CreateTime>%" PRId64 "</CreateTime>", head->now_s);
    xmlw_cdata(out, STR("MsgType"), str_from(REPLY_FORMS[reply->type].name));
    if (has_parts(reply))
        add_parts(out, reply);
    buf_add(out, STR("</xml>"));
}

enum status reply_seal(const struct push_seal *seal, struct str message, int64_t now_s,
                       struct arena *arena, struct str *out, struct err *err)
{
    AUTO(buf_done) struct buf text = {0};
    char nonce[NONCE_SIZE];
    char time[TIME_SIZE];
    char signature[SIGN_LEN + 1];
    struct str encrypted;
    struct str copy = {0};
    enum status rc = crypt_seal(seal->crypt, seal->key_index, message, seal->frame_appid, arena,
                                &encrypted, err);

    if (rc != ST_OK)
        return rc;
    (void)snprintf(nonce, sizeof(nonce), "%016" PRIx64, rand_u64());
    (void)snprintf(time, sizeof(time), "%" PRId64, now_s);
    sign_values(seal->sha1,
                (const struct str[]){seal->token, str_from(time), str_from(nonce), encrypted}, 4,
                signature);
    text.max = encrypted.len + SEALED_EXTRA;
    buf_add(&text, STR("<xml>"));
    xmlw_cdata(&text, STR("Encrypt"), encrypted);
    xmlw_cdata(&text, STR("MsgSignature"), str_from(signature));
    buf_addf(&text, "<TimeStamp>%s</TimeStamp>", time);
    xmlw_cdata(&text, STR("Nonce"), str_from(nonce));
    buf_add(&text, STR("</xml>"));
    if (buf_ok(&text))
        copy = arena_dup(arena, buf_str(&text));
    if (!str_is_set(copy))
        return err_retry(err, "memory", "no memory for a reply");
    *out = copy;
    return ST_OK;
}
