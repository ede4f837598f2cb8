#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=900
#
# The detector alone, as a stranger gets it: a static program and a script, under dash and busybox. It says LOST where the stock
# kernel loses, clean where the cure is, neither where the operation is missing; refuses what it must not touch, and leaves nothing.
. /t/lib.sh

P=$TMP/product
mkdir "$P"
cp /t/race-static.sh "$P/"
cp "$(command -v race)" "$P/dioxfs-race"
chmod 755 "$TMP"
modprobe loop
left() { ls -d /tmp/dioxfs-race.* /var/tmp/dioxfs-race.* $MNT/dioxfs-race.* /mnt/c/dioxfs-race.* 2>/dev/null; losetup -a; dmsetup ls | grep dioxfs; grep dioxfs-race /proc/mounts; }

# NAME STATUS SENTENCE ARGS...: how it ends and what it says last
run() {
	local name=$1 want=$2 says=$3 rc
	shift 3
	${SH:-dash} "$P/race-static.sh" "$@" >"$TMP/.said" 2>&1
	rc=$?
	cp "$TMP/.said" "$TMP/.out"
	if [[ $rc =~ ^($want)$ ]] && tail -n 3 "$TMP/.said" | grep -qE -- "$says"; then _say ok "$name"; else
		echo "    | exit status $rc, wanted $want and '$says'"
		_fail "$name"
	fi
}

# ---- verdicts

dd if=/dev/zero of=$DEV bs=1M count=1 2>/dev/null
dd if=/dev/zero of=$DEV bs=1M seek=$(($(blockdev --getsz $DEV) / 2048 - 1)) count=1 2>/dev/null
case $(uname -r) in 6.1.*) stock=1 says="loses writes .* race truncate\(\) that makes the file longer \([0-9]+ of [0-9]+" ;; *) stock='[01]' says="This kernel's xfs" ;; esac
run "stock xfs loses what an extending truncate races" $stock "$says" --seconds 2 --rows 'libaio append:8 truncate-up' --json "$TMP/json" $DEV
if [ $stock = 1 ]; then
	t "the JSON says so" grep -q '^{"answer":"lost",.*"rows":\[{"operation":"truncate() that makes the file longer","answer":"LOST",.*"bad_races":[1-9]' "$TMP/json"
fi
t "both ends of the device are blank again" eval 'cmp -n 1048576 $DEV /dev/zero && [ -z "$(blkid -p $DEV 2>/dev/null)" ]'
if [ $FSTYPE = dioxfs ]; then
	run "dioxfs loses nothing, on a device without anything on it" 0 "lost nothing that it had acknowledged, in [0-9]+ races of 2 kinds" \
		--fs dioxfs --seconds 2 --rows 'libaio append:8 (truncate-up|allocate)' $DEV
else
	run "a filesystem that the kernel does not have is named" 2 "has no dioxfs" --fs dioxfs $DEV
fi
mkfs.ext4 -q -F $DEV2
mkdir -p /mnt/c
mount -t ext4 $DEV2 /mnt/c
chmod 1777 /mnt/c
SH="busybox sh" run "ext4 has no ALLOCSP: not applicable, and not clean" 2 "none of these operations is in this kernel's ext4" --fs ext4 --seconds 1 --rows 'append:8 allocsp' --loop /mnt/c
t "the row is n/a" grep -qE '^ioctl\(ALLOCSP\) +n/a' "$TMP/.said"
nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
SH="nobody busybox sh" run "a folder of ext4 loses nothing, seen without root" 0 "This kernel's ext4 .* lost nothing .*races of 1 kinds" --dir /mnt/c --seconds 1 --rows 'libaio append:8 truncate-up'
t_eq "nothing is left of all that" "" "$(left)"

# ---- what it must not touch

I=$TMP/image
refused() {	# NAME SENTENCE ARGS...
	run "$1" 2 "$2" "${@:3}"
}
# NAME SENTENCE ARGS...: on a loop device of $I, and not a byte of it may change. INSPECT: only what the script asks its program
on_image() {
	local before dev
	before=$(sha256sum <"$I")
	dev=$(losetup -f --show ${LOSETUP:-} "$I")
	[ -z "${SETUP:-}" ] || "$SETUP" "$dev"
	if [ -n "${INSPECT:-}" ]; then t_errno "$1" "$2" race inspect "$dev"; else refused "$1" "$2" "${@:3}" "$dev"; fi
	[ -z "${UNDO:-}" ] || "$UNDO" "$dev"
	losetup -d "$dev"
	t_eq "$1: not a byte has changed" "$before" "$(sha256sum <"$I")"
}
image() { rm -f "$I"; truncate -s 8M "$I"; }
put() { printf %b "$2" | dd of="$I" bs=1 seek=$1 conv=notrunc 2>/dev/null; }

