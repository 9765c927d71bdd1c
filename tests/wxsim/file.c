/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/file.h"

#include "base/buf.h"

#include <errno.h>
#include <stdio.h>

enum { FILE_MAX = 1 << 30, READ_SIZE = 64 * 1024 };

static void file_closep(FILE **file)
{
    if (*file != NULL)
        (void)fclose(*file);
}

static enum status read_all(const char *path, struct buf *out, struct err *err)
{
    AUTO(file_closep) FILE *file = fopen(path, "rbe");
    char *room;
    size_t got;

    if (file == NULL)
        return err_errno(err, ST_FATAL, errno, path);
    do {
        room = buf_room(out, READ_SIZE);
        got = room != NULL ? fread(room, 1, READ_SIZE, file) : 0;
        buf_grew(out, got);
    } while (got > 0);
    if (ferror(file) || !buf_ok(out))
        return err_fatal(err, "file", "%s: cannot be read", path);
    return ST_OK;
}

enum status sim_file_json(const char *path, struct json **out, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(FILE_MAX);
    struct err why;
    const enum status rc = read_all(path, &text, err);

    if (rc != ST_OK)
        return rc;
    if (json_parse(buf_str(&text), out, &why) != ST_OK)
        return err_fatal(err, "json", "%s: %s", path, why.text);
    return ST_OK;
}
