#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=500 disk=600M
#
# Twenty-five logs that we wrote are recovered by us.
. /t/lib.sh
. /t/log-round.sh

t "we recover 25 logs of our own" round $FSTYPE $FSTYPE 25
umount $MNT 2>/dev/null
t "there were acknowledgements to check: $(cat "$TMP/total" 2>/dev/null)" grep -q "logs, [1-9]" "$TMP/total"
