/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: kernel threads are fibers. */
#ifndef HOST_LINUX_KTHREAD_H
#define HOST_LINUX_KTHREAD_H

#include <linux/sched.h>
#include <linux/err.h>
struct task_struct *kthread_create(int (*fn)(void *), void *data, const char *fmt, ...) __printf(3, 4);
#define kthread_run(fn, data, fmt, ...) ({ \
	struct task_struct *__k = kthread_create(fn, data, fmt, ##__VA_ARGS__); \
	if (!IS_ERR(__k)) { wake_up_process(__k); } __k; })
bool kthread_should_stop(void);
int kthread_stop(struct task_struct *t);

#endif /* HOST_LINUX_KTHREAD_H */
