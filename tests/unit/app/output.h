/* SPDX-License-Identifier: Apache-2.0 */
/* What a function says on stdout and stderr when it runs in a process of its own. */
#pragma once

#include "tests/unit/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_TEXT_MAX = 1 << 18, PATH_TEXT_MAX = 64 };

struct output {
    char text[OUTPUT_TEXT_MAX];
};

struct file {
    char path[PATH_TEXT_MAX];
    int fd;
};

static inline struct file file_with(const char *text)
{
    struct file file = {.path = "/tmp/kabao-test-XXXXXX"};

    file.fd = mkostemp(file.path, O_CLOEXEC);
    assert_true(file.fd >= 0);
    assert_int_equal(write(file.fd, text, strlen(text)), (ssize_t)strlen(text));
    return file;
}

static inline void file_done(const struct file *file)
{
    (void)close(file->fd);
    (void)unlink(file->path);
}

/* Returns the exit status. */
static inline int output_of(struct output *out, int (*fn)(void *arg), void *arg)
{
    struct file file = file_with("");
    ssize_t got;
    int status = 0;
    pid_t pid;

    (void)fflush(stdout);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int code = 120;

        if (dup2(file.fd, STDOUT_FILENO) >= 0 && dup2(file.fd, STDERR_FILENO) >= 0)
            code = fn(arg);
        (void)fflush(stdout);
        _exit(code);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    got = pread(file.fd, out->text, sizeof(out->text) - 1, 0);
    assert_true(got >= 0);
    out->text[got] = '\0';
    file_done(&file);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
