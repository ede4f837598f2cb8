// SPDX-License-Identifier: GPL-2.0-only
/*
 * The platform of the core (dx_plat.h) in the kernel: block I/O as bios.
 *
 * A dx_io becomes one bio, or several when it is longer than a bio may be; each
 * holds one count of io->remaining and the submitter holds one more, so that ->done runs once and after
 * the last.  The dx_io and the data belong to the caller until then.  Submission may sleep for a bio
 * (never fails: the mempool behind bio_alloc() is refilled by completions,
 * and each bio is submitted before the next is allocated).  Completion runs in
 * whatever context the driver ends bios in.
 */
#include <linux/freezer.h>
#include <linux/module.h>
#include <linux/blkdev.h>
#include <linux/bio.h>
#include <linux/highmem.h>
#include "dx_vfs.h"
#include "dx_plat.h"

struct dx_bdev {
	struct block_device	*bdev;
	char			name[BDEVNAME_SIZE];
};

/**
 * dx_plat_bdev_get - wrap a block device for the core
 * @bdev: an open device; stays open at least until dx_plat_bdev_put()
 *
 * Return: the wrapper or NULL without memory.
 */
struct dx_bdev *dx_plat_bdev_get(struct block_device *bdev)
{
	struct dx_bdev *b = kzalloc(sizeof(*b), GFP_KERNEL);

	if (b) {
		b->bdev = bdev;
		snprintf(b->name, sizeof(b->name), "%pg", bdev);
	}
	return b;
}

/**
 * dx_plat_bdev_put - free the wrapper
 * @bdev: the wrapper or NULL; no I/O in flight.  The device itself is the caller's
 */
void dx_plat_bdev_put(struct dx_bdev *bdev)
{
	kfree(bdev);
}

static void io_end(struct dx_io *io)
{
	if (!atomic_dec_and_test(&io->remaining))
		return;
	if (io->op == DX_IO_READ && is_vmalloc_addr(io->data))
		invalidate_kernel_vmap_range(io->data, io->len_bytes);
	io->done(io, io->error);
}

static void bio_end(struct bio *bio)
{
	struct dx_io *io = bio->bi_private;

	if (bio->bi_status)
		WRITE_ONCE(io->error, blk_status_to_errno(bio->bi_status));
	bio_put(bio);
	io_end(io);
}

static dx_opf_t op_flags(const struct dx_io *io)
{
	dx_opf_t opf = io->op == DX_IO_READ ? REQ_OP_READ : REQ_OP_WRITE;

	if (io->flags & DX_IOF_PREFLUSH)
		opf |= REQ_PREFLUSH;
	if (io->flags & DX_IOF_FUA)
		opf |= REQ_FUA;
	if (io->flags & DX_IOF_META)
		opf |= REQ_META;
	if (io->flags & DX_IOF_SYNC)
		opf |= REQ_SYNC;
	if (io->flags & DX_IOF_RAHEAD)
		opf |= REQ_RAHEAD;
	return opf;
}

static struct page *data_page(const void *p)
{
	return is_vmalloc_addr(p) ? vmalloc_to_page(p) : virt_to_page(p);
}

/* Fill @bio from *data on; returns bytes added. */
static size_t fill_bio(struct bio *bio, char *data, size_t left)
{
	size_t added = 0;

	while (added < left) {
		unsigned int off = offset_in_page(data + added);
		unsigned int len = min_t(size_t, PAGE_SIZE - off, left - added);

		if (bio_add_page(bio, data_page(data + added), len, off) != len)
			break;
		added += len;
	}
	return added;
}

/**
 * dx_plat_submit - start an I/O
 * @io: op, flags, bdev, daddr_bb, len_bytes, data and done are set
 *
 * May sleep.  ->done runs exactly once, possibly before this returns.
 */
