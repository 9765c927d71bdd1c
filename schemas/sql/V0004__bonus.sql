-- SPDX-License-Identifier: Apache-2.0
-- Points: what each card's account holds, and every change of it.
--
-- Times are UTC and the database's own. Points are whole, balances in fen.

CREATE TABLE IF NOT EXISTS bonus_account (
    appid          VARCHAR(32)  NOT NULL,
    card_id        VARCHAR(64)  NOT NULL,
    card_code      VARCHAR(64)  NOT NULL,
    bonus          BIGINT       NOT NULL, -- the truth
    balance        BIGINT,                -- NULL: a card without stored value, so far
    shown          BIGINT,                -- what was last seen on the card; NULL: it never showed any
    shown_balance  BIGINT,
    version        BIGINT,                -- of the last `set`, the CRM's
    rev            BIGINT       NOT NULL, -- counts the changes
    frozen         BOOLEAN      NOT NULL, -- its points are another card's now
    moved_to       VARCHAR(64),           -- that card's code
    updated_at     DATETIME(3)  NOT NULL,
    PRIMARY KEY (appid, card_id, card_code)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS bonus_entry (
    command_id        VARCHAR(255) NOT NULL PRIMARY KEY, -- ce_id of the command, or of what else made the change
    appid             VARCHAR(32)  NOT NULL,
    card_id           VARCHAR(64)  NOT NULL,
    card_code         VARCHAR(64)  NOT NULL,
    mode              VARCHAR(8),            -- set, add, sync; NULL: not a command
    delta             BIGINT       NOT NULL, -- what it changed in the account: 0 once refused
    balance_delta     BIGINT       NOT NULL,
    bonus             BIGINT,                -- the account's after it, as the next three
    balance           BIGINT,
    version           BIGINT,
    rev               BIGINT,
    previous_version  BIGINT,                -- the account's before a `set`
    outcome           VARCHAR(16),           -- applied, skipped, rejected, observed, unknown, failed; NULL: not known yet
    error_code        VARCHAR(32),
    error_message     VARCHAR(255),
    request_hash      CHAR(64),              -- SHA-256 of the command, hex
    echoed_at         DATETIME(3),           -- when WeChat told us of our own change
    echo_id           VARCHAR(255),          -- ce_id of the push that did
    at                DATETIME(3)  NOT NULL, -- of the outcome; kept for 60 days from here
    KEY bonus_entry_card (appid, card_id, card_code, at),
    KEY bonus_entry_at (at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
