#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=600
# vm: allow=deprecated|will be removed
#
# Quota: mount options, quotactl(2) and xfs_quota beside stock XFS; limits under writers at once, and what is left when all are
# refused; soft limits and their time; a container with overlayfs; and usage after clean ends and cut-off logs, by both,
# as stock XFS trusts it and as it then counts it itself.
. /t/lib.sh

Q=uquota,gquota,pquota
# With parent pointers stock XFS keeps hundreds of blocks for a new name, and refuses it where less than that is left. We refuse
# what does not fit: such volumes come before and after that, where both account and where they are cut off.
plain=$(! mkfs.xfs -N -f -n parent=0 "$DEV" >/dev/null 2>&1 || echo "-n parent=0")
# mkfs.xfs makes small volumes only for a test
export TEST_DIR=/x TEST_DEV=/x QA_CHECK_FS=/x
case $(uname -r) in
4.* | 5.[0-9].* | 5.1[0-4].*) OLD=-o OFF="state -p" ;;	# there quotaoff ends accounting, and there is a limit of warnings
*) OLD="" OFF="off -p" ;;
esac
warnings() { if [ "$OLD" ]; then sed '/max warnings:/d'; else cat; fi; }
export OLD
export -f warnings

as() { setpriv --reuid "$1" --regid "$1" --clear-groups "${@:2}"; }
quota() { xfs_quota -x "${@:1:$#-1}" "${!#}"; }
report() {	# of what is mounted at $1: kind, id, blocks, inodes, with limits; no grace, which goes on
	local k
	for k in u g p; do
		xfs_quota -x -c "report -$k -n -N -b -i" "$1" | sed 's/\[[^]]*\]/_/g' | awk -v k=$k '/^#/ { $5 = $6 = $10 = $11 = ""; print k, $0 }' | tr -s ' '
	done
}
pair_on() {	# MKFS OPTIONS: both with quota
	# shellcheck disable=SC2086
	mkfs.xfs -q -f $1 "$DEV" && mkfs.xfs -q -f $1 "$DEV2" && mount_dx -o "$2" && mount -t xfs -o "$2" "$DEV2" $MNT2
}
# What is mounted nowhere: stock XFS takes the usage that it finds, and then counts anew. Both must be the same.
trusted_and_counted() {
	klog_mark
	mount_stock -o $Q || return
	if _klog | grep -i "quotacheck"; then echo "stock XFS does not take it"; return 1; fi
	report $MNT >"$TMP/trusted"
	umount_fs && mount_stock && umount_fs && mount_stock -o $Q || return
	report $MNT >"$TMP/counted"
	umount_check || return
	[ -s "$TMP/counted" ] || { echo "nothing is reported"; return 1; }
	diff "$TMP/trusted" "$TMP/counted"
}

# ------------------------------------------------------------ options, beside stock XFS
state() {	# of what is mounted at $1
	grep " $1 " /proc/mounts | grep -oE '(usrquota|uqnoenforce|prjquota|pqnoenforce|grpquota|gqnoenforce|noquota)'
	xfs_quota -x -c "state -ugp" "$1" | sed "s,$1,MNT,; s/$2/DEV/; s/Inode: #[0-9]* .*/Inode/; /grace time/d" | warnings
}
try() {	# TYPE DEVICE DIRECTORY OPTIONS [REMOUNT]
	local mask
	if ! mount -t "$1" -o "$4" "$2" "$3" 2>/dev/null; then
		echo "refused"
		return
	fi
	grep " $3 " /proc/mounts | grep -q noquota && mask=0x524 || mask=0xffff
	state "$3" "${2//\//\\/}"
	if [ -n "$5" ]; then
		mount -i -o "remount,$5" "$3" 2>/dev/null && echo "remount taken" || echo "remount refused"
		state "$3" "${2//\//\\/}"
	fi
	umount "$3"
	# without quota only that nothing is taken for counted
	echo "qflags $(($(xfs_db -r -c "sb 0" -c "p qflags" "$2" | sed 's/.* = //') & mask))"
}
both() {
	local stock ours
	stock=$(try xfs "$DEV2" $MNT2 "$@" 2>&1)
	ours=$(try $FSTYPE "$DEV" $MNT "$@" 2>&1)
	t_eq "$1${2:+, remount $2}: as stock XFS" "$stock" "$ours"
}
fresh_fs
mkfs.xfs -q -f "$DEV2"
while read -r first second; do both "$first" $second; done <<'EOT'
uqnoenforce,uquota,prjquota,pqnoenforce
qnoenforce,noquota,grpquota remount,ro
usrquota,gqnoenforce,pquota
defaults remount,rw
EOT
t "clean" eval 'repair_check "$DEV" && repair_check "$DEV2"'
if [ $FSTYPE = dioxfs ]; then
	klog_mark
	mount_dx -o uquota && mount -i -o remount,gquota $MNT
	t "a remount says that it does not change quota" kernel_says "a remount does not change it"
	umount_fs
