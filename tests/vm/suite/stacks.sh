#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=420 nbd own
# vm: allow=I/O error|lost (async|sync) page write|shut down in|cannot write metadata|Disk failure|md/raid1:|nbd0: |nbd: |device-mapper: (thin|raid)|other side returned error|Receive control failed|Send control failed
#
# The filesystem above what people put between it and a disk: a load, an unmount, a check. Then those break, and come back: a leg of a
# mirror, a connection, a server that fails writes, a pool that is full. Nothing that fsync has acknowledged is gone.
. /t/lib.sh
. /t/stacks.sh

make_fs() { mkfs.xfs -q -f "$@" "$STACK_DEV" 2>/dev/null; }
mount_it() { mount -t "$FSTYPE" "$STACK_DEV" $MNT; }
load() { ackload run -w 3 "$@" $MNT >"$TMP/journal" 2>"$TMP/err"; }
acked() { [ "$(wc -l <"$TMP/journal")" -gt "${1:-20}" ] && ackload check "$TMP/journal" $MNT; }
unmount_it() { umount $MNT && repair_check "$STACK_DEV"; }
alive() { touch $MNT/alive && sync -f $MNT; }
# NAME: it is on, or the checks of it are skipped
on() {
	stack_on "$1" "$DEV" "$FSTYPE"
	case $? in
	0)	return 0 ;;
	2)	skip "$1" "$STACK_WHY" ;;
	*)	echo "    | $STACK_WHY"
		_say "not ok" "$1 is set up" ;;
	esac
	return 1
}
# NAME TABLE: what a dm device leads to, from now on
turn() { dmsetup suspend --noflush --nolockfs "$1" && dmsetup reload "$1" <<<"$2" && dmsetup resume "$1"; }

# ------------------------------------------------------------ as they should be
stacks="loop crypt thin raid1 raid5 nbd"
[ -z "$DX_SHORT" ] || stacks="loop crypt raid5"	# the others are below
for s in $stacks; do
	on $s || continue
	make_fs
	t "$s: mounts" mount_it
	t "$s: a load" load -t 3
	t "$s: unmounts, clean" unmount_it
	t "$s: what was acknowledged is there" eval 'mount_it && acked && unmount_it'
	if [ $s = loop ]; then
		t "loop: the filesystem that holds the file is clean, too" eval 'stack_off && repair_check "$DEV"'
	fi
done

# ------------------------------------------------------------ a leg of a mirror fails
if on raid1; then
	make_fs
	mount_it
	load -t 6 &
	pid=$!
	sleep 2
	size=$(blockdev --getsz /dev/mapper/"${STACK_LEGS[0]}")
	klog_mark
	t "a leg of the mirror fails" turn "${STACK_LEGS[0]}" "0 $size error"
	wait $pid
	t "md has seen it" kernel_says "Disk failure"
	t "nobody notices" alive
	t "what was acknowledged is there" acked
	t "clean, from the other leg" unmount_it
fi

# ------------------------------------------------------------ a connection that breaks
if on nbd; then
	make_fs
	mount_it
	load -t 20 &
	pid=$!
	sleep 3
	kill -9 "$STACK_PID"
	sleep 1
	nbd_leave	# until then what is under way waits, for nbd has no time limit unless it is given one
	t "the connection breaks: the load ends" wait $pid
	t "unmounts, with nothing to write to" with_timeout 60 umount $MNT
	t "the server is there again" eval 'nbd_serve "$DEV" && nbd_join'
	t "mounts" mount_it
	t "what was acknowledged before is there" acked
	t "clean" unmount_it
	stack_off
fi

# The same, where the kernel was told to wait for another connection.
if on nbd; then
	nbd_leave
	t "a connection that may break" nbdre connect "$_stack_tmp/sock" ${STACK_DEV#/dev/nbd}
	make_fs
	mount_it
	load -t 12 &
	pid=$!
	sleep 2
	klog_mark
	kill -9 "$STACK_PID"
	sleep 1
	t "so it does" kernel_says "nbd[0-9]+: Receive control failed"
	t "and there is another" eval 'nbd_serve "$DEV" && nbdre again "$_stack_tmp/sock" ${STACK_DEV#/dev/nbd}'
	wait $pid
	t "nobody notices that either" alive
	t "it is all there" acked
	t "clean, too" unmount_it
	stack_off
fi

# ------------------------------------------------------------ a server that fails writes for a while
export NBD_FILTERS="--filter=error" NBD_OPTS="error-pwrite-rate=10% error-file=$TMP/fails"
if on nbd; then
	make_fs
	mount_it
	load -t 8 &
	pid=$!
	sleep 2
	klog_mark
	touch "$TMP/fails"
	sleep 2
	rm "$TMP/fails"
	wait $pid
	t "a server that fails writes" kernel_says "I/O error, dev nbd"
	t "unmounts" with_timeout 60 umount $MNT
	t "mounts again" mount_it
	t "what was acknowledged is there, for all that" acked
	t "clean after it" unmount_it
	stack_off
fi

# ------------------------------------------------------------ one that wants no less than a sector
export NBD_FILTERS="--filter=blocksize-policy" NBD_OPTS="blocksize-minimum=4096 blocksize-preferred=4096 blocksize-maximum=32M blocksize-error-policy=error"
if on nbd; then
	nbd_leave
	nbd_join -b 4096 >"$TMP/client" 2>&1
	t_eq "a device with sectors of 4096 bytes" 4096 "$(blockdev --getss "$STACK_DEV")"
	make_fs
	klog_mark
	t "a load on it" eval 'mount_it && load -t 3 && alive'
	t "with all of it there" eval 'acked && unmount_it'
	t_fails "no I/O of another size" kernel_says "other side returned error|I/O error"
	stack_off
fi
unset NBD_FILTERS NBD_OPTS

# ------------------------------------------------------------ a pool that is full
grow_pool() {	# SECTORS
	local data=$_stack_name-data pool=$_stack_name-pool under
	under=$(dmsetup table $data | cut -d' ' -f4)
	dmsetup suspend --noflush --nolockfs $STACK_TOP
	dmsetup suspend --noflush $pool && turn $data "0 $1 linear $under 16384" &&
		dmsetup reload $pool --table "0 $1 thin-pool /dev/mapper/$_stack_name-meta /dev/mapper/$data 128 0" &&
		dmsetup resume $pool && dmsetup resume $STACK_TOP
}
export THIN_POOL=$((160 << 11)) THIN_OPTS="1 error_if_no_space"
if on thin; then
	make_fs
	mount_it
	load -t 3
	sync -f $MNT
	t_fails "the pool is full" bash -c "dd if=/dev/zero of=$MNT/big bs=1M count=400 conv=fsync && sync -f $MNT"
	t "it grows" grow_pool $((500 << 11))
	t "it is mounted still, or again" eval 'alive || { umount $MNT; mount_it && alive; }'
	t "what was acknowledged before it was full is there" acked
	t "there is room" bash -c "rm -f $MNT/big; dd if=/dev/zero of=$MNT/more bs=1M count=100 conv=fsync"
	t "clean in the larger pool" unmount_it
	stack_off
fi
