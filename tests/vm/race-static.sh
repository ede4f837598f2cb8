#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# race-static.sh: does this kernel lose acknowledged writes, and in which operations? usage() and README say how it is used. For a plain
# /bin/sh (dash, busybox): no arrays, no "local". Everything that needs more than a shell and the filesystem's own mkfs is in the static
# program beside it: the race program of this folder, which race-run uses, too.
#
# Exit status: 0 nothing was lost, 1 acknowledged data were lost, 2 no answer.
# shellcheck disable=SC2317	# functions are called by traps

LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin
here=$(cd "$(dirname "$0")" && pwd)
race=${DIOXFS_RACE:-$here/dioxfs-race}

usage() {
	cat <<'END'
race-static.sh [options] DEVICE            on a spare device, which must be blank; makes a filesystem on it
race-static.sh [options] --loop [FILE|DIR] on a new file FILE, or one in DIR (default: /var/tmp or /tmp)
race-static.sh [options] --dir DIR         in files of its own in a new folder in DIR, on whatever is mounted there; needs no root

Does this kernel lose writes that it has acknowledged, and in which operations? Races direct asynchronous writes against
operations that change a file's size or space, and reads every acknowledged byte back. Takes about two minutes.

  --fs xfs|ext4|btrfs|dioxfs  the filesystem to make (xfs)
  --seconds N  --races N      a row ends after N seconds (4) or N races (100), whichever comes first
  --all                       more rows: other writers, mixed with buffered writes, mmap, fstrim, shared blocks
  --rows REGEX                only rows whose "engine writer racer operation" matches, of all that --all --list shows
  --list                      print the rows and exit
  --plain                     do not hold writes back with dm-delay
  --size MIB                  of the file for --loop (1024)
  --json FILE|-               the result as JSON, to a new file or to stdout (the rest goes to stderr then)
  --force                     use a DEVICE that has a signature, or is not blank. One that is in use is refused all the same
  -h, --help

Verdicts of rows: CLEAN nothing was lost; LOST acknowledged bytes are missing; CORRUPT there are bytes that nobody wrote
there; n/a the filesystem or kernel does not have the operation; UNSURE too few operations met a write in flight;
REPAIR the filesystem's checker complains; ERROR, HANG the row did not end as it should.
Exit status: 0 nothing was lost, 1 acknowledged data were lost (or replaced), 2 no answer: refused, wrong usage, interrupted, or
something failed; the last sentence says what.
END
}

# id engine writer racer default? words: what it races, and behind a comma how
rows() {
	cat <<'END'
1 libaio append:8 truncate-up y truncate() that makes the file longer
2 libaio random:16 truncate-up y truncate() that makes the file longer, writes in any order
3 libaio append:8 allocate y fallocate()
4 libaio append:8 keep-size y fallocate(KEEP_SIZE)
5 libaio append:8 zero y fallocate(ZERO_RANGE)
6 libaio append:8 punch y fallocate(PUNCH_HOLE)
7 libaio append:8 collapse y fallocate(COLLAPSE_RANGE)
8 libaio append:8 insert y fallocate(INSERT_RANGE)
9 libaio append:8 truncate-down y truncate() that makes the file shorter
10 libaio append:8 allocsp y ioctl(ALLOCSP)
11 libaio append:8 freesp y ioctl(FREESP)
12 libaio append:8 resvsp y ioctl(RESVSP)
13 libaio append:8 unresvsp y ioctl(UNRESVSP)
14 libaio append:8 zero-range-ioctl y ioctl(ZERO_RANGE)
15 io_uring append:8 truncate-up y truncate() that makes the file longer, io_uring
16 io_uring append:64 allocate y fallocate(), io_uring
17 libaio o_append:8 none y other O_APPEND writes
18 libaio append:64 truncate-up n truncate() that makes the file longer, many writes
19 libaio append:64 allocate n fallocate(), many writes
20 libaio append:1 allocate n fallocate(), one write at a time
21 io_uring append:8 zero n fallocate(ZERO_RANGE), io_uring
22 io_uring append:8 punch n fallocate(PUNCH_HOLE), io_uring
23 io_uring random:16 collapse n fallocate(COLLAPSE_RANGE), io_uring, writes in any order
24 io_uring random:16 insert n fallocate(INSERT_RANGE), io_uring, writes in any order
25 libaio o_append:8 allocate n other O_APPEND writes, and fallocate()
26 libaio o_append:8 truncate-up n other O_APPEND writes, and truncate() that makes the file longer
27 libaio append:8 mmap n writes through mmap()
28 libaio append:8 buffered n buffered writes, by another program
29 libaio mixed:8 none n buffered writes
30 libaio mixed:8 truncate-up n buffered writes, and truncate() that makes the file longer
31 libaio append:8 fstrim n fstrim
32 libaio append:8 clone n a clone of the file, ioctl(FICLONERANGE)
33 libaio random:16 dedupe n ioctl(FIDEDUPERANGE), writes in any order
34 libaio random:16 unshare n fallocate(UNSHARE_RANGE), writes in any order
35 libaio append:64 exchange n ioctl(EXCHANGE_RANGE), many writes
END
}