fi

# ------------------------------------------------------------ quotactl(2), beside stock XFS
populate() {	# DIRECTORY
	local i
	mkdir -m 777 "$1/d" "$1/p"
	for i in 1 2 3; do
		head -c $((i * 50000)) /dev/zero >"$1/d/f$i"
		chown 100$i:200$i "$1/d/f$i"
	done
	xfs_quota -x -c "project -s -p $1/p 1001" "$1" >/dev/null
	mkdir "$1/p/sub" && head -c 100000 /dev/zero >"$1/p/sub/f" && ln -s x "$1/p/link" && mkfifo "$1/p/fifo" && mknod "$1/p/dev" c 1 3
	head -c 30000 /dev/zero >"$1/d/g" && xfs_io -c "chproj 4000" "$1/d/g" && chown 70000:70000 "$1/d/g"
	sync -f "$1"
}
t "mkfs, with quota" pair_on "" $Q
for m in $MNT $MNT2; do populate $m; done
t_same "what is counted" report .
as_stock 5.8 t_same "quotactl(2), asked for everything, right and wrong" qload ctl $OLD .
t_same "what is counted afterwards" report .
t "both clean" pair_down
mount_dx -o $Q,ro && mount -t xfs -o $Q,ro "$DEV2" $MNT2
as_stock 5.8 t_same "a read-only mount" qload ro .
t "both clean" pair_down
mount_dx && mount -t xfs "$DEV2" $MNT2
t_same "a mount without quota, from which the files are removed" qload ro .
t "both clean" pair_down
mount_dx -o $Q && mount -t xfs -o $Q "$DEV2" $MNT2
t_same "it is counted anew, and limits are gone" report .
t "both clean" pair_down

# ------------------------------------------------------------ xfs_quota, beside stock XFS
t "mkfs, with quota" pair_on "$plain" $Q
for m in $MNT $MNT2; do populate $m; done
tool() {	# COMMAND...: by xfs_quota, for here
	local here=$PWD a=() c
	for c; do a+=(-c "$c"); done
	xfs_quota -x "${a[@]}" . 2>&1 | sed "s,$here,MNT,g; s,/dev/vd[a-z],DEV,g; s/#[0-9]* ([0-9]* blocks, [0-9]* extents)/INODE/; s/\[[0-9]* days* .*\]/[time]/" | tr -s ' ' | warnings
}
export -f tool
t_same "limit, report" tool "limit -u bsoft=1m bhard=2m isoft=3 ihard=1000 1001" "limit -g bhard=3m 2001" "limit -p bhard=8m ihard=10 1001" "report -u -n" "report -gin" "report -p -b -i -n"
t_same "limit -d, and who comes then" tool "limit -u -d bhard=5m" "limit -u -d ihard=500" "report -un -bi"
t_same "quota of one" tool "quota -u -n -v -b -i 1001" "quota -g -n 2001" "quota -p -n -v 1001"
as_stock 5.8 t_same "timer, warn" tool "timer -u -b 3600" "timer -g -i 7200" "timer -p 100" "state -u"
as_stock 5.8 t_same "disable, enable, off" tool "disable -u" "state -u" "enable -u" "state -u" "disable -ug" "enable -ug" "enable -u" "$OFF" "state" "enable -p"
t_same "dump" eval 'xfs_quota -x -c "dump -u" -c "dump -g" -c "dump -p" . | grep -v "^fs"'
t_same "remove, while it is on" tool "remove -u"
t_same "quot" tool "quot -u -n" "quot -g -n -c" "quot -p -n -v"
t_same "project -c, -C" eval 'tool "project -c -p $PWD/p 1001" "project -C -p $PWD/p 1001" "report -pn"; tool "project -s -p $PWD/p 1001" "report -pn"'
t_same "free, of the project" tool "limit -p bsoft=4m bhard=8m 1001" "free -p -N"
t_same "statfs of a project's directory" eval 'stat -f -c "%b %f %a %c %d %S" p p/sub; tool "limit -p bsoft=0 bhard=0 ihard=0 1001" >/dev/null; tool "limit -p bhard=6m 1001"; stat -f -c "%b %f %a" p; tool "limit -p bhard=1k 1001"; stat -f -c "%b %f %a" p'

