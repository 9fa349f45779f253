#!/bin/bash
# Prints the figures of `runtime host`: shares, their steadiness, what a switch costs, what accounts cost, what a neighbour can do, and how much
# memory many guests take. Usage: host-figures.sh [SECTION...] with sections shares switch isolation many overhead; all by default.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
sections=${*:-shares switch isolation many overhead}
seconds=${SECONDS_EACH:-30}
work=$(mktemp -d)
host=
trap '[ -z "$host" ] || kill "$host" 2>/dev/null; wait; rm -rf "$work"' EXIT
chmod 700 "$work"

runtime=$root/runtime/bin/Release/net10.0/runtime
[ -x "$runtime" ] || dotnet build "$root/runtime" -c Release --verbosity quiet >"$work/build" || { cat "$work/build"; exit 1; }

echo "$(nproc) x $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), Linux $(uname -r), load $(cut -d' ' -f1 /proc/loadavg)"

# guests.yaml from lines "NAME MODE WEIGHT [MORE]"; a mode is one of unruly, or KERNEL:WORDS.
describe() { # CPUS
    echo "host: { cpus: $1 }"
    echo "guests:"
    while read -r name mode weight more; do
        local kernel=unruly words=$mode
        case $mode in *:*) kernel=${mode%%:*} words=${mode#*:} ;; esac
        echo "  - { name: $name, kernel: $here/bin/$kernel.elf, append: $words, memory: 16M, weight: $weight $more }"
    done
}

run() { # TIME-LIMIT FILE ARGUMENTS...
    local limit=$1 file=$2
    shift 2
    "$runtime" host "$file" --socket "$work/host.sock" --time-limit "$limit" --interval 1s "$@" >"$work/out" || [ $? -eq 124 ]
}

# Columns of the CSV by name; the first second of each run is start-up.
columns='NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next } { used = $at["cpu_guest_seconds"] + $at["cpu_monitor_seconds"] + $at["cpu_device_seconds"] }'

shares() {
    printf '%s\n' 'a hog 100' 'b hog 200' 'c hog 400' | describe 1 >"$work/shares.yaml"
    run "$((seconds + 1))s" "$work/shares.yaml" --csv "$work/shares.csv"
    echo
    echo "Three CPU-bound guests, weights 1 : 2 : 4, one processor, $seconds s; parts of all processor time that they used"
    awk -F, "$columns"' !($1 in seen) { seen[$1]; row++ } row > 1 { time[row, $3] = used; sum[row] += used; all[$3] += used; total += used; rows = row }
        END {
            split("a b c", names, " "); split("1 2 4", weights, " ")
            printf "  %-6s %12s %10s %16s %30s\n", "guest", "entitlement", "got", "off, of its part", "worst 1 s, off, of its part"
            for (i = 1; i <= 3; i++) {
                want = weights[i] / 7; got = all[names[i]] / total; worst = 0
                for (r = 2; r < rows; r++) { off = (time[r, names[i]] / sum[r] - want) / want; if (off < 0) off = -off; if (off > worst) worst = off }
                printf "  %-6s %11.2f%% %9.2f%% %15.2f%% %29.2f%%\n", names[i], want * 100, got * 100, (got - want) / want * 100, worst * 100
            }
        }' "$work/shares.csv"
}

switch() {
    printf '%s\n' 'a hog 100' 'b hog 100' | describe 1 >"$work/switch.yaml"
    run 10s "$work/switch.yaml" --json "$work/switch.json"
    echo
    echo "A switch between two guests, from the decision to the other's thread running, mean of 10 s"
    awk -F'[:,]' '/"switches"/ { n = $2 } /"switchNanoseconds"/ { t = $2 } END { printf "  %d switches, %.1f us each\n", n, t / n / 1000 }' "$work/switch.json"
}

isolation() {
    echo
    echo "A well-behaved guest beside one that is not, equal weights, one processor, 5 s: its part of all processor time used (fair is 50 %)"
    truncate -s 1M "$work/disk.img"
    for mode in hog storm ports console thrash spaces ukernel:bomb xenabi:flood-{events,store,console,disk}; do
        printf '%s\n' 'good hog 100' "bad $mode 100 , disks: $work/disk.img" | describe 1 >"$work/isolation.yaml"
        run 6s "$work/isolation.yaml" --csv "$work/isolation.csv"
        awk -F, -v mode="$mode" "$columns"' !($1 in seen) { seen[$1]; row++ } row > 1 { all[$3] += used; total += used }
            END { printf "  %-20s good %6.2f %%   bad %6.2f %%\n", mode, all["good"] / total * 100, all["bad"] / total * 100 }' "$work/isolation.csv"
    done
    flood
}

