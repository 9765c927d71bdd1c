/* SPDX-License-Identifier: Apache-2.0 */
/* The list of clients: who is found, who may what, what a wrong file does. */
#include "clients.h"

#include "base/hex.h"
#include "base/mem.h"
#include "tests/unit/check.h"
#include "tests/unit/config/file.h"

static void write_file(const struct file *f, const char *text)
{
    assert_int_equal(ftruncate(f->fd, 0), 0);
    assert_int_equal(pwrite(f->fd, text, strlen(text), 0), (ssize_t)strlen(text));
}

static const char *line(const char *token, char out[128])
{
    uint8_t hash[SHA256_LEN];
    char hex[2 * SHA256_LEN + 1];

    sha256(str_from(token), hash);
    hex_format(hash, sizeof(hash), hex);
    (void)snprintf(out, 128, "sha256 = %s\n", hex);
    return out;
}

static struct clients *open_text(struct file *f, const char *text)
{
    struct clients *c = NULL;
    struct err err;

    *f = file_new(text);
    assert_int_equal(clients_open(f->path, &c, &err), ST_OK);
    return c;
}

static void two_clients(char out[512])
{
    char one[128];
    char two[128];

    (void)snprintf(out, 512,
                   "[token shop]\n%saccounts = demo other\ntypes = card.* bonus\n"
                   "[token all]\n%saccess_token = true\n",
                   line("secret-1", one), line("secret-2", two));
}

static void test_clients_are_found_by_their_token(void **state)
{
    char text[512];
    struct file f;
    struct clients *c;
    const struct api_client *shop;
    const struct api_client *all;

    (void)state;
    two_clients(text);
    c = open_text(&f, text);
    shop = clients_find(c, STR("secret-1"));
    all = clients_find(c, STR("secret-2"));
    assert_string_equal(shop->name, "shop");
    assert_string_equal(all->name, "all");
    assert_false(shop->access_token);
    assert_true(all->access_token);
    assert_null(clients_find(c, STR("secret-3")));
    assert_null(clients_find(c, STR("")));
    assert_null(clients_find(c, (struct str){0}));
    clients_close(c); /* who is held stays */
    assert_string_equal(shop->accounts, "demo other");
    clients_release(shop);
    clients_release(all);
    clients_release(NULL);
    file_done(&f);
}

static void test_clients_may_what_is_listed(void **state)
{
    char accounts[] = "demo other";
    char everything[] = "*";
    char types[] = " card.*  bonus ";
    const struct api_client shop = {.accounts = accounts, .types = types};
    const struct api_client all = {.accounts = everything, .types = everything};

    (void)state;
    assert_true(api_client_may_use(&shop, STR("demo")));
    assert_true(api_client_may_use(&shop, STR("other")));
    assert_false(api_client_may_use(&shop, STR("dem")));
    assert_false(api_client_may_use(&shop, STR("")));
    assert_false(api_client_may_use(&shop, STR("*")));
    assert_true(api_client_may_use(&all, STR("demo")));
    assert_true(api_client_may_use(&all, STR("")));
    assert_true(api_client_may_ask(&shop, STR("card.get")));
    assert_true(api_client_may_ask(&shop, STR("bonus")));
    assert_false(api_client_may_ask(&shop, STR("bonus.x")));
    assert_false(api_client_may_ask(&shop, STR("code.get")));
    assert_false(api_client_may_ask(&shop, STR("")));
    assert_true(api_client_may_ask(&all, STR("code.get")));
}

static void test_clients_keep_the_old_list(void **state)
{
    static const char *const wrong[][2] = {
        {"[token x]\n", "sha256"},
        {"[token x]\nsha256 = 12\n", ":2"},
        {"[token x]\ncolour = red\n", ":2"},
        {"[token x]\naccess_token = perhaps\n", ":2"},
        {"[token]\n", "NAME"},
        {"[client x]\n", "NAME"},
        {"[token a b]\n", "NAME"},
        {"sha256 = 12\n", ""},
    };
    char text[512];
    char twice[512];
    struct file f;
    struct clients *c;
    struct err err;

    (void)state;
    two_clients(text);
    c = open_text(&f, text);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        write_file(&f, wrong[i][0]);
        assert_int_equal(clients_reload(c, &err), ST_REJECT);
        assert_non_null(strstr(err.text, wrong[i][1]));
    }
    line("secret-1", text);
    (void)snprintf(twice, sizeof(twice), "[token a]\n%.100s[token b]\n%.100s", text, text);
    write_file(&f, twice);
    assert_int_equal(clients_reload(c, &err), ST_REJECT);
    clients_release(clients_find(c, STR("secret-2")));
    (void)snprintf(twice, sizeof(twice), "[token a]\n%.100s", text);
    write_file(&f, twice);
    assert_int_equal(clients_reload(c, &err), ST_OK);
    assert_null(clients_find(c, STR("secret-2")));
    clients_close(c);
    file_done(&f);
}

static void test_clients_survive_short_memory(void **state)
{
    char text[512];
    struct file f;
    struct err err;

    (void)state;
    two_clients(text);
    f = file_new(text);
    for (size_t n = 1; n < 100; n++) {
        struct clients *c = NULL;
        enum status rc;

        mem_fail_at(n, true);
        rc = clients_open(f.path, &c, &err);
        mem_fail_at(0, false);
        if (rc == ST_OK) {
            clients_close(c);
            file_done(&f);
            return;
        }
        assert_null(c);
    }
    fail();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clients_are_found_by_their_token),
        cmocka_unit_test(test_clients_may_what_is_listed),
        cmocka_unit_test(test_clients_keep_the_old_list),
        cmocka_unit_test(test_clients_survive_short_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
