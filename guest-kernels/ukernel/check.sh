#!/bin/sh
# Runs the tests in QEMU without a disk, with a fresh one and with the same one again; compares the serial output.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# run NAME EXPECTED [QEMU OPTIONS]: exit port value 0x10 makes QEMU end with 33
run() {
    name=$1 expected=$2
    shift 2
    status=0
    timeout 60 qemu-system-i386 -accel tcg -display none -serial stdio -no-reboot -m "${MEMORY:-64}" \
        -device isa-debug-exit,iobase=0xf4,iosize=0x04 -kernel ../bin/ukernel.elf "$@" </dev/null >"$work/output" || status=$?
    diff "$expected" "$work/output" || { echo "$name: the output differs" >&2; exit 1; }
    [ $status -eq 33 ] || { echo "$name: exit status $status instead of 33" >&2; exit 1; }
    echo "$name: ok"
}

run "no disk" expected.txt
truncate -s 4M "$work/disk"
run "fresh disk" expected-disk.txt -drive file="$work/disk",format=raw,if=ide
sed 's/new file system made/mounted 2 times/' expected-disk.txt >"$work/again.txt"
run "used disk" "$work/again.txt" -drive file="$work/disk",format=raw,if=ide
