#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# For dracut (/usr/lib/dracut/modules.d/90dioxfs/module-setup.sh): the module, where fstab wants it; dracut itself
# adds what modprobe.d says. $kernel is the kernel of the image.
check() {
	"${dracutsysrootdir-}/usr/lib/dioxfs/wanted" "${dracutsysrootdir-}" || return 255
}

depends() {
	return 0
}

installkernel() {
	# shellcheck disable=SC2154	# dracut sets it
	instmods -c dioxfs || dwarn "dioxfs: kernel $kernel has no dioxfs.ko, and fstab mounts such a filesystem: it will not be there at boot (dioxfs-modules says what to do)"
}

install() {
	inst_multiple -o fsck.dioxfs
}
