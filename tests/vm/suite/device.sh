#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=150
# vm: allow=bdi-block not registered|cut here|__mark_inode_dirty|(Call|Register) Trace|RIP: .*__mark_inode_dirty
# vm: allow=I/O error|rejecting I/O to (dead|offline) device|Synchronizing SCSI cache|lost (async|sync) page write
#
# What a device can do, or has done to it: writes that are whole or not at all (RWF_ATOMIC), zeroes that need not be written
# (FALLOC_FL_WRITE_ZEROES), and that it is taken away.
. /t/lib.sh

# $1...: parameters of scsi_debug. Sets D, its device.
disk_up() {
	modprobe sd_mod 2>/dev/null
	modprobe scsi_debug dev_size_mb=400 "$@" 2>/dev/null || return
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		D=$(find /sys/bus/pseudo/drivers/scsi_debug/adapter0/ -path '*/block/sd*' -name 'sd?' 2>/dev/null | head -n 1)
		D=/dev/${D##*/}
		[ -b "$D" ] && return
		sleep 0.5
	done
	return 1
}
disk_down() { for _ in 1 2 3 4 5 6; do rmmod scsi_debug 2>/dev/null && return; sleep 0.5; done; return 1; }
mount_d() { mount -t $FSTYPE "$D" $MNT; }

# ------------------------------------------------------------ without such a device
fresh_fs
mount_dx
xfs_io -f -c "pwrite -q 0 64k" $MNT/f
if xfs_io -c "help pwrite" | grep -q -- '-A'; then
	t_errno "a write that is whole: not on this device" "not supported" xfs_io -d -c "pwrite -q -A -V 1 -b 4k 0 4k" $MNT/f
fi
if xfs_io -c "help fwzero" 2>/dev/null | grep -q "^fwzero "; then
	t_errno "zeroes without writing: not on this device" "not supported" xfs_io -c "fwzero 0 64k" $MNT/f
fi
t "unmounts" umount_check

# ------------------------------------------------------------ whole or not at all
if since 6.16 && disk_up atomic_wr=1; then
	mkfs.xfs -q -f "$D"
	t "mounts on a device that writes whole" mount_d
	xfs_io -f -c "pwrite -q -S 1 0 1m" $MNT/f
	cp --reflink=always $MNT/f $MNT/twin 2>/dev/null
	t_eq "statx says so" 2 "$(xfs_io -c "statx -r -m 0x10000" $MNT/f | grep -cE 'atomic_write_unit_(min|max) = 4096$')"
	atomic() { xfs_io -d -c "pwrite -q -A -V 1 -S $1 -b $2 $3 $2" $MNT/f; }
	T=/sys/kernel/tracing
	grep -q " $T " /proc/mounts || mount -t tracefs none $T
	echo 1 >$T/events/block/block_rq_issue/enable
	t "a block" atomic 2 4096 8192
	echo 0 >$T/events/block/block_rq_issue/enable
	t "which the device is told (U)" grep -qE 'block_rq_issue: [0-9,]+ W[A-Z]*U' $T/trace
	t "of a hole" bash -c "xfs_io -c 'fpunch 64k 64k' $MNT/f; xfs_io -d -c 'pwrite -q -A -V 1 -S 3 -b 4k 64k 4k' $MNT/f"
	t "at the end of the file" atomic 4 4096 1048576
	t_errno "not two" "Invalid argument" atomic 5 8192 8192
	t_errno "nor half a one" "Invalid argument" atomic 5 2048 8192
	t_errno "nor one that lies across two" "Invalid argument" atomic 5 4096 6144
	t_errno "nor through the page cache" "not supported" xfs_io -c "pwrite -q -A -V 1 -b 4k 0 4k" $MNT/f
	want=$(for s in 1:8 2:4 1:52 3:4 0:60 1:896 4:4; do
		head -c $((${s#*:} * 1024)) /dev/zero | tr '\0' "\\${s%:*}"; done | md5sum)
	drop_caches
	t_eq "all of it is where it belongs" "$want" "$(md5sum <$MNT/f)"
	t_eq "and not in the twin" "$(head -c 1048576 /dev/zero | tr '\0' '\1' | md5sum)" "$(md5sum <$MNT/twin)"
	umount $MNT
	t "clean" repair_check "$D"
	t "the disk is gone" disk_down
else
	skip "writes that are whole" "no kernel, or no disk, for it"
fi

# ------------------------------------------------------------ zeroes that are not written
if since 6.17 && disk_up lbpws=1 lbprz=1 && [ "$(cat /sys/block/"${D##*/}"/queue/write_zeroes_unmap_max_hw_bytes)" != 0 ]; then
	mkfs.xfs -q -f -K "$D"
	t "mounts on a device that zeroes without writing" mount_d
	xfs_io -f -c "pwrite -q -S 7 0 1m" -c fsync $MNT/z
	cp --reflink=always $MNT/z $MNT/zt
	t "zeroes in the middle, of parts of blocks too" xfs_io -c "fwzero 10000 100000" $MNT/z
	t "and past the end, which moves" xfs_io -c "fwzero 1048000 1m" $MNT/z
	t_eq "the size" $((1048000 + 1048576)) "$(stat -c %s $MNT/z)"
	sync -f $MNT
	t_eq "no extent is unwritten" 0 "$(xfs_bmap -vp $MNT/z | grep -cE ' [01]?1[01]{4}$')"
	want=$({ head -c 10000 /dev/zero | tr '\0' '\7'; head -c 100000 /dev/zero; head -c 938000 /dev/zero | tr '\0' '\7'
		head -c 1048576 /dev/zero; } | md5sum)
	drop_caches
	t_eq "what it reads" "$want" "$(md5sum <$MNT/z)"
	t_eq "and the twin" "$(head -c 1048576 /dev/zero | tr '\0' '\7' | md5sum)" "$(md5sum <$MNT/zt)"
	umount $MNT
	t "clean, too" repair_check "$D"
	t "that disk is gone" disk_down
else
	skip "zeroes that are not written" "no kernel, or no disk, for it"
	disk_down
fi

# ------------------------------------------------------------ taken away
if disk_up; then
	host=$(basename "$(find /sys/bus/pseudo/drivers/scsi_debug/adapter0/ -maxdepth 1 -name 'host*')")
	mkfs.xfs -q -f "$D"
	mount_d
	dd if=/dev/urandom of=$MNT/kept bs=1M count=8 conv=fsync 2>/dev/null
	md5=$(md5sum <$MNT/kept)
	sync -f $MNT
	klog_mark
	echo 1 >/sys/block/"${D##*/}"/device/delete
	if since 6.5; then
		t "the kernel log says that the device is gone" kernel_says "shut down in .* the device is gone"
	fi
	sync -f $MNT 2>/dev/null
	# syncfs(2) says nothing before 5.8; writing back to a device that is gone warns before 5.15
	t_fails "nothing is written any more" xfs_io -f -c "pwrite -q 0 1" -c fsync $MNT/new
	sync -f $MNT 2>/dev/null
	t "it is shut down" kernel_says "shut down in"
	t "unmounts" umount $MNT
	echo "- - -" >/sys/class/scsi_host/"$host"/scan
	sleep 2
	D=$(find /sys/bus/pseudo/drivers/scsi_debug/adapter0/ -path '*/block/sd*' -name 'sd?' | head -n 1)
	D=/dev/${D##*/}
	t "it is there again, and is mounted" mount_d
	t_eq "with what was synced" "$md5" "$(md5sum <$MNT/kept)"
	umount $MNT
	t "clean after that" repair_check "$D"
	t "the last disk is gone" disk_down
else
	skip "a device that is taken away" "no scsi_debug"
fi
