/* SPDX-License-Identifier: Apache-2.0 */
/* What media.uploadimg and media.upload send: a file that the command brings or names. */
#pragma once

#include "codec/json.h"
#include "wechat/client.h"

struct media_request {
    struct wechat *wechat;
    struct http_client *http;   /* fetches what is named */
    struct str hosts;           /* [media] hosts; absent: none */
    const struct json *body;    /* valid against the type's schema */
    struct wechat_request call; /* but for query and file */
};

/* Decodes or fetches the file, looks what it is, sends it. Nothing of it is kept. *answer is
 * WeChat's, the caller's to free. ST_REJECT of ours, REASON_REJECTED: "media:base64"; "media:type"
 * (by its first bytes, whatever the caller says); "media:size"; "media:host" (not https, or not on
 * the list); "media:address" (not public); "media:redirect"; "media:fetch" (another final answer of
 * that host). ST_RETRY "http:fetch": it cannot be had now, and WeChat got nothing. Else as
 * wechat_call. */
MUST_CHECK enum status media_send(const struct media_request *r, struct json **answer,
                                  struct err *err);

/* The picture got an address that card fields refuse (40141): not on mmbiz.qpic.cn. */
bool media_is_elsewhere(const struct json *answer);