void dx_plat_submit(struct dx_io *io)
{
	struct block_device *bdev = io->bdev->bdev;
	dx_opf_t opf = op_flags(io);
	sector_t sector = io->daddr_bb;
	char *data = io->data;
	size_t left = io->op == DX_IO_FLUSH ? 0 : io->len_bytes;
	bool first = true;

	io->error = 0;
	atomic_set(&io->remaining, 1);
	if (io->op == DX_IO_FLUSH)
		opf = REQ_OP_WRITE | REQ_PREFLUSH | REQ_SYNC;
	else if (io->op == DX_IO_WRITE && is_vmalloc_addr(data))
		flush_kernel_vmap_range(data, left);
	/*
	 * The flush has to come before all of the data; in the first of several bios it would only come before that
	 * bio's own.
	 */
	if ((opf & REQ_PREFLUSH) && left > (BIO_MAX_VECS - 1) * PAGE_SIZE) {
		io->error = dx_blkdev_flush(bdev);
		if (io->error)
			goto out;
		opf &= ~REQ_PREFLUSH;
	}
	while (left || first) {
		size_t span = offset_in_page(data) + left;
		unsigned short vecs = min_t(size_t, DIV_ROUND_UP(span, PAGE_SIZE), BIO_MAX_VECS);
		struct bio *bio = dx_bio_alloc(bdev, left ? vecs : 0, opf, GFP_NOIO);
		size_t added;

		bio->bi_iter.bi_sector = left ? sector : 0;
		bio->bi_private = io;
		bio->bi_end_io = bio_end;
		added = fill_bio(bio, data, left);
		if (WARN_ON_ONCE(left && (!added || added % SECTOR_SIZE))) {
			bio_put(bio);
			io->error = -EIO;
			break;
		}
		data += added;
		sector += added >> SECTOR_SHIFT;
		left -= added;
		first = false;
		atomic_inc(&io->remaining);
		submit_bio(bio);
	}
out:
	io_end(io);
}

static void wake_waiter(struct dx_io *io, int error)
{
	io->error = error;
	complete(io->owner);
}

/**
 * dx_plat_io_wait - do an I/O and sleep until it has ended
 * @io: as for dx_plat_submit(); ->done and ->owner are overwritten
 *
 * Return: 0 or -errno.
 */
int dx_plat_io_wait(struct dx_io *io)
{
	DECLARE_COMPLETION_ONSTACK(ended);

	io->done = wake_waiter;
	io->owner = &ended;
	dx_plat_submit(io);
	wait_for_completion_io(&ended);
	return io->error;
}

/**
 * dx_plat_flush - make all completed writes durable
 * @bdev: the device
 *
 * Sleeps.  Return: 0 or -errno.
 */
int dx_plat_flush(struct dx_bdev *bdev)
{
	return dx_blkdev_flush(bdev->bdev);
}

/**
 * dx_plat_discard - tell the device that a range holds nothing
 * @bdev: the device
 * @daddr_bb: start
 * @len_bb: length
 *
 * Sleeps.  Return: 0 or -errno; a device that cannot is -EOPNOTSUPP.
 */
int dx_plat_discard(struct dx_bdev *bdev, u64 daddr_bb, u64 len_bb)
{
	return dx_blkdev_discard(bdev->bdev, daddr_bb, len_bb);
}

/**
 * dx_plat_can_discard - does the device take discards?
 * @bdev: the device
 */
bool dx_plat_can_discard(struct dx_bdev *bdev)
{
	return dx_bdev_can_discard(bdev->bdev);
}

/**
 * dx_plat_size_bb - size of the device
 * @bdev: the device
 */
u64 dx_plat_size_bb(struct dx_bdev *bdev)
{
	return dx_bdev_sectors(bdev->bdev);
}

/**
 * dx_plat_lbs_bytes - smallest unit of I/O
 * @bdev: the device
 */
unsigned int dx_plat_lbs_bytes(struct dx_bdev *bdev)
{
	return bdev_logical_block_size(bdev->bdev);
}

/**
 * dx_plat_readonly - does the device refuse writes?
 * @bdev: the device
 */
bool dx_plat_readonly(struct dx_bdev *bdev)
{
	return bdev_read_only(bdev->bdev);
}

/**
 * dx_plat_name - name for messages
 * @bdev: the device
 */
const char *dx_plat_name(struct dx_bdev *bdev)
{
	return bdev->name;
}

/**
 * dx_plat_now - wall-clock time as file timestamps use it
 * @mp: mount
 * @ts: result
 *
 * The VFS's own clock, for a file has times from both. From Linux 6.13 on that is the coarse one, or later: not before
 * any time that a filesystem with finer timestamps has given out. Modules get it for an inode only.
 */
void dx_plat_now(struct dx_mount *mp, struct timespec64 *ts)
{
	*ts = current_time(&container_of(mp, struct dx_super, mp)->clock);
}

/**
 * dx_plat_killed - is the task to die?
 *
 * For loops that may take minutes and need not end.
 */
bool dx_plat_killed(void)
{
	return fatal_signal_pending(current);
}

/**
 * dx_plat_interrupted - is the task to die, or to be frozen?
 *
 * For loops that may take minutes, and must neither outlive who asked for them nor keep the machine from going to sleep: that gives
 * up when a task does not freeze for 20 s.
 *
 * Return: 0; -EINTR: to die; -ERESTARTSYS: to return to the freezer, after which the system call begins anew.
 */
int dx_plat_interrupted(void)
{
	if (fatal_signal_pending(current))
		return -EINTR;
	/* who freezes all says so first, and signals one after the other: without the signal the call would not begin anew */
	return signal_pending(current) && freezing(current) ? -ERESTARTSYS : 0;
}
