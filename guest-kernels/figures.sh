#!/bin/bash
# Prints the project's figures in one run: what single operations cost in a guest, next to the same machine code run natively and
# next to QEMU's emulator; how long a whole small system takes; how long the rewriter takes for Debian's kernel; start-up.
# Needs what .ci/run installs. Usage: figures.sh [ROUNDS]; every guest runs ROUNDS times (5), and the best operation, or the median
# run, counts. A busy machine shows: the first line says how busy it was.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
rounds=${1:-5}
case $rounds in *[!0-9]*|'') echo "usage: figures.sh [ROUNDS]" >&2; exit 2;; esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
runtime="dotnet $root/runtime/bin/Release/net10.0/runtime.dll"
rewriter="dotnet $root/rewriter/bin/Release/net10.0/rewriter.dll"
has_qemu=$(command -v qemu-system-i386 || true)

dotnet build "$root/Rewriter.sln" -c Release --verbosity quiet >"$work/build" || { cat "$work/build"; exit 1; }

# The very object file that nanobench is linked from, at a page boundary as there.
make -s -C "$here" BUILD="$work/build-kernels" "$work/build-kernels/nanobench-compute.o"
gcc -m32 -march=i686 -mno-sse -mno-mmx -O2 -std=gnu11 -ffreestanding -fno-pic -fno-pie -fno-stack-protector -fcf-protection=none \
    -Wall -Wextra -c "$here/figures/native.c" -o "$work/native.o"
ld -m elf_i386 -z noexecstack --section-start=.compute=0x9000000 "$work/native.o" "$work/build-kernels/nanobench-compute.o" -o "$work/native"

now() { date +%s%N; }
qemu() { # KERNEL SERIAL-FILE
    timeout 300 qemu-system-i386 -accel tcg -m 128 -kernel "$1" -display none -net none -no-reboot -serial "file:$2" -monitor none \
        -device isa-debug-exit,iobase=0xf4,iosize=0x04 || [ $? -eq 33 ]
}

guest() { # MODE KERNEL SERIAL-FILE [STATS]
    $runtime run "$2" --mode "$1" --engine direct --serial "$3" --time-limit 300s --stats "${4:-$work/stats}" || [ $? -eq 33 ]
}

median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

echo "$(nproc) x $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), Linux $(uname -r), load $(cut -d' ' -f1 /proc/loadavg), $rounds rounds"

# Operations. Native and guests take turns, so that a busy minute meets all of them.
for round in $(seq "$rounds"); do
    "$work/native" >>"$work/native.txt" || true
    for mode in para full trap; do
        guest "$mode" "$here/bin/nanobench.elf" "$work/serial"
        cat "$work/serial" >>"$work/$mode.txt"
    done
    if [ -n "$has_qemu" ]; then
        qemu "$here/bin/nanobench.elf" "$work/serial"
        cat "$work/serial" >>"$work/qemu.txt"
    fi
done
touch "$work/native.txt" "$work/qemu.txt"

echo
echo "The same machine code, best of $rounds rounds, TSC cycles for one iteration (the guest prints tenths)"
awk '
    FNR == 1 { file++ }
    $1 == "bench" { if (!((file, $2) in best) || $6 < best[file, $2]) best[file, $2] = $6 }
    END {
        printf "  %-16s %12s %12s %8s\n", "", "native", "para guest", "ratio"
        split("arith memory-sweep call-ret indirect-call", names, " ")
        for (i = 1; i <= 4; i++) {
            n = names[i]
            if ((1, n) in best) printf "  %-16s %12.2f %12.1f %8.3f\n", n, best[1, n], best[2, n], best[2, n] / best[1, n]
            else printf "  %-16s %12s %12.1f %8s\n", n, "-", best[2, n], "-"
        }
    }' "$work/native.txt" "$work/para.txt"

echo
echo "One operation, best of $rounds rounds, nanoseconds"
awk '
    FNR == 1 { file++ }
    $1 == "bench" { if (!((file, $2) in best) || $8 < best[file, $2]) best[file, $2] = $8; if (!($2 in seen)) { seen[$2]; order[++count] = $2 } }
    END {
        printf "  %-16s %10s %10s %10s %10s %12s\n", "", "trap", "full", "para", "QEMU TCG", "full / para"
        for (i = 1; i <= count; i++) {
            n = order[i]
            if (n ~ /^(arith|memory-sweep|call-ret|indirect-call)$/) continue
            printf "  %-16s %10.1f %10.1f %10.1f %10s %12.1f\n", n, best[1, n], best[2, n], best[3, n],
                ((4, n) in best) ? sprintf("%.1f", best[4, n]) : "-", best[2, n] / best[3, n]
        }
    }' "$work/trap.txt" "$work/full.txt" "$work/para.txt" "$work/qemu.txt"

# The whole system: wall time of the process, start-up included.
for round in $(seq "$rounds"); do
    for mode in para full; do
        started=$(now)
        guest "$mode" "$here/bin/ukernel.elf" "$work/serial" "$work/stats"
        total=$(($(now) - started))
        grep -q 'ALL TESTS PASSED' "$work/serial" || { echo "ukernel failed in $mode mode" >&2; exit 1; }
        echo "$total" >>"$work/ukernel-$mode"
        machine=$(sed -n 's/.*"wallNanoseconds": \([0-9]*\).*/\1/p' "$work/stats")
        echo $((total - machine)) >>"$work/startup"
    done
    if [ -n "$has_qemu" ]; then
        started=$(now)
        qemu "$here/bin/ukernel.elf" "$work/serial"
        echo $(($(now) - started)) >>"$work/ukernel-qemu"
    fi
done

seconds() { median <"$1" | awk '{ printf "%.2f s", $1 / 1e9 }'; }
echo
echo "Whole runs, median of $rounds, wall time"
echo "  ukernel, para, direct           $(seconds "$work/ukernel-para")"
echo "  ukernel, full, direct           $(seconds "$work/ukernel-full")"
[ -z "$has_qemu" ] || echo "  ukernel, QEMU TCG               $(seconds "$work/ukernel-qemu")"
echo "  start-up and end of the runtime  $(seconds "$work/startup") (of the runs above: process less guest)"

# The rewriter on Debian's kernel, where it has been fetched.
kernel=$(find "$here/debian/cache/" -name 'vmlinuz-*-686' 2>/dev/null | sort | head -n 1)
echo
if [ -z "$kernel" ]; then
    echo "Debian's kernel: not fetched (guest-kernels/debian/fetch.sh)"
    exit 0
fi
for round in $(seq "$rounds"); do
    started=$(now)
    # Its status 1 means that something was left, which the audit tells.
    $rewriter rewrite "$kernel" --mode para -o "$work/rewritten" &
    process=$!
    # The most memory the process has held so far, read as long as it is there.
    while peak=$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$process/status" 2>/dev/null) && [ -n "$peak" ]; do
        echo "$peak" >>"$work/peak"
        sleep 0.02
    done
    wait "$process" || [ $? -eq 1 ]
    echo $(($(now) - started)) >>"$work/rewrite"
done
$rewriter audit "$work/rewritten" -o "$work/audit" || [ $? -eq 1 ]
echo "Debian's ${kernel##*/}: rewriter rewrite --mode para, median of $rounds"
echo "  wall time                      $(seconds "$work/rewrite")"
echo "  most memory                    $(sort -n "$work/peak" | awk 'END { printf "%d MiB", $1 / 1024 }')"
tail -n 2 "$work/audit" | sed 's/^/  /'
