#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=240
# vm: allow=not swapped with|format is incompatible|deprecated|will be removed
#
# xfs_fsr, unchanged: a fragmented file has fewer extents then, and is otherwise what it was, on volumes with exchange, with rmapbt, with
# neither; also while it is written to.  XFS_IOC_SWAPEXT itself answers as that of the stock filesystem.  What either has begun the other
# one recovers, and btrees of temporary files that are gone by then are no stumbling block.
. /t/lib.sh

sum() { md5sum <"$1"; }
extents() { xfs_io -r -c stat "$1" | sed -n 's/^fsxattr.nextents = //p'; }
frag() {	# FILE BLOCKS [BYTES]: blocks of which the next one is another file's
	{
		echo "open -fd $1.other"
		awk -v n="$2" -v b="${3:-4096}" 'BEGIN { for (i = 0; i < n; i++) for (k = 0; k < 2; k++)
			printf "file %d\npwrite -q -S %d %d %d\n", k, 1 + (i * 7 + k) % 251, i * b, b }'
	} | xfs_io -f -d "$1" >/dev/null && rm -f "$1.other" && sync
}
blocks() {	# FROM TO: as frag has them
	awk -v i="$1" -v n="$2" 'BEGIN { for (; i < n; i++) printf "pwrite -q -S %d %d 4096\n", 1 + i * 7 % 251, i * 4096 }'
}
what() {	# all that must be the same afterwards
	stat -c '%s %a %u %g %y' "$1"
	getfattr -d -m - "$1" 2>/dev/null | grep -v '^#'
	sum "$1"
}
fsr() { xfs_fsr -v "$1" >$TMP/out 2>&1 || { cat $TMP/out; false; }; }
fewer() { [ "$2" -lt $(($1 / 3)) ] || { echo "$1, then $2"; cat $TMP/out; false; }; }
defrag() {	# NAME FILE
	local before many few
	before=$(what "$2") many=$(extents "$2")
	t "$1: xfs_fsr" fsr "$2"
	few=$(extents "$2")
	t "$1: fewer extents" fewer "$many" "$few"
	t_eq "$1: the same file" "$before" "$(what "$2")"
	drop_caches
	t_eq "$1: on disk, too" "$before" "$(what "$2")"
}

# xfs_fsr of xfsprogs 6.13 takes the times for XFS_IOC_SWAPEXT from what START_COMMIT gives it, in stock XFS's order
if [ $FSTYPE = dioxfs ]; then
	fresh_fs && mount_dx
	xfs_io -f -c "pwrite -q 0 4k" $MNT/a && touch -m -d "2001-02-03 04:05:06.7" $MNT/a
	t_eq "START_COMMIT tells the times where they are looked for" "$(stat -c "%.9Y %.9Z" $MNT/a)" "$(exch f $MNT/a 0 $MNT/a 0 0)"
	umount_fs
fi

while read -r name opts; do
	# shellcheck disable=SC2086
	if ! fresh_fs $opts 2>/dev/null; then
		skip "$name" "this mkfs.xfs knows it not"
		continue
	fi
	mount_dx
	frag $MNT/a 120
	chmod 4755 $MNT/a
	touch -d 2001-01-01 $MNT/a
	defrag "$name" $MNT/a
	if [ "$name" = default ]; then
		# an attribute moves the border of the forks
		frag $MNT/b 60
		setfattr -n user.x -v "$(printf 'v%.0s' {1..150})" $MNT/b
		cp --reflink=auto $MNT/b $MNT/twin
		twin=$(sum $MNT/twin)
		xfs_io -f -c "truncate 100m" $MNT/b
		defrag "with attributes, shared blocks, a hole" $MNT/b
		t_eq "the twin is what it was" "$twin" "$(sum $MNT/twin)"
		# blocks are appended all the while, each acknowledged before the next
		frag $MNT/c 100
		blocks 100 400 | xfs_io -d $MNT/c &
		for i in 1 2 3 4; do xfs_fsr $MNT/c >/dev/null 2>&1; done
		wait $!
		blocks 0 400 | xfs_io -f $TMP/want
		t "a file that is appended to loses nothing" cmp $MNT/c $TMP/want
		rm -f $TMP/want
	fi
	t "$name: clean" umount_check
