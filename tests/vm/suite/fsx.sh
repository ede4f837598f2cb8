#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=400
#
# Random operations of every kind on a file leave the bytes that a plain
# array has (L3, L4, L5, L7), for every block size, across remounts.
. /t/lib.sh

# NAME | OPERATIONS | SEEDS | MKFS-OPTIONS
while IFS="|" read -r name ops seeds opts; do
	blk=$(sed -n 's/.*-b size=\([0-9]*\).*/\1/p' <<<"$opts")
	# shellcheck disable=SC2086
	fresh_fs $opts || continue
	t "mounts a volume with $name" mount_dx || continue
	for s in $seeds; do
		t "$ops random operations match the array: $name, seed $s" \
			fsx -s $s -n $ops -b ${blk:-4096} -m "$TMP/model.$s" $MNT/f$s
	done
	t "remounts with $name" eval 'umount_fs && mount_dx'
	for s in $seeds; do
		t "the array still matches after a remount, and more operations: $name, seed $s" \
			fsx -s $s$s -n $((ops / 2)) -b ${blk:-4096} -m "$TMP/model.$s" $MNT/f$s
	done
	# Four at once, on four files: they share the free space and the log.
	pids=()
	for s in 11 12 13 14; do
		fsx -s $s -n $((ops / 4)) -b ${blk:-4096} -m "$TMP/model.$s" $MNT/f$s >"$TMP/par.$s" 2>&1 &
		pids+=($!)
	done
	par() { local rc=0 p; for p in "${pids[@]}"; do wait "$p" || rc=1; done; cat "$TMP"/par.*; return $rc; }
	t "four files at once: $name" par
	t "a clean unmount and a clean xfs_repair: $name" umount_check
	t "mounts again with $name" mount_dx
	for s in 11 12 13 14; do
		t "the array matches after the remount: $name, file $s" fsx -n 0 -m "$TMP/model.$s" $MNT/f$s
	done
	t "unmounts: $name" umount_fs
	rm -f "$TMP"/model.*
done <<EOT
defaults|1500|1 2 3|
1k blocks|600|4 5|-b size=1024
2k blocks|400|6|-b size=2048
lts_4.19|400|8|$LTS_4_19
extent size hints|400|9|-d extszinherit=16
EOT
