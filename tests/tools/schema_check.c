/* SPDX-License-Identifier: Apache-2.0 */
/* schema_check SCHEMA.json FILE...: checks each file against the schema with kabao's own
 * interpreter, so that another validator can judge it. Prints "ok FILE", or "bad FILE POINTER
 * DETAIL" with "" for the whole document; exits 1 when any is bad, 78 when the schema is. */
#include "base/buf.h"
#include "codec/json.h"
#include "codec/schema.h"

#include <stdio.h>

enum { FILE_MAX = 16 << 20, READ_SIZE = 4096, EXIT_BAD = 1, EXIT_USAGE = 64, EXIT_CONFIG = 78 };

static void file_closep(FILE **file)
{
    if (*file)
        (void)fclose(*file);
}

static bool read_file(const char *path, struct buf *out)
{
    AUTO(file_closep) FILE *file = fopen(path, "rbe");
    char *room;
    size_t got;

    if (!file)
        return false;
    do {
        room = buf_room(out, READ_SIZE);
        got = room ? fread(room, 1, READ_SIZE, file) : 0;
        buf_grew(out, got);
    } while (got > 0);
    return buf_ok(out) && !ferror(file);
}

static enum status compile_file(const char *path, struct schema **out, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(FILE_MAX);

    if (!read_file(path, &text))
        return err_fatal(err, "file", "cannot be read");
    return schema_compile(buf_str(&text), out, err);
}

static bool check_file(const struct schema *schema, const char *path)
{
    AUTO(buf_done) struct buf text = BUF_INIT(FILE_MAX);
    AUTO(json_freep) struct json *instance = NULL;
    struct schema_fault fault = {.pointer = ""};
    struct err err = {.text = "cannot be read"};

    if (!read_file(path, &text) || json_parse(buf_str(&text), &instance, &err) != ST_OK)
        (void)printf("bad %s \"\" %s\n", path, err.text);
    else if (schema_check(schema, instance, &fault, &err) != ST_OK)
        (void)printf("bad %s %s %s\n", path, *fault.pointer ? fault.pointer : "\"\"", fault.detail);
    else
        return printf("ok %s\n", path) > 0;
    return false;
}

int main(int argc, char **argv)
{
    AUTO(schema_freep) struct schema *schema = NULL;
    struct err err;
    int exit_code = 0;

    if (argc < 3) {
        (void)fprintf(stderr, "usage: schema_check SCHEMA.json FILE...\n");
        return EXIT_USAGE;
    }
    if (compile_file(argv[1], &schema, &err) != ST_OK) {
        (void)fprintf(stderr, "schema_check: %s: %s\n", argv[1], err.text);
        return EXIT_CONFIG;
    }
    for (int i = 2; i < argc; i++)
        if (!check_file(schema, argv[i]))
            exit_code = EXIT_BAD;
    return exit_code;
}
