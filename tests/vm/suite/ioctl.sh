#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=400
#
# xfs_io, xfs_info, xfs_bmap and the raw ioctls answer as on stock XFS.
. /t/lib.sh

# With parent pointers a new file has an attribute fork (lsattr says X), whose extents stock XFS counts as one while it is in the inode.
plain=$(! mkfs.xfs -N -f -n parent=0 "$DEV" >/dev/null 2>&1 || echo "-n parent=0")
# shellcheck disable=SC2086
t "a volume of ours and one of stock XFS are mounted" pair_up $plain

# Same commands, same words; the numbers of disk blocks are each volume's own.
same_io() {
	local name=$1
	shift
	t_same "$name" bash -c 'xfs_io "$@" 2>&1 | sed -E "s/inode [0-9]+/inode N/; s/stat.ino = .*//; s/stat.[amc]time.*//; s/fd.path.*//; s/[0-9.]+ [KMG]?i?B[a-z]*, .*ops; .*//; s/statfs.f_(bfree|bavail|ffree|files|fsid).*//; s/counts.(freedata|freeino|allocino).*//"' - "$@"
}

# Some kernels make the attribute fork with the file, others with the first attribute: it is there either way.
t_same "files with an attribute" bash -c 'touch a f && setfattr -n user.x -v 1 a f'

# xfs_info looks for a mount of type "xfs"; where there is none it opens the device, and does not if that is mounted.
t_same "xfs_spaceman describes the volume" bash -c 'xfs_spaceman -p xfs_info -c info . | sed "s/=[^ ]*vd[ab]//; s/meta-data.*isize/isize/; s/reflink=.//"'
same_io "xfs_io stat" -f -c "pwrite -q 0 100k" -c fsync -c "truncate 100k" -c stat a
same_io "xfs_io statfs" -c statfs a
same_io "xfs_io bmap of a file with holes" -f -d -c "pwrite -q 0 16k" -c "pwrite -q 64k 16k" -c "truncate 1m" -c "bmap -n 1 -v" b
while IFS='|' read -r name cmd; do
	# what is where on disk differs; ranges of the file and their kind must not
	t_same "$name" bash -c "xfs_io -f -d $cmd c >/dev/null; echo \$?; posix --map c; stat -c '%s %b' c; md5sum <c; rm -f c"
done <<'EOT'
falloc lays unwritten extents|-c "falloc 0 1m"
falloc -k leaves the size|-c "pwrite -q 0 4k" -c "falloc -k 0 1m"
fpunch makes a hole|-c "pwrite -qb 1m 0 1m" -c "fpunch 64k 128k"
fpunch with ragged edges zeroes them|-c "pwrite -qb 1m 0 1m" -c "fpunch 65000 130001"
fzero converts|-c "pwrite -qb 1m 0 1m" -c "fzero 64k 128k"
fzero -k leaves the size|-c "pwrite -qb 1m 0 64k" -c "fzero -k 32k 1m"
fcollapse removes a range|-c "pwrite -qb 1m 0 1m" -c "fcollapse 64k 128k"
finsert opens a gap|-c "pwrite -qb 1m 0 1m" -c "finsert 64k 128k"
finsert splits an extent that ends in one block|-c "pwrite -q 0 8k" -c "finsert 4k 4k"
resvsp reserves|-c "resvsp 0 1m"
resvsp beyond the end keeps the size|-c "pwrite -q 0 8k" -c "resvsp 64k 64k"
unresvsp frees|-c "pwrite -qb 1m 0 1m" -c "unresvsp 128k 256k"
zero ioctl|-c "pwrite -qb 1m 0 256k" -c "zero 64k 64k"
writes into preallocation convert|-c "falloc 0 1m" -c "pwrite -qb 64k 256k 64k" -c "pwrite -q 512k 4k"
a write of a few sectors into preallocation|-c "falloc 0 64k" -c "pwrite -q 8k 512" -c "pwrite -q 32k 512"
EOT
same_io "extsize is kept" -f -c "extsize 64k" -c extsize d
same_io "extsize of an odd number is refused" -f -c "extsize 5000" -c extsize d2
t_same "an extent size hint aligns allocations" bash -c "xfs_io -f -d -c 'extsize 64k' -c 'pwrite -q 4k 4k' -c 'pwrite -q 200k 4k' e; posix --map e"
same_io "cowextsize" -f -c cowextsize d
same_io "a hint for copies that is no number of blocks is refused" -f -c "cowextsize 5000" -c cowextsize d3
same_io "one that is larger than half an AG, too" -f -c "cowextsize 2g" -c cowextsize d4
same_io "one of a directory is kept" -c "cowextsize 64k" -c cowextsize .
same_io "and taken away" -c "cowextsize 0" -c cowextsize .
same_io "lsattr of a file with an attribute" -f -c lsattr f
[ $FSTYPE != dioxfs ] || t "lsattr of a new file" eval 'xfs_io -f -c lsattr $MNT/new | grep -q "^-*  *$MNT/new"'
same_io "chattr sets and clears" -f -c "chattr +stnA" -c lsattr -c "chattr -s" -c lsattr f
same_io "chattr of a directory" -c "chattr +esPn" -c lsattr .
same_io "chattr back" -c "chattr -esPn" -c lsattr .
same_io "project id" -f -c "chproj 42" -c lsproj f
same_io "seek -a" -f -d -c "pwrite -q 64k 64k" -c "pwrite -qb 64k 256k 64k" -c "truncate 1m" -c "seek -ar 0" -c "seek -d 200k" -c "seek -h 64k" -c "seek -a 2m" g
same_io "seek over preallocation" -f -d -c "falloc 0 256k" -c "pwrite -q 64k 4k" -c "seek -ar 0" h
same_io "reserved blocks" -x -c "resblks 1024" -c resblks .
same_io "resblks back" -x -c "resblks 0" -c resblks .
same_io "inode generation and version" -f -c "stat -v" -c "version" a
same_io "fsync, fdatasync, sync_range, syncfs" -f -c "pwrite -qb 1m 0 64k" -c fsync -c fdatasync -c "sync_range 0 64k" -c syncfs i
same_io "mmap, mread, mwrite, msync" -f -c "pwrite -qb 1m 0 64k" -c "mmap 0 64k" -c "mwrite -S 7 0 8k" -c "msync -s" -c "mread -v 8180 32" j
[ $FSTYPE != dioxfs ] || t "scrub is refused" eval 'xfs_io -x -f -c "scrub probe" $MNT/j 2>&1 | grep -qi "inappropriate ioctl\|not supported"'
t_same "inject is refused to production kernels alike" bash -c 'xfs_io -x -c "inject" . 2>&1 | wc -l; exit 0'
t_same "lsattr and chattr of e2fsprogs" bash -c 'touch k; chattr +iad k 2>&1; lsattr k; rm k 2>&1; chattr -iad k; lsattr k; rm k'
as_stock 5.8 t_same "chattr of a file with the DAX flag" bash -c 'touch m; xfs_io -c "chattr +x" m; chattr +A m 2>&1; xfs_io -c lsattr m | sed s/X/-/; chattr -A m 2>&1; xfs_io -c lsattr m | sed s/X/-/'
t "filefrag works" bash -c "xfs_io -f -d -c 'pwrite -q 0 4k' $MNT/l; filefrag $MNT/l | grep -q '1 extent found'"
case $(uname -r) in
4.*)	skip "what the ioctls say themselves" "stock XFS before 5.2 lacks several" ;;
5.[0-5].*)	# before the VFS took the RESVSP family away, stock XFS said EBADF to one on a folder that is open for reading
	t_same "what the ioctls say themselves" bash -c 'ioctls . | grep -v "^ioctl(d, DX_IOC_RESVSP64"' ;;
