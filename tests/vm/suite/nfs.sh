#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=150
# vm: allow=NFSD: .*(recovery|grace|client tracking)
#
# What an NFS client believes depends on the change attribute: it must move when a directory or a file changes behind the client's
# back. Server and client are this guest; what rpc.mountd would tell the server, we tell it.
. /t/lib.sh

if ! modprobe nfsd 2>/dev/null || ! modprobe nfsv4 2>/dev/null; then
	skip "names seen over NFS are those that are there" "this kernel has no NFS server or client"
	exit 0
fi
serve() {
	local cache=/proc/net/rpc forever=2000000000
	ip link set lo up && ip addr show lo | grep -q 127.0.0.1 || ip addr add 127.0.0.1/8 dev lo
	mount -t nfsd nfsd /proc/fs/nfsd || return
	echo "nfsd 127.0.0.1 $forever here" >$cache/auth.unix.ip/channel || return
	# flags: any port, no check of subtrees, fsid given (0: it is the root of what NFSv4 shows)
	echo "here $MNT $forever $((0x2 | 0x400 | 0x2000)) 65534 65534 0" >$cache/nfsd.export/channel || return
	printf 'here 1 \\x00000000 %s %s\n' "$forever" "$MNT" >$cache/nfsd.fh/channel || return
	echo "-2 -3 +4 +4.1" >/proc/fs/nfsd/versions 2>/dev/null || echo "-3 +4 +4.1" >/proc/fs/nfsd/versions || return
	echo 2 >/proc/fs/nfsd/nfsv4gracetime
	echo "tcp 2049" >/proc/fs/nfsd/portlist && echo 2 >/proc/fs/nfsd/threads || return
	echo Y >/proc/fs/nfsd/v4_end_grace
	mount -i -t nfs4 -o vers=4.1,addr=127.0.0.1,clientaddr=127.0.0.1,sec=sys,actimeo=0 127.0.0.1:/ $MNT2
}
fresh_fs
mount_dx
mkdir $MNT/d
echo one >$MNT/d/a
t "the volume is mounted over NFS, too" serve || exit 1
names() { t_eq "$1" "$2" "$(cd $MNT2/d && echo *)"; }
miss() { local f; for f; do test -e "$MNT2/d/$f" && return 1; done; true; }

names "its names are seen" a
t "what is not there is not seen" miss new link moved dir sym
touch $MNT/d/new
t "a file made since is seen" test -e $MNT2/d/new
ln $MNT/d/a $MNT/d/link
t "so is a link" test -e $MNT2/d/link
mkdir $MNT/d/dir
t "and a directory" test -d $MNT2/d/dir
ln -s a $MNT/d/sym
t "and a symbolic link" test -L $MNT2/d/sym
mv $MNT/d/link $MNT/d/moved
t "a name that was renamed is gone, the new one there" eval 'test -e $MNT2/d/moved && miss link'
rm $MNT/d/new
rmdir $MNT/d/dir
t "names that were removed are gone" miss new dir
names "in the end there are as many as there are" "a moved sym"
t_eq "a file is read" one "$(cat $MNT2/d/a)"
# within the same tick of the clock its times may stay
echo two >$MNT/d/a
t_eq "what was written since is read" two "$(cat $MNT2/d/a)"
xfs_io -d -c "pwrite -q -S 0x33 0 512" $MNT/d/a
t_eq "what was written directly, too" 3333 "$(head -c 4 $MNT2/d/a)"
truncate -s 2 $MNT/d/a
t_eq "a truncate is seen" 33 "$(cat $MNT2/d/a)"
setfattr -n user.x -v 1 $MNT/d/a
t "and attributes" eval 'chmod 600 $MNT/d/a && [ "$(stat -c %a $MNT2/d/a)" = 600 ]'
# A remount is told by its caller which flags there are, and mount(8) knows nothing of the one that says where the attribute comes
# from. If that is lost it moves, and the client reads anew what it had.
reads() { awk '$1 == "READ:" { n += $2 } END { print n }' /proc/self/mountstats; }
echo three >$MNT/d/a
t_eq "a file is read again" three "$(cat $MNT2/d/a)"
before=$(reads)
t_eq "and from the client's cache then" "three $before" "$(cat $MNT2/d/a) $(reads)"
t "the volume is remounted" mount -o remount,rw $MNT
t_eq "which is no change of a file" "three $before" "$(cat $MNT2/d/a) $(reads)"
echo four >$MNT/d/a
t_eq "a change after it is seen" four "$(cat $MNT2/d/a)"
umount $MNT2
echo 0 >/proc/fs/nfsd/threads
for c in auth.unix.ip nfsd.export nfsd.fh; do echo 1 >/proc/net/rpc/$c/flush; done
umount /proc/fs/nfsd
t "unmounts, clean" umount_check
