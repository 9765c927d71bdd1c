/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include "codec/utf8.h"
#include "codec/xml.h"

#include <string.h>

const char *answer_name(enum answer answer)
{
    switch (answer) {
    case ANSWER_TAKEN: return "taken";
    case ANSWER_REPLIED: return "replied";
    case ANSWER_RUBBISH: return "rubbish";
    case ANSWER_REFUSED: return "refused";
    case ANSWER_FAILED: return "failed";
    case ANSWER_SILENT: return "silent";
    case ANSWER_UNREACHABLE: return "unreachable";
    case ANSWER_NONE: return "none";
    }
    return "";
}

bool answer_is_taken(enum answer answer)
{
    return answer == ANSWER_TAKEN || answer == ANSWER_REPLIED;
}

bool answer_may_pass(enum answer answer, int status)
{
    static const int passing[] = {408, 429, 502, 503, 504};

    for (size_t i = 0; i < COUNT_OF(passing); i++)
        if (status == passing[i])
            return true;
    return answer == ANSWER_SILENT;
}

/* A reply, plain or encrypted: its own correctness was WeChat's affair. */
static bool is_reply(struct str body, struct arena *memory)
{
    struct xml xml;
    struct err unread = {0};

    return xml_parse(body, memory, &xml, &unread) == ST_OK &&
           (!str_is_empty(xml_child(&xml, "MsgType")) || !str_is_empty(xml_child(&xml, "Encrypt")));
}

/* A mark and blanks around it are what editors leave in scripts. */
static enum answer read_body(struct str body, struct arena *memory)
{
    const struct str said = str_trim(utf8_without_mark(body));

    if (str_is_empty(said) || str_eq(said, STR("success")))
        return ANSWER_TAKEN;
    return is_reply(said, memory) ? ANSWER_REPLIED : ANSWER_RUBBISH;
}

static enum answer read_failure(const struct err *err)
{
    static const char *const ours[] = {"http:cut", "http:url", "http:header", "memory"};

    for (size_t i = 0; i < COUNT_OF(ours); i++)
        if (strcmp(err->code, ours[i]) == 0)
            return ANSWER_NONE;
    if (strcmp(err->code, "http:size") == 0)
        return ANSWER_RUBBISH;
    return http_client_sent_nothing(err) ? ANSWER_UNREACHABLE : ANSWER_SILENT;
}

enum answer answer_read(enum status rc, const struct http_reply *reply, const struct err *err,
                        struct arena *memory)
{
    if (rc == ST_OK)
        return read_body(reply->body, memory);
    if (reply->status >= 500)
        return ANSWER_FAILED;
    if (reply->status >= 300)
        return ANSWER_REFUSED;
    return read_failure(err);
}
