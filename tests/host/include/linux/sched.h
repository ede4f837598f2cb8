/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: the current task is the current fiber. */
#ifndef HOST_LINUX_SCHED_H
#define HOST_LINUX_SCHED_H

#include <linux/types.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/preempt.h>

#define TASK_RUNNING		0x0000
#define TASK_INTERRUPTIBLE	0x0001
#define TASK_UNINTERRUPTIBLE	0x0002
#define TASK_NORMAL		(TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE)
#define MAX_SCHEDULE_TIMEOUT	LONG_MAX
#define TASK_COMM_LEN		16
#define PF_WQ_WORKER		0x00000020
#define PF_MEMALLOC		0x00000800
#define PF_MEMALLOC_NOFS	0x00040000
#define PF_MEMALLOC_NOIO	0x00080000
#define PF_KTHREAD		0x00200000

struct task_struct {
	unsigned int __state;
	unsigned int flags;
	int pid, tgid;
	char comm[TASK_COMM_LEN];
	void *journal_info;
	void *host;			/* the fiber */
};
extern struct task_struct *host_current_task;
#define current			host_current_task
#define __set_current_state(s)	WRITE_ONCE(current->__state, s)
void schedule(void);
long schedule_timeout(long t);
long schedule_timeout_uninterruptible(long t);
int wake_up_process(struct task_struct *t);
int wake_up_state(struct task_struct *t, unsigned int state);
void yield(void);
int host_cond_resched(void);
#define cond_resched()		host_cond_resched()
int host_cond_resched_lock(void *spinlock);

#endif /* HOST_LINUX_SCHED_H */
