# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What it sets is for those who source it.
# shellcheck disable=SC2034
#
# stacks.sh: what people put between a filesystem and a disk, for the race rows and the suites. Sourced; the caller is root.
#
#   stack_on NAME DEV [FS]   sets NAME up on DEV, which is overwritten; STACK_DEV is what to use. What was on before is taken away,
#                             unless it is the same. 0; 1 and STACK_WHY: it failed; 2 and STACK_WHY: not on this kernel, or not here
#   stack_off                takes away what is on; 1 if a part of it stays
#
#   plain     DEV as it is
#   delay     dm-delay: a write takes 10 to 30 ms, depending on where it goes
#   slowread  dm-delay: a read takes 8 to 20 ms, a write nothing
#   null      null_blk with memory behind it; DEV is not used
# and, each on top of delay where the kernel has that, so that writes stay in flight for long:
#   loop      loop with direct I/O, over a preallocated file on a filesystem of type FS (default: xfs)
#   crypt     dm-crypt, aes-xts, in sectors of 4096 bytes
#   thin      dm-thin in a pool with blocks of 64 KiB: discards and zeroes are known to it
#   raid1     dm-raid (which is md), two legs
#   raid5     the same, three legs, chunks of 64 KiB: pages under I/O must not change
#   nbd       nbdkit's delay filter and file plugin, by the kernel's nbd over a socket
#
# For suites that break things: STACK_TOP is the name of the dm device, STACK_LEGS those of the legs, STACK_PID nbdkit's.

# Without a udev daemon dmsetup must make the device nodes itself.
[ -S /run/udev/control ] || export DM_DISABLE_UDEV=1
STACK="" STACK_DEV="" STACK_WHY="" STACK_TOP="" STACK_LEGS=() STACK_PID=""
_stack_undo=()
_stack_name=dioxfs-race
_stack_tmp=""
_stack_nbd=""

_dm_has() {
	modprobe -q dm-mod
	modprobe -q "dm-$1"
	dmsetup targets 2>/dev/null | grep -qw "^$1" && return
	STACK_WHY="this kernel has no dm-$1"
	return 2
}

# NAME: a table on standard input. Something that reads a new device, a prober say, may hold it for a moment.
_dm_on() {
	dmsetup remove "$1" 2>/dev/null
	STACK_WHY=$(dmsetup create "$1" 2>&1) || return 1
	_stack_undo+=("_dm_off $1")
}
_dm_off() {
	local i
	for i in 1 2 3 4 5 6 7 8 9 10; do
		dmsetup remove "$1" 2>/dev/null && return
		dmsetup info "$1" >/dev/null 2>&1 || return 0
		sleep 0.2
	done
	dmsetup remove --force "$1"
}

# What loses its loop device may be busy for a moment.
_umount_off() {
	local i
	for i in 1 2 3 4 5 6 7 8 9 10; do
		umount "$1" 2>/dev/null && return
		sleep 0.2
	done
	umount "$1"
}

_sectors() { blockdev --getsz "$1"; }

# Each part of it with a delay of its own; reads and flushes with none.
_on_delay() { _delays "$1" "0 0 0 0" "10 20 30 15"; }

_on_slowread() { _delays "$1" "8 12 20 10" "0 0 0 0"; }

_delays() { # DEV READS WRITES
	local dev=$1 size n=12 i seg off=0 table="" reads writes
	read -ra reads <<<"$2"
	read -ra writes <<<"$3"
	_dm_has delay || return
	size=$(_sectors "$dev")
	seg=$((size / n / 2048 * 2048))
	for ((i = 0; i < n; i++)); do
		[ $i = $((n - 1)) ] && seg=$((size - off))
		table+="$off $seg delay $dev $off ${reads[i % 4]} $dev $off ${writes[i % 4]} $dev $off 0"$'\n'
		off=$((off + seg))
	done
	_dm_on $_stack_name-delay <<<"$table" || return
	STACK_DEV=/dev/mapper/$_stack_name-delay
}