# ---- saying it

say() { printf '%s\n' "$*" >&3; }
quoted() { printf '"%s"' "$(printf %s "$1" | tr '\n\t' '  ' | tr -d '\000-\037' | sed 's/\\/\\\\/g; s/"/\\"/g')"; }

json=
write_json() {	# ANSWER SENTENCE
	[ -n "$json" ] || return 0
	{
		printf '{"answer":%s,"sentence":%s,"kernel":%s,"machine":%s,"system":%s,"filesystem":%s,"where":%s,"held":%s,"date":%s,"rows":[' \
			"$(quoted "$1")" "$(quoted "$2")" "$(quoted "$kernel")" "$(quoted "$(uname -m)")" "$(quoted "$system")" "$(quoted "$fs")" \
			"$(quoted "$where")" "$held" "$(quoted "$(date -u +%Y-%m-%dT%H:%M:%SZ)")"
		[ ! -s "$tmp/rows.json" ] || sed '$!s/$/,/' "$tmp/rows.json"
		printf ']}\n'
	} >"$tmp/json"
	if [ "$json" = - ]; then
		cat "$tmp/json"
	else
		cat "$tmp/json" >"$json" || say "race-static: $json could not be written"
	fi
}

refuse() {
	say "race-static: $*"
	write_json refused "$*"
	exit 2
}

# ---- leaving

pid='' mnt='' loop='' file='' dm='' work='' used='' tmp=''
unmount() {
	[ -n "$mnt" ] || return 0
	n=0
	while grep -q " $mnt " /proc/mounts; do
		umount "$mnt" 2>/dev/null && continue
		n=$((n + 1))
		[ $n -lt 20 ] || { say "race-static: $mnt cannot be unmounted; it will be when its last user ends"; umount -l "$mnt"; return; }
		sleep 0.5 2>/dev/null || sleep 1
	done
}

cleanup() {
	status=$?
	trap '' EXIT INT TERM HUP PIPE
	exec 3>&2
	if [ -n "$pid" ]; then
		kill -TERM "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	fi
	unmount
	[ -z "$dm" ] || "$race" release "$dm" >&3 2>&1
	if [ -n "$loop" ]; then
		"$race" detach "$loop" >&3 2>&1
	elif [ -n "$used" ]; then
		"$race" blank "$used" >&3 2>&1
	fi
	[ -z "$file" ] || rm -f "$file"
	n=0
	while [ -n "$work" ] && [ -d "$work" ] && [ $n -lt 10 ]; do
		rm -rf "$work"	# again while one who was killed still makes files
		n=$((n + 1))
		[ ! -d "$work" ] || sleep 1
	done
	[ -z "$mnt" ] || rmdir "$mnt" 2>/dev/null
	[ -z "$tmp" ] || rm -rf "$tmp"
	exit $status
}

