/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: per-CPU data of the one CPU. */
#ifndef HOST_LINUX_PERCPU_H
#define HOST_LINUX_PERCPU_H

#include <linux/slab.h>
#include <linux/preempt.h>
#define nr_cpu_ids		1U
#define NR_CPUS			1
#define num_online_cpus()	1U
#define num_possible_cpus()	1U
#define smp_processor_id()	0
#define raw_smp_processor_id()	0
#define cpu_possible_mask	NULL
#define for_each_possible_cpu(c) for ((c) = 0; (c) < 1; (c)++)
#define for_each_online_cpu(c)	for ((c) = 0; (c) < 1; (c)++)
#define for_each_cpu(c, m)	for ((c) = 0; (c) < 1; (c)++)
#define DEFINE_PER_CPU(t, n)	t n
#define DECLARE_PER_CPU(t, n)	extern t n
#define alloc_percpu(t)		((t *)kzalloc(sizeof(t), GFP_KERNEL))
#define alloc_percpu_gfp(t, g)	((t *)kzalloc(sizeof(t), g))
#define __alloc_percpu(s, a)	kzalloc(s, GFP_KERNEL)
#define free_percpu(p)		kfree((void *)(p))
#define per_cpu_ptr(p, c)	({ (void)(c); (p); })
#define this_cpu_ptr(p)		(p)
#define raw_cpu_ptr(p)		(p)
#define per_cpu(v, c)		(*({ (void)(c); &(v); }))
#define this_cpu_read(v)	(v)
#define this_cpu_write(v, x)	((v) = (x))
#define this_cpu_add(v, n)	((void)((v) += (n)))
#define this_cpu_sub(v, n)	((void)((v) -= (n)))
#define this_cpu_inc(v)		((void)(v)++)
#define this_cpu_dec(v)		((void)(v)--)
#define this_cpu_add_return(v, n) ((v) += (n))
#define this_cpu_inc_return(v)	(++(v))
#define __this_cpu_add		this_cpu_add
#define __this_cpu_inc		this_cpu_inc
#define get_cpu()		({ preempt_disable(); 0; })
#define put_cpu()		preempt_enable()
#define get_cpu_ptr(p)		({ preempt_disable(); (p); })
#define put_cpu_ptr(p)		do { (void)(p); preempt_enable(); } while (0)
#define get_cpu_var(v)		(*({ preempt_disable(); &(v); }))
#define put_cpu_var(v)		do { (void)&(v); preempt_enable(); } while (0)

#endif /* HOST_LINUX_PERCPU_H */
