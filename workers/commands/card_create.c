/* SPDX-License-Identifier: Apache-2.0 */
/* card.create: WeChat takes no new coupons since 2021-04-01 (wechat-api 14.1), and says so in many
 * ways; whoever asks is told plainly. */
#include "call.h"

#include <string.h>

static bool is_coupon(const struct command *c)
{
    static const char *const types[] = {"GROUPON", "CASH", "DISCOUNT", "GIFT", "GENERAL_COUPON"};
    struct str type = json_get_str(json_get(c->body, "card"), "card_type");

    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (str_eq_cstr(type, types[i]))
            return true;
    return false;
}

/* The codes by which WeChat says no to the account: no waiting opens coupons again. */
static bool is_closed(const struct err *err)
{
    static const char *const codes[] = {"wechat:45103", "wechat:48001", "wechat:48004"};

    for (size_t i = 0; i < COUNT_OF(codes); i++)
        if (strcmp(err->code, codes[i]) == 0)
            return true;
    return false;
}

static enum status run(struct command *c, struct deadline until, struct reply *reply,
                       struct err *err)
{
    enum status rc = command_send(c, command_body(c), until, reply, err);
    struct err why = *err;

    if (!is_coupon(c) || !(rc == ST_REJECT || (rc == ST_WAIT && is_closed(err))) ||
        !str_starts(str_from(why.code), STR("wechat:")))
        return rc;
    (void)str_copy(STR("/body/card/card_type"), c->fault.pointer, sizeof(c->fault.pointer));
    return err_reject(err, REASON_REJECTED, why.code,
                      "coupons cannot be created since 2021-04-01, existing ones go on: %s",
                      why.text);
}

const struct special SPECIAL_CARD_CREATE = {.type = "card.create", .run = run};
