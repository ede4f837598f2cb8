#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=400
#
# Files that share blocks: whoever writes, and however, writes to blocks of his own; nobody's write shows in a twin. What may not be
# shared is refused as stock does; the stock kernel takes the volume, and we take its.
. /t/lib.sh

share() { xfs_io -f -c "reflink -q $1 ${3:-0} ${4:-0} ${5:-0}" "$2"; }
sum() { md5sum <"$1"; }

# ------------------------------------------------------------ every way to write, against a twin
pair_up -m reflink=1
fill() { xfs_io -f -c "pwrite -q -S 0x61 0 4m" -c fsync "$1"; }
writers() {	# NAME OP...: a write to a clone; what both have then, and where blocks are shared
	fill a && share a b || return
	shift
	"$@" || return
	sum a; sum b
	sync
	drop_caches
	sum a; sum b
	stat -c '%s %b' a b
	xfs_io -r -c "fiemap -v" b | awk 'NR > 2 { print $2, and(strtonum($NF), 0x2000) ? "shared" : "own" }' | sed 's/\[//; s/\]://'
	rm -f a b
}
mapped() { xfs_io -c "mmap -rw 0 4m" -c "mwrite -S 0x7a 12345 70000" -c "msync -s" b; }
while IFS='|' read -r name cmd; do
	t_same "$name" writers "$name" bash -c "$cmd"
done <<'EOT'
a buffered write|xfs_io -c "pwrite -q -S 0x7a 0 1m" b
parts of blocks|xfs_io -c "pwrite -q -S 0x7a 5000 100" -c "pwrite -q -S 0x7a 2m 1" -c "pwrite -q -S 0x7a 4194303 1" b
a direct write|xfs_io -d -c "pwrite -q -S 0x7a 64k 128k" b
a direct write of parts of blocks|xfs_io -d -c "pwrite -q -S 0x7a 512 512" -c "pwrite -q -S 0x7a 1m 4608" b
a direct write over the end|xfs_io -d -c "pwrite -q -S 0x7a 4190208 64k" b
an append|xfs_io -a -c "pwrite -q -S 0x7a 0 100" b
O_DSYNC|xfs_io -s -c "pwrite -q -S 0x7a 100k 10k" b
a hole|xfs_io -c "fpunch 100k 200k" b
a hole of whole blocks|xfs_io -c "fpunch 128k 256k" b
zeroes|xfs_io -c "fzero 100k 200k" b
a truncate|xfs_io -c "truncate 1234567" b
a truncate and growth|xfs_io -c "truncate 1234567" -c "truncate 2m" b
a collapse|xfs_io -c "fcollapse 64k 128k" b
an insert|xfs_io -c "finsert 64k 128k" b
unsharing|xfs_io -c "funshare 1m 1m" -c fsync b
removal|rm b && touch b
a clone back|xfs_io -c "pwrite -q -S 0x7a 0 1m" b && xfs_io -f -c "reflink -q a" b
a clone of a range within|xfs_io -c "reflink -q b 0 2m 1m" b
EOT
t_same "a store through a mapping" writers map mapped
t_same "SEEK_HOLE and SEEK_DATA over a clone with a hole" bash -c \
	'xfs_io -f -c "pwrite -q 0 64k" -c "pwrite -q 1m 64k" -c fsync s && xfs_io -f -c "reflink -q s" s2 && xfs_io -c "pwrite -q 512k 4k" -c "seek -a -r 0" s2'
