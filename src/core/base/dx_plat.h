/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the core needs from below: block I/O with completion, discard, time
 * and printing.  Two implementations: src/vfs/plat.c (bios) and
 * tests/host/plat_host.c (a simulated device that can crash, tear, reorder
 * and fail).  Everything else the core uses is the kernel API of dx_kern.h.
 *
 * Addresses and lengths are in basic blocks (bb, 512 bytes).
 */
#ifndef DX_PLAT_H
#define DX_PLAT_H

#include "dx_kern.h"

struct dx_mount;
struct dx_bdev;			/* opaque: a block device, owned by the platform */

enum dx_io_op {
	DX_IO_READ,
	DX_IO_WRITE,
	DX_IO_FLUSH,		/* no data: make all completed writes durable */
};

#define DX_IOF_PREFLUSH	(1u << 0)	/* flush the device cache before this write */
#define DX_IOF_FUA	(1u << 1)	/* this write is durable when it completes */
#define DX_IOF_META	(1u << 2)
#define DX_IOF_SYNC	(1u << 3)	/* somebody waits */
#define DX_IOF_RAHEAD	(1u << 4)

/*
 * One I/O.  The caller owns the memory of the dx_io and of the data until
 * ->done runs.  ->done may run in interrupt context: it must not sleep.
 * It runs exactly once for each submit, possibly before submit returns.
 */
struct dx_io {
	enum dx_io_op	op;
	unsigned int	flags;		/* DX_IOF_* */
	struct dx_bdev	*bdev;
	u64		daddr_bb;
	size_t		len_bytes;	/* multiple of 512 */
	void		*data;		/* virtually contiguous: kmalloc, kvmalloc or vmalloc memory */
	void		(*done)(struct dx_io *io, int error);
	void		*private;	/* for the platform, between submit and done */
	void		*owner;		/* for the caller */
	atomic_t	remaining;	/* for the platform */
	int		error;		/* for the platform */
};

void dx_plat_submit(struct dx_io *io);		/* may sleep */
int dx_plat_io_wait(struct dx_io *io);		/* submit, sleep until done, return error; overwrites ->done and ->owner */
int dx_plat_flush(struct dx_bdev *bdev);	/* synchronous device cache flush */
int dx_plat_discard(struct dx_bdev *bdev, u64 daddr_bb, u64 len_bb);
bool dx_plat_can_discard(struct dx_bdev *bdev);
u64 dx_plat_size_bb(struct dx_bdev *bdev);
unsigned int dx_plat_lbs_bytes(struct dx_bdev *bdev);	/* logical sector size */
bool dx_plat_readonly(struct dx_bdev *bdev);
const char *dx_plat_name(struct dx_bdev *bdev);		/* for messages: "vdb" */
void dx_plat_now(struct dx_mount *mp, struct timespec64 *ts);	/* wall-clock time, coarse: what the VFS puts into timestamps */
bool dx_plat_killed(void);				/* is the task to die: should it leave a long loop? */
int dx_plat_interrupted(void);				/* -EINTR: it is; -ERESTARTSYS: to leave for a suspend */

#endif /* DX_PLAT_H */
