/* SPDX-License-Identifier: Apache-2.0 */
/* Options, settings, log and signals: what every main has in common. */
#include "app/app.h"

#include "app/usage.h"
#include "base/clock.h"
#include "base/mem.h"
#include "log/log.h"
#include "metrics/catalog.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { OUTPUT_MAX = 1 << 20 };

struct app_signals {
    int fd;
    bool stopping;
};

enum app_mode { MODE_RUN, MODE_CHECK, MODE_PRINT };

struct app_options {
    const char *config;
    enum app_mode mode;
};

static void print_text(const struct buf *text)
{
    (void)fwrite(text->ptr ? text->ptr : "", 1, text->len, stdout);
    (void)fflush(stdout);
}

struct app_option {
    struct usage_option usage;
    int letter; /* as getopt_long answers */
};

static const struct app_option OPTIONS[] = {
    {{"config", "FILE", "settings (default /etc/kabao/kabao.ini), then KABAO_<SECTION>_<KEY>"},
     'c'},
    {{"check-config", NULL, "check the settings and exit: 0 good, 78 refused"}, 'k'},
    {{"print-config", NULL, "print the settings in force, secrets masked"}, 'p'},
    {{"describe-config", NULL, "print every key with type, default and meaning"}, 'd'},
    {{"version", NULL, "print the version"}, 'v'},
    {{"help", NULL, "this text"}, 'h'},
    {{"man", NULL, "print the manual page, for man(1)"}, 'm'},
};

static int print_help(const struct program *program)
{
    AUTO(buf_done) struct buf text = BUF_INIT(OUTPUT_MAX);

    buf_addf(&text, "%s: %s\n\n", program->name, program->purpose);
    for (size_t i = 0; i < COUNT_OF(OPTIONS); i++)
        usage_line(&text, &OPTIONS[i].usage);
    print_text(&text);
    return EXIT_DONE;
}

static int print_man(const struct program *program)
{
    AUTO(buf_done) struct buf text = BUF_INIT(OUTPUT_MAX);

    usage_man_begin(&text, program->name, 8, program->purpose, "[OPTIONS]");
    usage_man_section(&text, "OPTIONS");
    for (size_t i = 0; i < COUNT_OF(OPTIONS); i++)
        usage_man_option(&text, &OPTIONS[i].usage);
    usage_man_section(&text, "SIGNALS");
    usage_man_term(&text, "SIGTERM, SIGINT",
                   "finishes what is in hand and exits 0; a second one exits at once");
    usage_man_term(&text, "SIGHUP", "reads again what can be read while it runs");
    usage_man_end(&text);
    print_text(&text);
    return EXIT_DONE;
}

static int print_description(void)
{
    AUTO(buf_done) struct buf text = BUF_INIT(OUTPUT_MAX);

    settings_describe(&text);
    print_text(&text);
    return EXIT_DONE;
}

/* Returns -1 to go on, else the exit code. */
static int parse_options(int argc, char **argv, const struct program *program,
                         struct app_options *options)
{
    struct option known[COUNT_OF(OPTIONS) + 1] = {0};
    int option;

    for (size_t i = 0; i < COUNT_OF(OPTIONS); i++)
        known[i] = (struct option){OPTIONS[i].usage.name,
                                   OPTIONS[i].usage.argument ? required_argument : no_argument,
                                   NULL, OPTIONS[i].letter};
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): options are read before the first thread exists */
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'c': options->config = optarg; break;
        case 'k': options->mode = MODE_CHECK; break;
        case 'p': options->mode = MODE_PRINT; break;
        case 'd': return print_description();
        case 'v': (void)printf("%s %s\n", program->name, KABAO_VERSION); return EXIT_DONE;
        case 'h': return print_help(program);
        case 'm': return print_man(program);
        default: return EXIT_USAGE;
        }
    }
    if (optind == argc)
        return -1;
    (void)fprintf(stderr, "%s: unexpected argument '%s' (see --help)\n", program->name,
                  argv[optind]);
    return EXIT_USAGE;
}

static void log_lines(const struct buf *lines, enum log_level level, const char *event,
                      const char *field)
{
    struct str rest = buf_str(lines);
    struct str line;

    while (str_cut(rest, '\n', &line, &rest))
        if (!str_is_empty(line))
            log_write(level, (const struct kv[]){EV(event), kv_str(field, line), {.type = KV_END}});
}

static int load(const char *path, struct settings **out)
{
    AUTO(buf_done) struct buf report = BUF_INIT(OUTPUT_MAX);
    AUTO(buf_done) struct buf strangers = BUF_INIT(OUTPUT_MAX);
    struct err err = {0};

    if (settings_load(path, environ, out, &report, &strangers, &err) != ST_OK) {
        if (report.len == 0)
            buf_add_cstr(&report, err.text);
        log_lines(&report, LOG_ERROR, "config.refused", "error");
        return EXIT_CONFIG;
    }
    log_lines(&strangers, LOG_WARN, "config.unknown_variable", "name");
    return EXIT_DONE;
}

