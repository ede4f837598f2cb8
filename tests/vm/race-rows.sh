#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# race-rows.sh ROWS DEV DIR RACE [PROGRESS]: runs rows of the race matrix, one after the
# other, on DEV (overwritten). A line of ROWS is
#
#   id fs device engine writer racer races seconds lanes limit fault
#
# A racer of fio:JOB is the job file JOB: fio with the engine, and its verify is the judge.
#
# device is plain (DEV as it is) or one of those in stacks.sh. fault is - or an error tag.
# Prints "BEGIN id" and a "ROW {json}" line for each, and marks the kernel
# log. Stops after a row that hangs: exit 3. Whatever else ends it, nothing of it runs on, and DEV is neither mounted nor in use.
rows=$1 dev=$2 dir=$3 race=$4
mkdir -p "$dir"
. "${0%/*}/stacks.sh"

# FS DEV ENGINE JOB SECONDS FAULT: one row by fio. Prints "ROW {json}": what fio printed, its exit status, what it complained of, and what
# the check of the filesystem said; and its logs, packed.
fio_row() {
	local fs=$1 d=$2 engine=$3 job=$4 limit=$5 fault=$6 tmp rc check=0 why
	tmp=$(mktemp -d) || return
	sed "s/^ioengine=libaio$/ioengine=$engine/" "${rows%/*}/$job.fio" >"$tmp/job.fio"
	case $fs in
	ext4)	mkfs.ext4 -q -F "$d" >"$tmp/mkfs" 2>&1 ;;
	*)	mkfs.xfs -q -f "$d" >"$tmp/mkfs" 2>&1 ;;
	esac && mount -t "$fs" "$d" "$dir" 2>>"$tmp/mkfs" || {
		why=$(tr -d '\n"\134' <"$tmp/mkfs")
		echo "ROW {\"verdict\":\"ERROR\",\"detail\":[\"cannot be mounted: $why\"]}"
		rm -rf "$tmp"
		return
	}
	if [ -n "$fault" ]; then
		why=$(readlink /sys/dev/block/"$(awk -v d="$dir" '$5 == d { print $3 }' /proc/self/mountinfo)")	# not on what may be mounted below it
		if ! echo 1 >/sys/fs/dioxfs/"${why##*/}"/errortag/"$fault"; then
			echo "ROW {\"verdict\":\"ERROR\",\"detail\":[\"no error tag $fault\"]}"
			umount "$dir"
			rm -rf "$tmp"
			return
		fi
	fi
	mkdir "$tmp/logs"
	(cd "$dir" && timeout --foreground "$limit" fio --output-format=json --output="$tmp/json" --write_lat_log="$tmp/logs/log" --write_iops_log="$tmp/logs/log" \
		--log_avg_msec=100 "$tmp/job.fio") >"$tmp/err" 2>&1
	rc=$?
	umount "$dir" || { umount -l "$dir"; check=-1; }
	if [ "$check" = 0 ]; then
		case $fs in
		ext4)	e2fsck -fn "$d" >"$tmp/check" 2>&1 ;;
		*)	xfs_repair -n "$d" >"$tmp/check" 2>&1 ;;
		esac
		check=$?
	fi
	(cd "$tmp/logs" && for why in *.log; do [ -f "$why" ] && echo "FIOLOG $why $(gzip -c "$why" | base64 -w 0)"; done)
	# fio puts its complaints before the object
	why=$(cat "$tmp/err" "$tmp/json" 2>/dev/null | sed '/^{/,$d' | grep -iE 'verify|error|err=|fio:' | head -n 3 | tr -d '\n"\134' | cut -c 1-400)
	echo "ROW {\"fio_rc\":$rc,\"check_rc\":$check,\"complaint\":\"$why\",\"fio\":$(sed -n '/^{/,$p' "$tmp/json" | tr -d '\n' | grep . || echo null)}"
	rm -rf "$tmp"
}

# In a process group of its own, so that a signal to this script need not wait for it, and ends all of it.
job=
apart() {
	set -m
	"$@" </dev/null &
	job=$!
	set +m
	wait $job
	rc=$?
	job=
	return $rc
}
leave() {
	local i
	trap '' INT TERM HUP
	trap - EXIT
	if [ -n "$job" ]; then
		kill -- "-$job"
		for ((i = 0; i < 20; i++)); do kill -0 -- "-$job" || break; sleep 0.1; done
		kill -KILL -- "-$job"
		wait "$job"
	fi
	for ((i = 0; i < 20; i++)); do
		grep -q " $dir " /proc/mounts || break
		umount "$dir" || sleep 0.2
	done
	! grep -q " $dir " /proc/mounts || umount -l "$dir"
	stack_off
} >/dev/null 2>&1
trap leave EXIT
trap 'exit 130' INT TERM HUP

stack_off
while read -r id fs device engine writer racer races seconds lanes limit fault; do
	[ -n "$id" ] || continue
	echo "BEGIN $id"
	echo "dioxfs-race: row $id $fs $device $engine $writer $racer" >/dev/kmsg 2>/dev/null
	stack_on "$device" "$dev" "$fs"
	case $? in
	0)	d=$STACK_DEV ;;
	2)	echo "ROW {\"verdict\":\"n/a\",\"detail\":[\"$STACK_WHY\"]}"
		continue ;;
	*)	echo "ROW {\"verdict\":\"ERROR\",\"detail\":[\"$device cannot be set up: $(tr -d '\n"\134' <<<"$STACK_WHY")\"]}"
		continue ;;
	esac
	[ "$fault" = - ] && fault=
	case $racer in fio:*)
		apart fio_row "$fs" "$d" "$engine" "${racer#fio:}" "$limit" "$fault"
		continue ;;
	esac
	make=()
	if [ "$racer" = exchange ] && [ "$fs" != ext4 ]; then
		make=(--mkfs "bash ${0%/*}/exchange-volume.sh mkfs" --check "bash ${0%/*}/exchange-volume.sh check")
	fi
	apart "$race" --fs "$fs" --dev "$d" --dir "$dir" --device "$device" --engine "$engine" --writer "$writer" --racer "$racer" \
		--races "$races" --seconds "$seconds" --lanes "$lanes" --limit "$limit" --fault "$fault" --seed "$id" \
		"${make[@]}"
	# what hangs would hang whoever unmounts it
	[ $? != 3 ] || { trap - EXIT; exit 3; }
	grep -q " $dir " /proc/mounts && { umount "$dir" || umount -l "$dir"; }
done <"$rows"
stack_off
echo "dioxfs-race: end" >/dev/kmsg 2>/dev/null
exit 0
