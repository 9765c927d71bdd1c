/* SPDX-License-Identifier: Apache-2.0 */
/* Every event and message of wechat-api 2.2 to 2.5, an unknown one too, from XML to a record that
 * its schema accepts, with every element under fields; and the identity vectors. */
#include "codec/schema.h"
#include "tests/unit/examples.h"
#include "tests/unit/wechat/sample.h"
#include "wechat/push_again.h"

#define OPENID "oGRUFjk0a1b2c3d4e5f6g7h8i9j0"
#define CARD   "<CardId><![CDATA[pGRUFjv0a1b2]]></CardId>"
#define CODE   "<UserCardCode> <![CDATA[018255396048]]> </UserCardCode>"

struct event_case {
    const char *name; /* Event */
    const char *body;
    const char *type;      /* what follows "kabao.wechat." */
    const char *scene;     /* NULL: none */
    const char *scene_raw; /* NULL: none */
    const char *msg_id;    /* NULL: none */
};

static const struct event_case basic_events[] = {
    {"subscribe", "", "subscribe", NULL, NULL, NULL},
    {"subscribe", "<EventKey></EventKey>", "subscribe", NULL, NULL, NULL},
    {"subscribe", "<EventKey> <![CDATA[qrscene_123123]]>\n</EventKey><Ticket>TICKET</Ticket>",
     "subscribe", "123123", "qrscene_123123", NULL},
    {"subscribe", "<EventKey>qrscene_</EventKey>", "subscribe", NULL, "qrscene_", NULL},
    {"subscribe", "<EventKey>qrscene_qrscene_1</EventKey>", "subscribe", "qrscene_1",
     "qrscene_qrscene_1", NULL},
    {"unsubscribe", "<EventKey><![CDATA[]]></EventKey>", "unsubscribe", NULL, NULL, NULL},
    {"SCAN", "<EventKey>m-1024</EventKey><Ticket>TICKET</Ticket>", "scan", "m-1024", "m-1024",
     NULL},
    {"LOCATION",
     "<Latitude>23.137466</Latitude><Longitude>113.352425</Longitude>"
     "<Precision>119.385040</Precision>",
     "location", NULL, NULL, NULL},
    {"CLICK", "<EventKey>qrscene_menu</EventKey>", "click", NULL, NULL, NULL},
    {"VIEW", "<EventKey>https://example.com/?a=1&amp;b=2</EventKey><MenuId>11</MenuId>", "view",
     NULL, NULL, NULL},
    {"view_miniprogram", "<EventKey>pages/index/index</EventKey><MenuId>11</MenuId>",
     "view_miniprogram", NULL, NULL, NULL},
    {"scancode_push",
     "<EventKey>6</EventKey><ScanCodeInfo><ScanType>qrcode</ScanType><ScanResult>1</ScanResult>"
     "</ScanCodeInfo>",
     "scancode_push", NULL, NULL, NULL},
    {"scancode_waitmsg",
     "<EventKey>6</EventKey><ScanCodeInfo><ScanType>barcode</ScanType><ScanResult>CODE,2"
     "</ScanResult></ScanCodeInfo>",
     "scancode_waitmsg", NULL, NULL, NULL},
    {"pic_sysphoto",
     "<EventKey>6</EventKey><SendPicsInfo><Count>1</Count><PicList><item><PicMd5Sum>1b5f7c23"
     "</PicMd5Sum></item></PicList></SendPicsInfo>",
     "pic_sysphoto", NULL, NULL, NULL},
    {"pic_photo_or_album",
     "<EventKey>6</EventKey><SendPicsInfo><Count>2</Count><PicList><item><PicMd5Sum>1b5f7c23"
     "</PicMd5Sum></item><item><PicMd5Sum>5a75aaca</PicMd5Sum></item></PicList></SendPicsInfo>",
     "pic_photo_or_album", NULL, NULL, NULL},
    {"pic_weixin",
     "<EventKey>6</EventKey><SendPicsInfo><Count>0</Count><PicList></PicList></SendPicsInfo>",
     "pic_weixin", NULL, NULL, NULL},
    {"location_select",
     "<EventKey>6</EventKey><SendLocationInfo><Location_X>23</Location_X><Location_Y>113"
     "</Location_Y><Scale>15</Scale><Label>广州市海珠区客村艺苑路 106号</Label><Poiname/>"
     "</SendLocationInfo>",
     "location_select", NULL, NULL, NULL},
    {"TEMPLATESENDJOBFINISH", "<MsgID>200163836</MsgID><Status>failed: system failed</Status>",
     "templatesendjobfinish", NULL, NULL, "200163836"},
    {"MASSSENDJOBFINISH",
     "<MsgID>1000001625</MsgID><Status>send success</Status><TotalCount>0</TotalCount>"
     "<FilterCount>0</FilterCount><SentCount>0</SentCount><ErrorCount>0</ErrorCount>"
     "<CopyrightCheckResult><Count>2</Count><ResultList><item><ArticleIdx>1</ArticleIdx></item>"
     "<item><ArticleIdx>2</ArticleIdx></item></ResultList></CopyrightCheckResult>",
     "masssendjobfinish", NULL, NULL, "1000001625"},
    {"subscribe_msg_popup_event",
     "<SubscribeMsgPopupEvent><List><TemplateId>a</TemplateId><SubscribeStatusString>accept"
     "</SubscribeStatusString><PopupScene>2</PopupScene></List><List><TemplateId>b</TemplateId>"
     "<SubscribeStatusString>reject</SubscribeStatusString><PopupScene>2</PopupScene></List>"
     "</SubscribeMsgPopupEvent>",
     "subscribe_msg_popup_event", NULL, NULL, NULL},
    {"subscribe_msg_change_event",
     "<SubscribeMsgChangeEvent><List><TemplateId>a</TemplateId><SubscribeStatusString>reject"
     "</SubscribeStatusString></List></SubscribeMsgChangeEvent>",
     "subscribe_msg_change_event", NULL, NULL, NULL},
    {"subscribe_msg_sent_event",
     "<SubscribeMsgSentEvent><List><TemplateId>a</TemplateId><MsgID>1864323726461255680</MsgID>"
     "<ErrorCode>0</ErrorCode><ErrorStatus>success</ErrorStatus></List></SubscribeMsgSentEvent>",
     "subscribe_msg_sent_event", NULL, NULL, NULL},
    {"user_authorization_revoke",
     "<OpenID>" OPENID "</OpenID><AppID>wx13974bf780d3dc89</AppID><RevokeInfo>1</RevokeInfo>",
     "user_authorization_revoke", NULL, NULL, NULL},
    {"user_info_modified", "<openid>" OPENID "</openid><appid>wx13974bf780d3dc89</appid>",
     "user_info_modified", NULL, NULL, NULL},
};

