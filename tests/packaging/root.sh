# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For tests/packaging/rpm and dkms: a root of their own, which is this machine's, and forgotten. Sourced in a mount namespace of its own:
#
#   new_root DIR            $R is the root, over DIR; without kernels, and without what may be installed here of dioxfs
#   inr CMD...              CMD in it
#   stand_in_dkms PLACE     its dkms is a script: it writes what it is asked to /asked, and has modules in PLACE of a kernel
#   check NAME CMD...       "ok NAME" if CMD succeeds
#   says NAME REGEX CMD...  ... if it fails, with one of our sentences
# shellcheck disable=SC2034	# who sources it ends with it
rc=0

new_root() {
	mount -t tmpfs tmpfs "$1" && mkdir "$1/up" "$1/work" "$1/root" &&
		mount -t overlay -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" overlay "$1/root" || { echo "not ok a root for the packages"; exit 1; }
	R=$1/root out=$1/out
	mount --bind /dev "$R/dev" && mount -t proc proc "$R/proc" && mount -t tmpfs tmpfs "$R/tmp"
	rm -rf "$R"/var/lib/{rpm,dkms} "$R/lib/modules" "$R"/usr/src/dioxfs-* "$R/etc/fstab" "$R/usr/sbin/depmod" "$R/usr/bin/dracut" "$R/usr/sbin/dracut"
	mkdir -p "$R/var/lib/rpm" "$R/lib/modules"
	printf '#!/bin/sh\necho "depmod $*" >>/asked\n' >"$R/usr/sbin/depmod"
	chmod +x "$R/usr/sbin/depmod"
}
inr() { chroot "$R" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }

# What it keeps is kept as dkms does. It builds for no kernel in /broken, and installs for none in /fails; what it builds is a copy of
# kernel/fs/other.ko, if that is there, or else says what it was made of. A line "PID" in /stop: gets a SIGTERM before it installs.
# /slow: everything takes half a second more.
stand_in_dkms() {
	sed "s|PLACE|$1|" >"$R/usr/sbin/dkms" <<'END'
#!/bin/sh
echo "dkms $*" >>/asked
[ ! -e /slow ] || sleep 0.5
cmd=$1 tree=/var/lib/dkms srcs=/usr/src k=
while [ $# -gt 0 ]; do
	case $1 in -v) v=$2 ;; -k) k=$2 ;; --dkmstree) tree=$2 ;; --sourcetree) srcs=$2 ;; esac
	shift
done
d=$tree/dioxfs/$v
build() {
	[ ! -e "$d/$k/x86_64" ] || return 0
	! grep -qx "$k" /broken 2>/dev/null || { echo "dioxfs: kernel $k is too old"; exit 10; }
	mkdir -p "$d/$k/x86_64"
	cp "/lib/modules/$k/kernel/fs/other.ko" "$d/$k/x86_64/dioxfs.ko" 2>/dev/null ||
		echo "$v $(cat "$d/source/include/tested" 2>/dev/null)" >"$d/$k/x86_64/dioxfs.ko"
}
case $cmd in
add)	[ -e "$srcs/dioxfs-$v/dkms.conf" ] || { echo "no sources"; exit 2; }
	[ ! -e "$d" ] || { echo "has it already"; exit 3; }
	mkdir -p "$d" && ln -s "$srcs/dioxfs-$v" "$d/source"
	exit ;;
unbuild) rm -rf "${d:?}/$k"; exit ;;
esac
[ -e "$d/source/dkms.conf" ] || { echo "no dkms.conf"; exit 4; }
case $cmd in
build)	build ;;
install)
	build
	[ ! -e /stop ] || { kill "$(cat /stop)"; rm /stop; sleep 1; }
	! grep -qx "$k" /fails 2>/dev/null || { echo "error: no space left"; exit 6; }
	mkdir -p "/lib/modules/$k/PLACE"
	cp "$d/$k/x86_64/dioxfs.ko" "/lib/modules/$k/PLACE/"
	ln -sfn "$v/$k/x86_64" "$tree/dioxfs/kernel-$k" ;;
remove)
	for l in "$tree"/dioxfs/kernel-*; do
		case $(readlink "$l") in "$v"/*)
			rm -f "$l" "/lib/modules/${l##*/kernel-}/PLACE/dioxfs.ko" ;;
		esac
	done
	rm -rf "$d" ;;
esac
END
	chmod +x "$R/usr/sbin/dkms"
}

check() {
	local name=$1
	shift
	if "$@" >"$out" 2>&1; then echo "ok $name"; else
		sed 's/^/    /' "$out" | tail -n 30
		echo "not ok $name"
		rc=1
	fi
}
says() {
	local name=$1 re=$2
	shift 2
	if ! "$@" >"$out" 2>&1 && grep -q "^dioxfs: .*$re" "$out"; then echo "ok $name"; else
		sed 's/^/    /' "$out" | tail -n 30
		echo "not ok $name"
		rc=1
	fi
}
