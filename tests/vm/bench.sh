#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bench.sh JOBS SECONDS ROUNDS DEVICE FS...: the benchmark, inside a guest. In each round every filesystem
# gets a fresh volume on the same device and the same jobs (all, or trees: those alone). Prints lines
# "BENCH fs round name value", value in operations (or KiB) per second.
jobs=$1 secs=$2 rounds=$3 device=$4
shift 4
dev=/dev/dx/d0
mnt=/mnt/a
mkdir -p $mnt
case $device in
null) slow= ;;
slow) slow="irqmode=2 completion_nsec=1000000" ;;	# each request takes a millisecond
esac
if [ "$device" != plain ]; then
	# shellcheck disable=SC2086
	modprobe null_blk nr_devices=1 gb=1 memory_backed=1 bs=512 queue_mode=2 $slow
	dev=/dev/nullb0
fi

say() { echo "BENCH $fs $round $1 $2"; }

# Terse fields, version 3: 7 read KB/s, 8 read IOPS, 48 write KB/s, 49 write IOPS.
job() {
	local name=$1 fields=$2 out
	shift 2
	out=$(fio --output-format=terse --terse-version=3 --name=j --directory=$mnt --filename=f --thread "$@" 2>&1 | grep '^3;') ||
		{ echo "fio failed: $name on $fs"; return; }
	say "$name" "$(cut -d';' -f"$fields" <<<"$out" | tr ';' '+' | awk -F+ '{ s = 0; for (i = 1; i <= NF; i++) s += $i; print s }')"
}

# Lines "NAME NANOSECONDS" as rates.
rates() { while read -r name ns; do say "$1$name$2" "$(awk "BEGIN { print 1e9 / ($ns + 1) }")"; done; }

# Both filesystems put off the freeing of what is removed. It belongs to no row that follows: a freeze waits for it.
settle() { sync && fsfreeze -f $mnt && fsfreeze -u $mnt; }

all() {
	dd if=/dev/zero of=$mnt/f bs=1M count=64 oflag=direct status=none
	sync
	d="--ioengine=libaio --direct=1 --iodepth=16 --bs=4k --size=64m --randrepeat=1 --norandommap"
	job aio-dio-overwrite 49 $d --rw=randwrite --time_based --runtime="$secs"
	job aio-dio-mix-70-30 8,49 $d --rw=randrw --rwmixread=70 --time_based --runtime="$secs"
	rm $mnt/f
	job aio-dio-append 49 $d --rw=write --fallocate=none --size=48m
	rm $mnt/f
	job buffered-write-KiB 48 --ioengine=psync --bs=128k --size=192m --rw=write --fallocate=none --end_fsync=1
	echo 3 >/proc/sys/vm/drop_caches
	job buffered-read-KiB 7 --ioengine=psync --bs=128k --size=192m --rw=read --invalidate=1
	rm $mnt/f
	settle
	mkdir $mnt/d
	rates 10k-files- < <(benchops files $mnt/d 10000)
	settle
	for n in 1000 10000; do
		rates "" -$n < <(benchops extents $mnt/x $n)
	done
	settle
	for n in 1000 10000; do
		mkdir $mnt/s
		rates "" -$n < <(benchops share $mnt/s $n)
		rm -r $mnt/s
		settle
	done
	rates < <(benchops insert $mnt/i 300)
	# Room for two of the files, and not for a third that is being removed.
	fallocate -l $(($(stat -f -c %a $mnt) * 4 / 1024 - 55))M $mnt/ballast
	rates < <(benchops tight $mnt 20 10 2>/dev/null)
	rm $mnt/ballast
	settle
	trees
}

trees() {
	mkdir $mnt/t
	for t in 1 2 4; do
		rates < <(benchops tree $mnt/t 8000 $t)
		settle
	done
}

for ((round = 1; round <= rounds; round++)); do
	for fs; do
		mkfs.xfs -q -f $dev || exit 1
		mount -t "$fs" $dev $mnt || { echo "cannot mount $fs"; exit 1; }
		"$jobs"
		umount $mnt || exit 1
		xfs_repair -n $dev >/dev/null 2>&1 || { echo "xfs_repair -n is not happy after $fs"; exit 1; }
	done
done
