#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=300
#
# "No space left" comes with the last block: how much is free when it comes, in numbers, beside stock xfs on the same
# volume; and never while space is only held. df is right after rm and sync.
. /t/lib.sh

SIZE="-d size=320m"
# Leave about so many MiB free in $MNT, of a volume that is made anew: the tests are about the end.
leave() {
	fresh_fs $SIZE && mount -t "$2" "$DEV" $MNT || return
	fallocate -l $(($(stat -f -c %a $MNT) * 4 / 1024 - $1))M $MNT/ballast
}

# small: stock counts six blocks for each file, and flushes; what is left below the last block is compared in KiB.
for kind in small medium 100k append huge direct store mkdir symlink create xattr falloc; do
	for fs in $FSTYPE xfs; do
		leave 8 $fs || { t "a volume for $kind" false; break; }
		read -r count kib <<<"$(nospace fill $MNT $kind 2>&1)"
		eval "${fs}_n=$count ${fs}_k=$kib"
		umount $MNT
		[ $fs = xfs ] || t "xfs_repair agrees after the last block: $kind" repair_check
	done
	eval "n=\$${FSTYPE}_n k=\$${FSTYPE}_k"
	echo "# $kind: $FSTYPE $n times, then $k KiB free; xfs $xfs_n times, $xfs_k KiB"
	t "$kind: no more is left than by stock xfs" test "$k" -le $((xfs_k + 64))
done

fresh_fs -d size=900m
mount_dx
t "fallocate of all that df shows but 512 KiB" bash -c "nospace fill $MNT falloc1 | grep '^1 '"
t "clean: all but 512 KiB" umount_check

leave 8 "$FSTYPE"
start=$SECONDS
[ $FSTYPE = xfs ] || t "nothing fails for want of space that is only reserved" nospace held $MNT
echo "# held: $((SECONDS - start)) s"
t "clean: held" umount_check

leave 24 "$FSTYPE"
before=$(cat "$SYSFS/give_backs" 2>/dev/null || echo 0)
t "what a removed file had is given to the next without writing back all that is dirty" nospace gone $MNT
[ $FSTYPE = xfs ] || t "and is asked for" test $(($(cat "$SYSFS/give_backs") - before)) -gt 0
t "clean: gone" umount_check

fresh_fs $SIZE
mount_dx
t "a record that is appended stays in one piece while it waits for space" nospace records $MNT
umount_check

leave 4 "$FSTYPE"
nospace fill $MNT append >/dev/null
nospace fill $MNT small >/dev/null
nospace fill $MNT create >/dev/null
before=$(cat "$SYSFS/give_back_writes" 2>/dev/null || echo 0)
start=$SECONDS
t "a storm on a full volume ends" with_timeout 60 nospace storm $MNT 8
echo "# storm of 3200 calls: $((SECONDS - start)) s, $(cat "$SYSFS/give_backs" 2>/dev/null || echo 0) rounds in all"
t "and does not write back the world for each call" test $(($(cat "$SYSFS/give_back_writes" 2>/dev/null || echo 0) - before)) -lt 100
t "clean: a storm" umount_check

fresh_fs $SIZE
mount_dx
[ $FSTYPE = xfs ] || t "statfs is right just after an unlink and a sync by the same process" bash -c "counts --gone $MNT 4 | grep -Ex '[0-9]|1[0-6]'"
a=$(stat -f -c %a $MNT)
mkdir $MNT/many
for i in {1..800}; do echo x >$MNT/many/$i; done
rm -rf $MNT/many
sync
t "df is right after the removal of many files" test $(((a - $(stat -f -c %a $MNT)) * 4)) -le 64
t "clean: df" umount_check

