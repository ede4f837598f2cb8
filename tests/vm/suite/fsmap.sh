#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=300
#
# What the device is used for, as FS_IOC_GETFSMAP tells it: the same volume asked by us and by stock XFS, whole, a record at
# a time, by keys and headers of all kinds, with privileges and without; and the programs that ask.
. /t/lib.sh

fill() {	# files whose ends leave holes, inodes, attributes, unwritten extents, a file with a map in blocks
	local i args=()
	mkdir $MNT/many
	for ((i = 0; i < 150; i++)); do : >$MNT/many/$i; done
	head -c 20480 /dev/zero >"$TMP/.zero"
	for ((i = 0; i < 24; i++)); do head -c $((4096 * (1 + i % 5))) "$TMP/.zero" >$MNT/f$i; done
	sync
	rm $MNT/f*[02468]
	xfs_io -f -c "falloc 0 1m" -c "pwrite -q 256k 64k" -c "pwrite -q 700k 4k" $MNT/unwritten
	xfs_io -f -c "pwrite -q -b 1m 0 4m" $MNT/holes
	for ((i = 0; i < 40; i++)); do args+=(-c "fpunch $((i * 64))k 4k"); done
	xfs_io "${args[@]}" $MNT/holes
	touch $MNT/attrs
	{
		echo "# file: $MNT/attrs"
		for ((i = 0; i < 12; i++)); do printf 'user.%d="%01500d"\n' $i $i; done
	} >"$TMP/.attrs"
	setfattr --restore="$TMP/.attrs"
	sync
	# where blocks can be shared
	xfs_io -f -c "reflink -q $MNT/holes 1m 0 2m" $MNT/clone 2>/dev/null
	sync
}

ask() {		# NAME OPTIONS: into a file of that name, and how it ended
	local name=$1
	shift
	fsmap "$@" $MNT >"$TMP/$dir/$name" 2>&1
	echo "exit status $?" >>"$TMP/$dir/$name"
}
ask_all() {
	local end=$1
	dir=$2
	mkdir "$TMP/$dir"
	ask whole $end
	ask nobody-whole $end -u
	case $(uname -r) in
	4.* | 5.*) ;;	# leave out what begins before the low key
	*) ask edges $end -e ;;
	esac
	ask counted -c
	ask nobody-counted -c -u
	case $name in
	rmapbt)
		ask by-ones $end -n 1
		ask by-sevens $end -n 7 -u
		ask 32-bit $end -3 -n 50 ;;
	esac
	xfs_io -c "fsmap -v -n 3" $MNT 2>&1 | sed 's/ *254:[0-9]*//' >"$TMP/$dir/xfs_io"
	xfs_spaceman -c "freesp -s" -c "freesp -s -a 1" $MNT >"$TMP/$dir/freesp" 2>&1
	case $end$name in
	-grmapbt*)
		rm "$TMP/$dir/freesp"
		tac "$TMP/$dir/xfs_io" | sed '0,/free space/ { /free space/d }' >"$TMP/.xfs_io"
		mv "$TMP/.xfs_io" "$TMP/$dir/xfs_io" ;;
	esac
}
kinds() { awk '{ print $1, ($4 == "special" ? $5 : "") }' "$TMP/ours/whole" | sort -u; }

# What is free at the end of the device, and other gaps at the end of an answer, older kernels end a block too early.
case $(uname -r) in
4.* | 5.* | 6.[0-9].* | 6.1[01].*) end=-g ;;
*) end= ;;
esac

while IFS='|' read -r name opts; do
	# shellcheck disable=SC2086
	fresh_fs $opts
	t "$name: mounts" mount_dx
	fill
	umount_fs
	mount_dx
	ask_all "$end" ours
	t "$name: clean" umount_check
	mount_stock -o ro
	ask_all "$end" stock
	umount_fs
	for f in "$TMP"/ours/*; do
		t "$name: ${f##*/}, as stock tells" diff "$TMP/stock/${f##*/}" "$f"
	done
	if [ -e "$TMP/ours/by-ones" ]; then
		t "a record at a time, it is the same" cmp "$TMP/ours/whole" "$TMP/ours/by-ones"
		t "to nobody, too" cmp "$TMP/ours/nobody-whole" "$TMP/ours/by-sevens"
		grep -q "no 32-bit" "$TMP/ours/32-bit" || t "and to a 32-bit program" cmp "$TMP/ours/whole" "$TMP/ours/32-bit"
	fi
	t "$name: the walks do not fail" grep -c "exit status 0" "$TMP/ours/whole" "$TMP/ours/counted" "$TMP/ours/nobody-counted"
	case $name in
	rmapbt*)	t "$name: every kind of owner is there" eval '[ $(kinds | grep -cE "^(------|u-----|-a----|--m---) $|S. 88:[1-5]$") = 9 ] || { kinds; false; }' ;;
	*)		t "$name: what is not free is somebody's" eval '[ "$(kinds | tr -d "L-" | sort -u | grep -c "S 0:[12]$")" = 2 ] || { kinds; false; }' ;;
	esac
	[ "$end" ] || t "$name: it ends where the device ends" grep -qx "to $(blockdev --getsize64 "$DEV")" "$TMP/ours/whole"
	rm -r "$TMP/ours" "$TMP/stock"
done <<'EOT'
default|-m rmapbt=0,reflink=0 -d agcount=4
rmapbt|-m rmapbt=1,reflink=0 -d agcount=4
rmapbt, blocks of 1 KiB, shared ones|-m rmapbt=1,reflink=1 -b size=1024 -d agcount=4
EOT

# ------------------------------------------------------------ while others write
fresh_fs -m rmapbt=1,reflink=0
mount_dx
for w in 1 2; do
	(while [ ! -e "$TMP/stop" ]; do
		for ((i = 0; i < 30; i++)); do echo $i >$MNT/$w.$i; done
		rm -f $MNT/$w.*
	done) &
done
t "it can be asked while blocks come and go" eval 'for i in 1 2 3; do fsmap -n 3 $MNT >/dev/null && fsmap -u -n 3 $MNT >/dev/null || break; done; [ $i = 3 ]'
touch "$TMP/stop"
wait
t "clean" umount_check
