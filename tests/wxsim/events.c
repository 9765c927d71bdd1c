/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/events.h"

#include "base/attr.h"

/* clang-format off */
static const struct sim_element subscribe_scene[] = {
    {"EventKey", "qrscene_123123", false}, {"Ticket", "$ticket", false},
};
static const struct sim_element unsubscribe[] = {{"EventKey", "", false}};
static const struct sim_element scan[] = {{"EventKey", "123123", false}, {"Ticket", "$ticket", false}};
static const struct sim_element location_event[] = {
    {"Latitude", "23.137466", true}, {"Longitude", "113.352425", true}, {"Precision", "119.385040", true},
};
static const struct sim_element click[] = {{"EventKey", "MENU_MEMBER", false}};
static const struct sim_element view[] = {
    {"EventKey", "https://www.example.com/shop?from=menu", false}, {"MenuId", "437382000", true},
};
static const struct sim_element view_miniprogram[] = {
    {"EventKey", "pages/index/index", false}, {"MenuId", "437382001", true},
};
static const struct sim_element scancode[] = {
    {"EventKey", "MENU_SCAN", false},
    {"ScanCodeInfo/ScanType", "qrcode", false}, {"ScanCodeInfo/ScanResult", "https://www.example.com/t/42", false},
};
static const struct sim_element pictures[] = {
    {"EventKey", "MENU_PICS", false}, {"SendPicsInfo/Count", "2", true},
    {"SendPicsInfo/PicList/item/PicMd5Sum", "1b5f7c23b5bf75682a53e7b6d163e185", false},
    {"SendPicsInfo/PicList/item#2/PicMd5Sum", "5a75aaca956d97be686719218f275c6b", false},
};
static const struct sim_element location_select[] = {
    {"EventKey", "MENU_PLACE", false},
    {"SendLocationInfo/Location_X", "23.1374", false}, {"SendLocationInfo/Location_Y", "113.3524", false},
    {"SendLocationInfo/Scale", "15", false}, {"SendLocationInfo/Label", "广州市海珠区客村艺苑路 106号", false},
    {"SendLocationInfo/Poiname", "", false},
};
static const struct sim_element template_finish[] = {{"MsgID", "$msgid", true}, {"Status", "success", false}};
static const struct sim_element mass_finish[] = {
    {"MsgID", "$msgid", true}, {"Status", "sendsuccess", false}, {"TotalCount", "100", true},
    {"FilterCount", "80", true}, {"SentCount", "75", true}, {"ErrorCount", "5", true},
};
static const struct sim_element subscribe_popup[] = {
    {"SubscribeMsgPopupEvent/List/TemplateId", "VRR0UEO9VJOLs0MHlU0OilqX6MVFDwH3_3gz3Oc0NIc", false},
    {"SubscribeMsgPopupEvent/List/SubscribeStatusString", "accept", false},
    {"SubscribeMsgPopupEvent/List/PopupScene", "2", true},
    {"SubscribeMsgPopupEvent/List#2/TemplateId", "9nLIlbOQZC5Y89AZteFEux3WCXRRRG5Wfzkpssu4bLI", false},
    {"SubscribeMsgPopupEvent/List#2/SubscribeStatusString", "reject", false},
    {"SubscribeMsgPopupEvent/List#2/PopupScene", "2", true},
};
static const struct sim_element subscribe_change[] = {
    {"SubscribeMsgChangeEvent/List/TemplateId", "VRR0UEO9VJOLs0MHlU0OilqX6MVFDwH3_3gz3Oc0NIc", false},
    {"SubscribeMsgChangeEvent/List/SubscribeStatusString", "reject", false},
};
static const struct sim_element subscribe_sent[] = {
    {"SubscribeMsgSentEvent/List/TemplateId", "VRR0UEO9VJOLs0MHlU0OilqX6MVFDwH3_3gz3Oc0NIc", false},
    {"SubscribeMsgSentEvent/List/MsgID", "$msgid", true},
    {"SubscribeMsgSentEvent/List/ErrorCode", "0", true},
    {"SubscribeMsgSentEvent/List/ErrorStatus", "success", false},
};
static const struct sim_element authorization_revoke[] = {
    {"OpenID", "$openid", false}, {"AppID", "$appid", false}, {"RevokeInfo", "1", false},
};
static const struct sim_element info_modified[] = {{"openid", "$openid", false}, {"appid", "$appid", false}};