static const struct event_case card_events[] = {
    {"user_get_card",
     CARD " <IsGiveByFriend> <![CDATA[1]]> </IsGiveByFriend>" CODE
          "<FriendUserName>obLatjlNerkb62HtSdQUx66C4NTU</FriendUserName><OuterId>0</OuterId>"
          "<OldUserCardCode>226009850807</OldUserCardCode><OuterStr>12b</OuterStr>"
          "<IsRestoreMemberCard>0</IsRestoreMemberCard>"
          "<IsRecommendByFriend>0</IsRecommendByFriend>"
          "<UnionId>o6_bmasdasdsad6_2sgVt7hMZOPfL</UnionId>",
     "user_get_card", NULL, NULL, NULL},
    {"user_gifting_card",
     CARD CODE "<IsReturnBack>0</IsReturnBack><FriendUserName>obLatjlNerkb62HtSdQUx66C4NTU"
               "</FriendUserName><IsChatRoom>0</IsChatRoom>",
     "user_gifting_card", NULL, NULL, NULL},
    {"user_del_card", CARD CODE, "user_del_card", NULL, NULL, NULL},
    {"user_consume_card",
     CARD CODE "<ConsumeSource>FROM_API</ConsumeSource><LocationName></LocationName>"
               "<LocationId>0</LocationId><StaffOpenId>o1</StaffOpenId><VerifyCode/>"
               "<RemarkAmount/><OuterStr>xxxxx</OuterStr><OuterId>0</OuterId>",
     "user_consume_card", NULL, NULL, NULL},
    {"user_pay_from_pay_cell",
     CARD CODE "<TransId>\n10022403432015000000000\n</TransId><LocationId>\n291710000\n"
               "</LocationId><LocationName>x</LocationName><Fee>\n10000\n</Fee>"
               "<OriginalFee>10000</OriginalFee>",
     "user_pay_from_pay_cell", NULL, NULL, NULL},
    {"user_view_card", CARD CODE "<OuterStr>12b</OuterStr><OuterId>0</OuterId>", "user_view_card",
     NULL, NULL, NULL},
    {"user_enter_session_from_card", CARD CODE, "user_enter_session_from_card", NULL, NULL, NULL},
    {"update_member_card",
     CARD CODE "<ModifyBonus>-3</ModifyBonus><ModifyBalance>0</ModifyBalance>",
     "update_member_card", NULL, NULL, NULL},
    {"submit_membercard_user_info", CARD CODE, "submit_membercard_user_info", NULL, NULL, NULL},
};

