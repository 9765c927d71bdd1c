/* SPDX-License-Identifier: Apache-2.0 */
/* A main for fuzz targets without libFuzzer: feeds every file of the given directories, so that
 * what a fuzzer once found is tried again in every run of the tests. */
#include "base/buf.h"
#include "tests/fuzz/fuzz.h"

#include <glob.h>
#include <limits.h>
#include <stdio.h>

enum { FILE_MAX = 16 << 20, READ_SIZE = 4096, EXIT_USAGE = 64 };

static bool feed(const char *path)
{
    AUTO(buf_done) struct buf input = BUF_INIT(FILE_MAX);
    FILE *file = fopen(path, "rbe");
    size_t got = file ? 1 : 0;

    while (got > 0) {
        char *room = buf_room(&input, READ_SIZE);

        got = room ? fread(room, 1, READ_SIZE, file) : 0;
        buf_grew(&input, got);
    }
    if (!file || fclose(file) != 0 || !buf_ok(&input))
        return false;
    (void)LLVMFuzzerTestOneInput((const uint8_t *)buf_str(&input).ptr, input.len);
    return true;
}

/* Number of files fed, -1 after a file that cannot be read or a directory without any. */
static int feed_directory(const char *directory)
{
    char pattern[PATH_MAX];
    glob_t files;
    int fed = 0;

    (void)snprintf(pattern, sizeof(pattern), "%s/*", directory);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread. */
    if (glob(pattern, 0, NULL, &files) != 0)
        return -1;
    for (size_t i = 0; i < files.gl_pathc && fed >= 0; i++)
        fed = feed(files.gl_pathv[i]) ? fed + 1 : -1;
    globfree(&files);
    return fed;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        (void)fprintf(stderr, "usage: %s DIRECTORY...\n", argv[0]);
        return EXIT_USAGE;
    }
    for (int i = 1; i < argc; i++) {
        int fed = feed_directory(argv[i]);

        if (fed < 0) {
            (void)fprintf(stderr, "%s: nothing to feed, or not readable\n", argv[i]);
            return 1;
        }
        (void)printf("%s: %d files\n", argv[i], fed);
    }
    return 0;
}