_on_null() {
	# the caller may hold it for longer than we need it: it stays
	[ -b /dev/nullb0 ] || modprobe null_blk nr_devices=1 gb=1 memory_backed=1 discard=1 bs=512 queue_mode=2 2>/dev/null
	STACK_DEV=/dev/nullb0
	[ -b /dev/nullb0 ] || { STACK_WHY="this kernel has no null_blk"; return 2; }
}

# delay where there is one
_on_slow() { _on_delay "$1" || STACK_DEV=$1; }

_on_loop() {
	local dev=$1 fs=${2:-xfs} size
	modprobe -q loop
	[ -e /dev/loop-control ] || { STACK_WHY="this kernel has no loop"; return 2; }
	_on_slow "$dev"
	dev=$STACK_DEV
	STACK_WHY=$(if [ "$fs" = ext4 ]; then mkfs.ext4 -q -F "$dev"; else mkfs.xfs -q -f "$dev"; fi 2>&1) || return 1
	STACK_WHY=$(mount -t "$fs" "$dev" "$_stack_tmp" 2>&1) || return 1
	_stack_undo+=("_umount_off $_stack_tmp")
	size=$(($(_sectors "$dev") / 2048 - 128))
	STACK_WHY=$(fallocate -l "${size}m" "$_stack_tmp/disk" 2>&1) || return 1
	STACK_DEV=$(losetup -f --show --direct-io=on "$_stack_tmp/disk" 2>&1) || { STACK_WHY=$STACK_DEV; return 1; }
	_stack_undo+=("losetup -d $STACK_DEV")
}

_on_crypt() {
	local size
	_dm_has crypt || return
	_on_slow "$1"
	size=$(($(_sectors "$STACK_DEV") / 8 * 8))
	STACK_TOP=$_stack_name-crypt
	_dm_on $STACK_TOP <<<"0 $size crypt aes-xts-plain64 $(printf '%0128d' 7) 0 $STACK_DEV 0 1 sector_size:4096" || return
	STACK_DEV=/dev/mapper/$STACK_TOP
}

# The volume is as large as the pool; a suite that fills the pool makes it smaller.
_on_thin() {
	local dev meta=16384 size
	_dm_has thin-pool || return
	_on_slow "$1"
	dev=$STACK_DEV
	size=$((($(_sectors "$dev") - meta) / 128 * 128))
	dd if=/dev/zero of="$dev" bs=64k count=1 conv=fsync 2>/dev/null
	_dm_on $_stack_name-meta <<<"0 $meta linear $dev 0" || return
	_dm_on $_stack_name-data <<<"0 ${THIN_POOL:-$size} linear $dev $meta" || return
	_dm_on $_stack_name-pool <<<"0 ${THIN_POOL:-$size} thin-pool /dev/mapper/$_stack_name-meta /dev/mapper/$_stack_name-data 128 0 ${THIN_OPTS:-}" || return
	STACK_WHY=$(dmsetup message $_stack_name-pool 0 "create_thin 0" 2>&1) || return 1
	STACK_TOP=$_stack_name-thin
	_dm_on $STACK_TOP <<<"0 $size thin /dev/mapper/$_stack_name-pool 0" || return
	STACK_DEV=/dev/mapper/$STACK_TOP
}

