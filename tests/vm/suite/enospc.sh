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
umount_check

leave 4 "$FSTYPE"
nospace fill $MNT append >/dev/null
nospace fill $MNT small >/dev/null
nospace fill $MNT create >/dev/null
before=$(cat "$SYSFS/give_backs" 2>/dev/null || echo 0)
start=$SECONDS
t "a storm on a full volume ends" with_timeout 60 nospace storm $MNT 8
echo "# storm of 3200 calls: $((SECONDS - start)) s, $(($(cat "$SYSFS/give_backs" 2>/dev/null || echo 0) - before)) rounds"
t "and does not write back the world for each call" test $(($(cat "$SYSFS/give_backs" 2>/dev/null || echo 0) - before)) -lt 100
umount_check

fresh_fs $SIZE
mount_dx
for i in 1 2 3; do
	a=$(stat -f -c %a $MNT)
	dd if=/dev/zero of=$MNT/gone bs=1M count=100 status=none
	sync
	rm $MNT/gone
	sync
	t "df is right after rm and sync" test $(((a - $(stat -f -c %a $MNT)) * 4)) -le 64
done
a=$(stat -f -c %a $MNT)
mkdir $MNT/many
for i in {1..800}; do echo x >$MNT/many/$i; done
rm -rf $MNT/many
sync
t "df is right after the removal of many files" test $(((a - $(stat -f -c %a $MNT)) * 4)) -le 64
umount_check
