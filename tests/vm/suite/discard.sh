#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=200
#
# FITRIM and online discard reach the device and take nothing that is in use.
. /t/lib.sh

# By configfs: before 5.14 null_blk takes neither discard nor memory_backed as a parameter, and does not say so.
C=/sys/kernel/config/nullb/nullb0
null_disk() {
	modprobe null_blk nr_devices=0 2>/dev/null || return
	grep -q " /sys/kernel/config " /proc/mounts || mount -t configfs none /sys/kernel/config
	mkdir $C && echo 1024 >$C/size && echo 1 >$C/memory_backed && echo 1 >$C/discard && echo 1 >$C/power && [ -b /dev/nullb0 ]
}
if null_disk; then
	N=/dev/nullb0
	used() { awk '{print $1}' /sys/block/nullb0/stat >/dev/null; awk '{print $14}' /sys/block/nullb0/stat; }
	mkfs.xfs -q -f -K $N
	t "mounts on a device that discards" mount -t $FSTYPE -o discard $N $MNT
	dd if=/dev/zero of=$MNT/big bs=1M count=64 2>/dev/null
	sync
	before=$(used)
	rm $MNT/big
	sync
	sleep 2
	sync -f $MNT
	sleep 1
	t "freed space is discarded online" test "$(used)" -gt "$before"
	before=$(used)
	t "fstrim trims most of the volume" bash -c "fstrim -v $MNT | grep -E '9[0-9]{2}|[1-9]\.?[0-9]* GiB'"
	t "fstrim reaches the device" test "$(used)" -gt "$before"
	dd if=/dev/urandom of=$MNT/data bs=1M count=16 2>/dev/null
	md5sum $MNT/data >"$TMP/md5"
	for i in 1 2 3 4 5 6; do cp $MNT/data $MNT/d$i; sync; rm $MNT/d$i; fstrim $MNT; done &
	fsx -s 5 -n 400 $MNT/f >"$TMP/fsx" 2>&1
	rc=$?
	wait
	t_eq "random operations beside fstrim and online discard match the array" 0 $rc
	t "a file survives the trims around it" md5sum -c "$TMP/md5"
	t_errno "fstrim with a minimum larger than the volume is refused" "Invalid argument" fstrim -m 100G -o 100G $MNT
	before=$(used)
	t "a read-only mount can be trimmed" bash -c "mount -o remount,ro $MNT && fstrim $MNT"
	t "which reaches the device" test "$(used)" -gt "$before"
	umount $MNT
	t "xfs_repair agrees after discards" repair_check $N
	rmdir $C
	rmmod null_blk
else
	skip "discards on null_blk" "no null_blk"
fi
