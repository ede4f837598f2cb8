/* SPDX-License-Identifier: GPL-2.0-only */
/* The times of a VFS inode, its state bits and version. */
#ifndef COMPAT_TIMES_H
#define COMPAT_TIMES_H

#include <linux/fs.h>
#include <linux/iversion.h>
#include "dx_have.h"

#if HAVE_INODE_TIMES >= 1
static inline struct timespec64 dx_inode_ctime(struct inode *inode) { return inode_get_ctime(inode); }
static inline void dx_inode_set_ctime(struct inode *inode, struct timespec64 ts) { inode_set_ctime_to_ts(inode, ts); }
#else
static inline struct timespec64 dx_inode_ctime(struct inode *inode) { return inode->i_ctime; }
static inline void dx_inode_set_ctime(struct inode *inode, struct timespec64 ts) { inode->i_ctime = ts; }
#endif

#if HAVE_INODE_TIMES >= 2
static inline struct timespec64 dx_inode_atime(struct inode *inode) { return inode_get_atime(inode); }
static inline struct timespec64 dx_inode_mtime(struct inode *inode) { return inode_get_mtime(inode); }
static inline void dx_inode_set_atime(struct inode *inode, struct timespec64 ts) { inode_set_atime_to_ts(inode, ts); }
static inline void dx_inode_set_mtime(struct inode *inode, struct timespec64 ts) { inode_set_mtime_to_ts(inode, ts); }
#else
static inline struct timespec64 dx_inode_atime(struct inode *inode) { return inode->i_atime; }
static inline struct timespec64 dx_inode_mtime(struct inode *inode) { return inode->i_mtime; }
static inline void dx_inode_set_atime(struct inode *inode, struct timespec64 ts) { inode->i_atime = ts; }
static inline void dx_inode_set_mtime(struct inode *inode, struct timespec64 ts) { inode->i_mtime = ts; }
#endif

/* Inode state. @mask: I_*; i_lock held, or a bit that does not change under us. */
static inline bool dx_inode_state(struct inode *inode, unsigned int mask)
{
#if HAVE_INODE_STATE
	return inode_state_read_once(inode) & mask;
#else
	return READ_ONCE(inode->i_state) & mask;
#endif
}

/* The raw change counter (of linux/iversion.h) becomes @val if it is smaller. */
static inline void dx_inode_set_max_iversion(struct inode *inode, u64 val)
{
#if HAVE_MAX_IVERSION
	inode_set_max_iversion_raw(inode, val);
#else
	atomic64_t *counter = (atomic64_t *)&inode->i_version;
	u64 now = atomic64_read(counter), seen;

	while (now < val && (seen = atomic64_cmpxchg(counter, now, val)) != now)
		now = seen;
#endif
}

#endif /* COMPAT_TIMES_H */
