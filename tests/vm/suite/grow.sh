#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=1500
#
# Growing and shrinking on line, and the label: what is refused, as stock XFS refuses it; xfs_growfs by its options; a device that grows; beside
# a load of everything, and beside direct AIO that extends files; cut off right afterwards, and recovered by the other kernel.
. /t/lib.sh

plain() { sed 's/^meta-data=[^ ]*/meta-data=/'; }
geometry() { xfs_spaceman -p xfs_info -c info "$1" | plain; df --output=size "$1" | tail -1; }
growfs() { xfs_growfs "$@" . 2>&1 | plain; return "${PIPESTATUS[0]}"; }
copies() {	# of the superblock of a device that is not in use
	local n i args=()
	n=$(xfs_db -r -c "sb 0" -c "p agcount" "$1" | sed 's/.*= //')
	for ((i = 0; i < n; i++)); do args+=(-c "sb $i" -c "p dblocks agcount fname imax_pct"); done
	xfs_db -r "${args[@]}" "$1" | sort | uniq -c | awk -v n="$n" '{ print } $1 != n { bad = 1 } END { exit bad || NR != 4 }'
}
# mkfs.xfs makes small volumes only for a test
export TEST_DIR=/x TEST_DEV=/x QA_CHECK_FS=/x
label_of() { blkid -p -o value -s LABEL "$DEV"; }

STOCK_SHRINKS=
! since 5.14 || STOCK_SHRINKS=1

# ------------------------------------------------------------ as stock, side by side
for opts in "-d size=300m" "-d size=300m,agsize=64m -b size=1024 -m rmapbt=1" "-d size=300m,agcount=3 -m reflink=0"; do
	# shellcheck disable=SC2086
	t "mkfs $opts" pair_up $opts
	# a stock XFS built without realtime devices knows no such request (old ones take it, and do nothing); we do
	t_same "what is refused" eval 'growctl . | if [ "$PWD" = $MNT2 ]; then sed -E "/realtime/{ /nobody/s/: (ENOSYS|0)$/: EPERM/; s/: (ENOSYS|0)$/: EINVAL/ }"; else cat; fi'
	t_same "what it is after that" geometry .
	t_same "a block more" growctl . +1
	t_same "a few more, as a 32-bit program" growctl -3 . +100
	t_same "and 30 percent of it for inodes" growctl . +3000 30
	t_same "what it is now" geometry .
	t "it can be filled" eval 'head -c 8m /dev/urandom >$MNT/random && md5sum <$MNT/random >"$TMP/random"'
	t_same "to the end of the device" growfs -d
	t_same "nothing more there" growfs
	t_same "10 percent" growfs -m 10
	if [ -n "$STOCK_SHRINKS" ]; then
		t_same "a block less" growctl . +-1
		t_same "fewer, as a 32-bit program" growctl -3 . +-100
		t_same "2000 blocks less" growctl . +-2000
		t_same "less than an AG would be left" growctl . +-70000
		t_same "what it is then" geometry .
		t_same "smaller, by the tool" eval 'xfs_growfs -D $(($(stat -f -c %b .) + 1)) . >/dev/null; growctl . +-500'
	fi
	t_same "what it is at last" geometry .
	t "what was written is there" eval 'md5sum <$MNT/random | cmp - "$TMP/random"'
	t_same "labels by xfs_io" xfs_io -c "label -s one" -c label -c "label -s twelve-bytes" -c label -c "label -c" -c label .
	t "unmounts, both clean" pair_down
	t "the copies of the superblock are right" copies "$DEV"
	if [ -z "$STOCK_SHRINKS" ]; then
		mount_dx
		t "2000 blocks less" growctl $MNT +-2000
		t "unmounts, clean" umount_check
	fi
	mount_dx -o ro
	mount -t xfs -o ro "$DEV2" $MNT2
	t_same "what a read-only mount says" growctl -r .
	t "unmounts, both clean" pair_down
done

# ------------------------------------------------------------ the label, for those who look at the device
fresh_fs -L before
mount_dx
t_eq "blkid sees the label" before "$(label_of)"
t "another one" xfs_io -c "label -s after" $MNT
t_eq "blkid sees it at once" after "$(label_of)"
t_eq "so does xfs_db" 'fname = "after\000\000\000\000\000\000\000"' "$(xfs_db -r -c "sb 0" -c "p fname" "$DEV")"
t "none" xfs_io -c "label -c" $MNT
t_eq "blkid sees none" "" "$(label_of)"
t "one that will be recovered" eval 'xfs_io -c "label -s cut-off" $MNT && cut_log'
t_eq "it is there already" cut-off "$(label_of)"
t "the stock kernel recovers it" eval 'mount_stock && xfs_io -c label $MNT | grep -q "\"cut-off\"" && umount_check'
t "the copies have it" copies "$DEV"

