#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# prepared.sh KDIR RELEASE [WHERE]: is KDIR what modules for kernel RELEASE can be built in? If not, it says in one sentence what is
# missing and what to do, and fails. RELEASE may be empty: whatever KDIR is of. WHERE is what to call KDIR.
# Files only; what the headers in it declare is probe.sh's to find out.
set -u
k=$1 release=$2 where=${3:-$1}
stop() { echo "dioxfs: $*" >&2; exit 1; }
get="install linux-headers-${release:-...} (Debian), kernel-devel-${release:-...} (EL), or name another kernel with KVER= or KDIR=."

[ -e "$k/Makefile" ] || stop "no kernel headers at $where: $get"
{ [ -e "$k/include/config/auto.conf" ] && [ -e "$k/include/generated/autoconf.h" ]; } ||
	stop "the kernel tree $where is not configured (include/config/auto.conf and include/generated/autoconf.h): give it the kernel's .config, then run make olddefconfig and make modules_prepare there; a build tree that is not the source is named by O= in make, and is itself what KDIR must be."
[ -e "$k/include/generated/utsrelease.h" ] ||
	stop "the kernel tree $where is prepared in part (no include/generated/utsrelease.h): run make modules_prepare there."
is=$(sed -n 's/^#define UTS_RELEASE "\(.*\)"/\1/p' "$k/include/generated/utsrelease.h")
[ -z "$release" ] || [ "$is" = "$release" ] ||
	stop "the headers at $where are those of kernel $is, not of $release, which would not load what is built with them: $get"
yes() { grep -qx "CONFIG_$1=y" "$k/include/config/auto.conf"; }
yes MODULES || stop "kernel $is loads no modules (CONFIG_MODULES is off)."
tools="scripts/basic/fixdep scripts/mod/modpost"
! yes OBJTOOL && ! yes STACK_VALIDATION || tools="$tools tools/objtool/objtool"
for t in $tools; do
	[ -e "$k/$t" ] || stop "the kernel tree $where is prepared in part (no $t): run make modules_prepare there."
done
[ -e "$k/Module.symvers" ] ||
	stop "the kernel tree $where has no Module.symvers, without which nobody knows what this kernel exports: build the kernel there (make modules_prepare does not make that file), or copy it from the build of this very kernel."
