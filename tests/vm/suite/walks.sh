#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=600
# vm: allow=Corruption|corrupt|Unmount and run|Metadata corruption|First 128 bytes|^[0-9a-f]{8}: |^\[[ 0-9.]*\] [0-9a-f]{8}: |idmapped|id-mapped|Internal error|Call Trace|metadata I/O error
#
# Walks over all inodes, in all their forms, tell what stock XFS tells of the same volume, and what find finds; crafted positions,
# damage and storms of unlinking included.  Handles open, read and change what they name as stock's do.
. /t/lib.sh

echo 0 >/proc/sys/fs/xfs/error_level 2>/dev/null	# stock XFS dumps every damaged block otherwise, and the console is slow

# Everything that a volume's walks say, call by call; $1: where.  NREXT64 came with 5.19.
nrext=1
since 5.19 || nrext=
answers() {	# $1: all, or less
	local v c some forms=("stat" "-a 1 stat" "-n 7 numbers" "stat1" "-n 13 stat32" "numbers1" "-n 2 numbers32")
	[ $1 != all ] || forms+=("-n 1000 stat" "-n 1 stat" "-a 2 numbers" "-n 1 numbers")
	for c in "${forms[@]}"; do
		echo "== $c"
		# Stock leaves these fields of a 32-bit program as they were.
		# shellcheck disable=SC2086
		if [[ $c = *stat32 ]]; then bulk $c $MNT | sed 's/ sick .* dm / dm /'; else bulk $c $MNT; fi
	done
	echo "== large counters"
	[ $nrext ] && NREXT64=1 bulk stat $MNT
	[ $1 = all ] || return
	some=$(find $MNT/many -type f | sort | sed -n 17p)
	for v in 1 5; do
		for c in "bulkstat -s 128 -e 250 -n 7 -v$v" "bulkstat -a 1 -e $(($(bulk -a 1 -n 1 inodes $MNT | sed -n 30p))) -v$v" "inumbers -n 3 -v$v" "inumbers -a 0 -v$v"; do
			echo "== xfs_io $c"
			xfs_io -c "$c" $MNT
		done
	done
	echo "== xfs_io bulkstat_single"
	xfs_io -c "bulkstat_single root" -c "bulkstat_single $(stat -c %i "$some")" -c "bulkstat_single 128" -c "bulkstat_single 129" -c "bulkstat_single 99999999" $MNT
}
show_diff() { diff "$1" "$2" | head -n ${3:-30}; cmp -s "$1" "$2"; }

while IFS='|' read -r name much opts; do
	# shellcheck disable=SC2086
	fresh_fs $opts
	t "mounts: $name" mount_dx
	files=50
	[ $much != all ] || files=500
	t "a tree of every form: $name" fill $MNT $files
	mkdir $MNT/project && xfs_io -c "chproj 70000" -c "extsize 64k" -c "chattr +P" $MNT/project && touch $MNT/project/f
	xfs_io -f -c "truncate 1g" -c "pwrite -q 512m 64k" $MNT/sparse
	find $MNT/many -name '*3' -delete	# free numbers between others
	umount_fs && mount_dx -o noatime
	find $MNT -printf '%i\n' | sort -nu >"$TMP/find"
	bulk inodes $MNT >"$TMP/inodes"
	t "each inode is told, and no other: $name" show_diff "$TMP/find" "$TMP/inodes"
	t "hundreds: $name" eval '[ "$(wc -l <"$TMP/inodes")" -gt 500 ]'
	answers $much >"$TMP/ours" 2>&1
	t "clean: $name" umount_check
	mount_stock -o noatime || { t "stock takes it: $name" false; continue; }
	answers $much >"$TMP/stock" 2>&1
	umount_fs
	as_stock 5.4 t "stock tells the same: $name" show_diff "$TMP/stock" "$TMP/ours"
done <<'EOT'
defaults|all|-d agcount=4
1 KiB blocks|some|-b size=1024 -d agcount=4
inodes of 2 KiB, no sparse chunks|some|-i size=2048,sparse=0 -d agcount=4
EOT

# ------------------------------------------------------------ what is only in memory
fresh_fs
mount_dx
xfs_io -f -c "pwrite -q 0 400k" $MNT/new
ino=$(stat -c %i $MNT/new)
blocks() { bulk stat $MNT | sed -nE "s/^$ino .* blocks ([0-9]+) .*/\1/p"; }
t "delayed blocks count" eval '[ "$(blocks)" -ge 100 ]'
exec 7<>$MNT/open && rm $MNT/open
t "a file without a name, still open, is told" eval 'bulk stat $MNT | grep -q "nlink 0"'
exec 7>&-
t "and goes" eval 'sync; for i in 1 2 3 4 5 6 7 8 9 10; do bulk stat $MNT | grep -q "nlink 0" || break; sleep 0.3; done; ! bulk stat $MNT | grep "nlink 0"'
cp "$(command -v bulk)" $TMP/b
chmod 755 "$TMP" $TMP/b
t_errno "only for the administrator" "EPERM" setpriv --reuid 1001 --clear-groups $TMP/b stat $MNT
t_errno "... the older form too" "EPERM" setpriv --reuid 1001 --clear-groups $TMP/b stat32 $MNT
mkdir -m 777 $MNT/w
refused=$(setpriv --reuid 1001 --clear-groups $TMP/b handles $MNT/w | grep -c ": .*EPERM")
t "... and handles ($refused calls refused)" [ $refused -gt 35 ]
xfs_io -x -c shutdown $MNT
t_errno "after a shutdown: EIO" "EIO" bulk stat $MNT
t_errno "... and of one" "EIO" bulk one 128 $MNT
umount_fs