# What stock XFS tells of the same volume; each AG keeps a block more here, or three where it is large: for splits of extent maps. And
# with reverse mappings as many as their tree has levels at most (6): for a free list that is empty.
# A free block counts as eight inodes, up to imax_pct.
ours_and_stock() {
	local more=3
	! xfs_db -r -c version "$DEV" | grep -q RMAPBT || more=9
	mount -t xfs "$DEV" $MNT && counts $MNT >"$TMP/stock" && umount_fs && mount_dx && counts $MNT >"$TMP/ours" && umount_fs &&
	paste -d ' ' "$TMP/ours" "$TMP/stock" | awk -v more=$more '
		$1 == "AG" { bad = bad || $4 != $14 || $6 != $16 || $8 != $18 || $10 != $20; ags++ }
		$1 == "pool" { bad = bad || $2 != $6 || $4 != $8 }
		$1 == "statfs" { less = $16 - $5; files = $20 - $9; bad = bad || $3 != $14 || $5 != $7 || $22 - $11 != files || (files && files != 8 * less); print "blocks less than stock has:", less }
		END { exit bad || !ags || less < 0 || less > more * ags }' && return
	diff "$TMP/stock" "$TMP/ours"
	return 1
}
fresh_fs $SIZE
mount_stock && counts $MNT >"$TMP/stock" && umount_fs
for opts in "-m finobt=1,reflink=1" "-m finobt=0,inobtcount=0,reflink=0"; do
	# Before 5.2 it tells nothing of its AGs, and keeps other amounts back.
	if ! grep -q ^AG "$TMP/stock"; then
		skip "statfs, the reserve pool and the AGs as stock XFS tells of them: $opts" "stock XFS is too old"
		continue
	fi
	fresh_fs $SIZE $opts
	t "statfs, the reserve pool and the AGs as stock XFS tells of them: $opts" ours_and_stock
	mount_stock && fallocate -l 150m $MNT/half && touch $MNT/{1..100} && umount_fs
	t "and half full" ours_and_stock
done
t "ends clean" repair_check

# What moves the blocks of a file does it whole, or leaves the file as it was, its size too: of a clone, whose last block is
# shared and would need a copy; and of a map that has no block to grow.
to_the_last() {
	local kib=$((256 << 10)) at=0 n
	xfs_io -x -c "resblks 0" $MNT
	while [ $kib -ge 4 ]; do
		if fallocate -o ${at}K -l ${kib}K $MNT/all 2>/dev/null; then ((at += kib)); else ((kib /= 2)); fi
	done
	# a small map needs nothing for itself
	for n in {1..16}; do fallocate -l 4k $MNT/last$n 2>/dev/null; done
	sync
	drop_caches
}
state() { stat -c %s "$1" && md5sum <"$1"; }
whole_or_not_at_all() {	# FILE EXPECTED COMMAND: done, it is like EXPECTED; else as before
	local before
	before=$(state "$1")
	if xfs_io -c "$3" "$1"; then
		[ "$(state "$1")" = "$(state "$2")" ] || { echo "done, but: $(state "$1")"; return 1; }
	else
		drop_caches
		[ "$(state "$1")" = "$before" ] || { echo "failed, and: was $before, is $(state "$1")"; return 1; }
	fi
}
data() { tr -d '\0' <$MNT/comb | wc -c; }
insertions() {	# two cuts in each extent of four blocks, until a leaf of the map is full: longer by what was inserted, no more
	local i size before failed
	size=$(stat -c %s $MNT/comb)
	before=$(data)
	for ((i = 0; i < 200; i++)); do echo "finsert $(((i - i % 2) * 14 + i % 2 * 8 + 4))k 4k"; done | xfs_io $MNT/comb >"$TMP/inserting" 2>&1
	failed=$(grep -c "No space left" "$TMP/inserting")
	echo "$failed failed; before: $size, now: $(stat -c %s $MNT/comb)"
	[ "$failed" -gt 0 ] && [ $((size + (200 - failed) * 4096)) = "$(stat -c %s $MNT/comb)" ] && [ "$before" = "$(data)" ]
}
fresh_fs $SIZE -m reflink=1
mount_dx
head -c 1000100 /dev/urandom >$MNT/a
tail -c +65537 $MNT/a >"$TMP/collapsed"
{ head -c 65536 $MNT/a; head -c 65536 /dev/zero; tail -c +65537 $MNT/a; } >"$TMP/inserted"
for f in collapse insert; do xfs_io -f -c "reflink -q $MNT/a" $MNT/$f; done
xfs_io -f -c "pwrite -q 0 4m" -c fsync $MNT/comb
touch $MNT/last{1..16}
for ((i = 4; i < 1024; i += 5)); do echo "fpunch $((i * 4))k 4k"; done | xfs_io $MNT/comb >/dev/null
to_the_last
t "full: a collapse before a last block that is shared" whole_or_not_at_all $MNT/collapse "$TMP/collapsed" "fcollapse 0 64k"
t "full: an insertion before a last block that is shared" whole_or_not_at_all $MNT/insert "$TMP/inserted" "finsert 64k 64k"
t "full: an insertion that cuts, with no block for the map" insertions
t "clean: what moves blocks on a full volume" umount_check
