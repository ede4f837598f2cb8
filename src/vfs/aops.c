// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page cache operations: reading, and writing back.
 *
 * Writeback turns delayed extents into unwritten ones before it submits, and
 * completion makes them written and moves the size on disk, in a transaction:
 * blocks whose data did not arrive are never exposed, and the size on
 * disk follows the data (design 5).  What goes to a copy of shared blocks comes into the
 * data fork then, and not before. A copy whose data did not arrive stays in the CoW fork: others may be
 * writing to it.  The truncate and punch side holds a lockout and has the pages locked away; the sequence number of
 * the extent tree tells a cached mapping that has gone stale.
 *
 * Context: ->writepages holds folio locks; completions that need a
 * transaction run on ds->ioend_wq, one worker per inode at a time.
 */
#include <linux/mm.h>
#include <linux/swap.h>
#include <linux/writeback.h>
#include <linux/sched/mm.h>
#include "dx_vfs.h"
#include "dx_cow.h"
#include "trace.h"

static void end_ioend(struct iomap_ioend *ioend)
{
	struct inode *inode = ioend->io_inode;
	struct dx_inode *ip = DX_I(inode);
	u64 end = (u64)ioend->io_offset + ioend->io_size;
	u64 new_size = min_t(u64, end, i_size_read(inode));
	unsigned int nofs = memalloc_nofs_save();
	int error = blk_status_to_errno(dx_ioend_bio(ioend)->bi_status);

	if (dx_is_shutdown(ip->mp))
		error = -EIO;
	if (new_size <= dx_disk_size(ip))
		new_size = 0;
	if (!error && dx_ioend_shared(ioend))
		error = dx_cow_end(ip, ioend->io_offset, ioend->io_size);
	if (!error && dx_ioend_unwritten(ioend))
		error = dx_iomap_write_unwritten(ip, ioend->io_offset, ioend->io_size, new_size);
	else if (!error && new_size)
		error = dx_iomap_setsize(ip, new_size);
	iomap_finish_ioends(ioend, error);
	memalloc_nofs_restore(nofs);
}

/* The lowest of @sorted with all that follows it without a gap, taken off; NULL at the end. */
static struct iomap_ioend *take_run(struct list_head *sorted)
{
	struct iomap_ioend *run = list_first_entry_or_null(sorted, struct iomap_ioend, io_list);

	if (run) {
		list_del_init(&run->io_list);
		dx_ioend_try_merge(run, sorted);
	}
	return run;
}

/**
 * dx_ioend_work - finish the writeback of one inode in its transactions
 * @work: the vnode's ioend_work
 *
 * Process context, takes the ILOCK.  What came back since the last time is put in order
 * first, so that neighbours cost one transaction.
 * Source: struct iomap_ioend in include/linux/iomap.h.
 */
void dx_ioend_work(struct work_struct *work)
{
	struct dx_vnode *vn = container_of(work, struct dx_vnode, ioend_work);
	struct iomap_ioend *run;
	LIST_HEAD(back);

	spin_lock_irq(&vn->ioend_lock);
	list_splice_init(&vn->ioend_list, &back);
	spin_unlock_irq(&vn->ioend_lock);

	for (iomap_sort_ioends(&back); (run = take_run(&back)); cond_resched())
		end_ioend(run);
}

static void ioend_bio_done(struct bio *bio)
{
	struct iomap_ioend *ioend = dx_bio_ioend(bio);
	struct dx_vnode *vn = dx_vnode(ioend->io_inode);
	unsigned long flags;

	/* Interrupt context: hand over to the worker. */
	spin_lock_irqsave(&vn->ioend_lock, flags);
	if (list_empty(&vn->ioend_list))
		queue_work(dx_super(ioend->io_inode->i_sb)->ioend_wq, &vn->ioend_work);
	list_add_tail(&ioend->io_list, &vn->ioend_list);
	spin_unlock_irqrestore(&vn->ioend_lock, flags);
}

static void before_submit(struct iomap_ioend *ioend)
{
	struct dx_inode *ip = DX_I(ioend->io_inode);
	u64 end = (u64)ioend->io_offset + ioend->io_size;

	if (dx_ioend_shared(ioend))
		dx_cow_submit(ip, ioend->io_offset, ioend->io_size);
	if (dx_ioend_shared(ioend) || dx_ioend_unwritten(ioend) || end > dx_disk_size(ip))
		dx_ioend_bio(ioend)->bi_end_io = ioend_bio_done;
}

/*
 * Where a dirty page goes: to the copy, if there is one; else to where the data fork has it, as far as there is no copy: for *@end,
 * a bound, comes where that begins.
 */
