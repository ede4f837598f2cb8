#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=400 fio
#
# Data that fio writes in every way is what fio reads back; small block sizes,
# large directory blocks; the last block of the volume and what works after it.
. /t/lib.sh

# NAME | MKFS | FIO
while IFS='|' read -r name opts job; do
	[[ $job != *io_uring* ]] || have io_uring || { skip "fio reads back what it wrote: $name" "this kernel has no io_uring"; continue; }
	# shellcheck disable=SC2086
	fresh_fs $opts || { t "mkfs.xfs $opts" false; continue; }
	mount_dx || { t "mounts: $name" false; continue; }
	# shellcheck disable=SC2086
	t "fio reads back what it wrote: $name" fio --name=j --directory=$MNT --size=6m --verify=crc32c --verify_fatal=1 --do_verify=1 --end_fsync=1 \
		--randseed=1 --allrandrepeat=1 --group_reporting --output="$TMP/fio" $job
	drop_caches
	# shellcheck disable=SC2086
	t "and again from the disk alone: $name" fio --name=j --directory=$MNT --size=6m --verify=crc32c --verify_fatal=1 --verify_only --randseed=1 \
		--allrandrepeat=1 --output="$TMP/fio" $job
	t "unmounts, clean: $name" umount_check
done <<'EOT'
buffered, blocks of 512 to 64k||--rw=randwrite --bsrange=512-64k --bs_unaligned --ioengine=psync
direct libaio, random, depth 16||--rw=randwrite --bs=4k --direct=1 --ioengine=libaio --iodepth=16
direct io_uring, random, depth 16, 16k||--rw=randwrite --bs=16k --direct=1 --ioengine=io_uring --iodepth=16
direct libaio, sectors inside blocks (L6)||--rw=randwrite --bsrange=512-8k --blockalign=512 --direct=1 --ioengine=libaio --iodepth=8 --size=3m
appending in order, direct, depth 8 (L6)||--rw=write --bs=64k --direct=1 --ioengine=libaio --iodepth=8 --fallocate=none --file_append=0
mapped||--rw=randwrite --bs=4k --ioengine=mmap --size=6m
O_DSYNC||--rw=randwrite --bs=8k --ioengine=psync --sync=dsync --size=2m
fsync after every 8||--rw=randwrite --bs=16k --ioengine=psync --fsync=8 --size=4m
1 MiB blocks||--rw=write --bs=1m --direct=1 --ioengine=psync
two jobs, two files, mixed reads||--rw=randrw --bs=4k --direct=1 --ioengine=libaio --iodepth=8 --numjobs=2 --size=6m
preallocated, then random direct (L6)||--rw=randwrite --bs=4k --direct=1 --ioengine=libaio --iodepth=16 --fallocate=native
1k filesystem blocks, direct|-b size=1024|--rw=randwrite --bsrange=1k-32k --blockalign=1k --direct=1 --ioengine=libaio --iodepth=8
1k filesystem blocks, buffered|-b size=1024|--rw=randwrite --bsrange=512-9k --bs_unaligned --ioengine=psync --size=4m
2k filesystem blocks, direct|-b size=2048|--rw=randwrite --bs=2k --direct=1 --ioengine=io_uring --iodepth=8
4k sectors, direct|-s size=4096|--rw=randwrite --bs=4k --direct=1 --ioengine=libaio --iodepth=8
64k directory blocks|-n size=65536|--rw=randwrite --bs=4k --direct=1 --ioengine=libaio --nrfiles=200 --filesize=16k --size=3200k
EOT

# ------------------------------------------------------------ the same data through every window
fresh_fs
mount_dx
f=$MNT/f
xfs_io -f -c "pwrite -q -S 1 0 64k" $f
t "a direct write is seen by a mapping" bash -c "xfs_io -c 'mmap 0 64k' -c 'mread 0 1' $f >/dev/null; xfs_io -d -c 'pwrite -q -S 2 0 4k' $f; xfs_io -c 'mmap 0 64k' -c 'mread -v 0 16' $f | grep -q '02 02'"
t "a mapped write is seen by a direct read" bash -c "xfs_io -c 'mmap 0 64k' -c 'mwrite -S 3 4096 4096' $f; xfs_io -d -c 'pread -qv 4096 512' $f | grep -q '03 03'"
t "a buffered write is seen by a direct read" bash -c "xfs_io -c 'pwrite -q -S 4 8192 100' $f; xfs_io -d -c 'pread -qv 8192 512' $f | grep -q '04 04'"
t "a direct write is seen by a buffered read" bash -c "xfs_io -d -c 'pwrite -q -S 5 8192 512' $f; xfs_io -c 'pread -qv 8192 512' $f | grep -q '05 05'"
t "unmounts" umount_check

