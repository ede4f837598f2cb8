#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=300
#
# What this release's mkfs.xfs makes by default, and each newer feature by itself: mounted read-write, read-only or
# refused as the table of the README says. A message that tells how to make the volume is taken at its word.
. /t/lib.sh

export TEST_DIR=/x TEST_DEV=/x QA_CHECK_FS=/x	# mkfs.xfs accepts small volumes from a test
SIZE=96m
release=$(mkfs.xfs -V)
digest() { dd if="$DEV" bs=1M count=96 status=none | md5sum; }
field() { xfs_db -r -c "sb 0" -c "p $1" "$DEV" | sed 's/.*= //'; }

# What the superblock says of features that we write: FTYPE, SPINODES, META_UUID, BIGTIME, NREXT64, EXCHRANGE, PARENT; FINOBT, RMAPBT, REFLINK, INOBTCNT.
state() {
	if (($(field features_incompat) & ~0xef)); then echo refused
	elif (($(field features_ro_compat) & ~0xf)); then echo read-only
	else echo read-write; fi
}

# On the device is a tree of every form, by the stock kernel, and $TMP/stock is what it sees.
filled() {
	mount -t xfs "$DEV" $MNT && fill $MNT 100 && umount_fs && mount -t xfs -o ro "$DEV" $MNT && walk $MNT >"$TMP/stock" && umount_fs
}
sees_the_same() { walk $MNT >"$TMP/ours" && cmp "$TMP/stock" "$TMP/ours"; }

no_mount() {	# NAME MOUNT-OPTIONS
	klog_mark
	t_fails "$1 does not mount with -o $2" mount -t $FSTYPE -o $2 "$DEV" $MNT
	umount $MNT 2>/dev/null
	t "and the kernel log says what to do" kernel_says "dioxfs.* not supported: .*(make the volume with mkfs.xfs -[min] [a-z0-9]+=0|mount with -o ro)"
}

# NAME WANTED: the volume on the device is in that state
mounts_as() {
	local name=$1 want=$2 before
	t_eq "$name (features_incompat $(field features_incompat), features_ro_compat $(field features_ro_compat))" "$want" "$(state)"
	t "the stock kernel fills $name" filled || return
	before=$(digest)
	[ $want = read-write ] || no_mount "$name" rw
	if [ $want = refused ]; then
		no_mount "$name" ro
	else
		t "$name mounts read-only" mount_dx -o ro || return
		t "and holds what the stock kernel put there" sees_the_same
		[ $want = read-write ] || t_fails "and does not become read-write" mount -o remount,rw $MNT
		t "unmounts" umount_fs
	fi
	t_eq "nothing was written to $name" "$before" "$(digest)"
	[ $want = read-write ] || return
	t "$name mounts read-write" mount_dx
	t "a tree is removed and another made" eval 'rm -rf $MNT/* && fill $MNT 100'
	t "clean" umount_check
}

# The options that the kernel log names, tried one after another until the volume mounts.
obeyed() {
	local opts=() new
	for _ in 1 2 3 4 5 6; do
		env DX_MKFS_DEFAULTS=1 mkfs.xfs -q -f -d size=$SIZE "${opts[@]}" "$DEV" || return
		klog_mark
		mount_dx && { umount_check; return; }
		new=$(_klog | sed -n 's/.*dioxfs.*mkfs\.xfs \(-[a-z] [a-z0-9]*=0\).*/\1/p')
		[ -n "$new" ] || { _klog; return 1; }
		# shellcheck disable=SC2206
		opts+=($new)
		echo "with ${opts[*]}"
	done
	return 1
}

if [ $FSTYPE != dioxfs ]; then
	skip "default volumes" "the stock kernel knows what its mkfs.xfs makes"
	exit
fi
env DX_MKFS_DEFAULTS=1 mkfs.xfs -q -f -d size=$SIZE "$DEV"
mounts_as "a default volume of ${release#mkfs.xfs version }" read-write
t "what the kernel log says to mkfs.xfs makes a volume that mounts" obeyed

while read -r name opt want; do
	mkfs.xfs -q -f -d size=$SIZE ${opt/,/ } "$DEV" 2>/dev/null || { skip "a volume with $name" "${release} does not make it"; continue; }
	mounts_as "a volume with $name" $want
done <<E2
rmapbt -m,rmapbt=1 read-write
nrext64 -i,nrext64=1 read-write
exchange -i,exchange=1 read-write
parent -n,parent=1 read-write
E2
