#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=400
# vm: allow=Call Trace|Corruption|corrupt|metadata I/O error|Unmount and run|Internal error
#
# What cannot be mounted is refused with an error, a line in the kernel log that says
# why, and a device that is byte for byte what it was. What is damaged further in is found on
# the way: an error, never an oops.
. /t/lib.sh

export TEST_DIR=/x TEST_DEV=/x QA_CHECK_FS=/x	# mkfs.xfs accepts small volumes from a test
needs loop
IMG=$TMP/img
tag=$([ $FSTYPE = dioxfs ] && echo dioxfs || echo XFS)

make() { rm -f "$1"; truncate -s ${SIZE:-34m} "$1" && mkfs.xfs -q -f -d size=${SIZE:-34m},agcount=2 -l size=7m "${@:2}" "$1"; }
make "$TMP/pristine"
image() { if [ $# -gt 0 ]; then make "$IMG" "$@"; else cp --sparse=always "$TMP/pristine" "$IMG"; fi; }
poke() { xfs_db -x "$@" "$IMG" >/dev/null 2>&1; }
# byte of the image set to something else
flip() { printf %b "\\x$(printf %02x $((255 - $(od -An -tu1 -j $1 -N 1 "$IMG"))))" | dd of="$IMG" bs=1 seek=$1 conv=notrunc 2>/dev/null; }

# NAME REGEX-OF-KERNEL-LINE MOUNT-OPTIONS
refused() {
	local name=$1 says=$2 opts=${3:-loop}
	cp --sparse=always "$IMG" "$TMP/before"
	local loop
	loop=$(losetup -f --show "$IMG")
	klog_mark
	t_fails "$name: refused" mount -t $FSTYPE -o "${opts#loop}" "$loop" $MNT
	umount $MNT 2>/dev/null
	t "$name: the kernel log says why" kernel_says "$tag.*($says)"
	losetup -d "$loop"
	# The stock kernel logs before it looks at the root inode.
	[ $FSTYPE-$says = xfs-root ] || t "$name: the device is untouched" cmp "$IMG" "$TMP/before"
}

image
t "a good volume mounts in the way that the bad ones are tried" eval 'loop=$(losetup -f --show "$IMG") && mount -t $FSTYPE $loop $MNT && umount_fs && losetup -d $loop'
truncate -s 0 "$IMG"
truncate -s 34m "$IMG"
refused "an empty device" "(magic|not an? XFS|Invalid superblock)"
mkfs.ext4 -q -F "$IMG"
refused "ext4" "magic|not an? XFS|Invalid superblock"
dd if=/dev/urandom of="$IMG" bs=1M count=34 2>/dev/null
refused "noise" "magic|not an? XFS|Invalid superblock"
printf XFSB | dd of="$IMG" conv=notrunc 2>/dev/null
refused "noise with the right magic" "."
truncate -s 512 "$IMG"
truncate -s 4096 "$IMG"
refused "a device of one block" "."
image
truncate -s 20m "$IMG"
refused "a truncated volume" "truncated|size check failed|last sector"

if image -m crc=0 2>/dev/null; then
	if [ $FSTYPE = dioxfs ]; then refused "format v4" "v4|version 4|V4"; else skip "format v4: refused" "stock XFS mounts it"; fi
fi
image
flip 20
refused "superblock with a wrong CRC" "CRC|crc|verif|bad|checksum"
image
poke -c "sb 0" -c "write -d features_incompat 0x40000003"
refused "unknown incompat feature" "incompat|feature"
image
poke -c "sb 0" -c "write -d features_ro_compat 0x4000000d"
refused "unknown ro_compat feature, read-write" "feature" "rw"
if t "unknown ro_compat feature mounts read-only" mount -t $FSTYPE -o ro,loop "$IMG" $MNT; then umount_fs; fi
image
truncate -s 25m "$IMG"
refused "truncated device" "size|end|beyond|last|I/O error|small|truncated"
image
poke -c "sb 0" -c "write -d features_incompat 0x1b"
refused "needs repair (xfs_repair was interrupted)" "repair"
for f in "blocksize 8192" "sectsize 100" "agcount 0" "agcount 999999" "agblocks 5" "dblocks 0" "dblocks 9999999999999" "inodesize 100" "inopblock 77" \
	"logblocks 0" "logstart 0" "logstart 99999999999" "rootino 0" "inprogress 1" "versionnum 0xb4a0" "blocklog 40" "agblklog 40" "dirblklog 20" \
	"imax_pct 255" "rextsize 0" "inoalignmt 77777" "logsunit 5" "icount 3"; do
	image
	# shellcheck disable=SC2086
	poke -c "sb 0" -c "write -d $f"
	loop=$(losetup -f --show "$IMG")
	cp --sparse=always "$IMG" "$TMP/before"
	mount -t xfs -o ro,norecovery "$loop" $MNT2 2>/dev/null && stock=mounts || stock=refuses
	umount $MNT2 2>/dev/null
	mount -t $FSTYPE -o ro,norecovery "$loop" $MNT 2>/dev/null && ours=mounts || ours=refuses
	umount $MNT 2>/dev/null
	losetup -d "$loop"
	# The geometry of a mount that stock XFS accepts may be refused, never the reverse.
	case "$ours $stock" in
		"mounts refuses") t "superblock with $f is refused as stock XFS refuses it" false ;;
		*) t "superblock with $f: we $ours, stock XFS $stock it, nothing is written" cmp "$IMG" "$TMP/before" ;;
	esac
