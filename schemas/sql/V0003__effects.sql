-- SPDX-License-Identifier: Apache-2.0
-- Effects, calls that somebody outside can notice: what was begun and what was done. And how much of each path's quota
-- is spent.
--
-- Times are UTC and the database's own: instances compare them with nobody's clock but this one.

CREATE TABLE IF NOT EXISTS effect (
    effect_id     CHAR(32)     NOT NULL PRIMARY KEY, -- hash of step and business identity
    event_id      VARCHAR(255) NOT NULL, -- of the record that began it last; a longer one as 64 hex digits of its SHA-256
    step          VARCHAR(32)  NOT NULL,
    state         VARCHAR(8)   NOT NULL, -- intent, done, unknown
    `until`       DATETIME(3),           -- intent: whoever holds it makes no call after this
    holder        CHAR(32)     NOT NULL, -- chance: the attempt that wrote the row last
    request_hash  CHAR(64),              -- of the request, where one under the same identity must be told apart
    result        MEDIUMTEXT,            -- done: JSON, what was kept of the answer
    at            DATETIME(3)  NOT NULL, -- of the state; done ones are kept for 60 days from here
    KEY effect_at (at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- One row per account and API path. Closings only move later.
CREATE TABLE IF NOT EXISTS quota (
    appid         VARCHAR(32)  NOT NULL,
    path          VARCHAR(128) NOT NULL,
    spent_until   DATETIME(6), -- the instant up to which the calls already leased use the limit up
    closed_until  DATETIME(3),
    PRIMARY KEY (appid, path)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
