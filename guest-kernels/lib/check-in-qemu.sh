#!/bin/sh
# Boots one kernel in QEMU (TCG) and compares its serial output with the expected one; a file that begins with
# `# regex` holds an extended regular expression per line instead of text. Usage: QEMU KERNEL EXPECTED [COMMAND-LINE]
set -u
qemu=$1 kernel=$2 expected=$3 command_line=${4-}
output=$(mktemp) || exit 1
trap 'rm -f "$output"' EXIT

timeout 120 "$qemu" -accel tcg -m 128 -kernel "$kernel" -append "$command_line" -display none -net none \
    -no-reboot -serial "file:$output" -monitor none -device isa-debug-exit,iobase=0xf4,iosize=0x04
status=$?
if [ $status -ne 33 ]; then # 0x10 written to the exit port
    echo "$kernel $command_line: exit status $status instead of 33; the last lines were" >&2
    tail -n 5 "$output" >&2
    exit 1
fi

if [ "$(head -n 1 "$expected")" = "# regex" ]; then
    awk 'NR == FNR { if (FNR > 1) pattern[++patterns] = $0; next }
        FNR > patterns || $0 !~ "^(" pattern[FNR] ")$" { print FILENAME ":" FNR ": unexpected: " $0; bad = 1 }
        { lines = FNR }
        END { if (lines != patterns) { print "lines: " lines ", expected " patterns; bad = 1 } exit bad }' \
        "$expected" "$output" >&2 || exit 1
else
    diff -u "$expected" "$output" || exit 1
fi
echo "$kernel $command_line: as expected"