done

# Further in: an AG header, a root inode, a log that is damaged.
image
flip 512
klog_mark
loop=$(losetup -f --show "$IMG")
mount -t $FSTYPE "$loop" $MNT 2>/dev/null && { mkdir $MNT/x 2>"$TMP/err"; touch $MNT/x/y 2>>"$TMP/err"; dd if=/dev/zero of=$MNT/z bs=64k count=4 conv=fsync 2>>"$TMP/err"; umount_fs; }
t "a free space header with a wrong CRC is an error at mount or at first use" kernel_says "$tag.*(agf|AGF|0x1|CRC|orrupt)"
losetup -d "$loop"
image
flip 1024
klog_mark
loop=$(losetup -f --show "$IMG")
mount -t $FSTYPE "$loop" $MNT 2>/dev/null && { mkdir $MNT/x 2>/dev/null; sync; umount_fs; }
t "an inode header with a wrong CRC is an error at mount or at first use" kernel_says "$tag.*(agi|AGI|0x2|CRC|orrupt)"
losetup -d "$loop"
image
poke -c "inode 128" -c "write -d core.magic 0"
refused "root inode with a wrong magic" "root"
image
poke -c "inode 128" -c "write -d core.mode 0100644"
refused "root inode that is a file" "root"
image -m uuid=11111111-1111-1111-1111-111111111111
poke -c "agf 0" -c "write -d uuid 22222222-2222-2222-2222-222222222222"
klog_mark
loop=$(losetup -f --show "$IMG")
mount -t $FSTYPE "$loop" $MNT 2>/dev/null && { touch $MNT/x 2>/dev/null; dd if=/dev/zero of=$MNT/z bs=64k count=4 conv=fsync 2>/dev/null; umount_fs; }
t "a free space header of another volume is an error" kernel_says "$tag.*(agf|AGF|0x1|orrupt|uuid)"
losetup -d "$loop"

# Damage in a tree of every kind: any byte wrong, walking ends with errors or not, but ends.
SIZE=64m make "$IMG"
mount -t xfs -o loop "$IMG" $MNT
fill $MNT 300
umount $MNT
cp --sparse=always "$IMG" "$TMP/good"
damage() {
	local seed=$1
	cp --sparse=always "$TMP/good" "$IMG"
	corrupt "$IMG" $seed 60 8192 $((16 << 20)) || return
	mount -t $FSTYPE -o "$2",loop "$IMG" $MNT 2>/dev/null || return 0
	timeout 60 walk -n $MNT >"$TMP/walk" 2>&1
	[ $? -lt 124 ] || return 1
	if [ "$2" = rw ]; then
		timeout 40 bash -c "rm -rf $MNT/many $MNT/xattrs; fill $MNT/dirs 20; sync -f $MNT" >/dev/null 2>&1
		[ $? -lt 124 ] || return 1
	fi
	umount_fs
}
for s in 1 2 3; do t "a tree with 60 bad bytes (seed $s) is walked to the end" damage $s ro; done
for s in 5 6; do t "a tree with 60 bad bytes (seed $s) is changed until an error stops it, and unmounts" damage $s rw; done

