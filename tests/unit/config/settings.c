/* SPDX-License-Identifier: Apache-2.0 */
#include "config/settings.h"

#include "base/mem.h"
#include "config/settings_list.h"
#include "tests/unit/check.h"
#include "tests/unit/config/load.h"

#include <string.h>

/* Variables of the test's own, as main's envp is: not const. */
static char v_host[] = "KABAO_MYSQL_HOST=db";

static void test_settings_have_the_documented_defaults(void **state)
{
    AUTO(loaded_done) struct loaded l = load(DEMO);
    const struct settings *s = l.s;

    (void)state;
    assert_int_equal(l.rc, ST_OK);
    assert_int_equal(l.report.len, 0);
    assert_int_equal(s->account_count, 1);
    assert_int_equal(s->accounts[0].push_mode, PUSH_MODE_PLAIN);
    assert_int_equal(s->accounts[0].token_source, TOKEN_SOURCE_WECHAT);
    assert_string_equal(s->accounts[0].form_fields_drop, "USER_FORM_INFO_FLAG_IDCARD");
    assert_int_equal(s->kafka.count, 0);
    assert_string_equal(s->topic.prefix, "kabao");
    assert_int_equal(s->topic.partitions, 12);
    assert_int_equal(s->topic.replication_factor, 3);
    assert_int_equal(s->topic.event_retention_hours, 336);
    assert_string_equal(s->ingress.listen, "127.0.0.1:8080");
    assert_int_equal(s->ingress.loops, 0);
    assert_int_equal(s->ingress.max_body_bytes, 65536);
    assert_int_equal(s->ingress.max_connections, 4096);
    assert_int_equal(s->ingress.ack_timeout_ms, 4000);
    assert_int_equal(s->ingress.recent_ids, 65536);
    assert_string_equal(s->wechat.base_url, "https://api.weixin.qq.com");
    assert_int_equal(s->wechat.connect_timeout_ms, 2000);
    assert_int_equal(s->wechat.timeout_ms, 5000);
    assert_int_equal(s->mysql.port, 3306);
    assert_string_equal(s->mysql.database, "kabao");
    assert_int_equal(s->mysql.connections, 4);
    assert_int_equal(s->mysql.batch_rows, 200);
    assert_int_equal(s->mysql.batch_ms, 10);
    assert_int_equal(s->worker.lanes, 0);
    assert_int_equal(s->worker.max_inflight, 1024);
    assert_int_equal(s->worker.max_inflight_bytes, 64 << 20);
    assert_int_equal(s->worker.retry_initial_ms, 500);
    assert_int_equal(s->worker.retry_max_ms, 300000);
    assert_int_equal(s->worker.max_attempts, 300);
    assert_int_equal(s->worker.revoke_drain_ms, 6000);
    assert_int_equal(s->worker.drain_timeout_ms, 25000);
    assert_int_equal(s->token.api, TOKEN_API_STABLE);
    assert_int_equal(s->token.refresh_ahead_s, 300);
    assert_int_equal(s->token.force_interval_s, 30);
    assert_int_equal(s->token.force_per_day, 20);
    assert_string_equal(s->admin.listen, "127.0.0.1:0");
    assert_string_equal(s->log.level, "info");
}

