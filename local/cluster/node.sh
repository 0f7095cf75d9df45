#!/bin/sh
# The first process of the node: PID 1 of namespaces of its own (PID, mount, network), so that killing it ends all others.
# It gives the node private /run, /var/lib and /var/log, keeps the components running, and reaps orphans.
# Usage: node.sh NODE_DIR FOLDER...   (the folders stay visible even below the paths that are covered)
set -eu
umask 022
cd /
node=$1
shift

# --- Mounts ---
mkdir -p "$node/run" "$node/log" "$node/kubelet" "$node/containerd" "$node/pods"
mount -n -t tmpfs -o mode=755 yolo "$node/run"
i=0
for folder; do
  i=$((i + 1))
  mkdir -p "$node/run/keep/$i"
  mount -n --bind "$folder" "$node/run/keep/$i"
done
mkdir "$node/run/yolo" "$node/run/bin" "$node/run/tmp"
mount -n --bind "$node" "$node/run/yolo"
mount -n --move "$node/run" /run
mount -n -t tmpfs -o mode=755 yolo /var/lib
mount -n -t tmpfs -o mode=755 yolo /var/log
i=0
for folder; do
  i=$((i + 1))
  mkdir -p "$folder"
  mount -n --bind "/run/keep/$i" "$folder"
done
mkdir /var/lib/kubelet /var/lib/containerd /var/log/pods
mount -n --bind /run/yolo/kubelet /var/lib/kubelet
mount -n --bind /run/yolo/containerd /var/lib/containerd
mount -n --bind /run/yolo/pods /var/log/pods
# The kubelet sets these for the whole machine unless they have its values already: show it files that say so.
for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
  kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
  file=/run/sysctl-$(basename "${setting%=*}")
  echo "${setting#*=}" >"$file"
  mount -n --bind "$file" "/proc/sys/${setting%=*}"
done
# Volumes that a container mounts with propagation need a shared tree; it is shared inside the node only.
mount -n --make-rshared /

# --- iptables, under the names that Debian's alternatives give it, with the back end that this kernel has ---
flavour=nft
xtables-nft-multi iptables -t nat -L -n >/dev/null 2>&1 || flavour=legacy
multi=$(command -v xtables-$flavour-multi)
for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
  ln -s "$multi" "/run/bin/$name"
done

# --- Components ---
wait_for() { # FILE: ends the node when the file does not appear within 2 minutes, because the one who starts it is gone
  n=0
  until [ -e "$1" ]; do
    n=$((n + 1))
    [ $n -lt 2400 ] || exit 1
    sleep 0.05
  done
}
keep_running() { # PHASE NAME
  while :; do
    code=0
    "/run/yolo/components/$1/$2" </dev/null >>"/run/yolo/log/$2.log" 2>&1 || code=$?
    echo "$2 $code" >>/run/yolo/exits
    sleep 1
  done
}
for phase in control-plane node; do
  wait_for "/run/yolo/start-$phase"
  for component in /run/yolo/components/$phase/*; do
    keep_running "$phase" "$(basename "$component")" &
  done
done
wait
