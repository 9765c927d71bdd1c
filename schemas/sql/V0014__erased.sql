-- SPDX-License-Identifier: Apache-2.0
-- Whom kabao has forgotten (command member.erase), by hash: so that no record that comes late or again brings the person
-- back. Times are UTC; those of a command.

-- id_hash: SHA-256, hex, of <appid>:<openid>, <appid>:<unionid> or a card key.
CREATE TABLE IF NOT EXISTS erased (
    appid       VARCHAR(32)  NOT NULL,
    id_hash     CHAR(64)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    at          DATETIME(3)  NOT NULL, -- what happened later is somebody who came anew
    generation  BIGINT       NOT NULL, -- of the fence when `at` was set
    PRIMARY KEY (appid, id_hash),
    KEY erased_generation (generation)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- One row. Whoever adds to `erased` raises it; every transaction of a worker reads it first, under a share lock.
CREATE TABLE IF NOT EXISTS erased_fence (
    id          INT          NOT NULL PRIMARY KEY,
    generation  BIGINT       NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT INTO erased_fence (id, generation) VALUES (1, 0) ON DUPLICATE KEY UPDATE generation = generation;

-- Erasures under way, by the command: how far each has come.
CREATE TABLE IF NOT EXISTS erasure (
    command_hash  CHAR(64)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY, -- SHA-256 of its ce_id, hex
    at            DATETIME(3)  NOT NULL, -- as in `erased`
    began_at      DATETIME(3)  NOT NULL, -- the database's clock: effects that were begun before are awaited
    saved_at      DATETIME(3)  NOT NULL, -- the same
    stage         INT          NOT NULL,
    after_id      VARCHAR(255) NOT NULL, -- of a stage that walks through a table: where it goes on
    parked        BIGINT       NOT NULL  -- records found so far
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Who used a scene is looked for by person.
SET @kabao_sql = IF(
    (SELECT COUNT(*) FROM information_schema.statistics
     WHERE table_schema = DATABASE() AND table_name = 'scene' AND index_name = 'scene_openid') = 0,
    'ALTER TABLE scene ADD KEY scene_openid (openid)', 'DO 0');
PREPARE kabao_statement FROM @kabao_sql;
EXECUTE kabao_statement;
DEALLOCATE PREPARE kabao_statement;
