#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=420
#
# Volumes on stripes: where files begin, whatever writes them, and what grows goes on.  Options: stripe-options.sh.
. /t/lib.sh

# Where the extents of a file begin, in sectors of the device.
starts() { xfs_io -r -c fiemap "$1" | sed -n 's/.*\]: \([0-9]*\)\.\..*/\1/p'; }
# FILE SUNIT: the first one begins at a multiple
begins() {
	local first
	first=$(starts "$1" | head -n 1)
	[ -n "$first" ] && [ $((first % $2)) = 0 ] && return
	echo "${1##*/} begins at sector ${first:-nowhere}, not at a multiple of $2"
	return 1
}

# ------------------------------------------------------------ files of many sizes (as fstests generic/223)
write_many() {	# SUNIT (KiB): by size, by way, by turns with others
	local su=$1 mult size i how bad=0
	for mult in 1 2 17; do
		size=$((su * mult))
		for how in buffered direct falloc; do
			for i in 1 2; do
				f=$MNT/$how.$size.$i
				case $how in
				buffered) xfs_io -f -c "pwrite -q -b ${size}k 0 ${size}k" -c fsync $f ;;
				direct)	xfs_io -f -d -c "pwrite -q -b ${size}k 0 ${size}k" $f ;;
				falloc)	xfs_io -f -c "falloc 0 $((size + 4 * (i - 1)))k" $f ;;
				esac
				begins $f $((su * 2)) || bad=1
				# what others take in between is no multiple of anything
				xfs_io -f -c "pwrite -q 0 $((i * 4))k" -c fsync $MNT/small.$how.$size.$i
			done
		done
	done
	return $bad
}
large() {	# SUNIT (KiB)
	xfs_io -f -c "falloc 0 200m" $MNT/large && begins $MNT/large $(($1 * 2)) &&
		xfs_io -f -c "falloc 0 209719296" $MNT/odd && begins $MNT/odd $(($1 * 2))
}
while IFS='|' read -r name mkfs opts su; do
	# shellcheck disable=SC2086
	t "made: $name" fresh_fs $mkfs || continue
	# shellcheck disable=SC2086
	t "mounts: $name" mount_dx $opts || continue
	t "every file begins at a stripe unit: $name" write_many $su
	t "so do large ones: $name" large $su
	t "and what stands in for a removed one: $name" eval 'rm $MNT/buffered.*.[12] $MNT/small.direct.* && sync && xfs_io -f -c "pwrite -q 0 1m" -c fsync $MNT/again && begins $MNT/again $((su * 2))'
	sum=$(cat $MNT/* | md5sum)
	t "clean: $name" umount_check
	if [ $FSTYPE = dioxfs ]; then
		t "stock XFS mounts it, with what we have written: $name" mount_stock
		t_eq "and reads the same: $name" "$sum" "$(cat $MNT/* | md5sum)"
		xfs_io -f -c "pwrite -q 0 1m" -c fsync $MNT/theirs
		t "clean afterwards: $name" umount_check
	fi
done <<'EOT'
su=8k,sw=4|-d su=8k,sw=4||8
su=64k,sw=4|-d su=64k,sw=4||64
su=128k,sw=2, 1 KiB blocks|-b size=1024 -d su=128k,sw=2||128
su=32k,sw=4, mounted with sunit=256|-d su=32k,sw=4,agsize=240m|-o sunit=256,swidth=1024|128
EOT

# ------------------------------------------------------------ what grows
fresh_fs -d su=64k,sw=4
mount_dx
one() {
	local i args=()
	for ((i = 0; i < 40; i++)); do args+=(-c "pwrite -q $((i * 28))k 28k"); done
	xfs_io -f "$@" "${args[@]}" -c fsync $MNT/one && begins $MNT/one 128 && [ "$(starts $MNT/one | wc -l)" = 1 ]
}
xfs_io -f -c "pwrite -q 0 64k" -c fsync $MNT/one
t "a file that grows by direct writes is in one piece" one -d
rm $MNT/one
t "one that grows by buffered ones, too" one
turns() {	# not how they begin: the first blocks of a direct write may be anywhere, with stock XFS, too
	local i
	xfs_io -f -c "pwrite -q 0 64k" -c fsync $MNT/a && xfs_io -f -c "pwrite -q 0 64k" -c fsync $MNT/b || return
	for ((i = 1; i < 20; i++)); do
		xfs_io -f -d -c "pwrite -q $((i * 64))k 64k" $MNT/a && xfs_io -f -d -c "pwrite -q $((i * 64))k 64k" $MNT/b || return
	done
	for i in $(starts $MNT/a) $(starts $MNT/b); do [ $((i % 128)) = 0 ] || { echo "an extent begins at sector $i"; return 1; }; done
}
t "two that grow by turns go on at stripe units" turns
t "clean" umount_check
fresh_fs -d su=64k,sw=4
mount_dx -o swalloc
xfs_io -f -d -c "pwrite -q -b 1m 0 1m" $MNT/w
t "with swalloc a whole stripe begins at a stripe" eval '[ $(($(xfs_bmap -v $MNT/w | sed -n "3s/.*(\([0-9]*\)\.\..*/\1/p") % 512)) = 0 ]'
umount_fs
mount_dx -o noalign
xfs_io -f -c "pwrite -q 0 4k" -c fsync $MNT/n1
xfs_io -f -c "pwrite -q 0 64k" -c fsync $MNT/n2
t "with noalign nothing is said of stripes" eval '! grep " $MNT " /proc/mounts | grep sunit'
t "clean" umount_check
