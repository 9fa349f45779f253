#!/bin/bash
# Network and disk-DMA figures of Debian's kernels: emulated devices (RTL8139C+, PIIX3 IDE with DMA) and ring devices (xen-netfront), beside
# QEMU's emulator with the same guest where it is installed. Prints; judges nothing. Needs what fetch.sh fetched, .NET and python3.
# Between two guests as well: on a switch of one host (guests), and of QEMU's emulator by a socket (qemu-guests).
# Usage: network-figures.sh [emulated|rings|guests|qemu|qemu-guests]...     (default: all)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=$here/cache
runtime=$here/../../runtime/bin/Release/net10.0/runtime.dll
case ${1-} in -*) sed -n '2,5s/^# //p' "$0"; exit 2;; esac
for tool in dotnet python3; do command -v $tool >/dev/null || { echo "network-figures.sh: $tool is not installed" >&2; exit 3; }; done
[ -e "$cache/busybox" ] || { echo "network-figures.sh: run fetch.sh first" >&2; exit 3; }
[ -e "$runtime" ] || { echo "network-figures.sh: build first: dotnet build -c Release" >&2; exit 3; }
work=$(mktemp -d)
mkfifo "$work/ports"
server=
finish() { [ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"; }
trap finish EXIT
trap 'exit 130' INT TERM

# The other end, on loopback: sends 256 MiB, or takes what comes.
python3 - "$work/ports" <<'PY' &
import socket, sys, threading
def listen(kind):
    s = socket.socket(socket.AF_INET, kind); s.bind(('127.0.0.1', 0)); return s
source, sink = listen(socket.SOCK_STREAM), listen(socket.SOCK_STREAM)
source.listen(); sink.listen()
open(sys.argv[1], 'w').write(' '.join(str(s.getsockname()[1]) for s in (source, sink)) + '\n')
def send():
    while True:
        c, _ = source.accept(); block = bytes(1 << 20)
        try:
            for _ in range(256): c.sendall(block)
        except OSError: pass
        c.close()
def take():
    buffer = bytearray(1 << 20)
    while True:
        c, _ = sink.accept()
        while c.recv_into(buffer): pass
        c.close()
threading.Thread(target=send, daemon=True).start()
take()
PY
server=$!
read -r source sink <"$work/ports"

# initrd OUT FLAVOUR INTERFACE-MODULES
initrd() {
    local add=()
    for module in $3 scsi_common scsi_mod crct10dif_common crct10dif_generic crc-t10dif crc64 crc64_rocksoft_generic crc64-rocksoft t10-pi sd_mod libata ata_piix; do
        add+=(--add "$(find "$cache/modules/" -path "*-$2/*" -name "$module.ko" | grep -v "$([ "$2" = 686 ] && echo 686-pae || echo none)" | head -n 1):/modules/$module.ko")
    done
    "$here/initramfs.sh" "${add[@]}" --run '
        for m in '"$3"' scsi_common scsi_mod crct10dif_common crct10dif_generic crc-t10dif crc64 crc64_rocksoft_generic crc64-rocksoft t10-pi sd_mod libata ata_piix; do insmod /modules/$m.ko 2>/dev/null; done
        now() { cut -d" " -f1 /proc/uptime; }
        rate() { awk -v a=$1 -v b=$2 -v n=$3 -v t="$4" "BEGIN { printf \"figure:  %-44s%12.1f MiB/s\n\", t, n / (b - a + 0.001) }"; }
        ifconfig lo up; ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up; route add default gw 10.0.2.2; sleep 2
        ping -c 2 10.0.2.2 >/dev/null
        a=$(now); nc 10.0.2.2 '"$source"' </dev/null -e dd of=/dev/null bs=64k 2>/dev/null; rate $a $(now) 256 "TCP, host to guest, 256 MiB"
        a=$(now); nc 10.0.2.2 '"$sink"' -e dd if=/dev/zero bs=64k count=4096 2>/dev/null; rate $a $(now) 256 "TCP, guest to host, 256 MiB"
a=$(now); ping -A -q -c 3000 10.0.2.2 >/dev/null; awk -v a=$a -v b=$(now) "BEGIN { printf \"figure:  %-44s%12.1f us\n\", \"ICMP echo to the gateway and back\", 1e6 * (b - a) / 3000 }"
        [ -b /dev/sda ] && {
            a=$(now); dd if=/dev/sda of=/dev/null bs=1M count=256 iflag=direct 2>/dev/null; rate $a $(now) 256 "IDE with DMA, read, direct"
            a=$(now); dd if=/dev/zero of=/dev/sda bs=1M count=256 oflag=direct 2>/dev/null; rate $a $(now) 256 "IDE with DMA, write, direct"; }
        reboot -f' "$1"
}

# pair OUT FLAVOUR INTERFACE-MODULES: two roles, told apart by the kernel's command line. The taker ends when the sender is silent.
pair() {
    local add=(--add "$here/bin/datagrams")
    for module in $3; do
        add+=(--add "$(find "$cache/modules/" -path "*-$2/*" -name "$module.ko" | grep -v "$([ "$2" = 686 ] && echo 686-pae || echo none)" | head -n 1):/modules/$module.ko")
    done
    "$here/initramfs.sh" "${add[@]}" --run '
        for m in '"$3"'; do insmod /modules/$m.ko 2>/dev/null; done
        ifconfig lo up
        if grep -q role=taker /proc/cmdline; then
            ifconfig eth0 10.0.3.1 netmask 255.255.255.0 up
            nc -l -p 5001 -e dd of=/dev/null bs=64k 2>/dev/null
            for bytes in 64 1472; do
                set -- $(datagrams take 5002)
                awk -v n=$3 -v b=$bytes -v t=$8 "BEGIN { printf \"figure:  %-44s%12.1f thousand/s\n\", \"UDP, guest to guest, \" b \" bytes, taken\", 1e3 * n / t }"
            done
        else
            ifconfig eth0 10.0.3.2 netmask 255.255.255.0 up
            until ping -c 1 -W 1 10.0.3.1 >/dev/null 2>&1; do :; done
            now() { cut -d" " -f1 /proc/uptime; }
            a=$(now); ping -A -q -c 3000 10.0.3.1 >/dev/null; awk -v a=$a -v b=$(now) "BEGIN { printf \"figure:  %-44s%12.1f us\n\", \"ICMP echo, guest to guest\", 1e6 * (b - a) / 3000 }"
            a=$(now); nc 10.0.3.1 5001 -e dd if=/dev/zero bs=64k count=4096 2>/dev/null; b=$(now)
            awk -v a=$a -v b=$b "BEGIN { printf \"figure:  %-44s%12.1f MiB/s\n\", \"TCP, guest to guest, 256 MiB\", 256 / (b - a + 0.001) }"
            for bytes in 64 1472; do
                sleep 2
                set -- $(datagrams send 10.0.3.1 5002 300000 $bytes)
                awk -v n=$3 -v b=$bytes -v t=$8 "BEGIN { printf \"figure:  %-44s%12.1f thousand/s\n\", \"UDP, guest to guest, \" b \" bytes, sent\", 1e3 * n / t }"
            done
            sleep 2
        fi
        reboot -f' "$1"
}

kernel() { ls "$cache"/vmlinuz-*-"$1" | grep -v "$([ "$1" = 686 ] && echo 686-pae || echo none)" | head -n 1; }
ours() { # TITLE FLAVOUR PLATFORM MODULES
    echo "$1"
    initrd "$work/initrd.gz" "$2" "$4"
    truncate -s 256M "$work/disk.img"
    timeout 120 dotnet "$runtime" run "$(kernel "$2")" --platform "$3" --memory 256M --initrd "$work/initrd.gz" --disk "$work/disk.img" --net user \
        --append "console=ttyS0 quiet panic=1" --time-limit 110s --stats "$work/stats.json" </dev/null 2>/dev/null | figures
}

figures() { sed -n 's/\r//; s/^figure://p' "$@"; }
our_pair() { # TITLE FLAVOUR MODULES
    echo "$1"
    pair "$work/initrd.gz" "$2" "$3"
    {
        echo "guests:"
        for role in taker sender; do
            printf '  - { name: %s, kernel: %s, initrd: %s, memory: 256M, net: switch, log: %s.log, append: "console=ttyS0 quiet panic=1 role=%s" }\n' \
                $role "$(kernel "$2")" "$work/initrd.gz" $role $role
        done
    } >"$work/guests.yaml"
    timeout 120 dotnet "$runtime" host "$work/guests.yaml" --socket "$work/control/socket" --time-limit 110s </dev/null >/dev/null 2>&1 || true
    figures "$work/sender.log" "$work/taker.log"
}

[ $# -gt 0 ] || set -- emulated rings guests qemu qemu-guests
for what; do
    case $what in
        emulated) ours "para, direct: emulated devices (8139cp, ata_piix)" 686 pc "mii 8139cp";;
        rings) ours "para, direct: network rings (xen-netfront)" 686-pae xen xen-netfront;;
        guests) our_pair "para, direct: two guests of one host (xen-netfront)" 686-pae xen-netfront;;
        qemu-guests)
            command -v qemu-system-i386 >/dev/null || { echo "qemu-system-i386 is not installed"; continue; }
            echo "QEMU TCG: two guests, -netdev socket, rtl8139"
            pair "$work/initrd.gz" 686 "mii 8139cp"
            port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
            emulators=()
            for role in taker sender; do
                [ $role = taker ] && end=listen || end=connect
                timeout 170 qemu-system-i386 -accel tcg -m 256 -kernel "$(kernel 686)" -initrd "$work/initrd.gz" \
                    -append "console=ttyS0 quiet panic=1 role=$role" -display none -no-reboot -serial "file:$work/$role.log" -monitor none \
                    -netdev "socket,id=wire,$end=127.0.0.1:$port" -device "rtl8139,netdev=wire,mac=52:54:00:00:00:0${#role}" </dev/null &
                emulators+=($!)
                sleep 1
            done
            wait "${emulators[@]}" || true
            figures "$work/sender.log" "$work/taker.log";;
        qemu)
            command -v qemu-system-i386 >/dev/null || { echo "qemu-system-i386 is not installed"; continue; }
            echo "QEMU TCG: -nic user,model=rtl8139, IDE"
            initrd "$work/initrd.gz" 686 "mii 8139cp"
            truncate -s 256M "$work/disk.img"
            timeout 170 qemu-system-i386 -accel tcg -m 256 -kernel "$(kernel 686)" -initrd "$work/initrd.gz" -append "console=ttyS0 quiet panic=1" \
                -display none -no-reboot -serial stdio -monitor none -nic user,model=rtl8139 -drive "file=$work/disk.img,format=raw,if=ide" </dev/null | figures;;
        *) echo "network-figures.sh: $what: not one of emulated, rings, guests, qemu, qemu-guests" >&2; exit 2;;
    esac
done