static void test_settings_read_every_section(void **state)
{
    AUTO(loaded_done)
    struct loaded l =
        load("[account b2]\nappid = wx2\naes_key_file = /k\npush_mode = compatible\n"
             "[account a1]\nappid = wx1\naes_key_file = /k\ntoken_source = url\n"
             "token_url = https://hub.example/t\nform_fields_drop =\n"
             "[kafka]\nbootstrap.servers = a:1,b:2\nsasl.password = a#b;c = d\nclient.id =\n"
             "[ingress]\nlisten = [::1]:80\nmax_body_bytes = 128 KiB\n[log]\nlevel = debug\n");

    (void)state;
    assert_int_equal(l.rc, ST_OK);
    assert_int_equal(l.s->account_count, 2);
    assert_int_equal(settings_account(l.s, "a1")->push_mode, PUSH_MODE_SECURE);
    assert_int_equal(settings_account(l.s, "b2")->push_mode, PUSH_MODE_COMPATIBLE);
    assert_string_equal(settings_account(l.s, "a1")->form_fields_drop, "");
    assert_ptr_equal(settings_account_by_appid(l.s, STR("wx2")), settings_account(l.s, "b2"));
    assert_null(settings_account(l.s, "c3"));
    assert_null(settings_account_by_appid(l.s, STR("wx3")));
    assert_int_equal(l.s->kafka.count, 3);
    assert_string_equal(l.s->kafka.properties[0].name, "bootstrap.servers");
    assert_string_equal(l.s->kafka.properties[1].value, "a#b;c = d");
    assert_string_equal(l.s->kafka.properties[2].value, "");
    assert_string_equal(l.s->ingress.listen, "[::1]:80");
    assert_int_equal(l.s->ingress.max_body_bytes, 131072);
    assert_non_null(strstr(l.s->path, "/proc/self/fd/"));
}

static void test_settings_refuse_what_they_do_not_know(void **state)
{
    (void)state;
    REFUSALS(load(DEMO "[ingress]\nlisten = 127.0.0.1:1\nloop = 2\n[ingres]\nloops = 1\n"
                       "[worker]\nbase_url = x\ncolour = red\n[nothing]\n[account]\n[account X]\n"
                       "appid = wx1\n[log]\nlevel = loud\nLevel2 = x\n"),
             ":5: [ingress] has no key \"loop\"; did you mean \"loops\"?",
             ":6: there is no section [ingres]; did you mean [ingress]?",
             ":9: [worker] has no key \"base_url\"; it belongs to [wechat]",
             ":10: [worker] has no key \"colour\"; --describe-config",
             ":11: there is no section [nothing]; --describe-config",
             ":12: [account]: an account has a name", ":13: [account X]: an account has a name",
             ":16: [log] level must be one of trace", ":17: [log] has no key \"Level2\"");
}

static void test_settings_refuse_values_out_of_bounds(void **state)
{
    (void)state;
    REFUSALS(load(DEMO "[topic]\nprefix = a_b\npartitions = 1001\n[ingress]\nlisten = 8080\n"
                       "ack_timeout_ms = 4501\n[wechat]\nbase_url = http://example.com\n"
                       "[worker]\nretry_initial_ms = 300001\n[account demo2]\nappid = a:b\n"),
             ":4: [topic] prefix must be", ":5: [topic] partitions must be a number from 1 to 1000",
             ":7: [ingress] listen must be host:port",
             ":8: [ingress] ack_timeout_ms must be a number from 100 to 4500",
             ":10: [wechat] base_url must be an https:// address",
             ":12: [worker] retry_initial_ms is above retry_max_ms (300000)",
             ":14: [account] appid must be 1 to 64");
}

static void test_settings_check_what_spans_keys(void **state)
{
    (void)state;
    REFUSALS(load("[account a]\nsecret_file = /s\n[account b]\nappid = wx1\npush_mode = secure\n"
                  "[account c]\ntoken_source = url\nappid = wx1\naes_key_previous_file = /k\n"
                  "[account d]\nappid = wx4\npush_mode = compatible\n"),
             ":1: [account a] appid is missing", ":5: [account b] push_mode = secure needs aes_key",
             ":8: [account c] appid is that of [account b] too",
             ":9: [account c] aes_key_previous_file needs aes_key_file",
             ":7: [account c] token_source = url needs token_url",
             ":12: [account d] push_mode = compatible needs aes_key_file");
}

static void test_settings_tell_all_syntax_errors(void **state)
{
    (void)state;
    REFUSALS(load("[ingress]\nlisten\n[ingress]\nloops = 1\nloops = 2\n"), ":2: ", ":3: ", ":5: ");
}

static void test_settings_file_must_be_there_when_named(void **state)
{
    struct loaded l = load_path("/nonexistent/kabao.ini", ENVIRONMENT(v_host));

    (void)state;
    REFUSALS(l, "/nonexistent/kabao.ini: No such file or directory; name the file with --config");
}

