-- SPDX-License-Identifier: Apache-2.0
-- Members are looked up by their number (member.find), too.
--
-- MySQL knows no ADD KEY IF NOT EXISTS, and a migration that was cut short is run again.

SET @kabao_sql = IF(
    (SELECT COUNT(*) FROM information_schema.statistics
     WHERE table_schema = DATABASE() AND table_name = 'member' AND index_name = 'member_number') = 0,
    'ALTER TABLE member ADD KEY member_number (membership_number)', 'DO 0');
PREPARE kabao_statement FROM @kabao_sql;
EXECUTE kabao_statement;
DEALLOCATE PREPARE kabao_statement;
