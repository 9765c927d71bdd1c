/* SPDX-License-Identifier: Apache-2.0 */
/* From a command's body to the form that WeChat gets, against a scripted peer. */
#include "commands/media.h"

#include "codec/base64.h"
#include "tests/unit/wechat/bench.h"

#define PNG       "\x89PNG\r\n\x1A\n of four bits"
#define PNG_TEXT  "iVBORw0KGgogb2YgZm91ciBiaXRz"
#define IMG_DONE  "{\"url\":\"http://mmbiz.qpic.cn/mmbiz/x/0\"}"
#define MEDIA_MAX (10 << 20)

enum { DEADLINE_MS = 10000, BODY_MAX = 4 << 20 };

static enum status send_body(struct bench *b, const char *type, struct str body,
                             struct json **answer, struct err *err)
{
    AUTO(json_freep) struct json *tree = NULL;
    struct media_request request = {
        .wechat = b->wechat,
        .http = b->client.http,
        .hosts = STR("cdn.example 127.0.0.1:1"),
        .call = {.account = &b->account, .call = call_find(type)},
    };

    *err = (struct err){0};
    assert_int_equal(json_parse(body, &tree, err), ST_OK);
    request.body = tree;
    request.call.until = deadline_in(DEADLINE_MS);
    return media_send(&request, answer, err);
}

static void test_media_sends_a_form_of_what_it_is_given(void **state)
{
    static const struct peer_answer answers[] = {{200, IMG_DONE},
                                                 {200, "{\"type\":\"image\",\"media_id\":\"m1\"}"}};
    struct json *answer = NULL;
    struct bench b;
    struct err err;

    (void)state;
    bench_init_with(&b, answers, COUNT_OF(answers));
    assert_int_equal(send_body(&b, "media.uploadimg",
                               STR("{\"filename\":\"logo.gif\",\"content_type\":\"text/html\","
                                   "\"content_base64\":\"" PNG_TEXT "\"}"),
                               &answer, &err),
                     ST_OK);
    assert_non_null(
        strstr(b.peer.requests[0], "POST /cgi-bin/media/uploadimg?access_token=T HTTP/1.1\r\n"));
    assert_non_null(strstr(b.peer.requests[0], "form-data; name=\"buffer\"; "
                                               "filename=\"logo.png\"\r\n"
                                               "Content-Type: image/png\r\n\r\n" PNG "\r\n--"));
    assert_false(media_is_elsewhere(answer));
    json_free(answer);
    answer = NULL;
    assert_int_equal(send_body(&b, "media.upload",
                               STR("{\"type\":\"image\",\"filename\":\"x\",\"content_type\":\"\","
                                   "\"content_base64\":\"" PNG_TEXT "\"}"),
                               &answer, &err),
                     ST_OK);
    assert_non_null(strstr(b.peer.requests[1],
                           "POST /cgi-bin/media/upload?access_token=T&type=image HTTP/1.1\r\n"));
    assert_non_null(strstr(b.peer.requests[1], "name=\"media\"; filename=\"x.png\""));
    json_free(answer);
    bench_done(&b);
}

static void test_media_refuses_by_name(void **state)
{
    static const struct {
        const char *type;
        const char *body;
        const char *code;
    } rows[] = {
        {"media.uploadimg", "{\"content_base64\":\"iVBOR\"}", "media:base64"},
        {"media.uploadimg", "{\"content_base64\":\"iVBO_w0=\"}", "media:base64"},
        {"media.uploadimg", "{\"content_base64\":\"PGh0bWw+PC9odG1sPg==\"}", "media:type"},
        {"media.uploadimg", "{\"content_base64\":\"R0lGODlhAQAB\"}", "media:type"},
        {"media.upload", "{\"type\":\"thumb\",\"content_base64\":\"" PNG_TEXT "\"}", "media:type"},
        {"media.upload", "{\"type\":\"voice\",\"content_base64\":\"" PNG_TEXT "\"}", "media:type"},
        {"media.upload", "{\"type\":\"news\",\"content_base64\":\"" PNG_TEXT "\"}", "media:type"},
        {"media.uploadimg", "{\"url\":\"http://cdn.example/a\"}", "media:host"},
        {"media.uploadimg", "{\"url\":\"https://evil.example/a\"}", "media:host"},
        {"media.uploadimg", "{\"url\":\"https://u:p@cdn.example/a\"}", "media:host"},
        {"media.uploadimg", "{\"url\":\"file:///etc/passwd\"}", "media:host"},
        {"media.uploadimg", "{\"url\":\"\"}", "media:host"},
    };
    static const struct peer_answer answers[] = {{200, IMG_DONE}};
    struct json *answer = NULL;
    struct bench b;
    struct err err;

    (void)state;
    bench_init_with(&b, answers, COUNT_OF(answers));
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (send_body(&b, rows[i].type, str_from(rows[i].body), &answer, &err) != ST_REJECT ||
            strcmp(err.code, rows[i].code) != 0 || err.reason != REASON_REJECTED)
            fail_msg("%s: %s %s", rows[i].body, err.code, err.text);
    assert_null(answer);
    assert_int_equal(b.peer.request_count, 0);
    bench_done(&b);
}