static int look_for_writeback(struct dx_inode *ip, dx_fileoff_t off, dx_fileoff_t *end, struct dx_mapped *m, bool *copy)
{
	dx_filblks_t count = *end - off;
	int mode = dx_ilock_data_map_shared(ip), error = 0;

	*copy = false;
	if (ip->cf) {
		error = dx_cow_look(ip, off, count, m);
		*copy = !error && !dx_irec_is_hole(&m->rec);
		count = min(count, m->rec.blockcount);
		if (!error && !*copy)
			*end = off + count;
	}
	if (!error && !*copy)
		error = dx_bmap_look(ip, off, count, 0, m);
	dx_iunlock(ip, mode);
	return error;
}

static int map_blocks(struct dx_wpc *wpc, struct inode *inode, loff_t offset)
{
	struct dx_inode *ip = DX_I(inode);
	struct dx_mount *mp = ip->mp;
	struct iomap *map = &wpc->ctx.iomap;
	dx_fileoff_t off = dx_b_to_fsbt(mp, offset);
	dx_fileoff_t end;
	struct dx_mapped m;
	int error, tries = 0;
	bool copy;

	if (dx_is_shutdown(mp))
		return -EIO;
	if (offset >= map->offset && offset < map->offset + map->length &&
	    wpc->seq == dx_map_seq(ip))
		return 0;
retry:
	end = dx_file_end(mp);
	error = look_for_writeback(ip, off, &end, &m, &copy);
	if (error)
		return error;
	if (dx_irec_is_delay(&m.rec)) {
		error = copy ? dx_cow_convert_delalloc(ip, off, &m) : dx_bmap_convert_delalloc(ip, off, &m);
		/*
		 * -EAGAIN: the extent went away between the locks (a failed
		 * write gave it back).  Look again; twice is a bug elsewhere.
		 */
		if (error == -EAGAIN && tries++ < 8)
			goto retry;
		if (error)
			return error;
		if (copy && !dx_irec_is_real(&m.rec)) {
			if (tries++ < 8)
				goto retry;
			return -EIO;
		}
	}
	if (m.rec.startoff > off || m.rec.startoff + m.rec.blockcount <= off) {
		if (tries++ < 8)
			goto retry;
		return -EIO;
	}
	/* a delayed extent became blocks as a whole, though a copy may lie over its end */
	m.rec.blockcount = min(m.rec.blockcount, end - m.rec.startoff);
	if (copy)
		m.rec.state = DX_EXT_NORM;	/* it will be when it counts: before_submit() */
	dx_mapped_to_iomap(ip, map, &m, copy ? IOMAP_F_SHARED : 0);
	wpc->seq = m.seq;
	trace_dx_writeback_map(inode, offset, map->length, map->type);
	return 0;
}

/*
 * Nothing could be submitted for the rest of this folio: what was reserved
 * for it goes back, or it would stay reserved with no dirty page to use it.
 */
static void discard(struct inode *inode, loff_t pos, loff_t end_pos)
{
	struct dx_inode *ip = DX_I(inode);
	struct dx_mount *mp = ip->mp;
	dx_fileoff_t start = dx_b_to_fsbt(mp, pos);
	dx_fileoff_t end = dx_b_to_fsb(mp, end_pos);

	if (!dx_is_shutdown(mp)) {
		dx_err_ratelimited(mp, "inode 0x%llx: data at offset %lld could not be written and is lost",
				   ip->ino, pos);
		dx_ilock(ip, DX_ILOCK_EXCL);
		dx_bmap_punch_delalloc(ip, start, end - start);
		dx_iunlock(ip, DX_ILOCK_EXCL);
		if (ip->cf)
			dx_cow_cancel(ip, dx_fsb_to_b(mp, start), dx_fsb_to_b(mp, end - start), false);
	}
}

DX_WRITEBACK(vn_writepages, map_blocks, before_submit, discard);

/* Who asks may mean to write there by himself: not where a block may be another file's, too. */
static sector_t vn_bmap(struct address_space *mapping, sector_t block)
{
	if (dx_inode_shares(DX_I(mapping->host)))
		return 0;
	return iomap_bmap(mapping, block, &dx_read_iomap_ops);
}

static int vn_swap_activate(struct swap_info_struct *sis, struct file *file, sector_t *span)
{
	sis->bdev = file_inode(file)->i_sb->s_bdev;
	return dx_iomap_swapfile_activate(sis, file, span, &dx_read_iomap_ops);
}

DX_AOPS(dx_aops, &dx_read_iomap_ops, vn_writepages, vn_bmap, vn_swap_activate);
