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
#define spin_trylock(l)			host_spin_trylock(l, __FILE__, __LINE__)
#define spin_unlock(l)			host_spin_unlock(l, __FILE__, __LINE__)
#define spin_lock_nested(l, s)		spin_lock(l)
#define spin_lock_nest_lock(l, n)	spin_lock(l)
#define spin_lock_irq(l)		do { local_irq_disable(); spin_lock(l); } while (0)
#define spin_unlock_irq(l)		do { spin_unlock(l); local_irq_enable(); } while (0)
#define spin_lock_bh(l)			do { local_bh_disable(); spin_lock(l); } while (0)
#define spin_unlock_bh(l)		do { spin_unlock(l); local_bh_enable(); } while (0)
#define spin_lock_irqsave(l, f) do { \
	typecheck_flags(f); local_irq_save(f); spin_lock(l); } while (0)
#define spin_lock_irqsave_nested(l, f, s) spin_lock_irqsave(l, f)
#define spin_unlock_irqrestore(l, f)	do { spin_unlock(l); local_irq_restore(f); } while (0)
#define spin_trylock_irqsave(l, f) ({ \
	local_irq_save(f); spin_trylock(l) ? 1 : ({ local_irq_restore(f); 0; }); })
#define typecheck_flags(f)		((void)((unsigned long *)0 == (typeof(f) *)0))
static inline int spin_is_locked(spinlock_t *l) { return l->host_owner != NULL; }
static inline int spin_is_contended(spinlock_t *l) { return 0; }
#define assert_spin_locked(l)		WARN_ON(!spin_is_locked(l))
#define raw_spin_lock_init		spin_lock_init
#define raw_spin_lock			spin_lock
#define raw_spin_trylock		spin_trylock
#define raw_spin_unlock			spin_unlock
#define raw_spin_lock_irq		spin_lock_irq
#define raw_spin_unlock_irq		spin_unlock_irq
#define raw_spin_lock_irqsave		spin_lock_irqsave
#define raw_spin_unlock_irqrestore	spin_unlock_irqrestore
#define rwlock_init(l)			do { *(l) = (rwlock_t) { .dep_map = { .name = #l } }; } while (0)
#define read_lock(l)			host_read_lock(l, __FILE__, __LINE__)
#define read_unlock(l)			host_read_unlock(l, __FILE__, __LINE__)
#define write_lock(l)			host_write_lock(l, __FILE__, __LINE__)
#define write_unlock(l)			host_write_unlock(l, __FILE__, __LINE__)
#define read_lock_irqsave(l, f)		do { local_irq_save(f); read_lock(l); } while (0)
#define read_unlock_irqrestore(l, f)	do { read_unlock(l); local_irq_restore(f); } while (0)
#define write_lock_irqsave(l, f)	do { local_irq_save(f); write_lock(l); } while (0)
#define write_unlock_irqrestore(l, f)	do { write_unlock(l); local_irq_restore(f); } while (0)
#define read_lock_irq(l)		do { local_irq_disable(); read_lock(l); } while (0)
#define read_unlock_irq(l)		do { read_unlock(l); local_irq_enable(); } while (0)
#define write_lock_irq(l)		do { local_irq_disable(); write_lock(l); } while (0)
#define write_unlock_irq(l)		do { write_unlock(l); local_irq_enable(); } while (0)
#define read_lock_bh(l)			do { local_bh_disable(); read_lock(l); } while (0)
#define read_unlock_bh(l)		do { read_unlock(l); local_bh_enable(); } while (0)
#define write_lock_bh(l)		do { local_bh_disable(); write_lock(l); } while (0)
#define write_unlock_bh(l)		do { write_unlock(l); local_bh_enable(); } while (0)
static inline int atomic_dec_and_lock(atomic_t *a, spinlock_t *l)
{
	if (atomic_add_unless(a, -1, 1))
		return 0;
	spin_lock(l);
	if (atomic_dec_and_test(a))
		return 1;
	spin_unlock(l);
	return 0;
}
#define atomic_dec_and_lock_irqsave(a, l, f) ({ \
	int __dl = 0; \
	if (!atomic_add_unless(a, -1, 1)) { \
		spin_lock_irqsave(l, f); \
		if (atomic_dec_and_test(a)) __dl = 1; else spin_unlock_irqrestore(l, f); \
	} __dl; })

#endif /* HOST_LINUX_SPINLOCK_H */
