-- SPDX-License-Identifier: Apache-2.0
-- What became of each command of cmd.wechat, written by kabao-store.

CREATE TABLE IF NOT EXISTS command_result (
    command_id  VARCHAR(255) NOT NULL PRIMARY KEY, -- ce_id of the command
    account     VARCHAR(32),
    type        VARCHAR(64),
    outcome     VARCHAR(16)  NOT NULL, -- done, rejected, unknown, failed, expired
    errcode     BIGINT,                -- WeChat's, as the next
    errmsg      TEXT,
    answer      MEDIUMTEXT,            -- JSON
    error       MEDIUMTEXT,            -- JSON: code, message, pointer
    at          DATETIME(3),
    standing    CHAR(49)     NOT NULL, -- of several results of one command the one with the greatest stands
    KEY command_result_at (at),
    KEY command_result_type (type, at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
