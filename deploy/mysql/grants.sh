#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What each program may do in MySQL or MariaDB, as SQL on stdout: nobody more than its statements need.
#   grants.sh [--database D] [--host H] [PROGRAM...]     all programs when none is named
#   kabaoctl migrate                                     first: grants name tables
#   grants.sh --host '10.0.%' | mysql
# Users have the programs' names (H: %) and are there already, each with a password of its own:
#   CREATE USER 'kabao-member'@'%' IDENTIFIED BY '…' REQUIRE SSL;
# kabao-migrate is for `kabaoctl migrate`, kabaoctl for its other subcommands. kabao-ingress uses no database.
set -euo pipefail

die() {
    printf 'grants.sh: %s\n' "$*" >&2
    exit 64
}

# Who, which table, which rights. `worker` is what the engine (common/run) needs in every worker. MySQL wants UPDATE or
# DELETE for SELECT ... FOR UPDATE. kabao-store makes and drops the months of wechat_event: both servers want CREATE,
# ALTER and DROP for that.
TABLE='
worker          schema_version     SELECT
worker          owner              SELECT, INSERT, UPDATE
worker          parked             SELECT, INSERT, UPDATE, DELETE
worker          crash_suspect      SELECT, INSERT, UPDATE, DELETE
worker          effect             SELECT, INSERT, UPDATE, DELETE
worker          quota              SELECT, INSERT, UPDATE
kabao-member    import_card        SELECT, UPDATE
worker          erased             SELECT
worker          erased_fence       SELECT, UPDATE
kabao-store     member             SELECT, INSERT, UPDATE
kabao-store     member_field       SELECT, INSERT, UPDATE
kabao-store     wechat_event       SELECT, INSERT, UPDATE, CREATE, ALTER, DROP
kabao-store     card_use           SELECT, INSERT, UPDATE
kabao-store     activation         SELECT, INSERT, UPDATE
kabao-store     binding            SELECT, INSERT, UPDATE
kabao-store     card_template      SELECT, INSERT, UPDATE
kabao-store     command_result     SELECT, INSERT, UPDATE, DELETE
kabao-activate  activation_wait    SELECT, INSERT, UPDATE
kabao-bonus     bonus_account      SELECT, INSERT, UPDATE
kabao-bonus     bonus_entry        SELECT, INSERT, UPDATE, DELETE
kabao-bind      scene              SELECT, UPDATE, DELETE
kabao-bind      bound              SELECT, INSERT, UPDATE
kabao-bind      verify_code        SELECT, INSERT, UPDATE, DELETE
kabao-bind      verify_count       SELECT, INSERT, UPDATE, DELETE
kabao-command   activation_wait    SELECT, INSERT, UPDATE
kabao-command   member             SELECT, UPDATE
kabao-command   member_field       SELECT, DELETE
kabao-command   wechat_event       SELECT, UPDATE
kabao-command   activation         SELECT, UPDATE
kabao-command   binding            SELECT, DELETE
kabao-command   command_result     SELECT, UPDATE
kabao-command   replay             SELECT, UPDATE
kabao-command   scene              SELECT, INSERT, UPDATE
kabao-command   bound              SELECT, UPDATE, DELETE
kabao-command   verify_code        SELECT, INSERT, UPDATE, DELETE
kabao-command   verify_count       SELECT, INSERT, UPDATE, DELETE
kabao-command   import_run         SELECT
kabao-command   import_person      SELECT, DELETE
kabao-command   import_card        SELECT, UPDATE
kabao-command   erased             SELECT, INSERT, UPDATE
kabao-command   erased_fence       SELECT, INSERT, UPDATE
kabao-command   erasure            SELECT, INSERT, UPDATE, DELETE
kabaoctl        schema_version     SELECT
kabaoctl        parked             SELECT, UPDATE
kabaoctl        dead_letter        SELECT, INSERT, UPDATE
kabaoctl        effect             SELECT, INSERT, UPDATE, DELETE
kabaoctl        quota              SELECT, INSERT, UPDATE
kabaoctl        bonus_account      SELECT, INSERT, UPDATE
kabaoctl        reconcile          SELECT, INSERT, UPDATE
kabaoctl        reconcile_failure  SELECT, INSERT, UPDATE, DELETE
kabaoctl        command_result     SELECT, DELETE
kabaoctl        member             SELECT
kabaoctl        import_run         SELECT, INSERT, UPDATE
kabaoctl        import_person      SELECT, INSERT, UPDATE, DELETE
kabaoctl        import_card        SELECT, INSERT, UPDATE, DELETE
kabaoctl        restored           SELECT, INSERT, UPDATE
kabaoctl        bonus_entry        SELECT
kabaoctl        activation_wait    SELECT
kabaoctl        replay             SELECT, INSERT, UPDATE
kabaoctl        replay_place       SELECT, INSERT, UPDATE
kabao-migrate   *                  SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP, REFERENCES
'
WORKERS='kabao-token kabao-member kabao-store kabao-activate kabao-bonus kabao-bind kabao-command kabao-crm kabao-forward'

database=kabao host=% programs=()
while [ $# -gt 0 ]; do
    case $1 in
    --database | --host)
        [ $# -gt 1 ] || die "$1 needs a value"
        if [ "$1" = --host ]; then host=$2; else database=$2; fi
        shift
        ;;
    -*) die "unknown option $1" ;;
    *) programs+=("$1") ;;
    esac
    shift
done
case $database$host in
*[\`\'\\]*) die "no quotes or backslashes in names" ;;
esac
[ ${#programs[@]} -gt 0 ] || read -ra programs <<<"$WORKERS kabaoctl kabao-migrate"

grant() { # name in TABLE, program
    local who table rights
    while read -r who table rights; do
        [ "$who" = "$1" ] || continue
        [ "$table" = '*' ] || table="\`$table\`"
        printf "GRANT %s ON \`%s\`.%s TO '%s'@'%s';\n" "$rights" "$database" "$table" "$2" "$host"
    done <<<"$TABLE"
}

for program in "${programs[@]}"; do
    case " $WORKERS kabaoctl kabao-migrate " in
    *" $program "*) ;;
    *) die "$program uses no database" ;;
    esac
    case " $WORKERS " in
    *" $program "*) grant worker "$program" ;;
    esac
    grant "$program" "$program"
done
