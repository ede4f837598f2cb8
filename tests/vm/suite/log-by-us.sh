#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=500 disk=600M
#
# Logs that we wrote are recovered by the stock kernel: DX_LOGS of them, or 20.
. /t/lib.sh
. /t/log-round.sh

n=${DX_LOGS:-20}
t "the stock kernel recovers $n logs that we wrote" round $FSTYPE xfs $n
umount $MNT 2>/dev/null
t "there were acknowledgements to check: $(cat "$TMP/total" 2>/dev/null)" grep -q "logs, [1-9]" "$TMP/total"

# The checker can convict.
fresh_fs
mount_stock
ackload run -t 3 $MNT >"$TMP/journal"
victim=$(sed -n 's/^F \(w0[^ ]*\) [1-9][0-9]* .*/\1/p' "$TMP/journal" | while read -r f; do [ -s $MNT/$f ] && echo $f && break; done)
printf X | dd of=$MNT/$victim conv=notrunc bs=1 count=1 2>/dev/null
t_errno "a byte changed behind the back of the journal is found" "has other contents" ackload check "$TMP/journal" $MNT
t "unmounts" umount_check