# ------------------------------------------------------------ odd calls, handles
both() {	# NAME CMD...: the same on a fresh volume of each
	local name=$1
	shift
	fresh_fs -m uuid=5d1f3a52-6b0e-4c7d-9a44-0f2e8c6b7a10 -d agcount=3,size=300m
	mount_dx
	for i in $(seq 200); do echo $i >$MNT/f$i; done
	rm $MNT/f1 $MNT/f?[05]
	sync
	mkdir $MNT/d
	"$@" $MNT/d >"$TMP/ours" 2>&1
	t "clean: $name" umount_check
	fresh_fs -m uuid=5d1f3a52-6b0e-4c7d-9a44-0f2e8c6b7a10 -d agcount=3,size=300m
	mount_stock
	for i in $(seq 200); do echo $i >$MNT/f$i; done
	rm $MNT/f1 $MNT/f?[05]
	sync
	mkdir $MNT/d
	"$@" $MNT/d >"$TMP/stock" 2>&1
	umount_fs
	as_stock 5.10 t "$name" show_diff "$TMP/stock" "$TMP/ours" 60
}
both "bad arguments and crafted positions are answered as by stock" bulk odd
# names with one hash are in any order
by_handle() { bulk handles "$1" >"$TMP/by" 2>&1; grep -v "^list .*:" "$TMP/by"; grep "^list .*:" "$TMP/by" | sort; }
both "handles open, read and change what they name as stock's do" by_handle

# ------------------------------------------------------------ damage
fresh_fs
mount_dx
mkdir $MNT/d && (cd $MNT/d && touch $(seq 300))
ino=$(stat -c %i $MNT/d/150)
umount_fs
gen=$(xfs_db -r -c "inode $ino" -c "p core.gen" "$DEV" | sed 's/.*= //')
xfs_db -x -c "inode $ino" -c "write -c core.gen 7" "$DEV" >/dev/null
damaged() { bulk -n 50 stat $MNT; bulk -n 1000 stat $MNT; bulk one $ino $MNT; bulk one $((ino + 1)) $MNT; bulk numbers $MNT; xfs_io -c "bulkstat -s $((ino + 1))" $MNT; }
mount_dx -o noatime
damaged >"$TMP/ours" 2>&1
umount_fs
mount_stock -o noatime
damaged >"$TMP/stock" 2>&1
umount_fs
as_stock 5.4 t "a damaged inode ends a walk in an error, those before and behind it are told" show_diff "$TMP/stock" "$TMP/ours"
t "and it is an error" grep -q "^error: EUCLEAN" "$TMP/ours"
xfs_db -x -c "inode $ino" -c "write -c core.gen $gen" "$DEV" >/dev/null
t "clean again" repair_check

# ------------------------------------------------------------ storms
fresh_fs -d agcount=4
mount_dx
mkdir $MNT/1 $MNT/2 $MNT/3 && touch $MNT/stays
churn() {
	local i=0
	while [ -e $TMP/go ]; do
		(cd $MNT/$1 && touch $(seq $((i % 5 * 40 + 1)) $((i % 5 * 40 + 150))) && rm -f $(seq $((i % 7 * 20 + 1)) $((i % 7 * 20 + 130))))
		i=$((i + 1))
	done
}
touch $TMP/go
for i in 1 2 3; do churn $i & done
(while [ -e $TMP/go ]; do echo 3 >/proc/sys/vm/drop_caches; sync -f $MNT; sleep 0.2; done) &
bulk -n 300 storm 12 $MNT >"$TMP/w2" 2>&1 &
other=$!
t "walks while others make and remove files" bulk -n 77 storm 12 $MNT
other_ends() { wait $other || { cat "$TMP/w2"; return 1; }; }
t "another walk beside it" other_ends
rm $TMP/go
wait
find $MNT -printf '%i\n' | sort -nu >"$TMP/find"
bulk inodes $MNT >"$TMP/inodes"
t "each inode is told, and no other, afterwards" show_diff "$TMP/find" "$TMP/inodes"
t "clean" umount_check

# ------------------------------------------------------------ memory
if [ $FSTYPE = dioxfs ] && [ -r /proc/slabinfo ]; then
	mount_dx
	mkdir $MNT/many && (cd $MNT/many && touch $(seq 3000))
	umount_fs
	mount_dx
	inodes() { awk '$1 == "dioxfs_inode" { print $2 }' /proc/slabinfo; }
	before=$(inodes)
	bulk inodes $MNT | wc -l
	after=$(inodes)
	t "a walk over 3000 inodes does not keep them in memory ($before before, $after after)" eval '[ -n "$after" ] && [ $((after - before)) -lt 1000 ]'
	umount_fs
fi