# ------------------------------------------------------------ who is refused what
edge() {
	tool "limit -u -d bhard=0 ihard=0" "limit -u bsoft=0 bhard=1m isoft=0 ihard=0 1001" "limit -g bsoft=0 bhard=1m 2001" "limit -p bsoft=0 bhard=1m 1001" >/dev/null
	tool "limit -u -d bhard=320k ihard=4" >/dev/null
	mkdir -m 777 e p/e
	chmod 777 p/e
	echo "user:"; as 1001 dd if=/dev/zero of=e/u bs=64k count=40 2>&1 | head -1
	echo "group:"; setpriv --reuid 1500 --regid 2001 --clear-groups dd if=/dev/zero of=e/g bs=64k count=40 2>&1 | head -1
	echo "project:"; dd if=/dev/zero of=p/e/p bs=64k count=40 2>&1 | head -1
	echo "who has the default limits:"; as 1600 dd if=/dev/zero of=e/new bs=64k count=40 2>&1 | head -1
	# to the last block, or a few before it, which are held for the extents' tree until the data is written
	truncate -s 64k e/new
	as 1700 touch e/1 e/2 e/3 e/4 e/5
	echo "root for others:"; dd if=/dev/zero of=e/u bs=64k count=1 seek=1000 conv=notrunc 2>&1 | head -1
	rm e/u; sync -f .
	echo "given away by root:"; head -c 2m /dev/zero >e/big; chown 1001 e/big
	echo "to another group:"; head -c 2m /dev/zero >e/mine; chown 1500:1500 e/mine
	setpriv --reuid 1500 --regid 1500 --groups 2001,2002 chgrp 2001 e/mine; setpriv --reuid 1500 --regid 1500 --groups 2001,2002 chgrp 2002 e/mine
	echo "to another project:"; as 1500 xfs_io -r -c "chproj 1001" -c lsproj e/mine; as 1500 xfs_io -r -c "chproj 7" -c lsproj e/mine
	xfs_io -r -c "chproj 1001" -c lsproj e/mine
	tool "limit -p bhard=0 1001"
	ln e/mine p/ln && ln e/new p/ln2; mv e/new p/mv; stat -c "%h %u" e/mine p/mv
	rm -r e p/e; sync -f .
	# or they would be everybody's when usage is counted anew
	tool "limit -u -d bhard=0 ihard=0"
}
# (before 5.3 stock XFS never unlocks a file whose new group is over its limit)
as_stock 5.3 t_same "who is refused what, and how" edge
since 5.3 || for m in $MNT $MNT2; do (cd $m && tool "limit -u -d bhard=0 ihard=0" >/dev/null); done
t_same "what is counted" report .
soft() {
	local f=s/soft
	mkdir -m 777 s
	tool "limit -u bsoft=100k bhard=10m isoft=2 ihard=10 1003" "timer -u -b 2" "timer -u -i 2" >/dev/null
	as 1003 dd if=/dev/zero of=$f bs=64k count=5 2>&1 | head -1
	as 1003 touch s/1 s/2 s/3
	sleep 4
	as 1003 dd if=/dev/zero of=$f bs=64k count=1 seek=9 conv=notrunc 2>&1 | head -1
	as 1003 touch s/4
	as 1003 truncate -s 4k $f
	rm s/1 s/2 s/3
	sync -f .
	as 1003 dd if=/dev/zero of=$f bs=64k count=1 seek=1 conv=notrunc 2>&1 | head -1
	tool "quota -u -n -v -b -i 1003"
}
chown 1009 $MNT/d/f3 $MNT2/d/f3
t_same "soft limits and their time" soft
t "both clean" pair_down
t "what we have accounted, stock XFS trusts, and counts" trusted_and_counted

