# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the scripts of deploy/ and tests/ share. Source it; it runs nothing by itself.
set -euo pipefail

KABAO_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
KABAO_CACHE=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/kabao

PACKAGES_BUILD=(gcc cmake ninja-build pkg-config librdkafka-dev libcurl4-openssl-dev libxml2-dev libjson-c-dev
    libssl-dev default-libmysqlclient-dev libmicrohttpd-dev libini-config-dev uthash-dev libutf8proc-dev
    libsmartcols-dev libcsv-dev libcmocka-dev)
PACKAGES_SERVERS=(mariadb-server-core mariadb-client-core util-linux)
PACKAGES_TEST=(ccache openssl zsh groff clang-14 clang-tidy-14 clang-format-14 libclang-rt-14-dev cppcheck
    json-schema-test-suite lintian mmdebstrap dpkg-dev docker-compose wrk nghttp2-client python3 python3-pip python3-pytest python3-pytest-xdist python3-jsonschema python3-six python3-yaml
    python3-confluent-kafka python3-pymysql python3-requests python3-pycryptodome)

say() { printf '%s\n' "$*" >&2; }

# step TEXT: one line of progress, with the seconds since the script began.
step() { printf '[%4ds] %s\n' "$SECONDS" "$*" >&2; }

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

is_installed() { # package
    [ "$(dpkg-query -W -f='${db:Status-Status}\n' "$1" 2>/dev/null | head -n 1)" = installed ]
}

# need_packages PACKAGE...: installs what is missing, in one apt-get call. The Java tools count as there when their
# commands are, whoever brought them.
need_packages() {
    local package missing=()
    for package; do
        is_installed "$package" || missing+=("$package")
    done
    command -v java >/dev/null || missing+=(default-jre-headless)
    command -v mvn >/dev/null || missing+=(maven)
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || die "missing: ${missing[*]} (no apt-get here: install them by hand)"
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
        die "missing: ${missing[*]}. Run as root: apt-get install ${missing[*]}"
    step "installing ${missing[*]}"
    as_root apt-get -qq update </dev/null >&2 || die "apt-get update failed"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 \
        install --no-install-recommends "${missing[@]}" </dev/null >&2 || die "apt-get install failed: ${missing[*]}"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -- "$@"; fi
}

port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_port: below the range the kernel gives to outgoing connections, so that a stopped server's port stays its own.
free_port() {
    local port
    for _ in $(seq 200); do
        port=$((10000 + (RANDOM * 32768 + RANDOM) % 22000))
        if port_is_free "$port"; then
            echo "$port"
            return 0
        fi
    done
    die "no free port on 127.0.0.1"
}

# wait_for SECONDS WHAT COMMAND...: polls until the command succeeds; dies naming WHAT after the deadline.
wait_for() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || die "timed out waiting for $what"
        sleep 0.05
    done
}

is_running() { # PIDFILE
    local pid
    pid=$(cat "$1" 2>/dev/null) && [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null && ! is_zombie "$pid"
}

is_zombie() { grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null; }

is_gone() { ! is_running "$1"; }

# stop_pidfile PIDFILE [SECONDS]: SIGTERM, then SIGKILL after the deadline; nothing to do is fine.
stop_pidfile() {
    local file=$1 deadline=$((SECONDS + ${2:-20}))
    if is_running "$file"; then
        kill -CONT "$(cat "$file")" 2>/dev/null || true
        kill -TERM "$(cat "$file")" 2>/dev/null || true
        while is_running "$file" && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.05; done
        ! is_running "$file" || kill -KILL "$(cat "$file")" 2>/dev/null || true
        wait_for 5 "the end of process $(cat "$file")" is_gone "$file"
    fi
    rm -f "$file"
}

# start_tied LOG COMMAND...: in the background, ended with this script however it ends. $! is its process id.
start_tied() {
    local log=$1 parent=$BASHPID
    shift
    # A script that died before setpriv had its say sends no signal: the shell between looks whose child it is.
    setpriv --pdeathsig TERM -- sh -c '[ "$PPID" = "$0" ] && exec "$@"' "$parent" "$@" \
        >>"$log" 2>&1 </dev/null &
}

# start_detached LOG COMMAND...: in a session of its own; outlives this script.
start_detached() {
    local log=$1
    shift
    setsid -- "$@" >>"$log" 2>&1 </dev/null &
}

# on_exit COMMAND...: runs it when the script ends, also by a signal; the last registered first.
KABAO_AT_EXIT=()
on_exit() {
    if [ ${#KABAO_AT_EXIT[@]} -eq 0 ]; then
        trap run_at_exit EXIT
        trap 'exit 129' HUP
        trap 'exit 130' INT
        trap 'exit 143' TERM
    fi
    KABAO_AT_EXIT+=("$(printf '%q ' "$@")")
}

run_at_exit() {
    local status=$? i
    trap - EXIT
    trap '' HUP INT TERM
    for ((i = ${#KABAO_AT_EXIT[@]} - 1; i >= 0; i--)); do
        eval "${KABAO_AT_EXIT[i]}" || true
    done
    exit "$status"
}

# build_tree DIR CMAKE_ARGUMENT...: configures once (again when the arguments change) and builds BUILD_TARGETS, all when
# there are none.
BUILD_TARGETS=()
build_tree() {
    local dir=$1 want
    shift
    local launcher=()
    command -v ccache >/dev/null && launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
    want="$* ${launcher[*]:-}"
    mkdir -p "$dir"
    if [ ! -f "$dir/build.ninja" ] || [ "$(cat "$dir/arguments" 2>/dev/null)" != "$want" ]; then
        cmake -S "$KABAO_ROOT" -B "$dir" -G Ninja "${launcher[@]}" "$@" >"$dir/configure.log" 2>&1 || {
            cat "$dir/configure.log" >&2
            return 1
        }
        printf '%s' "$want" >"$dir/arguments"
    fi
    ninja -C "$dir" --quiet "${BUILD_TARGETS[@]}" >&2
}