# A copy is widened over the hole beside it; what is then written to that hole is data before it is on disk. Stock tells of a hole.
sparse_clone() {	# COMMAND...: of a clone with a hole that was written to
	[ $FSTYPE = dioxfs ] || return 0
	rm -f c1 c2 c3
	xfs_io -f -c "pwrite -q -S 0x61 0 4k" -c "pwrite -q -S 0x61 256k 4k" -c fsync c1 || return
	xfs_io -f -c "reflink -q c1" -c "pwrite -q -S 0x7a 0 4k" -c "pwrite -q -S 0x7a 20k 4k" c2 && "$@"
}
cd $MNT || exit
in_hole() { xfs_io -c "$1" c2 | grep -q "$2" || { xfs_io -c "$1" c2; return 1; }; }
same_copy() { "$@" && cmp c2 c3; }
t "SEEK_DATA finds what is dirty in a hole with a copy over it" sparse_clone in_hole "seek -d 4k" "DATA.20480$"
t "and SEEK_HOLE where it ends" sparse_clone in_hole "seek -h 20k" "HOLE.24576$"
t "FIEMAP has it" sparse_clone in_hole fiemap '\[40..47\]: [0-9]'
t "GETBMAP, too" sparse_clone in_hole bmap '\[40..47\]: [0-9]'
t "cp copies it" sparse_clone same_copy cp --reflink=never c2 c3
t "tar, too" sparse_clone same_copy eval "tar -cSf c.tar c2 && mkdir c && tar -xf c.tar -C c && mv c/c2 c3"
cd / || exit
# What copies on write have set aside; the stock kernel tells that in debug builds only.
fill $MNT/a
cow_fork() {	# WANTED FILE COMMAND...
	local want=$1 file=$MNT/$2
	shift 2
	[ $FSTYPE = dioxfs ] || return 0
	xfs_io "$@" -c "bmap -ce" "$file" | sed '1d; s/^.*\[//; s/\]: / /; s/ [0-9][0-9]*\.\..*/ blocks/; s/\.\./-/' | grep -v hole | xargs >"$TMP/cow"
	[ "$(cat "$TMP/cow")" = "$want" ] || { echo "told: $(cat "$TMP/cow")"; return 1; }
}
t "GETBMAPX of the CoW fork: none" cow_fork "" n -f -c "pwrite -q 0 8k" -c fsync
xfs_io -f -c "reflink -q $MNT/a" $MNT/b
xfs_io -f -c "cowextsize 256k" -c "reflink -q $MNT/a" $MNT/d
t "GETBMAPX of the CoW fork: set aside by a buffered write" \
	cow_fork "2048-2303 delalloc 6144-6655 delalloc" b -c "pwrite -q 1m 4k" -c "pwrite -q 3m 200k"
t "GETBMAPX of the CoW fork: what is left after fsync" cow_fork "2056-2303 blocks 6544-6655 blocks" b -c fsync
t "GETBMAPX of the CoW fork: with a hint" cow_fork "2056-2559 blocks" d -c "pwrite -q 1m 4k" -c fsync

# By both ways to set it, where chattr(1) knows it.
setdax() { for how in "chattr +x" "xfs_io -c 'chattr +x'"; do eval "$how $1"; done 2>&1 | grep -c "Invalid argument"; }
if [ $FSTYPE = dioxfs ] && xfs_io -f -c "pwrite -q 0 4k" $MNT/plain && chattr +x $MNT/plain; then
	t_eq "a file that shares blocks does not become one for DAX" 2 "$(setdax $MNT/a)"
fi

hints() {	# what a clone has of its source's hint
	rm -f h1 h2 h3 h4 h5
	xfs_io -f -c "cowextsize 256k" -c "pwrite -q 0 1m" -c fsync h1
	share h1 h2 && xfs_io -c cowextsize h2
	xfs_io -f -c "pwrite -q 0 2m" -c fsync h3 && share h1 h3 && xfs_io -c cowextsize h3
	xfs_io -f -c "cowextsize 128k" h4 && share h1 h4 && xfs_io -c cowextsize h4
	share h1 h5 0 0 512k && xfs_io -c cowextsize h5
	rm -f h5 && xfs_io -f -c "reflink -q h1 0 64k 1m" h5 && xfs_io -c cowextsize h5
	rm -f h5 && fill h5 && xfs_io -c "dedupe -q h5 0 0 1m" h1; xfs_io -c cowextsize h1
}
t_same "the hint for copies is taken along by a whole file only" hints
# Nothing of the file changes by it. 5.10's stock takes the hint along all the same.
no_hint() (
	cd $MNT || exit
	rm -f h6 && cp --reflink=never h1 h6 && sync && xfs_io -c "dedupe -q h1 0 0 1m" h6 || exit
	[ "$(xfs_io -c cowextsize h6)" = "[0] h6" ]
)
t "and by dedupe of a whole one not" no_hint
t "both unmount, both clean" pair_down

# ------------------------------------------------------------ what is refused
pair_up -m reflink=1
fill a; fill $MNT/a; fill $MNT2/a
refused() { "$@" 2>&1 | sed 's/^.*: //'; }
while IFS='|' read -r name cmd; do
	t_same "$name" refused bash -c "$cmd"
