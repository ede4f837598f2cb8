#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=300
# vm: allow=Metadata has LSN|Corruption|corrupt|xfs_repair|log mount/recovery failed|log mount failed|Unmount and run
#
# Volumes that the stock kernel has left in states of its own: blocks that files share with an unlinked file in the log, a log
# that holds a growth, a log that is not the volume's, checked quota. What cannot be we refuse without a write.
. /t/lib.sh

export TEST_DIR=/x TEST_DEV=/x QA_CHECK_FS=/x	# mkfs.xfs makes small volumes for a test

if [ $FSTYPE = xfs ]; then
	skip "volumes with states of their own" "the stock kernel is who makes them"
	exit 0
fi

# The device up to where the volume ends, in one number.
MIB=96
sum() { dd if="$DEV" bs=1M count=$MIB iflag=direct status=none | md5sum; }

# ------------------------------------------------------------ shared blocks
# clone: A and B share; B is unlinked, in use, and in the log
clone() {
	local what=$1
	fresh_fs -d size=${MIB}m,agcount=2 -l size=10m && mount_stock || return
	dd if=/dev/urandom of=$MNT/A bs=64k count=4 conv=fsync status=none
	md5sum <$MNT/A >"$TMP/A"
	umount_fs && mount_stock || return	# A is in its place, whoever leaves the log alone finds it
	cp --reflink=always $MNT/A $MNT/B || return
	case $what in
	held) exec 9<$MNT/B; rm $MNT/B; xfs_io -x -c "shutdown -f" $MNT; exec 9<&- ;;
	kept) xfs_io -x -c "shutdown -f" $MNT ;;
	frozen)	# a snapshot of a frozen volume has a clean log, or one that replays nothing of this
		exec 9<$MNT/B; rm $MNT/B; sync -f $MNT; fsfreeze -f $MNT
		dd if="$DEV" of="$DEV2" bs=1M count=$MIB status=none
		fsfreeze -u $MNT; exec 9<&- ;;
	esac
	umount_fs
}
stock_finds_A() {
	mount_stock && md5sum <$MNT/A | cmp - "$TMP/A" && umount_fs && repair_check
}

for o in rw ro; do
	t "the stock kernel clones a file, unlinks it in use, and is cut off" clone held
	t "-o $o: it mounts, and frees the clone" mount_dx -o $o
	t "-o $o: the other file is whole" eval 'md5sum <$MNT/A | cmp - "$TMP/A"'
	[ $o = ro ] || t "-o $o: nothing is shared any more: it can be written" eval 'cp $MNT/A $MNT/C && rm $MNT/C'
	t "-o $o: unmounts, clean" umount_check
	t "-o $o: the stock kernel finds the other file whole, the volume clean" stock_finds_A
done

t "the stock kernel clones a file and is cut off" clone kept
t "nothing is to be finished: it mounts" mount_dx
t "both files are there" eval 'md5sum <$MNT/A | cmp - "$TMP/A" && md5sum <$MNT/B | cmp - "$TMP/A"'
t "one can be written" xfs_io -c "pwrite -q 4k 64k" -c fsync $MNT/B
t "and the other is what it was" eval 'md5sum <$MNT/A | cmp - "$TMP/A"'
t "unmounts" umount_fs
t "the stock kernel finds the other file whole, the volume clean" stock_finds_A

t "the stock kernel clones a file, unlinks it in use, and is frozen" clone frozen
t "the snapshot mounts" mount -t dioxfs -o nouuid "$DEV2" $MNT2
t "and has the other file" eval 'md5sum <$MNT2/A | cmp - "$TMP/A"'
t "unmounts" umount $MNT2
t "the stock kernel finds the snapshot whole" eval 'mount -t xfs -o nouuid $DEV2 $MNT2 && md5sum <$MNT2/A | cmp - "$TMP/A" && umount $MNT2 && repair_check $DEV2'

# ------------------------------------------------------------ a log that holds a growth
# The last AG is short, and its headers are in the log before and after.
# Stock's log worker, every 30 s, would put the superblock in its place on a slow machine: not here.
worker=/proc/sys/fs/xfs/xfssyncd_centisecs
every=$(cat $worker)
echo 720000 >$worker
grow() {
	local i
	fresh_fs -d size=116m,agsize=32m -l size=10m -m reflink=$1 && mount_stock || return
	for i in $(seq 12); do mkdir $MNT/d$i && echo $i >$MNT/d$i/f || return; done
	xfs_growfs -D $((220 * 256)) $MNT >/dev/null || return
	for i in $(seq 13 30); do mkdir $MNT/d$i && echo $i >$MNT/d$i/f || return; done
	dd if=/dev/urandom of=$MNT/big bs=1M count=100 conv=fsync status=none && md5sum <$MNT/big >"$TMP/big"
	sync -f $MNT	# the data is in its place, the metadata in the log
	xfs_io -x -c "shutdown -f" $MNT
	umount_fs
	[ "$(xfs_db -r -c 'sb 0' -c 'p dblocks' "$DEV")" = "dblocks = $((116 * 256))" ]
}
grown() {
	[ "$(stat -f -c %b $MNT)" -gt $((116 * 256)) ] && md5sum <$MNT/big | cmp - "$TMP/big" &&
		for i in $(seq 30); do grep -qx $i $MNT/d$i/f || return; done
}
for r in 0 1; do
	t "the stock kernel grows a volume (reflink=$r), uses the new space, and is cut off" grow $r
	t "the first mount works" mount_dx
	t "in the new size, with all that is in the new space" grown
	t "more is written there" dd if=/dev/zero of=$MNT/more bs=1M count=50 conv=fsync status=none
	t "unmounts, clean" umount_check
	t "the stock kernel mounts it" eval 'mount_stock && grown && umount_fs'
