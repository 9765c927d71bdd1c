-- SPDX-License-Identifier: Apache-2.0
-- kabaoctl reconcile: how far each run over the accounts of points has come. Times are UTC and the database's own.

CREATE TABLE IF NOT EXISTS reconcile (
    id              BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY, -- the newest of an appid counts
    run_id          CHAR(32)     NOT NULL, -- chance; with a card's key it names the command
    appid           VARCHAR(32)  NOT NULL,
    total           BIGINT       NOT NULL, -- accounts when it began
    checked         BIGINT       NOT NULL DEFAULT 0, -- answers counted, which are those up to the last card
    repaired        BIGINT       NOT NULL DEFAULT 0,
    skipped         BIGINT       NOT NULL DEFAULT 0,
    failed          BIGINT       NOT NULL DEFAULT 0,
    last_card_id    VARCHAR(64),           -- NULL: none so far
    last_card_code  VARCHAR(64),
    started_at      DATETIME(3)  NOT NULL,
    saved_at        DATETIME(3)  NOT NULL,
    finished_at     DATETIME(3),           -- NULL: it can be gone on with
    UNIQUE KEY reconcile_run (run_id),
    KEY reconcile_newest (appid, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The first hundred cards of a run that could not be repaired.
CREATE TABLE IF NOT EXISTS reconcile_failure (
    run_id         CHAR(32)     NOT NULL,
    card_id        VARCHAR(64)  NOT NULL,
    card_code      VARCHAR(64)  NOT NULL,
    outcome        VARCHAR(16)  NOT NULL, -- rejected, failed, unknown; unanswered
    error_code     VARCHAR(32),
    error_message  VARCHAR(255),
    PRIMARY KEY (run_id, card_id, card_code)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
