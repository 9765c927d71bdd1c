-- SPDX-License-Identifier: Apache-2.0
-- Rebuilds wechat_event
--
-- wechat_event by months of create_time: p202601 has what is before February 2026 and in no month before it, `later`
-- what is beyond the last month. kabao-store makes the coming months and drops old ones. New columns: where the record
-- was in event.wechat when it was first stored, and its trace.
--
-- An index of a partitioned table has a tree for each month, so that new rows only touch the last month's. A code is
-- nearly unique by itself, and 12 hex digits of a trace are: longer keys would only make the trees larger.
--
-- One statement, so it is done or not; the table can be read meanwhile, and who wants to write waits and tries again.
-- The months begin with the oldest event's, three years back at most.

SET SESSION group_concat_max_len = 65536;
SET @kabao_now = UTC_TIMESTAMP();
SET @kabao_first = LEAST(@kabao_now, GREATEST(@kabao_now - INTERVAL 36 MONTH,
    COALESCE((SELECT MIN(create_time) FROM wechat_event), @kabao_now)));
SET @kabao_months = (
    WITH RECURSIVE month (start) AS (
        SELECT CAST(DATE_FORMAT(@kabao_first, '%Y-%m-01') AS DATE)
        UNION ALL
        SELECT start + INTERVAL 1 MONTH FROM month WHERE start + INTERVAL 1 MONTH <= @kabao_now + INTERVAL 3 MONTH
    )
    SELECT GROUP_CONCAT('PARTITION p', DATE_FORMAT(start, '%Y%m'), ' VALUES LESS THAN (''',
                        start + INTERVAL 1 MONTH, '''),' ORDER BY start SEPARATOR '')
    FROM month);
SET @kabao_sql = IF(
    (SELECT COUNT(*) FROM information_schema.partitions
     WHERE table_schema = DATABASE() AND table_name = 'wechat_event' AND partition_name IS NOT NULL) = 0,
    CONCAT('ALTER TABLE wechat_event'
           ' ADD COLUMN trace CHAR(32) CHARACTER SET ascii COLLATE ascii_bin,'
           ' ADD COLUMN part INT,'
           ' ADD COLUMN off BIGINT,'
           ' DROP KEY wechat_event_card,'
           ' ADD KEY wechat_event_card (card_code),'
           ' ADD KEY wechat_event_trace (trace(12))'
           ' PARTITION BY RANGE COLUMNS (create_time) (', @kabao_months,
           'PARTITION later VALUES LESS THAN (MAXVALUE))'),
    'DO 0');
PREPARE kabao_statement FROM @kabao_sql;
EXECUTE kabao_statement;
DEALLOCATE PREPARE kabao_statement;