# Mount options: what the stock kernel takes and what it refuses.
image
for o in logbufs=4 logbufs=0 logbufs=1 logbufs=9 logbufs=x logbsize=64k logbsize=0 logbsize=100 logbsize=1m allocsize=64k allocsize=96k allocsize=0 allocsize=6k \
	allocsize=5 inode32 inode64 nouuid noikeep ikeep \
	wsync discard nodiscard largeio noalign swalloc filestreams norecovery ro,norecovery bogus dax=bogus dax=never dax=inode sunit=3 sunit=64,swidth=128 sunit=64,swidth=100 sunit=64,swidth=128,noalign swidth=64 attr2 noquota usrquota gqnoenforce pquota quota=x; do
	loop=$(losetup -f --show "$IMG")
	mount -t xfs -o "$o" "$loop" $MNT2 2>/dev/null && stock=takes || stock=refuses
	umount $MNT2 2>/dev/null
	mount -t $FSTYPE -o "$o" "$loop" $MNT 2>/dev/null && ours=takes || ours=refuses
	umount $MNT 2>/dev/null
	losetup -d "$loop"
	case "$o $(uname -r)" in
	allocsize=5\ 5.[0-5].* | allocsize=5\ 4.* | dax=[ni]*\ 5.[0-5].* | dax=[ni]*\ 4.*)
		skip "mount option $o: as stock XFS" "it was otherwise before 5.6"
		continue ;;
	dax=[ni]*)	# a kernel without DAX does not know the option at all
		if [ $stock = refuses ] && ! grep -qw dax_iomap_rw /proc/kallsyms; then
			skip "mount option $o: as stock XFS" "this kernel has no DAX"
			continue
		fi ;;
	esac
	t_eq "mount option $o: as stock XFS" $stock $ours
done
if [ $FSTYPE = dioxfs ]; then
	klog_mark
	for o in logdev=/dev/vdb rtdev=/dev/vdb dax; do
		t_fails "mount option $o is refused" mount -t dioxfs -o "loop,$o" "$IMG" $MNT
	done
	t "the kernel log says which is not supported" kernel_says "logdev is not supported"
	# Those of kernels older or newer than this one: what stock XFS of some kernel takes for such a volume is taken.
	for o in barrier nobarrier noattr2 lifetime biosize=64k max_atomic_write=0 max_atomic_write=4k max_atomic_write=16K; do
		t "mount option $o is taken" eval "mount -t dioxfs -o loop,$o $IMG $MNT && umount $MNT"
	done
	for o in nolifetime max_open_zones=4 delaylog max_atomic_write=x max_atomic_write=12k max_atomic_write=2k max_atomic_write=1g \
		max_atomic_write=4x biosize=5; do
		t_fails "mount option $o is refused" mount -t dioxfs -o "loop,$o" "$IMG" $MNT
	done
	t "/proc/mounts tells of max_atomic_write" eval "mount -t dioxfs -o loop,max_atomic_write=16384 $IMG $MNT &&
		grep -q ' $MNT .*,max_atomic_write=16k' /proc/mounts && mount -o remount,max_atomic_write=8k $MNT &&
		grep -q ' $MNT .*,max_atomic_write=8k' /proc/mounts && ! mount -o remount,max_atomic_write=1k $MNT &&
		grep -q ' $MNT .*,max_atomic_write=8k' /proc/mounts && umount $MNT"
	umount $MNT 2>/dev/null
	for o in filestreams lazytime nobarrier noattr2 max_atomic_write=64k; do
		klog_mark
		mount -t dioxfs -o "loop,$o" "$IMG" $MNT && umount $MNT
		t "a mount with $o says that it has no effect" kernel_says "mount option ${o%=*} has no effect"
	done
	klog_mark
	mount -t dioxfs -o loop,noalign,swalloc,largeio,dax=never,barrier,max_atomic_write=4k "$IMG" $MNT && mount -o remount,lazytime $MNT && umount $MNT
	t "so does a remount, and of what has its effect nothing is said" eval 'kernel_says "lazytime has no effect" && [ $(_klog | grep -c "has no effect") = 1 ]'
fi

# What stat(2) gives as the size of an I/O.
for v in "" "-d su=64k,sw=4"; do
	# shellcheck disable=SC2086
	fresh_fs $v
	for o in nolargeio largeio largeio,allocsize=1m; do
		mount_stock -o $o && touch $MNT/f && stock=$(stat -c "%o %n" $MNT/f $MNT) && umount_fs
		mount_dx -o $o && ours=$(stat -c "%o %n" $MNT/f $MNT) && umount_fs
		t_eq "preferred I/O size with $o${v:+ ($v)}: as stock XFS" "$stock" "$ours"
	done
done