done <<-EOT
default
rmapbt -m rmapbt=1,reflink=1
neither -b size=1024 -m rmapbt=0,reflink=0
EOT

# ------------------------------------------------------------ beside stock
pair_up -m rmapbt=0,reflink=1
both() {	# CMD
	rm -rf a b d
	awk 'BEGIN { for (i = 0; i < 10; i++) printf "pwrite -q -b 16k -S %d %dk 16k\n", i + 40, 32 * i; print "truncate 320k" }' | xfs_io -f -d a
	xfs_io -f -d -c "pwrite -q -b 320k -S 0x64 0 320k" b
	bash -c "$1" 2>&1
	echo "exit $?"
	[ -f a ] && [ -f b ] || return 0
	sum a
	sum b
}
while IFS='|' read -r name cmd; do
	[ -n "$name" ] || continue
	t_same "$name" both "$cmd"
done <<'EOT'
two files|swapx a b
xfs_io|xfs_io -c "swapext b" a
an offset|swapx -o 4096 a b
a length|swapx -l 4096 a b
another size|truncate -s 300k b; swapx a b
more extents|swapx b a
another time|swapx -s a b
the same file|swapx a a
no descriptor|swapx a -
read only|swapx -t r a b
read only, the other|swapx -m r a b
write only|swapx -t w a b
appending|swapx -m a a b
a directory|mkdir d; swapx -m r a d
another volume|truncate -s 320k /tmp/x; swapx a /tmp/x
empty files|truncate -s 0 a b; swapx a b
times stay|touch -d 2001-01-01 a; swapx a b; stat -c %y a
shared blocks|cp --reflink=always a c; swapx a b; sum() { md5sum <$1; }; sum c; lsattr -d c >/dev/null; xfs_io -d -c "pwrite -q 0 64k" b; sum c
EOT
if [ $FSTYPE = dioxfs ]; then
	( cd $MNT && both true >/dev/null )
	t_errno "a write in the same tick is seen" "busy" swapx -w $MNT/a $MNT/b
	t "and no more the next time" swapx $MNT/a $MNT/b
	t "as a 32-bit program asks" eval '( cd $MNT && both true >/dev/null ) && swapx -3 $MNT/a $MNT/b && [ $(extents $MNT/a) -lt 10 ]'
fi
t "both unmount, both clean" pair_down
[ $FSTYPE = dioxfs ] || exit 0

# ------------------------------------------------------------ each recovers what the other has begun
round=0
while read -r first second opts; do
	round=$((round + 1))
	# shellcheck disable=SC2086
	fresh_fs $opts
	mount -t $first "$DEV" $MNT
	frag $MNT/a 400 1024
	xfs_io -f -d -c "falloc 0 $((400 * 1024))" $MNT/b
	cat $MNT/a >$MNT/b
	a=$(sum $MNT/a)
	sync
	(for i in 1 2 3 4 5 6; do
		swapx $MNT/a $MNT/b; swapx $MNT/b $MNT/a
		# the btree goes, and its blocks are data
		frag $MNT/t 300 1024; cp $MNT/t $MNT/u; swapx $MNT/t $MNT/u; rm $MNT/u
		xfs_io -f -d -c "pwrite -q 0 1m" $MNT/data$i
	done) >/dev/null 2>&1 &
	sleep 0.7
	xfs_io -x -c "shutdown -f" $MNT
	wait
	umount_fs
	t "$first begins, $second mounts ($round)" mount -t $second "$DEV" $MNT
	t_eq "what both files have had they have ($round)" "$a$a" "$(sum $MNT/a)$(sum $MNT/b)"
	t "clean ($round)" umount_check
done <<-EOT
dioxfs xfs -b size=1024 -m rmapbt=0,reflink=0
xfs dioxfs -b size=1024 -m rmapbt=0,reflink=0
dioxfs xfs -b size=1024 -m rmapbt=1,reflink=0
xfs dioxfs -b size=1024 -m rmapbt=1,reflink=0
EOT
