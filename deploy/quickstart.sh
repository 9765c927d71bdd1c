#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From nothing to a member's row: installs what is missing, builds, starts a private MariaDB, Kafka and a simulated
# WeChat, then kabao; sends a card event the way WeChat does and shows what became of it.
#   quickstart.sh               stays up until Ctrl-C and prints what to try
#   quickstart.sh --once        stops everything and exits 0
#   quickstart.sh --data DIR    keeps data, settings and logs in DIR (default: a temporary folder, removed at the end)
# KABAO_KAFKA_BOOTSTRAP_SERVERS, KABAO_MYSQL_HOST: uses those servers, with the other KABAO_KAFKA_*, KABAO_MYSQL_*.
# KABAO_BIN: uses the programs in that folder and builds nothing.
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

appid=wx0123456789abcdef
original_id=gh_7f083739789a
# What `kabao-wxsim push` is about when nothing else is said.
card_id=pWxsimFakeCardId000000000001
card_code=018255396048
openid=oWxsimFakeOpenid000000000001
card_key=$appid:$card_id:$card_code

once=
data=
bin=${KABAO_BIN:-}
declare -A pids=() logs=() ports=()

parse_arguments() {
    while [ $# -gt 0 ]; do
        case $1 in
        --once) once=yes ;;
        --data)
            [ -n "${2:-}" ] || die "--data needs a folder"
            data=$2
            shift
            ;;
        *) die "unknown: $1 (usage: quickstart.sh [--once] [--data DIR])" ;;
        esac
        shift
    done
}

# Programs obey KABAO_* variables; those that belong to no server of the caller's are taken away.
keep_environment() {
    their_kafka=${KABAO_KAFKA_BOOTSTRAP_SERVERS:+yes}
    their_mysql=${KABAO_MYSQL_HOST:+yes}
    replication=${KABAO_TOPIC_REPLICATION_FACTOR:-1}
    local name
    for name in $(compgen -e KABAO_); do
        case $name in
        KABAO_KAFKA_*) [ -n "$their_kafka" ] || unset "$name" ;;
        KABAO_MYSQL_*) [ -n "$their_mysql" ] || unset "$name" ;;
        *) export -n "${name?}" ;;
        esac
    done
}

make_data() {
    if [ -z "$data" ]; then
        data=$(mktemp -d "${TMPDIR:-/tmp}/kabao.XXXXXX")
        on_exit rm -rf "$data"
    fi
    mkdir -p "$data/log" "$data/kafka" "$data/mariadb"
    data=$(cd "$data" && pwd)
    exec 9>"$data/lock"
    flock -n 9 || die "$data is in use by another quickstart, or by what one of them left to end"
    ini=$data/kabao.ini
}

build() {
    if [ -n "$bin" ]; then
        bin=$(cd "$bin" && pwd)
        return 0
    fi
    local dir=$KABAO_ROOT/build/release
    step "building $dir"
    BUILD_TARGETS=(kabao-ingress kabao-token kabao-member kabao-store kabaoctl kabao-wxsim)
    build_tree "$dir" -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=RelWithDebInfo || die "the build failed: see above"
    bin=$dir/bin
}

# Processes: all end with this script.

start() { # name, log, command...
    local name=$1
    logs[$name]=$2
    : >"$2"
    start_tied "${@:2}"
    pids[$name]=$!
}

is_up() { [ -n "${pids[$1]:-}" ] && kill -0 "${pids[$1]}" 2>/dev/null; }

fail() { # name of the program concerned, text
    say "--- the end of ${logs[$1]} (--data DIR keeps all logs)"
    tail -n 20 "${logs[$1]}" >&2
    [ "$1" != kafka ] || tail -n 20 "$data/kafka/server.log" >&2 || true
    die "$2"
}

await() { # program, seconds, what, command...
    local name=$1 deadline=$((SECONDS + $2)) what=$3
    shift 3
    until "$@"; do
        is_up "$name" || fail "$name" "$name ended before $what"
        [ "$SECONDS" -lt "$deadline" ] || fail "$name" "timed out waiting for $what"
        sleep 0.05
    done
}

end() { # programs, together; SIGKILL for those that take too long
    local name deadline=$((SECONDS + 40))
    for name; do ! is_up "$name" || kill -TERM "${pids[$name]}" 2>/dev/null || true; done
    for name; do
        while is_up "$name" && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.05; done
        ! is_up "$name" || kill -KILL "${pids[$name]}" 2>/dev/null || true
    done
}

