#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=500 disk=600M
#
# Logs that the stock kernel wrote are recovered by us, as well as by itself: DX_LOGS of them, or 20.
. /t/lib.sh
. /t/log-round.sh

n=${DX_LOGS:-20}
t "we recover $n logs that the stock kernel wrote" round xfs $FSTYPE $n
umount $MNT 2>/dev/null
t "there were acknowledgements to check: $(cat "$TMP/total" 2>/dev/null)" grep -q "logs, [1-9]" "$TMP/total"
