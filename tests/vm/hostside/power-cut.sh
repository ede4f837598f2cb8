#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The power goes in the middle of random loads. What fsync and O_DSYNC had
# acknowledged, by then told over the console, is there after recovery by us, and by the
# stock kernel; xfs_repair -n is clean (L6). See vm-run.sh for the environment.
#
# The cut comes when so much has been acknowledged: in so many seconds a loaded machine gets to nothing.
img=$OUT/disk.img
module=()
[ "$FSTYPE" = dioxfs ] && module=(--module "$MODULE")

cut_and_recover() {
	local n=$1 acks=$2 opts=$3 recover=$4
	rm -f "$img" "$OUT/journal" "$OUT/log"
	"$VM_RUN" --timeout 180 "${module[@]}" --disk-image "$img:500M" --power-cut-on '^cut now' -- "
		TEST_DIR=/x TEST_DEV=/x QA_CHECK_FS=/x mkfs.xfs -q -f $opts /dev/dx/d0 && mount -t $FSTYPE /dev/dx/d0 /mnt &&
		ackload run -t 300 -s $n -m 100 -c $acks /mnt; echo load ended" >"$OUT/journal" 2>"$OUT/err"
	local rc=$?
	if [ $rc != 0 ] || grep -q "load ended" "$OUT/journal"; then
		tail -n 20 "$OUT/err" "$OUT/journal" >"$OUT/log"
		return 1
	fi
	"$VM_RUN" --timeout 180 "${module[@]}" --disk-image "$img" --add "$OUT/journal:/t/journal" -- "
		mount -t $recover /dev/dx/d0 /mnt && umount /mnt && xfs_repair -n /dev/dx/d0 >/tmp/r 2>&1 || { tail /tmp/r; dmesg | tail; exit 1; }
		mount -t $recover /dev/dx/d0 /mnt && ackload check /t/journal /mnt && umount /mnt" >"$OUT/log" 2>&1
}

n=0
while IFS='|' read -r acks opts recover; do
	n=$((n + 1))
	[ "$FSTYPE" = xfs ] && recover=xfs
	name="power cut $n ($FSTYPE $opts, after $acks acknowledgements): recovered by $recover, nothing acknowledged is lost"
	if cut_and_recover $n "$acks" "$opts" "$recover"; then echo "ok $name: $(tail -n 1 "$OUT/log")"; else
		sed 's/^/    | /' "$OUT/log" | tail -n 30
		echo "not ok $name"
	fi
done <<'EOT'
150||dioxfs
400|-b size=1024|xfs
250|-l size=32m -m reflink=0|dioxfs
600|-d agcount=8|xfs
EOT