# Those who need the servers go first.
stop_all() {
    [ ${#pids[@]} -gt 0 ] || return 0
    step "stopping"
    end ingress member token store
    end wxsim
    end kafka mariadb
}

pick_port() { # name: a port in ports[name] that no other name has
    local port
    port=$(free_port)
    while [[ " ${ports[*]} " == *" $port "* ]]; do port=$(free_port); done
    ports[$1]=$port
}

is_listening() { ! port_is_free "$1"; }

is_ready() { # admin port
    local line
    line=$({ exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'GET /readyz HTTP/1.0\r\n\r\n' >&3 &&
        timeout 2 head -n 1 <&3; } 2>/dev/null) || return 1
    [[ $line == *" 200 "* ]]
}

# Servers

# A signal to this script need not wait for the command, which ends by itself.
patiently() {
    "$@" &
    wait "$!"
}

start_servers() {
    local kafka=$KABAO_ROOT/deploy/kafka/broker.sh mariadb=$KABAO_ROOT/deploy/mariadb.sh
    if [ -z "$their_kafka" ]; then
        "$kafka" fetch
        step "starting Kafka"
        start kafka "$data/kafka/console.log" "$kafka" run "$data/kafka"
    fi
    if [ -z "$their_mysql" ]; then
        step "starting MariaDB"
        start mariadb "$data/mariadb/console.log" "$mariadb" run "$data/mariadb"
        patiently "$mariadb" wait "$data/mariadb" "${pids[mariadb]}" || fail mariadb "MariaDB does not start"
    fi
    [ -n "$their_kafka" ] || patiently "$kafka" wait "$data/kafka" "${pids[kafka]}" || fail kafka "Kafka does not start"
}

sql() { # arguments of the command line client
    if [ -z "$their_mysql" ]; then
        "$KABAO_ROOT/deploy/mariadb.sh" client "$data/mariadb" -D kabao "$@"
    else
        mysql_client -D "$database" "$@"
    fi
}

mysql_client() {
    MYSQL_PWD=$(cat "${KABAO_MYSQL_PASSWORD_FILE:-/dev/null}") mariadb --no-defaults -h "$KABAO_MYSQL_HOST" \
        -P "${KABAO_MYSQL_PORT:-3306}" -u "${KABAO_MYSQL_USER:-kabao}" "$@"
}

# Settings

secret() { # name, command that prints a new one; kept when it is there
    local path=$data/secrets/$1
    shift
    [ -s "$path" ] || (umask 077 && mkdir -p "$data/secrets" && "$@" >"$path")
}

random_hex() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }

random_base64() { head -c 32 /dev/urandom | base64; }

random_aes_key() { random_base64 | cut -c 1-43; }

make_secrets() {
    secret demo.appsecret random_hex 16
    secret demo.token random_hex 12
    secret demo.aeskey random_aes_key
    secret seal.key random_base64
}

mysql_settings() {
    if [ -z "$their_mysql" ]; then
        printf 'socket = %s\nuser = kabao\n' "$(cat "$data/mariadb/socket")"
        printf 'password_file = %s\n' "$data/mariadb/password"
        return
    fi
    printf 'host = %s\nport = %s\nuser = %s\ndatabase = %s\n' "$KABAO_MYSQL_HOST" "${KABAO_MYSQL_PORT:-3306}" \
        "${KABAO_MYSQL_USER:-kabao}" "$database"
    [ -z "${KABAO_MYSQL_PASSWORD_FILE:-}" ] || printf 'password_file = %s\n' "$KABAO_MYSQL_PASSWORD_FILE"
}

# On a cluster of the caller's nothing may meet an installation that is there: topics and groups, database.
write_settings() {
    local bootstrap=${KABAO_KAFKA_BOOTSTRAP_SERVERS:-} prefix=kabao
    if [ -n "$their_kafka" ]; then prefix=quickstart; else bootstrap=$(cat "$data/kafka/bootstrap"); fi
    cat >"$ini" <<INI
[account demo]
appid = $appid
original_id = $original_id
secret_file = $data/secrets/demo.appsecret
callback_token_file = $data/secrets/demo.token
aes_key_file = $data/secrets/demo.aeskey

[kafka]
bootstrap.servers = $bootstrap

[topic]
prefix = $prefix
partitions = 3
replication_factor = $replication

[ingress]
listen = 127.0.0.1:${ports[callback]}

[wechat]
base_url = http://127.0.0.1:${ports[wxsim]}

[mysql]
$(mysql_settings)

[token]
seal_key_file = $data/secrets/seal.key
INI
}

# kabao

start_wxsim() {
    local secrets=$data/secrets requests=$data/log/wechat-requests.log
    (umask 077 && cat >"$secrets/wxsim.json") <<JSON
{"accounts": [{"appid": "$appid", "original_id": "$original_id", "secret": "$(cat "$secrets/demo.appsecret")",
               "callback_token": "$(cat "$secrets/demo.token")", "aes_key": "$(cat "$secrets/demo.aeskey")"}],
 "members": [{"appid": "$appid", "card_id": "$card_id", "code": "$card_code", "openid": "$openid",
              "nickname": "小卡", "sex": "FEMALE", "bonus": 100, "has_active": true,
              "form": {"USER_FORM_INFO_FLAG_MOBILE": "15521328888", "USER_FORM_INFO_FLAG_NAME": "王小卡"}}]}
JSON
    rm -f "$requests"
    start wxsim "$data/log/wxsim.log" "$bin/kabao-wxsim" serve --listen "127.0.0.1:${ports[wxsim]}" \
        --accounts "$secrets/wxsim.json" --log "$requests"
    await wxsim 10 "the simulator listens" is_listening "${ports[wxsim]}"
}

prepare() { # topics and tables
    step "making topics and tables"
    [ -z "$their_mysql" ] || mysql_client -e "CREATE DATABASE IF NOT EXISTS $database CHARACTER SET utf8mb4" ||
        die "the database $database can neither be found nor made"
    "$bin/kabaoctl" topics apply --yes --config "$ini" >"$data/log/topics.log" || die "the topics cannot be made"
    "$bin/kabaoctl" migrate --yes --config "$ini" >"$data/log/migrate.log" || die "the tables cannot be made"
}

start_programs() {
    local name
    for name in token member store ingress; do
        start "$name" "$data/log/$name.log" env KABAO_ADMIN_LISTEN="127.0.0.1:${ports[$name]}" \
            setpriv --pdeathsig KILL -- "$bin/kabao-$name" --config "$ini"
    done
    for name in token member store ingress; do
        await "$name" 40 "kabao-$name is ready" is_ready "${ports[$name]}"
    done
}

# What became of it

heading() { printf '\n== %s\n' "$*"; }

push() { # event
    "$bin/kabao-wxsim" push "$1" --to "http://127.0.0.1:${ports[callback]}/wechat/demo" \
        --accounts "$data/secrets/wxsim.json" --mode secure --print 2>&1
}

record() { # topic, program that writes it
    timeout 30 "$bin/kabaoctl" tail "$1" --from "$begun" --key "$card_key" --max 1 --config "$ini" ||
        fail "$2" "no record on $1"
}

has_row() {
    local count
    count=$(sql -N -e "SELECT COUNT(*) FROM member WHERE card_code = '$card_code' AND version >= $begun_ms") &&
        [ "$count" -gt 0 ]
}

tell() {
    begun=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    begun_ms=$(date -u -d "$begun" +%s)000
    heading "a card event, encrypted and signed the way WeChat does it"
    push submit_membercard_user_info || fail ingress "the push was refused"
    heading "the record on event.wechat"
    record event.wechat ingress
    heading "what kabao-member made of it: the record on state.member"
    record state.member member
    heading "the calls WeChat got"
    cat "$data/log/wechat-requests.log"
    await store 30 "the member's row is there" has_row
    heading "the member's row in MySQL"
    sql -E -e "SELECT * FROM member WHERE card_code = '$card_code'"
}

print_addresses() {
    local name
    heading "up: settings $ini, logs $data/log"
    printf '%-10s %s\n' callback "http://127.0.0.1:${ports[callback]}/wechat/demo"
    for name in ingress token member store; do
        printf '%-10s %s\n' "$name" "http://127.0.0.1:${ports[$name]}/metrics (/readyz, /healthz)"
    done
    printf '%-10s %s\n' WeChat "http://127.0.0.1:${ports[wxsim]}" Kafka "$(sed -n 's/^bootstrap.servers = //p' "$ini")"
}

print_commands() {
    heading "to try, in another terminal"
    cat <<TEXT
$bin/kabaoctl check --config $ini
$bin/kabaoctl token status --config $ini
$bin/kabaoctl tail event.wechat --config $ini
TEXT
    printf '%s --to %s --accounts %s\n' "$bin/kabao-wxsim push user_view_card" \
        "http://127.0.0.1:${ports[callback]}/wechat/demo" "$data/secrets/wxsim.json"
    [ -n "$their_mysql" ] || echo "deploy/mariadb.sh client $data/mariadb -e 'SELECT * FROM wechat_event' kabao"
    echo
}

# Until a signal; a program that ends before is a failure.
stay() {
    local name
    print_addresses
    print_commands
    step "up until Ctrl-C"
    wait -n || true
    for name in "${!pids[@]}"; do
        is_up "$name" || fail "$name" "$name ended by itself"
    done
}

main() {
    local name
    parse_arguments "$@"
    keep_environment
    database=${KABAO_MYSQL_DATABASE:-kabao_quickstart}
    need_packages "${PACKAGES_BUILD[@]}" "${PACKAGES_SERVERS[@]}"
    build
    make_data
    on_exit stop_all
    for name in callback wxsim ingress token member store; do pick_port "$name"; done
    start_servers
    make_secrets
    write_settings
    start_wxsim
    prepare
    step "starting kabao-token, kabao-member, kabao-store, kabao-ingress"
    start_programs
    tell
    if [ -z "$once" ]; then stay; fi
}

main "$@"
