// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module is as much the compiler's as the kernel is: layouts, plugins, and mitigations follow its version.
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
#elif CONFIG_GCC_VERSION / 10000 != __GNUC__
#error "another gcc"
#endif
#endif
