#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=240 mem=512
#
# 512 MiB, most of it taken: reclaim runs all the time and calls us while we hold locks.
. /t/lib.sh

fresh_fs
t "mounts" mount_dx
# Leave about 100 MiB: the rest goes to a file in memory, which cannot be swapped out.
avail=$(awk '/MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
[ $avail -gt 120 ] && dd if=/dev/zero of=/tmp/hog bs=1M count=$((avail - 100)) 2>/dev/null
t "every operation at once with little memory" stress -p 4 -t 25 -s 5 $MNT
# It works for a time, not to a size: a fast machine has filled the volume by now.
rm -rf ${MNT:?}/*
many() {
	local d i
	for d in 1 2 3 4; do
		(mkdir -p $MNT/m$d && cd $MNT/m$d && for ((i = 0; i < 2500; i++)); do echo $i >n$i; done) &
	done
	wait
	[ "$(find $MNT/m? -type f | wc -l)" = 10000 ] && rm -rf $MNT/m?
}
t "creates and removes 10,000 files with little memory" with_timeout 120 many
t "reads and writes more than there is memory" eval \
	'dd if=/dev/zero of=$MNT/big bs=1M count=300 status=none && dd if=$MNT/big of=/dev/null bs=1M status=none'
rm -f /tmp/hog
t "clean" umount_check
