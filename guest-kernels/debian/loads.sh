#!/bin/bash
# Real loads in user space (user-loads.sh) on Debian's Linux as a guest: the checksums must be those of the same busybox run natively,
# the guest's clock must be the host's, and the kernel must complain of nothing that it does not complain of in QEMU.
# Prints a line OK or FAIL for each. Needs what fetch.sh fetched.
# Exit status: 0 all OK, 1 something failed, 2 usage, 3 something needed is not here.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

usage() {
    cat <<TEXT
usage: loads.sh [--flavour 686|686-pae] [--mode para|full] [--forks N] [--seconds N] [--lines N] [--limit SECONDS] [--no-qemu]
  --forks N     children of the script that forks (default 10000)
  --seconds N   how long two processor hogs and a sleeper run side by side (default 60)
  --lines N     lines of text to sort (default 100000, some 3 MB)
  --no-qemu     do not run it in QEMU to see what the kernel complains of there
TEXT
}
fail_usage() { echo "loads.sh: $1" >&2; usage >&2; exit 2; }
flavour=686 mode=para forks=10000 seconds=60 lines=100000 limit=600 qemu=yes
while [ $# -gt 0 ]; do
    case $1 in
        --help) usage; exit 0;;
        --no-qemu) qemu=; shift; continue;;
        --flavour|--mode|--forks|--seconds|--lines|--limit) [ $# -ge 2 ] || fail_usage "$1 needs a value";;
        *) fail_usage "unknown argument $1";;
    esac
    case $1 in --forks|--seconds|--lines|--limit) [[ $2 =~ ^[1-9][0-9]*$ ]] || fail_usage "$1 $2: not a number";; esac
    declare "${1#--}=$2"
    shift 2
done

kernel=$(find "$here/cache/" -maxdepth 1 -name "vmlinuz-*-$flavour" 2>/dev/null | sort | head -n 1)
[ -n "$kernel" ] || { echo "loads.sh: no vmlinuz-*-$flavour in $here/cache: run fetch.sh first" >&2; exit 3; }
busybox=$here/cache/busybox
"$busybox" true 2>/dev/null || { echo "loads.sh: this host does not run 32-bit programs: nothing to compare with" >&2; exit 3; }
runtime="$root/runtime/bin/Release/net10.0/runtime"
[ -x "$runtime" ] || dotnet build "$root/runtime" -c Release --verbosity quiet >&2

work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# The tree: some of the kernel's own modules, the same for every flavour.
modules=$(find "$here/cache/modules" -mindepth 1 -maxdepth 1 -name '*-686' | head -n 1)
tar -C "$modules/kernel" -czf "$work/tree.tgz" crypto lib
"$here/initramfs.sh" --add "$work/tree.tgz:/root/tree.tgz" --add "$here/user-loads.sh" --run 'sh /bin/user-loads.sh' "$work/initrd.gz"

# How much to do reaches /init as the kernel passes it: words of the form NAME=VALUE that are not its own.
append="console=ttyS0 FORKS=$forks SORT_LINES=$lines"
guest() { # FILE COMMAND...: its output with the host's time, in microseconds, before each line
    local file=$1 line
    shift
    "$@" </dev/null 2>"$file.errors" | while IFS= read -r line; do printf '%s %s\n' "${EPOCHREALTIME/[.,]/}" "${line%$'\r'}"; done >"$file" || true
}

mkdir -p "$work/bin" "$work/native-files"
for applet in $("$busybox" --list); do ln -s "$busybox" "$work/bin/$applet"; done
(cd "$work/native-files" && env -i PATH="$work/bin" TREE="$work/tree.tgz" FORKS="$forks" SORT_LINES="$lines" HOG_SECONDS=1 \
    "$work/bin/sh" "$here/user-loads.sh" >"$work/native" 2>"$work/native.errors") || true
guest "$work/guest" "$runtime" run "$kernel" --initrd "$work/initrd.gz" --append "$append HOG_SECONDS=$seconds" --memory 512M \
    --mode "$mode" --engine direct --time-limit "${limit}s"
if [ "$qemu" ] && ! command -v qemu-system-i386 >/dev/null; then
    echo "NOTE qemu-system-i386 is not installed: every complaint of the kernel counts"
    qemu=
