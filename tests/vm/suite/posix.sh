#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm: timeout=400
#
# System calls answer as on stock XFS: the same program runs on both and must
# print the same, errno for errno, with the default format and without bigtime.
. /t/lib.sh

declare -A what=(
	[create]="names of 0, 255 and 256 bytes, modes and umask, device nodes, O_EXCL"
	[link]="hard links, link counts, unlink and rmdir of the wrong kind"
	[symlink]="targets of every length to the limit and beyond"
	[rename]="rename of every kind over every kind, NOREPLACE, EXCHANGE, bad flags"
	[dirs]="large directories, telldir, removal while open"
	[setattr]="chmod, chown, truncate and their limits"
	[times]="times from 1901 to beyond 2486, and which call moves which"
	[perms]="what other users may: open, sticky, xattrs, flags, privileged ioctls"
	[sgid]="setgid directories hand down the group"
	[suid]="setuid and setgid bits dropped by write, fallocate, ioctl, truncate, chown"
	[flags]="immutable, append-only and other flags"
	[fallocate]="fallocate in every mode over every border (L3, L7)"
	[offsets]="read and write at every border offset, alignment of direct I/O, RWF flags"
	[sparse]="holes, preallocation and direct writes into them (L6)"
	[xattr]="extended attributes: flags, limits, many"
	[acl]="POSIX ACLs: access, default, mask, limits"
	[tmpfile]="O_TMPFILE and files without a name"
	[mmap]="shared mappings against truncate, fallocate and direct I/O (L1, L2)"
	[misc]="statfs magic, leases, locks, file handles, unknown ioctls"
)
overlay() {
	mkdir -p ov/lo/d ov/up ov/wk ov/mg && cd ov || return
	echo a >lo/f; echo b >lo/g; echo c >lo/d/h; echo e >lo/d/i
	klog_mark
	mount -t overlay overlay -o lowerdir=lo,upperdir=up,workdir=wk mg || return
	# a renamed lower file leaves a whiteout where it was (RENAME_WHITEOUT), a removed one too
	mv mg/f mg/f2; mv mg/g mg/f2; rm mg/d/h; echo more >>mg/d/i; rm -r mg/d; mkdir mg/d; echo new >mg/d/new
	ls mg mg/d; cat mg/f2 mg/d/new
	umount mg
	find up | sort | while read -r f; do stat -c "%n %F %t,%T %h" "$f"; done
	_klog | sed -n 's/.*overlayfs: //p'
	cd .. && rm -r ov	# it keeps file handles, which differ
}
remount_both() { umount_fs && umount $MNT2 && mount_dx "$@" && mount -t xfs "$@" "$DEV2" $MNT2; }
# Before 5.15 stock XFS preallocates behind the end by another rule, and SEEK_DATA shows it: one rule for both then.
rule=
printf '%s\n5.15\n' "$(uname -r)" | sort -V | tail -n 1 | grep -qx 5.15 && rule="-o allocsize=4k"
# Stock XFS before 5.6 takes setuid bits from root's files in space operations, too; that of 4.x leaves setgid bits that are taken away since, and lets times wrap.
other_rules=
case $(uname -r) in 4.*) other_rules="suid sgid times" ;; 5.[0-5].*) other_rules=suid ;; esac
for opts in "" "$LTS_4_19"; do
	n=${opts:+ (lts_4.19)}
	# shellcheck disable=SC2086
	t "a volume of ours and one of stock XFS are mounted$n" pair_up $opts || continue
	if [ -n "$opts" ]; then list="times acl rename"; else list=$(posix --list); fi
	for s in $list; do
		# shellcheck disable=SC2086
		[ "$s" = sparse ] && [ -n "$rule" ] && { remount_both $rule || exit; }
		if [[ $s == s[gu]id && $other_rules == *$s* ]]; then
			skip "${what[$s]}$n" "stock XFS of this age has other rules"
			continue
		fi
		t_same "${what[$s]:-$s}$n" posix "$s"
		[ "$s" = sparse ] && [ -n "$rule" ] && { remount_both || exit; }
	done
	if [ -z "$opts" ]; then
		name="overlayfs keeps its upper layer here: whiteouts, opaque directories, copies up"
		if have fs-overlay; then t_same "$name" overlay; else skip "$name" "this kernel has no overlayfs"; fi
	fi
	sync
	umount_fs && umount $MNT2
	t "ours mounts again$n" mount_dx
	t "stock mounts again$n" mount -t xfs "$DEV2" $MNT2
	t_same "what the calls left behind is the same after a remount$n" walk -n .
	[[ $other_rules == *times* ]] || t_same "times read back the same after a remount$n" stat -c "%n %X %Y %s" times/t
	t "both unmount and both are clean to xfs_repair$n" pair_down
done
