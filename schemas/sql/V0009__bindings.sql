-- SPDX-License-Identifier: Apache-2.0
-- Scenes that were made to be scanned, who is bound to whom, and verification codes. Written by kabao-bind and
-- kabao-command. Times are UTC; those of scans are WeChat's.

CREATE TABLE IF NOT EXISTS scene (
    appid       VARCHAR(32)  NOT NULL,
    scene       VARCHAR(64)  NOT NULL, -- at least 128 bits of chance
    kind        VARCHAR(8)   NOT NULL, -- bind, verify
    user        VARCHAR(128),          -- the merchant's own name for the person; NULL: a login or registration
    purpose     VARCHAR(64),           -- verify: what the code is for
    code_ttl_s  INT,                   -- verify: how long the code is good after the scan
    made_by     CHAR(32)     NOT NULL, -- hash of the command's id: made once
    expires_at  DATETIME(3)  NOT NULL,
    used_at     DATETIME(3),
    openid      VARCHAR(128),          -- who used it
    PRIMARY KEY (appid, scene),
    UNIQUE KEY scene_made_by (appid, made_by),
    KEY scene_expires_at (expires_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Who is bound now, and was: the truth that `rebind` and bind.end are decided on. An openid has one more row, with an
-- empty scene, whose ended_at is when it unfollowed last.
CREATE TABLE IF NOT EXISTS bound (
    appid     VARCHAR(32)  NOT NULL,
    openid    VARCHAR(128) NOT NULL,
    scene     VARCHAR(64)  NOT NULL,
    user      VARCHAR(128) NOT NULL,
    bound_at  DATETIME(3),
    ended_at  DATETIME(3), -- later than bound_at: not bound any more
    PRIMARY KEY (appid, openid, scene),
    KEY bound_user (appid, user)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- One code for each openid and purpose, the last one that was sent. The code itself stands nowhere: it is made of nonce
-- and the key of [verify], and compared with its keyed hash.
CREATE TABLE IF NOT EXISTS verify_code (
    appid       VARCHAR(32)  NOT NULL,
    openid      VARCHAR(128) NOT NULL,
    purpose     VARCHAR(64)  NOT NULL,
    hash        CHAR(64)     NOT NULL,
    nonce       CHAR(32)     NOT NULL,
    made_by     CHAR(32)     NOT NULL, -- hash of the id of the command or push that asked for it
    tries       INT          NOT NULL, -- wrong ones so far
    tries_max   INT          NOT NULL,
    made_at     DATETIME(3)  NOT NULL,
    expires_at  DATETIME(3)  NOT NULL,
    PRIMARY KEY (appid, openid, purpose),
    KEY verify_code_expires_at (expires_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- How many codes were sent on a day of UTC+8: for an openid, and with an empty openid for the account.
CREATE TABLE IF NOT EXISTS verify_count (
    appid   VARCHAR(32)  NOT NULL,
    openid  VARCHAR(128) NOT NULL,
    day     INT          NOT NULL, -- since 1970-01-01
    codes   INT          NOT NULL,
    PRIMARY KEY (appid, openid, day),
    KEY verify_count_day (day)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
