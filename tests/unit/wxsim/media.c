/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads: what is a form, what is a picture. */
#include "tests/unit/wxsim/platform.h"

#define PICTURE "/cgi-bin/media/uploadimg"
#define MEDIA   "/cgi-bin/media/upload"
#define PNG     "\x89PNG\r\n\x1a\n"
#define JPG     "\xff\xd8\xff\xe0"

static const char accounts[] =
    "{\"accounts\":[{\"appid\":\"" APPID "\",\"secret\":\"s\"},"
    "{\"appid\":\"wxother\",\"secret\":\"t\",\"picture_host\":\"mmecoa.qpic.cn\"}]}";

static int set_up(void **state)
{
    return platform_open(state, accounts);
}

/* One part, its headers whole lines; the content is repeated to size when that is more. */
static int upload(struct fixture *f, const char *path, const char *headers, struct str content,
                  size_t size)
{
    AUTO(buf_done) struct buf body = BUF_INIT(32 << 20);

    buf_addf(&body, "--XX\r\n%s\r\n", headers);
    buf_add(&body, content);
    for (size_t i = content.len; i < size; i++)
        buf_add_char(&body, 'x');
    buf_add_cstr(&body, "\r\n--XX--\r\n");
    assert_true(buf_ok(&body));
    return ask(f, &(struct ask){HTTP_POST, path, "type=image", "multipart/form-data; boundary=XX",
                                buf_str(&body)});
}

#define DISPOSITION(name, file) \
    "Content-Disposition: form-data; name=\"" name "\"; filename=\"" file "\"\r\n"
#define IS_PNG "Content-Type: image/png\r\n"

static void test_a_picture_is_told_by_its_content(void **state)
{
    static const struct {
        const char *headers;
        struct str content;
        size_t size;
        int errcode;
    } rows[] = {
        {DISPOSITION("buffer", "a.png") IS_PNG, STR_INIT(PNG), 0, 0},
        {DISPOSITION("media", "a.JPEG") "content-type: image/jpeg\r\n", STR_INIT(JPG), 0, 0},
        {DISPOSITION("media", "a.png") IS_PNG, STR_INIT(PNG), 1 << 20, 0},
        {DISPOSITION("media", "a.png") IS_PNG, STR_INIT(PNG), (1 << 20) + 1, 40009},
        {DISPOSITION("media", "a.gif") "Content-Type: image/gif\r\n", STR_INIT("GIF89a"), 0, 40137},
        {DISPOSITION("media", "a.jpg") IS_PNG, STR_INIT(PNG), 0, 41005},
        {DISPOSITION("media", "png") IS_PNG, STR_INIT(PNG), 0, 41005},
        {DISPOSITION("media", "a.png"), STR_INIT(PNG), 0, 41005},
        {"Content-Disposition: form-data; name=\"media\"\r\n" IS_PNG, STR_INIT(PNG), 0, 41005},
        {DISPOSITION("file", "a.png") IS_PNG, STR_INIT(PNG), 0, 41005},
        {DISPOSITION("media", "a.png") IS_PNG, STR_INIT(""), 0, 41005},
        {"Content-Disposition: attachment; name=\"media\"\r\n" IS_PNG, STR_INIT(PNG), 0, 41005},
        {"no header\r\n", STR_INIT(PNG), 0, 41005},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const int errcode = upload(f, PICTURE, rows[i].headers, rows[i].content, rows[i].size);

        if (errcode != rows[i].errcode)
            fail_msg("row %zu: %d, not %d", i, errcode, rows[i].errcode);
    }
    assert_int_equal(total(f, SIM_UPLOADS), 3);
    assert_int_equal(upload(f, PICTURE, rows[0].headers, rows[0].content, 0), 0);
    assert_true(str_starts(json_get_str(f->answer, "url"), STR("http://mmbiz.qpic.cn/")));
    assert_int_equal(stable_token(f, "wxother", "t"), 0);
    assert_int_equal(upload(f, PICTURE, rows[0].headers, rows[0].content, 0), 0);
    assert_true(str_starts(json_get_str(f->answer, "url"), STR("http://mmecoa.qpic.cn/")));
}

