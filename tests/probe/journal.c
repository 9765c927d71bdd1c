/* SPDX-License-Identifier: Apache-2.0 */
#include "journal.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

enum { KEY_SHOWN = 200, LINE_MAX_BYTES = 64 << 10 };

enum status journal_open(const char *path, int *fd, struct err *err)
{
    int opened = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    if (opened < 0)
        return err_errno(err, ST_FATAL, errno, "open of the journal");
    *fd = opened;
    return ST_OK;
}

void journal_add(int fd, const char *what, const struct message *message, struct str seq)
{
    AUTO(buf_done) struct buf line = BUF_INIT(LINE_MAX_BYTES);

    buf_addf(&line, "%s\t%d\t%d\t%" PRId64, what, (int)getpid(), (int)gettid(), clock_mono_ns());
    if (message) {
        const struct record *record = message->record;
        struct str key = record->key;

        if (key.len > KEY_SHOWN)
            key.len = KEY_SHOWN;

        buf_addf(&line, "\t%.*s\t%d\t%" PRId64 "\t%d\t%.*s\t%.*s", STR_ARG(record->topic),
                 record->partition, record->offset, message->attempt, STR_ARG(seq), STR_ARG(key));
    }
    buf_add_cstr(&line, "\n");
    if (!buf_ok(&line) || write(fd, line.ptr, line.len) != (ssize_t)line.len)
        abort();
}
