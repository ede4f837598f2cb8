# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# lib.sh: for the suites, tests/vm/suite/*.sh, that run inside a guest.
#
# A suite is a bash script. Its first lines may hold options for the runner:
#
#	# vm: timeout=120        seconds for this suite (default 120)
#	# vm: own                a boot of its own (default: many suites share one)
#	# vm: mem=512 cpus=1     implies own
#	# vm: fio                wants fio in the guest
#	# vm: nbd                nbdkit and nbd-client, where they are installed; with own
#	# vm: alone              measures time: no other machine runs beside it
#	# vm: disk=4G            size of both disks, implies own (default 1G)
#	# vm: debug              needs the module with error tags and asserts
#	# vm: allow=REGEX        kernel log lines that this suite provokes (to the end of the line)
#
# It begins with `. /t/lib.sh`, prints one line per check, "ok NAME" or "not ok NAME", which t does,
# and leaves nothing mounted. Its exit status counts as one more check when it is
# not 0. A suite without any check fails.
#
# Run one by hand: scripts/test --only vm --suite NAME [--vm-fs xfs] [-v]
#
#   t NAME CMD...          CMD succeeds: "ok NAME"; otherwise its output and "not ok NAME".
#                          CMD runs in this shell: functions may set variables.
#   t_fails NAME CMD...    CMD must fail (but not by a signal)
#   t_errno NAME ERR CMD   CMD must fail and its output must have ERR, e.g. "No space left"
#   t_eq NAME WANT GOT     the two strings are equal
#   skip NAME WHY          "ok NAME # SKIP WHY"
#   have WHAT              does this kernel have it: dm-TARGET, fs-TYPE (its module is loaded), loop, io_uring
#   needs WHAT             the suite ends here, skipped, on a kernel that does not
#   fresh_fs [OPTS]        mkfs.xfs -q -f OPTS $DEV
#   mount_dx [OPTS]        mount -t $FSTYPE OPTS $DEV $MNT ($FSTYPE is dioxfs; xfs with --vm-fs xfs)
#   mount_stock [OPTS]     mount -t xfs ...
#   umount_fs              umount $MNT
#   umount_check           umount $MNT, then xfs_repair -n $DEV must find nothing
#   repair_check [DEV]     xfs_repair -n must find nothing: "not ok" by itself where no t judges it
#   drop_caches            forget clean pages, dentries and inodes
#   with_timeout SECS CMD  CMD in the background; fails and says so if it takes longer
#   pair_up [OPTS]         the same mkfs on both disks; ours at $MNT, stock xfs at $MNT2
#   pair_down              both unmounted, both clean to xfs_repair -n
#   t_same NAME CMD...     CMD, run in $MNT and in $MNT2, prints the same and exits alike
#   kernel_says REGEX      a kernel message since the last klog_mark matches
#   cut_log                shut $MNT down without flushing the log, and unmount it: as a crash leaves it
#
#   $DEV $DEV2  disks to overwrite    $MNT $MNT2  places to mount    $TMP  scratch, empty, in memory
#   $FSTYPE     dioxfs or xfs          $SYSFS      /sys/fs/dioxfs/<dev> of $DEV
#   $LTS_4_19   mkfs options for what 4.19 knows: the file of that name that Debian 12 ships, mkfs.xfs rejects
#   Programs compiled from tests/vm/*.c are in PATH.

DEV=$(readlink -f /dev/dx/d0)
DEV2=$(readlink -f /dev/dx/d1)
MNT=/mnt/a
MNT2=/mnt/b
FSTYPE=${FSTYPE:-dioxfs}
TMP=$(mktemp -d /tmp/suite.XXXXXX)
# shellcheck disable=SC2034
SYSFS=/sys/fs/dioxfs/${DEV##*/}
# shellcheck disable=SC2034
LTS_4_19="-m bigtime=0,crc=1,finobt=1,inobtcount=0,reflink=0,rmapbt=0 -i sparse=1"
mkdir -p $MNT $MNT2

_say() {
	echo "$1 $2"
	echo "dioxfs-test: $1 $2" >/dev/kmsg 2>/dev/null
}

_fail() {
	[ -s "$TMP/.out" ] && sed 's/^/    | /' "$TMP/.out" | tail -n 40
	_say "not ok" "$1"
}

_run() {
	local _judged=1
	"$@" >"$TMP/.out" 2>&1
}

t() {
	local name=$1
	shift
	_run "$@"
	local rc=$?
	if [ $rc = 0 ]; then _say ok "$name"; else
		echo "    | exit status $rc: $*"
		_fail "$name"
	fi
	return $rc
}

t_fails() {
	local name=$1
	shift
	_run "$@"
	local rc=$?
	if [ $rc != 0 ] && [ $rc -lt 124 ]; then _say ok "$name"; else
		echo "    | exit status $rc, should have failed: $*"
		_fail "$name"
		return 1
	fi
}

t_errno() {
	local name=$1 err=$2
	shift 2
	_run "$@"
	local rc=$?
	if [ $rc != 0 ] && grep -q -- "$err" "$TMP/.out"; then _say ok "$name"; else
		echo "    | exit status $rc, expected '$err' from: $*"
		_fail "$name"
		return 1
	fi
}

t_eq() {
	if [ "$2" = "$3" ]; then _say ok "$1"; else
		printf '    | want: %s\n    | got:  %s\n' "$2" "$3"
		_say "not ok" "$1"
		return 1
	fi
}

skip() { _say ok "$1 # SKIP ${2:-}"; }

have() {
	case $1 in
	dm-*)	modprobe dm-mod 2>/dev/null; modprobe "$1" 2>/dev/null
		dmsetup targets 2>/dev/null | grep -qw "^${1#dm-}" ;;
	fs-*)	modprobe "${1#fs-}" 2>/dev/null
		grep -qw "${1#fs-}" /proc/filesystems ;;
	loop)	modprobe loop 2>/dev/null
		[ -e /dev/loop-control ] ;;
	*)	has "$1" ;;
	esac
}
needs() {
	have "$1" && return
	skip "all of this" "this kernel has no $1"
	exit 0
}

