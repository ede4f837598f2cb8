#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# exchange-volume.sh mkfs|check|knows [OPTS] DEV: a volume on which ranges of files can be exchanged, whatever the programs here.
#
# Older ones than 6.10 do not know the feature: its bit in the superblock is set by hand, and is off while xfs_repair looks.  Nothing
# else on the disk depends on it.  knows: succeeds if mkfs.xfs does; then a kernel's own xfs may, too.
BIT=0x40
what=$1
shift
dev=${!#}

knows() { mkfs.xfs -N -f -i exchange=1 "$dev" 2>/dev/null | grep -q exchange=1; }
bit() {	# on|off
	local now
	now=$(xfs_db -r -c "sb 0" -c "p features_incompat" "$dev" | sed 's/.*= //') || return
	if [ "$1" = on ]; then now=$((now | BIT)); else now=$((now & ~BIT)); fi
	xfs_db -x -c "sb 0" -c "write -d features_incompat $(printf 0x%x $now)" "$dev" >/dev/null 2>&1
}

case $what in
knows)
	knows ;;
mkfs)
	if knows; then
		exec mkfs.xfs -q -f -i exchange=1 -n parent=0 "$@"
	fi
	mkfs.xfs -q -f "$@" && bit on ;;
check)
	if knows; then
		exec xfs_repair -n "$dev"
	fi
	bit off && xfs_repair -n "$dev"
	rc=$?
	bit on
	exit $rc ;;
esac
