/* SPDX-License-Identifier: Apache-2.0 */
/* A file of rules of any bytes is compiled or refused with a reason; what was compiled answers the
 * file's own bytes as a text, and every event, with XML that parses. */
#include "codec/utf8.h"
#include "replies_set.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

enum { OUTPUT_MAX = 1 << 20 };

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void answer(const struct replies_set *set, struct push *push, struct str text)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    AUTO(buf_done) struct buf room = BUF_INIT(OUTPUT_MAX);
    const struct reply_head head = {.openid = text, .original_id = STR("gh_1"), .now_s = 1};
    const struct reply *reply = replies_set_find(set, push, &room);
    struct reply filled;
    struct xml xml;
    struct err err;

    if (reply == NULL || replies_fill(reply, &push->event, &arena, &filled, &err) != ST_OK)
        return;
    buf_clear(&room);
    reply_write(&filled, &head, &room);
    if (buf_ok(&room))
        require(xml_parse(buf_str(&room), &arena, &xml, &err) == ST_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const events[] = {"subscribe", "SCAN", "CLICK", ""};
    AUTO(replies_set_freep) struct replies_set *set = NULL;
    const struct str text = str_of(data, size);
    struct xml_element elements[] = {
        {.name = STR("xml"), .parent = -1, .has_children = true},
        {.name = STR("Content"), .text = text, .depth = 1},
        {.name = STR("EventKey"), .text = text, .depth = 1},
    };
    struct push push = {.xml = {elements, 3},
                        .event = {.openid = text, .scene = text, .msg_type = STR("text")}};
    struct err err = {0};

    if (replies_set_parse(text, "rules", &set, &err) != ST_OK) {
        require(set == NULL && err.text[0] != '\0' && utf8_valid(str_from(err.text)));
        return 0;
    }
    answer(set, &push, text);
    push.event.msg_type = STR("event");
    for (size_t i = 0; i < COUNT_OF(events); i++) {
        push.event.event = str_from(events[i]);
        answer(set, &push, text);
    }
    return 0;
}
