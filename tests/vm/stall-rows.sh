#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# stall-rows.sh ROWS FS...: the rows of scripts/bench-stall, inside a guest. A line of the file ROWS is "ID NANOSECONDS RUNS" and what
# follows the options of stall, but for the seed, which is the number of the run. In each row every filesystem gets a fresh
# volume on a memory-backed null_blk of its own with that latency, and the runs go round. Prints lines
#
#	FS name why			it is not to be had here, or its name and what made the volume
#	RESULT id run fs {json}		of stall
#	NA id fs why			stall says that it is not to be had there
#	FAILED id fs why		stall or a checker
#	COUNTERS id fs {json}		what /sys/fs/dioxfs counted
rows=$1
shift
conf=/sys/kernel/config/nullb
btrfs=/t/btrfs
declare -A nr dev

modprobe null_blk nr_devices=0
[ -d $conf ] || mount -t configfs configfs /sys/kernel/config
[ -d $conf ] || { echo "FAILED - - this kernel's null_blk is not to be had with configfs"; exit 1; }

outside() { "$btrfs"/ld-linux-x86-64.so.2 --library-path "$btrfs" "$@"; }	# a program with its own libraries
load_btrfs() {
	local m
	grep -qw btrfs /proc/filesystems && return
	for m in "$btrfs"/*.ko; do [ ! -e "$m" ] || insmod "$m" 2>/dev/null; done
	grep -qw btrfs /proc/filesystems
}
usable() {
	case $1 in
	dioxfs)	grep -qw dioxfs /proc/filesystems || { echo "the module is not loaded"; false; } ;;
	xfs|ext4)
		modprobe "$1" 2>/dev/null
		grep -qw "$1" /proc/filesystems || { echo "this kernel has no $1"; false; } ;;
	btrfs)	[ -e $btrfs/mkfs.btrfs ] || { echo "no mkfs.btrfs"; return 1; }
		load_btrfs || { echo "this kernel has no btrfs"; false; } ;;
	*)	echo "no such filesystem here"; false ;;
	esac
}

# Volumes are made and checked without the latency: the memory stays when the disk goes and comes again.
power() {	# FS LATENCY
	local d=$conf/nullb${nr[$1]}
	if [ -d "$d" ]; then echo 0 >"$d/power" || return; else
		mkdir "$d" && echo 1 >"$d/memory_backed" && echo 32768 >"$d/size" && echo 2 >"$d/queue_mode" && echo 512 >"$d/blocksize" &&
			nproc >"$d/submit_queues" && echo 256 >"$d/hw_queue_depth" || return
	fi
	if [ "$2" = 0 ]; then echo 0 >"$d/irqmode"; else
		echo 2 >"$d/irqmode" && echo "$2" >"$d/completion_nsec"
	fi && echo 1 >"$d/power" && [ -b "${dev[$1]}" ]
}
make_volume() {
	case $1 in
	dioxfs|xfs)
		mkfs.xfs -q -f "${dev[$1]}" ;;
	ext4)	# no inode tables to be filled in the background
		mkfs.ext4 -q -F -N 4096 -E lazy_itable_init=0 "${dev[$1]}" ;;
	btrfs)	outside $btrfs/mkfs.btrfs -q -f "${dev[$1]}" ;;
	esac
}
check_volume() {
	case $1 in
	dioxfs|xfs)
		xfs_repair -n "${dev[$1]}" ;;
	ext4)	e2fsck -fn "${dev[$1]}" ;;
	btrfs)	outside $btrfs/btrfs check --readonly "${dev[$1]}" ;;
	esac
}
counters() {
	local f n v sep=
	for f in "/sys/fs/dioxfs/${dev[$1]##*/}"/*; do
		[ -f "$f" ] && v=$(cat "$f") && [[ $v =~ ^[0-9]+$ ]] || continue
		n=${f##*/}
		printf '%s"%s":%s' "$sep" "$n" "$v"
		sep=,
	done
}
failed() {
	echo "FAILED $id $1 $2: $(tail -n 3 /tmp/said | tr '\n' ' ')"
	bad=1
}

have=() bad=0
for fs; do
	if why=$(usable "$fs"); then
		nr[$fs]=${#have[@]}
		dev[$fs]=/dev/nullb${#have[@]}
		have+=("$fs")
		mkdir -p "/mnt/$fs"
	else
		echo "FS $fs $why"
	fi
done
while read -r id ns runs options; do
	up=()
	for fs in "${have[@]}"; do
		{ power "$fs" 0 && make_volume "$fs" && power "$fs" "$ns" && mount -t "$fs" "${dev[$fs]}" "/mnt/$fs"; } >/tmp/said 2>&1 &&
			up+=("$fs") || failed "$fs" "no volume"
	done
	for ((run = 1; run <= runs; run++)); do
		for ((i = 0; i < ${#up[@]}; i++)); do
			fs=${up[(i + run) % ${#up[@]}]}
			sync
			# shellcheck disable=SC2086
			stall $options --seed $run --json "/mnt/$fs/f" >/tmp/result 2>/tmp/said
			case $? in
			0)	echo "RESULT $id $run $fs $(cat /tmp/result)" ;;
			3)	echo "NA $id $fs $(cat /tmp/said)" ;;
			*)	failed "$fs" "stall" ;;
			esac
		done
	done
	for fs in "${up[@]}"; do
		[ "$fs" = dioxfs ] && echo "COUNTERS $id $fs {$(counters "$fs")}"
		umount "/mnt/$fs" >/tmp/said 2>&1 || { failed "$fs" umount; continue; }
		{ power "$fs" 0 && check_volume "$fs"; } >/tmp/said 2>&1 || failed "$fs" "the checker is not happy"
	done
	for fs in "${have[@]}"; do
		echo 0 >"$conf/nullb${nr[$fs]}/power"
		rmdir "$conf/nullb${nr[$fs]}"
	done
done <"$rows"
exit $bad