static void test_what_is_no_form_is_refused(void **state)
{
    static const struct {
        const char *content_type;
        const char *body;
    } rows[] = {
        {NULL, "{}"},
        {"application/json", "{}"},
        {"multipart/form-data", "--XX\r\n"},
        {"multipart/form-data; boundary=", "--\r\n"},
        {"multipart/form-data; boundary=XX", "--XX--\r\n"},
        {"multipart/form-data; boundary=XX", "--XX\r\n\r\nnothing ends it"},
        {"multipart/form-data; boundary=XX",
         "--XX\r\n" DISPOSITION("media", "a.png") IS_PNG "\r\n" PNG "\r\n--XX"},
        {"multipart/form-data; boundary=XX",
         "--XX\r\n" DISPOSITION("media", "a.png") IS_PNG "\r\n" PNG "\r\n--XX--trailing"},
        {"multipart/form-data; boundary=XX",
         "before--XX\r\n" DISPOSITION("media", "a.png") IS_PNG "\r\n" PNG "\r\n--XX--"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct ask a = {HTTP_POST, PICTURE, "", rows[i].content_type, str_from(rows[i].body)};

        if (ask(f, &a) != 41005)
            fail_msg("row %zu is taken", i);
    }
    assert_int_equal(call(f, HTTP_POST, PICTURE, "", NULL), 44002);
    assert_int_equal(call(f, HTTP_GET, PICTURE, "", NULL), 43002);
}

static void test_a_boundary_in_the_content_ends_nothing(void **state)
{
    static const char content_type[] = "multipart/form-data; boundary=\"XXYY\"";
    static const char body[] = "--XXYY\r\n" DISPOSITION("media", "a.png") IS_PNG
        "\r\n" PNG "\r\n--XX inside\r\n--X\r\n--XXYY--\r\n";
    struct sim_form_data form;

    (void)state;
    sim_multipart_parse(str_from(content_type), STR(body), &form);
    assert_true(form.well_formed);
    assert_int_equal(form.count, 1);
    assert_int_equal(form.parts[0].bytes.len, sizeof(PNG "\r\n--XX inside\r\n--X") - 1);
    assert_null(sim_form_part(&form, "buffer"));
}

static int upload_as(struct fixture *f, const char *type, struct str content, const char *filename)
{
    const struct str query = arena_printf(&f->arena, "type=%s", type);
    const struct str head = arena_printf(
        &f->arena, "--XX\r\n" DISPOSITION("media", "%s") "Content-Type: x/y\r\n\r\n", filename);
    AUTO(buf_done) struct buf body = BUF_INIT(1 << 20);

    buf_add(&body, head);
    buf_add(&body, content);
    buf_add_cstr(&body, "\r\n--XX--");
    return ask(f, &(struct ask){HTTP_POST, MEDIA, query.ptr, "multipart/form-data; boundary=XX",
                                buf_str(&body)});
}

static void test_media_have_types(void **state)
{
    static char large[(64 << 10) + 1] = JPG;
    struct fixture *f = *state;

    assert_int_equal(upload_as(f, "image", STR("GIF89a"), "a.gif"), 0);
    assert_true(str_is_set(json_get_str(f->answer, "media_id")));
    assert_int_equal(upload_as(f, "voice", STR("#!AMR\n"), "a.amr"), 0);
    assert_int_equal(upload_as(f, "video",
                               STR("\x01\x01\x01\x01"
                                   "ftypisom"),
                               "a.mp4"),
                     0);
    assert_int_equal(upload_as(f, "thumb", STR(JPG), "a.jpg"), 0);
    assert_true(str_is_set(json_get_str(f->answer, "thumb_media_id")));
    assert_int_equal(upload_as(f, "thumb", STR(PNG), "a.png"), 40005);
    assert_int_equal(upload_as(f, "thumb", str_of(large, sizeof(large)), "a.jpg"), 40009);
    assert_int_equal(upload_as(f, "voice", STR(PNG), "a.png"), 40005);
    assert_int_equal(upload_as(f, "sound", STR(PNG), "a.png"), 40004);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_picture_is_told_by_its_content, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_what_is_no_form_is_refused, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_a_boundary_in_the_content_ends_nothing, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_media_have_types, set_up, platform_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
