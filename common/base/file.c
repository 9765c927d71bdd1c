/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes that go on where the system stopped half-way. */
#include "base/file.h"

#include <errno.h>
#include <unistd.h>

enum { CHUNK = 4096 };

void file_close(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

enum status file_read(int fd, const char *path, struct buf *out, struct err *err)
{
    while (out->len < out->max) {
        const size_t left = out->max - out->len;
        const size_t want = left < CHUNK ? left : CHUNK;
        char *room = buf_room(out, want);
        ssize_t got;

        if (room == NULL)
            return err_fatal(err, "memory", "%s: memory is short", path);
        got = read(fd, room, want);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, ST_FATAL, errno, path);
        if (got == 0)
            return ST_OK;
        buf_grew(out, (size_t)got);
    }
    return ST_OK;
}

bool file_write(int fd, struct str text)
{
    while (text.len > 0) {
        const ssize_t written = write(fd, text.ptr, text.len);

        if (written < 0 && errno != EINTR)
            return false;
        text = str_skip(text, written > 0 ? (size_t)written : 0);
    }
    return true;
}