interrupted() {
	trap '' INT TERM HUP PIPE
	write_json interrupted "interrupted"
	exit 2
}

# ---- what is asked for

mode='' target='' fs=xfs fs_asked='' seconds=4 races=100 want=y regex='' list='' held=false hold=y size=1024 force='' where=''
kernel=$(uname -r)
system=$(. /etc/os-release 2>/dev/null; printf %s "${PRETTY_NAME:-unknown}")
exec 3>&1

bad_usage() {
	say "race-static: $*"
	say "race-static.sh --help says how it is used"
	exit 2
}
number() { case $2 in '' | *[!0-9]* | 0* | ????????*) bad_usage "$1 wants a number above 0, not '$2'" ;; esac; }
one_mode() { [ -z "$mode" ] || bad_usage "one DEVICE, --loop or --dir, and not two"; mode=$1; }
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit 0 ;;
	--list) list=y ;;
	--all) want='[yn]' ;;
	--plain) hold= ;;
	--force) force=any ;;
	--loop)
		one_mode loop
		case ${2:-} in '' | -*) ;; *) target=$2; shift ;; esac ;;
	--fs | --seconds | --races | --rows | --size | --json | --dir)
		[ $# -gt 1 ] || bad_usage "$1 wants an argument"
		case $1 in
		--fs) fs=$2 fs_asked=y ;;
		--seconds) number "$1" "$2"; seconds=$2 ;;
		--races) number "$1" "$2"; races=$2 races_asked=y ;;
		--rows) regex=$2 want='[yn]' ;;
		--size) number "$1" "$2"; size=$2 ;;
		--json) json=$2 ;;
		--dir) one_mode dir; target=$2 ;;
		esac
		shift ;;
	-*) bad_usage "there is no option $1" ;;
	*) one_mode device; target=$1 ;;
	esac
	shift
done
# Who asks for more time wants more races.
[ "$seconds" = 4 ] || [ -n "${races_asked:-}" ] || races=1000000

selected() {
	rows | while read -r id engine writer racer default words; do
		# shellcheck disable=SC2254	# a pattern
		case $default in $want) ;; *) continue ;; esac
		[ -z "$regex" ] || printf '%s\n' "$engine $writer $racer $words" | grep -qE -- "$regex" || continue
		printf '%s\n' "$id $engine $writer $racer $default $words"
	done
}
if [ -n "$list" ]; then
	selected | while read -r _ engine writer racer _ words; do printf '%-8s %-10s %-16s %s\n' "$engine" "$writer" "$racer" "$words"; done
	exit 0
fi
[ -n "$mode" ] || { usage >&2; exit 2; }
case $fs in xfs | ext4 | btrfs | dioxfs) ;; *) bad_usage "--fs is xfs, ext4, btrfs or dioxfs" ;; esac
[ "$mode" != dir ] || [ -z "$fs_asked" ] || bad_usage "with --dir the filesystem is the one that is mounted there: leave --fs out"
[ -n "$(selected)" ] || bad_usage "no row matches '$regex' (--list shows them)"
[ "$json" != - ] || exec 3>&2
if [ -n "$json" ] && [ "$json" != - ]; then
	j=$json json=
	[ ! -e "$j" ] && [ ! -h "$j" ] || bad_usage "$j exists: nothing was overwritten"
	(set -C; : >"$j") 2>/dev/null || bad_usage "$j cannot be made"
	json=$j
fi

tmp=$(mktemp -d "${TMPDIR:-/tmp}/dioxfs-race.XXXXXX") || { json=; refuse "no temporary folder can be made"; }
trap cleanup EXIT
trap interrupted INT TERM HUP PIPE
"$race" probe "$tmp" >"$tmp/probe" 2>&1 || refuse "the program $race does not run here ($(uname -m)): $(head -n 1 "$tmp/probe")"
value() { sed -n "s/^$1=//p" "$2"; }

