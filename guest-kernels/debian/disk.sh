#!/bin/bash
# Prints what a disk costs in Debian's Linux: natively, on a Xen ring (para mode), on IDE with bus-master DMA and with PIO (full mode), and on
# virtio in QEMU's emulator. The same file, the same programs (busybox's dd) and flags everywhere; each column is one guest that is started for it.
# Caches: all of the file is in the host's page cache when a guest starts, which a guest's disk is written to and read from (cache=writeback in
# QEMU's terms; a flush is an fdatasync); the host's own direct I/O goes past it. read-buffered begins with nothing of the disk in the cache of
# the system that reads, write-buffered with all of it, and ends when it is on the host's disk.
# Needs what fetch.sh fetched. Usage: disk.sh [--size MIB] [--memory MIB] [--columns "host ring dma pio tcg"]
# [--file FILE]
# Guests have 768 MiB: with more, a 32-bit Linux keeps pages in high memory, and maps each for itself whenever it touches it.
# The file is made and removed; what it is on is what is measured. PIO moves a sixteenth of the size, in a
# sixteenth of the requests.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

usage() { echo 'usage: disk.sh [--size MIB] [--memory MIB] [--columns "host ring dma pio tcg"] [--file FILE]'; }
size=512 memory=768 columns="host ring dma pio tcg" file=
while [ $# -gt 0 ]; do
    case $1 in
        --help) usage; exit 0;;
        --size) size=${2-}; shift;;
        --memory) memory=${2-}; shift;;
        --columns) columns=${2-}; shift;;
        --file) file=${2-}; shift;;
        *) usage >&2; exit 2;;
    esac
    shift
done
kernel=$(find "$here/cache/" -maxdepth 1 -name 'vmlinuz-*-686-pae' 2>/dev/null | sort | head -n 1)
[ -n "$kernel" ] || { echo "disk.sh: no vmlinuz-*-686-pae in $here/cache: run fetch.sh first" >&2; exit 3; }
runtime="$root/runtime/bin/Release/net10.0/runtime"
[ -x "$runtime" ] || dotnet build "$root/runtime" -c Release --verbosity quiet >&2

work=$(mktemp -d)
file=${file:-$work/disk.img}
trap 'rm -rf "$work" "$file"' EXIT
trap 'exit 130' INT TERM
head -c "${size}M" /dev/urandom >"$file"
sync -d "$file"

modules="$here/cache/modules/${kernel##*/vmlinuz-}/kernel"
load="" additions=()
for module in block/xen-blkfront.ko lib/crc64.ko lib/crc64-rocksoft.ko crypto/crct10dif_common.ko lib/crc-t10dif.ko block/t10-pi.ko scsi/scsi_common.ko \
    scsi/scsi_mod.ko scsi/sd_mod.ko ata/libata.ko ata/ata_piix.ko virtio/virtio.ko virtio/virtio_ring.ko virtio/virtio_pci_modern_dev.ko \
    virtio/virtio_pci_legacy_dev.ko virtio/virtio_pci.ko block/virtio_blk.ko; do
    path=$modules/$module
    [ -e "$path" ] || path=$modules/drivers/$module
    [ -e "$path" ] || continue
    additions+=(--add "$path:/lib/${module##*/}")
    load="$load insmod /lib/${module##*/} 2>/dev/null;"
done

job_for() { # MIB PARTS LOAD
    local bytes=$(($1 << 20))
    cat <<JOB
$3
for try in 1 2 3 4 5 6 7 8 9; do for D in /dev/xvda /dev/vda /dev/sda; do [ -b \$D ] && break 2; done; sleep 1; done
# A block device that nobody has open loses its page cache; a file does not.
exec 3<\$D
disk time read-direct $bytes /bin/dd if=\$D of=/dev/null bs=1M count=$1 iflag=direct
disk time write-direct $bytes /bin/dd if=/dev/zero of=\$D bs=1M count=$1 oflag=direct
echo 1 >/proc/sys/vm/drop_caches
disk time read-buffered $bytes /bin/dd if=\$D of=/dev/null bs=1M count=$1
disk time write-buffered $bytes /bin/dd if=/dev/zero of=\$D bs=1M count=$1 conv=fsync
disk random \$D 1 $((2000 / $2))
disk random \$D 32 $((20000 / $2))
JOB
}

on_host() {
    local bytes=$((size << 20))
    export PATH="$PATH:$here/bin"
    local dd=("$here/cache/busybox" dd)
    disk time read-direct $bytes "${dd[@]}" if="$file" of=/dev/null bs=1M count="$size" iflag=direct
    disk time write-direct $bytes "${dd[@]}" if=/dev/zero of="$file" bs=1M count="$size" oflag=direct conv=notrunc
    dd if="$file" iflag=nocache count=0
    disk time read-buffered $bytes "${dd[@]}" if="$file" of=/dev/null bs=1M count="$size"
    disk time write-buffered $bytes "${dd[@]}" if=/dev/zero of="$file" bs=1M count="$size" conv=notrunc,fsync
    disk random "$file" 1 2000
    disk random "$file" 32 20000
}

