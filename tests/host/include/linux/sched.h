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
#define TASK_DEAD		0x0080
#define TASK_WAKEKILL		0x0100
#define TASK_NOLOAD		0x0400
#define TASK_KILLABLE		(TASK_WAKEKILL | TASK_UNINTERRUPTIBLE)
#define TASK_IDLE		(TASK_UNINTERRUPTIBLE | TASK_NOLOAD)
#define TASK_NORMAL		(TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE)
#define MAX_SCHEDULE_TIMEOUT	LONG_MAX
#define TASK_COMM_LEN		16
#define PF_EXITING		0x00000004
#define PF_WQ_WORKER		0x00000020
#define PF_MEMALLOC		0x00000800
#define PF_KSWAPD		0x00020000
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
#define get_current()		host_current_task
#define task_pid_nr(t)		((t)->pid)
#define get_task_struct(t)	(t)
#define put_task_struct(t)	do { (void)(t); } while (0)
#define set_current_state(s)	WRITE_ONCE(current->__state, s)
#define __set_current_state(s)	WRITE_ONCE(current->__state, s)
#define set_task_state(t, s)	WRITE_ONCE((t)->__state, s)
#define get_current_state()	READ_ONCE(current->__state)
#define task_is_running(t)	(READ_ONCE((t)->__state) == TASK_RUNNING)
void schedule(void);
long schedule_timeout(long t);
long schedule_timeout_uninterruptible(long t);
#define schedule_timeout_interruptible	schedule_timeout_uninterruptible
#define schedule_timeout_killable	schedule_timeout_uninterruptible
#define schedule_timeout_idle		schedule_timeout_uninterruptible
#define io_schedule()		schedule()
#define io_schedule_timeout(t)	schedule_timeout(t)
int wake_up_process(struct task_struct *t);
int wake_up_state(struct task_struct *t, unsigned int state);
void yield(void);
int host_cond_resched(void);
#define cond_resched()		host_cond_resched()
int host_cond_resched_lock(void *spinlock);
#define cond_resched_lock(l)	host_cond_resched_lock(l)
static inline bool need_resched(void) { return false; }
static inline int signal_pending(struct task_struct *t) { return 0; }
static inline int fatal_signal_pending(struct task_struct *t) { return 0; }
static inline int signal_pending_state(unsigned int s, struct task_struct *t) { return 0; }

#endif /* HOST_LINUX_SCHED_H */
