#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=200 alone
#
# What is done while direct writes are in flight: on a device that holds every write for a while (L4, L6).
. /t/lib.sh

export DM_DISABLE_UDEV=1	# there is none to make the nodes
needs dm-delay
sectors=$(blockdev --getsz "$DEV")
slow=/dev/mapper/slow
t "a device that holds writes is made" dmsetup create slow --table "0 $sectors delay $DEV 0 0 $DEV 0 60"
# a read of the same device that waits: nothing is ever written to this one
t "and one that can be suspended" dmsetup create held --table "0 $sectors linear $DEV 0"
DEV=$slow
declare -A what=(
	[append_many]="appends in one io_submit each get a place of their own"
	[append_parts]="appends of parts of blocks, to an end inside a block, too"
	[append_beside_extending]="an append goes behind direct writes in flight that extend the file"
	[append_beside_buffered]="direct and buffered appends get along"
	[append_one_fails]="an append that fails hides none behind it"
	[append_nowait]="an append that would have to wait leaves no gap"
	[append_to_limit]="appends stop at the limit on the size of files"
	[append_position]="an append's own offset says nothing about where it goes, nor about its alignment"
	[buffered_across_end]="a buffered write across the end waits for direct writes there"
	[buffered_up_to_end]="one that covers a block in part, too"
	[buffered_inside_block]="one into part of a block under conversion leaves the rest"
	[buffered_memory_late]="one whose memory comes late leaves what was written back from its block meanwhile"
	[buffered_in_folio]="one of a whole page leaves its neighbours in the folio"
	[memory_ends]="the memory of a direct write ends inside a block"
	[copy_never_written]="a copy that was made ready and never written comes over no later write"
	[nowait_read_past_end]="a direct read that may not wait reaches past the end"
	[nowait_write]="a direct write that may not wait does not, whatever is in flight"
)
trace=/sys/kernel/tracing
[ -e $trace/events ] || mount -t tracefs tracefs $trace
alone() { # POS LEN: prints the mode of the IOLOCK that a direct write was submitted with, 1 shared, 2 exclusive
	echo >$trace/trace
	xfs_io -d -c "pwrite -q $1 $2" $MNT/t
	sed -n 's/.*dx_dio_write:.*arg 0x\([0-9]*\).*/\1/p' $trace/trace
}
for opts in "" "-b size=1024"; do
	# shellcheck disable=SC2086
	fresh_fs $opts
	mount_dx
	for c in $(window --list); do
		# small blocks matter for their parts, and for pages that hold many
		[ -n "$opts" ] && [[ $c != append_[bp]* && $c != memory* && $c != buffered_* && $c != *read* ]] && continue
		t "${what[$c]}${opts:+ ($opts)}" with_timeout 60 window "$c" $MNT/f
	done
	if [ -z "$opts" ] && [ $FSTYPE = dioxfs ]; then
		xfs_io -f -c "pwrite -q 0 9728" -c fsync $MNT/t
		echo 1 >$trace/events/dioxfs/dx_dio_write/enable
		t_eq "sectors inside a block and inside the file go beside others" "$(since 5.12 && echo 1 || echo 2)" "$(alone 512 512)"
		t_eq "those that end at the end of the file go alone" 2 "$(alone 9216 512)"
		t_eq "those behind it, too" 2 "$(alone 9728 512)"
		t_eq "whole blocks go beside others" 1 "$(alone 4096 4096)"
		echo 0 >$trace/events/dioxfs/dx_dio_write/enable
		# A write of the same block, beside this one, finds the size as it is, and has then nothing that O_DSYNC must log.
		logged_first() {
			xfs_io -f -c "pwrite -q 0 100" -c fsync $MNT/u
			echo 1 | tee $trace/events/dioxfs/{dx_core,dx_size_update,dx_dio_write_done}/enable
			echo >$trace/trace
			xfs_io -d -c "pwrite -q 0 4096" $MNT/u
			echo 0 | tee $trace/events/dioxfs/{dx_core,dx_size_update,dx_dio_write_done}/enable
			[ "$(sed '1,/ dx_dio_write_done:/d' $trace/trace | grep -oE 'trans_commit|dx_size_update' | head -n 2 | xargs)" = "trans_commit dx_size_update" ] ||
				{ grep -v '^#' $trace/trace; return 1; }
		}
		t "a size that a direct write moves is in the log before others see it" logged_first
	fi
	t "unmounts, clean${opts:+ ($opts)}" umount_check
done
dmsetup remove slow
dmsetup remove held

# ------------------------------------------------------------ polled I/O
nullb=/sys/kernel/config/nullb/nullb0	# newer kernels name the disk as the folder, older ones count
polled_device() {
	modprobe null_blk nr_devices=0 2>/dev/null
	[ -d /sys/kernel/config/nullb ] || mount -t configfs configfs /sys/kernel/config || return
	mkdir $nullb || return
	[ -e $nullb/poll_queues ] || return
	echo 1 >$nullb/memory_backed && echo 512 >$nullb/size && echo 2 >$nullb/queue_mode && echo 1 >$nullb/poll_queues && echo 1 >$nullb/power &&
		[ -b /dev/nullb0 ]
}
if polled_device >/dev/null 2>&1; then
	DEV=/dev/nullb0
	fresh_fs
	mount_dx
	t "polled I/O in flight does not hold up the one who would have to poll for it (L2)" with_timeout 30 iopoll $MNT/f && t "unmounts, clean" umount_check
else
	skip "polled I/O in flight does not hold up the one who would have to poll for it (L2)" "no such device here"
fi
[ ! -d $nullb ] || rmdir $nullb

# ------------------------------------------------------------ the program that measures what space operations cost
DEV=$(readlink -f /dev/dx/d0)
fresh_fs
mount_dx
# What it measures is the machine's business; that it is something, and in order, is not. A row of its table: name, rate, p50, ..., maximum.
sane() {	# ROWS ARGS...: names of rows that must have done something
	local rows=$1
	shift
	with_timeout 60 stall --seconds 1 --slice 0.5 "$@" $MNT/s >"$TMP/stall" 2>&1
	local rc=$?
	cat "$TMP/stall"
	[ $rc = 0 ] && awk -v rows="$rows" '
		{ sub(/^in all/, "in-all") }
		$2 ~ /^[0-9]+\/s$/ {
			for (i = 4; i <= 7; i++)
				if ($i + 0 < $(i - 1) + 0) { print "not in order: " $0; bad = 1 }
			if ($2 + 0 > 0 || $7 + 0 > 0) done[$1] = 1	# either may round to 0
		}
		END {
			n = split(rows, want, " ")
			for (i = 1; i <= n; i++) if (!done[want[i]]) { print "nothing done: " want[i]; bad = 1 }
			exit bad
		}' "$TMP/stall"
}
t "stall measures overwrites beside all operations" sane "alone tracked disturbed ahead punch zero in-all" --op all
t "stall measures appends beside all operations" sane "alone tracked disturbed in-all" --op all --pattern append
if have io_uring; then
	t "stall measures io_uring writers beside an extending fallocate, and beside one in another file" \
		sane "alone disturbed beside extend in-all" --engine io_uring --threads 2 --op extend --phases alone,disturbed,beside
else
	t_errno "stall says that this kernel has no io_uring" "no io_uring" stall --engine io_uring $MNT/s
fi
t_errno "stall names what failed" "ahead: fallocate of 1073741824 at .*No space left" stall --ahead-len 1g --gap 0 $MNT/s
t_eq "stall leaves nothing behind" "" "$(ls $MNT)"
t "unmounts, clean after stall" umount_check