static void test_settings_environment_is_enough(void **state)
{
    char appid[] = "KABAO_ACCOUNT_DEMO_APPID=wx1";
    struct loaded l;

    (void)state;
    if (access("/etc/kabao/kabao.ini", F_OK) == 0)
        skip();
    l = load_path(NULL, ENVIRONMENT(appid));
    assert_int_equal(l.rc, ST_OK);
    assert_null(l.s->path);
    assert_string_equal(settings_account(l.s, "demo")->appid, "wx1");
    loaded_done(&l);
    l = load_path(NULL, NULL);
    REFUSALS(l, "/etc/kabao/kabao.ini: does not exist and no KABAO_ variable is set");
}

static void test_settings_environment_overrides(void **state)
{
    char servers[] = "KABAO_KAFKA_BOOTSTRAP_SERVERS=b:2";
    char pem[] = "KABAO_KAFKA_SSL_CA_PEM=-----BEGIN\nx\n-----END";
    char level[] = "KABAO_KAFKA_LOG_LEVEL=7";
    char admin[] = "KABAO_ADMIN_LISTEN= 0.0.0.0:9090 ";
    char appid[] = "KABAO_ACCOUNT_DEMO_APPID=wx9";
    char key[] = "KABAO_ACCOUNT_DEMO_AES_KEY_FILE=/k";
    char other[] = "KABAO_ACCOUNT_X2_APPID=wx2";
    char unset[] = "KABAO_MYSQL_USER=";
    char path[] = "PATH=/bin";
    AUTO(loaded_done)
    struct loaded l =
        load_with(DEMO "[kafka]\nbootstrap.servers = a:1\n[mysql]\nhost = x\nuser = me\n",
                  ENVIRONMENT(v_host, servers, pem, level, admin, appid, key, other, unset, path));

    (void)state;
    assert_int_equal(l.rc, ST_OK);
    assert_int_equal(l.strangers.len, 0);
    assert_string_equal(l.s->mysql.host, "db");
    assert_string_equal(l.s->mysql.user, "me");
    assert_string_equal(l.s->admin.listen, "0.0.0.0:9090");
    assert_int_equal(l.s->kafka.count, 3);
    assert_string_equal(l.s->kafka.properties[2].name, "log_level");
    assert_string_equal(l.s->kafka.properties[0].value, "b:2");
    assert_string_equal(l.s->kafka.properties[1].name, "ssl.ca.pem");
    assert_string_equal(settings_account(l.s, "demo")->appid, "wx9");
    assert_int_equal(settings_account(l.s, "demo")->push_mode, PUSH_MODE_SECURE);
    assert_string_equal(settings_account(l.s, "x2")->appid, "wx2");
}

static void test_settings_environment_refusals_name_the_variable(void **state)
{
    char port[] = "KABAO_MYSQL_PORT=many";
    char secret[] = "KABAO_ACCOUNT_DEMO_SECRET_FILE=/s";
    char broken[] = "KABAO_TOPIC_PREFIX=a\nb";

    (void)state;
    REFUSALS(load_with("", ENVIRONMENT(port, secret, broken)),
             "KABAO_MYSQL_PORT: [mysql] port must be a number from 1 to 65535, not \"many\"",
             "KABAO_TOPIC_PREFIX: [topic] prefix must be",
             "KABAO_ACCOUNT_DEMO_SECRET_FILE: [account demo] appid is missing");
}