*)	t_same "what the ioctls say themselves" ioctls . ;;
esac
[ $FSTYPE != dioxfs ] || t "ALLOCSP and FREESP set the size, in all their forms and for each whence (L7)" ioctls --resize $MNT
t_same "xfs_spaceman knows the groups" bash -c 'xfs_spaceman -c "info" . 2>&1 | sed "s/=[^ ]*vd[ab]//; s/meta-data.*isize/isize/; s/reflink=.//"; xfs_spaceman -c "prealloc -s" .; echo $?'
t_same "swapon works on a file" bash -c 'dd if=/dev/zero of=swap bs=1M count=8 2>/dev/null; chmod 600 swap; mkswap swap >/dev/null; swapon swap && wc -l </proc/swaps; swapoff swap; rm swap; truncate -s 8m swap; mkswap swap >/dev/null 2>&1; chmod 600 swap; swapon swap 2>&1 | sed "s/.*: //"'
t_same "df -i and statfs magic" bash -c 'stat -f -c "%t %T %l %s %S" .; df -i . >/dev/null; echo $?'
t_same "growing is refused or done alike when there is no room" bash -c 'xfs_growfs -D 1 . >/dev/null 2>&1; echo $((! !$?))'
t "both unmount and both are clean to xfs_repair" pair_down

# ------------------------------------------------------------ freeze, shutdown
# shellcheck disable=SC2086
fresh_fs $plain
t "mounts" mount_dx
t "freezes by ioctl" xfs_io -x -c freeze $MNT
touch $MNT/while-frozen &
sleep 0.5
t "a creation waits for the thaw" test ! -e $MNT/while-frozen
t "thaws" xfs_io -x -c thaw $MNT
wait
t "the creation goes on" test -e $MNT/while-frozen
t "a frozen volume is clean on disk" bash -c "xfs_freeze -f $MNT; xfs_logprint -t $DEV | grep -qi 'clean\|dirty'; rc=\$?; xfs_freeze -u $MNT; exit \$rc"
echo kept >$MNT/kept
t "flushes" xfs_io -c fsync $MNT/kept
t "shuts down with the log flushed" xfs_io -x -c "shutdown -f" $MNT
t_errno "after a shutdown reading a directory is EIO" "Input/output error" ls $MNT
t_errno "after a shutdown creating is EIO" "Input/output error" touch $MNT/x
t_errno "after a shutdown freezing or syncing fails or does nothing, but ends" "" timeout 20 bash -c "sync -f $MNT; xfs_io -x -c fsync $MNT; false"
t "unmounts after a shutdown" umount_fs
t "recovers" mount_dx
t "what was there before is there" grep -q kept $MNT/kept
if [ $FSTYPE = dioxfs ]; then	# as stock XFS from 6.12 on
	t "an extent size hint does not come under what is delayed" \
		eval 'xfs_io -f -c "pwrite -q 0 64k" -c "extsize 32k" $MNT/delayed 2>&1 | grep -q "Invalid argument"'
fi
t "unmounts" umount_check
t "xfs_info describes the device" bash -c "xfs_info $DEV | grep -q crc=1"
mount_dx
t "xfs_spaceman describes a mounted volume as xfs_info would" bash -c "xfs_spaceman -p xfs_info -c info $MNT | grep -q crc=1"
t "xfs_db too, from the device" bash -c "xfs_db -r -p xfs_info -c info $DEV | grep -q crc=1"
t "unmounts" umount_check
