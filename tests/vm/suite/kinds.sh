#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=300
# vm: debug alone
#
# Space operations that do not stop everybody, beside direct I/O that a device holds in flight, and each order that makes them
# safe taken away once: then the same case must fail (src/vfs/lockout.h).
. /t/lib.sh

[ $FSTYPE = dioxfs ] || { skip "all of this" "stock has one kind"; exit 0; }
export DM_DISABLE_UDEV=1 HOLD_R HOLD_W	# there is no udev to make the nodes
needs dm-delay
disk=$DEV
sectors=$(blockdev --getsz "$disk")
device() { # READS WRITES: holds them for so many ms
	HOLD_R=$1 HOLD_W=$2
	dmsetup reload slow --table "0 $sectors delay $disk 0 $1 $disk 0 $2" && dmsetup suspend slow && dmsetup resume slow
}
t "a device that holds I/O is made" dmsetup create slow --table "0 $sectors delay $disk 0 0 $disk 0 0"
DEV=/dev/mapper/slow
name=$(readlink -f $DEV)
[ "$name" != $DEV ] || name=dm-$(dmsetup info -c --noheadings -o minor slow)
export SYSFS=/sys/fs/dioxfs/${name##*/}
# Before 5.15 the page cache does not take part: what could take a range stops everybody there.
ranges=1
since 5.15 || ranges=

nr=0
run() { # each in a file of its own, which stays: what it wrote is not taken for what another did
	nr=$((nr + 1))
	with_timeout 90 window "$1" $MNT/f$nr
}
tag() { echo "$2" >$SYSFS/errortag/"$1"; }
caught() { # TAG CASE REGEX: what it must say
	tag "$1" 1
	run "$2" >"$TMP/caught" 2>&1
	local rc=$?
	tag "$1" 0
	sed 's/^/# /' "$TMP/caught"
	[ $rc = 1 ] && grep -q "$3" "$TMP/caught"
}

# What was never written reads 'S', so that blocks which count and were not written show.
t "the device is prepared" dd if=<(tr '\0' S </dev/zero) of="$disk" bs=1M count=320 iflag=fullblock oflag=direct
# what is free must be what was freed: nothing is kept for a tree of owners, nor for a rainy day
fresh_fs -K -d size=320m -m rmapbt=0
device 0 0
mount_dx
xfs_io -x -c "resblks 0" $MNT >/dev/null
device 0 400
t "blocks are added beside a write in flight" run additive
t "an extending allocation takes the size that a write in flight makes" run extending
t "control: a size seen under the IOLOCK shared is set (size_under_shared)" caught size_under_shared extending "written up to"
t "control: a buffered write that does not wait for direct ones (buffered_undrained)" caught buffered_undrained buffered_inside_block "was written to"
if [ $ranges ]; then
	t "holes and zeroes beside a write in flight elsewhere" run ranged_beside
	t "a hole under a write in flight waits for it" run ranged_waits
	t "first come, first served" run first_come
	tag delay_dio_completion 1000
	t "zeroes wait until a write that they meet counts" run completion_in_range
	t "control: a write leaves its range before it counts (range_left_early)" caught range_left_early completion_in_range "has 'S'"
	tag delay_dio_completion 0
	t "a write waits for zeroes before it looks where its blocks are" run map_in_range
	t "control: it does not (range_after_map)" caught range_after_map map_in_range "has 'S'"
	device 3000 0	# on a loaded machine the blocks must find their next owner in this time
	t "a hole under a read in flight waits for it" run read_in_flight
	t "control: reads are in no range (reads_untracked)" caught reads_untracked read_in_flight "is 'F': another"
	device 20 0
	t "a write from a mapping of its own file, under holes" run buffer_is_mapping
	sed 's/^/# /' "$TMP/.out"
	t "control: the MMAPLOCK before the range (mmaplock_before_range)" caught mmaplock_before_range buffer_is_mapping lockout_violations
	echo 0 >$SYSFS/errortag/mmaplock_before_range
fi
device 0 0
t "nobody starves beside a stream of holes" run fair
sed 's/^/# /' "$TMP/.out"
t "unmounts, clean" umount_check
dmsetup remove slow
