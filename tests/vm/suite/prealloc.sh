#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=240
#
# Preallocation in files that stay open, or are closed again and again: it is kept while it is of use, and then given back.
. /t/lib.sh

blocks() { stat -c %b "$1"; }
# Within 20 seconds: the file has so many sectors, or fewer.
shrinks_to() {
	local i
	for ((i = 0; i < 40; i++)); do
		[ "$(blocks "$1")" -le "$2" ] && return
		sleep 0.5
	done
	blocks "$1"
	return 1
}
pieces() { xfs_bmap "$1" | grep -vc hole; }

fresh_fs -m reflink=1
t "mounts" mount_dx
exec 8>>$MNT/open
dd if=/dev/zero bs=1M count=9 >&8 2>/dev/null
sync -f $MNT
t "a file that grows has blocks past its end" test "$(blocks $MNT/open)" -gt $((9 * 2048))

# A copy of one block, widened to a hint of a megabyte, in a file that stays open
dd if=/dev/urandom of=$MNT/shared bs=1M count=4 2>/dev/null
t "a clone with a hint for copies" bash -c "cp --reflink=always $MNT/shared $MNT/copy && xfs_io -c 'cowextsize 1m' $MNT/copy"
exec 9<>$MNT/copy
printf 'some bytes' >&9
sync -f $MNT
t "what is copied is more than what is written" test "$(blocks $MNT/copy)" -gt $((4 * 2048 + 8))
md5=$(md5sum <$MNT/copy)

for v in 0 86401 -1 x ''; do
	t_errno "a lifetime of '$v' is refused" "Invalid argument" bash -c "echo $v >$SYSFS/speculative_prealloc_lifetime"
done
t_eq "it is 300 seconds" 300 "$(cat $SYSFS/speculative_prealloc_lifetime)"
t "a lifetime of a second" bash -c "echo 1 >$SYSFS/speculative_prealloc_lifetime"
t "blocks past the end are given back, with the file open" shrinks_to $MNT/open $((9 * 2048))
t "copies that nobody needs, too" shrinks_to $MNT/copy $((4 * 2048))
t "the file can be appended to" bash -c "dd if=/dev/zero bs=1M count=1 2>/dev/null >&8"
exec 8>&- 9>&-
t_eq "the copy is what it was" "$md5" "$(drop_caches; md5sum <$MNT/copy)"
xfs_io -f -c "falloc -k 0 1m" -c "pwrite -q 0 4k" $MNT/asked
exec 8>>$MNT/asked
t "random operations beside it match the array" fsx -s 7 -n 600 $MNT/x
t_eq "what fallocate put past the end stays" 2048 "$(blocks $MNT/asked)"
exec 8>&-
t "unmounts with it running, clean" umount_check

# Two logs, say, that are opened for each line
t "mounts again" mount_dx
for ((i = 0; i < 40; i++)); do
	for f in a b; do dd if=/dev/zero bs=64k count=1 2>/dev/null >>$MNT/$f; done
	sync -f $MNT
done
t "files that are opened, appended to and closed by turns have few pieces" test "$(pieces $MNT/a)" -le 10
echo "# $(pieces $MNT/a) pieces, $(pieces $MNT/b)"
echo 1 >$SYSFS/speculative_prealloc_lifetime
t "and what they do not need is given back" shrinks_to $MNT/a $((40 * 128))
t "unmounts, clean" umount_check

# What a crash has left past the ends of files goes when they leave memory; but for what was asked for
trimmed() {	# FILE SECTORS
	local i
	for ((i = 0; i < 40; i++)); do
		cat "$1" >/dev/null
		# what has been used is spared once
		drop_caches && drop_caches && drop_caches
		sleep 0.2
		[ "$(blocks "$1")" -gt "$2" ] || return 0
	done
	blocks "$1"
	return 1
}
for by in xfs $FSTYPE; do
	fresh_fs
	mount -t $by "$DEV" $MNT
	for ((i = 0; i < 60; i++)); do echo "pwrite -q $((i * 12))k 4k"; done | xfs_io -fd $MNT/pieces >/dev/null
	xfs_io -f -c "falloc -k 0 8m" -c "pwrite -q 0 4k" $MNT/asked
	sync -f $MNT
	exec 8>>$MNT/open 9>>$MNT/pieces
	dd if=/dev/zero bs=1M count=9 >&8 2>/dev/null
	dd if=/dev/zero bs=1M count=3 >&9 2>/dev/null
	sync -f $MNT
	sizes="$(stat -c %s $MNT/open $MNT/pieces | tr '\n' ' ')"
	xfs_io -x -c "shutdown -f" $MNT
	exec 8>&- 9>&-
	umount $MNT
	t "mounts after a crash ($by)" mount_dx
	t_eq "sizes are right ($by)" "$sizes" "$(stat -c %s $MNT/open $MNT/pieces | tr '\n' ' ')"
	t "the crash has left something past the ends ($by)" test "$(blocks $MNT/open)" -gt $((9 * 2048)) -a "$(blocks $MNT/pieces)" -gt $((60 * 8 + 3 * 2048 + 8))
	t "it goes ($by)" trimmed $MNT/open $((9 * 2048))
	t "from a file in many pieces, too ($by)" trimmed $MNT/pieces $((60 * 8 + 3 * 2048 + 8))
	t_eq "what fallocate put there stays ($by)" $((8 * 2048)) "$(blocks $MNT/asked)"
	t "unmounts, clean ($by)" umount_check
done
