#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=600 mem=512
#
# 512 MiB, most of it taken: reclaim runs all the time and calls us while we hold locks.
. /t/lib.sh
INODES=${DX_INODES:-4000}	# make test-long: 20,000
LIMIT=$((120 + INODES / 50))	# seconds for something with all of them
began=${EPOCHREALTIME/./}
lap() { echo "# $1: $(((${EPOCHREALTIME/./} - began) / 1000)) ms"; began=${EPOCHREALTIME/./}; }

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
rm -f $MNT/big
lap "all of it"

# Dirty inodes are written from the buffers of their clusters, and no memory may be needed to clean memory: the
# buffers stay, whatever presses. Where they went, every cluster is read again. The data that presses is another volume's:
# what this device reads and writes is inodes.
names() { seq -f "$MNT/n%g/" 1 8 | while read -r d; do seq -f "$d%g" 1 $((INODES / 8)); done; }
dirty() { names | xargs chmod 600; }
press() { dd if=/dev/zero of=$MNT2/big bs=1M count=200 conv=fsync status=none && echo 3 >/proc/sys/vm/drop_caches; }
clean() { fsfreeze -f $MNT && fsfreeze -u $MNT; }
reads() { read -r -a stat <"/sys/block/${DEV##*/}/stat"; echo "${stat[0]}"; }
written() { read -r -a stat <"/sys/block/${DEV##*/}/stat"; echo "${stat[6]}"; }
t "a volume for data" eval 'mkfs.xfs -q -f "$DEV2" && mount -t xfs "$DEV2" $MNT2'
t "makes $INODES files" eval 'mkdir $MNT/n{1..8} && names | xargs touch'
t "unmounts" umount_fs
t "mounts" mount_dx
lap "made"
t "changes them all" with_timeout $LIMIT dirty
r=$(reads) w=$(written)
lap "dirty"
t "while memory is wanted for data" with_timeout $LIMIT press
lap "pressed: $(($(reads) - r)) reads, $(($(written) - w)) sectors written"
t "all are written" with_timeout $LIMIT clean
r=$(($(reads) - r)) w=$(($(written) - w))
lap "clean: $r reads, $w sectors written"
t "which were dirty until then: $w sectors" [ $w -ge $INODES ]
t "and no cluster was read for it: $r reads" [ $r -lt 8 ]
t "and all is as it was told" eval '[ "$(find $MNT/n? -type f -perm 600 | wc -l)" = $INODES ]'
rm -f /tmp/hog
umount $MNT2
t "clean" umount_check
lap "looked at"
