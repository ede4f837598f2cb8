#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=400
#
# Exchanging ranges of files: contents, sizes, errors and privileges as stock has them, where it has that; by ourselves on every
# kernel, on volumes whose feature bit is set by hand where mkfs.xfs does not know it (exchange-volume.sh).  A file is as it was or as it shall be
# after a crash, and each kernel finishes what the other has begun.
. /t/lib.sh

volume() { local what=$1; shift; bash /t/exchange-volume.sh "$what" "$@" "$DEV"; }
make_one() { volume mkfs "$@"; }
down_clean() { umount_fs && volume check; }
sum() { md5sum <"$1"; }

# ------------------------------------------------------------ by ourselves
if [ $FSTYPE = dioxfs ]; then
	while read -r name opts; do
		# shellcheck disable=SC2086
		t "a volume can be made: $name" make_one $opts
		t "it mounts" mount_dx
		xfs_io -f -c "pwrite -q -S 0x61 0 4m" -c fsync $MNT/a
		xfs_io -f -c "pwrite -q -S 0x62 0 64k" -c "pwrite -q -S 0x63 1m 3m" -c "falloc 64k 64k" -c fsync $MNT/b
		[ "$name" != reflink ] || cp --reflink=always $MNT/a $MNT/twin
		before=$(sum $MNT/a) other=$(sum $MNT/b)
		t "two files are exchanged" exch x $MNT/a 0 $MNT/b 0 4m e
		t_eq "the second has what the first had" "$before" "$(sum $MNT/b)"
		t_eq "and the first what the second had" "$other" "$(sum $MNT/a)"
		drop_caches
		t_eq "on disk, too" "$before$other" "$(sum $MNT/b)$(sum $MNT/a)"
		t "again, of dirty pages and direct writes, a part" eval 'xfs_io -c "pwrite -q -S 0x64 2m 1m" $MNT/a &&
			xfs_io -d -c "pwrite -q -S 0x65 2m 512k" $MNT/b && exch x $MNT/a $((2 << 20)) $MNT/b $((2 << 20)) 1048576'
		t_eq "what was direct is in the other" "00200000:  65 65 65 65" \
			"$(xfs_io -c "pread -q -v 2m 4" $MNT/a | cut -c1-22)"
		[ "$name" != reflink ] || t_eq "a twin has what it had" "$before" "$(sum $MNT/twin)"
		t_errno "a file has one end" "Invalid argument" exch x $MNT/a "$(stat -c %s $MNT/a)" $MNT/a 1048576 0 e
		t "a log is left behind an exchange to the end" eval 'exch x $MNT/a 0 $MNT/b 0 0 es && cp $MNT/a $TMP/a && cut_log'
		t "it is recovered" mount_dx
		t "and the file is whole" cmp $MNT/a $TMP/a
		rm -f $TMP/a
		# The end of c is dirty, its size on disk is 100: what comes to behind that is durable, and what is before it, zeros.
		rm -f $MNT/*
		xfs_io -f -c "pwrite -q -S 0x66 0 256k" -c fsync $MNT/d
		xfs_io -f -c "pwrite -q -S 0x67 0 4k" -c fsync -c "truncate 100" $MNT/c
		t "what comes to behind the size on disk" eval \
			'xfs_io -c "pwrite -q -S 0x68 1m 4k" $MNT/c && exch x $MNT/c 65536 $MNT/d 65536 65536 s && cut_log'
		t "is there after a crash" eval 'mount_dx && head -c 65536 $MNT/d | cmp - <(tail -c +65537 $MNT/c | head -c 65536)'
		t_eq "and zeros before it" 0 "$(tail -c +101 $MNT/c | head -c $((65536 - 100)) | tr -d '\0' | wc -c)"
		t "clean" down_clean
	done <<-EOT
	default
	reflink -m reflink=1
	rmapbt -m rmapbt=1,reflink=1
	small -b size=1024 -m reflink=0
	EOT
	# shellcheck disable=SC2046
	t "a volume without the feature" fresh_fs $(volume knows && echo -i exchange=0)
	mount_dx
	xfs_io -f -c "pwrite -q 0 64k" $MNT/a
	xfs_io -f -c "pwrite -q 0 64k" $MNT/b
	t_errno "says so" "not supported" exch x $MNT/a 0 $MNT/b 0 65536
	t "clean" umount_check
fi

# ------------------------------------------------------------ each finishes what the other has begun
pieces() {	# many extents, so that an exchange takes many steps
	awk -v s="$1" 'BEGIN { for (i = 0; i < 400; i++) printf "pwrite -q -S %s %d 4096\n", s, i * 8192 }' | xfs_io -f -d "$2"
}
round=0
cut_off() {	# "WRITER NEXT"...
	for who; do
		for wait in 0.1 1; do
			read -r first second <<<"$who"
			round=$((round + 1))
			[ $FSTYPE = dioxfs ] || break
			fresh_fs -i exchange=1 -n parent=0 -m reflink=1,rmapbt=1
			mount -t $first "$DEV" $MNT
			pieces 0x61 $MNT/a
			pieces 0x62 $MNT/b
			xfs_io -c "truncate 3000000" $MNT/b
			a=$(sum $MNT/a) b=$(sum $MNT/b)
			sync
			(while exch x $MNT/a 0 $MNT/b 0 0 e; do :; done) >/dev/null 2>&1 &
			sleep $wait
			xfs_io -x -c "shutdown -f" $MNT
			wait
			umount_fs
			t "$first begins, $second mounts ($round)" mount -t $second "$DEV" $MNT
			got="$(sum $MNT/a)$(sum $MNT/b)"
			case $got in "$a$b"|"$b$a") ok=whole ;; *) ok="a has $(sum $MNT/a) $(stat -c %s $MNT/a), b has $(sum $MNT/b) $(stat -c %s $MNT/b)" ;; esac
			t_eq "each file is whole ($round)" whole "$ok"
			t "clean ($round)" umount_check
		done
	done
}

# ------------------------------------------------------------ beside stock
if ! volume knows; then
	skip "the same as stock" "mkfs.xfs of this release knows no exchange"
	exit 0
fi
pair_up -i exchange=1 -n parent=0 -m reflink=1
xfs_io -f -c "pwrite -q 0 64k" $MNT2/a
cp $MNT2/a $MNT2/b
if ! exch x $MNT2/a 0 $MNT2/b 0 65536 >/dev/null; then
	skip "the same as stock" "this kernel's xfs has no exchange"
	t "both unmount, both clean" pair_down
	cut_off "dioxfs dioxfs"
	exit 0
fi
rm $MNT2/a $MNT2/b
cells() {	# what both files have
	local f
	for f in a b; do
		stat -c '%n %s' $f
		md5sum $f
	done
}
both() {	# SETUP CMD...
	rm -rf a b d
	xfs_io -f -c "pwrite -q -S 0x61 0 1m" -c "pwrite -q -S 0x62 1m 1m" -c fsync a
	xfs_io -f -c "pwrite -q -S 0x63 0 512k" -c "pwrite -q -S 0x64 1m 900000" -c "falloc 600k 100k" -c fsync b
	bash -c "$1" 2>&1
	echo "exit $?"
	[ -f a ] && [ -f b ] || return 0
	cells
	sync
	drop_caches
	cells
}
while IFS='|' read -r name cmd; do
	[ -n "$name" ] || continue
	t_same "$name" both "$cmd"
done <<'EOT'
whole files|exch x a 0 b 0 0 e
whole files, sync|exch x a 0 b 0 0 es
whole files, dry|exch x a 0 b 0 0 en
only what is written|exch x b 0 a 0 1572864 w
only what is written, to the end|exch x b 0 a 0 0 we
a part|exch x a 65536 b 131072 65536
from another place to the end|exch x a 65536 b 65536 0 e
different places to the end|exch x a 65536 b 131072 0 e
an empty file|truncate -s 0 b; exch x a 0 b 0 0 e
into an empty file|truncate -s 0 a; exch x a 0 b 0 0 e
a file of a hole|truncate -s 0 b; truncate -s 3m b; exch x a 0 b 0 0 e
nothing|exch x a 0 b 0 0
nothing at the end|exch x a 2097152 b 0 0
two ranges of a file|exch x a 0 a 1048576 524288
the ranges touch|exch x a 0 a 1048576 1048576
the ranges overlap|exch x a 0 a 65536 131072
the same range|exch x a 0 a 0 65536
the same file to the end|exch x a 0 a 0 0 e
the end of both, in a block|truncate -s 900000 a; truncate -s 900000 b; exch x a 0 b 0 900000
the end of one, in a block|truncate -s 900000 a; exch x a 0 b 0 900000
the end of the other, in a block|truncate -s 900000 b; exch x a 0 b 0 900000
a length that is no block|exch x a 0 b 0 5000
an offset that is no block|exch x a 512 b 0 4096
the other offset|exch x a 0 b 512 4096
over the end of the first|exch x a 1048576 b 0 1572864
over the end of the second|exch x a 0 b 1572864 1048576
behind the end|exch x a 3145728 b 0 4096
behind the end, to the end|exch x a 3145728 b 0 0 e
a place below zero|exch x a -4096 b 0 4096
a length below zero|exch x a 0 b 0 -4096
a place below zero, to the end|exch x a -4096 b 0 4096 e
unknown flags|exch x a 0 b 0 4096 16
padding|exch p a 0 b 0 4096
no descriptor|exch b a 0 b 0 4096
a directory|mkdir d; exch x d 0 b 0 4096
to a directory|mkdir d; exch x a 0 d 0 4096
a FIFO|rm a; mkfifo d; exch x d 0 b 0 4096; rm d
another mount|exch x /etc/passwd 0 b 0 4096
read only|exch x a 0 b 0 4096 0 r
the other read only|exch x a 0 b 0 4096 0 rw r
write only|exch x a 0 b 0 4096 0 w
appending|exch x a 0 b 0 4096 0 a
the other appending|exch x a 0 b 0 4096 0 rw a
an immutable file|exec 3<>a; chattr +i a; exch x /dev/fd/3 0 b 0 4096; chattr -i a
a limit of the size|ulimit -f 100; trap "" XFSZ; exch x a 0 b 0 1048576
behind the limit|ulimit -f 100; trap "" XFSZ; exch x a 524288 b 524288 4096
shared blocks|cp --reflink=always a c; exch x a 0 b 0 0 e; md5sum c; rm c
both shared|cp --reflink=always a c; cp --reflink=always b e; exch x a 0 b 0 0 e; md5sum c e; rm c e
clones of each other|rm b; cp --reflink=always a b; exch x a 0 b 0 0 e
a write to a clone, then|cp --reflink=always a c; xfs_io -c "pwrite -q -S 0x7a 100k 100k" c; exch x c 0 b 0 0 e; md5sum a c; rm c
privileges|chown 65534 a b; chmod 6755 a b; setpriv --reuid 65534 --clear-groups exch x a 0 b 0 4096; stat -c %a a b
privileges, dry|chown 65534 a b; chmod 6755 a b; setpriv --reuid 65534 --clear-groups exch x a 0 b 0 4096 n; stat -c %a a b
capabilities|setcap cap_net_raw+ep b 2>/dev/null; exch x a 0 b 0 4096; getfattr -m - b 2>/dev/null
times move|touch -d 2001-01-01 a b; exch x a 0 b 0 4096; stat -c %Y a b | cut -c1-4 | uniq
times stay when dry|touch -d 2001-01-01 a b; exch x a 0 b 0 4096 n; stat -c %Y a b
times when nothing is exchanged|touch -d 2001-01-01 a b; exch x a 0 b 0 0; stat -c %Y a b | cut -c1-4
times of holes|truncate -s 0 a; truncate -s 0 b; truncate -s 1m a; truncate -s 1m b; touch -d 2001-01-01 a b; exch x a 0 b 0 4096; stat -c %Y a b | cut -c1-4
a commit|exch c a 0 b 0 0 e
a commit of a part|exch c a 65536 b 65536 65536
a commit of what has changed|exch t a 0 b 0 0 e
a commit without a start|exch x a 0 b 0 4096; xfs_io -c "commitupdate" a 2>&1 | head -1 | cut -c1-20
xfs_io|xfs_io -c "exchangerange a" b
xfs_io, a part of what is written|xfs_io -c "exchangerange -w -s 64k -d 64k -l 128k a" b
xfs_io, in steps|xfs_io -c startupdate -c "pwrite -q -S 0x77 300k 50k" -c commitupdate b | head -1 | cut -c1-10
an extent size hint|rm a b; xfs_io -f -c "extsize 64k" -c "pwrite -q 0 100k" a; xfs_io -f -c "pwrite -q 0 100k" b; exch x a 0 b 0 0 e
EOT
dd if=/dev/zero of=$MNT/sw bs=1M count=8 status=none
cp $MNT/sw $MNT/sw2
chmod 600 $MNT/sw
mkswap $MNT/sw >/dev/null
if swapon $MNT/sw; then
	t_errno "a swap file" "Text file busy" exch x $MNT/sw 0 $MNT/sw2 0 1048576
	swapoff $MNT/sw
fi
t "both unmount, both clean" pair_down
cut_off "dioxfs xfs" "xfs dioxfs" "dioxfs dioxfs"