/* Events of cards without a code, or without a card: the key is the sender. */
static const struct event_case other_events[] = {
    {"card_pass_check", CARD "<RefuseReason/>", "card_pass_check", NULL, NULL, NULL},
    {"card_not_pass_check", CARD "<RefuseReason>非法代制</RefuseReason>", "card_not_pass_check",
     NULL, NULL, NULL},
    {"user_del_card", CARD "<UserCardCode></UserCardCode>", "user_del_card", NULL, NULL, NULL},
    {"card_sku_remind", CARD "<Detail>the card's quantity is equal to 0</Detail>",
     "card_sku_remind", NULL, NULL, NULL},
    {"card_pay_order",
     "<OrderId>404091456</OrderId><Status>ORDER_STATUS_FINANCE_SUCC</Status><CreateOrderTime>"
     "1453295737</CreateOrderTime><PayFinishTime>0</PayFinishTime><Desc/><FreeCoinCount>"
     "<![CDATA[200]]></FreeCoinCount><PayCoinCount>0</PayCoinCount><RefundFreeCoinCount>0"
     "</RefundFreeCoinCount><RefundPayCoinCount>0</RefundPayCoinCount><OrderType>"
     "ORDER_TYPE_SYS_ADD</OrderType><Memo>开通账户奖励</Memo><ReceiptInfo/>",
     "card_pay_order", NULL, NULL, NULL},
    {"card_merchant_check_result",
     "<MerchantId>1</MerchantId><IsPass>1</IsPass><Reason>ok</Reason>",
     "card_merchant_check_result", NULL, NULL, NULL},
    {"giftcard_pay_done", "<PageId>p</PageId><OrderId>o</OrderId>", "giftcard_pay_done", NULL, NULL,
     NULL},
    {"giftcard_send_to_friend",
     "<PageId>p</PageId><OrderId>o</OrderId><IsChatRoom>true</IsChatRoom>"
     "<IsReturnBack>false</IsReturnBack>",
     "giftcard_send_to_friend", NULL, NULL, NULL},
    {"giftcard_user_accept", "<PageId>p</PageId><OrderId>o</OrderId><IsChatRoom>true</IsChatRoom>",
     "giftcard_user_accept", NULL, NULL, NULL},
    {"user_authorize_invoice", "<SuccOrderId>1</SuccOrderId><FailOrderId/>",
     "user_authorize_invoice", NULL, NULL, NULL},
    {"update_invoice_status", "<Status>INVOICE_REIMBURSE_INIT</Status>" CARD "<Code>1</Code>",
     "update_invoice_status", NULL, NULL, NULL},
    {"submit_invoice_title", "<title>t</title><phone>1</phone>", "submit_invoice_title", NULL, NULL,
     NULL},
    {"cloudinvoicinginvoiceresult_event", "<fpqqlsh>1</fpqqlsh><Status>2</Status>",
     "cloudinvoicinginvoiceresult_event", NULL, NULL, NULL},
    {"Brand-New.Event/卡", "<a><b>1</b><b/><c><d>2</d></c></a><a>3</a><x y=\"z\">4</x>",
     "brand_new_event____", NULL, NULL, NULL},
    {"", "", "unknown", NULL, NULL, NULL},
    {"a123456789b123456789c123456789d123456789e123456789f123456789g123456789", "",
     "a123456789b123456789c123456789d123456789e123456789f123456789g123", NULL, NULL, NULL},
};

