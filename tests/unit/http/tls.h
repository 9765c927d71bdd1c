/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTPS server on loopback: openssl's. */
#pragma once

#include "base/attr.h"
#include "tests/unit/check.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static inline pid_t spawn(const char *directory, const char *const *argv, size_t count)
{
    static char *const no_environment[] = {NULL};

    posix_spawn_file_actions_t actions;
    char *args[32] = {NULL};
    pid_t pid = -1;
    int rc;

    /* The interface is older than const. */
    assert_true(count < COUNT_OF(args));
    memcpy(args, argv, count * sizeof(args[0]));
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        assert_int_equal(posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0), 0);
    assert_int_equal(posix_spawn_file_actions_addchdir_np(&actions, directory), 0);
    rc = posix_spawn(&pid, args[0], &actions, NULL, args, no_environment);
    (void)posix_spawn_file_actions_destroy(&actions);
    return rc == 0 ? pid : -1;
}

/* A certificate for alt ("DNS:localhost") in file, key and all. */
static inline bool make_certificate(const char *file, const char *alt)
{
    char names[64];
    const char *const argv[] = {"/usr/bin/openssl",
                                "req",
                                "-x509",
                                "-newkey",
                                "ec",
                                "-pkeyopt",
                                "ec_paramgen_curve:P-256",
                                "-nodes",
                                "-days",
                                "2",
                                "-subj",
                                "/CN=localhost",
                                "-addext",
                                names,
                                "-keyout",
                                file,
                                "-out",
                                file,
                                "-config",
                                "/dev/null"};
    int status = -1;
    pid_t pid;

    (void)snprintf(names, sizeof(names), "subjectAltName=%s", alt);
    pid = spawn(".", argv, COUNT_OF(argv));
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* mode "-www": every reply is 200; "-HTTP": the files of directory are the replies. */
static inline pid_t start_tls_server(const char *file, int port, const char *mode,
                                     const char *directory)
{
    char accept[32];
    const char *const argv[] = {
        "/usr/bin/openssl", "s_server", "-accept", accept, "-cert", file, "-key", file,
        "-quiet",           mode};

    (void)snprintf(accept, sizeof(accept), "127.0.0.1:%d", port);
    return spawn(directory, argv, COUNT_OF(argv));
}

static inline void stop_tls_server(pid_t server)
{
    (void)kill(server, SIGTERM);
    (void)waitpid(server, NULL, 0);
}
