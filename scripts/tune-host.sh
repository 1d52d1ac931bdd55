#!/usr/bin/env bash
# Tunes this host for a server of many small datagrams. Prints each change, and can undo all of them.
set -euo pipefail

usage() {
    cat <<'END_OF_USAGE'
Usage: tune-host.sh [--nic NAME,...] [--cpus LIST] [--dry-run]    tunes this host
       tune-host.sh --undo [--dry-run]                            restores all former values

  --nic NAME,...  network interfaces [default: the default route's; for a bond, bridge or VLAN those below it]
  --cpus LIST     CPUs of the server, as in `ringshard serve --cpus`: 0,2,4-7
                  [default: those isolated from the scheduler, if any, else all online CPUs]
  --dry-run       print what would change, and change nothing; needs no root
  --root DIR      for tests: use DIR/proc, DIR/sys and DIR/run instead of this host's; needs no root

What it changes, and why:
  socket buffers   net.core.rmem_max and wmem_max to 32 MiB, which each core requests: about 50 ms of full load
  NIC queues       one per CPU, as far as the NIC has them
  interrupts       queue N's interrupt goes to the Nth CPU; irqbalance, which would move it, is stopped
  sending (XPS)    each CPU sends through the queue whose interrupt it handles
  receiving (RPS)  off if each CPU has a queue; otherwise the kernel spreads received packets over all CPUs, and
                   net.core.netdev_max_backlog rises to 16,384, because spread packets wait in that queue
  batches          GRO and GSO on, if ethtool is installed: most of the speed comes from batches of datagrams
  frequency        the governor `performance`: a CPU that first has to wake up and speed up is late

What it leaves alone: net.core.optmem_max (the server's filters and control messages take far less than the lowest
default), net.core.busy_poll and busy_read (io_uring ignores them), isolation and hyper-threads (they need another kernel
command line; `ringshard doctor` prints it), and values that are already higher.

Every change is printed as "what: before -> after". Former values are kept in /run/ringshard-tune until --undo or the next
boot, which also ends the changes. A second run changes only what differs, and keeps the oldest former values. The Debian
package installs this script as ringshard-tune-host. `systemctl enable --now ringshard-tune` runs it now and at each boot,
with OPTIONS="--nic ... --cpus ..." of /etc/default/ringshard-tune.

Examples:
  tune-host.sh --dry-run                      shows what would change
  tune-host.sh --nic eth0 --cpus 2-9          eight queues, for a server with --cpus 2-9
  tune-host.sh --undo

Exit codes: 0: everything is set or restored. 1: something could not be changed or restored.
END_OF_USAGE
}

socket_buffer_bytes=33554432
backlog_packets=16384

nics='' cpu_list='' dry_run=no undo=no root=''
changed=0 right=0 failed=0 spread=no

die() {
    echo "tune-host: $1" >&2
    exit 1
}

note() { echo "  $1"; }

complain() {
    echo "tune-host: $1" >&2
    failed=$((failed + 1))
}

parse() {
    while [ $# -gt 0 ]; do
        case "$1" in
            --help | -h) usage && exit 0 ;;
            --dry-run) dry_run=yes && shift ;;
            --undo) undo=yes && shift ;;
            --nic | --cpus | --root)
                [ -n "${2:-}" ] || die "$1 needs a value; see --help"
                case "$1" in
                    --nic) nics=${2//,/ } ;;
                    --cpus) cpu_list=$2 ;;
                    --root) root=${2%/} ;;
                esac
                shift 2
                ;;
            *) die "there is no option $1; see --help" ;;
        esac
    done
    state="$root/run/ringshard-tune"
    if [ $dry_run = no ] && [ -z "$root" ] && [ "$(id -u)" != 0 ]; then
        die "only root can change a host: run it with sudo, or with --dry-run to only look"
    fi
}

# --- changes, and how they are undone

# First line of a file. Fails if it cannot be read, such as the steering of a single queue.
read_value() {
    value=''
    { IFS= read -r value <"$1"; } 2>/dev/null || [ -n "$value" ]
}

# Keeps only the oldest value: a second run must not record what the first one set.
remember() {
    local kind=$1 target=$2 before=$3
    [ $dry_run = no ] || return 0
    grep -qsF "$kind	$target	" "$state" || printf '%s\t%s\t%s\n' "$kind" "$target" "$before" >>"$state"
}

announce() {
    note "$1: ${2:-nothing} -> $3"
    changed=$((changed + 1))
}

