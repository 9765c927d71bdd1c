-- SPDX-License-Identifier: Apache-2.0
-- kabaoctl restore: what was rebuilt after this database came from a backup. Times are UTC and the database's own.

CREATE TABLE IF NOT EXISTS restored (
    id           BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
    run_id       CHAR(32)     NOT NULL, -- chance; names what it gave to the redrive topics
    from_at      DATETIME(3)  NOT NULL, -- of the backup
    started_at   DATETIME(3)  NOT NULL,
    finished_at  DATETIME(3),           -- NULL: it can be gone on with
    UNIQUE KEY restored_run (run_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
