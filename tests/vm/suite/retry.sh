#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=240 disk=600M own
# vm: allow=I/O error|Buffer I/O|blk_update_request|cannot write metadata|shut down in|orrupt
#
# Metadata cannot be written for a while, the log and data can: nobody notices. Limits, as an administrator may set
# them in sysfs; unmounts, which end.
. /t/lib.sh

export TEST_DIR=/x TEST_DEV=/x QA_CHECK_FS=/x
export DM_DISABLE_UDEV=1	# there is none to make the nodes
needs dm-flakey
SECT=$((128 << 11))
AGSECT=$((SECT / 4))
HEADERS=40	# sectors: of an AG's headers and the roots of its trees; no data lies there, nor does the log
DM=/dev/mapper/flaky

table() {
	local at
	[ $1 = good ] && echo "0 $SECT linear $DEV 0" && return
	for ((at = 0; at < SECT; at += AGSECT)); do
		echo "$at $HEADERS flakey $DEV $at 0 3600 1 error_writes"
		echo "$((at + HEADERS)) $((AGSECT - HEADERS)) linear $DEV $((at + HEADERS))"
	done
}
turn() { dmsetup suspend --noflush --nolockfs flaky && table $1 | dmsetup reload flaky && dmsetup resume flaky; }
start() {
	mkfs.xfs -q -f -d size=128m,agcount=4 -l size=10m "$DEV" && table good | dmsetup create flaky &&
		mount -t $FSTYPE $DM $MNT && E=$(echo /sys/fs/$FSTYPE/dm-*/error) && [ -d "$E" ]
}
stop() {
	turn good
	grep -q " $MNT " /proc/mounts && umount_fs
	repair_check $DM && dmsetup remove flaky
}
set_to() { echo "$2" >"$E/$1" && [ "$(cat "$E/$1")" = "$2" ]; }

away() {
	start || return
	ackload run -t 9 -s 3 -m 64 $MNT >"$TMP/journal" 2>"$TMP/err" &
	sleep 2
	klog_mark
	turn bad
	sleep 4
	sleep 2
	turn good
	wait $! || { cat "$TMP/err"; return 1; }
	touch $MNT/alive && sync -f $MNT && ackload check "$TMP/journal" $MNT
}
t "metadata writes that fail for some seconds beside a load: no error, nothing missing" away
t "clean" stop

frozen() {
	touch $MNT/kept
	klog_mark
	turn bad
	fsfreeze -f $MNT &
	sleep 4
	kill -0 $! 2>/dev/null || { echo "the freeze did not wait"; return 1; }
	turn good
	wait $! && fsfreeze -u $MNT && kernel_says 'cannot write metadata' && touch $MNT/alive
}
t "mounts" start
t_eq "retries: for ever, but not of a device that is gone; an unmount gives up" "-1 -1 0 -1 1" \
	"$(cat $E/metadata/{EIO,ENOSPC,ENODEV,default}/max_retries $E/fail_at_unmount | xargs)"
t_eq "no time limits" "-1 -1 -1 -1" "$(cat $E/metadata/{EIO,ENOSPC,ENODEV,default}/retry_timeout_seconds | xargs)"
t "a freeze waits for a device that fails, and gets everything written" frozen
t "a number of retries can be set" set_to metadata/EIO/max_retries 3
t "a time too" set_to metadata/default/retry_timeout_seconds 86400
t_fails "but not -2" set_to metadata/EIO/max_retries -2
t_fails "nor more than a day" set_to metadata/default/retry_timeout_seconds 86401
touch $MNT/synced
sync -f $MNT
turn bad
t_fails "after so many it shuts down" with_timeout 30 mount -o remount,ro $MNT
t_fails "for good" touch $MNT/no
t "it unmounts" umount_fs
turn good
t "and recovers" mount -t $FSTYPE $DM $MNT
t "what was synced is there" test -e $MNT/synced
t "clean" stop

t "mounts" start
touch $MNT/kept
turn bad
t "an unmount ends although metadata cannot be written" with_timeout 40 umount $MNT
turn good
t "it recovers" mount -t $FSTYPE $DM $MNT
t "nothing is missing" test -e $MNT/kept
t "an unmount can be told to wait" set_to fail_at_unmount 0
touch $MNT/more
turn bad
umount $MNT &
U=$!
sleep 4
t "it waits" kill -0 $U
gone() { while kill -0 $U 2>/dev/null; do sleep 0.2; done; }
t "until it is told not to" bash -c "echo 1 >$E/fail_at_unmount"	# and then it is soon gone
t "then it ends" with_timeout 20 gone
turn good
t "it recovers" mount -t $FSTYPE $DM $MNT
t "nothing is missing" test -e $MNT/more
t "clean" stop
