/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: printk and its levels. */
#ifndef HOST_LINUX_PRINTK_H
#define HOST_LINUX_PRINTK_H

#include <linux/types.h>
#define KERN_SOH	"\001"
#define KERN_ERR	KERN_SOH "3"
#define KERN_WARNING	KERN_SOH "4"
#define KERN_INFO	KERN_SOH "6"

struct va_format { const char *fmt; va_list *va; };

int printk(const char *fmt, ...) __printf(1, 2);
int vprintk(const char *fmt, va_list args) __printf(1, 0);
void dump_stack(void);
enum { DUMP_PREFIX_NONE, DUMP_PREFIX_ADDRESS, DUMP_PREFIX_OFFSET };
void print_hex_dump(const char *level, const char *prefix, int type, int rowsize, int group,
		    const void *buf, size_t len, bool ascii);

#ifndef pr_fmt
#define pr_fmt(fmt) fmt
#endif

#endif /* HOST_LINUX_PRINTK_H */