# ------------------------------------------------------------ two at once, and a frozen one
fresh_fs -d size=64m,agsize=16m -l size=10m
mount_dx
at_once() {	# one succeeds; the other comes after it, or is told
	local i told=0
	for ((i = 1; i < 20; i++)); do
		growctl -2 $MNT +4096 | sort | tr '\n' ' ' >"$TMP/two"
		case $(cat "$TMP/two") in
		"0 0 ") ;;
		"0 EAGAIN ") told=$((told + 1)) ;;
		*) cat "$TMP/two"; return 1 ;;
		esac
	done
	echo "$told of $i were told"
	[ $told != 0 ]
}
t "two at once: the second is told to try again" at_once
fsfreeze -f $MNT
growctl $MNT +4096 >"$TMP/frozen" &
sleep 1
t "a frozen volume does not grow" eval '[ ! -s "$TMP/frozen" ] && kill -0 $!'
fsfreeze -u $MNT
t "but afterwards" wait $!
t "clean" umount_check

# ------------------------------------------------------------ a device that grows
if have loop; then
	truncate -s 160M "$TMP/img"
	loop=$(losetup -f --show "$TMP/img")
	mkfs.xfs -q -l size=10m "$loop"
	t "mounts" mount -t $FSTYPE "$loop" $MNT
	head -c 10M /dev/urandom >$MNT/a
	md5sum <$MNT/a >"$TMP/a"
	t_errno "no room for more" "No space" dd if=/dev/zero of=$MNT/b bs=1M count=200 conv=fsync
	truncate -s 500M "$TMP/img"
	losetup -c "$loop"
	t "the volume takes it" xfs_growfs $MNT
	t "there is room for more" dd if=/dev/zero of=$MNT/b bs=1M count=200 conv=fsync
	t "what was there is" eval 'md5sum <$MNT/a | cmp - "$TMP/a"'
	t "unmounts, clean" eval 'umount_fs && repair_check "$loop"'
	t "the copies of the superblock are right" copies "$loop"
	t "stock XFS mounts it" eval 'mount -t xfs "$loop" $MNT && md5sum <$MNT/a | cmp - "$TMP/a" && umount $MNT'
	losetup -d "$loop"
	rm "$TMP/img"
fi

# ------------------------------------------------------------ under load
grow_steps() {	# up to the end, every half second
	local want
	for want in 80000 81920 90000 98304 131072 170000 200000 230000 262144; do
		sleep 0.5
		growctl $MNT $want $((want % 60 + 1)) || return
	done
}
fresh_fs -d size=300m,agsize=64m
mount_dx
stress -p 4 -t 8 -s $RANDOM $MNT >"$TMP/stress" 2>&1 &
load=$!
t "grows nine times under a load of everything" grow_steps
t "the load goes on to its end" eval 'wait $load || { cat "$TMP/stress"; false; }'
t "clean" umount_check
t "the copies of the superblock are right" copies "$DEV"

# ------------------------------------------------------------ smaller, under load
shrink_steps() {	# as far as it goes: the load may come to have something there
	local i
	for i in 1 2 3 4 5 6; do
		sleep 0.5
		growctl $MNT +-$((i * 150)) >"$TMP/size" || grep -q ENOSPC "$TMP/size" || { cat "$TMP/size"; return 1; }
	done
	cat "$TMP/size"
	[ "$(stat -f -c %b $MNT)" -lt "$1" ]
}
fresh_fs -d size=300m,agsize=64m
mount_dx
stress -p 4 -t 5 -s $RANDOM $MNT >"$TMP/stress" 2>&1 &
load=$!
t "shrinks under a load of everything" shrink_steps "$(stat -f -c %b $MNT)"
t "the load goes on to its end" eval 'wait $load || { cat "$TMP/stress"; false; }'
t "a file of all that is left" eval 'dd if=/dev/zero of=$MNT/all bs=1M status=none 2>/dev/null; growctl $MNT +-3000 >"$TMP/size"; grep ENOSPC "$TMP/size"'
t "clean" umount_check
t "the copies of the superblock are right" copies "$DEV"
t "stock XFS mounts it" eval 'mount_stock && umount_check'

# ------------------------------------------------------------ larger, while acknowledged writes extend files
fresh_fs -d size=300m,agcount=3 -m rmapbt=1
mount_dx
ackload run -t 8 -w 3 $MNT >"$TMP/journal" 2>"$TMP/err" &
load=$!
t "grows nine times while direct AIO extends files" grow_steps
t "the load goes on to its end" eval 'wait $load || { cat "$TMP/err"; false; }'
t "what was acknowledged is there" ackload check "$TMP/journal" $MNT
t "clean" umount_check
t "stock XFS finds it all, too" eval 'mount_stock && ackload check "$TMP/journal" $MNT && umount_check'

