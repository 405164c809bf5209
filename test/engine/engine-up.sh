#!/usr/bin/env bash
# A private, throw-away Docker Engine for tests, in a network namespace of its own. Needs root on Linux.
#
#   engine-up.sh up DIR [-- DOCKERD FLAGS]   start it (again: the same data); prints KEY=VALUE lines
#   engine-up.sh kill DIR                    SIGKILL the engine, leave everything else as it is
#   engine-up.sh down DIR                    remove all that was made, DIR too
#
# A second dockerd in the machine's own namespace would flush the firewall rules of the first one. A veth
# pair and routes make container addresses reachable from outside; published ports answer on LUMA_ENGINE_ADDR.
# The caller is reachable from inside on LUMA_ENGINE_CALLER. Images, made here without pulling anything:
#   luma-test/busybox   a shell and small tools; CMD: httpd on $PORT (8080), deaf to SIGTERM as PID 1
#   luma-test/app       test/apps/server.ts under Bun, on $PORT; also tagged nginxdemos/hello
#   luma-test/node      test/apps/node-server.mjs under Node, on $PORT; made with NODE_IMAGE=1 alone, for benches
# BUN_BIN chooses the Bun binary, IMAGES=0 makes none, IMAGES=small only busybox. DATA_MB=n: a disk of that size, in
# memory, which a test may fill.
set -euo pipefail

