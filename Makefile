# SPDX-License-Identifier: GPL-2.0-only
#
# Entry points. The module itself is described in Kbuild; everything longer than
# a line or two is a script under scripts/.
#
#   make                 dioxfs.ko for the running kernel
#   make KVER=...        ... for another installed kernel (or KDIR=path)
#   make DEBUG=1         with error tags and extra asserts
#   make dkms-install    build and install by DKMS for every kernel that has headers (dkms-remove: undo)
#   make deb             the same as a Debian package
#   make rpm             as RPM packages (KERNEL_DIR=dir, or KVER=: also the module for that kernel, without DKMS)
#   make sign            sign dioxfs.ko with KEY=file CERT=file, for kernels that load signed modules only
#   make race-static     the detector alone: a static program and a script for any machine, in build/race-static
#   make race            the race run in a virtual machine (FULL=1: whole matrix)
#   make test            everything, closes with "N passed, N failed" (KERNELS="trixie forky": also, in short, on these)
#   make test-debug      the virtual machine tests under a bug-finding kernel (scripts/debug-kernel)
#   make test-matrix     ... under each supported release's kernel (KERNELS="trixie forky")
#   make test-long       what takes hours: fuzzers, crash points, faults, the full race matrix (HOURS=2, or MINUTES=)
#   make bench           dioxfs against the stock xfs, as ratios
#   make bench-stall     what space operations cost the direct writers of the same file, also on ext4 and btrfs (BENCH_ARGS="--quick")
#   make check           static checks (CHECK_ARGS="--base REV")
#
# What dkms-install and the packages leave in /usr/src has what make, sign, dkms-remove and race need; the rest is in a clone.

KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build
DEBUG ?= 0
VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)

# Kernel that the virtual machines boot; empty lets the scripts find it.
VMKVER ?=

all: modules

modules: kdir
	$(MAKE) -C $(KDIR) M=$(CURDIR) DEBUG=$(DEBUG) modules

kdir:
	@sh src/compat/prepared.sh $(KDIR) $(if $(and $(filter command line,$(origin KDIR)),$(filter-out command line,$(origin KVER))),"",$(KVER))

clean:
	@find . -path ./.git -prune -o \( -name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' -o -name '.*.cmd' \
		-o -name '*.symvers' -o -name modules.order -o -name dx_have.h \) -type f -exec rm -f {} +
	@rm -rf out build rpm dioxfs-dkms_*.deb
	@if test -f tests/host/Makefile; then $(MAKE) -s -C tests/host clean; fi

deps:
	scripts/deps

# For every kernel that has headers, or only for the one named on the command line.
dkms-install:
	@scripts/dkms install $(VERSION) $(if $(filter command line environment,$(origin KVER)),$(KVER))

dkms-remove:
	@scripts/dkms remove $(VERSION)

# dioxfs-dkms_VERSION_all.deb, here
deb:
	@scripts/deb $(VERSION)

# dioxfs-dkms and dioxfs-utils, and kmod-dioxfs for a kernel that was named; in rpm/
rpm:
	@scripts/rpm $(VERSION) rpm $(if $(KERNEL_DIR),--kernel-dir $(KERNEL_DIR),$(if $(filter command line,$(origin KVER)),--kver $(KVER)))

# The key is read where it is, and kept nowhere. SIGN_KO: another module than the one here
sign:
	@scripts/sign-module "$(KEY)" "$(CERT)" "$(KDIR)" "$(or $(SIGN_KO),dioxfs.ko)"

race: deps
	scripts/race-run --fs $(or $(FS),dioxfs) --cut $(if $(filter 1,$(FULL)),full,race) $(RACE_ARGS)

race-static:
	scripts/race-static $(VERSION)

test: deps
	scripts/test $(if $(KERNELS),--kernels "$(KERNELS)") $(if $(MINUTES),--minutes $(MINUTES)) $(TEST_ARGS)

test-host: deps
	scripts/test --only host $(TEST_ARGS)

test-vm: deps
	scripts/test --only vm $(TEST_ARGS)

# KASAN, lockdep and friends; the first time builds that kernel. Not in CI: too slow.
test-debug: deps
	scripts/debug-kernel
	scripts/test --kernel debug $(TEST_ARGS)

# Each supported kernel with its own release's programs; the first time makes their root trees (a few minutes each).
# All four end with a forecast for the kernel that comes next.
test-matrix: deps
	rc=0; for r in $(or $(KERNELS),bullseye bookworm trixie forky); do scripts/test --kernel $$r $(TEST_ARGS) || rc=1; done; \
	$(if $(KERNELS),,scripts/next-kernel;) exit $$rc

# Each time with other seeds, which it prints. Not in CI.
test-long: deps
	scripts/test --only long --minutes $(or $(MINUTES),$(if $(HOURS),$(shell expr $(HOURS) \* 60),60)) $(if $(SEED),--seed $(SEED)) $(TEST_ARGS)

bench: deps
	scripts/bench $(BENCH_ARGS)

bench-stall: deps
	scripts/bench-stall $(BENCH_ARGS)

# sparse, checkpatch, cppcheck, shellcheck, pyflakes, rooms, clang-format: scripts/check says what each looks at
check: deps
	scripts/check $(CHECK_ARGS)

.PHONY: all modules kdir clean deps dkms-install dkms-remove deb rpm sign race race-static test test-host test-vm test-debug test-matrix test-long bench bench-stall check