# ------------------------------------------------------------ writers at once
press() {	# KIND HOW WRITERS CHUNK [MKFS]: at a limit of some MiB, of one that was over it and freed before
	local dir=$MNT/$1-$2
	mkdir -m 1777 "$dir"
	[ "$1" != p ] || xfs_quota -x -c "project -s -p $dir 3000" $MNT >/dev/null
	qload limit "$1" 3000 0 0 $MNT
	case $2 in
	create) qload limit "$1" 3000 0 200 $MNT ;;
	*) qload limit "$1" 3000 5000000 0 $MNT ;;
	esac
	qload press "$1" 3000 "$2" -w "$3" -c "$4" "$dir" || return
	rm -r "$dir"
	sync -f $MNT
}
volumes=("")
[ -n "$DX_SHORT" ] || volumes+=("-b size=1024 -m rmapbt=1")
for o in "${volumes[@]}"; do
	# shellcheck disable=SC2086
	fresh_fs $o
	mount_dx -o $Q
	while read -r kind how writers chunk; do
		t "$writers writers, $how, $chunk at a time, to the end of a limit ($kind)${o:+ (mkfs $o)}" press $kind $how $writers $chunk
	done <<-'EOT'
		u buffered 4 65536
		p direct 4 65536
		g aio 4 8192
		p mmap 3 16384
		u falloc 4 100000
		u create 4 4096
		p create 4 4096
		p mixed 6 32768
	EOT
	t "stock XFS trusts, and counts the same" eval 'umount_check && trusted_and_counted'
done

# ------------------------------------------------------------ at the limit of one, and not of the others
delayed() { filefrag -v "$1" 2>/dev/null | grep -c delalloc; }	# extents that are still only reserved
storm() {	# KIND WRITER...: many at a limit; how much of the others' is written back for that
	local kind=$1 dir=$MNT/$1 i
	shift
	mkdir -m 1777 "$dir"
	[ $kind != p ] || xfs_quota -x -c "project -s -p $dir 3000" $MNT >/dev/null
	qload limit $kind 3000 4000000 0 $MNT
	sync -f $MNT
	rm -f $MNT/other* $MNT/small*	# what replaces contents is written when it is closed
	for i in 1 2 3 4 5 6 7 8; do head -c 2m /dev/zero >$MNT/other$i; done
	# for each refusal something has come to be held, for this one and for the others
	for i in $(seq 40); do
		"$@" dd if=/dev/zero of="$dir/f$i" bs=100k count=2 2>/dev/null
		head -c 4k /dev/zero >$MNT/small$i
	done
	for i in 1 2 3 4 5 6 7 8; do [ "$(delayed $MNT/other$i)" -gt 0 ] || { echo "other$i has been written back"; return 1; }; done
	# and this one has got all that it may have
	rm -f "$dir"/f3*
	sync -f $MNT
	"$@" dd if=/dev/zero of="$dir/rest" bs=4k count=2000 2>/dev/null
	sync -f $MNT
	xfs_quota -x -c "quota -$kind -N -n -b 3000" $MNT | awk '$2 < 3900 { print "has only", $2; bad = 1 } END { exit bad }'
}
# nor is it written because it is old, however slow the machine
expire=$(cat /proc/sys/vm/dirty_expire_centisecs)
echo 360000 >/proc/sys/vm/dirty_expire_centisecs
fresh_fs
mount_dx -o $Q
echo x >$MNT/file && umount_fs
number() { xfs_db -r -c "$1" -c "p $2" "$DEV" | sed 's/.* = //'; }
ino=$(number "sb 0" uquotino)
gen=$(number "inode $ino" core.gen)
mount_dx -o $Q
file=$(stat -c %i $MNT/file)
t "a file is opened by its number" bulk open "$file" "$(umount_fs; number "inode $file" core.gen; mount_dx -o $Q)" $MNT
[ $FSTYPE = xfs ] || t_eq "a quota file is not" "by ioctl: ESTALE by handle: ESTALE" "$(bulk open "$ino" "$gen" $MNT | tr '\n' ' ' | sed 's/ $//')"
t "what one user at his limit holds is given back, and nobody else's is written" storm u as 3000
t "and of a project" storm p
if [ $FSTYPE = dioxfs ]; then
	t "without a round for all" test "$(cat "$SYSFS/give_back_writes")" = 0
