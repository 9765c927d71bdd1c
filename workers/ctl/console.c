/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include "app/app.h"
#include "autoreply_convert.h"
#include "menu_file.h"
#include "menu_form.h"

enum {
    RULES_MAX = 2000, /* of kabao-ingress, as the next */
    RULES_MAX_BYTES = 1 << 20,
};

static bool make_readable(struct buf *compact, struct buf *out)
{
    AUTO(json_freep) struct json *tree = NULL;
    struct err unseen = {0};

    if (!buf_ok(compact) || json_parse(buf_str(compact), &tree, &unseen) != ST_OK)
        return false;
    menu_file_format(tree, out);
    return buf_ok(out);
}

int console_convert(struct console *c, const struct json *replies, const struct json *current)
{
    AUTO(buf_done) struct buf rules = BUF_INIT(CONSOLE_TEXT_MAX);
    AUTO(buf_done) struct buf menu = BUF_INIT(CONSOLE_TEXT_MAX);
    struct jsonw rules_w = {.out = &rules};
    struct jsonw menu_w = {.out = &menu};
    struct autoreply_converting replying = {.w = &rules_w, .lost = &c->lost};
    struct menu_forming f = {
        .from = "menu.current /selfmenu_info/button", .lost = &c->lost, .clicks = &rules_w};

    jsonw_object(&rules_w);
    jsonw_key(&rules_w, STR("rules"));
    jsonw_array(&rules_w);
    autoreply_subscribe(replies, &replying);
    menu_form(json_get(json_get(current, "selfmenu_info"), "button"), &f, &menu_w);
    autoreply_keywords(replies, &replying);
    autoreply_default(replies, &replying);
    jsonw_array_end(&rules_w);
    jsonw_object_end(&rules_w);
    c->rule_count = replying.count + f.click_count;
    c->button_count = f.button_count;
    if (replying.failed || f.failed || !make_readable(&rules, &c->rules) ||
        !make_readable(&menu, &c->menu))
        return EXIT_INTERNAL;
    if (c->rules.len >= RULES_MAX_BYTES || c->rule_count > RULES_MAX)
        losses_add(&c->lost, "the rules", (struct str){NULL, 0},
                   "there are more than 2000 or 1 MiB of them: kabao-ingress refuses the file, "
                   "shorten it");
    return c->lost.failed ? EXIT_INTERNAL : EXIT_DONE;
}

void console_done(struct console *c)
{
    losses_done(&c->lost);
    buf_done(&c->rules);
    buf_done(&c->menu);
}