# TYPE LEGS CHUNK DEV. A leg has 4 MiB for md's superblock, as LVM has: without, a leg that fails stops all writes for ever.
_raid() {
	local n=$2 chunk=$3 dev size i table meta=8192
	_dm_has raid || return
	_on_slow "$4"
	dev=$STACK_DEV
	size=$(($(_sectors "$dev") / n / 2048 * 2048))
	table="raid $1 2 $chunk nosync $n"
	for ((i = 0; i < n; i++)); do
		dd if=/dev/zero of="$dev" bs=512 seek=$((i * size)) count=128 conv=fsync 2>/dev/null
		_dm_on $_stack_name-meta$i <<<"0 $meta linear $dev $((i * size))" || return
		_dm_on $_stack_name-leg$i <<<"0 $((size - meta)) linear $dev $((i * size + meta))" || return
		STACK_LEGS+=("$_stack_name-leg$i")
		table+=" /dev/mapper/$_stack_name-meta$i /dev/mapper/$_stack_name-leg$i"
	done
	size=$((size - meta))
	[ "$chunk" = 0 ] || size=$((size * (n - 1)))
	STACK_TOP=$_stack_name-$1
	_dm_on $STACK_TOP <<<"0 $size $table" || return
	STACK_DEV=/dev/mapper/$STACK_TOP
}
_on_raid1() { _raid raid1 2 0 "$1"; }
_on_raid5() { _raid raid5_ls 3 128 "$1"; }

# For a suite, too, that has killed the server: the same device again.
nbd_serve() {
	rm -f "$_stack_tmp/sock" "$_stack_tmp/pid"
	# shellcheck disable=SC2086
	nbdkit -U "$_stack_tmp/sock" -P "$_stack_tmp/pid" ${NBD_FILTERS:---filter=delay} file "$1" ${NBD_OPTS:-wdelay=15ms} || return
	STACK_PID=$(cat "$_stack_tmp/pid")
}
nbd_join() { nbd-client -unix "$_stack_tmp/sock" $_stack_nbd -b 512 "$@"; }
nbd_leave() { nbd-client -d $_stack_nbd >/dev/null 2>&1; }
_nbd_end() {
	nbd_leave
	[ -z "$STACK_PID" ] || kill "$STACK_PID" 2>/dev/null
	while kill -0 "$STACK_PID" 2>/dev/null; do sleep 0.1; done
	return 0
}

# One that nobody uses.
_nbd_free() {
	local i
	STACK_WHY="this kernel has no nbd"
	for i in /sys/block/nbd*; do
		[ -e "$i/size" ] || return 2
		STACK_WHY="each /dev/nbd* is in use"
		if [ ! -e "$i/pid" ] && [ "$(cat "$i/size")" = 0 ]; then
			_stack_nbd=/dev/${i##*/}
			return 0
		fi
	done
	return 2
}

_on_nbd() {
	command -v nbdkit >/dev/null && command -v nbd-client >/dev/null || { STACK_WHY="nbdkit or nbd-client is not here"; return 2; }
	modprobe -q nbd nbds_max=2 max_part=0
	_nbd_free || return
	STACK_WHY=$(nbd_serve "$1" 2>&1) || return 1
	STACK_PID=$(cat "$_stack_tmp/pid")
	_stack_undo+=(_nbd_end)
	STACK_WHY=$(nbd_join 2>&1) || return 1
	STACK_DEV=$_stack_nbd
}

stack_off() {
	local i rc=0
	for ((i = ${#_stack_undo[@]} - 1; i >= 0; i--)); do
		${_stack_undo[i]} || rc=1
	done
	_stack_undo=()
	STACK="" STACK_TOP="" STACK_LEGS=() STACK_PID=""
	[ -z "$_stack_tmp" ] || { rm -f "$_stack_tmp"/{sock,pid}; rmdir "$_stack_tmp"; }
	_stack_tmp=""
	return $rc
}

stack_on() {
	local rc
	STACK_WHY=""
	[ "$STACK" = "$1 $2 $3" ] && return 0
	stack_off
	STACK_DEV=$2
	_stack_tmp=$(mktemp -d /tmp/stack.XXXXXX)
	case $1 in
	plain)	rc=0 ;;
	delay | slowread | null | loop | crypt | thin | raid1 | raid5 | nbd)
		"_on_$1" "$2" "$3"
		rc=$? ;;
	*)	STACK_WHY="no stack has the name $1"
		rc=1 ;;
	esac
	if [ $rc != 0 ]; then
		stack_off
		return $rc
	fi
	STACK="$1 $2 $3"
}
