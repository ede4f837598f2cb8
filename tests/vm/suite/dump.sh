#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=600 mem=1024
# vm: allow=deprecated|will be removed
#
# xfsdump and xfsrestore, unchanged, under fstype=xfs: what they dump of our volume is restored by stock XFS as it was, what they dump
# of a stock one by us; an incremental dump too.
. /t/lib.sh

if ! command -v xfsdump >/dev/null; then
	skip "all of this" "no xfsdump here"
	exit 0
fi
# They look for mounts of type "xfs", which is ours or stock's, one at a time; --vm-fs xfs: always stock's.
use() {
	[ $FSTYPE = dioxfs ] || return 0
	! lsmod | grep -q "^dioxfs " || rmmod dioxfs || return
	! lsmod | grep -q "^xfs " || rmmod xfs || return
	case $1 in
	ours) insmod /t/dioxfs.ko fstype=xfs ;;
	stock) modprobe xfs ;;
	esac
}
if ! use ours; then
	insmod /t/dioxfs.ko
	skip "all of this" "the stock xfs does not unload here"
	exit 0
fi
mkdir -p /var/lib/xfsdump/inventory

populate() {	# everything there is, and some more
	fill $MNT 300 || return
	[ -e /proc/net/unix ] || rm -f $MNT/meta/sock	# xfsrestore makes one by bind(2), which the debug kernel lacks
	mkdir $MNT/extra $MNT/extra/project && xfs_io -c "chproj 70000" -c "extsize 64k" -c "chattr +P" $MNT/extra/project &&
		echo in >$MNT/extra/project/f &&
		xfs_io -f -c "truncate 1g" -c "pwrite -q 512m 64k" -c "falloc -k 600m 1m" $MNT/extra/sparse &&
		for i in $(seq 50); do ln $MNT/extra/sparse $MNT/extra/link$i; done && mkfifo $MNT/extra/fifo && mknod $MNT/extra/dev b 8 1 &&
		ln -s "$(printf 'long/%.0s' $(seq 150))" $MNT/extra/symlink && touch -d @-1000 $MNT/extra/old && touch -d @2000000000 $MNT/extra/new
}
change() {	# for a dump of level 1
	sleep 1.1
	rm -r $MNT/extra/link?  && echo more >>$MNT/extra/project/f && echo fresh >$MNT/extra/fresh && mv $MNT/extra/old $MNT/extra/renamed &&
		mkdir $MNT/extra/newdir && mv $MNT/extra/fifo $MNT/extra/newdir/ && setfattr -n user.later -v x $MNT/extra/newdir
}
# Names, kinds, contents, attributes, ids, flags; and the times of modification.
state() {
	# xfsrestore leaves out that there is preallocation, fractions of seconds, and the times of symbolic links
	walk -n "$1" | sed '/^\.: /d; s/ flags 2 / flags 0 /'
	(cd "$1" && find . -mindepth 1 ! -type d ! -type l -printf '%p %y %m %U %G %n %s %T@\n' | sed 's/\.[0-9]*$//' | sort)
}
compare() { diff "$1" "$2" | head -n 40; cmp -s "$1" "$2"; }
dump() { xfsdump -F -l $1 -L level$1 -M medium$1 -f $TMP/dump$1 $MNT; }
restore() { mkdir -p $TMP/rest; xfsrestore -F "$@" $MNT2; }
free_up() { umount $MNT2 2>/dev/null; mkfs.xfs -q -f "$DEV2" && mount -t xfs "$DEV2" $MNT2; }

# Stock XFS before 5.x forgets, until it is read anew, where a symbolic link leads that an attribute drives out of its inode.
anew() { umount $2 && mount -t xfs "$1" $2; }

whose() {	# who serves that device?
	[ $FSTYPE = dioxfs ] || return 0
	if [ $1 = ours ]; then t "$3 by us" test -d /sys/fs/dioxfs/${2##*/}; else t "$3 by stock" test ! -d /sys/fs/dioxfs; fi
}

both_ways() {	# NAME WRITER READER
	rm -rf /var/lib/xfsdump/inventory/* $TMP/dump?
	use $2
	mkfs.xfs -q -f "$DEV"
	t "$1: mounts" mount -t xfs "$DEV" $MNT
	whose $2 "$DEV" "$1: written"
	t "$1: a tree of every form" populate
	anew "$DEV" $MNT
	state $MNT >"$TMP/state0"
	t "$1: it is dumped" dump 0
	t "$1: changes" change
	sync
	state $MNT >"$TMP/state1"
	t "$1: the changes are dumped" dump 1
	t "$1: which is less" eval '[ $(stat -c %s $TMP/dump1) -lt $(($(stat -c %s $TMP/dump0) / 2)) ]'
	t "$1: clean" umount_check
	use $3
	t "$1: a volume to restore to" free_up
	whose $3 "$DEV2" "$1: restored"
	t "$1: it is restored" restore -J -f $TMP/dump0
	anew "$DEV2" $MNT2
	state $MNT2 >"$TMP/got"
	t "$1: as it was" compare "$TMP/state0" "$TMP/got"
	free_up
	t "$1: it is restored, to be followed by more" restore -r -J -f $TMP/dump0
	t "$1: the changes are restored" restore -r -J -f $TMP/dump1
	rm -rf $MNT2/xfsrestorehousekeepingdir
	anew "$DEV2" $MNT2
	state $MNT2 >"$TMP/got"
	t "$1: as it was then" compare "$TMP/state1" "$TMP/got"
	free_up
	t "$1: a folder alone is restored" eval 'restore -J -s extra/project -f $TMP/dump0 && grep -q in $MNT2/extra/project/f'
	umount $MNT2
	t "$1: clean where it was restored" repair_check "$DEV2"
}
both_ways "ours, restored by stock" ours stock
both_ways "stock's, restored by us" stock ours

rmmod xfs 2>/dev/null
[ $FSTYPE != dioxfs ] || { rmmod dioxfs; modprobe xfs; insmod /t/dioxfs.ko; }
true