/* A JPEG of so many bytes in a body. */
static void body_of(size_t bytes, const char *type, struct buf *out)
{
    static const uint8_t magic[] = {0xFF, 0xD8, 0xFF};
    AUTO(buf_done) struct buf raw = BUF_INIT(MEDIA_MAX);
    char *room = buf_room(&raw, bytes);

    assert_non_null(room);
    memset(room, 'x', bytes);
    memcpy(room, magic, sizeof(magic));
    buf_grew(&raw, bytes);
    buf_clear(out);
    buf_addf(out, "{\"type\":\"%s\",\"content_base64\":\"", type);
    base64_format(raw.ptr, raw.len, out);
    buf_add_cstr(out, "\"}");
    assert_true(buf_ok(out));
}

static void test_media_knows_the_limits(void **state)
{
    static const struct {
        const char *type;
        size_t bytes;
        bool passes;
    } rows[] = {
        {"thumb", 65537, false},   {"image", 716801, false}, {"image", 716802, false},
        {"image", 2000000, false}, {"thumb", 4000, true},
    };
    static const struct peer_answer answers[] = {{200, "{\"media_id\":\"m\"}"}};
    AUTO(buf_done) struct buf body = BUF_INIT(BODY_MAX);
    struct json *answer = NULL;
    struct bench b;
    struct err err;

    (void)state;
    bench_init_with(&b, answers, COUNT_OF(answers));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        enum status rc;

        body_of(rows[i].bytes, rows[i].type, &body);
        rc = send_body(&b, "media.upload", buf_str(&body), &answer, &err);
        if (rc != (rows[i].passes ? ST_OK : ST_REJECT) ||
            strcmp(err.code, rows[i].passes ? "" : "media:size") != 0)
            fail_msg("%s of %zu: %s", rows[i].type, rows[i].bytes, err.code);
    }
    json_free(answer);
    assert_int_equal(b.peer.request_count, 1);
    bench_done(&b);
}

/* Nobody listens there: another time, perhaps, and WeChat got nothing. */
static void test_media_that_cannot_be_fetched_now_is_tried_again(void **state)
{
    static const struct peer_answer answers[] = {{200, IMG_DONE}};
    struct json *answer = NULL;
    struct bench b;
    struct err err;

    (void)state;
    bench_init_with(&b, answers, COUNT_OF(answers));
    assert_int_equal(send_body(&b, "media.uploadimg",
                               STR("{\"filename\":\"a\",\"url\":\"https://127.0.0.1:1/a?secret\"}"),
                               &answer, &err),
                     ST_RETRY);
    assert_string_equal(err.code, "http:fetch");
    assert_true(http_client_sent_nothing(&err));
    assert_null(strstr(err.text, "secret"));
    assert_int_equal(b.peer.request_count, 0);
    bench_done(&b);
}

static void test_media_passes_wechats_refusal_on(void **state)
{
    static const struct peer_answer answers[] = {{200, "{\"errcode\":40005,\"errmsg\":\"bad\"}"},
                                                 {200, "{\"errcode\":41005,\"errmsg\":\"bad\"}"}};
    struct json *answer = NULL;
    struct bench b;
    struct err err;

    (void)state;
    bench_init_with(&b, answers, COUNT_OF(answers));
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        assert_int_equal(send_body(&b, "media.uploadimg",
                                   STR("{\"filename\":\"a\",\"content_base64\":\"" PNG_TEXT "\"}"),
                                   &answer, &err),
                         ST_REJECT);
        assert_string_equal(err.code, i == 0 ? "wechat:40005" : "wechat:41005");
    }
    bench_done(&b);
}

static void test_media_sees_a_picture_put_elsewhere(void **state)
{
    static const struct {
        const char *answer;
        bool elsewhere;
    } rows[] = {
        {"{\"url\":\"http://mmbiz.qpic.cn/x\"}", false},
        {"{\"url\":\"https://mmbiz.qpic.cn/x\"}", false},
        {"{\"url\":\"http://mmecoa.qpic.cn/x\"}", true},
        {"{\"url\":\"http://mmbiz.qpic.cn.example/x\"}", true},
        {"{\"url\":\"\"}", true},
        {"{\"media_id\":\"m\"}", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO(json_freep) struct json *answer = NULL;
        struct err err;

        assert_int_equal(json_parse(str_from(rows[i].answer), &answer, &err), ST_OK);
        assert_int_equal(media_is_elsewhere(answer), rows[i].elsewhere);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_media_sends_a_form_of_what_it_is_given),
        cmocka_unit_test(test_media_refuses_by_name),
        cmocka_unit_test(test_media_knows_the_limits),
        cmocka_unit_test(test_media_that_cannot_be_fetched_now_is_tried_again),
        cmocka_unit_test(test_media_passes_wechats_refusal_on),
        cmocka_unit_test(test_media_sees_a_picture_put_elsewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
