#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The VM runner reports what it must: status, oops, warning, hang, power cut. Runs on the host.
# Scripts in this directory print "ok NAME" / "not ok NAME"; they find VM_RUN, MODULE,
# MODULE_DEBUG (empty when there is no module), and OUT (a scratch directory) in the environment.
vm() { "$VM_RUN" --timeout 40 "$@" >"$OUT/log" 2>&1; }
expect() {
	local name=$1 want=$2 rc
	shift 2
	vm "$@"
	rc=$?
	if [ $rc = "$want" ]; then echo "ok $name"; else
		sed 's/^/    | /' "$OUT/log" | tail -n 30
		echo "not ok $name (status $rc, expected $want)"
	fi
}
expect "vm-run passes the command's status on" 7 -- 'exit 7'
expect "vm-run fails on a warning in the kernel log" 99 -- 'echo "WARNING: CPU: 0 PID: 1 at fs/x.c" >/dev/kmsg'
expect "vm-run reports a guest that panics" 125 -- 'echo c >/proc/sysrq-trigger; sleep 30'
expect "vm-run ends a guest that hangs" 124 --timeout 12 -- 'sleep 100'
expect "vm-run cuts the power on a marker" 0 --power-cut-on 'CUT[0-9]' -- 'echo CUT1; sleep 100'
expect "vm-run reports a power cut that did not happen" 4 --power-cut-on NEVER -- true

# A cut keeps what the disk had, and results travel back.
rm -f "$OUT/disk.img"
expect "disk image survives a cut" 0 --disk-image "$OUT/disk.img:64M" --power-cut-on DONE -- \
	'echo precious | dd of=/dev/dx/d0 conv=fsync bs=512 count=1 2>/dev/null; echo DONE; sleep 100'
expect "results come back" 0 --disk-image "$OUT/disk.img" --out "$OUT/r" -- 'head -c 8 /dev/dx/d0 >/out/x'
if grep -q precious "$OUT/r/x" 2>/dev/null; then echo "ok the result is what the disk had"; else
	echo "not ok the result is what the disk had"; fi

# A kernel that takes the processor for a twenty times slower one: its clock runs away, and every limit in it strikes.
fast=tsc_early_khz=100000
expect "vm-run boots again when the guest's clock runs too fast" 0 --accel tcg --append-once $fast -- 'echo ran'
again=$(grep -c "clock runs too fast.*booting again" "$OUT/log") ran=$(grep -c '^ran' "$OUT/log")
if [ "$again $ran" = "1 1" ]; then echo "ok the command ran once, in the second boot"; else
	sed 's/^/    | /' "$OUT/log" | tail -n 30
	echo "not ok the command ran once, in the second boot (booted again $again times, ran $ran times)"
fi
expect "vm-run gives up when no boot has a right clock" 125 --accel tcg --append $fast --boots 1 -- true

# And one that does not come up at all.
expect "vm-run boots again when the guest does not come up" 0 --boot-limit 15 --append-once 'rdinit=/bin/sleep -- 1000' -- 'echo ran'
if grep -q "not up after 15 s (RIP=.*booting again" "$OUT/log" && [ "$(grep -c '^ran' "$OUT/log")" = 1 ]; then
	echo "ok the command ran once, and where the first boot's processors were is told"; else
	sed 's/^/    | /' "$OUT/log" | tail -n 30
	echo "not ok the command ran once, and where the first boot's processors were is told"
fi
expect "vm-run boots again when the kernel goes down by itself" 0 --append-once 'rdinit=/none root=/dev/none' -- 'echo ran'
if grep -q "went down.*booting again" "$OUT/log" && [ "$(grep -c '^ran' "$OUT/log")" = 1 ]; then
	echo "ok the command ran once, and that it went down is told"; else
	sed 's/^/    | /' "$OUT/log" | tail -n 30
	echo "not ok the command ran once, and that it went down is told"
fi
expect "vm-run gives up when no boot comes up" 125 --boot-limit 5 --append 'rdinit=/bin/sleep -- 1000' --boots 1 -- true
