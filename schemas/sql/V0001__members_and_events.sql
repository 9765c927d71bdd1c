-- SPDX-License-Identifier: Apache-2.0
-- What kabao-store writes: members and their cards, pushes, bindings, templates.
--
-- Identifiers are compared byte by byte (utf8mb4_bin: codes and openids are case-sensitive); texts for people, where
-- that helps a search, without case. Times are UTC. Lengths are WeChat's documented ones with room to spare; what is
-- longer becomes a dead letter. A version is the time of the triggering push in milliseconds; a column that comes only
-- with some events has one of its own, named after it (_at).

CREATE TABLE IF NOT EXISTS schema_version (
    version     INT          NOT NULL PRIMARY KEY,
    name        VARCHAR(128) NOT NULL,
    applied_at  DATETIME(3)  NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- One card of one person. Two topics feed it, the member's state and the activation, and either may come first:
-- so nothing but the key is required.
CREATE TABLE IF NOT EXISTS member (
    appid                 VARCHAR(32)  NOT NULL,
    card_id               VARCHAR(64)  NOT NULL,
    card_code             VARCHAR(64)  NOT NULL,
    openid                VARCHAR(64),
    unionid               VARCHAR(64),
    unionid_at            BIGINT,
    membership_number     VARCHAR(64),
    nickname              VARCHAR(255) COLLATE utf8mb4_general_ci,
    sex                   VARCHAR(16),
    mobile                VARCHAR(20), -- E.164
    bonus                 BIGINT,      -- what WeChat showed
    balance               BIGINT,
    status                VARCHAR(32), -- user_card_status, DELETE after the card was thrown away
    status_at             BIGINT,      -- a delete changes the status only, so it has its own version
    has_active            BOOLEAN,
    previous_card_code    VARCHAR(64), -- of a card that was a gift
    previous_card_code_at BIGINT,
    outer_str             VARCHAR(128),
    outer_str_at          BIGINT,
    activated_at          DATETIME(3), -- from the activation, everything else from the member's state
    version               BIGINT       NOT NULL DEFAULT 0,
    updated_at            DATETIME(3),
    PRIMARY KEY (appid, card_id, card_code),
    KEY member_mobile (mobile),
    KEY member_openid (openid),
    KEY member_unionid (unionid)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The card's form: common fields by WeChat's id, custom ones by the merchant's name; several values are a JSON array.
CREATE TABLE IF NOT EXISTS member_field (
    appid      VARCHAR(32)  NOT NULL,
    card_id    VARCHAR(64)  NOT NULL,
    card_code  VARCHAR(64)  NOT NULL,
    name       VARCHAR(128) NOT NULL,
    value      TEXT,
    version    BIGINT       NOT NULL DEFAULT 0,
    PRIMARY KEY (appid, card_id, card_code, name)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Every push. The key holds create_time because a table partitioned by month needs it in every unique key; event_id
-- stays unique by itself, for create_time is one of the elements it is the hash of.
CREATE TABLE IF NOT EXISTS wechat_event (
    event_id     VARCHAR(64)  NOT NULL,
    create_time  DATETIME(3)  NOT NULL,
    appid        VARCHAR(32)  NOT NULL,
    openid       VARCHAR(64),
    card_id      VARCHAR(64),
    card_code    VARCHAR(64),
    event        VARCHAR(128),
    body         MEDIUMTEXT, -- the record's value, JSON
    PRIMARY KEY (event_id, create_time),
    KEY wechat_event_card (appid, card_id, card_code),
    KEY wechat_event_openid (openid),
    KEY wechat_event_create_time (create_time)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- A card was redeemed or paid with. Fees are in fen.
CREATE TABLE IF NOT EXISTS card_use (
    event_id      VARCHAR(64) NOT NULL PRIMARY KEY,
    appid         VARCHAR(32) NOT NULL,
    card_id       VARCHAR(64),
    card_code     VARCHAR(64),
    kind          VARCHAR(64) NOT NULL,
    location_id   VARCHAR(64),
    trans_id      VARCHAR(64),
    fee           BIGINT,
    original_fee  BIGINT,
    at            DATETIME(3) NOT NULL,
    KEY card_use_card (appid, card_id, card_code)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS activation (
    appid              VARCHAR(32) NOT NULL,
    card_id            VARCHAR(64) NOT NULL,
    card_code          VARCHAR(64) NOT NULL,
    membership_number  VARCHAR(64),
    init_bonus         BIGINT,
    activated_by       VARCHAR(16), -- wechat, kabao
    activated_at       DATETIME(3),
    event_id           VARCHAR(64),
    PRIMARY KEY (appid, card_id, card_code)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS binding (
    appid       VARCHAR(32)  NOT NULL,
    openid      VARCHAR(64)  NOT NULL,
    scene       VARCHAR(64)  NOT NULL,
    user        VARCHAR(128), -- the merchant's own name for the person
    bound_at    DATETIME(3),
    unbound_at  DATETIME(3),
    PRIMARY KEY (appid, openid, scene),
    KEY binding_user (appid, user)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS card_template (
    appid      VARCHAR(32)  NOT NULL,
    card_id    VARCHAR(64)  NOT NULL,
    card_type  VARCHAR(32),
    title      VARCHAR(255) COLLATE utf8mb4_general_ci,
    status     VARCHAR(64),
    body       MEDIUMTEXT,
    version    BIGINT       NOT NULL DEFAULT 0,
    PRIMARY KEY (appid, card_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