done <<'EOT'
an offset that is no block|xfs_io -f -c "reflink a 100 0 4096" b
a length that is no block|xfs_io -f -c "reflink a 0 0 100" b
a range over the end|xfs_io -f -c "reflink a 4m 0 1m" b
a range over itself|xfs_io -c "reflink a 0 4k 64k" a
the same range|xfs_io -c "reflink a 0 0 64k" a
a place beyond what there can be|xfs_io -f -c "reflink a 0 9223372036854771712 64k" b
a directory|mkdir d; xfs_io -c "reflink d" a
dedupe of what differs|xfs_io -f -c "pwrite -q 0 64k" b; xfs_io -c "dedupe a 0 0 64k" b
dedupe of what is the same|xfs_io -f -c "pwrite -q -S 0x61 0 64k" b; xfs_io -c "dedupe a 0 0 64k" b | sed 's/,.*//'
to read only|chmod 444 b; xfs_io -r -c "reflink a 0 0 64k" b
another volume|xfs_io -f -c "reflink /etc/passwd" b
EOT
dd if=/dev/zero of=$MNT/sw bs=1M count=8 status=none
chmod 600 $MNT/sw
mkswap $MNT/sw >/dev/null
t "a file that shares nothing can be swapped to" eval 'swapon $MNT/sw && swapoff $MNT/sw'
cp --reflink=always $MNT/sw $MNT/sw2
klog_mark
t_errno "one that shares blocks cannot" "Invalid argument" swapon $MNT/sw
t "and the kernel says why" kernel_says "shared extents"
umount_fs; umount $MNT2
fresh_fs -m reflink=0
mount_dx
fill $MNT/a
t_errno "a volume without reflink says so" "not supported" cp --reflink=always $MNT/a $MNT/b
t "unmounts, clean" umount_check

# ------------------------------------------------------------ a source that ends inside a block of the target
fresh_fs -m reflink=1
mount_dx
cd $MNT || exit
# What is shared, copied or compared is the same in both: whatever is made of it, the target keeps its bytes.
tail_kept() {	# BYTES COMMAND
	rm -f s t want
	xfs_io -f -c "pwrite -q -S 0x63 0 $1" s
	xfs_io -f -c "pwrite -q -S 0x62 0 16k" -c "pwrite -q -S 0x63 4k $1" -c fsync t
	cp --reflink=never t want
	with_timeout 20 xfs_io -c "$2" t
	cmp t want && drop_caches && cmp t want
}
for n in 100 4196; do
	t "clone into the middle: bytes behind $n are kept" tail_kept $n "reflink s 0 4k $n"
	t "dedupe" tail_kept $n "dedupe s 0 4k $n"
	t "copy_file_range" tail_kept $n "copy_range -s 0 -d 4k -l $n s"
	t_eq "and such a clone is refused" "Invalid argument" "$(refused xfs_io -c "reflink s 0 4k $n" t)"
	xfs_io -c "pwrite -q -S 0x64 4k $n" t
	t "copy_file_range copies" eval 'xfs_io -c "copy_range -s 0 -d 4k -l $n s" t && cmp t want && drop_caches && cmp t want'
	truncate -s $((4096 + n)) t want
	t "where both end there, dedupe keeps it" eval 'xfs_io -c "dedupe s 0 4k $n" t && cmp t want'
	t "clone, too" eval 'xfs_io -c "reflink s 0 4k $n" t && cmp t want && drop_caches && cmp t want'
done
cd / || exit
t "unmounts, clean" umount_check

# ------------------------------------------------------------ a clone that does not get all
mkfs.xfs -q -f -m reflink=1 "$DEV" && mount_dx -o uquota
cd $MNT || exit
for i in $(seq 0 15); do xfs_io -f -c "pwrite -q -S 0x61 ${i}m 512k" s; done
sync
xfs_quota -x -c "limit -u bhard=4m 1001" .
limited() { rm -f c && touch c && chown 1001 c && "$@"; }
t_eq "a clone of a file that hits a limit half way says so" "Disk quota exceeded" "$(limited refused xfs_io -c "reflink s" c)"
t_eq "one of a range, too" "Disk quota exceeded" "$(limited refused xfs_io -c "reflink s 0 0 15872k" c)"
t_fails "cp --reflink=always, too" limited cp --reflink=always s c
t "what was shared is the source's" cmp -n "$(stat -c %s c)" s c
xfs_quota -x -c "limit -u bhard=20m 1001" .
t "with more room it is whole" eval 'limited xfs_io -c "reflink s" c && cmp s c'
cd / || exit
t "unmounts, clean" umount_check