# Three guests, for a flood needs somebody to be flooded; the network's thread is paid for as well.
flood() {
    local cache=$here/debian/cache kernel module
    kernel=$(ls "$cache"/vmlinuz-*-686-pae 2>/dev/null | head -n 1) module=$(find -L "$cache" -name xen-netfront.ko 2>/dev/null | head -n 1)
    if [ -z "$kernel" ] || [ -z "$module" ]; then
        echo "  flood of datagrams: Debian's kernel is not here (guest-kernels/debian/fetch.sh)"
        return
    fi
    "$here/debian/initramfs.sh" --add "$module:/modules/xen-netfront.ko" --add "$here/debian/bin/datagrams" --run '
        insmod /modules/xen-netfront.ko
        if grep -q role=victim /proc/cmdline; then ifconfig eth0 10.0.3.1 netmask 255.255.255.0 up; while :; do sleep 1; done; fi
        ifconfig eth0 10.0.3.2 netmask 255.255.255.0 up
        until ping -c 1 -W 1 10.0.3.1 >/dev/null 2>&1; do :; done
        while :; do datagrams send 10.0.3.1 7 1000000 64; done' "$work/flood.gz"
    {
        echo "host: { cpus: 1 }"
        echo "guests:"
        echo "  - { name: good, kernel: $here/bin/unruly.elf, append: hog, memory: 16M }"
        for role in victim flooder; do
            echo "  - { name: $role, kernel: $kernel, initrd: $work/flood.gz, append: console=ttyS0 quiet role=$role, memory: 128M, net: switch }"
        done
    } >"$work/flood.yaml"
    run "${FLOOD_SECONDS:-25}s" "$work/flood.yaml" --csv "$work/flood.csv" --json "$work/flood.json"
    # From the interval after the first in which datagrams flowed. The victim wants little: what is fair is that the other two have the same.
    awk -F, "$columns"' !($1 in seen) { seen[$1]; row++ } $3 == "flooder" && !first && $at["network_frames_sent"] > 1000 { first = row }
        first && row > first { all[$3] += used; if ($3 == "flooder") frames += $at["network_frames_sent"] }
        END {
            pair = all["good"] + all["flooder"]
            if (!pair) print "  datagrams            none flowed in time: set FLOOD_SECONDS"
            else printf "  datagrams            good %6.2f %%   bad %6.2f %%   of what these two used; %d frames, %.2f s for who is flooded\n", all["good"] / pair * 100, all["flooder"] / pair * 100, frames, all["victim"]
        }' "$work/flood.csv"
    awk -F'[:,]' '/"overheadNanoseconds"/ { o = $2 } /"measuredNanoseconds"/ { m = $2 } END { printf "  of the processor time that the kernel measured, %.1f %% was the host'"'"'s own, start-up included\n", o / m * 100 }' "$work/flood.json"
}

