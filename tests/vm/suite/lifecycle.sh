#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=400
#
# Mount, remount, freeze, sync, unlinked files and the end of a mount.
. /t/lib.sh

magic() { [ "$(stat -f -c %t $MNT)" = 58465342 ]; }

fresh_fs
t "mounts" mount_dx
t "statfs says XFS" magic
echo one >$MNT/one
t "remounts read-only" mount -o remount,ro $MNT
t_errno "a read-only mount refuses a new file" "Read-only" touch $MNT/two
t_errno "a read-only mount refuses a removal" "Read-only" rm -f $MNT/one
t "what was written is there" grep -q one $MNT/one
t "the volume is clean on disk while mounted read-only" repair_check
t "remounts read-write" mount -o remount,rw $MNT
t "a file is made after the remount" touch $MNT/two
exec 9>$MNT/open
t_errno "remount read-only waits for writers to close" "busy" mount -o remount,ro $MNT
t_errno "unmount with an open file is busy" "busy" umount $MNT
exec 9>&-
t "unmounts, clean" umount_check
t "mounts read-only" mount_dx -o ro
t_errno "nothing is written to a read-only mount" "Read-only" touch $MNT/three
cp /dev/null "$TMP/x"
t "unmounts" umount_fs
t "mounts twice in a row" eval 'mount_dx && umount_fs && mount_dx && umount_fs'
t "a second mount of the same device shares the first" eval 'mount_dx && mount -t $FSTYPE $DEV $MNT2 && touch $MNT/shared && test -e $MNT2/shared && umount $MNT2'
[ $FSTYPE = xfs ] || t_fails "stock XFS does not mount a device that is in use" mount -t xfs "$DEV" $MNT2
umount $MNT2 2>/dev/null
t "unmounts" umount_check

# Two volumes with one uuid.
if [ $FSTYPE = dioxfs ] || [ $FSTYPE = xfs ]; then
	dd if="$DEV" of="$DEV2" bs=1M count=1024 2>/dev/null
	mount_dx
	t_fails "a second volume with the same uuid is refused" mount -t $FSTYPE "$DEV2" $MNT2
	t "nouuid lets it in" mount -t $FSTYPE -o nouuid "$DEV2" $MNT2
	umount $MNT2
	t "unmounts" umount_check
fi

# ------------------------------------------------------------ freeze and thaw under load
fresh_fs
mount_dx
ackload run -t 8 -w 3 $MNT >"$TMP/journal" 2>"$TMP/err" &
load=$!
frozen_ok() {
	local i
	for i in 1 2 3 4 5; do
		timeout 30 fsfreeze -f $MNT || return
		# what is on disk now is complete: a copy of it needs no recovery
		if [ $i = 3 ]; then
			xfs_logprint -t "$DEV" >"$TMP/lp" 2>&1
			cp "$TMP/journal" "$TMP/at-freeze"
			dd if="$DEV" of="$DEV2" bs=4M 2>/dev/null
		fi
		sleep 0.2
		timeout 30 fsfreeze -u $MNT || return
		sleep 0.3
	done
}
t "freezes and thaws five times under load" frozen_ok
t "the load goes on to its end" wait $load
t "all is there after the load" ackload check "$TMP/journal" $MNT
t "a copy taken while frozen is clean to xfs_repair after its log" eval \
	'mount -t $FSTYPE -o nouuid $DEV2 $MNT2 && ackload check $TMP/at-freeze $MNT2 && umount $MNT2 && repair_check $DEV2'
t "unmounts" umount_check

# ------------------------------------------------------------ files without names
fresh_fs
mount_dx
hold() {
	local i
	for i in $(seq 40); do
		eval "exec {fd}<>$MNT/f$i"
		head -c 20000 /dev/zero >&$fd
		rm $MNT/f$i
		# these are in the lists on the disk, those that follow only in the log
		[ $i != 20 ] || { fsfreeze -f $MNT && fsfreeze -u $MNT; } || return
	done
	mkdir $MNT/d
	eval "exec {fd}<$MNT/d"
	rmdir $MNT/d
	xfs_io -c fsync $MNT
	echo held
	exec sleep 100
}
hold >"$TMP/held" &
holder=$!
unlinked() { local a; for a in 0 1 2 3; do xfs_db -r -c "agi $a" -c 'p unlinked' "$DEV"; done | grep -E '= .*[0-9]+:[0-9]|\] = [0-9]'; }
for _ in $(seq 100); do grep -q held "$TMP/held" && break; sleep 0.1; done
t "forty files and a directory are unlinked while open" grep -q held "$TMP/held"
t "the volume is shut down with the log flushed" xfs_io -x -c "shutdown -f" $MNT
kill $holder
wait $holder 2>/dev/null
t "unmounts after the shutdown" umount_fs
t "those of before the freeze are in the lists on the disk" unlinked
t "mounts and recovers" mount_dx
t "the names are gone" test ! -e $MNT/f1
sync
sleep 1
t "unmounts, clean: recovery freed what nobody can reach" umount_check
t_fails "the lists are empty then" unlinked
t "no inode is left behind" test "$(xfs_db -r -c 'sb 0' -c 'p icount ifree' "$DEV" | awk '{s = s ? s - $3 : $3} END {print s}')" -le 3

