// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module is as much the compiler's as the kernel is: layouts, plugins, and mitigations follow its version. Kernels before
 * 4.18 do not say which it was; they are too old for other reasons.
 * Otherwise: was built with another compiler than this one: install that (Debian's linux-headers depend on it), or set IGNORE_CC_MISMATCH=1 and be on your own
 */
#include <linux/kconfig.h>
#ifndef IGNORE_CC_MISMATCH
#if defined(CONFIG_CC_IS_CLANG) != defined(__clang__)
#error "gcc and clang"
#elif defined(__clang__)
#if CONFIG_CLANG_VERSION / 10000 != __clang_major__
#error "another clang"
#endif
#elif defined(CONFIG_GCC_VERSION) && CONFIG_GCC_VERSION / 10000 != __GNUC__
#error "another gcc"
#endif
#endif