static const struct sim_element pass_check[] = {{"CardId", "$card_id", false}, {"RefuseReason", "", false}};
static const struct sim_element not_pass_check[] = {
    {"CardId", "$card_id", false}, {"RefuseReason", "非法代制", false},
};
static const struct sim_element get_card[] = {
    {"CardId", "$card_id", false}, {"IsGiveByFriend", "0", true}, {"UserCardCode", "$code", false},
    {"FriendUserName", "", false}, {"OuterId", "0", true}, {"OldUserCardCode", "", false},
    {"OuterStr", "12b", false}, {"IsRestoreMemberCard", "0", true}, {"IsRecommendByFriend", "0", true},
    {"UnionId", "o6_bmasdasdsad6_2sgVt7hMZOPfL", false},
};
static const struct sim_element gifting_card[] = {
    {"CardId", "$card_id", false}, {"UserCardCode", "$code", false}, {"IsReturnBack", "0", true},
    {"FriendUserName", "$friend", false}, {"IsChatRoom", "0", true},
};
static const struct sim_element card_only[] = {{"CardId", "$card_id", false}, {"UserCardCode", "$code", false}};
static const struct sim_element consume_card[] = {
    {"CardId", "$card_id", false}, {"UserCardCode", "$code", false}, {"ConsumeSource", "FROM_API", false},
    {"LocationName", "", false}, {"StaffOpenId", "", false}, {"VerifyCode", "", false},
    {"RemarkAmount", "", false}, {"OuterStr", "xxxxx", false},
};
static const struct sim_element pay_cell[] = {
    {"CardId", "$card_id", false}, {"UserCardCode", "$code", false},
    {"TransId", "10022403432015000000000", false}, {"LocationId", "291710000", true},
    {"Fee", "10000", false}, {"OriginalFee", "10000", false},
};
static const struct sim_element view_card[] = {
    {"CardId", "$card_id", false}, {"UserCardCode", "$code", false}, {"OuterStr", "menu", false},
};
static const struct sim_element update_card[] = {
    {"CardId", "$card_id", false}, {"UserCardCode", "$code", false}, {"ModifyBonus", "3", true},
    {"ModifyBalance", "0", true},
};
static const struct sim_element sku_remind[] = {
    {"CardId", "$card_id", false}, {"Detail", "the card's quantity is equal to 0", false},
};
static const struct sim_element pay_order[] = {
    {"OrderId", "404091456", false}, {"Status", "ORDER_STATUS_FINANCE_SUCC", false},
    {"CreateOrderTime", "$now", true}, {"PayFinishTime", "0", true}, {"Desc", "", false},
    {"FreeCoinCount", "200", false}, {"PayCoinCount", "0", false}, {"RefundFreeCoinCount", "0", false},
    {"RefundPayCoinCount", "0", false}, {"OrderType", "ORDER_TYPE_SYS_ADD", false},
    {"Memo", "开通账户奖励", false}, {"ReceiptInfo", "", false},
};
static const struct sim_element merchant_check[] = {
    {"MerchantId", "267785431", true}, {"IsPass", "1", true}, {"Reason", "", false},
};
static const struct sim_element giftcard[] = {
    {"PageId", "abcedfghifk=+Uasdaseq14fadkf8123h4jk", false}, {"OrderId", "Z2y2rY74ksZX1ceuGA", false},
};
static const struct sim_element giftcard_send[] = {
    {"PageId", "abcedfghifk=+Uasdaseq14fadkf8123h4jk", false}, {"OrderId", "Z2y2rY74ksZX1ceuGA", false},
    {"IsChatRoom", "false", true}, {"IsReturnBack", "false", true},
};
static const struct sim_element giftcard_accept[] = {
    {"PageId", "abcedfghifk=+Uasdaseq14fadkf8123h4jk", false}, {"OrderId", "Z2y2rY74ksZX1ceuGA", false},
    {"IsChatRoom", "false", true},
};
static const struct sim_element authorize_invoice[] = {
    {"SuccOrderId", "1202933957956", false}, {"FailOrderId", "", false}, {"AuthorizeAppId", "$appid", false},
    {"Source", "wap", false},
};
static const struct sim_element invoice_status[] = {
    {"Status", "INVOICE_REIMBURSE_LOCK", false}, {"CardId", "$card_id", false}, {"Code", "$code", false},
};
static const struct sim_element invoice_title[] = {
    {"title", "示例科技有限公司", false}, {"phone", "02081111111", false}, {"tax_no", "91440101MA5XXXXX0X", false},
    {"attach", "", false}, {"title_type", "InvoiceUserTitleBusinessType", false},
};
static const struct sim_element invoicing_result[] = {
    {"fpqqlsh", "202601010001", false}, {"status", "1", true}, {"fail_msg", "", false},
};

static const struct sim_element text[] = {{"Content", "你好，会员卡在哪里？", false}, {"MsgId", "$msgid", true}};
static const struct sim_element image[] = {
    {"PicUrl", "http://mmbiz.qpic.cn/mmbiz_jpg/x/0", false}, {"MediaId", "$media", false}, {"MsgId", "$msgid", true},
};
static const struct sim_element voice[] = {
    {"MediaId", "$media", false}, {"Format", "amr", false}, {"MsgId", "$msgid", true},
};
static const struct sim_element video[] = {
    {"MediaId", "$media", false}, {"ThumbMediaId", "$media", false}, {"MsgId", "$msgid", true},
};
static const struct sim_element location_message[] = {
    {"Location_X", "23.134521", true}, {"Location_Y", "113.358803", true}, {"Scale", "20", true},
    {"Label", "广州塔", false}, {"MsgId", "$msgid", true},
};
static const struct sim_element link_message[] = {
    {"Title", "公众平台官网链接", false}, {"Description", "", false}, {"Url", "https://mp.weixin.qq.com/", false},
    {"MsgId", "$msgid", true},
};