# ------------------------------------------------------------ sync
fresh_fs
mount_dx
ackload run -t 2 -w 2 $MNT >/dev/null 2>&1
echo synced >$MNT/synced
t "syncs" sync
t "shuts down without flushing the log" xfs_io -x -c shutdown $MNT
t "unmounts" umount_fs
t "mounts and recovers" mount_dx
t "what sync wrote is there" grep -q synced $MNT/synced
t "unmounts, clean" umount_check

# An idle mount covers its log.
fresh_fs
mount_dx
touch $MNT/x
sync
t "the module or kernel is free of the volume after unmount" umount_fs
if [ $FSTYPE = dioxfs ]; then
	t "the module unloads" rmmod dioxfs
	t "and loads again" insmod /t/dioxfs.ko
	t "and mounts" mount_dx
	t "counters are in sysfs" test -n "$(find "$SYSFS/" -type f | head -n 1)"
	t "unmounts" umount_check

	# durable when it returns
	log_forced() { local n; n=$(cat "$SYSFS/log/forces"); "$@" && test "$(cat "$SYSFS/log/forces")" -gt "$n"; }
	for o in wsync sync dirsync; do
		t "mounts with $o" mount_dx -o $o
		t "$o: mkdir forces the log" log_forced mkdir $MNT/$o
		t "$o: a removal, too" log_forced rmdir $MNT/$o
		echo x >$MNT/f
		[ $o = dirsync ] || t "$o: truncate, too" log_forced truncate -s 0 $MNT/f
		[ $o = dirsync ] || t "$o: fallocate, too" log_forced fallocate -l 1m $MNT/f
		[ $o = dirsync ] || t "$o: and flags" log_forced xfs_io -c "chattr +d" $MNT/f
		t "$o: unmounts" umount_check
	done
	t "mounts without" mount_dx
	t "a mkdir is forced after a remount with sync" eval 'mount -o remount,sync $MNT && log_forced mkdir $MNT/d'
	t_fails "and not after one without" eval 'mount -o remount,async $MNT && log_forced mkdir $MNT/d2'
	mkdir $MNT/d3
	t "that of a directory with chattr +S is" eval 'xfs_io -c "chattr +s" $MNT/d3 && log_forced mkdir $MNT/d3/d'
	t "unmounts" umount_check

	# fstype=xfs: in place of the stock module, never beside it
	grep -qw xfs /proc/filesystems || modprobe xfs
	rmmod dioxfs
	klog_mark
	t_fails "fstype=xfs is refused while the stock xfs is there" insmod /t/dioxfs.ko fstype=xfs
	t "and the kernel log says why" kernel_says 'dioxfs: fstype=xfs: the name is taken.*rmmod xfs'
	klog_mark
	t_errno "fstype takes dioxfs and xfs only" "Invalid" insmod /t/dioxfs.ko fstype=btrfs
	t "and the kernel log says so" kernel_says 'fstype=btrfs: must be dioxfs or xfs'
	t "nothing of it stays" eval '! grep -qw dioxfs /proc/filesystems && ! test -e /sys/fs/dioxfs'
	if rmmod xfs; then
		t "fstype=xfs loads without the stock xfs" insmod /t/dioxfs.ko fstype=xfs
		t "mount -t xfs is ours" eval 'mount -t xfs $DEV $MNT && test -d $SYSFS && grep -q " $MNT xfs " /proc/mounts'
		t "a mount under one name keeps the other off the device" eval '! mount -t dioxfs $DEV $MNT2'
		t "xfs_info knows the mount point" xfs_info $MNT
		t "unmounts" umount_check
		t "mount -t dioxfs works as well" eval 'mount -t dioxfs $DEV $MNT && umount $MNT'
		t_fails "the stock xfs finds the name taken" modprobe xfs
		t "the module unloads" rmmod dioxfs
		t "and leaves the name to the stock xfs" modprobe xfs
	else
		skip "fstype=xfs loads without the stock xfs" "the stock xfs does not unload here"
	fi
	t "the module loads as before" insmod /t/dioxfs.ko
fi
