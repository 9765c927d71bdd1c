/* SPDX-License-Identifier: Apache-2.0 */
/* Small files read whole, without leaving copies behind. */
#include "config/secret.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>

enum { SECRET_MAX = 64 * 1024 };

enum status secret_file_read(const char *path, struct buf *out, struct err *err)
{
    AUTO(file_close) const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    enum status rc;

    if (fd < 0)
        return err_errno(err, ST_FATAL, errno, path);
    rc = file_read(fd, path, out, err);
    if (rc != ST_OK)
        return rc;
    if (out->len == out->max)
        return err_fatal(err, "config", "%s is larger than %zu bytes", path, out->max - 1);
    return ST_OK;
}

static struct str without_newline(struct str s)
{
    if (str_ends(s, STR("\n")))
        s.len--;
    else
        return s;
    if (str_ends(s, STR("\r")))
        s.len--;
    return s;
}

enum status secret_read(const char *setting, const char *path, struct buf *out, struct err *err)
{
    AUTO(buf_done_secret) struct buf contents = BUF_INIT(SECRET_MAX + 1);
    struct str secret;
    enum status rc;

    if (path == NULL)
        return err_fatal(err, "config", "%s is not set: name the file that holds the secret",
                         setting);
    rc = secret_file_read(path, &contents, err);
    if (rc != ST_OK)
        return err_fatal(err, "config", "%s: %s", setting, err->text);
    secret = without_newline(buf_str(&contents));
    if (str_is_empty(secret))
        return err_fatal(err, "config", "%s: %s is empty", setting, path);
    buf_add(out, secret);
    if (!buf_ok(out))
        return err_fatal(err, "memory", "%s: memory is short", setting);
    return ST_OK;
}
