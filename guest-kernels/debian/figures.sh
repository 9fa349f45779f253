#!/bin/bash
# Prints what Debian's Linux costs as a guest: the benchmark program (programs/bench) natively, in para, full and trap mode on the
# direct engine, and in QEMU's emulator; power-on to /init; what an idle guest takes of the host. One table, one run.
# Needs what fetch.sh fetched; a column whose program is not here is left out with a line that says so.
# Usage: figures.sh [--flavour 686|686-pae] [--modes "para full trap"] [--limit SECONDS] [--no-idle] [BENCH...]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

usage() { echo 'usage: figures.sh [--flavour 686|686-pae] [--modes "para full trap"] [--limit SECONDS] [--no-idle] [BENCH...]'; }
flavour=686 modes="para full trap" limit=120 idle=yes
while [ $# -gt 0 ]; do
    case $1 in
        --help) usage; exit 0;;
        --flavour) flavour=${2-}; shift;;
        --modes) modes=${2-}; shift;;
        --limit) limit=${2-}; shift;;
        --no-idle) idle=;;
        -*) usage >&2; exit 2;;
        *) break;;
    esac
    shift
done

kernel=$(find "$here/cache/" -maxdepth 1 -name "vmlinuz-*-$flavour" 2>/dev/null | sort | head -n 1)
[ -n "$kernel" ] || { echo "figures.sh: no vmlinuz-*-$flavour in $here/cache: run fetch.sh first" >&2; exit 3; }
runtime="$root/runtime/bin/Release/net10.0/runtime"
[ -x "$runtime" ] || dotnet build "$root/runtime" -c Release --verbosity quiet >&2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
"$here/initramfs.sh" --add "$here/bin/bench" --run "bench $*" "$work/bench.gz"
"$here/initramfs.sh" --run 'sleep 1000' "$work/idle.gz"

append="console=ttyS0 quiet"
runtime_guest() { # MODE INITRD
    "$runtime" run "$kernel" --initrd "$2" --append "$append" --memory 512M --mode "$1" --engine direct --time-limit "${limit}s"
}
qemu_guest() { # INITRD
    timeout --foreground "$limit" qemu-system-i386 -accel tcg -m 512 -kernel "$kernel" -initrd "$1" -append "$append" \
        -display none -net none -no-reboot -serial stdio -monitor none
}

# The guest's output goes to FILE; the first line of /init is timed here, outside.
record() { # FILE COMMAND...
    local file=$1 started=$EPOCHREALTIME line
    shift
    "$@" </dev/null 2>"$file.errors" | while IFS= read -r line; do
        case $line in *"init: started"*) echo "bench power-on-to-init iterations 1 cycles 0 ns $(((${EPOCHREALTIME/./} - ${started/./}) * 1000))";; esac
        printf '%s\n' "$line"
    done >"$file" || true
    grep -q '^bench: done' "$file" || echo "${file##*/}: did not finish: $(tail -n 1 "$file.errors" "$file" | tr -d '\r' | tr '\n' ' ')" >>"$work/remarks"
}

# Processor time of a process group so far, in clock ticks. Fields of /proc/PID/stat: proc(5); the name ends at the last bracket.
ticks_of() { # GROUP
    cat /proc/[0-9]*/stat 2>/dev/null | sed 's/^.*) //' | awk -v group="$1" '$3 == group { sum += $12 + $13 } END { print sum + 0 }'
}

# Share of one host processor that a guest takes which sleeps at its /init, in percent, over some seconds.
measure_idle() { # NAME COMMAND...
    local name=$1 seconds=5 before after process
    shift
    set -m
    "$@" </dev/null >"$work/idle-$name" 2>/dev/null &
    process=$!
    set +m
    for _ in $(seq "$limit"); do
        if grep -q 'init: started' "$work/idle-$name"; then
            sleep 3
            before=$(ticks_of "$process")
            sleep "$seconds"
            after=$(ticks_of "$process")
            echo "$name $(((after - before) * 1000 / $(getconf CLK_TCK) / seconds))" >>"$work/idle"
            break
        fi
        kill -0 "$process" 2>/dev/null || break
        sleep 1
    done
    kill -- "-$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
}

: >"$work/remarks"; : >"$work/idle"
echo "$(nproc) x $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), Linux $(uname -r), load $(cut -d' ' -f1 /proc/loadavg); ${kernel##*/}"

# Natively on one processor, as the guest has one.
columns="native"
pin=$(command -v taskset >/dev/null && echo "taskset -c 0" || true)
mkdir -p "$work/native-bin"
for applet in ls wc; do ln -s "$here/cache/busybox" "$work/native-bin/$applet"; done
(cd "$work" && $pin env BUSYBOX="$here/cache/busybox" PATH="$work/native-bin" "$here/bin/bench" "$@" >"$work/native" 2>&1) ||
    echo "native: this host does not run 32-bit programs" >>"$work/remarks"
for mode in $modes; do
    record "$work/$mode" runtime_guest "$mode" "$work/bench.gz"
    columns="$columns $mode"
    [ -z "$idle" ] || measure_idle "$mode" runtime_guest "$mode" "$work/idle.gz"
done
if command -v qemu-system-i386 >/dev/null; then
    record "$work/TCG" qemu_guest "$work/bench.gz"
    columns="$columns TCG"
    [ -z "$idle" ] || measure_idle TCG qemu_guest "$work/idle.gz"
else
    echo "TCG: qemu-system-i386 is not installed" >>"$work/remarks"
fi

echo
echo "Nanoseconds for one operation; in brackets: times native, times TCG"
(cd "$work" && awk -v columns="$columns" '
    { sub(/\r$/, "") }
    $1 == "bench" && NF == 8 { value[FILENAME, $2] = $8; if (!($2 in seen)) { seen[$2]; order[++count] = $2 } }
    function ratio(a, b) { return b > 0 ? sprintf("%.2f", a / b) : "-" }
    END {
        n = split(columns, names, " ")
        printf "%-16s", ""
        for (c = 1; c <= n; c++) printf "%*s", names[c] == "native" ? 12 : 26, names[c]
        print ""
        for (r = 1; r <= count; r++) {
            row = order[r]
            printf "%-16s", row
            for (c = 1; c <= n; c++) {
                v = value[names[c], row]
                if (names[c] == "native") printf "%12s", v == "" ? "-" : v
                else if (v == "") printf "%26s", "-"
                else printf "%12s%14s", v, sprintf("(%s, %s)", ratio(v, value["native", row]), names[c] == "TCG" ? "1" : ratio(v, value["TCG", row]))
            }
            print ""
        }
    }' $columns)
if [ -s "$work/idle" ]; then
    echo
    echo "Idle guest, percent of one host processor"
    awk '{ printf "  %-8s %5.1f %%\n", $1, $2 / 10 }' "$work/idle"
fi
if [ -s "$work/remarks" ]; then
    echo
    cat "$work/remarks"
fi
