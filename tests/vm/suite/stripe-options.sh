#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=400
#
# Options about stripes: which are taken, what they do to the superblock and to what programs are told, beside stock XFS; and how many
# blocks files have, open and closed.  Where data goes: stripe.sh.
. /t/lib.sh

# ------------------------------------------------------------ blocks, beside stock XFS
pair_up -d su=64k,sw=4
open_blocks() {
	xfs_io -f -d -c "pwrite -q 0 32k" -c "pwrite -q 32k 4k" -c stat o1
	xfs_io -f -d -c "pwrite -q 0 64k" -c "pwrite -q 64k 4k" -c stat o2
	xfs_io -f -d -c "pwrite -q 0 68k" -c "pwrite -q 68k 4k" -c "pwrite -q 72k 128k" -c stat o3
	xfs_io -f -d -c "falloc -k 0 100k" -c "pwrite -q 0 64k" -c "pwrite -q 64k 64k" -c stat o4
	xfs_io -f -d -c "extsize 96k" -c "pwrite -q 0 64k" -c "pwrite -q 256k 4k" -c stat o5
	xfs_io -f -d -c "truncate 256k" -c "pwrite -q 64k 4k" -c "pwrite -q 256k 4k" -c stat o6
}
t_same "blocks of open files that direct writes extend" eval "$(declare -f open_blocks)"'; open_blocks | grep stat.blocks'
t_same "of the same, closed" stat -c "%b %s %n" o1 o2 o3 o4 o5 o6
t_same "of files that buffered writes extended" eval 'xfs_io -f -c "pwrite -q 0 100k" -c fsync -c "pwrite -q 100k 300k" c1; xfs_io -f -c "pwrite -q 0 1m" -c "pwrite -q 1m 5000" c2; sync; stat -c "%b %s %n" c1 c2'
t_same "of preallocated ones" eval 'xfs_io -f -c "falloc 0 100k" p1; xfs_io -f -c "falloc -k 0 130k" -c "pwrite -q 0 4k" p2; sync; stat -c "%b %s %n" p1 p2'
# has-xattr (X): where a security module is active stock makes room for attributes in each new inode
t_same "what a device wants of direct I/O, and what a file has of its own" eval 'xfs_io -d -c "statx -r" -c lsattr -c extsize c1 | sed "/^-/s/X/-/" | grep -E "blksize|dio|^\[|^-"'
t "both clean" pair_down

# ------------------------------------------------------------ options, beside stock XFS
case $(uname -r) in
4.* | 5.[0-5].*) skip "the options" "before 5.6 the superblock was changed whatever xfs_repair thought of it"; matrix= ;;
*) matrix=yes ;;
esac
state() {	# of what is mounted at $1
	grep " $1 " /proc/mounts | grep -oE '(sunit|swidth)=[0-9]*|largeio|noalign|swalloc' | sort
	xfs_spaceman -p xfs_info -c info "$1" | grep -oE '(sunit|swidth)=[0-9]* .*'
	touch "$1/.f" 2>/dev/null
	stat -c %o "$1/.f" "$1" 2>/dev/null
	xfs_io -r -c statfs "$1" | grep -E 'geom\.(sunit|swidth|flags)'
	stat -f -c "%S %s %b" "$1"
}
try() {	# TYPE DEVICE DIRECTORY OPTIONS [OPTIONS OF A REMOUNT]
	if ! mount -t "$1" -o "$4" "$2" "$3" 2>/dev/null; then
		echo "$4: refused"
		return
	fi
	echo "$4: taken"
	state "$3"
	if [ -n "$5" ]; then
		mount -i -o "remount,$5" "$3" 2>/dev/null && echo "remount $5: taken" || echo "remount $5: refused"
		state "$3"
	fi
	umount "$3"
	xfs_db -r -c "sb 0" -c "p unit width rootino" "$2" | tee "$TMP/.now"
	# what the superblock says is what it looks for the root inode by
	if ! cmp -s "$TMP/.now" "$TMP/.was${2##*/}"; then
		cp "$TMP/.now" "$TMP/.was${2##*/}"
		repair_check "$2" || echo "xfs_repair is not content"
	fi
}
both() {	# NAME OPTIONS [REMOUNT]
	local stock ours
	stock=$(try xfs "$DEV2" $MNT2 "$2" "$3" 2>&1)
	ours=$(try $FSTYPE "$DEV" $MNT "$2" "$3" 2>&1)
	t_eq "$1: $2${3:+, remount $3}: as stock XFS" "$stock" "$ours"
}
[ -z "$matrix" ] || while IFS='|' read -r name mkfs; do
	case ${DX_SHORT:+$name} in
	"no stripe" | "blocks of"*) continue ;;
	esac
	# shellcheck disable=SC2086
	fresh_fs $mkfs
	# shellcheck disable=SC2086
	mkfs.xfs -q -f $mkfs "$DEV2"
	rm -f "$TMP"/.was*
	for o in sunit=4,swidth=8 sunit=16,swidth=16 sunit=64,swidth=128 sunit=128,swidth=512 sunit=256,swidth=256 sunit=512,swidth=1024 \
		sunit=2048,swidth=4096 sunit=240,swidth=480 largeio; do
		both "$name" $o
	done
	both "$name" ro,sunit=32,swidth=128 rw
	both "$name" defaults sunit=64,swidth=128
	[ "$name" != su=64k,sw=4 ] || while read -r first second; do both "$name" "$first" "$second"; done <<-OPTIONS
		defaults
		sunit=64
		swidth=64
		sunit=64,swidth=100
		sunit=3,swidth=6
		sunit=0,swidth=0
		sunit=0,swidth=128
		sunit=128,swidth=256,noalign
		noalign
		largeio,noalign
		largeio,sunit=128,swidth=256
		largeio,allocsize=1m
		swalloc
		swalloc,noalign
		ro,norecovery,sunit=32,swidth=64
		defaults sunit=64
		defaults noalign
		defaults noalign,sunit=64,swidth=64
		noalign ro
		defaults ro
	OPTIONS
	t "$name: clean" eval 'repair_check "$DEV" && repair_check "$DEV2"'
	if [ $FSTYPE = dioxfs ]; then
		klog_mark
		mount_dx && mount -i -o remount,sunit=4096,swidth=4096 $MNT
		t "$name: a remount says that it does not change them" kernel_says "a remount does not change them"
		umount_fs
	fi
done <<'EOT'
no stripe|
su=64k,sw=4|-d su=64k,sw=4,agcount=4
blocks of 1 KiB|-b size=1024 -d su=32k,sw=2
log in the first AG|-d su=16k,sw=2 -l agnum=0
EOT
if [ $FSTYPE = dioxfs ]; then
	fresh_fs -d su=64k,sw=4,agcount=4
	klog_mark
	mount_dx -o sunit=256,swidth=512 && umount_fs
	t "what would make xfs_repair look elsewhere is for the mount only, and said so" kernel_says "for this mount only"
	klog_mark
	mount_dx -o sunit=64,swidth=64 && umount_fs
	t "new values in the superblock are said" kernel_says "superblock has sunit=64,swidth=64"
fi