static int print_settings(const struct settings *settings)
{
    AUTO(buf_done) struct buf text = BUF_INIT(OUTPUT_MAX);

    settings_print(settings, &text);
    print_text(&text);
    return EXIT_DONE;
}

static int check_settings(const struct program *program, const struct settings *settings)
{
    struct err err = {0};

    if (program->check && program->check(settings, &err) != ST_OK)
        return app_exit(ST_FATAL, &err, "config.refused");
    (void)printf("%s: settings are good\n", settings->path ? settings->path : "environment");
    return EXIT_DONE;
}

int app_main(int argc, char **argv, const struct program *program)
{
    struct app_options options = {.mode = MODE_RUN};
    struct app app = {.program = program, .name = program->name};
    enum log_level level = LOG_INFO;
    int code;

    log_init(program->name, LOG_INFO);
    code = parse_options(argc, argv, program, &options);
    if (code >= 0)
        return code;
    code = load(options.config, &app.settings);
    if (code != EXIT_DONE)
        return code;
    if (log_level_parse(str_from(app.settings->log.level), &level))
        log_set_level(level);
    switch (options.mode) {
    case MODE_CHECK: code = check_settings(program, app.settings); break;
    case MODE_PRINT: code = print_settings(app.settings); break;
    case MODE_RUN: code = program->run(&app); break;
    }
    settings_free(app.settings);
    return code;
}

static void stop_app(struct app *app, uint32_t signal_number)
{
    if (app->signals->stopping && !app->supervised)
        _exit(EXIT_SECOND_SIGNAL);
    if (app->signals->stopping)
        return;
    app->signals->stopping = true;
    log_info(EV("stopping"), kv_int("signal", signal_number));
    app->on_stop(app->arg);
}

static void reload_app(struct app *app)
{
    log_info(EV("reload"));
    if (app->on_reload)
        app->on_reload(app->arg);
}

static void on_signal(void *arg, uint32_t events UNUSED)
{
    struct app *app = arg;
    struct signalfd_siginfo info;

    while (read(app->signals->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGHUP)
            reload_app(app);
        else
            stop_app(app, info.ssi_signo);
    }
}

static enum status watch_signals(struct app *app, struct err *err)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)sigaction(SIGPIPE, &ignore, NULL);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL); /* fails only for a wrong first argument */
    app->signals = mem_zalloc(sizeof(*app->signals));
    if (!app->signals)
        return err_fatal(err, "memory", "out of memory");
    app->signals->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (app->signals->fd < 0)
        return err_errno(err, ST_FATAL, errno, "signalfd");
    return loop_watch(app->loop, app->signals->fd, EPOLLIN, on_signal, app, err);
}

enum status app_open(struct app *app, struct err *err)
{
    enum status rc;

    app->metrics = metrics_new();
    if (!app->metrics)
        return err_fatal(err, "memory", "out of memory");
    metric_declare_groups(app->metrics, METRIC_GROUP_EVERY);
    metric_set(metric_2(app->metrics, &METRIC_BUILD_INFO, app->name, KABAO_VERSION), 1);
    metric_set(metric_plain(app->metrics, &METRIC_START_TIME), (double)clock_wall_ms() / 1000);
    rc = loop_open(&app->loop, err);
    if (rc != ST_OK)
        return rc;
    return watch_signals(app, err);
}

void app_close(struct app *app)
{
    if (app->signals && app->signals->fd >= 0)
        (void)close(app->signals->fd);
    mem_free(app->signals);
    app->signals = NULL;
    loop_close(app->loop);
    app->loop = NULL;
    metrics_free(app->metrics);
    app->metrics = NULL;
}

static int exit_code_of(enum status status)
{
    switch (status) {
    case ST_OK: return EXIT_DONE;
    case ST_WAIT:
    case ST_RETRY: return EXIT_TEMPORARY;
    case ST_REJECT: return EXIT_INTERNAL;
    case ST_FATAL: return EXIT_CONFIG;
    }
    return EXIT_INTERNAL;
}

/* Failures that no setting causes: the service manager may try again. */
static const struct {
    const char *code;
    int exit_code;
} PASSING[] = {
    {"memory", EXIT_INTERNAL},
    {"errno:ENOMEM", EXIT_INTERNAL},
    {"errno:EAGAIN", EXIT_TEMPORARY},
    {"kafka:fatal", EXIT_TEMPORARY},
};

int app_exit(enum status status, const struct err *err, const char *event)
{
    int code = exit_code_of(status);

    if (status == ST_OK)
        return code;
    for (size_t i = 0; i < COUNT_OF(PASSING); i++)
        if (status == ST_FATAL && strcmp(err->code, PASSING[i].code) == 0)
            code = PASSING[i].exit_code;
    log_error(EV(event), kv_cstr("code", err->code), kv_cstr("error", err->text),
              kv_int("exit", code));
    return code;
}