many() {
    {
        echo "host: { cpus: $(nproc), memory: 2G }"
        echo "guests:"
        for i in $(seq 32); do echo "  - { name: g$i, kernel: $here/bin/ukernel.elf, append: bench, memory: 40M }"; done
    } >"$work/many.yaml"
    "$runtime" host "$work/many.yaml" --socket "$work/host.sock" --time-limit 15s --interval 1s --csv "$work/many.csv" >"$work/out" &
    host=$!
    sleep 12
    # Proportional set size: pages that several processes share count once.
    total=0
    for pid in $host $(pgrep -P "$host"); do
        pss=$(sed -n 's/^Pss:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$pid/smaps_rollup" 2>/dev/null || true)
        total=$((total + ${pss:-0}))
    done
    processes=$(pgrep -cP "$host" || true)
    wait "$host" || true
    host=
    echo
    echo "32 ukernel guests of 40 MiB at once, $(nproc) processors, 12 s after the start"
    echo "  memory of the host and all guests' processes (PSS)  $((total / 1024)) MiB, $processes processes"
    awk -F, "$columns"' { all[$3] += used; turns[$3] += $at["turns"] }
        END { least = 1e9; for (g in all) { if (all[g] < least) least = all[g]; if (all[g] > most) most = all[g]; n++ } printf "  %d guests made progress: processor time of the least %.2f s, of the most %.2f s\n", n, least, most }' "$work/many.csv"
}

# Work of a fixed size: millions of instructions in user mode, in all, and of cycles of the host and all its guests' processes, and their processor time in
# ms. What user mode executes hardly depends on what else this machine does; the kernel's part does, by its switches.
account_run() { # LOAD on|off
    local counts=$work/counts
    # Without instrumentation for a second compilation: how much of that there is varies from run to run.
    local -x DOTNET_TieredPGO=0
    if perf stat -x, -e instructions:u,instructions,cycles,task-clock -o "$counts" -- "$runtime" host "$work/$1.$2" --socket "$work/host.sock" --time-limit 60s >"$work/out" 2>&1; then
        awk -F, '!/^#/ && NF > 2 { printf "%s ", $3 ~ /clock/ ? $1 : $1 / 1e6 } END { print "" }' "$counts"
    else
        local TIMEFORMAT='%U %S'
        { time "$runtime" host "$work/$1.$2" --socket "$work/host.sock" --time-limit 60s >"$work/out"; } 2>&1 | awk '{ print "-", "-", "-", ($1 + $2) * 1000 }'
    fi
}

overhead() {
    local deadline=$((SECONDS + ${OVERHEAD_SECONDS:-100})) loads='start ports thrash' pairs=0 load how
    for load in $loads; do
        for how in on off; do
            echo "host: { cpus: 1, accounts: '$how' }
guests: [ { name: it, kernel: $here/bin/unruly.elf, append: '$load briefly', memory: 32M } ]" >"$work/$load.$how"
        done
        : >"$work/$load.pairs"
    done
    # The two of a pair follow one another, in an order that changes from pair to pair: what drifts on the machine is in both.
    while [ $SECONDS -lt $deadline ]; do
        pairs=$((pairs + 1))
        for load in $loads; do
            local on off
            if [ $((pairs % 2)) -eq 0 ]; then on=$(account_run $load on) off=$(account_run $load off)
            else off=$(account_run $load off) on=$(account_run $load on); fi
            echo "$on $off" >>"$work/$load.pairs"
        done
    done
    echo
    echo "What accounts cost: work of a fixed size with and without them, less a start, $pairs pairs; and the median of the pairs' differences with the"
    echo "95 % confidence interval (by ranks, whatever the distribution)"
    printf '  %-22s %12s %12s\n' '' on off
    for load in ports thrash; do
        cost "$load" 1 'user instructions, M'
        cost "$load" 2 'instructions, M'
        cost "$load" 3 'cycles, M'
        cost "$load" 4 'processor time, ms'
    done
}

median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

cost() { # LOAD COLUMN WHAT
    if grep -q -- '^-' "$work/$1.pairs" && [ "$2" -lt 4 ]; then return; fi
    local start_on start_off on off
    start_on=$(awk -v c="$2" '{ print $c }' "$work/start.pairs" | median)
    start_off=$(awk -v c="$2" '{ print $(c + 4) }' "$work/start.pairs" | median)
    awk -v c="$2" -v on="$start_on" -v off="$start_off" '{ print $c - on, $(c + 4) - off }' "$work/$1.pairs" >"$work/net"
    on=$(cut -d' ' -f1 "$work/net" | median) off=$(cut -d' ' -f2 "$work/net" | median)
    awk '{ print ($1 / $2 - 1) * 100 }' "$work/net" | sort -g | awk -v load="$1" -v what="$3" -v on="$on" -v off="$off" '
        { v[NR] = $1 }
        END {
            k = int((NR - 1.96 * sqrt(NR)) / 2)
            m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
            printf "  %-6s %-22s %9.1f %12.1f   %+.2f %%", load, what, on, off, m
            if (k < 1) { print "  too few pairs for an interval: set OVERHEAD_SECONDS"; exit }
            least = v[k]; most = v[NR + 1 - k]
            verdict = (most < 1) ? "under 1 %" : (least < 1) ? "not decided: set OVERHEAD_SECONDS" : "1 % or more"
            printf "  (%+.2f to %+.2f), %s\n", least, most, verdict
        }'
}

for section in $sections; do
    case $section in shares|switch|isolation|many|overhead) $section ;; *) echo "usage: host-figures.sh [shares|switch|isolation|many|overhead]..." >&2; exit 2 ;; esac
done
