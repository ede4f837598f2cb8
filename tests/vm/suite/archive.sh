#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=240 mem=512 disk=1500M
#
# With 512 MiB of memory a 10,000-file archive is unpacked, read back and removed; what was
# evicted in between reads as before, and nobody is killed for memory.
. /t/lib.sh

fresh_fs
t "mounts" mount_dx
t "10,000 files and every other form are made" fill $MNT 10000
t "they go into an archive" tar -C $MNT -cf $MNT/a.tar many
mkdir $MNT/x
t "the archive is unpacked" tar -C $MNT/x -xf $MNT/a.tar
walk -n $MNT/many >"$TMP/many"
walk -n $MNT/x/many >"$TMP/copy"
same() { cmp "$1" "$2" || { diff "$1" "$2" | head -n 30; return 1; }; }
t "the copy is the same" same "$TMP/many" "$TMP/copy"
walk $MNT >"$TMP/before"
# Pages of a big file push everything else out.
t "a file larger than memory is written" dd if=/dev/zero of=$MNT/big bs=1M count=600 status=none
t "and read" cmp -n 600000000 $MNT/big /dev/zero
rm $MNT/big
drop_caches
walk $MNT >"$TMP/after"
# The root had a file more in between; a map may have grown in a file whose unwritten pages were cached; what is
# delayed or beyond the end counts as an extent of its own until it is written or given back; reading a symlink is an access.
strip() { sed -E '/^\.: |: data /d; s/ extents [0-9]+ / /; s/: a [-0-9.]+ m/: m/' "$1"; }
for i in before after; do strip "$TMP/$i" >"$TMP/$i.plain"; done
t "the tree reads the same after everything was evicted" same "$TMP/before.plain" "$TMP/after.plain"
t "all of it is removed" rm -rf $MNT/x $MNT/many $MNT/files $MNT/xattrs
t "nobody was killed for memory" bash -c '! dmesg | grep -i "out of memory\|oom-kill"'
t "random operations on a file still match" fsx -s 77 -n 300 $MNT/f
t "unmounts, clean" umount_check
