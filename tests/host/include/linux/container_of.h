/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: container_of. */
#ifndef HOST_LINUX_CONTAINER_OF_H
#define HOST_LINUX_CONTAINER_OF_H

#include <linux/build_bug.h>
#include <linux/err.h>
#define container_of(ptr, type, member) ({				\
	void *__mptr = (void *)(ptr);					\
	_Static_assert(__same_type(*(ptr), ((type *)0)->member) ||	\
		       __same_type(*(ptr), void), "container_of: wrong pointer type"); \
	((type *)(__mptr - offsetof(type, member))); })

#endif /* HOST_LINUX_CONTAINER_OF_H */