static void test_settings_report_variables_that_name_no_key(void **state)
{
    char typo[] = "KABAO_MYSQL_HOSTT=x";
    char host[] = "KABAO_KAFKA_SERVICE_HOST=10.0.0.1";
    char port[] = "KABAO_KAFKA_PORT=tcp://10.0.0.1:9092";
    char address[] = "KABAO_KAFKA_PORT_9092_TCP_ADDR=10.0.0.1";
    char mysql[] = "KABAO_MYSQL_PORT=tcp://10.0.0.2:3306";
    char nameless[] = "KABAO_KAFKA_=x";
    char account[] = "KABAO_ACCOUNT_A_B=x";
    char lower[] = "KABAO_log_level=x";
    AUTO(loaded_done)
    struct loaded l =
        load_with(DEMO, ENVIRONMENT(typo, host, port, address, mysql, nameless, account, lower));

    (void)state;
    assert_int_equal(l.rc, ST_OK);
    assert_int_equal(l.s->kafka.count, 0);
    assert_int_equal(l.s->mysql.port, 3306);
    assert_int_equal(l.s->account_count, 1);
    assert_string_equal(l.strangers.ptr,
                        "KABAO_MYSQL_HOSTT\nKABAO_KAFKA_SERVICE_HOST\nKABAO_KAFKA_PORT\n"
                        "KABAO_KAFKA_PORT_9092_TCP_ADDR\nKABAO_MYSQL_PORT\nKABAO_KAFKA_\n"
                        "KABAO_ACCOUNT_A_B\nKABAO_log_level\n");
}

static void test_settings_print_loads_again(void **state)
{
    AUTO(buf_done) struct buf once = BUF_INIT(OUTPUT_MAX);
    AUTO(buf_done) struct buf twice = BUF_INIT(OUTPUT_MAX);

    (void)state;
    print("[account a]\nappid = wx1\naes_key_file = /k\nform_fields_drop =\n[account b]\n"
          "appid = wx2\n[kafka]\nbootstrap.servers = a:1\nlinger.ms=0\n[worker]\n"
          "max_inflight_bytes = 1 GiB\n[mysql]\npassword_file = /run/p # 1\n",
          ENVIRONMENT(v_host), &once);
    print(once.ptr, NULL, &twice);
    assert_string_equal(once.ptr, twice.ptr);
    assert_non_null(strstr(once.ptr, "[account a]\nappid = wx1\n"));
    assert_non_null(strstr(once.ptr, "push_mode = secure\n"));
    assert_non_null(strstr(once.ptr, "max_inflight_bytes = 1073741824\n"));
    assert_non_null(strstr(once.ptr, "password_file = /run/p # 1\n"));
    assert_non_null(strstr(once.ptr, "host = db\n"));
}

static void test_settings_print_masks_secrets(void **state)
{
    char pem[] = "KABAO_KAFKA_SSL_CERTIFICATE_PEM=hunter2\nx";
    AUTO(buf_done) struct buf out = BUF_INIT(OUTPUT_MAX);
    AUTO(buf_done) struct buf twice = BUF_INIT(OUTPUT_MAX);

    (void)state;
    print(
        "[kafka]\nsasl.password = hunter2\nssl.key.pem = hunter2\nsasl.username = me\n"
        "sasl.oauthbearer.client.secret = hunter2\nsasl.oauthbearer.token.endpoint.url = hunter2\n"
        "SSL.Key.Password = hunter2\n",
        ENVIRONMENT(pem), &out);
    assert_null(strstr(out.ptr, "hunter2"));
    assert_non_null(strstr(out.ptr, "sasl.password = ***\n"));
    assert_non_null(strstr(out.ptr, "sasl.username = me\n"));
    print(out.ptr, NULL, &twice);
    assert_string_equal(out.ptr, twice.ptr);
}

static void test_settings_list_has_every_key_once(void **state)
{
    size_t count;
    const struct row *rows = settings_rows(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        bool known = false;

        for (size_t s = 0; settings_section(s) != NULL; s++)
            known = known || strcmp(settings_section(s), rows[i].section) == 0;
        assert_true(known);
        assert_non_null(rows[i].help);
        assert_true(strchr(rows[i].help, '\n') == NULL);
        for (size_t j = 0; j < i; j++)
            if (strcmp(rows[i].section, rows[j].section) == 0)
                assert_string_not_equal(rows[i].key, rows[j].key);
    }
}

