-- SPDX-License-Identifier: Apache-2.0
-- kabaoctl replay: who gave which worker which records again, and how far each run has come. Rows are kept.

CREATE TABLE IF NOT EXISTS replay (
    id          BIGINT         NOT NULL AUTO_INCREMENT PRIMARY KEY,
    run_id      CHAR(32)       NOT NULL, -- chance; with a record's place it names what was sent
    worker      VARCHAR(32)    NOT NULL,
    from_at     DATETIME(3)    NOT NULL, -- of the records' own times
    to_at       DATETIME(3)    NOT NULL,
    record_key  VARCHAR(255),            -- NULL: any
    type        VARCHAR(255),            -- NULL: any
    `by`        VARCHAR(128)   NOT NULL, -- user@host who began it
    records     BIGINT         NOT NULL, -- when it began
    sent        BIGINT         NOT NULL DEFAULT 0,
    state       VARCHAR(8)     NOT NULL, -- running (or killed), stopped, done
    started_at  DATETIME(3)    NOT NULL, -- the operator's clock, as the next two
    saved_at    DATETIME(3)    NOT NULL,
    ended_at    DATETIME(3),             -- NULL: nobody ended it
    UNIQUE KEY replay_run (run_id),
    KEY replay_worker (worker, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS replay_place (
    run_id    CHAR(32)     NOT NULL,
    topic     VARCHAR(249) NOT NULL,
    part      INT          NOT NULL,
    next_off  BIGINT       NOT NULL, -- all of the run's records before it were sent
    sent      BIGINT       NOT NULL,
    PRIMARY KEY (run_id, topic, part)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