# The kernel prints masks with varying zeros and commas.
canonical() {
    case "$1" in
        *[rx]ps_cpus) local mask=${2//,/} && mask=${mask#"${mask%%[!0]*}"} && echo "${mask:-0}" ;;
        *) echo "$2" ;;
    esac
}

write_value() {
    { printf '%s\n' "$2" >"$root$1"; } 2>/dev/null && read_value "$root$1" &&
        [ "$(canonical "$1" "$value")" = "$(canonical "$1" "$2")" ]
}

# Sets a file of /proc or /sys, if this host has it.
set_value() {
    local path=$1 wanted=$2 value
    read_value "$root$path" || return 0
    if [ "$(canonical "$path" "$value")" = "$(canonical "$path" "$wanted")" ]; then
        right=$((right + 1))
        return
    fi
    local before=$value
    remember value "$path" "$before"
    if [ $dry_run = yes ] || write_value "$path" "$wanted"; then
        announce "$path" "$before" "$wanted"
    elif [[ $path == /proc/irq/* ]]; then
        note "$path stays $before: the driver places this interrupt itself"
    else
        complain "$path stays $before: the kernel refuses $wanted; inside a container or a namespace, run this outside"
    fi
}

raise() {
    local path=/proc/sys/${1//.//} least=$2 value
    if ! read_value "$root$path"; then
        note "no $1 here: it belongs to the host, outside this network namespace"
    elif [ "$value" -ge "$least" ]; then
        right=$((right + 1))
    else
        set_value "$path" "$least"
    fi
}

# --- CPUs

# The numbers of a list such as 0,2,4-7.
numbers() {
    local part
    for part in ${1//,/ }; do
        [[ $part =~ ^([0-9]+)(-([0-9]+))?$ ]] || die "$part is neither a CPU nor a range of CPUs: write --cpus 0,2,4-7"
        seq "${BASH_REMATCH[1]}" "${BASH_REMATCH[3]:-${BASH_REMATCH[1]}}"
    done
}

choose_cpus() {
    local value online cpu
    read_value "$root/sys/devices/system/cpu/isolated" || true
    cpu_list=${cpu_list:-$value}
    read_value "$root/sys/devices/system/cpu/online" || die "cannot read which CPUs are online"
    online=$(numbers "$value")
    # Not in a process substitution: an error must end this script.
    cpu_list=$(numbers "${cpu_list:-$value}")
    mapfile -t cpus <<<"$cpu_list"
    for cpu in "${cpus[@]}"; do
        grep -qx "$cpu" <<<"$online" || die "CPU $cpu is not online; online: $value"
    done
}

# CPUs as the kernel's mask: words of 32 bits, the highest first.
mask() {
    local words=() cpu last=0 word text=''
    for cpu in "$@"; do
        word=$((cpu / 32))
        words[word]=$((${words[word]:-0} | 1 << cpu % 32))
        last=$((word > last ? word : last))
    done
    for ((word = last; word >= 0; word--)); do
        text+=$(printf ',%08x' "${words[word]:-0}")
    done
    echo "${text#,}"
}

set_governor() {
    local cpu path value found=no
    for cpu in "${cpus[@]}"; do
        path=/sys/devices/system/cpu/cpu$cpu/cpufreq
        read_value "$root$path/scaling_available_governors" || continue
        found=yes
        if [[ " $value " == *" performance "* ]]; then
            set_value "$path/scaling_governor" performance
        else
            note "CPU $cpu has no governor \`performance\`, only: $value"
        fi
    done
    [ $found = yes ] || note "no frequency governor here: firmware or the hypervisor sets the frequency"
}

# --- network interfaces

is_hardware() { [ -e "$root/sys/class/net/$1/device" ]; }

# An interface, or the hardware below it.
hardware_of() {
    local lower
    if is_hardware "$1"; then
        echo "$1"
        return
    fi
    for lower in "$root/sys/class/net/$1"/lower_*; do
        [ ! -e "$lower" ] || hardware_of "${lower##*/lower_}"
    done
}

choose_nics() {
    local name found
    if [ -z "$nics" ]; then
        nics=$(awk '$2 == "00000000" { print $1 }' "$root/proc/net/route" 2>/dev/null | sort -u) || true
        [ -n "$nics" ] || note "no default route, so no network interface is tuned: name one with --nic"
    fi
    hardware=()
    for name in $nics; do
        [ -e "$root/sys/class/net/$name" ] ||
            die "there is no network interface $name; there are: $(cd "$root/sys/class/net" && echo *)"
        found=$(hardware_of "$name" | sort -u)
        if [ -z "$found" ]; then
            note "$name is not a hardware device: it has no queues and interrupts to place"
        else
            mapfile -t -O ${#hardware[@]} hardware <<<"$found"
        fi
    done
}

queues_of() { find "$root/sys/class/net/$1/queues" -maxdepth 1 -name "$2-*" | wc -l; }

# A number of `ethtool -l`: the first is the maximum, the second the current one.
channels() { ethtool -l "$1" 2>/dev/null | awk -v nth="$2" '$1 == "Combined:" && ++line == nth { print $2 }'; }

set_queues() {
    local nic=$1 most now wanted
    if ! command -v ethtool >/dev/null; then
        note "$nic: ethtool is not installed, so its queues stay as they are: apt-get install ethtool"
        return
    fi
    most=$(channels "$nic" 1) now=$(channels "$nic" 2)
    if ! [[ $most =~ ^[1-9][0-9]*$ && $now =~ ^[1-9][0-9]*$ ]]; then
        note "$nic: the number of its queues cannot be set"
        return
    fi
    wanted=$((most < ${#cpus[@]} ? most : ${#cpus[@]}))
    if [ "$now" = "$wanted" ]; then
        right=$((right + 1))
        return
    fi
    remember queues "$nic" "$now"
    if [ $dry_run = yes ] || ethtool -L "$nic" combined "$wanted" >/dev/null 2>&1; then
        announce "$nic queues" "$now" "$wanted"
        [ $dry_run = no ] || note "$nic: the changes below are for its current queues"
    else
        complain "$nic keeps $now queues: it refuses $wanted"
    fi
}

# The queue that an interrupt serves, from the name that its driver gave it. Empty if it serves none.
queue_of_interrupt() {
    local value
    read_value "$root/sys/kernel/irq/$1/actions" || return 0
    value=${value%%@*}
    case "$value" in
        *async* | *mgmnt* | *ctrl* | *control* | *config* | *event* | *misc* | *cmd* | *pages* | *fdir*) ;;
        *) [[ ! $value =~ ([0-9]+)$ ]] || echo $((10#${BASH_REMATCH[1]})) ;;
    esac
}

# Interrupts of a NIC's queues, as "interrupt queue". Those of a virtio device are at its PCI device.
interrupts() {
    local device=$root/sys/class/net/$1/device folder irq queue
    for folder in "$device/msi_irqs" "$device/../msi_irqs"; do
        [ -d "$folder" ] || continue
        for irq in "$folder"/*; do
            queue=$(queue_of_interrupt "${irq##*/}")
            [ -z "$queue" ] || echo "${irq##*/} $queue"
        done
        return
    done
}

# Before the number of queues changes, because drivers then place all interrupts again.
remember_steering() {
    local path value irq queue
    for path in "$root/sys/class/net/$1/queues"/*/[rx]ps_cpus; do
        ! read_value "$path" || remember value "${path#"$root"}" "$value"
    done
    while read -r irq queue; do
        path=/proc/irq/$irq/smp_affinity_list
        ! read_value "$root$path" || remember value "$path" "$value"
    done < <(interrupts "$1")
}

place_interrupts() {
    local nic=$1 irq queue found=no
    while read -r irq queue; do
        found=yes
        set_value "/proc/irq/$irq/smp_affinity_list" "${cpus[queue % ${#cpus[@]}]}"
    done < <(interrupts "$nic")
    [ $found = yes ] || note "$nic: it has no interrupts per queue, so they stay where they are"
}

# CPUs that send through a queue: several if there are fewer queues than CPUs.
senders_of() {
    local queue=$1 queues=$2 at
    for ((at = queue % ${#cpus[@]}; at < ${#cpus[@]}; at += queues)); do echo "${cpus[at]}"; done
}

steer() {
    local nic=$1 receive send queue senders wanted=0
    receive=$(queues_of "$nic" rx) send=$(queues_of "$nic" tx)
    if [ "$receive" -lt ${#cpus[@]} ]; then
        wanted=$(mask "${cpus[@]}")
        spread=yes
    fi
    for ((queue = 0; queue < receive; queue++)); do
        set_value "/sys/class/net/$nic/queues/rx-$queue/rps_cpus" "$wanted"
    done
    for ((queue = 0; queue < send; queue++)); do
        mapfile -t senders < <(senders_of $queue "$send")
        set_value "/sys/class/net/$nic/queues/tx-$queue/xps_cpus" "$(mask "${senders[@]}")"
    done
}

# State of a feature in `ethtool -k`: on, off, or "off [fixed]".
offload() { ethtool -k "$1" 2>/dev/null | sed -n "s/^$2: //p"; }

set_offload() {
    local nic=$1 feature=$2
    case "$(offload "$nic" "$feature")" in
        on*) right=$((right + 1)) ;;
        off)
            remember offload "$nic $feature" off
            if [ $dry_run = yes ] || ethtool -K "$nic" "$feature" on >/dev/null 2>&1; then
                announce "$nic $feature" off on
            else
                complain "$nic keeps $feature off: it refuses"
            fi
            ;;
    esac
}

stop_irqbalance() {
    if ! systemctl is-active --quiet irqbalance 2>/dev/null; then
        right=$((right + 1))
        return
    fi
    remember service irqbalance active
    if [ $dry_run = yes ] || systemctl stop irqbalance; then
        announce irqbalance active inactive
    else
        complain "irqbalance still runs: \`systemctl stop irqbalance\` failed"
    fi
}

# --- tune and undo

tune() {
    local nic
    [ $dry_run = yes ] || mkdir -p "$root/run"
    choose_cpus
    choose_nics
    raise net.core.rmem_max $socket_buffer_bytes
    raise net.core.wmem_max $socket_buffer_bytes
    set_governor
    [ ${#hardware[@]} = 0 ] || stop_irqbalance
    for nic in "${hardware[@]}"; do
        remember_steering "$nic"
        set_queues "$nic"
        place_interrupts "$nic"
        steer "$nic"
        if command -v ethtool >/dev/null; then
            set_offload "$nic" generic-receive-offload
            set_offload "$nic" generic-segmentation-offload
        fi
    done
    [ $spread = no ] || raise net.core.netdev_max_backlog $backlog_packets
    if [ $dry_run = yes ]; then
        echo "$changed settings would change, $right are already right; nothing was changed"
    else
        echo "$changed settings changed, $right were already right; --undo restores the former values"
    fi
}

# Restores one former value.
restore() {
    local kind=$1 target=$2 before=$3 value now
    case "$kind" in
        queues)
            now=$(channels "$target" 2)
            [ "$now" != "$before" ] || return 0
            [ $dry_run = yes ] || ethtool -L "$target" combined "$before" >/dev/null 2>&1 ||
                { complain "$target keeps $now queues" && return; }
            announce "$target queues" "$now" "$before"
            ;;
        offload)
            now=$(offload "${target% *}" "${target#* }")
            [ "$now" != "$before" ] || return 0
            [ $dry_run = yes ] || ethtool -K "${target% *}" "${target#* }" "$before" >/dev/null 2>&1 ||
                { complain "$target stays $now" && return; }
            announce "$target" "$now" "$before"
            ;;
        value)
            # Its queue or NIC may be gone.
            read_value "$root$target" || return 0
            now=$value
            [ "$(canonical "$target" "$now")" != "$(canonical "$target" "$before")" ] || return 0
            [ $dry_run = yes ] || write_value "$target" "$before" ||
                { complain "$target stays $now: the kernel refuses $before" && return; }
            announce "$target" "$now" "$before"
            ;;
        service)
            ! systemctl is-active --quiet "$target" 2>/dev/null || return 0
            # Without waiting: at the end of ringshard-tune.service, this runs before the service it starts.
            [ $dry_run = yes ] || systemctl --no-block start "$target" || { complain "$target does not start" && return; }
            announce "$target" inactive "$before"
            ;;
    esac
}

restore_all() {
    local wanted kind target before
    if [ ! -e "$state" ]; then
        echo "there is nothing to restore: nothing was changed since boot"
        return
    fi
    # Queues first, because other settings depend on their number. irqbalance last, because it moves interrupts at once.
    for wanted in queues offload value service; do
        while IFS=$'\t' read -r kind target before; do
            [ "$kind" != $wanted ] || restore "$kind" "$target" "$before"
        done <"$state"
    done
    if [ $dry_run = yes ]; then
        echo "$changed settings would be restored; nothing was changed"
    elif [ $failed = 0 ]; then
        rm -f "$state"
        echo "$changed settings restored"
    fi
}

parse "$@"
if [ $undo = yes ]; then restore_all; else tune; fi
[ $failed = 0 ] || die "$failed settings could not be changed"
