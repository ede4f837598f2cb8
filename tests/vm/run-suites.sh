#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run-suites.sh NAME:TIMEOUT...: runs suites one after the other inside a guest and frames
# each for the host: "SUITE name", its output, "SUITE-END name status seconds".
# A suite that outlives its time ends the boot (status 124): whatever it left behind would spoil the next.
for x in "$@"; do
	name=${x%:*} limit=${x#*:}
	echo "SUITE $name"
	echo "dioxfs-suite: begin $name" >/dev/kmsg
	start=$SECONDS
	setsid bash "/t/suite/$name.sh" </dev/null 2>&1 &
	pid=$!
	for ((i = 0; i < limit * 10; i++)); do
		kill -0 $pid 2>/dev/null || break
		sleep 0.1
	done
	if kill -0 $pid 2>/dev/null; then
		echo w >/proc/sysrq-trigger
		sleep 0.5
		kill -9 -- -$pid 2>/dev/null
		echo "SUITE-END $name 124 $((SECONDS - start))"
		echo "dioxfs-suite: end $name" >/dev/kmsg
		exit 3
	fi
	wait $pid
	echo "SUITE-END $name $? $((SECONDS - start))"
	echo "dioxfs-suite: end $name" >/dev/kmsg
	cd /
	for m in /mnt/a /mnt/b /mnt; do
		while grep -q " $m " /proc/mounts; do umount $m 2>/dev/null || umount -l $m || break; done
	done
	dmsetup remove_all -f >/dev/null 2>&1
	losetup -D 2>/dev/null
	rm -rf /tmp/suite.*
done
exit 0
