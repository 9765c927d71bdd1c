-- SPDX-License-Identifier: Apache-2.0
-- What kabao-activate knows of each card: its last receipt, what was submitted, asked and told since, and what is
-- awaited until when. Times are UTC; those of pushes are WeChat's.
--
-- receipt_id is the ce_id of the last user_get_card, "-" and a hash where a card must have been received again and no
-- push has said so, NULL while no receipt is known.
CREATE TABLE IF NOT EXISTS activation_wait (
    appid               VARCHAR(32)  NOT NULL,
    card_id             VARCHAR(64)  NOT NULL,
    card_code           VARCHAR(64)  NOT NULL,
    receipt_id          VARCHAR(64),
    received_at         DATETIME(3),
    restored            BOOLEAN      NOT NULL DEFAULT FALSE,
    previous_card_code  VARCHAR(64), -- of a card that was a gift
    openid              VARCHAR(128),
    submitted_at        DATETIME(3), -- the last form
    ticket_id           VARCHAR(64), -- the record whose ticket WeChat knew
    ticket_at           DATETIME(3),
    form                MEDIUMTEXT,  -- the ticket's, JSON; until the card is active
    acting              VARCHAR(64), -- the receipt under which an activation was begun
    asked_at            DATETIME(3), -- of the CRM
    overdue_at          DATETIME(3), -- kabao.activation.pending was written
    due_at              DATETIME(3), -- when to look again; NULL: nothing is awaited
    told_at             DATETIME(3), -- kabao.card.activated was written for this receipt
    seen_at             DATETIME(3), -- the last of these, for any receipt
    PRIMARY KEY (appid, card_id, card_code),
    KEY activation_wait_due (due_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
