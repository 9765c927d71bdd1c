#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One Apache Kafka process (KRaft, broker and controller together) with all it owns in one folder.
#   broker.sh start|stop|restart DIR    a daemon; DIR/bootstrap has its address, DIR/pid its process id
#   broker.sh run DIR                   the same in the foreground, in the caller's own process
#   broker.sh wait DIR PID              until the `run` with that process id serves
#   broker.sh fetch                     only brings the jars into the cache
# Data and port in DIR survive a stop. Settings beyond those below: KABAO_KAFKA_EXTRA, one KEY=VALUE a line.
# shellcheck source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

here=$KABAO_ROOT/deploy/kafka
version=$(sed -n 's|.*<kafka.version>\(.*\)</kafka.version>.*|\1|p' "$here/pom.xml")
jars=$KABAO_CACHE/kafka-$version-$(cksum <"$here/pom.xml" | cut -d" " -f1)

fetch() {
    [ -d "$jars" ] && return 0
    step "fetching Apache Kafka $version"
    mkdir -p "$KABAO_CACHE"
    local partial
    partial=$(mktemp -d "$KABAO_CACHE/kafka.XXXXXX")
    if ! mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$partial" >&2 </dev/null; then
        rm -rf "$partial"
        die "Maven could not fetch Apache Kafka $version (network? a proxy for Maven?)"
    fi
    mv -T "$partial" "$jars" 2>/dev/null || rm -rf "$partial" # somebody else was first
}

# Keeps the ports of the last start unless a stranger has taken them meanwhile.
pick_ports() {
    read -r port controller 2>/dev/null <"$dir/ports" || port=
    if [ -n "$port" ] && port_is_free "$port" && port_is_free "$controller"; then return 0; fi
    port=$(free_port)
    controller=$(free_port)
    while [ "$controller" = "$port" ]; do controller=$(free_port); done
    echo "$port $controller" >"$dir/ports"
}

write_properties() {
    cat >"$dir/server.properties" <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$dir/data
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
log.index.size.max.bytes=1048576
log.segment.delete.delay.ms=1000
${KABAO_KAFKA_EXTRA:-}
EOF
}

java_run() { # JVM and program arguments
    java -Dlog4j2.configurationFile="file:$here/log4j2.properties" -Dkabao.log="$dir/server.log" -cp "$jars/*" "$@"
}

format_storage() {
    [ -f "$dir/data/meta.properties" ] && return 0
    local id
    id=A$(head -c 32 /dev/urandom | base64 -w 0 | tr '+/' '-_' | cut -c 1-20)A # 16 bytes as Kafka writes them
    java_run -XX:TieredStopAtLevel=1 -XX:+UseSerialGC kafka.tools.StorageTool format -t "$id" \
        -c "$dir/server.properties" >"$dir/format.log" 2>&1 || die "cannot format $dir/data: see $dir/format.log"
}

prepare() {
    fetch
    pick_ports
    write_properties
    format_storage
    : >"$dir/server.log"
    echo "127.0.0.1:$port" >"$dir/bootstrap"
}

run() {
    ! is_running "$dir/pid" || die "already running in $dir"
    prepare
    echo $$ >"$dir/pid"
    exec java -Xms256m -Xmx512m -Dlog4j2.configurationFile="file:$here/log4j2.properties" \
        -Dkabao.log="$dir/server.log" -cp "$jars/*" kafka.Kafka "$dir/server.properties" </dev/null
}

serves() {
    kill -0 "$1" 2>/dev/null || die "Kafka ended: see $dir/server.log and $dir/console.log"
    [ "$(cat "$dir/pid" 2>/dev/null)" = "$1" ] && grep -qs 'Kafka Server started' "$dir/server.log"
}

start() {
    ! is_running "$dir/pid" || die "already running in $dir"
    fetch
    start_detached "$dir/console.log" "${BASH_SOURCE[0]}" run "$dir"
    wait_for 60 "Kafka in $dir" serves $!
}

verb=${1:-} dir=${2:-}
if [ "$verb" = fetch ]; then
    fetch
    exit 0
fi
[ -n "$dir" ] || die "usage: broker.sh start|stop|restart|run DIR, wait DIR PID, fetch"
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
case $verb in
start) start ;;
stop) stop_pidfile "$dir/pid" 30 ;;
restart) stop_pidfile "$dir/pid" 30 && start ;;
run) run ;;
wait) wait_for 60 "Kafka in $dir" serves "${3:?PID}" ;;
*) die "unknown: $verb" ;;
esac
