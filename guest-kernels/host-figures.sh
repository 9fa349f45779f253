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

overhead() {
    echo
    echo "What accounts cost: ukernel's benchmark with and without them in turns, 8 rounds; median processor time of everything"
    for how in with without; do
        echo "host: { cpus: 1$([ $how = with ] || echo ", accounts: off") }
guests: [ { name: bench, kernel: $here/bin/ukernel.elf, append: bench, memory: 32M } ]" >"$work/$how.yaml"
    done
    local TIMEFORMAT='%U %S'
    for round in 1 2 3 4 5 6 7 8; do
        for how in with without; do
            { time "$runtime" host "$work/$how.yaml" --socket "$work/host.sock" --time-limit 60s >"$work/out"; } 2>>"$work/$how.time"
        done
    done
    for how in with without; do
        awk '{ print $1 + $2 }' "$work/$how.time" | sort -n | awk -v how="$how" '{ v[NR] = $1 } END { printf "  %-8s %.3f s (of %.3f to %.3f)\n", how, (v[NR / 2] + v[NR / 2 + 1]) / 2, v[1], v[NR] }'
    done
}

for section in $sections; do
    case $section in shares|switch|isolation|many|overhead) $section ;; *) echo "usage: host-figures.sh [shares|switch|isolation|many|overhead]..." >&2; exit 2 ;; esac
done