done
echo $every >$worker

# ------------------------------------------------------------ a log that is not the volume's
fresh_fs -d size=${MIB}m,agcount=2 -l size=10m
mount_stock
for i in $(seq 20); do echo $i >$MNT/f$i; done
umount_fs
start=$(xfs_db -r -c 'sb 0' -c 'p logstart' "$DEV" | cut -d ' ' -f 3)
start=$(xfs_db -r -c "convert fsblock $start byte" "$DEV" | sed 's/.*(\(.*\)).*/\1/')
dd if=/dev/zero of="$DEV" bs=4k seek=$((start / 4096)) count=2560 conv=fsync status=none
t_fails "a log of zeroes: the stock kernel refuses" mount_stock
before=$(sum)
klog_mark
t_fails "we, too" mount_dx
t "and say what it is" kernel_says "dioxfs.*superblock.*ahead of the log.*xfs_repair"
t_eq "and the device is untouched" "$before" "$(sum)"
t "xfs_repair makes a log" eval 'xfs_repair $DEV >/dev/null 2>&1'
t "with which it mounts" mount_dx
t "and the files are there" grep -qx 20 $MNT/f20
t "and the log that xfs_repair made is clean after it" umount_check
t "the stock kernel mounts it" eval 'mount_stock && umount_fs && repair_check'

# ------------------------------------------------------------ checked quota
usage() { xfs_quota -x -c 'report -u -n -N' $MNT | awk '$1 == "#1000" {print $2}'; }
qflags() { xfs_db -r -c 'sb 0' -c 'p qflags' "$DEV"; }
fresh_fs -l size=10m
mount_stock -o uquota
mkdir $MNT/d && dd if=/dev/zero of=$MNT/d/f bs=64k count=10 status=none && chown -R 1000 $MNT/d
xfs_quota -x -c 'limit -u bsoft=10m bhard=20m 1000' $MNT
t_eq "the stock kernel accounts" 640 "$(usage)"
t "unmounts" umount_fs
flags=$(qflags)
t "mounts read-only" mount_dx -o ro
t "unmounts" umount_fs
t_eq "a read-only mount leaves the quota flags" "$flags" "$(qflags)"
t "mounts" mount_dx
# owned by 1000, written by us, and cut off: who accounts must count anew
t "a file of that user is written, synced and the mount is cut off" eval \
	'dd if=/dev/zero of=$MNT/g bs=64k count=20 conv=fsync status=none && chown 1000 $MNT/g && xfs_io -x -c "shutdown -f" $MNT && umount_fs'
klog_mark
t "the stock kernel mounts with quota" mount_stock -o uquota
t "counts anew" kernel_says "XFS.*[Qq]uotacheck"
t_eq "and knows what the user has" 1920 "$(usage)"
t "and the limit" eval 'xfs_quota -x -c "report -u -n -N" $MNT | grep -q "#1000.* 10240 *20480"'
t "unmounts, clean" umount_check

# ------------------------------------------------------------ limits that only the log has
# of one user who had others, and of one in a block of the quota file that the log makes
limits() { xfs_quota -x -c 'report -u -n -N' $MNT | awk '$1 == "#1000" || $1 == "#1500" { printf "%s %s %s ", $1, $3, $4 }'; }
limit_in_log() {
	fresh_fs -l size=10m && mount_stock -o uquota || return
	xfs_quota -x -c 'limit -u bsoft=1m bhard=2m 1000' $MNT && umount_fs && mount_stock -o uquota || return
	[ "$(limits)" = "#1000 1024 2048 " ] || return
	xfs_quota -x -c 'limit -u bsoft=10m bhard=20m 1000' -c 'limit -u bsoft=3m bhard=4m 1500' $MNT || return
	xfs_io -x -c 'shutdown -f' $MNT; umount_fs
}
t "the stock kernel sets limits and is cut off" limit_in_log
klog_mark
t "mounts" mount_dx
t "after a recovery" kernel_says "dioxfs.*recovery"
t "unmounts, clean" umount_check
t "the stock kernel mounts with quota" mount_stock -o uquota
t_eq "and has the limits that were in the log" "#1000 10240 20480 #1500 3072 4096 " "$(limits)"
t "unmounts, clean" umount_check
