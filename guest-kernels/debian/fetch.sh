#!/bin/sh
# Real-world input for the rewriter: Debian's IA-32 kernels, memtest86+ and a static busybox, fetched by name with
# apt. Hosts, proxies and keys are the system's own apt configuration; lists, cache and architecture are private, so
# neither root nor a change to the system is needed. Exit status: 0 all present, 2 usage, 3 packages cannot be had.
set -eu

case ${1-} in -*) echo "usage: fetch.sh [DIR]" >&2; exit 2;; esac
[ $# -le 1 ] || { echo "usage: fetch.sh [DIR]" >&2; exit 2; }

here=$(cd "$(dirname "$0")" && pwd)
destination=${1:-$here/cache}

give_up() { echo "fetch.sh: $1" >&2; exit 3; }

# What DIR holds when everything is there: two kernels with their modules, memtest86+ and busybox.
is_complete() {
    for pattern in 'vmlinuz-*-686' 'vmlinuz-*-686-pae' 'modules/*-686' 'modules/*-686-pae' \
        memtest86+ia32.efi busybox; do
        # The glob is meant to expand here.
        # shellcheck disable=SC2086
        set -- "$destination"/$pattern
        [ -e "$1" ] || return 1
    done
}

# An initramfs with a shell, so that the kernels can be booted at once.
build_initramfs() { "$here/initramfs.sh" --cache "$destination" "$destination/initrd.gz"; }

if is_complete; then
    [ -e "$destination/initrd.gz" ] || build_initramfs
    echo "fetch.sh: already present in $destination"
    exit 0
fi

for tool in apt-config apt-get apt-cache dpkg-deb; do
    command -v "$tool" >/dev/null || give_up "$tool is not installed: the packages cannot be had without apt"
done

mkdir -p "$destination"
destination=$(cd "$destination" && pwd)
# The work directory lies in DIR so that the final moves are renames: nothing is ever half there.
work=$(mktemp -d "$destination/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/debs" "$work/root"
: > "$work/status"

# A copy of the system's configuration without its hooks, whose architecture list is i386 alone.
apt-config dump | grep -v -e '^APT::Architectures' -e '-Invoke' -e '^DPkg::' > "$work/apt.conf"
cat >> "$work/apt.conf" <<CONF
APT::Architecture "i386";
APT::Architectures "";
APT::Architectures:: "i386";
APT::Sandbox::User "$(id -un)";
Acquire::Languages "none";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
Acquire::Retries "3";
Dir::State "$work/state";
Dir::State::lists "$work/state/lists";
Dir::State::status "$work/status";
Dir::Cache "$work/cache";
Dir::Cache::archives "$work/cache/archives";
Dir::Etc::parts "/dev/null";
Dir::Etc::main "/dev/null";
Dir::Log "$work";
CONF
export APT_CONFIG="$work/apt.conf"

# A third-party source that does not answer is no reason to stop: what counts is whether the packages are found.
apt-get -qq update >"$work/update.log" 2>&1 || true

# The meta-package linux-image-686 depends on the kernel of the day, linux-image-<release>-686.
kernel_behind() {
    apt-cache depends --no-recommends --no-suggests "$1" 2>/dev/null |
        sed -n 's/^ *Depends: *\(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1
}
plain=$(kernel_behind linux-image-686)
pae=$(kernel_behind linux-image-686-pae)
if [ -z "$plain" ] || [ -z "$pae" ]; then
    give_up "no i386 linux-image-686 and linux-image-686-pae in this system's apt sources (no network? not Debian?)"
fi

(cd "$work/debs" && apt-get -qq download "$plain" "$pae" memtest86+ busybox-static) >"$work/download.log" 2>&1 ||
    give_up "download failed: $(grep -m 1 '^E:' "$work/download.log" || echo 'apt-get gave no reason')"
for package in "$work"/debs/*.deb; do
    dpkg-deb -x "$package" "$work/root"
done

# Where /usr is merged, packages ship lib and bin below usr: accept both.
take() { # SOURCE... : moves each into DIR, replacing what is there
    for source in "$@"; do
        [ -e "$source" ] || continue
        rm -rf "${destination:?}/${source##*/}"
        mv "$source" "$destination/"
    done
}
mkdir -p "$work/modules"
for tree in "$work"/root/lib/modules/* "$work"/root/usr/lib/modules/*; do
    [ -d "$tree" ] && mv "$tree" "$work/modules/"
done
take "$work/modules" "$work"/root/boot/vmlinuz-*-686 "$work"/root/boot/vmlinuz-*-686-pae \
    "$work"/root/boot/memtest86+ia32.efi "$work"/root/bin/busybox "$work"/root/usr/bin/busybox
is_complete || give_up "the packages were downloaded but do not hold the files expected of them"
build_initramfs
echo "fetch.sh: $plain, $pae, memtest86+ and busybox are in $destination"