# ------------------------------------------------------------ what is only reserved inside the file
fresh_fs -b size=1024
mount_dx
# The page at the largest offset there is has blocks that move, too, and is not to be written, or read, where they were.
moves_at_the_end() {	# OPERATION
	local f=$MNT/far page=9223372036854771712 i when got=
	rm -f $f
	xfs_io -f -c "pwrite -q -S 0x61 $page 1024" -c "pwrite -q -S 0x62 $((page + 1024)) 924" -c "$1" $f || return
	for when in now later; do
		[ $when = now ] || { umount $MNT && mount_dx || return; }
		for i in -1024 0 1024 2048; do got+=$(dd if=$f bs=1 skip=$((page + i)) count=1 status=none | tr '\0' -); done
		got+=" "
	done
	echo "$got"
}
t_eq "an insertion moves what the page at the largest offset holds" "--ab --ab " "$(moves_at_the_end "finsert 0 1024")"
t_eq "a collapse does, too" "ab ab " "$(moves_at_the_end "fcollapse 0 1024")"
direct_reads() {
	local n to f=$MNT/f
	for n in 100 1500 5000 70000 200000; do
		for to in 6k 128k 300k; do
			xfs_io -f -c "truncate 0" -c "pwrite -q 0 $n" -c "truncate $to" $f || return
			dd if=$f iflag=direct bs=512k status=none | cmp - $f || { echo "$n bytes, then to $to"; return 1; }
		done
	done
}
t "direct reads get what buffered ones get where a file with preallocation was extended" direct_reads
t "unmounts, clean" umount_check

# ------------------------------------------------------------ preallocation behind the end
pair_up
blocks_of() { stat -c "%s bytes %b blocks" "$1"; }
no_prealloc_up_to_end() {
	xfs_io -f -c "truncate 320k" -c "pwrite -q 0 320k" -c fsync -c "fzero 100k 50k" -c fsync e || return
	blocks_of e
	xfs_io -f -c "truncate 1m" -c "pwrite -q 960k 64k" -c fsync -c "falloc 0 4k" g || return
	blocks_of g
}
t_same "a buffered write that ends with the file gets none, whatever comes then" no_prealloc_up_to_end
kept_by_truncate() {
	xfs_io -f -c "pwrite -q -b 64k 0 2m" -c "truncate 16m" -c "seek -a -r 0" a || return
	sync
	xfs_io -c "seek -a -r 0" a && md5sum <a
	xfs_io -f -c "pwrite -q -b 64k 0 2m" -c "truncate 2100k" -c "seek -a -r 0" -c fsync d && md5sum <d
	xfs_io -f -c "pwrite -q 0 8m" -c "pwrite -q 80m 4k" -c fsync -c "seek -a -r 0" c
}
if since 5.15; then
	t_same "what an extending truncate or a write far behind passes over is a hole, not zeros" kept_by_truncate
fi
drop_caches
t_same "on the device, too" bash -c 'for f in a d c; do xfs_io -c "seek -a -r 0" $f 2>/dev/null; md5sum <$f; done'
t "both unmount and both are clean to xfs_repair" pair_down

# ------------------------------------------------------------ the last block
export TEST_DIR=/x TEST_DEV=/x QA_CHECK_FS=/x
for o in "" "-b size=1024" "$LTS_4_19"; do
	# shellcheck disable=SC2086
	fresh_fs -d size=64m,agcount=2 -l size=10m $o
	mount_dx
	free0=$(stat -f -c %f $MNT)
	mkdir $MNT/d
	t_errno "writing ends with ENOSPC ($o)" "No space" dd if=/dev/zero of=$MNT/d/big bs=1M count=100 status=none
	i=0
	while [ $i -lt 2000 ] && echo x >$MNT/d/small$i; do i=$((i + 1)); done 2>/dev/null
	while echo x >$MNT/d/s$i; do i=$((i + 1)); [ $i -gt 6000 ] && break; done 2>/dev/null
	left=$(stat -f -c '%a' $MNT)
	t "less than 1.5 % of the volume is left when it says full: $left blocks ($o)" test "$left" -lt $((64 * 1024 * 1024 * 15 / 1000 / $(stat -f -c %s $MNT) + 1))
	t_errno "direct writes get ENOSPC too ($o)" "No space" dd if=/dev/zero of=$MNT/d/direct bs=64k count=400 oflag=direct status=none
	t_errno "so does fallocate ($o)" "No space" fallocate -l 30m $MNT/d/falloc
	t "unlink works on a full volume ($o)" rm $MNT/d/big
	t "rmdir and rename work ($o)" bash -c "mkdir $MNT/e && mv $MNT/d $MNT/e/ && rm -rf $MNT/e"
	t "what was freed can be written again ($o)" dd if=/dev/zero of=$MNT/again bs=1M count=40 conv=fsync status=none
	rm -rf ${MNT:?}/*
	sync
	umount $MNT
	mount_dx
	left=$(stat -f -c %f $MNT)
	t "all space comes back: $free0 blocks free, then $left ($o)" test "$left" -ge $((free0 * 99 / 100))
	t "unmounts, clean ($o)" umount_check
done

# ------------------------------------------------------------ delayed allocation gives back what it took
fresh_fs
mount_dx
free0=$(stat -f -c %f $MNT)
head -c 30000000 /dev/zero >$MNT/a
rm $MNT/a
sync
t "a file removed before it was written costs nothing" test $((free0 - $(stat -f -c %f $MNT))) -lt 100
head -c 30000000 /dev/zero >$MNT/a
truncate -s 0 $MNT/a
sync
t "a file truncated before it was written costs nothing" test $((free0 - $(stat -f -c %f $MNT))) -lt 100
for i in $(seq 30); do head -c 100000 /dev/zero >>$MNT/log; done
sync
umount_fs
mount_dx
t "preallocation beyond the end is gone after unmount" test "$(stat -c %b $MNT/log)" -le $((3000000 / 512 + 8))
t "unmounts" umount_check
