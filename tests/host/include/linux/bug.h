/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: warnings that count, and bugs that abort. */
#ifndef HOST_LINUX_BUG_H
#define HOST_LINUX_BUG_H

#include <linux/build_bug.h>
#include <linux/types.h>

/* Every WARN*() adds one; a test that ends with it above zero has failed. */
extern unsigned long host_warn_count;
void host_warn(const char *file, int line, const char *func, bool print, const char *fmt, ...)
	__attribute__((__format__(printf, 5, 6)));
void host_bug(const char *file, int line, const char *func, const char *what) __attribute__((__noreturn__));

#define __HOST_WARN(c, show, fmt...) ({					\
	bool __w = !!(c);						\
	if (unlikely(__w))						\
		host_warn(__FILE__, __LINE__, __func__, show, fmt);	\
	unlikely(__w);							\
})
/* A warn-once site counts each time and prints the first time only. */
#define __HOST_WARN_ONCE(c, fmt...) ({					\
	static bool __section(".data.once") __warned;			\
	bool __w = !!(c);						\
	if (unlikely(__w)) {						\
		host_warn(__FILE__, __LINE__, __func__, !__warned, fmt);\
		__warned = true;					\
	}								\
	unlikely(__w);							\
})
#define WARN(c, fmt...)		__HOST_WARN(c, true, fmt)
#define WARN_ON(c)		__HOST_WARN(c, true, "%s", #c)
#define WARN_ONCE(c, fmt...)	__HOST_WARN_ONCE(c, fmt)
#define WARN_ON_ONCE(c)		__HOST_WARN_ONCE(c, "%s", #c)

#endif /* HOST_LINUX_BUG_H */
