/* SPDX-License-Identifier: Apache-2.0 */
/* A file in memory with a path, for readers that want one. */
#pragma once

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct file {
    int fd;
    char path[32];
};

static inline struct file file_of(const void *bytes, size_t len)
{
    struct file f = {.fd = memfd_create("settings", MFD_CLOEXEC)};

    assert(f.fd >= 0 && write(f.fd, bytes, len) == (ssize_t)len);
    (void)snprintf(f.path, sizeof(f.path), "/proc/self/fd/%d", f.fd);
    return f;
}

static inline struct file file_new(const char *text)
{
    return file_of(text, strlen(text));
}

static inline void file_done(struct file *f)
{
    (void)close(f->fd);
}