static const struct event_case messages[] = {
    {"text",
     "<Content>会员 \"卡\" \\ &#10; &lt;b&gt; 😀</Content><MsgId>6265881059295447969</MsgId>"
     "<bizmsgmenuid>101</bizmsgmenuid>",
     "text", NULL, NULL, "6265881059295447969"},
    {"image", "<PicUrl>http://x/1</PicUrl><MediaId>m</MediaId><MsgId>1</MsgId>", "image", NULL,
     NULL, "1"},
    {"voice",
     "<MediaId>m</MediaId><Format>amr</Format><MediaId16K>n</MediaId16K><Recognition/>"
     "<MsgId>2</MsgId><MsgDataId>3</MsgDataId><Idx>1</Idx>",
     "voice", NULL, NULL, "2"},
    {"video", "<MediaId>m</MediaId><ThumbMediaId>t</ThumbMediaId><MsgId>3</MsgId>", "video", NULL,
     NULL, "3"},
    {"shortvideo", "<MediaId>m</MediaId><ThumbMediaId>t</ThumbMediaId><MsgId>4</MsgId>",
     "shortvideo", NULL, NULL, "4"},
    {"location",
     "<Location_X>23.1</Location_X><Location_Y>113.3</Location_Y><Scale>20</Scale>"
     "<Label>here</Label><MsgId>5</MsgId>",
     "location", NULL, NULL, "5"},
    {"link", "<Title>t</Title><Description/><Url>http://x/</Url><MsgId>6</MsgId>", "link", NULL,
     NULL, "6"},
    /* An Event in a message is WeChat's affair. */
    {"TEXT", "<Event>subscribe</Event><EventKey>qrscene_1</EventKey>", "text", NULL, NULL, NULL},
};

struct bench {
    struct sample sample;
    struct schema *schema;
};

static void bench_init(struct bench *b)
{
    AUTO(buf_done) struct buf text = BUF_INIT(EXAMPLE_MAX);
    struct err err;

    sample_init(&b->sample, PUSH_MODE_COMPATIBLE);
    example_read("schemas/messages/event-wechat.schema.json", &text);
    assert_int_equal(schema_compile(buf_str(&text), &b->schema, &err), ST_OK);
}

static void bench_done(struct bench *b)
{
    schema_free(b->schema);
    sample_done(&b->sample);
}

static void open_or_fail(struct sample *s, const struct push_query *q, struct str body,
                         struct push *p)
{
    struct err err = {0};

    if (push_open(s->reader, q, body, &s->arena, p, &err) != ST_OK)
        fail_msg("%.*s: %s %s", STR_ARG(body), err.code, err.text);
}

static struct json *record_of(const struct bench *b, const struct push *p)
{
    AUTO(buf_done) struct buf text = BUF_INIT(EXAMPLE_MAX);
    struct json *record = NULL;
    struct err err = {0};

    push_write(p, &text);
    assert_true(buf_ok(&text));
    if (json_parse(buf_str(&text), &record, &err) != ST_OK ||
        schema_check(b->schema, record, NULL, &err) != ST_OK)
        fail_msg("%s: %s", text.ptr, err.text);
    return record;
}

/* The place among siblings of one name: 0, 1, ... */
static size_t ordinal(const struct xml *xml, int index)
{
    size_t before = 0;

    for (int i = 0; i < index; i++)
        if (xml->elements[i].parent == xml->elements[index].parent &&
            str_eq(xml->elements[i].name, xml->elements[index].name))
            before++;
    return before;
}

