#!/usr/bin/env bash
# Tests tune-host.sh on fake hosts made of files: every change is made, printed, made only once, and undone.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export FAKE_ROOT=$work/host
mkdir -p "$work/bin"
export PATH=$work/bin:$PATH

# A fake ethtool that creates and removes queues, and places their interrupts anywhere, as drivers do.
cat >"$work/bin/ethtool" <<'END_OF_ETHTOOL'
#!/usr/bin/env bash
set -euo pipefail
channels=$FAKE_ROOT/channels features=$FAKE_ROOT/features net=$FAKE_ROOT/sys/class/net/$2
case "$1" in
    -l) printf 'Pre-set maximums:\nCombined:\t8\nCurrent hardware settings:\nCombined:\t%s\n' "$(cat "$channels")" ;;
    -k) cat "$features" ;;
    -K) sed -i "s/^$3: .*/$3: $4/" "$features" ;;
    -L)
        rm -rf "$net/queues" "$net/device/msi_irqs" "$FAKE_ROOT"/proc/irq/1??
        echo "$4" >"$channels"
        "$FAKE_ROOT/../bin/make-queues" "$2" "$4"
        ;;
esac
END_OF_ETHTOOL
cat >"$work/bin/make-queues" <<'END_OF_QUEUES'
#!/usr/bin/env bash
set -euo pipefail
net=$FAKE_ROOT/sys/class/net/$1
for ((queue = 0; queue < $2; queue++)); do
    irq=$((101 + queue))
    mkdir -p "$net/queues/rx-$queue" "$net/queues/tx-$queue" "$net/device/msi_irqs" "$FAKE_ROOT/proc/irq/$irq" \
        "$FAKE_ROOT/sys/kernel/irq/$irq"
    echo 00000000 >"$net/queues/rx-$queue/rps_cpus"
    echo 00000000 >"$net/queues/tx-$queue/xps_cpus"
    echo msix >"$net/device/msi_irqs/$irq"
    echo 0-5 >"$FAKE_ROOT/proc/irq/$irq/smp_affinity_list"
    echo "mlx5_comp$queue@pci:0000:01:00.0" >"$FAKE_ROOT/sys/kernel/irq/$irq/actions"
done
mkdir -p "$FAKE_ROOT/proc/irq/100" "$FAKE_ROOT/sys/kernel/irq/100"
echo msix >"$net/device/msi_irqs/100"
echo 0-5 >"$FAKE_ROOT/proc/irq/100/smp_affinity_list"
echo "mlx5_async0@pci:0000:01:00.0" >"$FAKE_ROOT/sys/kernel/irq/100/actions"
END_OF_QUEUES
cat >"$work/bin/systemctl" <<'END_OF_SYSTEMCTL'
#!/usr/bin/env bash
[ "$1" != --no-block ] || shift
case "$1" in
    is-active) [ "$(cat "$FAKE_ROOT/irqbalance")" = active ] ;;
    stop) echo inactive >"$FAKE_ROOT/irqbalance" ;;
    start) echo active >"$FAKE_ROOT/irqbalance" ;;
