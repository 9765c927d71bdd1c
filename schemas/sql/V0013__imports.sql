-- SPDX-License-Identifier: Apache-2.0
-- kabaoctl import: each run over the members that an account already had, the people and cards it goes through and what
-- became of each. Times are UTC and the database's own.

CREATE TABLE IF NOT EXISTS import_run (
    id           BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY, -- the newest of an appid counts
    run_id       CHAR(32)     NOT NULL, -- chance; with an openid or a card it names what is sent
    appid        VARCHAR(32)  NOT NULL,
    source       VARCHAR(16)  NOT NULL, -- csv, followers
    fingerprint  VARCHAR(64),           -- csv: of the file's rows
    total        BIGINT       NOT NULL DEFAULT 0, -- rows of the file; followers, as WeChat counts them
    listed       BOOLEAN      NOT NULL DEFAULT FALSE, -- all of them stand below
    next_openid  VARCHAR(64),           -- followers: the next page begins behind this one
    seen         BIGINT       NOT NULL DEFAULT 0, -- followers on the pages so far
    people       BIGINT,                -- what the report says once the run is finished: who was asked for cards
    people_failed BIGINT,
    found        BIGINT,                -- cards, as the next ones
    imported     BIGINT,
    opened       BIGINT,                -- of those, accounts of points that were not there
    gone         BIGINT,
    failed       BIGINT,
    not_found    BIGINT,                -- rows of member that the source did not have
    started_at   DATETIME(3)  NOT NULL,
    finished_at  DATETIME(3),           -- NULL: it can be gone on with
    UNIQUE KEY import_run_id (run_id),
    KEY import_run_newest (appid, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- A follower. Once a run is finished, those that failed are left.
CREATE TABLE IF NOT EXISTS import_person (
    run_id   CHAR(32)     NOT NULL,
    openid   VARCHAR(64)  NOT NULL,
    state    VARCHAR(8)   NOT NULL, -- new; sent: asked for his cards; done, failed
    code     VARCHAR(32),           -- why it failed
    message  VARCHAR(255),
    PRIMARY KEY (run_id, openid),
    KEY import_person_state (run_id, state, openid)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- A card. Once a run is finished, those that are gone or failed are left.
CREATE TABLE IF NOT EXISTS import_card (
    run_id             CHAR(32)     NOT NULL,
    card_id            VARCHAR(64)  NOT NULL,
    card_code          VARCHAR(64)  NOT NULL,
    state              VARCHAR(8)   NOT NULL, -- new; sent to kabao-member; looked (at); done, gone, failed
    openid             VARCHAR(64),           -- what the source says, until the card was looked at
    unionid            VARCHAR(64),
    membership_number  VARCHAR(64),
    mobile             VARCHAR(20),
    bonus              BIGINT,                -- what the card showed
    balance            BIGINT,
    active             BOOLEAN,
    opened             BOOLEAN      NOT NULL DEFAULT FALSE,
    code               VARCHAR(32),           -- why it is gone or failed
    message            VARCHAR(255),
    PRIMARY KEY (run_id, card_id, card_code),
    KEY import_card_state (run_id, state, card_id, card_code)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
