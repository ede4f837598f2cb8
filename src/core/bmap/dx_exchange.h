/* SPDX-License-Identifier: GPL-2.0-only */
/* Exchanging what two ranges of files map: exchange.c; all of two files: swapext.c. */
#ifndef DX_EXCHANGE_H
#define DX_EXCHANGE_H

#include "dx_bmap.h"

/*
 * What is to be exchanged.  The inodes may be the same, the ranges apart.  Offsets are multiples of blocks; a length that is not
 * is rounded up, so what lies behind the end of a file in its last block goes with it.
 */
struct dx_exchange {
	struct dx_inode	*ip1, *ip2;
	u64		off1_bytes, off2_bytes, len_bytes;
	bool		written;	/* only where @ip1 has written extents */
	bool		set_sizes;	/* and the sizes on disk become these: */
	u64		size1_bytes, size2_bytes;
	u64		reach1_bytes, reach2_bytes;	/* or else, grow to these: what is durable must not lie behind them */
	bool		dry;		/* is there room for it?  Changes nothing */
	bool		still1, still2;	/* the times of this one stay */
	bool		by_runs;	/* run by run, without the promise of the whole: for volumes that do not know that */
};

int dx_exchange_range(const struct dx_exchange *x);
int dx_swapext(struct dx_inode *ip, struct dx_inode *tip, u64 size_bytes);	/* swapext.c: all of two files */
extern const struct dx_defer_type dx_exchange_type;	/* XMI and XMD */

#endif /* DX_EXCHANGE_H */
