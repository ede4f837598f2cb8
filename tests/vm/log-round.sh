# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For the suites log-*: random loads, cut off by GOINGDOWN without flushing the log (every
# fourth with), and recovered by whoever is asked to. After each recovery xfs_repair -n is clean and what fsync
# acknowledged is there (L6 included: the loads extend by direct AIO). Source after lib.sh.
#
# Volumes are small, and mkfs.xfs makes such only for a test.
export TEST_DIR=/x TEST_DEV=/x QA_CHECK_FS=/x

# large extent counters where mkfs.xfs, and so the stock kernel, has them
large=
if mkfs.xfs 2>&1 | grep -q nrext64; then large="-i nrext64=1"; fi
forms=(
	"-d size=96m -l size=10m"
	"-d size=96m -l size=10m -b size=1024 $LTS_4_19"
	"-d size=96m -l size=16m,su=32k $large"
	"-d size=130m,agcount=8 -l size=14m -n size=16384 -m reflink=1,rmapbt=1"
)

# MOUNT-TYPE DEVICE DIR: what xfs_repair and the journal say after recovery; stays mounted
judge() {
	local rc=0
	xfs_repair -n "$2" >"$TMP/.v" 2>&1 || rc=$?
	: >"$TMP/verdict"
	if [ $rc != 0 ]; then
		# one that dies may have found nothing until then
		{ grep -v '^Phase\|^ *- \|^No modify' "$TMP/.v"; echo "xfs_repair -n ended with $rc"; } >"$TMP/verdict"
	fi
	mount -t $1 "$2" $3 || return
	ackload check "$TMP/journal" $3 >"$TMP/check" 2>&1 || cat "$TMP/check" >>"$TMP/verdict"
	[ ! -s "$TMP/verdict" ]
}
same_verdict() { cmp -s "$TMP/ours" "$TMP/verdict" || { echo "ours - and stock +:"; diff "$TMP/ours" "$TMP/verdict"; return 1; }; }

# WRITER RECOVERER COUNT: one line per log
round() {
	local w=$1 r=$2 count=$3 i opts k good=0 said=0 as_stock=0 rc
	umount $MNT 2>/dev/null
	for ((i = 0; i < count; i++)); do
		# a volume is used for several logs in a row: cycles wrap, old records lie about
		opts=${forms[i / 5 % ${#forms[@]}]}
		if ((i % 5 == 0)); then
			# shellcheck disable=SC2086
			mkfs.xfs -q -f $opts "$DEV" || return
		fi
		mount -t $w "$DEV" $MNT || { echo "log $i: $w does not mount"; return 1; }
		rm -rf $MNT/w* 2>/dev/null
		ackload run -t 20 -s $i$count -m $((i % 2 ? 16 : 100)) $MNT >"$TMP/journal" 2>"$TMP/err" &
		local load=$!
		# cut when something has been promised, at another point each time
		for ((k = 0; k < 60; k++)); do
			[ "$(wc -l <"$TMP/journal")" -gt $((2 + i * 13 % 40)) ] && break
			sleep 0.1
		done
		xfs_io -x -c "shutdown$( ((i % 4 == 3)) && echo ' -f')" $MNT
		wait $load
		rc=$?
		[ $rc = 0 ] || { echo "log $i: the load ended with $rc"; cat "$TMP/err"; return 1; }
		umount_fs || return
		if [ $r = dioxfs ] && [ $w = xfs ]; then dd if="$DEV" of="$DEV2" bs=2M count=66 status=none; fi
		if ! mount -t $r "$DEV" $MNT; then
			echo "log $i (mkfs $opts, written by $w): $r does not recover it"
			dmesg | tail -n 12
			xfs_logprint -t "$DEV" 2>&1 | tail -n 3
			return 1
		fi
		umount_fs || return
		if ! judge $r "$DEV" $MNT; then
			# A log may hold a state that no recovery makes better: then ours is as good as its writer's.
			cp "$TMP/verdict" "$TMP/ours"
			if [ $r = dioxfs ] && [ $w = xfs ] && mount -t xfs -o nouuid "$DEV2" $MNT2 && umount $MNT2 &&
					! judge "xfs -o nouuid" "$DEV2" $MNT2 && same_verdict; then
				as_stock=$((as_stock + 1))
			else
				echo "log $i (mkfs $opts, written by $w, recovered by $r):"
				head -n 40 "$TMP/ours"
				return 1
			fi
			umount $MNT2
		fi
		said=$((said + $(wc -l <"$TMP/journal")))
		umount_fs || return
		good=$((good + 1))
	done
	[ $said -gt 0 ] || { echo "in $good logs nothing was acknowledged"; return 1; }
	echo "$good logs, $said acknowledgements, $as_stock with complaints that the stock recovery gets too" >"$TMP/total"
}