has_room() {	# DIR MIB
	"$race" probe "$1" >"$tmp/room" 2>"$tmp/err" || refuse "$(cat "$tmp/err")"
	[ "$(value free_mib "$tmp/room")" -ge "$2" ]
}

room=600	# MiB: a row takes half of that

# ---- a filesystem to work in

root_only() { [ "$(id -u)" = 0 ] || refuse "only root can $1; --dir DIR works in a folder that you can write to, without"; }
find_fs() {
	case $fs in
	xfs) mkfs="mkfs.xfs -q -f" check="xfs_repair -n" pkg=xfsprogs ;;
	ext4) mkfs="mkfs.ext4 -q -F" check="e2fsck -fn" pkg=e2fsprogs ;;
	btrfs) mkfs="mkfs.btrfs -q -f" check="btrfs check" pkg=btrfs-progs ;;
	dioxfs) mkfs="mkfs.xfs -q -f" check="xfs_repair -n" pkg=xfsprogs ;;
	esac
	command -v "${mkfs%% *}" >/dev/null || refuse "${mkfs%% *} is not installed (package $pkg): install it, or use --dir DIR on a $fs that is mounted"
	command -v "${check%% *}" >/dev/null || { say "race-static: ${check%% *} is not installed: the filesystem will not be checked after the races"; check=none; }
	grep -qw "$fs" /proc/filesystems || modprobe -q "$fs" 2>/dev/null
	grep -qw "$fs" /proc/filesystems || refuse "this kernel ($kernel) has no $fs"
}

# Newer mkfs may make what an older kernel does not mount.
try_mount() {
	$mkfs "$dev" >"$tmp/mkfs.log" 2>&1 || { why="$mkfs fails: $(tail -n 1 "$tmp/mkfs.log")"; return 1; }
	mount -t "$fs" "$dev" "$mnt" 2>"$tmp/mount.log" || { why="mounting a new $fs fails: $(tail -n 1 "$tmp/mount.log")"; return 1; }
	unmount
}
first_mount() {
	case $fs in
	xfs) set -- '' ' -i nrext64=0,exchange=0 -n parent=0' ' -i nrext64=0' ' -m bigtime=0,inobtcount=0,reflink=0' ;;
	*) set -- '' ;;
	esac
	base=$mkfs first=
	for opts; do
		mkfs=$base$opts
		try_mount && return
		first=${first:-$why}
	done
	refuse "$first"
}

case $mode in
device)
	root_only "use a device"
	dev=$("$race" inspect "$target" ${force:+any} 2>"$tmp/err") || refuse "$(cat "$tmp/err")"
	dev=${dev#ok } where=${dev% *} dev=${dev% *}
	find_fs
	used=$dev ;;
loop)
	root_only "make a loop device"
	[ "$size" -ge 512 ] || refuse "--size: 512 MiB are the least"
	[ ! -e "$target" ] || [ -d "$target" ] || refuse "$target exists: not used, nothing was overwritten"
	find_fs
	if [ -z "$target" ]; then
		for d in /var/tmp /tmp; do
			[ ! -d $d ] || [ ! -w $d ] || [ -n "$target" ] || ! has_room $d $room || target=$d
		done
		[ -n "$target" ] || refuse "neither /var/tmp nor /tmp has $room MiB free: --loop DIR names another place"
	fi
	if [ -d "$target" ]; then
		file=$(mktemp -u "$target/dioxfs-race.XXXXXX")
	else
		file=$target
	fi
	has_room "$(dirname "$file")" $room || { file=; refuse "$target: less than $room MiB are free there"; }
	[ -e /dev/loop-control ] || modprobe -q loop 2>/dev/null
	where=$file file=
	loop=$("$race" attach "$where" "$size" 2>"$tmp/err") || { loop=; refuse "$(cat "$tmp/err")"; }
	file=$where dev=$loop ;;
