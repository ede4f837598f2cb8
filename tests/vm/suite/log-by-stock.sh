#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=500 disk=600M
#
# Fifty logs that the stock kernel wrote are recovered by us, as well as by itself.
. /t/lib.sh
. /t/log-round.sh

t "we recover 50 logs that the stock kernel wrote" round xfs $FSTYPE 50
umount $MNT 2>/dev/null
t "there were acknowledgements to check: $(cat "$TMP/total" 2>/dev/null)" grep -q "logs, [1-9]" "$TMP/total"