#define EVENT(name, elements, spacing) {name, "event", name, elements, COUNT_OF(elements), spacing}
#define MESSAGE(type, elements)        {"message." type, type, NULL, elements, COUNT_OF(elements), SIM_TIGHT}

const struct sim_event SIM_EVENTS[] = {
    {"subscribe", "event", "subscribe", NULL, 0, SIM_TIGHT},
    {"subscribe_scene", "event", "subscribe", subscribe_scene, COUNT_OF(subscribe_scene), SIM_TIGHT},
    EVENT("unsubscribe", unsubscribe, SIM_TIGHT),
    EVENT("SCAN", scan, SIM_TIGHT),
    EVENT("LOCATION", location_event, SIM_TIGHT),
    EVENT("CLICK", click, SIM_TIGHT),
    EVENT("VIEW", view, SIM_TIGHT),
    EVENT("view_miniprogram", view_miniprogram, SIM_TIGHT),
    EVENT("scancode_push", scancode, SIM_TIGHT),
    EVENT("scancode_waitmsg", scancode, SIM_TIGHT),
    EVENT("pic_sysphoto", pictures, SIM_TIGHT),
    EVENT("pic_photo_or_album", pictures, SIM_TIGHT),
    EVENT("pic_weixin", pictures, SIM_TIGHT),
    EVENT("location_select", location_select, SIM_TIGHT),
    EVENT("TEMPLATESENDJOBFINISH", template_finish, SIM_TIGHT),
    EVENT("MASSSENDJOBFINISH", mass_finish, SIM_TIGHT),
    EVENT("subscribe_msg_popup_event", subscribe_popup, SIM_TIGHT),
    EVENT("subscribe_msg_change_event", subscribe_change, SIM_TIGHT),
    EVENT("subscribe_msg_sent_event", subscribe_sent, SIM_TIGHT),
    EVENT("user_authorization_revoke", authorization_revoke, SIM_TIGHT),
    EVENT("user_info_modified", info_modified, SIM_TIGHT),
    EVENT("card_pass_check", pass_check, SIM_BLANKS),
    EVENT("card_not_pass_check", not_pass_check, SIM_BLANKS),
    EVENT("user_get_card", get_card, SIM_BLANKS),
    EVENT("user_gifting_card", gifting_card, SIM_BLANKS),
    EVENT("user_del_card", card_only, SIM_BLANKS),
    EVENT("user_consume_card", consume_card, SIM_BLANKS),
    EVENT("user_pay_from_pay_cell", pay_cell, SIM_LINES),
    EVENT("user_view_card", view_card, SIM_BLANKS),
    EVENT("user_enter_session_from_card", card_only, SIM_BLANKS),
    EVENT("update_member_card", update_card, SIM_BLANKS),
    EVENT("card_sku_remind", sku_remind, SIM_BLANKS),
    EVENT("card_pay_order", pay_order, SIM_BLANKS),
    EVENT("submit_membercard_user_info", card_only, SIM_BLANKS),
    EVENT("card_merchant_check_result", merchant_check, SIM_BLANKS),
    EVENT("giftcard_pay_done", giftcard, SIM_BLANKS),
    EVENT("giftcard_send_to_friend", giftcard_send, SIM_BLANKS),
    EVENT("giftcard_user_accept", giftcard_accept, SIM_BLANKS),
    EVENT("user_authorize_invoice", authorize_invoice, SIM_TIGHT),
    EVENT("update_invoice_status", invoice_status, SIM_TIGHT),
    EVENT("submit_invoice_title", invoice_title, SIM_TIGHT),
    EVENT("cloudinvoicinginvoiceresult_event", invoicing_result, SIM_TIGHT),
    MESSAGE("text", text),
    MESSAGE("image", image),
    MESSAGE("voice", voice),
    MESSAGE("video", video),
    MESSAGE("shortvideo", video),
    MESSAGE("location", location_message),
    MESSAGE("link", link_message),
};
/* clang-format on */
const size_t SIM_EVENT_COUNT = COUNT_OF(SIM_EVENTS);

const struct sim_event *sim_event_find(struct str name)
{
    for (size_t i = 0; i < SIM_EVENT_COUNT; i++)
        if (str_eq_cstr(name, SIM_EVENTS[i].name))
            return &SIM_EVENTS[i];
    return NULL;
}