static bool has_twin(const struct xml *xml, int index)
{
    for (int i = 0; i < xml->count; i++)
        if (i != index && xml->elements[i].parent == xml->elements[index].parent &&
            str_eq(xml->elements[i].name, xml->elements[index].name))
            return true;
    return false;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as XML_DEPTH_MAX. */
static const struct json *find_element(const struct xml *xml, int index, const struct json *fields)
{
    const struct json *parent;
    const struct json *value;
    char name[XML_NAME_MAX + 1];

    if (index == 0)
        return fields;
    parent = find_element(xml, xml->elements[index].parent, fields);
    assert_true(str_copy(xml->elements[index].name, name, sizeof(name)));
    value = json_get(parent, name);
    return has_twin(xml, index) ? json_at(value, ordinal(xml, index)) : value;
}

static void assert_every_element(struct sample *s, struct str body, const struct json *fields)
{
    struct xml xml;
    struct err err;

    assert_int_equal(xml_parse(body, &s->arena, &xml, &err), ST_OK);
    for (int i = 1; i < xml.count; i++) {
        const struct json *value = find_element(&xml, i, fields);
        bool same =
            xml.elements[i].has_children
                ? json_is(value, JSON_OBJECT)
                : json_is(value, JSON_STRING) && str_eq(json_str(value), xml.elements[i].text);

        if (!same)
            fail_msg("%.*s is not under fields", STR_ARG(xml.elements[i].name));
    }
}

/* Made anew from its record it is the same push: another ingress writes the same record. */
static void assert_goes_on_unchanged(struct bench *b, const struct json *record, const char *id)
{
    AUTO(json_freep) struct json *again = NULL;
    AUTO(buf_done) struct buf xml = BUF_INIT(EXAMPLE_MAX);
    struct push_query q = sample_query(&b->sample);
    struct event event = {0};
    struct push p;
    struct err err;

    assert_int_equal(event_parse(record, &event, &err), ST_OK);
    push_again_write(&event, &xml);
    assert_true(buf_ok(&xml));
    open_or_fail(&b->sample, &q, buf_str(&xml), &p);
    again = record_of(b, &p);
    if (!json_equal(again, record) || strcmp(p.id.text, id) != 0)
        fail_msg("made anew: %s", xml.ptr);
}

static void assert_member(const struct json *record, const char *name, const char *value)
{
    struct str found = json_get_str(record, name);

    if (value == NULL ? json_has(record, name) : !str_eq_cstr(found, value))
        fail_msg("%s is %.*s", name, STR_ARG(found));
}

static struct str body_of(struct sample *s, const char *msg_type, const struct event_case *c)
{
    bool is_event = strcmp(msg_type, "event") == 0;

    return arena_printf(&s->arena,
                        "<xml><ToUserName><![CDATA[gh_7f083739789a]]></ToUserName>\n"
                        "<FromUserName><![CDATA[" OPENID "]]></FromUserName>\n"
                        "<CreateTime>1760000000</CreateTime>\n<MsgType><![CDATA[%s]]></MsgType>\n"
                        "%s%s%s%s</xml>",
                        msg_type, is_event ? "<Event> <![CDATA[" : "", is_event ? c->name : "",
                        is_event ? "]]> </Event>" : "", c->body);
}

/* Plain and encrypted, they are one record. */
static void run_case(struct bench *b, const char *msg_type, const struct event_case *c,
                     const char *key)
{
    struct sample *s = &b->sample;
    struct str body = body_of(s, msg_type, c);
    struct str encrypted = sample_encrypt(s, s->secrets.aes_keys[0], body, STR(VECTOR_APPID));
    bool is_event = strcmp(msg_type, "event") == 0;
    AUTO(json_freep) struct json *record = NULL;
    AUTO(json_freep) struct json *record_aes = NULL;
    struct push_query q = sample_query(s);
    struct push plain;
    struct push aes;

    open_or_fail(s, &q, body, &plain);
    q = sample_query_aes(s, encrypted);
    open_or_fail(s, &q, sample_secure_body(s, encrypted), &aes);
    record = record_of(b, &plain);
    record_aes = record_of(b, &aes);
    assert_true(json_equal(record, record_aes));
    assert_string_equal(plain.id.text, aes.id.text);
    assert_goes_on_unchanged(b, record, plain.id.text);
    assert_every_element(s, body, json_get(record, "fields"));
    assert_member(record, "event", is_event && c->name[0] != '\0' ? c->name : NULL);
    assert_member(record, "scene", c->scene);
    assert_member(record, "scene_raw", c->scene_raw);
    assert_member(record, "msg_id", c->msg_id);
    assert_true(str_eq_cstr(plain.key, key));
    assert_true(
        str_starts(plain.type, is_event ? STR("kabao.wechat.") : STR("kabao.wechat.message.")));
    assert_true(str_ends(plain.type, str_from(c->type)));
    assert_int_equal(plain.type.len, (is_event ? 13 : 21) + strlen(c->type));
}

static void run_cases(const struct event_case *cases, size_t count, const char *key)
{
    AUTO(bench_done) struct bench b = {0};

    bench_init(&b);
    for (size_t i = 0; i < count; i++)
        run_case(&b, "event", &cases[i], key);
}

static void test_events_without_a_card_become_records(void **state)
{
    (void)state;
    run_cases(basic_events, COUNT_OF(basic_events), VECTOR_APPID ":" OPENID);
    run_cases(other_events, COUNT_OF(other_events), VECTOR_APPID ":" OPENID);
}

static void test_events_of_a_card_become_records_under_its_key(void **state)
{
    (void)state;
    run_cases(card_events, COUNT_OF(card_events), VECTOR_APPID ":pGRUFjv0a1b2:018255396048");
}

static void test_events_of_messages_become_records(void **state)
{
    AUTO(bench_done) struct bench b = {0};

    (void)state;
    bench_init(&b);
    for (size_t i = 0; i < COUNT_OF(messages); i++)
        run_case(&b, messages[i].name, &messages[i], VECTOR_APPID ":" OPENID);
}

static void test_events_write_repeated_and_nested_elements(void **state)
{
    AUTO(sample_done) struct sample s;
    AUTO(buf_done) struct buf json = BUF_INIT(4096);
    struct push_query q;
    struct push p;

    (void)state;
    sample_init(&s, PUSH_MODE_PLAIN);
    q = sample_query(&s);
    open_or_fail(&s, &q,
                 STR("<m><FromUserName>o</FromUserName><CreateTime>1</CreateTime><b/>"
                     "<MsgType>text</MsgType><a><i>1</i><j>2</j><i> </i><i><k>3</k></i></a>"
                     "<b>4</b><FromUserName>p</FromUserName></m>"),
                 &p);
    push_write(&p, &json);
    assert_string_equal(
        json.ptr,
        "{\"account\":\"demo\",\"appid\":\"" VECTOR_APPID "\",\"openid\":\"o\",\"create_time\":1,"
        "\"msg_type\":\"text\",\"fields\":{\"FromUserName\":[\"o\",\"p\"],\"CreateTime\":\"1\","
        "\"b\":[\"\",\"4\"],\"MsgType\":\"text\","
        "\"a\":{\"i\":[\"1\",\"\",{\"k\":\"3\"}],\"j\":\"2\"}}}");
}

static void check_vector(const char *path, void *arg)
{
    struct bench *b = arg;
    struct sample *s = &b->sample;
    AUTO(json_freep) struct json *vector = example_parse(path);
    AUTO(json_freep) struct json *record = NULL;
    struct push_query q = sample_query(s);
    struct push p;

    assert_true(str_copy(json_get_str(vector, "appid"), s->appid, sizeof(s->appid)));
    open_or_fail(s, &q, json_get_str(vector, "xml"), &p);
    if (!str_eq_cstr(json_get_str(vector, "id"), p.id.text))
        fail_msg("%s: id is %s", path, p.id.text);
    if (!str_eq(json_get_str(vector, "key"), p.key))
        fail_msg("%s: key is %.*s", path, STR_ARG(p.key));
    if (!str_eq(json_get_str(vector, "type"), p.type))
        fail_msg("%s: type is %.*s", path, STR_ARG(p.type));
    record = record_of(b, &p);
    assert_non_null(record);
    if (!strstr(path, "form-field")) /* one of its elements is in no record */
        assert_goes_on_unchanged(b, record, p.id.text);
}

static void test_events_have_the_identity_of_the_vectors(void **state)
{
    AUTO(bench_done) struct bench b = {0};

    (void)state;
    bench_init(&b);
    example_each("schemas/examples/identity/*.json", check_vector, &b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_without_a_card_become_records),
        cmocka_unit_test(test_events_of_a_card_become_records_under_its_key),
        cmocka_unit_test(test_events_of_messages_become_records),
        cmocka_unit_test(test_events_write_repeated_and_nested_elements),
        cmocka_unit_test(test_events_have_the_identity_of_the_vectors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
