#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=480 disk=1G
#
# What one filesystem wrote the other reads, name for name and byte for byte:
# 10,000 files (3,000 in a short run), directories, maps and attributes in every form.
. /t/lib.sh

# WRITER READER NAME MKFS-OPTIONS...
both_ways() {
	local writer=$1 reader=$2 scale=$3 name=$4
	shift 4
	fresh_fs "$@"
	t "$writer mounts a volume $name to fill it" mount -t $writer "$DEV" $MNT || return
	t "$writer fills a tree of every form $name" fill $MNT $scale
	t "$writer unmounts what it filled $name" umount_fs
	t "xfs_repair agrees with what $writer filled $name" repair_check
	t "$writer mounts its tree again $name" mount -t $writer -o ro "$DEV" $MNT
	walk $MNT >"$TMP/writer" 2>&1
	t "the walk by $writer meets no error $name" grep -q "entries, 0 errors" "$TMP/writer"
	t "$writer unmounts after the walk $name" umount_fs
	t "$reader mounts read-only what $writer filled $name" mount -t $reader -o ro "$DEV" $MNT || return
	walk $MNT >"$TMP/reader" 2>&1
	t "$reader sees what $writer sees of the $writer tree $name: $(tail -n 1 "$TMP/writer")" differ
	t "$reader unmounts $name" umount_fs
}

differ() {
	cmp -s "$TMP/writer" "$TMP/reader" && return
	diff -U 0 "$TMP/writer" "$TMP/reader" | grep -v '^@@' | cut -c 1-300 | head -n 40
	return 1
}

many=${DX_SHORT:+3000}
both_ways xfs $FSTYPE ${many:-10000} "(defaults)"
both_ways $FSTYPE xfs ${many:-10000} "(defaults)"
both_ways xfs $FSTYPE 800 "(lts_4.19, 1k blocks, 16k directory blocks)" $LTS_4_19 \
	-b size=1024 -n size=16384
both_ways $FSTYPE xfs 800 "(lts_4.19, 1k blocks, 16k directory blocks)" $LTS_4_19 \
	-b size=1024 -n size=16384
both_ways xfs $FSTYPE 200 "(2k inodes, 64k directory blocks)" -i size=2048 -n size=65536
both_ways $FSTYPE xfs 200 "(2k inodes, 64k directory blocks)" -i size=2048 -n size=65536
