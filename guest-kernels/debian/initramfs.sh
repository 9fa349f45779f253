#!/bin/sh
# Builds an initramfs for Debian's kernel from the static busybox that fetch.sh fetched. Its /init mounts proc, sys and dev and
# gives a shell on the console; with --run it runs a command instead and powers off. Needs neither root nor cpio.
# Exit status: 0 built, 2 usage, 3 busybox has not been fetched or a file cannot be read.
set -eu

usage() {
    cat <<TEXT
usage: initramfs.sh [--cache DIR] [--run COMMAND] [--add FILE[:PATH]]... OUT
  --cache DIR        where fetch.sh put busybox (default: cache beside this script)
  --run COMMAND      shell command that /init runs before it powers off, instead of an interactive shell
  --add FILE[:PATH]  put a file or directory into the initramfs, below /bin unless PATH says where; repeatable
examples:
  initramfs.sh initrd.gz
  initramfs.sh --add bin/bench --run 'bench getppid' initrd.gz
  initramfs.sh --add cache/modules:/lib/modules initrd.gz
TEXT
}

fail() { echo "initramfs.sh: $1" >&2; exit "${2:-3}"; }

here=$(cd "$(dirname "$0")" && pwd)
cache=$here/cache
command=
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
root=$work/root
mkdir -p "$root/bin" "$root/dev" "$root/etc" "$root/proc" "$root/root" "$root/sys" "$root/tmp"

out=
while [ $# -gt 0 ]; do
    case $1 in
        --help) usage; exit 0;;
        --cache|--run|--add) [ $# -ge 2 ] || fail "$1 needs a value" 2;;
        -*) fail "unknown option $1 (see --help)" 2;;
    esac
    case $1 in
        --cache) cache=$2; shift 2;;
        --run) command=$2; shift 2;;
        --add)
            file=${2%%:*}
            path=${2#"$file"}
            path=${path#:}
            [ -r "$file" ] || fail "--add $file: cannot be read"
            target=$root/${path:-bin/${file##*/}}
            mkdir -p "$(dirname "$target")"
            cp -RL "$file" "$target"
            shift 2;;
        *) [ -z "$out" ] || fail "one OUT, please (see --help)" 2; out=$1; shift;;
    esac
done
[ -n "$out" ] || { usage >&2; exit 2; }
[ -x "$cache/busybox" ] || fail "$cache/busybox is not there: run fetch.sh first"

# Every applet as a link, so that scripts find them by PATH. The list is busybox's own; where the host cannot run it, the guest
# makes the links itself.
cp "$cache/busybox" "$root/bin/busybox"
for applet in $("$cache/busybox" --list 2>/dev/null || echo sh); do
    [ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"
done

printf '%s\n' "$command" >"$root/etc/job"
cat >"$root/init" <<'INIT'
#!/bin/sh
export PATH=/bin HOME=/root TERM="${TERM:-linux}"
busybox echo "init: started"
[ -e /bin/mount ] || busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts 2>/dev/null
cd /root
if [ -s /etc/job ] && [ "$(cat /etc/job)" ]; then
    sh /etc/job
    echo "init: job ended with status $?"
else
    echo "BusyBox on Linux $(uname -r); exit or poweroff -f ends the machine"
    # A session of its own, so that the shell has job control on whatever the console is.
    setsid cttyhack sh
fi
poweroff -f
INIT
chmod 755 "$root/init"

# newc format. Names are sorted and times are null: the same input gives the same archive.
find "$root" -exec touch -h -d @0 {} +
archive() { (cd "$root" && find . | LC_ALL=C sort | "$@"); }
if command -v cpio >/dev/null; then
    archive cpio --quiet -o -H newc -R 0:0 --reproducible >"$work/archive" 2>/dev/null || archive cpio -o -H newc -R 0:0 >"$work/archive"
else
    archive "$cache/busybox" cpio -o -H newc -R 0:0 >"$work/archive"
fi
gzip -n -9 <"$work/archive" >"$work/initrd.gz"
mv "$work/initrd.gz" "$out"