dir)
	[ -d "$target" ] || refuse "$target is not a folder"
	[ -w "$target" ] || refuse "$target: you cannot write there"
	work=$(mktemp -d "$target/dioxfs-race.XXXXXX" 2>"$tmp/err") || { work=; refuse "$(cat "$tmp/err")"; }
	has_room "$work" $room || small=y
	direct=$(value direct "$tmp/room") fs=$(value fs "$tmp/room") where=$target
	[ "$direct" = yes ] || refuse "not applicable: $fs at $target has no direct I/O ($direct)"
	[ -z "${small:-}" ] || refuse "$target: less than $room MiB are free there"
	hold= ;;
esac
if [ "$mode" != dir ]; then
	mnt=$(mktemp -d "$tmp/mnt.XXXXXX")
	under=$dev
	if [ -n "$hold" ]; then
		modprobe -q dm-delay 2>/dev/null
		dm=dioxfs-race-$$
		if dev=$("$race" hold "$under" "$dm" 2>"$tmp/err"); then
			held=true
		else
			say "race-static: writes cannot be held back ($(cat "$tmp/err")): the device's own speed decides how many are in flight"
			dm='' dev=$under
		fi
	fi
	first_mount
fi
[ "$(value libaio "$tmp/probe")" = yes ] || refuse "this kernel gives no asynchronous I/O here ($(value libaio "$tmp/probe"))"
uring=$(value io_uring "$tmp/probe")

# ---- the races

name=$fs
[ "$fs" != xfs ] || [ -d /sys/module/xfs ] || [ ! -d /sys/module/dioxfs ] || name="xfs (which is dioxfs here)"
say "$name on $where$([ $held = false ] || echo ", writes held back by dm-delay"), kernel $kernel"
[ "$uring" = yes ] || say "no io_uring here ($uring): its rows are left out"

: >"$tmp/table"
: >"$tmp/rows.json"
total=$(selected | wc -l)
count=0 all_races=0 lost='' lost_n=0 na='' clean_n=0 unsure='' wrong='' hung=''
field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p" "$tmp/row"; }
reason() { sed -n 's/.*"detail":\["\([^"]*\)".*/\1/p' "$tmp/row"; }
add() {	# LIST WORD: the list with the word, once
	case ", $1, " in
	*", $2, "*) printf %s "$1" ;;
	", , ") printf %s "$2" ;;
	*) printf '%s, %s' "$1" "$2" ;;
	esac
}

