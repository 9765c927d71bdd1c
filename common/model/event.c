/* SPDX-License-Identifier: Apache-2.0 */
/* The record of one push, field by field. */
#include "model/event.h"

const struct field EVENT_FIELDS[] = {
    FIELD(event, STR, account, true),     FIELD(event, STR, appid, true),
    FIELD(event, STR, to_user, false),    FIELD(event, STR, openid, true),
    FIELD(event, I64, create_time, true), FIELD(event, STR, msg_type, true),
    FIELD(event, STR, event, false),      FIELD(event, STR, card_id, false),
    FIELD(event, STR, card_code, false),  FIELD(event, STR, scene, false),
    FIELD(event, STR, scene_raw, false),  FIELD(event, STR, msg_id, false),
    FIELD(event, JSON, fields, true),
};
const size_t EVENT_FIELD_COUNT = COUNT_OF(EVENT_FIELDS);

enum status event_parse(const struct json *value, struct event *out, struct err *err)
{
    return field_parse(EVENT_FIELDS, EVENT_FIELD_COUNT, value, out, err);
}

void event_write(const struct event *e, struct buf *out)
{
    field_write_object(EVENT_FIELDS, EVENT_FIELD_COUNT, e, out);
}

struct str event_field(const struct event *e, const char *name)
{
    return json_get_str(e->fields.tree, name);
}

static struct str either_field(const struct event *e, const char *name, const char *other)
{
    struct str text = event_field(e, name);

    return str_is_empty(text) ? event_field(e, other) : text;
}

struct str event_revoked(const struct event *e)
{
    static const struct str none = {NULL, 0};
    const struct str appid = either_field(e, "AppID", "appid");
    const struct str openid = either_field(e, "OpenID", "openid");

    if (!str_eq(e->event, STR("user_authorization_revoke")) ||
        (!str_is_empty(appid) && !str_eq(appid, e->appid)))
        return none;
    return str_is_empty(openid) ? e->openid : openid;
}
