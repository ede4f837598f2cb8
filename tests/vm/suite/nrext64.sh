#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=200
#
# Large extent counters: made by mkfs.xfs, or given later by xfs_admin; logs that we and the stock kernel leave to
# each other; and files that had small ones. A file too many of whose extents are asked for says so. What the limit of
# small counters does is seen with a module that has error tags, whose few_extents lowers it.
. /t/lib.sh

mkfs.xfs 2>&1 | grep -q nrext64 || { skip "all of this" "this mkfs.xfs does not know large extent counters"; exit; }
ino() { stat -c %i "$1"; }
extents() { xfs_io -r -c "stat -v" "$1" | sed -n 's/^fsxattr.nextents = //p'; }
pieces() {	# FILE FIRST COUNT: so many blocks with holes between
	local i args=()
	for ((i = $2; i < $2 + $3; i++)); do args+=(-c "pwrite -q -S $((i % 250 + 1)) $((i * 8192)) 4096"); done
	xfs_io -f -d "${args[@]}" "$1"
}
attrs() {	# FILE FIRST COUNT
	local i
	{
		echo "# file: $1"
		for ((i = $2; i < $2 + $3; i++)); do printf 'user.%d="%03000d"\n' $i $i; done
	} >"$TMP/.attrs"
	setfattr --restore="$TMP/.attrs"
}
content() { md5sum <"$1"; getfattr -d --absolute-names "$1" 2>/dev/null | md5sum; }

# ------------------------------------------------------------ beside the stock kernel
pair_up -i nrext64=1
t_same "files with many extents" eval 'for i in 1 2 3; do touch f$i; done; '"$(declare -f pieces attrs)"'; pieces f1 0 60; pieces f2 0 5; attrs f2 0 30; xfs_io -c "fpunch 0 40k" -c "finsert 16k 16k" f1; md5sum f?'
t_same "say how many they have" eval 'for f in f1 f2 f3; do xfs_io -r -c "stat -v" $f; done | grep nextents'
info() { xfs_spaceman -p xfs_info -c info . 2>/dev/null | grep -o "nrext64=[01]"; }
t_same "the volume says that it has them" info
i1=$(ino $MNT/f1) i2=$(ino $MNT/f2)
j1=$(ino $MNT2/f1) j2=$(ino $MNT2/f2)
t "both clean" pair_down
form() { xfs_db -r -c "inode $2" -c "p core.format core.aformat v3.nrext64 core.nextents" "$1"; }
t_eq "an inode looks as the stock kernel writes it" "$(form "$DEV2" $j1)" "$(form "$DEV" $i1)"
t_eq "one with attributes, too" "$(form "$DEV2" $j2 | grep -v nextents)" "$(form "$DEV" $i2 | grep -v nextents)"

# ------------------------------------------------------------ logs
for w in $FSTYPE xfs; do
	r=xfs
	[ $w = xfs ] && r=$FSTYPE
	fresh_fs -i nrext64=1
	mount -t $w "$DEV" $MNT
	pieces $MNT/a 0 60; attrs $MNT/a 0 40; pieces $MNT/b 0 3; mkdir $MNT/d; touch $MNT/d/{1..50}
	rm $MNT/d/7
	content $MNT/a >"$TMP/a"; content $MNT/b >"$TMP/b"; ls $MNT/d >"$TMP/d"
	xfs_io -x -c "shutdown -f" $MNT
	umount_fs
	t "a log of $w is recovered by $r" mount -t $r "$DEV" $MNT
	t "with all that it held" eval 'content $MNT/a | cmp - "$TMP/a" && content $MNT/b | cmp - "$TMP/b" && ls $MNT/d | cmp - "$TMP/d"'
	t "and more is written" eval 'pieces $MNT/a 60 20 && attrs $MNT/b 0 40 && rm -r $MNT/d'
	t "clean" umount_check
done

