-- SPDX-License-Identifier: Apache-2.0
-- What the worker engine keeps: parked records, who owns a partition, suspects of a crash, what became of dead letters.
--
-- worker is a program's name without "kabao-", part a partition's number, off an offset. Times are UTC.

-- Records that wait here instead of in Kafka, in order of id. Rows of one key are one queue over all topics of the
-- worker that have this partition number; a row without a key is a queue of its own.
CREATE TABLE IF NOT EXISTS parked (
    id               BIGINT         NOT NULL AUTO_INCREMENT PRIMARY KEY,
    worker           VARCHAR(32)    NOT NULL,
    topic            VARCHAR(249)   NOT NULL,
    part             INT            NOT NULL,
    off              BIGINT         NOT NULL,
    record_key       VARBINARY(512), -- a longer one is here as "sha256:" and 64 hex digits
    attempts         BIGINT         NOT NULL,
    next_at          DATETIME(3),    -- NULL: at once
    first_failed_at  DATETIME(3),    -- NULL: only queued behind its key so far
    last_failed_at   DATETIME(3),
    reason           VARCHAR(64)    NOT NULL, -- the code of the last failure
    wish             VARCHAR(16),    -- what a person wants: release, discard
    wish_at          DATETIME(3),
    record           MEDIUMBLOB     NOT NULL, -- JSON: timestamp_ms, and key, value, headers in Base64
    UNIQUE KEY parked_place (worker, topic, part, off),
    KEY parked_queue (worker, record_key, part, id),
    KEY parked_order (worker, part, id),
    KEY parked_wish (worker, part, wish)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Raised by whoever gets the partition, before it loads anything: a former owner sees that it is none any more.
CREATE TABLE IF NOT EXISTS owner (
    worker  VARCHAR(32) NOT NULL,
    part    INT         NOT NULL,
    epoch   BIGINT      NOT NULL,
    PRIMARY KEY (worker, part)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Records that were in hand when a process died.
CREATE TABLE IF NOT EXISTS crash_suspect (
    worker      VARCHAR(32)  NOT NULL,
    topic       VARCHAR(249) NOT NULL,
    part        INT          NOT NULL,
    off         BIGINT       NOT NULL,
    crashes     BIGINT       NOT NULL,
    last_at     DATETIME(3)  NOT NULL,
    last_crash  CHAR(32)     NOT NULL, -- a crash counts once, however often it is told
    PRIMARY KEY (worker, part, topic, off)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Dead letters that somebody dealt with, by their place in the worker's dlq topic.
CREATE TABLE IF NOT EXISTS dead_letter (
    worker        VARCHAR(32) NOT NULL,
    part          INT         NOT NULL,
    off           BIGINT      NOT NULL,
    state         VARCHAR(16) NOT NULL, -- redriving, redriven, discarded, settled
    at            DATETIME(3) NOT NULL,
    `by`          VARCHAR(64) NOT NULL,
    redrive_from  BIGINT,               -- where the redrive partition ended before the record was sent
    PRIMARY KEY (worker, part, off)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