fi
[ -z "$qemu" ] || guest "$work/qemu" timeout "$limit" qemu-system-i386 -accel tcg -m 512 -kernel "$kernel" -initrd "$work/initrd.gz" \
    -append "$append HOG_SECONDS=1" -display none -net none -no-reboot -serial stdio -monitor none

status=0
verdict() { # OK|FAIL NAME TEXT
    [ "$1" = OK ] || status=1
    printf '%-4s %-7s %s\n' "$@"
}
judge() { # NAME TEXT COMMAND...: OK where the command succeeds
    local name=$1 text=$2
    shift 2
    if "$@"; then verdict OK "$name" "$text"; else verdict FAIL "$name" "$text"; fi
}
of_guest() { sed -n "s/^[0-9]* $1 //p" "$work/guest" | head -n 1; }

judge native "$(wc -l <"$work/native.errors") complaints of the host's run $(head -n 1 "$work/native.errors")" [ ! -s "$work/native.errors" ]
for name in tree sort awk forks; do
    native=$(sed -n "s/^load $name //p" "$work/native") here_value=$(of_guest "load $name")
    judge "$name" "$here_value, natively $native" [ "$here_value" = "${native:-missing}" ]
done

# Guest's and host's seconds between the same two lines, and the share of the lesser hog.
begin=$(of_guest 'load-clock begin') end=$(of_guest 'load-clock end')
host_begin=$(sed -n 's/ load-clock begin .*//p' "$work/guest") host_end=$(sed -n 's/ load-clock end .*//p' "$work/guest")
clock=$(awk -v a="$begin" -v b="$end" -v c="$host_begin" -v d="$host_end" 'BEGIN {
    guest = b - a; host = (d - c) / 1e6; ratio = host > 0 ? guest / host : 0
    printf "%.2f s in the guest, %.2f s on the host, ratio %.4f", guest, host, ratio
    exit !(ratio > 0.98 && ratio < 1.02) }') && verdict OK clock "$clock" || verdict FAIL clock "$clock"
slept=$(awk -v a="$begin" -v b="$end" -v n="$seconds" 'BEGIN {
    printf "%d sleeps of 1 s beside two hogs took %.2f s", n, b - a; exit !(b - a >= n - 0.02 && b - a <= n * 1.5) }') &&
    verdict OK sleeper "$slept" || verdict FAIL sleeper "$slept"
hogs=$(of_guest load-hogs | awk '{ least = $1 < $2 ? $1 : $2; share = $1 + $2 > 0 ? least / ($1 + $2) : 0
    printf "%d and %d turns, the lesser has %.0f %%", $1, $2, share * 100; exit !(share >= 0.4) }') &&
    verdict OK hogs "$hogs" || verdict FAIL hogs "$hogs"
judge ended "last line: $(tail -n 1 "$work/guest" | cut -d' ' -f2-); $(tail -n 1 "$work/guest.errors")" \
    grep -q 'load done' "$work/guest"

# Complaints without times, addresses and process numbers, so that two runs can be compared.
complaints() {
    local bad='WARNING:|BUG:|Oops|invalid opcode:|general protection|Unknown NMI|detected stall|soft lockup|hung_task|clocksource.*unstable'
    grep -E "$bad" "$1" |
        cut -d' ' -f2- | sed -E 's/^\[ *[0-9.]+\] //; s/(PID|pid):? *[0-9]+//; s/\b(0x)?[0-9a-f]{8}\b/X/g' | sort -u || true
}
complaints "$work/guest" >"$work/complaints"
: >"$work/accepted"
[ -z "$qemu" ] || complaints "$work/qemu" >"$work/accepted"
new=$(grep -vxFf "$work/accepted" "$work/complaints" || true)
judge log "${new:-no complaint of the kernel}${qemu:+ ($(wc -l <"$work/accepted") in QEMU)}" [ -z "$new" ]
[ -z "$qemu" ] || judge qemu "the same checksums there" \
    cmp -s <(sed -n 's/^[0-9]* load \(.*\)/\1/p' "$work/qemu") <(sed -n 's/^load \(.*\)/\1/p' "$work/native")
exit "$status"
