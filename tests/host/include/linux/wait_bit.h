/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: waiting on a bit or on a variable. */
#ifndef HOST_LINUX_WAIT_BIT_H
#define HOST_LINUX_WAIT_BIT_H

#include <linux/wait.h>
#include <linux/bitops.h>
struct wait_queue_head *host_var_queue(const void *p);
static inline void wake_up_bit(void *word, int bit) { wake_up_all(host_var_queue(word)); }
static inline int wait_on_bit(unsigned long *word, int bit, unsigned int mode)
{
	wait_event(*host_var_queue(word), !test_bit(bit, word));
	return 0;
}
static inline void clear_and_wake_up_bit(int bit, void *word)
{
	clear_bit_unlock(bit, word);
	wake_up_bit(word, bit);
}

#endif /* HOST_LINUX_WAIT_BIT_H */
