/* SPDX-License-Identifier: Apache-2.0 */
/* A file of any bytes is read or refused with a reason; the rows it had come back from what
 * csv_add_row makes of them. */
#include "codec/csv.h"

#include "tests/fuzz/fuzz.h"
#include "tests/unit/config/file.h"

#include <stdlib.h>

enum { COLUMNS = 2, OUTPUT_MAX = 4 << 20 };

static void require(bool holds)
{
    if (!holds)
        abort();
}

static enum status write_row(void *arg, size_t line, const struct str *values, struct err *err)
{
    (void)line;
    (void)err;
    csv_add_row(arg, values, COLUMNS);
    return ST_OK;
}

static enum status read_bytes(struct str bytes, struct buf *out)
{
    static const struct csv_column columns[] = {{"a", true}, {"b", false}, {NULL, false}};
    static const struct str header[] = {STR_INIT("a"), STR_INIT("b")};
    struct file file = file_of(bytes.ptr, bytes.len);
    struct err err = {0};
    enum status rc;

    csv_add_row(out, header, COLUMNS);
    rc = csv_read(file.path, columns, write_row, out, &err);
    require(rc == ST_OK || (rc == ST_FATAL && err.text[0] != '\0'));
    file_done(&file);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(buf_done) struct buf first = BUF_INIT(OUTPUT_MAX);
    AUTO(buf_done) struct buf second = BUF_INIT(OUTPUT_MAX);

    if (read_bytes(str_of(size > 0 ? (const char *)data : "", size), &first) != ST_OK ||
        !buf_ok(&first))
        return 0;
    require(read_bytes(buf_str(&first), &second) == ST_OK);
    require(str_eq(buf_str(&first), buf_str(&second)));
    return 0;
}