esac
END_OF_SYSTEMCTL
chmod +x "$work"/bin/*

# Six CPUs, and a NIC with two of eight possible queues. An administrator has changed some settings.
make_host() {
    local cpu
    rm -rf "$FAKE_ROOT"
    mkdir -p "$FAKE_ROOT/proc/sys/net/core" "$FAKE_ROOT/proc/net" "$FAKE_ROOT/sys/class/net/lo/queues"
    printf 'Iface Destination\nbond0\t00000000\nbond0\t000200C0\n' >"$FAKE_ROOT/proc/net/route"
    echo 212992 >"$FAKE_ROOT/proc/sys/net/core/rmem_max"
    echo 99999999 >"$FAKE_ROOT/proc/sys/net/core/wmem_max"
    echo 1000 >"$FAKE_ROOT/proc/sys/net/core/netdev_max_backlog"
    for cpu in 0 1 2 3 4 5; do
        mkdir -p "$FAKE_ROOT/sys/devices/system/cpu/cpu$cpu/cpufreq"
        echo "powersave performance" >"$FAKE_ROOT/sys/devices/system/cpu/cpu$cpu/cpufreq/scaling_available_governors"
        echo powersave >"$FAKE_ROOT/sys/devices/system/cpu/cpu$cpu/cpufreq/scaling_governor"
    done
    echo 0-5 >"$FAKE_ROOT/sys/devices/system/cpu/online"
    echo 2 >"$FAKE_ROOT/channels"
    printf 'generic-segmentation-offload: on\ngeneric-receive-offload: off\n' >"$FAKE_ROOT/features"
    echo active >"$FAKE_ROOT/irqbalance"
    mkdir -p "$FAKE_ROOT/sys/class/net/bond0/lower_eth0"
    "$work/bin/make-queues" eth0 2
    echo 00000003 >"$FAKE_ROOT/sys/class/net/eth0/queues/rx-1/rps_cpus"
    echo 4 >"$FAKE_ROOT/proc/irq/102/smp_affinity_list"
}

tune() { scripts/tune-host.sh --root "$FAKE_ROOT" "$@"; }
contents() { (cd "$FAKE_ROOT" && find . -type f ! -path './run/*' ! -path './sys/kernel/*' -print0 | sort -z | xargs -0 grep -H .); }
is() { [ "$(cat "$FAKE_ROOT/$1")" = "$2" ] || fail "$1 is $(cat "$FAKE_ROOT/$1"), not $2"; }
prints() { grep -qF -- "$1" <<<"$printed" || fail "it does not print \"$1\" but: $printed"; }
fail() {
    echo "tune-host-test: $test: $1" >&2
    exit 1
}
passed() { echo "ok   $test"; }

test="a dry run changes nothing and prints what would change"
make_host && before=$(contents)
printed=$(tune --dry-run --cpus 2-5)
if [ "$(contents)" != "$before" ] || [ -e "$FAKE_ROOT/run" ]; then fail "it changed something"; fi
prints "/proc/sys/net/core/rmem_max: 212992 -> 33554432"
prints "eth0 queues: 2 -> 4"
prints "nothing was changed"
passed

test="every change is made, and printed as before -> after"
printed=$(tune --cpus 2-5)
prints "/proc/sys/net/core/rmem_max: 212992 -> 33554432"
prints "eth0 queues: 2 -> 4"
prints "/proc/irq/104/smp_affinity_list: 0-5 -> 5"
prints "eth0 generic-receive-offload: off -> on"
prints "irqbalance: active -> inactive"
is proc/sys/net/core/rmem_max 33554432
is proc/sys/net/core/wmem_max 99999999
is proc/sys/net/core/netdev_max_backlog 1000
is proc/irq/100/smp_affinity_list 0-5
is proc/irq/101/smp_affinity_list 2
is sys/class/net/eth0/queues/rx-1/rps_cpus 00000000
is sys/class/net/eth0/queues/tx-3/xps_cpus 00000020
is sys/devices/system/cpu/cpu5/cpufreq/scaling_governor performance
is sys/devices/system/cpu/cpu1/cpufreq/scaling_governor powersave
passed

test="a second run changes nothing"
after=$(contents)
printed=$(tune --cpus 2-5)
prints "0 settings changed"
[ "$(contents)" = "$after" ] || fail "it changed something"
passed

test="--undo restores every file, also after runs with other CPUs"
tune --cpus 0 >/dev/null
printed=$(tune --undo)
prints "/proc/sys/net/core/rmem_max: 33554432 -> 212992"
[ "$(contents)" = "$before" ] || fail "$(diff <(echo "$before") <(contents))"
printed=$(tune --undo)
prints "there is nothing to restore"
passed

test="fewer queues than CPUs: received packets are spread, and each CPU has a queue to send through"
make_host && sed -i 's/Combined:\\t8/Combined:\\t2/' "$work/bin/ethtool"
printed=$(tune)
is sys/class/net/eth0/queues/rx-0/rps_cpus 0000003f
is sys/class/net/eth0/queues/tx-0/xps_cpus 00000015
is sys/class/net/eth0/queues/tx-1/xps_cpus 0000002a
is proc/irq/102/smp_affinity_list 1
is proc/sys/net/core/netdev_max_backlog 16384
tune --undo >/dev/null
[ "$(contents)" = "$before" ] || fail "$(diff <(echo "$before") <(contents))"
passed

test="CPUs above 31 are in further words of a mask"
make_host && echo 0-69 >"$FAKE_ROOT/sys/devices/system/cpu/online"
tune --cpus 0,33,69 >/dev/null
is sys/class/net/eth0/queues/rx-0/rps_cpus 00000020,00000002,00000001
passed

test="missing hardware, governors and default routes are reported"
make_host && rm -r "$FAKE_ROOT/proc/net/route" "$FAKE_ROOT"/sys/devices/system/cpu/cpu*
printed=$(tune)
prints "no default route"
prints "no frequency governor here"
printed=$(tune --nic lo)
prints "lo is not a hardware device"
passed

test="without --cpus, the server gets the isolated CPUs"
make_host && echo 4-5 >"$FAKE_ROOT/sys/devices/system/cpu/isolated"
tune >/dev/null
is proc/irq/101/smp_affinity_list 4
is proc/irq/102/smp_affinity_list 5
passed

test="refused changes are reported, with exit code 1"
make_host && rm "$FAKE_ROOT/proc/sys/net/core/rmem_max"
ln -sf /proc/version "$FAKE_ROOT/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
if printed=$(tune --nic lo 2>&1); then fail "it reports success"; fi
prints "no net.core.rmem_max here"
prints "the kernel refuses performance"
passed

test="wrong options are refused"
for wrong in "--cpus 9" "--cpus two" "--nic eth9" "--frequency 3" "--nic"; do
    # shellcheck disable=SC2086
    if printed=$(tune $wrong 2>&1); then fail "$wrong is accepted"; fi
    [[ $printed == tune-host:* ]] || fail "$wrong: $printed"
done
passed

test="without root only a dry run is allowed"
make_host
if [ "$(id -u)" = 0 ]; then
    # The script may be in a folder that other users cannot read.
    if printed=$(setpriv --reuid=65534 --clear-groups bash -s -- --nic lo <scripts/tune-host.sh 2>&1); then fail "it ran"; fi
    prints "only root can change a host"
    setpriv --reuid=65534 --clear-groups bash -s -- --nic lo --dry-run <scripts/tune-host.sh >/dev/null
fi
passed