image; mkfs.ext4 -q -F "$I"
on_image "a device with ext4" "has an ext2, ext3 or ext4 filesystem: not used, nothing was overwritten"
SETUP=swapon UNDO=swapoff
image; mkswap "$I" >/dev/null
on_image "a device that is swapped on" "is in use as swap space" --force
SETUP='' UNDO=''
INSPECT=y on_image "swap space that is off" "has swap space"
image; put 1080 x
SETUP=stack UNDO=unstack
stack() { dmsetup create over --table "0 8192 linear $1 0"; }
unstack() { dmsetup remove over; }
on_image "a device under another" "is in use: dm-[0-9]+ is made of it" --force
SETUP='' UNDO=''
image; put 446 '\x00\x00\x02\x00\x83\x00\x00\x00\x00\x08\x00\x00\x00\x10\x00\x00'; put 510 '\x55\xaa'
loop=$(losetup -f --show -P "$I")
parts=$(ls -d "/sys/block/${loop#/dev/}/${loop#/dev/}p1" 2>/dev/null)
losetup -d "$loop"
if [ -n "$parts" ]; then
	LOSETUP=-P on_image "a disk with partitions" "has partitions \(loop[0-9]+p1\)" --force
else
	skip "a disk with partitions" "this kernel does not look for any"
fi
image; put 512 'EFI PART'
INSPECT=y on_image "a GPT" "has a GPT partition table"
image; put 0 'LUKS\xba\xbe'
INSPECT=y on_image "LUKS" "has a LUKS volume"
image; put 4096 '\xfc\x4e\x2b\xa9'
INSPECT=y on_image "an md member" "has an md RAID member"
image; put 700000 data
INSPECT=y on_image "data that nothing is known about" "has something that is not blank"
image; put 8388600 data
INSPECT=y on_image "data at the end" "has something at its end"
image
INSPECT=y on_image "a small device" "is too small"
INSPECT=y LOSETUP=-r on_image "a read-only device" "is read-only"

fresh_fs && mount_stock
date >$MNT/precious
sync
for f in "" --force; do
	# shellcheck disable=SC2086
	refused "a mounted device${f:+, with $f}" "is mounted at $MNT: not used" $f $DEV
done
t "is as it was" umount_check

image; put 0 precious
before=$(sha256sum <"$I")
refused "a file for a device" "is not a block device" "$I"
refused "a file that exists for --loop" "exists: not used, nothing was overwritten" --loop "$I"
refused "a file that exists for --json" "exists: nothing was overwritten" --json "$I" $DEV
t_eq "the file is as it was" "$before" "$(sha256sum <"$I")"
refused "a folder for a device" "is a directory" /mnt/c
refused "no such device" "No such file" /dev/nonesuch
refused "no mkfs" "mkfs.btrfs is not installed \(package btrfs-progs\)" --fs btrfs --loop /mnt/c
refused "no such folder" "is not a folder" --dir /mnt/nonesuch
refused "a DEVICE and --dir" "and not two" --dir /mnt/c $DEV
SH="nobody dash"
refused "a device without root" "only root can use a device" $DEV
refused "a loop file without root" "only root can make a loop device" --loop /mnt/c
chmod 755 /mnt/c
refused "a folder that one cannot write to" "you cannot write there" --dir /mnt/c
SH=
mv /dev/loop-control /dev/away
refused "no loop devices" "no loop devices here" --loop /mnt/c
mv /dev/away /dev/loop-control
if ! dd if=/dev/zero of=/tmp/x bs=4k count=1 oflag=direct 2>/dev/null; then
	refused "a filesystem without direct I/O" "not applicable: tmpfs at /tmp has no direct I/O" --dir /tmp
fi
rm -f /tmp/x

# ---- interrupted

stopped() {	# SIGNAL ARGS...: in the middle of a row
	local sig=$1 pid i
	shift
	setsid dash "$P/race-static.sh" --seconds 60 "$@" >"$TMP/.said" 2>&1 &
	pid=$!
	for ((i = 0; i < 300; i++)); do
		! ls -A /tmp/dioxfs-race.*/mnt.* /mnt/c/dioxfs-race.*/ 2>/dev/null | grep -qE '^[lr][0-9]' || break
		sleep 0.1
	done
	kill "-$sig" $pid
	wait $pid
	[ $? = 2 ] && [ $i -lt 300 ] && [ -z "$(left)" ]
}
t "SIGTERM ends it, and leaves nothing of a loop file" stopped TERM --fs ext4 --loop /mnt/c
t "SIGHUP ends it, and leaves nothing in a folder" stopped HUP --dir /mnt/c
t_eq "nothing is left" "" "$(left)"
umount /mnt/c
