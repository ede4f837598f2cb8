#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=400 disk=600M own
# vm: allow=I/O error|Buffer I/O|blk_update_request|orrupt|Unmount and run|lost async page write|xfs_do_force|Internal error
#
# The device fails in the middle of a load: writes, or everything, for good or for a
# moment. The filesystem answers with errors or shuts down; it neither oopses nor hangs, and after
# recovery everything that fsync acknowledged is there and xfs_repair -n is clean.
. /t/lib.sh

export TEST_DIR=/x TEST_DEV=/x QA_CHECK_FS=/x
export DM_DISABLE_UDEV=1	# there is none to make the nodes
needs dm-flakey
SECT=$((128 << 11))
DM=/dev/mapper/flaky

table() {
	case $1 in
	good) echo "0 $SECT linear $DEV 0" ;;
	error) echo "0 $SECT error" ;;
	error_writes) echo "0 $SECT flakey $DEV 0 0 3600 1 error_writes" ;;
	sometimes) echo "0 $SECT flakey $DEV 0 1 1" ;;
	log) # the middle of the volume, where the log is, fails
		local at=$((SECT / 2))
		echo "0 $at linear $DEV 0"
		echo "$at $((SECT - at)) error" ;;
	esac
}
# The filesystem, or what lies beneath, has met an error since klog_mark.
met() { _klog | grep -qE 'I/O error|error -5|lost|shut' || { echo "no error was met"; return 1; }; }
switch() { dmsetup suspend --noflush --nolockfs flaky && table $1 | dmsetup reload flaky && dmsetup resume flaky; }

# KIND SEED
run() {
	local kind=$1 seed=$2
	mkfs.xfs -q -f -d size=128m -l size=10m "$DEV" || return
	table good | dmsetup create flaky || return
	mount -t $FSTYPE $DM $MNT || { dmsetup remove flaky; return 1; }
	ackload run -t 4 -s $seed -m 64 $MNT >"$TMP/journal" 2>"$TMP/err" &
	local load=$!
	sleep 1.$((seed * 37 % 10))
	klog_mark
	switch $kind || { echo "the device does not turn $kind"; return 1; }
	# some more errors by hand, from every entrance
	(ls -lR $MNT; touch $MNT/new; mkdir $MNT/d; rm -rf $MNT/w0/churn/1*; sync -f $MNT; df $MNT) >/dev/null 2>&1 &
	local hand=$!
	local i
	for ((i = 0; i < 300; i++)); do kill -0 $load 2>/dev/null || kill -0 $hand 2>/dev/null || break; sleep 0.1; done
	if kill -0 $load 2>/dev/null; then echo "the load hangs"; echo w >/proc/sysrq-trigger; return 1; fi
	wait $load
	if kill -0 $hand 2>/dev/null; then echo "a call hangs"; echo w >/proc/sysrq-trigger; return 1; fi
	grep -v 'Input/output error' "$TMP/err" >"$TMP/err2" && { cat "$TMP/err2"; return 1; }
	timeout 60 umount $MNT || { echo "unmount: $?"; return 1; }
	met || return
	[ -s "$TMP/journal" ] || { echo "nothing was acknowledged"; return 1; }
	switch good || return
	mount -t $FSTYPE $DM $MNT || { echo "does not recover"; dmesg | tail; return 1; }
	umount_fs || return
	repair_check $DM || return
	mount -t $FSTYPE $DM $MNT || return
	ackload check "$TMP/journal" $MNT || return
	umount_fs
	dmsetup remove flaky
	wc -l <"$TMP/journal"
}
for kind in error_writes error sometimes log; do
	for seed in 1 2; do
		t "device that turns $kind in the middle of load $seed: errors, no hang, nothing acknowledged lost" run $kind $seed
		umount $MNT 2>/dev/null
		dmsetup remove -f flaky 2>/dev/null
	done
done

# Reads that fail now and then under a walk of a cold tree.
mkfs.xfs -q -f -d size=128m -l size=10m "$DEV"
table good | dmsetup create flaky
mount -t $FSTYPE $DM $MNT
fill $MNT 500 2>/dev/null || fill $MNT/many 1 2>/dev/null
drop_caches
walk -n $MNT >"$TMP/want" 2>&1
drop_caches
t "the device turns sometimes" switch sometimes
walk_through() { timeout 100 walk -n $MNT >"$TMP/walk" 2>&1; [ $? -lt 124 ]; }
t "a walk over a device whose reads fail every other second ends" walk_through
t "the device turns good" switch good
drop_caches
t "the volume unmounts" timeout 60 umount $MNT
t "it mounts again when the device is well" mount -t $FSTYPE $DM $MNT
walk -n $MNT >"$TMP/got" 2>&1
t "nothing wrong was kept: the tree reads as before" diff "$TMP/want" "$TMP/got"
t "unmounts" umount_fs
t "clean" repair_check $DM
# A mount over a device that fails
t "the device turns error" switch error
t_fails "a mount of a device that only fails is refused" mount -t $FSTYPE $DM $MNT
switch good
dmsetup remove flaky

# Filled to the last block on a thin device: what the full disk does.
fresh_fs -d size=128m -l size=10m
mount_dx
for n in $(seq 12); do ackload run -t 1 -s $n -w 2 -m 200 $MNT >"$TMP/j$n" 2>/dev/null; dd if=/dev/zero of=$MNT/fill$n bs=1M count=10 2>/dev/null; done
t_errno "the volume is full" "No space" dd if=/dev/zero of=$MNT/more bs=1M count=100
t "cut off when full" cut_log
t "recovers when full" mount_dx
t "what the last load acknowledged on a full volume is there" ackload check "$TMP/j12" $MNT
t "unlink works on a full volume" rm $MNT/fill1
t "unmounts, clean" umount_check
