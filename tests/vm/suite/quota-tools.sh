#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=200 mem=1024
# vm: allow=deprecated|will be removed
#
# quota, repquota and setquota, unchanged, under fstype=xfs: they print of our volume what they print of one of stock XFS.
. /t/lib.sh

if ! command -v repquota >/dev/null; then
	skip "all of this" "no repquota here"
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
plain() { sed "s,$DEV,DEV,g; s,$MNT,MNT,g; s/[0-9]*days/days/g; s/[0-9][0-9]:[0-9][0-9]/time/g" | tr -s ' '; }
session() {
	mkfs.xfs -q -f "$DEV" && mount -t xfs -o usrquota,grpquota "$DEV" $MNT || return
	mkdir -m 777 $MNT/d
	for i in 1 2 3; do
		head -c $((i * 100000)) /dev/zero >$MNT/d/f$i
		chown 100$i:200$i $MNT/d/f$i
	done
	sync -f $MNT
	echo "-- limits"
	setquota -u 1001 50 100 1 5 $MNT
	setquota -u 1002 2000 3000 0 0 $MNT
	setquota -g 2003 0 3000 0 7 $MNT
	setquota -u -p 1001 1003 $MNT
	setquota -t -u 3600 7200 $MNT
	setquota -u 1001 100 50 0 0 $MNT
	echo "-- repquota"
	repquota -u -n $MNT
	repquota -g -n -s $MNT
	repquota -a -u -g -n
	echo "-- quota"
	quota -u -w 1001
	quota -g -w -v 2003
	quota -u -v 1002
	echo "-- beyond"
	setpriv --reuid 1002 --regid 1002 --clear-groups dd if=/dev/zero of=$MNT/d/f2 bs=64k count=60 2>&1 | head -1
	truncate -s 2500k $MNT/d/f2
	sync -f $MNT
	setpriv --reuid 1002 --regid 1002 --clear-groups quota -w -u 1002
	setpriv --reuid 1002 --regid 1002 --clear-groups quota -w -u 1001
	umount_fs && repair_check
}
if use stock; then
	session >"$TMP/stock" 2>&1
	use ours
	session >"$TMP/ours" 2>&1
	for f in stock ours; do plain <"$TMP/$f" >"$TMP/$f.plain"; done
	t "the tools say something" grep -q "#1001 .*+" "$TMP/stock.plain"
	t "they print of ours what they print of stock's" diff "$TMP/stock.plain" "$TMP/ours.plain"
else
	skip "all of this" "the stock xfs does not unload here"
fi

rmmod xfs 2>/dev/null
[ $FSTYPE != dioxfs ] || { rmmod dioxfs; modprobe xfs; insmod /t/dioxfs.ko; }
true
