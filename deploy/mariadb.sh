#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A private MariaDB from the distribution's package, with all it owns in one folder.
#   mariadb.sh start|stop|restart DIR   a daemon; DIR/socket names its Unix socket, DIR/port its TCP port on 127.0.0.1,
#                                       DIR/password the password (mode 0600) of user `kabao`, DIR/pid its process id
#   mariadb.sh run DIR                  the same in the foreground, in the caller's own process
#   mariadb.sh wait DIR PID             until the `run` with that process id serves
#   mariadb.sh client DIR [ARGUMENT...] the command line client as `kabao`
# Database `kabao` exists; user `kabao` may also make databases whose names begin with `kabao`. Data survive a stop.
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The system tables are made once and copied from then on.
template() {
    local version template partial
    version=$(mariadbd --version | grep -o '[0-9]*\.[0-9]*\.[0-9]*' | head -n 1)
    template=$KABAO_CACHE/mariadb-$version
    if [ ! -d "$template" ]; then
        mkdir -p "$KABAO_CACHE"
        partial=$(mktemp -d "$KABAO_CACHE/mariadb.XXXXXX")
        mariadb-install-db --no-defaults --user="$(id -un)" --datadir="$partial" --skip-test-db \
            --auth-root-authentication-method=normal --innodb-log-file-size=32M >"$partial.log" 2>&1 || {
            tail -n 20 "$partial.log" >&2
            rm -rf "$partial" "$partial.log"
            die "mariadb-install-db failed"
        }
        rm -f "$partial.log"
        mv -T "$partial" "$template" 2>/dev/null || rm -rf "$partial" # somebody else was first
    fi
    echo "$template"
}

# A Unix socket's path has at most 107 bytes; deep folders get one elsewhere.
pick_socket() {
    socket=$dir/mariadb.sock
    if [ ${#socket} -gt 100 ]; then
        socket=$(cat "$dir/socket" 2>/dev/null) || socket=
        [ -n "$socket" ] && [ -d "${socket%/*}" ] || socket=$(mktemp -d /tmp/kabao-db.XXXXXX)/mariadb.sock
    fi
    echo "$socket" >"$dir/socket"
}

pick_port() {
    port=$(cat "$dir/port" 2>/dev/null) || port=
    if [ -z "$port" ] || ! port_is_free "$port"; then port=$(free_port); fi
    echo "$port" >"$dir/port"
}

prepare() {
    if [ ! -d "$dir/data" ]; then
        rm -rf "$dir/data.partial"
        cp -a --reflink=auto "$(template)" "$dir/data.partial"
        mv "$dir/data.partial" "$dir/data"
    fi
    if [ ! -s "$dir/password" ]; then
        (umask 077 && od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$dir/password")
    fi
    (umask 077 && cat >"$dir/init.sql") <<EOF
CREATE DATABASE IF NOT EXISTS kabao CHARACTER SET utf8mb4;
CREATE OR REPLACE USER kabao@localhost IDENTIFIED BY '$(cat "$dir/password")';
CREATE OR REPLACE USER kabao@127.0.0.1 IDENTIFIED BY '$(cat "$dir/password")';
GRANT ALL ON \`kabao%\`.* TO kabao@localhost;
GRANT ALL ON \`kabao%\`.* TO kabao@127.0.0.1;
ALTER USER root@localhost ACCOUNT LOCK;
EOF
    pick_socket
    pick_port
}

run() {
    ! is_running "$dir/pid" || die "already running in $dir"
    prepare
    echo $$ >"$dir/pid"
    exec mariadbd --no-defaults --user="$(id -un)" --datadir="$dir/data" --tmpdir=/tmp --socket="$socket" \
        --bind-address=127.0.0.1 --port="$port" --pid-file="$dir/mariadbd.pid" --init-file="$dir/init.sql" \
        --skip-name-resolve --character-set-server=utf8mb4 --default-time-zone=+00:00 --max-connections=512 \
        --innodb-flush-log-at-trx-commit=1 --innodb-log-file-size=32M --innodb-buffer-pool-size=256M \
        --performance-schema=off --skip-log-bin </dev/null
}

client() { mariadb --no-defaults -u kabao --socket="$(cat "$dir/socket")" "$@"; }

serves() {
    kill -0 "$1" 2>/dev/null || die "MariaDB ended: see $dir/console.log"
    [ "$(cat "$dir/pid" 2>/dev/null)" = "$1" ] &&
        MYSQL_PWD=$(cat "$dir/password") client -e 'SELECT 1' kabao >/dev/null 2>&1
}

start() {
    ! is_running "$dir/pid" || die "already running in $dir"
    start_detached "$dir/console.log" "${BASH_SOURCE[0]}" run "$dir"
    wait_for 60 "MariaDB in $dir" serves $!
}

verb=${1:-} dir=${2:-}
[ -n "$dir" ] || die "usage: mariadb.sh start|stop|restart|run|client DIR, wait DIR PID"
PATH=$PATH:/usr/sbin
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
case $verb in
start) start ;;
stop) stop_pidfile "$dir/pid" 30 ;;
restart) stop_pidfile "$dir/pid" 30 && start ;;
run) run ;;
wait) wait_for 60 "MariaDB in $dir" serves "${3:?PID}" ;;
client) MYSQL_PWD=$(cat "$dir/password") client "${@:3}" ;;
*) die "unknown: $verb" ;;
esac
