#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=90
#
# A frozen filesystem can be read, and what is open can be closed: what that leaves to do is done after the thaw.
. /t/lib.sh

# A process with an open file: it appends a MiB, waits for a word, closes.
holder() {
	exec 7<>"$1"
	dd if=/dev/zero bs=64k count=16 conv=fsync >&7 2>/dev/null	# growing, so that there is preallocation
	[ "$2" = unlink ] && rm "$1"
	echo >"$TMP/ready.$2"
	while [ ! -e "$TMP/go" ]; do sleep 0.1; done
	exec 7>&-
	echo >"$TMP/closed.$2"
}
wait_for() { while [ ! -e "$1" ]; do sleep 0.1; done; }
both() { wait_for "$TMP/$1.keep"; wait_for "$TMP/$1.unlink"; }
blocks() { stat -c %b $MNT/kept; }

fresh_fs
t "mounts" mount_dx
echo other >$MNT/other
used=$(df --output=used $MNT | tail -1)
holder $MNT/kept keep &
holder $MNT/gone unlink &
t "two files are held open" with_timeout 20 both ready
ahead=$(blocks)
t "one has preallocation behind its end" test "$ahead" -gt 2048
t "freezes" with_timeout 20 fsfreeze -f $MNT
echo >"$TMP/go"
t "files are closed at once, the unlinked one too" with_timeout 10 both closed
t "the file is read at once" with_timeout 10 cmp -n 1048576 $MNT/kept /dev/zero
echo 3 >/proc/sys/vm/drop_caches	# its inode goes, and wants its preallocation trimmed
t "and after it left memory" with_timeout 10 cmp -n 1048576 $MNT/kept /dev/zero
t "so is everything else" with_timeout 10 bash -c "ls -l $MNT >/dev/null; stat $MNT/kept; df $MNT; cat $MNT/other"
t "sync does not wait" with_timeout 10 sync -f $MNT
touch $MNT/new &
NEW=$!
sleep 1
t "whoever writes waits" kill -0 $NEW
t "thaws" with_timeout 20 fsfreeze -u $MNT
gone() { while kill -0 $NEW 2>/dev/null; do sleep 0.1; done; }
t "then he goes on" with_timeout 10 gone
# The next close, or the inode's leaving, trims what is left.
trimmed() {
	while [ "$(blocks)" -gt 2048 ]; do : >>$MNT/kept; echo 3 >/proc/sys/vm/drop_caches; sleep 0.2; done
	while [ "$(df --output=used $MNT | tail -1)" -gt $((used + 1500)) ]; do sync -f $MNT; sleep 0.2; done
}
t "what was left to do is done" with_timeout 20 trimmed
wait
t "clean" umount_check