fi
t "clean" umount_check
echo $expire >/proc/sys/vm/dirty_expire_centisecs

# ------------------------------------------------------------ containers
if have fs-overlay; then
	fresh_fs -n ftype=1
	mount_dx -o pquota
	mkdir -p $MNT/lower/dir && head -c 3m /dev/zero >$MNT/lower/big && echo lower >$MNT/lower/dir/file
	for i in 1 2; do
		mkdir -p $MNT/c$i/upper $MNT/c$i/work "$TMP/m$i"
		xfs_quota -x -c "project -s -p $MNT/c$i 10$i" -c "limit -p bhard=$((i * 4))m 10$i" $MNT >/dev/null
		t "overlayfs $i" mount -t overlay overlay -o "lowerdir=$MNT/lower,upperdir=$MNT/c$i/upper,workdir=$MNT/c$i/work" "$TMP/m$i"
	done
	for i in 1 2; do
		t_eq "container $i is as large as its limit" $((i * 4096)) "$(df -k --output=size "$TMP/m$i" | tail -1 | tr -d ' ')"
	done
	t "a file is copied up" eval 'echo more >>$TMP/m1/big'
	t_errno "one more is too much" "No space left" dd if=/dev/zero of="$TMP/m1/f" bs=64k count=40
	t "not for the other" dd if=/dev/zero of="$TMP/m2/f" bs=64k count=40 status=none
	t "what is removed is free again" eval 'rm "$TMP/m1/f" && rm "$TMP/m1/big" && sync -f $MNT && dd if=/dev/zero of="$TMP/m1/g" bs=64k count=40 status=none'
	t "directories move, and names are whited out" eval 'mkdir "$TMP/m1/new" && mv "$TMP/m1/g" "$TMP/m1/new/" && rm -r "$TMP/m1/dir" && ! [ -e "$TMP/m1/dir/file" ]'
	t "usage is what is there" eval 'sync -f $MNT; for i in 1 2; do echo $i $(du -sk $MNT/c$i | cut -f1); echo $i $(xfs_quota -x -c "quota -p -N -n -b 10$i" $MNT | awk "{ print \$2 }"); done | uniq -c | awk "\$1 != 2 { bad = 1 } { print } END { exit bad }"'
	umount "$TMP/m1" "$TMP/m2"
	t "unmounts, clean" umount_check
fi

