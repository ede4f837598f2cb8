#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=300
# vm: allow=Call Trace|Corruption|corrupt|metadata I/O error|Unmount and run|Internal error|xfs_do_force
#
# Damage in every structure of the format, with a wrong checksum and with a right one: what a user sees is an error where the
# damage is and nowhere else, a line in the kernel log that names the structure, and what stock XFS answers, call for
# call. Where we answer otherwise, the table "differs" says how, and why.
. /t/lib.sh

export TEST_DIR=/x TEST_DEV=/x QA_CHECK_FS=/x	# mkfs.xfs accepts small volumes from a test
needs loop
case $(uname -r) in
6.1.*) ;;
*)	skip "all of this" "the answers compared with are those of the stock kernel 6.1 and its xfs_db"
	exit 0 ;;
esac
modprobe xfs
echo 0 >/proc/sys/fs/xfs/error_level	# stock XFS dumps every damaged block otherwise, and the console is slow
began=${EPOCHREALTIME/./}
lap() { echo "# $1: $(((${EPOCHREALTIME/./} - began) / 1000)) ms"; began=${EPOCHREALTIME/./}; }

# ------------------------------------------------------------ the volume, by stock XFS, and where its structures are
OBJECTS="extents btree sf block leaf node asf aleaf anode aremote llocal lremote"
GOOD=$TMP/good
declare -A at	# SET/OBJECT:PLACE -> byte
filled() {
	local s o f=() cmds=() leaf=$((1 << 35 >> 12)) free=$((1 << 36 >> 12)) key rest ino i=0
	truncate -s 34m "$GOOD" && mkfs.xfs -q -f -d size=34m,agcount=2 -l size=6m "$GOOD" || return
	mount -t xfs -o loop "$GOOD" $MNT && damage fill $MNT 2 || return
	for s in 0 1; do for o in $OBJECTS; do f+=("$s/$o"); done; done
	mapfile -t ino < <(cd $MNT && stat -c %i "${f[@]}")
	umount_fs && mount -t xfs -o ro,loop "$GOOD" $MNT && walk -n $MNT >"$TMP/good.walk" && umount_fs || return
	where() { cmds+=(-c "echo at $1" "${@:2}" -c stack); }
	for o in "${f[@]}"; do
		where "$o:inode" -c "inode ${ino[i]}"
		case $o in
		*/btree) where "$o:bmbt" -c "inode ${ino[i]}" -c "addr u3.bmbt.ptrs[1]" ;;
		*/block | */lremote) where "$o:data" -c "inode ${ino[i]}" -c "dblock 0" ;;
		*/leaf) where "$o:leaf" -c "inode ${ino[i]}" -c "dblock $leaf" ;;
		*/node) where "$o:node" -c "inode ${ino[i]}" -c "dblock $leaf"
			where "$o:leaf" -c "inode ${ino[i]}" -c "dblock $((leaf + 2))"
			where "$o:free" -c "inode ${ino[i]}" -c "dblock $free" ;;
		*/aleaf) where "$o:leaf" -c "inode ${ino[i]}" -c "ablock 0" ;;
		*/anode) where "$o:node" -c "inode ${ino[i]}" -c "ablock 0"
			where "$o:leaf" -c "inode ${ino[i]}" -c "ablock 1" ;;
		*/aremote) where "$o:value" -c "inode ${ino[i]}" -c "ablock 1" ;;
		esac
		i=$((i + 1))
	done
	where bnobt -c "agf 0" -c "addr bnoroot"
	where cntbt -c "agf 0" -c "addr cntroot"
	where inobt -c "agi 0" -c "addr root"
	where finobt -c "agi 0" -c "addr free_root"
	xfs_db -r "${cmds[@]}" "$GOOD" >"$TMP/where" || return
	while read -r key rest; do
		case $key in
		at) o=$rest ;;
		byte) rest=${rest#offset } && at[$o]=${rest%%,*} ;;
		esac
	done <"$TMP/where"
	at[sb]=0 at[agf]=512 at[agi]=1024 at[agfl]=1536
	[ ${#at[@]} = $((${#f[@]} + 30)) ] || { echo "${#at[@]} structures found"; cat "$TMP/where"; return 1; }
}
t "the stock kernel makes an object of every form" filled
lap "made and found"

# ------------------------------------------------------------ two mounts, ours and stock XFS's
A=$TMP/a B=$TMP/b
cp --sparse=always "$GOOD" "$A" && cp --sparse=always "$GOOD" "$B"
LA=$(losetup -f --show "$A") && LB=$(losetup -f --show "$B")
restore() { rm -f "$TMP"/?.undo; cp --sparse=always "$GOOD" "$A" && cp --sparse=always "$GOOD" "$B"; }
both() { "$@" "$A" && "$@" "$B"; }
poke() { local p=$1 kind=$2; shift 2; damage poke "$A" $kind ${at[$p]} "$@" && damage poke "$B" $kind ${at[$p]} "$@"; }
ours_up() { ours=$(damage mount $FSTYPE "$LA" $MNT rw); ours=${ours% }; }
stock_up() { stock=$(damage mount xfs "$LB" $MNT2 rw); stock=${stock% }; }
# The limit on lines about damage goes with the module.
fresh_limit() { [ $FSTYPE = xfs ] || { rmmod dioxfs && insmod /t/dioxfs.ko; }; }
# "call:0 call:EIO", twice -> "call:EIO (stock 0)"
compare() {
	local -a a b
	local i out=
	read -ra a <<<"$1"
	read -ra b <<<"$2"
	for ((i = 0; i < ${#a[@]} || i < ${#b[@]}; i++)); do
		[ "${a[i]}" = "${b[i]}" ] || out+="${out:+ }${a[i]}/${b[i]#*:}"
	done
	echo "$out"
}

# Damage, or group of a walk, and how we answer: call:ours/stock.
declare -A differs=(
	# Stock XFS does not look at the order of extents: it reads other blocks than the file's, or none.
	[btree, bmbt with swap@72:16]="read:EIO/0 seek:EUCLEAN/0 append:EUCLEAN/0 truncate:EUCLEAN/0"
	[objects, 1]="1/btree: SEEK_DATA: Structure needs cleaning 1/btree: read: Input/output error 1/btree: read 0 bytes of 487424 1/btree: contents 0000000000000001 "
	[extents, inode with swap@176:16]="$(printf '%s:EUCLEAN/0 ' stat read seek listxattr getxattr setxattr chmod append link rename truncate remove)"
	[objects, 3]="1/extents: lstat: Structure needs cleaning "
	# Nor at that of free space; a free extent is then looked for behind its place and used a second time.
	[bnobt with swap@56:8]="write:EUCLEAN/0 mkdir:EUCLEAN/0 symlink:EIO/0 setxattr:EIO/0 truncate:EIO/0 sync:EIO/0 unlink:EIO/0 after:EIO/0"
	# It mounts, cannot set blocks aside in this AG, shuts down, and then gives up the mount. We look first.
	[agf with crc]="mount:EUCLEAN/EIO"
	[agf with @28:4=9]="mount:EUCLEAN/EIO"
	[agf with flfirst=200000]="mount:EUCLEAN/EIO"
	# It takes what is written, and frees the file with its last user.
	[extents, inode with nlink=0]="append:EUCLEAN/0 truncate:EUCLEAN/0"
	# It reads the free list whenever it allocates; we, when a block comes off it or goes on it.
	[agfl with @40:4=0x7ffffff0]="write:0/EUCLEAN mkdir:0/EUCLEAN symlink:0/EIO setxattr:0/EIO truncate:0/EIO sync:0/EIO unlink:0/EIO after:0/EIO"
	# It looks up the root directory in the tree of inodes at the mount, and gives up all of the volume.
	[inobt with crc]="mount:0/EUCLEAN statfs:0/ readdir:0/ create:EUCLEAN/ write:ENOENT/ mkdir:EUCLEAN/ symlink:EUCLEAN/ setxattr:0/ truncate:0/ sync:0/ unlink:0/ after:EIO/"
	[inobt with swap@56:16]="mount:0/EUCLEAN statfs:0/ readdir:0/ create:EUCLEAN/ write:ENOENT/ mkdir:EUCLEAN/ symlink:EUCLEAN/ setxattr:0/ truncate:0/ sync:0/ unlink:0/ after:EIO/"
)

# ------------------------------------------------------------ damage that an object has
# Every group is one volume with a damage in each of its objects; no object but these may answer otherwise than before.
# SET/OBJECT PLACE KIND LOOK SAYS SETS...: at PLACE of OBJECT is a structure of that KIND, LOOK is the call that must fail of
# it with EUCLEAN and leave a line with SAYS in the kernel log; - if none need fail. Then the damage is undone: nothing
# may have been written there, and the volume is whole.
remount_if_shut() {
	[ "$(damage look stat $MNT/0)" = 0 ] || { umount_fs; ours_up; }
	[ "$(damage look stat $MNT2/0)" = 0 ] || { umount $MNT2; stock_up; }
}
# Lines of a walk that are not about the damaged objects.
others() { grep -vE "^(\./($1)[:/]|[0-9]+ entries)" "$2"; }
undone() {
	[ -z "$(damage undo "$A")" ] || { echo "a damaged structure was written"; return 1; }
	mount -t xfs "$LA" $MNT2 && umount $MNT2 && repair_check "$LA"
}
group() {
	local name=$1 lost=$2 rows=() row o p kind look says sets what all=$2 answer diff
	mapfile -t rows
	restore
	fresh_limit
	for row in "${rows[@]}"; do
		read -r o p kind look says sets <<<"$row"
		# shellcheck disable=SC2086
		poke $o:$p $kind $sets || { t "$row" false; return; }
		all+=${all:+|}$o
	done
	ours_up && stock_up
	t_eq "$name: mounts, as on stock XFS" "mount:0 mount:0" "$ours $stock" || return
	for row in "${rows[@]}"; do
		read -r o p kind look says sets <<<"$row"
		what="${o#*/}, $p with $sets"
		[ $look = - ] && continue
		klog_mark
		t_eq "$what: $look" EUCLEAN "$(damage look $look $MNT/$o)"
		[ $FSTYPE = xfs ] || t "$what: the kernel log says which structure" kernel_says "dioxfs \(.*: corrupt .*$says"
	done
	lap "$name: damaged, mounted, looked at"
	walk -n $MNT >"$TMP/ours.walk" 2>&1
	walk -n $MNT2 >"$TMP/stock.walk" 2>&1
	t "$name: all else is there" eval 'others "$all" "$TMP/good.walk" >"$TMP/1"; others "$all" "$TMP/ours.walk" | diff "$TMP/1" -'
	t_eq "$name: a walk sees what stock XFS sees" "${differs[$name]}" \
		"$(diff "$TMP/stock.walk" "$TMP/ours.walk" | sed -n 's/^> \.\///p' | tr '\n' ' ')"
	lap "$name: walked"
	for row in "${rows[@]}"; do
		read -r o p kind look says sets <<<"$row"
		what="${o#*/}, $p with $sets"
		answer=$(damage ops $MNT/$o)
		diff=$(compare "$answer" "$(damage ops $MNT2/$o)")
		t_eq "$what: $answer" "${differs[$what]% }" "$diff"
		remount_if_shut
	done
	lap "$name: every call"
	t "$name: unmounts" umount_fs
	umount $MNT2
	[ -n "$lost" ] || t "$name: nothing of it was written, and undone, all is well" undone
	lap "$name: undone"
}
group "objects, 1" <<'E'
0/extents inode inode stat inode crc
0/btree bmbt bmbt seek bmbt crc
1/btree bmbt bmbt seek inode.*order swap@72:16
0/block data dir readdir directory crc
1/block data dir readdir directory @104:1=0
0/leaf leaf da lookup leaf crc
1/leaf leaf da lookup leaf @64:4=0xffffffff
0/llocal inode inode stat inode size=400
E
group "objects, 2" <<'E'
0/extents inode inode stat inode format=9
1/extents inode inode stat inode size=0xffffffffffff0000
0/btree inode inode stat inode nextents=1000000000
1/btree bmbt bmbt seek bmbt owner=77
0/node node da lookup node crc
1/node node da lookup level level=3
0/aleaf leaf da getxattr attr crc
1/aleaf leaf da getxattr attr firstused=70
E
group "objects, 3" <<'E'
1/extents inode inode stat inode.*order swap@176:16
0/node free dir - free crc
1/node leaf da lookup leaf crc
0/anode node da getxattr node crc
1/anode leaf da getxattr attr crc
0/aremote value remote getxattr attr crc
1/aremote value remote getxattr attr owner=77
E
group "objects, 4" <<'E'
0/extents inode inode stat inode mode=0170644
1/extents inode inode stat inode nextents=100
0/btree bmbt bmbt seek bmbt level=3
0/lremote data symlink readlink link crc
1/lremote data symlink readlink link bytes=5000
0/sf inode inode stat dir @176:1=200
0/asf inode inode stat attr a@0:2=4000
E
# A cluster of inodes is read as a whole: with one of another magic goes the directory of set 1, too. Without a link, a file is read as before.
group "objects, 5" "[01](/.*)?" <<'E'
1/extents inode inode stat inode magic=0
0/extents inode inode - - nlink=0
E

# ------------------------------------------------------------ damage that a volume has
# PLACE KIND SAYS SETS...
volume() {
	local p=$1 kind=$2 says=$3 o s what="$1 with ${*:4}" diff
	restore
	fresh_limit
	poke $p $kind "${@:4}" || { t "$what" false; return; }
	klog_mark
	ours_up && stock_up
	o=$ours s=$stock
	[ "$ours" = mount:0 ] && o+=" $(damage volume $MNT)" && umount_fs
	[ "$stock" = mount:0 ] && s+=" $(damage volume $MNT2)" && umount $MNT2
	diff=$(compare "$o" "$s")
	t_eq "$what: $o" "${differs[$what]}" "$diff"
	[ $FSTYPE = xfs ] || [ "$says" = - ] || t "$what: the kernel log says which structure" kernel_says "dioxfs \(.*$says"
	if [[ $p != removed && $what = *crc && $ours = mount:0 ]]; then
		t "$what: nothing of it was written, and undone, all is well" undone
	elif [ "$ours" != mount:0 ]; then
		t "$what: the device is untouched" eval 'damage undo "$A" && cmp "$A" "$GOOD"'
	fi
}
volumes() {
	local row
	while read -r row; do
		# shellcheck disable=SC2086
		volume $row
		lap "$row"
	done
}
volumes <<'E'
sb sb superblock crc
sb sb agblocks agblocks=5
agf agf AGF crc
agf agf AGF @28:4=9
agf agf AGF flfirst=200000
agi agi AGI crc
agi agi AGI level=9
agi agi AGI @40:4=0x7fffff00
agfl agfl - @40:4=0x7ffffff0
bnobt btree bnobt crc
bnobt btree bnobt swap@56:8
bnobt btree bnobt level=1
cntbt btree cntbt crc
inobt btree inobt crc
inobt btree inobt swap@56:16
finobt btree finobt crc
E

# An inode that was removed while it was open, and is on its list on disk: what is frozen has that. The list is given up where it
# cannot be followed, here and there, and xfs_repair finds the inode.
held() {
	restore
	stock_up
	exec 9<$MNT2/hole-1
	at[removed]=$(($(stat -c %i $MNT2/hole-1) * 512))	# in the first AG, a number is a place
	rm $MNT2/hole-1 && fsfreeze -f $MNT2 && cp --sparse=always "$B" "$TMP/held" && fsfreeze -u $MNT2
	exec 9<&-
	umount $MNT2
	GOOD=$TMP/held
}
t "a volume with an inode that was removed while it was open" held
volumes <<'E'
removed inode inode crc
removed inode inode format=9
removed inode . next_unlinked=0x7fffff00
agi agi AGI crc
E
GOOD=$TMP/good

# ------------------------------------------------------------ ACLs
# Values that no ACL has, and some that only look so: who sets, lists, opens, creates and changes the mode gets what stock XFS answers.
e() { printf '%08x%08x%04x0000' $1 $2 $3; }	# tag (1 user, 2 named user, 4 group, 8 named group, 16 mask, 32 other), id, permissions
none=0xffffffff
three=$(e 1 $none 7; e 4 $none 4; e 32 $none 4)
five=$(e 1 $none 7; e 2 1000 6; e 4 $none 5; e 16 $none 6; e 32 $none 0)
restore
fresh_limit
ours_up && stock_up
while read -r what value; do
	klog_mark
	t_eq "an ACL $what: as on stock XFS" "$(damage acl $MNT2/0 "$value" 2>&1)" "$(damage acl $MNT/0 "$value" 2>&1)"
done <<E
of-three-entries 00000003$three
of-five-entries 00000005$five
of-no-bytes
of-two-bytes 0000
that-counts-0 00000000
that-counts-0-before-three 00000000$three
that-counts-4-before-three 00000004$three
that-counts-2-before-three 00000002$three
that-counts-beyond-memory ffffffff$three
that-counts-so-that-its-length-wraps 15555556$(e 1 $none 7 | head -c 16)
that-is-cut 00000003${three:0:64}
that-goes-on 00000003${three}00000000
with-tag-0 00000003${three:0:48}$(e 0 $none 4)
with-tag-64 00000003${three:0:48}$(e 64 $none 4)
with-two-tags 00000003${three:0:48}$(e 3 $none 4)
with-all-tags 00000003${three:0:48}$(e $none $none 4)
with-permission-8 00000005$(e 1 $none 15; e 2 1000 14; e 4 $none 13; e 16 $none 14; e 32 $none 8)
with-all-permissions 00000003$(e 1 $none 65535; e 4 $none 65535; e 32 $none 65535)
in-reverse-order 00000003$(e 32 $none 4; e 4 $none 4; e 1 $none 7)
with-every-entry-twice 00000006$three$three
with-a-named-user-twice 00000006$(e 1 $none 7; e 2 1000 0; e 2 1000 7; e 4 $none 5; e 16 $none 7; e 32 $none 0)
without-others 00000002${three:0:48}
of-a-mask-alone 00000001$(e 16 $none 7)
without-a-mask 00000004$(e 1 $none 7; e 2 1000 6; e 4 $none 5; e 32 $none 0)
of-nobody 00000005$(e 1 $none 7; e 2 $none 6; e 4 $none 5; e 16 $none 6; e 32 $none 0)
E
umount_fs
umount $MNT2
t "the volume with such ACLs is clean but for them" repair_check "$LA"
lap "ACLs"
losetup -d "$LA" "$LB"