# ------------------------------------------------------------ cut off
# WRITER RECOVERER OPTS WANT: the log holds growth, and what came to the new space afterwards
cut_off() {
	local i k load
	# shellcheck disable=SC2086
	mkfs.xfs -q -f $3 "$DEV" && mount -t $1 "$DEV" $MNT || return
	ackload run -t 20 -w 2 -s $4 $MNT >"$TMP/journal" 2>"$TMP/err" &
	load=$!
	for ((k = 0; k < 60; k++)); do
		[ "$(wc -l <"$TMP/journal")" -gt 15 ] && break
		sleep 0.1
	done
	growctl $MNT $4 >"$TMP/size" || { cat "$TMP/size"; return 1; }
	case $5 in
	at-once) ;;
	*) mkdir $MNT/new && for ((i = 0; i < 40; i++)); do mkdir $MNT/new/$i; done; head -c 30m /dev/zero >$MNT/new/file; sleep 0.5 ;;
	esac
	[ "$5" = forced ] && sync -f $MNT
	xfs_io -x -c shutdown $MNT
	wait $load
	umount_fs || return
	# no more than the volume, with blocks of 4 KiB, has
	[ $1 != xfs ] || dd if="$DEV" of="$DEV2" bs=2M count=$((($4 > 29696 ? $4 : 29696) / 512 + 1)) status=none || return
	mount -t $2 "$DEV" $MNT || { dmesg | tail -n 12; return 1; }
	growctl $MNT +0 >"$TMP/size2"
	cmp "$TMP/size" "$TMP/size2" && umount_check && copies "$DEV" && mount -t $2 "$DEV" $MNT && acknowledged $1 && umount_check
}
# Stock XFS at a shutdown may acknowledge what is not in its log: then no recovery finds it, and ours is as good as its own.
acknowledged() {
	ackload check "$TMP/journal" $MNT >"$TMP/ours" 2>&1 && return
	cat "$TMP/ours"
	[ $1 = xfs ] || return
	mount -t xfs -o nouuid "$DEV2" $MNT2 || return
	ackload check "$TMP/journal" $MNT2 >"$TMP/theirs" 2>&1
	umount $MNT2 && cmp "$TMP/ours" "$TMP/theirs"
}
# A kernel before 5.1 has nameless files with a link in its log, of which xfs_repair complains whoever recovers it.
n=0
while read -r writer recoverer want when opts; do
	[ -z "$DX_SHORT" ] || [ $((n++ % 3)) = 0 ] || continue
	[ $FSTYPE != xfs ] || writer=xfs recoverer=xfs
	[ $writer = dioxfs ] || [ "$want" -gt 29696 ] || [ -n "$STOCK_SHRINKS" ] || continue
	ask=t
	[ $writer != xfs ] || ask="as_stock 5.1 t"
	$ask "$writer is cut off ($when) when the volume has $want blocks, and $recoverer recovers (mkfs $opts)" \
		cut_off $writer $recoverer "$opts" $want $when || umount $MNT
done <<EOT
dioxfs xfs 31000 at-once -d size=116m,agsize=32m -l size=10m
dioxfs xfs 60000 forced -d size=116m,agsize=32m -l size=10m
dioxfs xfs 60000 later -d size=116m,agsize=32m -l size=10m
xfs dioxfs 200000 forced -d size=116m,agsize=32m -l size=10m
dioxfs xfs 34000 forced -d size=116m,agsize=32m -l size=14m -m rmapbt=1
dioxfs xfs 200000 at-once -d size=116m,agsize=32m -l size=14m -m rmapbt=1
xfs dioxfs 60000 forced -d size=116m,agsize=32m -l size=14m -m rmapbt=1
dioxfs dioxfs 60000 later -d size=116m,agsize=32m -l size=14m -m rmapbt=1
dioxfs xfs 240000 forced -d size=128m,agsize=32m -b size=1024 -l size=10m
dioxfs dioxfs 136000 later -d size=128m,agsize=32m -b size=1024 -l size=10m
dioxfs xfs 29000 at-once -d size=116m,agsize=32m -l size=10m
dioxfs xfs 27000 forced -d size=116m,agsize=32m -l size=14m -m rmapbt=1
xfs dioxfs 29000 forced -d size=116m,agsize=32m -l size=10m
dioxfs dioxfs 27000 later -d size=116m,agsize=32m -l size=10m
EOT
