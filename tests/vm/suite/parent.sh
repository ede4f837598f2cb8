#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=600 disk=600M
#
# Parent pointers: every name has one, whoever made it, we or the stock kernel; both answer alike who a file's parents are, take each
# other's volumes and logs, and xfs_repair, which compares names with pointers, finds nothing.
. /t/lib.sh

export DX_MKFS_DEFAULTS=1	# not the options that other suites are spared
pfs() { mkfs.xfs -q -f -n parent=1 -i exchange=0 "$@" "$DEV"; }
if ! pfs 2>/dev/null; then
	skip "all of this" "this mkfs.xfs knows no parent pointers"
	exit 0
fi
stock=1
if mount_stock 2>/dev/null; then umount_fs; else stock=; fi
if [ $FSTYPE != dioxfs ] && [ -z $stock ]; then
	skip "all of this" "this kernel's xfs knows no parent pointers"
	exit 0
fi

# Who the parents of everything are, as the ioctls and xfs_io tell it; each file by itself, and by handles up to the root. Not again for
# each of very many links.
dump() {
	(cd $MNT && find . \( -type f -o -type d \) ! -path "*/sub/m*[0-9]" ! -path "*/bus/m*[0-9]" -print | sort | while read -r f; do
		echo "== $f"
		parents -h "$f"
		parents "$f" 312
		xfs_io -r -c parent -c "parent -p" "$f"
	done)
}
long() { printf "$1%.0s" $(seq $2); }

# Names of all kinds of things, in all ways; pointers inside inodes, in leaves, in trees.  $1: a letter that the names begin with
tree() {
	local d=$MNT/$1
	mkdir $d $d/sub $d/other && mkdir -p $d/deep/er/and/deeper || return
	touch $d/file $d/sub/"$(long f 250)" && ln $d/file $d/sub/file && ln $d/file $d/other/another && ln -s target $d/symlink &&
		ln -s "$(long t 900)" $d/"$(long s 200)" && mknod $d/fifo p && mknod $d/null c 1 3 || return
	mv $d/sub/file $d/other/file && mv $d/other $d/sub/other && mv $d/sub/other/another $d/file2 || return
	touch $d/replaced $d/replacing && mv $d/replacing $d/replaced && parents -x $d/replaced $d/sub/"$(long f 250)" || return
	touch $d/whited && parents -w $d/whited $d/sub/moved && rm $d/whited || return
	touch $d/many && parents -l $d/many $d/sub ${2:-400} m || return
	setfattr -n user.large -v "$(long v 3000)" $d/file2 && ln $d/file2 $d/deep/file3 && rm $d/file2 || return
	mkdir $d/gone && touch $d/gone/a && rm $d/gone/a && rmdir $d/gone
}
less() { rm -r $MNT/$1/deep && rm $MNT/$1/sub/m*[1357] && mv $MNT/$1/sub $MNT/$1/bus; }

while IFS='|' read -r name opts; do
	# shellcheck disable=SC2086
	pfs $opts
	t "mounts: $name" mount_dx
	t "names of all kinds: $name" tree a
	t "some go, a directory moves: $name" less a
	tree b 1500
	dump >"$TMP/ours"
	t "as many pointers as names: $name" eval '[ "$(grep -c "^  at .*\"[^\"]" "$TMP/ours")" -gt 1000 ]'
	t_eq "none is an attribute: $name" "" "$(getfattr -R -h -d -m - --absolute-names $MNT/a/bus $MNT/b/sub 2>/dev/null | grep -v "^#\|^\$" | grep -v user.large)"
	drop_caches
	dump >"$TMP/again"
	t "the same from the disk: $name" cmp "$TMP/ours" "$TMP/again"
	t "clean: $name" umount_check
	if [ $stock ]; then
		t "stock takes it: $name" mount_stock
		dump >"$TMP/stock"
		t "and tells the same parents: $name" diff "$TMP/stock" "$TMP/ours"
		t "names of all kinds by stock: $name" eval 'less b && tree c'
		dump >"$TMP/stock"
		umount_fs
		mount_dx
		dump >"$TMP/ours"
		t "which we tell like it: $name" diff "$TMP/stock" "$TMP/ours"
	else
		skip "stock takes it" "this kernel's xfs knows no parent pointers"
		mount_dx
	fi
	t "all of it goes: $name" rm -r $MNT/a $MNT/b
	t "clean at last: $name" umount_check
done <<'EOT'
defaults|
1 KiB blocks, no rmapbt|-b size=1024 -m rmapbt=0,reflink=0
inodes of 2 KiB|-i size=2048
EOT

# ------------------------------------------------------------ what the ioctl refuses
pfs
mount_dx
touch $MNT/f
mkdir $MNT/d
refused() { (cd $MNT && parents -e f; parents -e .; parents d 32) 2>&1; }
refused >"$TMP/ours"
cp "$(command -v parents)" $TMP/p
chmod 755 "$TMP" $TMP/p
t_errno "only for the administrator" "not permitted" setpriv --reuid 1001 --clear-groups $TMP/p $MNT/f
umount_fs
if [ $stock ]; then
	mount_stock
	refused >"$TMP/stock"
	umount_fs
	t "what is refused, and how, is what stock does" diff "$TMP/stock" "$TMP/ours"
fi
mkfs.xfs -q -f -n parent=0 -i exchange=0 "$DEV"
mount_dx
t_errno "a volume without them says so" "not supported" parents $MNT
umount_fs

# ------------------------------------------------------------ logs
logs() {	# NAME WRITER READER: the log of one is recovered by the other
	pfs
	mount -t $2 "$DEV" $MNT || return
	tree a 300 && sync && less a && tree b 200 || return
	xfs_io -x -c "shutdown $3" $MNT
	umount_fs
	mount -t $4 "$DEV" $MNT && dump >"$TMP/dump" && umount_check
}
for how in -f ""; do
	t "our log, recovered by us${how:+, all of it}" logs "" $FSTYPE "$how" $FSTYPE
	[ $stock ] || continue
	t "our log, recovered by stock${how:+, all of it}" logs "" $FSTYPE "$how" xfs
	t "stock's log, recovered by us${how:+, all of it}" logs "" xfs "$how" $FSTYPE
done

# ------------------------------------------------------------ full
pfs -d size=300m
mount_dx
touch $MNT/a
dd if=/dev/zero of=$MNT/fill bs=64k status=none 2>/dev/null
dd if=/dev/zero of=$MNT/fill2 bs=4k status=none 2>/dev/null
t_errno "links on a full volume end in ENOSPC" "No space" parents -l $MNT/a $MNT 20000 l
t "what has a name can lose it" eval 'rm $MNT/a && find $MNT -links +1 -type f -delete && find $MNT -type f -size 0 -delete'
t "clean" umount_check
