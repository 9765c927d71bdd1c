/* SPDX-License-Identifier: Apache-2.0 */
#include "setup_texts.h"

#include <stdbool.h>

static const char *const TEXTS[TEXT_COUNT][2] = {
    [TEXT_HELLO] = {"Account {account}, settings in {settings}. Nothing is written before the last "
                    "question is answered; Ctrl-C ends it.\n\n",
                    "账号 {account}，配置文件 {settings}。回答完最后一个问题之前不会写入任何文件；"
                    "按 Ctrl-C 退出。\n\n"},
    [TEXT_ASK_APPID] = {"AppID", "开发者ID（AppID）"},
    [TEXT_ASK_SECRET] = {"AppSecret (not shown)", "开发者密码（AppSecret，输入时不显示）"},
    [TEXT_ASK_ORIGINAL_ID] = {"Original ID, gh_... (Enter: leave it out)",
                              "原始ID，gh_ 开头（直接回车：不填）"},
    [TEXT_ASK_URL] = {"Public address of the ingress, https://HOST",
                      "kabao-ingress 的公网地址，https://域名"},
    [TEXT_ASK_PUSH_MODE] = {"Message mode: secure, compatible or plain (Enter: secure)",
                            "消息加解密方式：secure 安全、compatible 兼容、plain 明文"
                            "（直接回车：secure）"},
    [TEXT_ASK_TOKEN] = {"Does another system get the pushes today, and is it to stay on behind "
                        "forward_url?\nThen paste its Token: forwarding, and going back by "
                        "changing the URL, need the same one. (Enter: a new one is made)",
                        "现在是否有别的系统在接收推送，并且之后要通过 forward_url 继续使用？\n"
                        "如果是，请粘贴它的 Token：转发消息、以及改回 URL 退回旧系统，都需要相同的 "
                        "Token。（直接回车：生成新的）"},
    [TEXT_ASK_AES_KEY] = {"Its EncodingAESKey (Enter: a new one is made)",
                          "旧系统的 EncodingAESKey（直接回车：生成新的）"},
    [TEXT_BAD_APPID] = {"letters and digits as the console shows them, wx...",
                        "请填写公众平台显示的 AppID，wx 开头的字母和数字"},
    [TEXT_BAD_SECRET] = {"the AppSecret has no blanks, and 128 characters at most",
                         "AppSecret 不含空格，最多 128 个字符"},
    [TEXT_BAD_ORIGINAL_ID] = {"it begins with gh_ and has letters and digits",
                              "原始ID 以 gh_ 开头，由字母和数字组成"},
    [TEXT_BAD_URL] = {"https://HOST, without port and path: WeChat calls port 443 only",
                      "格式为 https://域名，不带端口和路径：微信只访问 443 端口"},
    [TEXT_BAD_PUSH_MODE] = {"one of secure, compatible, plain",
                            "只能是 secure、compatible 或 plain"},
    [TEXT_BAD_TOKEN] = {"3 to 32 letters and digits", "3 到 32 个字母或数字"},
    [TEXT_BAD_AES_KEY] = {"43 letters and digits", "43 个字母或数字"},
    [TEXT_CONFIRM] = {"Write settings and secrets?", "写入配置和密钥文件？"},
    [TEXT_KEPT] = {"{file} is there and is used as it is; remove it to give another.\n",
                   "{file} 已存在，直接使用；要更换请先删除它。\n"},
    [TEXT_MODE_PLAIN] = {"plain", "明文模式"},
    [TEXT_MODE_COMPATIBLE] = {"compatible", "兼容模式"},
    [TEXT_MODE_SECURE] = {"secure", "安全模式（推荐）"},
    [TEXT_IN_FILE] = {"(in {file})", "（在 {file} 中）"},
    [TEXT_NO_KEY] = {"(none: press \"random\" there; it is not used)",
                     "（无：点“随机生成”即可，不会用到）"},
    [TEXT_CONSOLE] =
        {"Account {account} stands in {settings}.\n\n"
         "In WeChat's console (mp.weixin.qq.com), \"server configuration\", enter:\n\n"
         "  URL              {url}\n"
         "  Token            {token}\n"
         "  EncodingAESKey   {aes_key}\n"
         "  message mode     {mode}\n\n"
         "  Token and EncodingAESKey stand in {token_file}{and_aes_file}.\n\n"
         "and into the IP allow-list the address this machine calls from.\n\n"
         "WeChat calls the URL when you submit: kabao-ingress must be up by then. From that moment "
         "on the\nmenu and the auto-replies of the console are off: read them first (step 3).\n\n",
         "账号 {account} 已写入 {settings}。\n\n"
         "在微信公众平台（mp.weixin.qq.com）的“服务器配置”中填写：\n\n"
         "  URL（服务器地址）  {url}\n"
         "  Token（令牌）      {token}\n"
         "  EncodingAESKey     {aes_key}\n"
         "  消息加解密方式     {mode}\n\n"
         "  Token 和 EncodingAESKey 保存在 {token_file}{and_aes_file}。\n\n"
         "并把本机的出口 IP 加入“IP白名单”。\n\n"
         "提交时微信会立即访问该 URL，所以 kabao-ingress "
         "必须已经启动。启用服务器配置之后，公众平台里"
         "设置的\n自定义菜单和自动回复全部失效：请先导出（第 3 步）。\n\n"},
    [TEXT_NEXT] =
        {"Next:\n"
         "  1. {settings}: [kafka] and [mysql] as yours are; the database's password in its file\n"
         "  2. kabaoctl topics apply; kabaoctl migrate; start kabao-token and kabao-command\n"
         "  3. set autoreply_file, then kabaoctl autoreply import --account {account} --menu "
         "menu.json\n"
         "  4. start kabao-ingress, kabao-member, kabao-store; submit the form in the console;\n"
         "     kabaoctl check --live --account {account}   names what is missing, waits for the "
         "first push\n"
         "  5. kabaoctl menu put menu.json --account {account}\n"
         "With the package, systemd hands out the secrets: /usr/share/doc/kabao/examples/systemd "
         "with this\naccount's name.\n",
         "接下来：\n"
         "  1. 在 {settings} 中填好 [kafka] 和 [mysql]；数据库密码写入它的密码文件\n"
         "  2. kabaoctl topics apply；kabaoctl migrate；启动 kabao-token 和 kabao-command\n"
         "  3. 设置 autoreply_file，再运行 kabaoctl autoreply import --account {account} --menu "
         "menu.json\n"
         "  4. 启动 kabao-ingress、kabao-member、kabao-store；在公众平台提交配置；\n"
         "     kabaoctl check --live --account {account}   逐项指出还缺什么，并等待第一条推送\n"
         "  5. kabaoctl menu put menu.json --account {account}\n"
         "用软件包安装时，密钥由 systemd 分发：把 /usr/share/doc/kabao/examples/systemd "
         "中的文件改成"
         "本账号的名字。\n"},
    [TEXT_EXAMPLE] = {"\n[account {account}] still has the AppID of the example: take that section "
                      "out of {settings}, or its secrets are missing at the start.\n",
                      "\n[account {account}] 仍是示例的 AppID：请把这一节从 {settings} "
                      "中删除，否则启动时会缺少它的密钥文件。\n"},
    [TEXT_NEW_FILE] =
        {"# Settings of kabao. Every key, with its default: kabao-ingress --describe-config\n"
         "\n"
         "[kafka]\n"
         "# The brokers; any other property of librdkafka goes here by its own name.\n"
         "bootstrap.servers = 127.0.0.1:9092\n"
         "\n"
         "[topic]\n"
         "# 1 with a single broker.\n"
         "#replication_factor = 3\n"
         "\n"
         "[mysql]\n"
         "host = 127.0.0.1\n"
         "user = kabao\n"
         "# A file that holds the user's password: yours to write.\n"
         "password_file = {secrets}/mysql.password\n",
         "# kabao 的配置。全部配置项及默认值：kabao-ingress --describe-config\n"
         "\n"
         "[kafka]\n"
         "# Kafka 地址；librdkafka 的其他属性也用原名写在这里。\n"
         "bootstrap.servers = 127.0.0.1:9092\n"
         "\n"
         "[topic]\n"
         "# 只有一个 broker 时设为 1。\n"
         "#replication_factor = 3\n"
         "\n"
         "[mysql]\n"
         "host = 127.0.0.1\n"
         "user = kabao\n"
         "# 数据库密码所在的文件，需要自己写入。\n"
         "password_file = {secrets}/mysql.password\n"},
};

const char *setup_text(enum setup_lang lang, enum setup_text text)
{
    return TEXTS[text][lang];
}

/* *at is behind "{"; moves it behind "}" when a word has that name. */
static bool take_word(struct str *at, const struct setup_word *words, struct str *value)
{
    size_t end;

    if (!str_find(*at, STR("}"), &end))
        return false;
    for (; words->name; words++) {
        if (!str_eq_cstr(str_of(at->ptr, end), words->name))
            continue;
        *value = words->value;
        *at = str_skip(*at, end + 1);
        return true;
    }
    return false;
}

void setup_say(enum setup_lang lang, enum setup_text text, const struct setup_word *words,
               struct buf *out)
{
    struct str rest = str_from(TEXTS[text][lang]);
    struct str value;
    size_t at;

    while (str_find(rest, STR("{"), &at)) {
        buf_add(out, str_of(rest.ptr, at));
        rest = str_skip(rest, at + 1);
        if (take_word(&rest, words, &value))
            buf_add(out, value);
        else
            buf_add_char(out, '{');
    }
    buf_add(out, rest);
}
