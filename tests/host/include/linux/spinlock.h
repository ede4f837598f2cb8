/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: spinlocks: a contended one is a bug here, because its holder slept or is ourselves. */
#ifndef HOST_LINUX_SPINLOCK_H
#define HOST_LINUX_SPINLOCK_H

#include <linux/spinlock_types.h>
#include <linux/irqflags.h>
#include <linux/atomic.h>
void host_spin_init(spinlock_t *l, const char *name);
void host_spin_lock(spinlock_t *l, const char *file, int line);
int host_spin_trylock(spinlock_t *l, const char *file, int line);
void host_spin_unlock(spinlock_t *l, const char *file, int line);
void host_write_lock(rwlock_t *l, const char *file, int line);
void host_write_unlock(rwlock_t *l, const char *file, int line);
void host_read_lock(rwlock_t *l, const char *file, int line);
void host_read_unlock(rwlock_t *l, const char *file, int line);
#define spin_lock_init(l)		host_spin_init(l, #l)
#define spin_lock(l)			host_spin_lock(l, __FILE__, __LINE__)
#define spin_unlock(l)			host_spin_unlock(l, __FILE__, __LINE__)
#define spin_lock_irq(l)		do { local_irq_disable(); spin_lock(l); } while (0)
#define spin_unlock_irq(l)		do { spin_unlock(l); local_irq_enable(); } while (0)
#define spin_lock_irqsave(l, f) do { \
	typecheck_flags(f); local_irq_save(f); spin_lock(l); } while (0)
#define spin_unlock_irqrestore(l, f)	do { spin_unlock(l); local_irq_restore(f); } while (0)
#define typecheck_flags(f)		((void)((unsigned long *)0 == (typeof(f) *)0))

#endif /* HOST_LINUX_SPINLOCK_H */