/* The sample is what --describe-config prints, under a preface and with some keys in use. */
static void test_settings_sample_agrees_with_the_list(void **state)
{
    AUTO(buf_done) struct buf described = BUF_INIT(OUTPUT_MAX);
    AUTO(loaded_done) struct loaded l = load_path("deploy/config/kabao.ini", NULL);
    FILE *sample = fopen("deploy/config/kabao.ini", "re");
    char have[512] = "";
    struct str rest;
    struct str want;

    (void)state;
    if (l.rc != ST_OK)
        fail_msg("%s", buf_str(&l.report).ptr);
    assert_non_null(settings_account(l.s, "demo"));
    assert_non_null(sample);
    settings_describe(&described);
    rest = buf_str(&described);
    while (have[0] != '[' && fgets(have, sizeof(have), sample) != NULL)
        ;
    while (str_cut(rest, '\n', &want, &rest) && (want.len > 0 || rest.len > 0)) {
        const struct str got = str_of(have, strcspn(have, "\n"));
        const bool setting = str_starts(want, STR("#")) && !str_starts(want, STR("# "));
        struct str key = str_skip(want, 1);
        struct str value;

        (void)str_cut(key, '=', &key, &value);
        if (!str_eq(got, want) && !(setting && str_starts(got, key)) &&
            !(str_eq(want, STR("[account NAME]")) && str_eq(got, STR("[account demo]"))))
            fail_msg("sample: \"%.*s\", list: \"%.*s\"", STR_ARG(got), STR_ARG(want));
        if (fgets(have, sizeof(have), sample) == NULL)
            have[0] = '\0';
    }
    assert_string_equal(have, "");
    (void)fclose(sample);
}

static void test_settings_survive_short_memory(void **state)
{
    char account[] = "KABAO_ACCOUNT_X2_APPID=wx2";
    char servers[] = "KABAO_KAFKA_BOOTSTRAP_SERVERS=b:2";
    enum status rc = ST_FATAL;

    (void)state;
    for (size_t n = 1; rc != ST_OK && n < 2000; n++) {
        struct file file = file_new(DEMO "[kafka]\nclient.id = a\n[ingress]\nloops = 2\n[quota]\n"
                                         "/a = 1/min\n/b = 2/day\n");
        struct loaded l = {.report = BUF_INIT(OUTPUT_MAX), .strangers = BUF_INIT(OUTPUT_MAX)};

        mem_fail_at(n, false);
        l.rc = settings_load(file.path, ENVIRONMENT(account, servers, v_host), &l.s, &l.report,
                             &l.strangers, &l.err);
        mem_fail_at(0, false);
        rc = l.rc;
        assert_true(rc == ST_OK || (l.s == NULL && l.err.text[0] != '\0'));
        if (rc == ST_OK) {
            assert_string_equal(settings_account(l.s, "x2")->appid, "wx2");
            assert_int_equal(l.s->quota.count, 2);
        }
        loaded_done(&l);
        file_done(&file);
    }
    assert_int_equal(rc, ST_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings_have_the_documented_defaults),
        cmocka_unit_test(test_settings_read_every_section),
        cmocka_unit_test(test_settings_refuse_what_they_do_not_know),
        cmocka_unit_test(test_settings_refuse_values_out_of_bounds),
        cmocka_unit_test(test_settings_check_what_spans_keys),
        cmocka_unit_test(test_settings_tell_all_syntax_errors),
        cmocka_unit_test(test_settings_file_must_be_there_when_named),
        cmocka_unit_test(test_settings_environment_is_enough),
        cmocka_unit_test(test_settings_environment_overrides),
        cmocka_unit_test(test_settings_environment_refusals_name_the_variable),
        cmocka_unit_test(test_settings_report_variables_that_name_no_key),
        cmocka_unit_test(test_settings_print_loads_again),
        cmocka_unit_test(test_settings_print_masks_secrets),
        cmocka_unit_test(test_settings_list_has_every_key_once),
        cmocka_unit_test(test_settings_sample_agrees_with_the_list),
        cmocka_unit_test(test_settings_survive_short_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
