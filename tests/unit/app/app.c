/* SPDX-License-Identifier: Apache-2.0 */
/* The skeleton of every main: app_main runs in a forked process with its output in a file, as a
 * program would. */
#include "app/app.h"

#include "log/log.h"
#include "tests/unit/app/output.h"

#include <signal.h>

static const char CONFIG[] = "[account demo]\nappid = wx0123456789abcdef\noriginal_id = gh_1\n"
                             "callback_token_file = /nowhere/token\n"
                             "[kafka]\nbootstrap.servers = 127.0.0.1:9092\n";

static int run_says_hello(struct app *app)
{
    (void)printf("hello from %s, %s\n", app->name, app->settings->accounts[0].name);
    return EXIT_TEMPORARY;
}

static enum status refuse(const struct settings *settings, struct err *err)
{
    (void)settings;
    return err_fatal(err, "test:refused", "refused by the program");
}

static const struct program PROGRAM = {
    .name = "kabao-test", .purpose = "is a test", .run = run_says_hello};

static const struct program STRICT = {
    .name = "kabao-test", .purpose = "is a test", .run = run_says_hello, .check = refuse};

struct call {
    const struct program *program;
    const char *arguments[4];
};

static int call_main(void *arg)
{
    const struct call *call = arg;
    char words[5][256] = {"kabao-test"};
    char *argv[6] = {words[0]};
    int argc = 1;

    for (size_t i = 0; i < COUNT_OF(call->arguments) && call->arguments[i]; i++) {
        (void)str_copy(str_from(call->arguments[i]), words[argc], sizeof(words[argc]));
        argv[argc] = words[argc];
        argc++;
    }
    return app_main(argc, argv, call->program);
}

static int run_with(struct output *out, const struct program *program, const char *a, const char *b,
                    const char *c)
{
    struct call call = {.program = program, .arguments = {a, b, c}};

    return output_of(out, call_main, &call);
}

static void assert_says(const struct output *out, const char *text)
{
    if (strstr(out->text, text) == NULL)
        fail_msg("'%s' is not in:\n%s", text, out->text);
}

static void test_app_help_version_and_description(void **state)
{
    (void)state;
    struct output out;

    assert_int_equal(run_with(&out, &PROGRAM, "--help", NULL, NULL), EXIT_DONE);
    assert_says(&out, "kabao-test: is a test");
    assert_says(&out, "--check-config");
    assert_int_equal(run_with(&out, &PROGRAM, "--version", NULL, NULL), EXIT_DONE);
    assert_says(&out, "kabao-test " KABAO_VERSION);
    assert_int_equal(run_with(&out, &PROGRAM, "--describe-config", NULL, NULL), EXIT_DONE);
    assert_says(&out, "drain_timeout_ms");
}

static void test_app_wrong_usage_is_64(void **state)
{
    (void)state;
    struct output out;

    assert_int_equal(run_with(&out, &PROGRAM, "--unheard-of", NULL, NULL), EXIT_USAGE);
    assert_int_equal(run_with(&out, &PROGRAM, "--config", NULL, NULL), EXIT_USAGE);
    assert_int_equal(run_with(&out, &PROGRAM, "word", NULL, NULL), EXIT_USAGE);
    assert_says(&out, "word");
}

static void test_app_settings_are_checked_printed_and_run(void **state)
{
    (void)state;
    struct output out;
    struct file file = file_with(CONFIG);

    assert_int_equal(run_with(&out, &PROGRAM, "--config", file.path, "--check-config"), EXIT_DONE);
    assert_says(&out, "settings are good");
    assert_int_equal(run_with(&out, &PROGRAM, "--config", file.path, "--print-config"), EXIT_DONE);
    assert_says(&out, "wx0123456789abcdef");
    assert_int_equal(run_with(&out, &PROGRAM, "--config", file.path, NULL), EXIT_TEMPORARY);
    assert_says(&out, "hello from kabao-test, demo");
    file_done(&file);
}

static void test_app_bad_settings_are_78(void **state)
{
    (void)state;
    struct output out;
    struct file unknown = file_with("[worker]\nlanse = 3\n");
    struct file good = file_with(CONFIG);

    assert_int_equal(run_with(&out, &PROGRAM, "--config", unknown.path, NULL), EXIT_CONFIG);
    assert_says(&out, "config.refused");
    assert_says(&out, "lanse");
    assert_int_equal(run_with(&out, &PROGRAM, "--config", "/nowhere/kabao.ini", NULL), EXIT_CONFIG);
    assert_int_equal(run_with(&out, &STRICT, "--config", good.path, "--check-config"), EXIT_CONFIG);
    assert_says(&out, "refused by the program");
    file_done(&unknown);
    file_done(&good);
}

static void test_app_exit_codes(void **state)
{
    static const struct {
        enum status status;
        const char *code;
        int exit_code;
    } rows[] = {
        {ST_OK, "", EXIT_DONE},
        {ST_WAIT, "wait", EXIT_TEMPORARY},
        {ST_RETRY, "kafka:unreachable", EXIT_TEMPORARY},
        {ST_REJECT, "odd", EXIT_INTERNAL},
        {ST_FATAL, "kafka:partitions", EXIT_CONFIG},
        {ST_FATAL, "errno:EADDRINUSE", EXIT_CONFIG},
        {ST_FATAL, "memory", EXIT_INTERNAL},
        {ST_FATAL, "errno:EAGAIN", EXIT_TEMPORARY},
        {ST_FATAL, "kafka:fatal", EXIT_TEMPORARY},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = {0};

        (void)str_copy(str_from(rows[i].code), err.code, sizeof(err.code));
        assert_int_equal(app_exit(rows[i].status, &err, "test"), rows[i].exit_code);
    }
}

/* Signals */

struct seen {
    struct app app;
    int stops;
    int reloads;
};

static void on_reload(void *arg)
{
    struct seen *seen = arg;

    seen->reloads++;
    (void)kill(getpid(), SIGTERM);
}

/* Where a second one is the parent's business, it changes nothing here. */
static void on_stop(void *arg)
{
    struct seen *seen = arg;

    seen->stops++;
    (void)kill(getpid(), SIGINT);
    if (seen->app.supervised)
        loop_stop(seen->app.loop);
}

static int serve_signals(void *arg)
{
    struct seen seen = {.app = {.name = "kabao-test",
                                .on_stop = on_stop,
                                .on_reload = on_reload,
                                .supervised = *(bool *)arg}};
    struct err err = {0};

    seen.app.arg = &seen;
    if (app_open(&seen.app, &err) != ST_OK)
        return 99;
    (void)kill(getpid(), SIGPIPE);
    (void)kill(getpid(), SIGHUP);
    if (loop_run(seen.app.loop, &err) != ST_OK)
        return 98;
    app_close(&seen.app);
    return seen.stops == 1 && seen.reloads == 1 ? EXIT_DONE : 97;
}

static void test_app_first_signal_stops_second_leaves(void **state)
{
    (void)state;
    struct output out;
    bool supervised = false;

    assert_int_equal(output_of(&out, serve_signals, &supervised), EXIT_SECOND_SIGNAL);
    supervised = true;
    assert_int_equal(output_of(&out, serve_signals, &supervised), EXIT_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_app_help_version_and_description),
        cmocka_unit_test(test_app_wrong_usage_is_64),
        cmocka_unit_test(test_app_settings_are_checked_printed_and_run),
        cmocka_unit_test(test_app_bad_settings_are_78),
        cmocka_unit_test(test_app_exit_codes),
        cmocka_unit_test(test_app_first_signal_stops_second_leaves),
    };

    log_init("test_app_app", LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
