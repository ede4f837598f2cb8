#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=240
#
# Many processes at once, every operation, while the volume is frozen, squeezed,
# unmounted, and the module unloaded: no error that no operation may give, no line in the kernel log,
# and a volume that xfs_repair likes. Made for the debug kernel (make test-debug), useful anywhere.
. /t/lib.sh

SECS=${STRESS_SECS:-12}

# NAME | MKFS-OPTIONS | OPERATIONS
while IFS="|" read -r name opts list; do
	# shellcheck disable=SC2086
	fresh_fs $opts
	t "mounts for $name" mount_dx || continue
	t "$name" stress -p 5 -t $SECS -s $RANDOM ${list:+-x $list} $MNT
	t "clean after $name" umount_check
done <<EOT
every operation at once||
every operation at once, 1k blocks|-b size=1024|
names only|-b size=1024 -n size=4096|create,unlink,mkdir,rmdir,link,symlink,rename,readdir,tmpfile,orphan
mmap against truncate and fallocate||create,mmap,truncate,fallocate,write,dwrite,read
EOT

# Freezing shuts every writer out, thawing lets them in again; the unlinked wait.
fresh_fs
mount_dx
freeze_loop() {
	local i rc=0
	stress -p 4 -t $SECS -s 77 $MNT &
	local pid=$!
	for ((i = 0; i < 8; i++)); do
		sleep 0.7
		fsfreeze -f $MNT || rc=1
		[ $i = 3 ] && { echo 2 >/proc/sys/vm/drop_caches; sleep 0.5; }
		sleep 0.3
		fsfreeze -u $MNT || rc=1
	done
	wait $pid || rc=1
	return $rc
}
t "freezes and thaws under load" with_timeout 100 freeze_loop
t "clean after freezing" umount_check

# Caches thrown away under load: inodes and buffers are read again while in use.
fresh_fs
mount_dx
squeeze() {
	local rc=0
	stress -p 4 -t $SECS -s 78 $MNT &
	local pid=$!
	while kill -0 $pid 2>/dev/null; do
		echo 3 >/proc/sys/vm/drop_caches
		echo 1 >/proc/sys/vm/compact_memory
		sleep 0.2
	done
	wait $pid || rc=1
	return $rc
}
t "drops caches under load" with_timeout 100 squeeze
t "remounts read-only and back under a directory that is open" eval \
	'mount -o remount,ro $MNT && mount -o remount,rw $MNT && mount -o remount,ro $MNT'
t "clean after dropping caches" umount_check

mount_loop() {
	local i
	for i in 1 2 3 4 5 6 7 8; do
		mount_dx || return 1
		stress -p 2 -n 60 -s $i $MNT || return 1
		umount_fs || return 1
	done
}
t "mounts and unmounts again and again with work in between" with_timeout 100 mount_loop
t "clean after it" repair_check

# Full: every operation meets ENOSPC somewhere.
mkfs.xfs -q -f -d size=320m "$DEV"
mount_dx
xfs_io -f -c "falloc 0 $(($(stat -f -c '%a*%S' $MNT) - (4 << 20)))" $MNT/hog
t "every operation at once on a full volume" stress -p 4 -t $SECS -s 79 $MNT
t "clean after being full" umount_check

# A volume that shuts down under load: errors, but no more than that.
fresh_fs
mount_dx
shut_down() {
	stress -p 4 -t 6 -s 80 $MNT >/dev/null 2>&1 &
	local pid=$!
	sleep 2.5
	xfs_io -x -c shutdown $MNT || return 1
	wait $pid
	umount_fs
}
t "shuts down under load and unmounts" with_timeout 60 shut_down
t "the next mount recovers" mount_dx
t "clean after the recovery" umount_check

if [ "$FSTYPE" = dioxfs ] && [ -f /t/dioxfs.ko ]; then
	reload() {
		local i
		for i in 1 2 3 4; do
			rmmod dioxfs && insmod /t/dioxfs.ko && mount_dx && stress -p 2 -n 40 -s $i $MNT && umount_fs || return 1
		done
	}
	t "the module unloads and loads again, leaving nothing behind" with_timeout 60 reload
fi
