#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=240
#
# The judge of the race run can convict: it finds each kind of damage done on
# purpose, and a row in which user space does by hand what the broken kernel did is LOST.
. /t/lib.sh

# On ext4: stock XFS 6.1 itself loses data to a growing truncate, which the
# untouched rows of the self-test would report.
needs fs-ext4
mkext4() { mkfs.ext4 -q -F "$DEV" && mount -t ext4 "$DEV" $MNT; }
t "ext4 is made" mkext4
race --self-test --dir $MNT
t "ext4 is unmounted" umount_fs

stale_truncate_is_lost() {
	race --fs ext4 --dev "$DEV" --dir $MNT --engine libaio --writer append:8 --racer stale-truncate --races 20 --seconds 5 |
		tee "$TMP/row"
	grep -q '"verdict":"LOST"' "$TMP/row"
}
t "a size sampled before the drain is LOST" stale_truncate_is_lost
