/* SPDX-License-Identifier: Apache-2.0 */
/* The names records go by in CloudEvents headers: the $id of each schema in schemas/messages
 * (ce_dataschema) and the types (ce_type). */
#pragma once

#define SCHEMA_BASE             "https://schemas.kabao.example/messages/"
#define SCHEMA_EVENT_WECHAT     SCHEMA_BASE "event.wechat.v1.schema.json"
#define SCHEMA_STATE_MEMBER     SCHEMA_BASE "state.member.v1.schema.json"
#define SCHEMA_EVENT_ACTIVATION SCHEMA_BASE "event.activation.v1.schema.json"
#define SCHEMA_EVENT_BINDING    SCHEMA_BASE "event.binding.v1.schema.json"
#define SCHEMA_CMD_ACTIVATION   SCHEMA_BASE "cmd.activation.v1.schema.json"
#define SCHEMA_CMD_BONUS        SCHEMA_BASE "cmd.bonus.v1.schema.json"
#define SCHEMA_RESULT_BONUS     SCHEMA_BASE "result.bonus.v1.schema.json"
#define SCHEMA_CMD_WECHAT       SCHEMA_BASE "cmd.wechat.v1.schema.json"
#define SCHEMA_RESULT_WECHAT    SCHEMA_BASE "result.wechat.v1.schema.json"
#define SCHEMA_CMD_TOKEN        SCHEMA_BASE "cmd.token.v1.schema.json"
#define SCHEMA_STATE_TOKEN      SCHEMA_BASE "state.token.v1.schema.json"

/* ce_source is this and the appid. */
#define CE_SOURCE_PREFIX "/wechat/"

/* Prefixes: the event, message type or kind follows in lower case. */
#define CE_TYPE_WECHAT_PREFIX  "kabao.wechat."
#define CE_TYPE_MESSAGE_PREFIX "kabao.wechat.message."
#define CE_TYPE_BINDING_PREFIX "kabao.binding."
#define CE_TYPE_COMMAND_PREFIX "kabao.command."

#define CE_TYPE_MEMBER_CHANGED       "kabao.member.changed"
#define CE_TYPE_MEMBER_IMPORTED      "kabao.member.imported"
#define CE_TYPE_MEMBER_IMPORT        "kabao.member.import" /* kabaoctl's, for kabao-member alone */
#define CE_TYPE_CARD_ACTIVATED       "kabao.card.activated"
#define CE_TYPE_ACTIVATION_REQUESTED "kabao.activation.requested"
#define CE_TYPE_ACTIVATION_PENDING   "kabao.activation.pending"
#define CE_TYPE_ACTIVATION_TICKET    "kabao.activation.ticket"
#define CE_TYPE_BONUS_CHANGE         "kabao.bonus.change"
#define CE_TYPE_BONUS_CHANGED        "kabao.bonus.changed"
#define CE_TYPE_COMMAND_RESULT       "kabao.command.result"
#define CE_TYPE_TOKEN_BAD            "kabao.token.bad"
#define CE_TYPE_TOKEN_CURRENT        "kabao.token.current"