fresh_fs() { mkfs.xfs -q -f "$@" "$DEV"; }
mount_dx() { mount -t "$FSTYPE" "$@" "$DEV" "$MNT"; }
mount_stock() { mount -t xfs "$@" "$DEV" "$MNT"; }

umount_fs() {
	local i
	for i in 1 2 3 4 5 6 7 8 9 10; do
		umount "$MNT" 2>"$TMP/.umount" && return 0
		grep -q busy "$TMP/.umount" || break
		sleep 0.3
	done
	cat "$TMP/.umount"
	return 1
}

repair_check() {
	xfs_repair -n "${1:-$DEV}" >"$TMP/.repair" 2>&1 && return
	tail -n 40 "$TMP/.repair"
	# called by itself: nobody else says so
	[ -n "${_judged:-}" ] || _say "not ok" "xfs_repair is content (line ${BASH_LINENO[*]})"
	return 1
}
umount_check() { umount_fs && repair_check; }
drop_caches() { sync; echo 3 >/proc/sys/vm/drop_caches; }

with_timeout() {
	local limit=$1 pid i
	shift
	"$@" &
	pid=$!
	for ((i = 0; i < limit * 10; i++)); do
		kill -0 $pid 2>/dev/null || { wait $pid; return; }
		sleep 0.1
	done
	echo "still running after $limit s: $*"
	echo w >/proc/sysrq-trigger
	kill -9 $pid
	return 124
}

pair_up() {
	mkfs.xfs -q -f "$@" "$DEV" && mkfs.xfs -q -f "$@" "$DEV2" && mount_dx && mount -t xfs "$DEV2" $MNT2
}

pair_down() {
	umount_fs && umount $MNT2 && repair_check "$DEV" && repair_check "$DEV2"
}

# since VERSION: is the running kernel that new?
since() { printf '%s\n' "$1" "$(uname -r)" | sort -V -C; }
# as_stock VERSION t|t_same NAME...: a comparison with the stock XFS of a kernel; before VERSION that answers otherwise
as_stock() {
	local v=$1
	shift
	if since "$v"; then "$@"; else skip "$2" "stock XFS before $v answers otherwise"; fi
}

t_same() {
	local name=$1 a b
	shift
	local _judged=1
	(cd $MNT && "$@") >"$TMP/.ours" 2>&1
	a=$?
	(cd $MNT2 && "$@") >"$TMP/.stock" 2>&1
	b=$?
	if [ $a = $b ] && cmp -s "$TMP/.ours" "$TMP/.stock" && [ $a -lt 124 ]; then _say ok "$name"; else
		echo "    | exit status $a, stock $b: $* (- stock, + ours)"
		diff -U 0 "$TMP/.stock" "$TMP/.ours" | sed '1,2d; /^@@/d; s/^/    | /' | head -n 60
		_say "not ok" "$name"
	fi
}

klog_mark() { KLOG=klog-mark-$RANDOM$RANDOM; echo "dioxfs-test: $KLOG" >/dev/kmsg; }
_klog() { dmesg | sed "1,/${KLOG:-no mark}/d" | grep -v dioxfs-test; }
kernel_says() {
	_klog | grep -E -- "$1" && return 0
	echo "no kernel message like '$1'; there were:"
	_klog | tail -n 15
	return 1
}
cut_log() { xfs_io -x -c shutdown $MNT && umount_fs; }