say() { printf 'engine: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
[ "$(id -u)" = 0 ] || die 'needs root'
command=${1:-} dir=${2:-}
[ -n "$dir" ] || die 'usage: engine-up.sh up|kill|down DIR [-- DOCKERD FLAGS]'
shift 2
[ "${1:-}" = -- ] && shift
here=$(cd "$(dirname "$0")" && pwd -P)
root=$(cd "$here/../.." && pwd -P)
socket=$dir/docker.sock
[ ${#socket} -le 100 ] || die "too long for a Unix socket: $socket"

docker_() { docker -H "unix://$socket" "$@"; }
number() { cat "$dir/number" 2>/dev/null; }
names() { # sets what is named after the engine's number
  n=$1 space=luma-t$1 outside=lmt${1}o inside=lmt${1}i link=10.237.$1 bridge=10.238.$1 networks=10.239.$1.0/24
}

# Whoever makes the namespace has its number: that is the lock between engines started at once.
claim() {
  local candidate
  if [ -s "$dir/number" ]; then names "$(number)"; return; fi
  for candidate in $(shuf -i 1-250); do
    if ip netns add "luma-t$candidate" 2>/dev/null; then
      echo "$candidate" >"$dir/number"
      names "$candidate"
      return
    fi
  done
  die 'no network number is free'
}

net_up() {
  [ -e "/run/netns/$space" ] || ip netns add "$space"
  ip link show "$outside" >/dev/null 2>&1 || ip link add "$outside" type veth peer name "$inside" netns "$space"
  ip addr replace "$link.1/30" dev "$outside"
  ip link set "$outside" up
  ip -n "$space" link set lo up
  ip -n "$space" addr replace "$link.2/30" dev "$inside"
  ip -n "$space" link set "$inside" up
  ip -n "$space" route replace default via "$link.1"
  # Before dockerd starts: it would turn forwarding on itself, and then set the FORWARD policy to DROP.
  nsenter --net="/run/netns/$space" sysctl -qw net.ipv4.ip_forward=1
  ip route replace "$bridge.0/24" via "$link.2" dev "$outside"
  ip route replace "$networks" via "$link.2" dev "$outside"
}

is_alive() {
  [ -s "$dir/pid" ] && tr '\0' ' ' <"/proc/$(cat "$dir/pid")/cmdline" 2>/dev/null | grep -qF -- "$socket"
}

# Found by this engine's folder in their command line, never by name.
helpers() { pgrep -f -- "$dir/exec/containerd" || true; }

start_daemon() {
  is_alive && return
  local pid
  # What a SIGKILLed engine left: a stale containerd keeps the next engine waiting for 15 s and more.
  for pid in $(pgrep -f -- "$dir/exec/containerd/containerd.toml" || true); do kill -KILL "$pid" 2>/dev/null || true; done
  rm -f "$dir/pid" "$socket" "$dir"/exec/containerd/containerd.{pid,sock,sock.ttrpc}
  # nsenter, not "ip netns exec": that remounts /sys, hides the cgroups, and no container starts.
  nsenter "--net=/run/netns/$space" setsid dockerd \
    --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" -H "unix://$socket" \
    --bip "$bridge.1/24" --default-address-pool "base=$networks,size=28" --cgroup-parent "/luma-t$n" \
    --insecure-registry "$link.0/30" "$@" </dev/null >>"$dir/dockerd.log" 2>&1 &
  for _ in $(seq 600); do
    [ -S "$socket" ] && docker_ version >/dev/null 2>&1 && return
    sleep 0.1
  done
  tail -n 20 "$dir/dockerd.log" >&2
  die 'dockerd did not come up'
}

has_image() { docker_ image inspect "$1" >/dev/null 2>&1; }

tools_into() { # ROOT: busybox and its applets
  local applet
  mkdir -p "$1"/{bin,etc,tmp,proc,sys,dev,www}
  chmod 1777 "$1/tmp"
  echo 'root:x:0:0:root:/:/bin/sh' >"$1/etc/passwd"
  install -m 755 "$(command -v busybox)" "$1/bin/busybox"
  for applet in $("$1/bin/busybox" --list); do [ -e "$1/bin/$applet" ] || ln -s busybox "$1/bin/$applet"; done
  echo hello >"$1/www/index.html"
}

program_into() { # PROGRAM ROOT: into bin/, with the shared objects it needs
  local library
  install -D -m 755 "$1" "$2/bin/$(basename "$1")"
  { ldd "$1" || true; } | grep -oE '/[^ ]+' | sort -u | while read -r library; do
    install -D -m 755 "$(readlink -f "$library")" "$2$library"
  done
}

node_image() {
  local files node
  has_image luma-test/node && return
  node=$(command -v node) || die 'there is no Node here'
  files=$(mktemp -d)
  tools_into "$files"
  program_into "$(readlink -f "$node")" "$files"
  install -D -m 644 "$root/test/apps/node-server.mjs" "$files/app/server.mjs"
  tar -C "$files" -c . | docker_ import -c 'ENV PATH=/bin' -c 'WORKDIR /app' -c 'EXPOSE 8080' \
    -c 'CMD ["node","/app/server.mjs"]' - luma-test/node >/dev/null
  rm -rf "$files"
}

images() {
  local files bun
  if ! has_image luma-test/busybox; then
    files=$(mktemp -d)
    tools_into "$files"
    tar -C "$files" -c . | docker_ import -c 'ENV PATH=/bin PORT=8080' -c 'EXPOSE 8080' \
      -c 'CMD ["sh","-c","exec httpd -f -p $PORT -h /www"]' - luma-test/busybox >/dev/null
    rm -rf "$files"
  fi
  [ "${IMAGES:-1}" = small ] && return
  if ! has_image luma-test/app; then
    bun=$(readlink -f "${BUN_BIN:-$root/node_modules/bun/bin/bun.exe}")
    files=$(mktemp -d)
    tools_into "$files"
    program_into "$bun" "$files"
    [ -e "$files/bin/bun" ] || mv "$files/bin/$(basename "$bun")" "$files/bin/bun"
    install -D -m 644 "$root/test/apps/server.ts" "$files/app/server.ts"
    tar -C "$files" -c . | docker_ import -c 'ENV PATH=/bin' -c 'WORKDIR /app' -c 'EXPOSE 8080' \
      -c 'CMD ["bun","/app/server.ts"]' - luma-test/app >/dev/null
    rm -rf "$files"
  fi
  docker_ tag luma-test/app nginxdemos/hello
}

kill_daemon() {
  local pid
  pid=$(cat "$dir/pid" 2>/dev/null || true)
  is_alive || return 0
  kill -KILL "$pid"
  while [ -e "/proc/$pid" ]; do sleep 0.02; done
}

# What an engine that was killed has lost track of: its processes are still in the engine's own control group.
end_containers() {
  local file pid pids
  [ -s "$dir/number" ] || return 0
  names "$(number)"
  for file in $(find /sys/fs/cgroup -path "*/luma-t$n/*" -name freezer.state 2>/dev/null); do
    echo THAWED 2>/dev/null >"$file" || true
  done
  for _ in $(seq 100); do
    pids=$(find /sys/fs/cgroup -path "*/luma-t$n/*" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u || true)
    [ -n "$pids" ] || return 0
    for pid in $pids; do kill -KILL "$pid" 2>/dev/null || true; done
    sleep 0.05
  done
}

stop_daemon() {
  local pid
  if is_alive; then
    pid=$(cat "$dir/pid")
    # An engine with live-restore would leave its containers running.
    timeout 60 docker -H "unix://$socket" ps -aq 2>/dev/null | xargs -r timeout 60 docker -H "unix://$socket" rm -f >/dev/null 2>&1 || true
    kill -TERM "$pid" 2>/dev/null || true
    for _ in $(seq 200); do [ -e "/proc/$pid" ] || break; sleep 0.1; done
    kill -KILL "$pid" 2>/dev/null || true
  fi
  end_containers
  for pid in $(helpers); do kill -TERM "$pid" 2>/dev/null || true; done
  for _ in $(seq 20); do [ -n "$(helpers)" ] || break; sleep 0.1; done
  for pid in $(helpers); do kill -KILL "$pid" 2>/dev/null || true; done
}

forget() {
  local pid
  awk -v d="$dir/" 'index($5,d)==1{print $5}' /proc/self/mountinfo | sort -r | while read -r m; do umount -l "$m" || true; done
  if [ -s "$dir/number" ]; then
    names "$(number)"
    # What a killed test started beside the engine, such as a registry.
    for pid in $(ip netns pids "$space" 2>/dev/null || true); do kill -KILL "$pid" 2>/dev/null || true; done
    ip link del "$outside" 2>/dev/null || true # its routes go with it
    find /sys/fs/cgroup -depth -type d \( -path "*/luma-t$n" -o -path "*/luma-t$n/*" \) -exec rmdir {} + 2>/dev/null || true
    ip netns del "$space" 2>/dev/null || true
  fi
  rm -rf "$dir"
}

case $command in
  up)
    mkdir -p "$dir/data"
    if [ -n "${DATA_MB:-}" ] && ! mountpoint -q "$dir/data"; then mount -t tmpfs -o "size=${DATA_MB}m" luma "$dir/data"; fi
    claim
    net_up
    start_daemon "$@"
    [ "${IMAGES:-1}" = 0 ] || images
    if [ "${NODE_IMAGE:-0}" = 1 ]; then node_image; fi
    echo "DOCKER_HOST=unix://$socket"
    echo "LUMA_ENGINE_PID=$(cat "$dir/pid")"
    echo "LUMA_ENGINE_ADDR=$link.2"
    echo "LUMA_ENGINE_CALLER=$link.1"
    echo "LUMA_ENGINE_NETNS=/run/netns/$space" ;;
  kill) kill_daemon ;;
  down) [ -d "$dir" ] || exit 0; stop_daemon; forget ;;
  *) die 'up | kill | down' ;;
esac