# ------------------------------------------------------------ a volume that gets them later
fresh_fs -i nrext64=0
mount_dx
pieces $MNT/old 0 40; pieces $MNT/other 0 40; attrs $MNT/other 0 3
old=$(ino $MNT/old) other=$(ino $MNT/other)
umount_fs
t "xfs_admin upgrades the volume" xfs_admin -O nrext64=1 "$DEV"
mount_dx
pieces $MNT/new 0 3
new=$(ino $MNT/new)
pieces $MNT/other 40 3
umount_fs
large() { xfs_db -r -c "inode $1" -c "p v3.nrext64" "$DEV" | sed 's/.*= //'; }
t_eq "a file from before keeps its counters" "0 0" "$(large $old) $(large $other)"
t_eq "a new one has large ones" 1 "$(large $new)"
mount_dx
if [ -e "$SYSFS/errortag/few_extents" ]; then
	echo 40 >"$SYSFS/errortag/few_extents"
	t "one more than small counters can count" pieces $MNT/old 40 1
	t_eq "is counted" 41 "$(extents $MNT/old)"
	xfs_io -c fsync $MNT/old
	content $MNT/old >"$TMP/old"
	xfs_io -x -c "shutdown -f" $MNT
	umount_fs
	t "the stock kernel recovers the log with the new form" mount_stock
	t "and reads the file" eval 'content $MNT/old | cmp - "$TMP/old"'
	t "and makes it longer" pieces $MNT/old 41 30
	t_eq "it has all extents" 71 "$(extents $MNT/old)"
	umount_fs
	t_eq "large counters, then" 1 "$(large $old)"
	mount_dx
	t "and back" eval 'pieces $MNT/old 71 5 && [ "$(extents $MNT/old)" = 76 ]'
else
	skip "one more than small counters can count" "this module has no error tags"
fi
t "clean" umount_check

# ------------------------------------------------------------ the end, on a volume without them
fresh_fs -i nrext64=0
mount_dx
if [ -e "$SYSFS/errortag/few_extents" ]; then
	pieces $MNT/f 0 38
	xfs_io -c "falloc 10m 40k" -c "falloc 20m 40k" $MNT/f	# 40
	xfs_io -f -c "pwrite -q 0 4k" $MNT/buffered; sync
	attrs $MNT/attrs 0 1 2>/dev/null; touch $MNT/attrs
	echo 40 >"$SYSFS/errortag/few_extents"
	before=$(xfs_io -r -c "bmap -v" $MNT/f)
	size=$(stat -c %s $MNT/f)
	klog_mark
	t_errno "a direct write says EFBIG" "File too large" xfs_io -d -c "pwrite -q 30m 4k" $MNT/f
	t_errno "fallocate" "File too large" xfs_io -c "falloc -k 30m 4k" $MNT/f
	t_errno "a punch inside an extent" "File too large" xfs_io -c "fpunch 10248k 4k" $MNT/f
	t_errno "an insertion inside an extent" "File too large" xfs_io -c "finsert 10248k 4k" $MNT/f
	t_eq "which leaves the size alone" "$size" "$(stat -c %s $MNT/f)"
	t_errno "a direct write into the middle of preallocation" "File too large" xfs_io -d -c "pwrite -q 10248k 4k" $MNT/f
	t_eq "the map is as it was" "$before" "$(xfs_io -r -c "bmap -v" $MNT/f)"
	t_errno "fsync tells what a buffered write could not keep" "error\|File too large" xfs_io -c "pwrite -q 40m 4k" -c fsync $MNT/f
	t_errno "an attribute" "File too large" attrs $MNT/attrs 0 100
	t "what makes it fewer works" xfs_io -c "fpunch 20m 40k" $MNT/f
	t "and then one more" xfs_io -d -c "pwrite -q 30m 4k" $MNT/f
	t "attributes can go" eval 'setfattr -x user.0 $MNT/attrs && setfattr -x user.1 $MNT/attrs'
	t_fails "nothing shut down" kernel_says "dioxfs.*shut down"
	echo 0 >"$SYSFS/errortag/few_extents"
	t "without the limit it goes on" eval 'pieces $MNT/f 1000 20 && attrs $MNT/attrs 200 20'
else
	skip "too many extents are EFBIG" "this module has no error tags"
fi
t "clean" umount_check