selected >"$tmp/selected"
while read -r id engine writer racer _ words <&4; do
	count=$((count + 1))
	if [ "$engine" = io_uring ] && [ "$uring" != yes ]; then
		continue
	fi
	if [ "$racer" = fstrim ] && [ "$mode" = dir ]; then
		say "[$count/$total] $words: left out with --dir"
		continue
	fi
	set -- --fs "$fs" --engine "$engine" --writer "$writer" --racer "$racer" --races "$races" --seconds "$seconds" --limit $((seconds * 4 + 120)) \
		--seed "$id" --scratch "$tmp"
	if [ "$mode" = dir ]; then
		set -- "$@" --in-place --dir "$work" --device plain --lanes 4
	elif [ $held = true ]; then
		set -- "$@" --dev "$dev" --dir "$mnt" --mkfs "$mkfs" --check "$check" --device delay --lanes 8
	else
		set -- "$@" --dev "$dev" --dir "$mnt" --mkfs "$mkfs" --check "$check" --device plain --lanes 4
	fi
	"$race" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null &
	pid=$!
	wait $pid
	status=$?
	pid=
	sed -n 's/^ROW //p' "$tmp/out" >"$tmp/row"
	[ -s "$tmp/row" ] || printf '{"engine":"%s","writer":"%s","racer":"%s","verdict":"ERROR","races":0,"bad_races":0,"ops":0,"ops_in_flight":0,"detail":[%s]}\n' \
		"$engine" "$writer" "$racer" "$(quoted "the race program ended with status $status: $(head -n 1 "$tmp/err")")" >"$tmp/row"
	verdict=$(field verdict) n=$(field races) bad=$(field bad_races) hits=$(field ops_in_flight)
	# A race that nobody took part in proves nothing.
	[ "$verdict" != CLEAN ] || [ "$racer" = none ] || [ "$hits" -ge 5 ] || verdict=UNSURE
	sed "s|^{|{\"operation\":$(quoted "$words"),\"answer\":\"$verdict\",|" "$tmp/row" >>"$tmp/rows.json"
	all_races=$((all_races + n))
	case $verdict in
	LOST | CORRUPT)
		lost=$(add "$lost" "${words%%,*}") lost_n=$((lost_n + 1))
		echo "$bad $n ${words%%,*}" >>"$tmp/lost" ;;
	CLEAN) clean_n=$((clean_n + 1)) ;;
	n/a) na=$(add "$na" "$words") ;;
	UNSURE) unsure=$(add "$unsure" "$words") ;;
	*) wrong=$(add "$wrong" "$words ($verdict: $(reason))") ;;
	esac
	printf '%-68s %-9s %5s %5s\n' "$words" "$verdict" "$n" "$bad" >>"$tmp/table"
	say "$(printf '[%2s/%s] %-68s %-8s %s races%s' "$count" "$total" "$words" "$verdict" "$n" "$([ "$bad" = 0 ] || echo ", $bad with a loss")")"
	case $verdict in CLEAN | n/a | UNSURE) ;; *) say "        $(reason)" ;; esac
	if [ "$verdict" = HANG ] || [ $status = 3 ]; then
		hung=y
		break
	fi
	[ "$mode" != dir ] || rm -rf "${work:?}"/*
	unmount
done 4<"$tmp/selected"

# ---- the answer

say ""
say "$(printf '%-68s %-9s %5s %5s' "beside direct asynchronous writes" "verdict" "races" "lost")"
while read -r line; do say "$line"; done <"$tmp/table"
say ""
losses() {	# each operation once, with its races of all rows that lost: "this (1 of 2 races), that (3 of 4)"
	sep='' unit=' races'
	while [ -n "$lost" ]; do
		op=${lost%%, *} bad=0 n=0
		case $lost in *", "*) lost=${lost#*, } ;; *) lost= ;; esac
		while read -r b r words; do
			[ "$words" != "$op" ] || { bad=$((bad + b)) n=$((n + r)); }
		done <"$tmp/lost"
		printf '%s%s (%s of %s%s)' "$sep" "$op" $bad $n "$unit"
		sep=', ' unit=
		case $lost in '' | *", "*) ;; *) sep=' and ' ;; esac
	done
}
tail=
[ -z "$na" ] || tail=" Not there, and not tried: $na."
[ -z "$unsure" ] || tail="$tail Not answered, because too few operations met a write in flight: $unsure."
[ -z "$wrong" ] || tail="$tail Did not end as it should: $wrong."
if [ $lost_n -gt 0 ]; then
	answer=lost rc=1
	sentence="This kernel's $name ($kernel) loses writes that it has acknowledged when direct asynchronous writes race $(losses).$tail"
elif [ -n "$hung" ] || [ -n "$wrong" ] || [ -n "$unsure" ]; then
	answer=unknown rc=2
	sentence="No answer for all of this kernel's $name ($kernel); $clean_n kinds of race lost nothing, in $all_races races.$tail"
elif [ $clean_n = 0 ]; then
	answer=unknown rc=2
	sentence="No answer: none of these operations is in this kernel's $name ($kernel).$tail"
else
	answer=clean rc=0
	sentence="This kernel's $name ($kernel) lost nothing that it had acknowledged, in $all_races races of $clean_n kinds.$tail"
fi
say "$sentence"
write_json $answer "$sentence"
exit $rc
