#!/bin/bash
# Cuts every GPU of a machine into MIG instances of one profile: yolo-mig PROFILE INSTANCES
# It runs at each boot, before the kubelet: instances never outlive a reboot, and on Hopper and newer the mode does not either.
# https://docs.nvidia.com/datacenter/tesla/mig-user-guide/deployment-considerations.html
set -euo pipefail
profile=$1 instances=$2
rebooted=${STATE_DIRECTORY:?}/rebooted

fail() {
  echo "yolo-mig: $1" >&2
  exit 1
}

# Whether the mode of all GPUs, "current" or "pending", is on.
enabled() {
  [[ $(nvidia-smi --query-gpu="mig.mode.$1" --format=csv,noheader | sort --unique) == Enabled ]]
}

# The driver is still being loaded when a machine starts for the first time.
for _ in {1..60}; do
  nvidia-smi --list-gpus > /dev/null 2>&1 && break
  sleep 5
done

if ! enabled current; then
  nvidia-smi -mig 1 || true
  if ! enabled current; then
    # A100 must be reset, which a virtual machine may not do by itself.
    enabled pending || fail "Expected GPUs that can be cut into MIG instances but received others"
    [[ ! -e $rebooted ]] || fail "Expected MIG to be on after a reboot but it is still pending"
    touch "$rebooted"
    systemctl reboot
    sleep infinity
    fail "Expected a reboot but none came"
  fi
fi

# None after a boot, but some after a start of this service that failed half-way.
nvidia-smi mig -dci > /dev/null 2>&1 || true
nvidia-smi mig -dgi > /dev/null 2>&1 || true
printf -v wanted "%.0s$profile," $(seq "$instances")
nvidia-smi mig -cgi "${wanted%,}" -C

gpus=$(nvidia-smi --list-gpus | grep --count '^GPU ' || true)
made=$(nvidia-smi --list-gpus | grep --count --fixed-strings "MIG $profile " || true)
((gpus > 0 && made == gpus * instances)) ||
  fail "Expected $instances instances of $profile on each of $gpus GPUs but received $made in all"
rm --force "$rebooted"