# ------------------------------------------------------------ many operations
# Stock's SEEK_DATA passes over data whose copy covers a hole (6.1).
stock="-k"
# Stock XFS of 5.4 says EOPNOTSUPP to an io_uring write that has to go through the page cache.
since 5.10 || stock="-k -u"
ours=
[ $FSTYPE = dioxfs ] || ours=$stock
while IFS='|' read -r name opts seeds; do
	blk=$(sed -n 's/.*-b size=\([0-9]*\).*/\1/p' <<<"$opts")
	# shellcheck disable=SC2086
	fresh_fs $opts
	mount_dx
	for s in $seeds; do
		t "random operations with a twin: $name, seed $s" fsx -t $ours -s $s -n 500 -b ${blk:-4096} -m "$TMP/model.$s" $MNT/f$s
	done
	t "clean: $name" umount_check
	mount_dx
	for s in $seeds; do
		t "the same after a remount: $name, seed $s" fsx $ours -n 0 -m "$TMP/model.$s" $MNT/f$s
	done
	umount_fs
	t "stock takes it: $name" mount_stock
	for s in $seeds; do
		t "and reads the same: $name, seed $s" fsx $stock -n 0 -m "$TMP/model.$s" $MNT/f$s
		t "and goes on: $name, seed $s" fsx -t $stock -s 9$s -n 100 -b ${blk:-4096} -m "$TMP/model.$s" $MNT/f$s
	done
	umount_fs
	mount_dx
	for s in $seeds; do
		t "and so do we: $name, seed $s" fsx -t $ours -s 8$s -n 100 -b ${blk:-4096} -m "$TMP/model.$s" $MNT/f$s
	done
	t "clean at last: $name" umount_check
	rm -f "$TMP"/model.*
done <<EOT
4k blocks|-m reflink=1|1 2 3
1k blocks|-m reflink=1 -b size=1024|4 5
with rmapbt|-m reflink=1,rmapbt=1|6 7
EOT

# ------------------------------------------------------------ a crash
if [ $FSTYPE = dioxfs ]; then
	fresh_fs -m reflink=1
	mount_dx
	xfs_io -f -c "pwrite -q -S 0x61 0 64k" -c fsync $MNT/a
	# the size on disk is 0: the end of the file is dirty
	xfs_io -f -c "pwrite -q 1m 4k" $MNT/b
	t "a clone that is synced" xfs_io -s -c "reflink -q $MNT/a 0 64k 64k" $MNT/b
	xfs_io -f -c "pwrite -q -S 0x62 0 64k" -c fsync $MNT/c
	chattr +S $MNT/c
	t "one of what is always synced" xfs_io -f -c "reflink -q $MNT/c" $MNT/d
	t "the power fails" cut_log
	mount_dx
	t "the first is there, behind what was the size on disk" cmp -n 65536 $MNT/a $MNT/b 0 65536
	t "and the second" cmp $MNT/c $MNT/d
	t "clean" umount_check
fi

# ------------------------------------------------------------ full
fresh_fs -d size=300m,agcount=4 -m reflink=1
mount_dx
xfs_io -f -c "pwrite -q -S 0x61 0 100m" -c fsync $MNT/a
want=$(sum $MNT/a)
cp --reflink=always $MNT/a $MNT/b
dd if=/dev/zero of=$MNT/fill bs=64k status=none 2>/dev/null
t_errno "overwriting a clone on a full volume is ENOSPC" "No space" dd if=/dev/zero of=$MNT/b bs=1M count=100 conv=notrunc,fsync status=none
t_errno "directly, too" "No space" dd if=/dev/zero of=$MNT/b bs=1M count=100 conv=notrunc oflag=direct status=none
t_eq "the twin has what it had" "$want" "$(sum $MNT/a)"
drop_caches
t_eq "on disk, too" "$want" "$(sum $MNT/a)"
t "the clone can be removed" rm $MNT/b
t "clean" umount_check