guest() { # COLUMN INITRD STATS
    local append="console=ttyS0 quiet panic=1"
    case $1 in
        ring) "$runtime" run "$kernel" --mode para --append "$append" --memory "${memory}M" --initrd "$2" --disk "$file" --stats "$3" --time-limit 170s;;
        dma) "$runtime" run "$kernel" --mode full --append "$append" --memory "${memory}M" --initrd "$2" --disk "$file" --stats "$3" --time-limit 170s;;
        pio) "$runtime" run "$kernel" --mode full --append "$append" --memory "${memory}M" --initrd "$2" --disk "$file" --stats "$3" --time-limit 170s;;
        tcg) timeout 170 qemu-system-i386 -accel tcg -m "$memory" -kernel "$kernel" -initrd "$2" -append "$append" -drive "file=$file,format=raw,if=virtio,cache=writeback" \
            -display none -net none -no-reboot -serial stdio -monitor none;;
    esac
}

# The exits that the runtime counted during each measurement, as lines: exits NAME N REASON.
exits_of() { # STATS
    awk -F '"' '/^  "diskExits"/ { within = 1; next } !within { next }
        /: \{$/ { name = $2 } /: [0-9]+,?$/ { count = $3; gsub(/[^0-9]/, "", count); print "exits", name, count, $2 }' "$1"
}

echo "$(nproc) x $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), Linux $(uname -r), load $(cut -d' ' -f1 /proc/loadavg); ${kernel##*/}; $size MiB, guests of $memory MiB"
for column in $columns; do
    case $column in
        host) on_host >"$work/$column" 2>/dev/null || true; continue;;
        tcg) command -v qemu-system-i386 >/dev/null || { echo "tcg: qemu-system-i386 is not installed"; continue; };;
    esac
    parts=1 drivers=$load
    # insmod hands over what stands behind the module's name; it does not read the kernel's command line.
    [ "$column" != pio ] || { parts=16 drivers=${load/libata.ko/libata.ko dma=0}; }
    "$here/initramfs.sh" --add "$here/bin/disk" "${additions[@]}" --run "$(job_for $((size / parts)) $parts "$drivers")" "$work/initrd.gz"
    cat "$file" >/dev/null
    guest "$column" "$work/initrd.gz" "$work/stats.json" </dev/null 2>"$work/errors" | tr -d '\r' >"$work/$column" || true
    grep -q '^disk' "$work/$column" || { echo "$column: $(tail -n 1 "$work/errors" "$work/$column" | tr '\n' ' ')"; continue; }
    [ "$column" = tcg ] || exits_of "$work/stats.json" >>"$work/$column"
done

(cd "$work" && present="" && for column in $columns; do [ -s "$column" ] && present="$present $column"; done && awk -v columns="$present" '
    $1 == "disk" && $3 == "bytes" {
        rate[FILENAME, $2] = $2 ~ /random/ ? $8 / $6 : $4 / $8; moved[FILENAME, $2] = $2 ~ /random/ ? $6 : $4 / 1048576
        if (!($2 in seen)) { seen[$2]; order[++count] = $2 }
    }
    $1 == "exits" && moved[FILENAME, $2] {
        exits[FILENAME, $2] += $3 / moved[FILENAME, $2]
        if (FILENAME == "ring" && $2 == "random-32") reasons = reasons sprintf("; %s %.4f", $4, $3 / moved[FILENAME, $2])
    }
    function line(label, values, row, format, c) {
        printf "%-34s", label
        for (c = 1; c <= n; c++) printf (names[c], row) in values ? format : "%10s", (names[c], row) in values ? values[names[c], row] : "-"
        print ""
    }
    END {
        n = split(columns, names, " ")
        printf "%-34s", ""
        for (c = 1; c <= n; c++) printf "%10s", names[c]
        print ""
        for (r = 1; r <= count; r++) line(order[r] (order[r] ~ /random/ ? ", us for 4 KiB" : ", MB/s"), rate, order[r], "%10.1f")
        for (r = 1; r <= count; r++) line(order[r] (order[r] ~ /random/ ? ", exits a request" : ", exits for 1 MiB"), exits, order[r], order[r] ~ /random/ ? "%10.3f" : "%10.1f")
        if (reasons) print "ring, random-32, exits a request by reason: " substr(reasons, 3)
    }' $present)
