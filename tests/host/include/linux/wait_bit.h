/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: waiting on a bit or on a variable. */
#ifndef HOST_LINUX_WAIT_BIT_H
#define HOST_LINUX_WAIT_BIT_H

#include <linux/wait.h>
#include <linux/bitops.h>
struct wait_queue_head *host_var_queue(const void *p);
#define wait_var_event(v, cond)		wait_event(*host_var_queue(v), cond)
#define wait_var_event_timeout(v, cond, t) wait_event_timeout(*host_var_queue(v), cond, t)
#define wait_var_event_killable(v, cond)	({ wait_var_event(v, cond); 0; })
#define wait_var_event_interruptible(v, cond)	({ wait_var_event(v, cond); 0; })
static inline void wake_up_var(void *v) { wake_up_all(host_var_queue(v)); }
static inline void wake_up_bit(void *word, int bit) { wake_up_all(host_var_queue(word)); }
#define bit_waitqueue(w, b)		host_var_queue(w)
static inline int wait_on_bit(unsigned long *word, int bit, unsigned int mode)
{
	wait_event(*host_var_queue(word), !test_bit(bit, word));
	return 0;
}
#define wait_on_bit_io wait_on_bit
static inline int wait_on_bit_timeout(unsigned long *word, int bit, unsigned int mode, unsigned long t)
{
	return wait_event_timeout(*host_var_queue(word), !test_bit(bit, word), t) ? 0 : -EAGAIN;
}
static inline int wait_on_bit_lock(unsigned long *word, int bit, unsigned int mode)
{
	wait_event(*host_var_queue(word), !test_and_set_bit(bit, word));
	return 0;
}
#define wait_on_bit_lock_io wait_on_bit_lock
static inline void clear_and_wake_up_bit(int bit, void *word)
{
	clear_bit_unlock(bit, word);
	wake_up_bit(word, bit);
}

#endif /* HOST_LINUX_WAIT_BIT_H */
