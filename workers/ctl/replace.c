/* SPDX-License-Identifier: Apache-2.0 */
#include "replace.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum status find_file(struct replacement *r, const char *path, struct err *err)
{
    r->exists = stat(path, &r->was) == 0;
    if (!r->exists && errno != ENOENT)
        return err_errno(err, ST_FATAL, errno, path);
    if (r->exists && !realpath(path, r->path))
        return err_errno(err, ST_FATAL, errno, path);
    if (!r->exists && !str_copy(str_from(path), r->path, sizeof(r->path)))
        return err_fatal(err, "config", "the path of the file is too long");
    (void)snprintf(r->fresh, sizeof(r->fresh), "%s.new", r->path);
    return ST_OK;
}

/* Programs must be able to read the new one exactly as they could the old one. */
static bool copy_rights(const struct replacement *r)
{
    struct stat is;

    if (!r->exists)
        return true;
    if (fstat(r->fd, &is) != 0)
        return false;
    if ((is.st_uid != r->was.st_uid || is.st_gid != r->was.st_gid) &&
        fchown(r->fd, r->was.st_uid, r->was.st_gid) != 0)
        return false;
    return fchmod(r->fd, r->was.st_mode & 07777) == 0;
}

enum status replace_begin(struct replacement *r, const char *path, mode_t mode_new, struct err *err)
{
    enum status rc = find_file(r, path, err);

    if (rc != ST_OK)
        return rc;
    r->fd = open(r->fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, r->exists ? 0600 : mode_new);
    if (r->fd < 0 && errno == EEXIST)
        return err_retry(err, "busy", "%s is there: another is at work, or was cut off; remove it",
                         r->fresh);
    if (r->fd < 0)
        return err_errno(err, ST_RETRY, errno, r->fresh);
    return ST_OK;
}

enum status replace_fill(struct replacement *r, struct str text, struct err *err)
{
    if (!copy_rights(r) || !file_write(r->fd, text) || fsync(r->fd) != 0)
        return err_errno(err, ST_RETRY, errno, r->fresh);
    return ST_OK;
}

/* So that the name survives a power cut as well; the file is there for everybody without it. */
static void sync_folder(const char *path)
{
    char folder[PATH_MAX];
    char *slash;
    int fd;

    (void)str_copy(str_from(path), folder, sizeof(folder));
    slash = strrchr(folder, '/');
    if (slash != NULL)
        slash[slash == folder ? 1 : 0] = '\0';
    fd = open(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        (void)fsync(fd);
    file_close(&fd);
}

enum status replace_end(struct replacement *r, struct err *err)
{
    if (rename(r->fresh, r->path) != 0)
        return err_errno(err, ST_RETRY, errno, r->path);
    (void)close(r->fd);
    r->fd = -1;
    sync_folder(r->path);
    return ST_OK;
}

void replace_done(struct replacement *r)
{
    if (r->fd < 0)
        return;
    (void)unlink(r->fresh);
    (void)close(r->fd);
    r->fd = -1;
}