# ------------------------------------------------------------ cut off, and clean
limits() {
	local i
	for i in 1 2 3; do
		qload limit u $i $((i * 1000000)) 200 $MNT && qload limit g $i $((i * 1500000)) 0 $MNT && qload limit p $i 3000000 150 $MNT || return
	done
}
# all but the one that stock XFS stumbles over (fiemap of attributes inside an inode)
OPS=create,unlink,mkdir,rmdir,link,symlink,mknod,rename,write,append,dsync,dwrite,read,mmap,truncate,fallocate,xattr,attr,readdir,clone,dedupe,copy,unshare,tmpfile,orphan,sync
load() {	# a load of everything, that hands things about
	local i p
	mkdir -m 777 $MNT/l
	stress -p 3 -t $1 -s $RANDOM -x ${2:-$OPS} $MNT/l >"$TMP/stress" 2>&1 &
	p=$!
	qload chown $1 $RANDOM $MNT/l >"$TMP/chown" 2>&1
	i=$?
	wait $p && [ $i = 0 ] || { tail -n 3 "$TMP/stress" "$TMP/chown"; return 1; }
}
# Stock XFS, cut off, may have put more into its records than into its inodes: then its own recovery finds that, too.
as_its_own() {
	mount -t xfs -o nouuid,$Q "$DEV2" $MNT2 && umount $MNT2 && mount -t xfs -o nouuid,$Q "$DEV2" $MNT2 || return
	report $MNT2 >"$TMP/its"
	umount $MNT2
	echo "- found by us, + by itself"
	diff "$TMP/trusted" "$TMP/its"
}
end_of() {	# WRITER NEXT HOW MKFS
	local ops
	# shellcheck disable=SC2086
	fresh_fs $4 && mount -t $1 -o $Q "$DEV" $MNT && limits || return
	if [ $3 = clean ]; then
		load 2 || return
		umount_check || return
	else
		# stock XFS, cut off in the middle of setting a large attribute, leaves half of it, of which xfs_repair complains
		[ $1 = xfs ] && ops=${OPS/,xattr/} || ops=$OPS
		load 5 $ops >/dev/null 2>&1 &
		sleep 2.$((RANDOM % 9))
		[ $3 != forced ] || sync -f $MNT
		xfs_io -x -c shutdown $MNT
		wait
		umount_fs || return
		[ $1 != xfs ] || dd if="$DEV" of="$DEV2" bs=2M count=150 status=none || return
	fi
	mount -t $2 -o $Q "$DEV" $MNT || { dmesg | tail -n 12; return 1; }
	# what a crash has left behind the ends of files goes when they leave memory; or counting would let it go, and find less
	find $MNT -ls >/dev/null
	drop_caches
	report $MNT >"$TMP/next"
	umount_check || return
	trusted_and_counted >"$TMP/differ" || { cat "$TMP/differ"; [ $1$3 = xfscut ] && as_its_own; } || return
	cmp "$TMP/next" "$TMP/trusted" >/dev/null || [ $3 != clean ] || { diff "$TMP/next" "$TMP/trusted"; return 1; }
}
while read -r writer next how opts; do
	[ -z "$DX_SHORT" ] || [ $how != forced ] || continue
	[ $FSTYPE != xfs ] || writer=xfs next=xfs
	t "$writer accounts a load of everything ($how), then $next (mkfs $opts)" end_of $writer $next $how "$opts" || umount $MNT
done <<EOT
dioxfs xfs clean -b size=1024 -d size=300m,agcount=3 -m rmapbt=1
xfs dioxfs clean -d size=300m
dioxfs xfs cut -d size=300m -l size=10m
dioxfs dioxfs forced -d size=300m -l size=14m -m rmapbt=1
dioxfs xfs forced -d size=300m -l size=10m -m bigtime=0,inobtcount=0
xfs dioxfs cut -d size=300m -l size=10m
EOT

# ------------------------------------------------------------ counted by us
fresh_fs -l size=10m
mount_stock
load 1 >/dev/null 2>&1
# a crash leaves blocks past the end of a file, which count, and then do not
exec 8>>$MNT/open
dd if=/dev/zero bs=1M count=9 >&8 2>/dev/null
sync -f $MNT
xfs_io -x -c "shutdown -f" $MNT
exec 8>&-
umount_fs
klog_mark
t "we count what nobody has counted" eval 'mount_dx -o $Q && report $MNT >"$TMP/ours" && umount_check'
t "and stock XFS trusts that, and counts the same" eval 'trusted_and_counted && diff "$TMP/ours" "$TMP/counted"'
