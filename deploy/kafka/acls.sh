#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What each program may do in Kafka, as kafka-acls commands, from schemas/asyncapi.yaml (x-programs): nobody more than
# it reads and writes.
#   acls.sh --bootstrap HOST:PORT [PROGRAM...]           prints the commands; all programs when none is named
#   acls.sh --bootstrap HOST:PORT --apply [PROGRAM...]   runs them: adds rules, takes none away
#   --command-config FILE   of kafka-acls, for an account that may change rules
#   --prefix P              [topic] prefix (kabao)
#   --principal PATTERN     how a program's name becomes a principal (User:%s), e.g. 'User:CN=%s'
#   --reply-to TOPIC        one of [topic] reply_to_allowed, for kabao-command; may be repeated
# KAFKA_ACLS names the command (kafka-acls.sh). Brokers older than 2.8 also want IdempotentWrite on the cluster.
set -euo pipefail

die() {
    printf 'acls.sh: %s\n' "$*" >&2
    exit 64
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bootstrap='' apply='' prefix=kabao principal='User:%s' config=() replies=() programs=()
while [ $# -gt 0 ]; do
    case $1 in
    --apply) apply=yes ;;
    --bootstrap | --command-config | --prefix | --principal | --reply-to)
        [ $# -gt 1 ] || die "$1 needs a value"
        case $1 in
        --bootstrap) bootstrap=$2 ;;
        --command-config) config=(--command-config "$2") ;;
        --prefix) prefix=$2 ;;
        --principal) principal=$2 ;;
        --reply-to) replies+=("$2") ;;
        esac
        shift
        ;;
    -*) die "unknown option $1" ;;
    *) programs+=("$1") ;;
    esac
    shift
done
[ -n "$bootstrap" ] || die "--bootstrap HOST:PORT is missing"

for asyncapi in "$here/../../schemas/asyncapi.yaml" "$here/../schemas/asyncapi.yaml" ''; do
    [ ! -f "$asyncapi" ] || break
done
[ -n "$asyncapi" ] || die "schemas/asyncapi.yaml is not where it was"

# "PROGRAM send|receive CHANNEL" a line.
uses() {
    awk '/^[a-z]/ { section = $1 }
        section != "operations:" { next }
        /^  [a-z]/ {
            name = action = $1
            sub(/\..*/, "", action)
            sub(/^[a-z]*\./, "", name)
            sub(/:$/, "", name)
        }
        /^    x-programs:/ {
            sub(/^[^[]*\[/, ""); sub(/\].*/, "")
            count = split($0, who, / *, */)
            for (i = 1; i <= count; i++) print who[i], action, name
        }' "$asyncapi"
}

topics_of() { # program, send or receive: full names
    uses | while read -r who action channel; do
        [ "$who $action" = "$1 $2" ] || continue
        case $channel in
        dlq | redrive) printf '%s.%s.%s.v1\n' "$prefix" "$channel" "${1#kabao-}" ;;
        *) printf '%s.%s.v1\n' "$prefix" "$channel" ;;
        esac
    done
}

allow() { # program, arguments of kafka-acls
    local who
    # shellcheck disable=SC2059 # the pattern is the caller's
    who=$(printf "$principal" "$1")
    shift
    local words=("${KAFKA_ACLS:-kafka-acls.sh}" --bootstrap-server "$bootstrap" "${config[@]}" --add
        --allow-principal "$who" "$@")
    if [ -n "$apply" ]; then
        "${words[@]}"
    else
        printf '%s\n' "${words[*]@Q}"
    fi
}

as_options() { # option; values on stdin, into the array `options`
    local value
    options=()
    while read -r value; do options+=("$1" "$value"); done
}

allow_program() { # the ingress reads without a group
    local options
    as_options --topic < <(topics_of "$1" receive)
    [ ${#options[@]} -eq 0 ] || allow "$1" --operation Read "${options[@]}"
    as_options --topic < <(
        topics_of "$1" send
        [ "$1" != kabao-command ] || [ ${#replies[@]} -eq 0 ] || printf '%s\n' "${replies[@]}"
    )
    [ ${#options[@]} -eq 0 ] || allow "$1" --operation Write "${options[@]}"
    [ "$1" = kabao-ingress ] || allow "$1" --operation Read --group "$prefix-${1#kabao-}"
}

# A person's tool: shows every topic, makes and changes them (`topics apply`), writes where it must.
allow_operator() {
    local options channel
    allow kabaoctl --operation Read --operation Create --operation DescribeConfigs --operation AlterConfigs \
        --topic "$prefix." --resource-pattern-type prefixed
    allow kabaoctl --operation Describe --group "$prefix-" --resource-pattern-type prefixed
    as_options --topic < <(topics_of kabaoctl send | grep -v '\.redrive\.')
    allow kabaoctl --operation Write "${options[@]}"
    allow kabaoctl --operation Write --topic "$prefix.redrive." --resource-pattern-type prefixed
}

all=$(uses | cut -d' ' -f1 | sort -u)
[ ${#programs[@]} -gt 0 ] || mapfile -t programs <<<"$all"
for program in "${programs[@]}"; do
    grep -qxF -e "$program" <<<"$all" || die "$program is in no x-programs of $asyncapi"
    if [ "$program" = kabaoctl ]; then allow_operator; else allow_program "$program"; fi
done
