/* SPDX-License-Identifier: Apache-2.0 */
/* The skeleton of every main: options, settings, log, signals, admin port, exit codes. */
#pragma once

#include "base/err.h"
#include "base/loop.h"
#include "config/settings.h"
#include "metrics/metrics.h"

/* sysexits, as supervisors know them (design 11). */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_SECOND_SIGNAL = 1,
    EXIT_USAGE = 64,
    EXIT_INTERNAL = 70,
    EXIT_TEMPORARY = 75,
    EXIT_CONFIG = 78
};

struct program;

struct app {
    const struct program *program;
    const char *name; /* "kabao-member" */
    struct settings *settings;
    struct metrics *metrics;      /* NULL until app_open */
    struct loop *loop;            /* NULL until app_open */
    void (*on_stop)(void *arg);   /* first SIGTERM or SIGINT, on the loop */
    void (*on_reload)(void *arg); /* SIGHUP, on the loop; may be NULL */
    void *arg;
    bool supervised; /* a second signal is the parent's business (run/supervisor) */
    struct app_signals *signals;
};

struct program {
    const char *name;
    const char *purpose; /* one line for --help */
    /* Checks beyond the settings table (librdkafka properties, secrets readable); may be NULL.
     * --check-config runs it too. */
    enum status (*check)(const struct settings *settings, struct err *err);
    /* Runs until told to stop; returns an exit code. */
    int (*run)(struct app *app);
    const void *arg; /* the program's own */
};

/* Options --config FILE, --check-config, --print-config, --describe-config, --version, --help; then
 * settings, log, run. */
int app_main(int argc, char **argv, const struct program *program);

/* Makes metrics, loop and signal handling: SIGTERM and SIGINT call on_stop, a second one exits with
 * 1 at once; SIGHUP calls on_reload; SIGPIPE is ignored. Signals are blocked from here on, so it
 * comes before the first thread. */
MUST_CHECK enum status app_open(struct app *app, struct err *err);
void app_close(struct app *app);

/* The exit code for a failure at start or while running: ST_FATAL 78, but 70 for memory and 75 for
 * what may pass by itself (a producer that librdkafka gave up, no threads left); ST_RETRY and
 * ST_WAIT 75, else 70. Logs it once as "<event>". */
int app_exit(enum status status, const struct err *err, const char *event);
