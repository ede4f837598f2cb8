// SPDX-License-Identifier: GPL-2.0-only
/*
 * Direct writes in flight beyond the end of a file, and where the next append goes.
 *
 * A direct write that extends the file moves its end when it completes.  Until then the end says
 * nothing about where an append may go: two appends that both looked at it would land on the same
 * place. So each direct write that reaches past the end is in a list of the vnode from before it is
 * submitted until after its completion has published the size, and an append goes behind all of them.
 *
 * What lies between the end and the place of such an append is nobody's gap to zero: other appends in
 * flight cover it, block for block.  Should one of them fail, or fall short, its blocks are holes or
 * unwritten and read as zeros, while those behind it stand where they were acknowledged.  That holds
 * only where nothing written lies behind the end (old kernels left such blocks), which is looked at
 * when the first append goes out; and only for whole blocks.  In all other cases, and beside a write
 * in flight that is no append (it may leave a gap when it fails), the append is to be alone: IOLOCK
 * exclusive, everything drained, and then the end is the end (L4).
 *
 * Context: IOLOCK held, shared at least, to enter.  A write leaves in its completion, perhaps in an
 * interrupt.  The drain of a lockout (L2) empties the list: completions leave before the DIO count
 * goes down.
 */
#include <linux/slab.h>
#include <linux/uio.h>
#include "dx_vfs.h"

struct beyond {
	struct list_head	list;
	struct kiocb		*iocb;
	loff_t			end;
	bool			append;
};

/* Is there a written block at or behind byte @pos?  Says yes when to find out takes more than a look. */
static bool written_behind(struct inode *inode, struct kiocb *iocb, loff_t pos)
{
	struct dx_inode *ip = DX_I(inode);
	struct dx_iext_cur icur;
	struct dx_irec r;
	bool found = false, more;
	int mode = DX_ILOCK_SHARED;

	if (!(iocb->ki_flags & IOCB_NOWAIT))
		mode = dx_ilock_data_map_shared(ip);
	else if (!dx_ilock_try(ip, mode))
		return true;
	if (!ip->df.extents_read)
		found = true;		/* the write itself is about to read them in */
	else
		for (more = dx_iext_lookup(&ip->df.ext, dx_b_to_fsb(ip->mp, pos), &icur, &r); more && !found;
		     more = dx_iext_next(&ip->df.ext, &icur, &r))
			found = dx_irec_is_real(&r) && r.state == DX_EXT_NORM;
	dx_iunlock(ip, mode);
	return found;
}

static struct beyond *new_entry(struct kiocb *iocb)
{
	struct beyond *b = kmalloc(sizeof(*b), iocb->ki_flags & IOCB_NOWAIT ? GFP_NOWAIT : GFP_KERNEL);

	if (b) {
		b->iocb = iocb;
		b->append = iocb->ki_flags & IOCB_APPEND;
	}
	return b;
}

static int no_memory(struct kiocb *iocb)
{
	return iocb->ki_flags & IOCB_NOWAIT ? -EAGAIN : -ENOMEM;
}

/**
 * dx_beyond_enter - a direct write is about to be submitted
 * @iocb: its position is settled; an append's only if the caller is alone
 * @count: bytes
 *
 * Nothing is noted of a write that ends inside the file.  Return: 0, -ENOMEM, or -EAGAIN for NOWAIT.
 */
int dx_beyond_enter(struct kiocb *iocb, size_t count)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	struct dx_vnode *vn = dx_vnode(inode);
	loff_t end = iocb->ki_pos + count;
	struct beyond *b;
	unsigned long flags;

	/* It can only grow while we hold the IOLOCK. */
	if (end <= i_size_read(inode))
		return 0;
	b = new_entry(iocb);
	if (!b)
		return no_memory(iocb);
	b->end = end;
	if (b->append)
		vn->append_joins = !written_behind(inode, iocb, iocb->ki_pos);
	spin_lock_irqsave(&vn->beyond_lock, flags);
	list_add_tail(&b->list, &vn->beyond);
	spin_unlock_irqrestore(&vn->beyond_lock, flags);
	return 0;
}

/*
 * Where an append goes that is not alone: behind the end and all appends in flight.
 * *@first: none of them is.  -EBUSY: it must be alone.
 */
static loff_t append_pos(struct inode *inode, bool *first)
{
	struct dx_vnode *vn = dx_vnode(inode);
	loff_t isize = i_size_read(inode), pos = isize;
	struct beyond *b;

	list_for_each_entry(b, &vn->beyond, list) {
		if (b->end <= isize)
			continue;	/* about to leave: a larger end has been published */
		if (!b->append)
			return -EBUSY;
		pos = max(pos, b->end);
	}
	*first = pos == isize;
	return *first || vn->append_joins ? pos : -EBUSY;
}

/* Does a limit cut what is written there?  Alone it is found out how; here others would stand behind what is not written. */
static bool limited(struct kiocb *iocb, loff_t pos, size_t count)
{
	struct file *file = iocb->ki_filp;
	u64 limit = file_inode(file)->i_sb->s_maxbytes;

	if (rlimit(RLIMIT_FSIZE) != RLIM_INFINITY)	/* which is a number below that on 32 bits */
		limit = min_t(u64, limit, rlimit(RLIMIT_FSIZE));
	if (!(file->f_flags & O_LARGEFILE))
		limit = min_t(u64, limit, MAX_NON_LFS);
	return pos + count > limit;
}

/**
 * dx_beyond_append - settle where an append goes that is not alone, and enter it
 * @iocb: O_APPEND, IOLOCK shared; gets its position
 * @from: what is to be written, whole
 *
 * Return: 0; -EBUSY when it must be alone, as it must where a limit cuts it; -ENOMEM, -EAGAIN for NOWAIT.
 */
int dx_beyond_append(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	struct dx_vnode *vn = dx_vnode(inode);
	size_t count = iov_iter_count(from);
	unsigned int mask = i_blocksize(inode) - 1;
	struct beyond *b = new_entry(iocb);
	unsigned long flags;
	bool first;
	loff_t pos;
	ssize_t ret;

	if (!b)
		return no_memory(iocb);
	spin_lock_irqsave(&vn->beyond_lock, flags);
	pos = append_pos(inode, &first);
	if (pos < 0 || (pos | count) & mask || limited(iocb, pos, count)) {
		spin_unlock_irqrestore(&vn->beyond_lock, flags);
		kfree(b);
		return -EBUSY;
	}
	if (first)
		vn->append_joins = false;	/* until we have looked */
	b->end = pos + count;
	list_add_tail(&b->list, &vn->beyond);
	spin_unlock_irqrestore(&vn->beyond_lock, flags);
	if (first && !written_behind(inode, iocb, pos))
		WRITE_ONCE(vn->append_joins, true);

	/* The checks once more, for this place, which is not the end of the file.  A limit may have come just now. */
	iocb->ki_pos = pos;
	iocb->ki_flags &= ~IOCB_APPEND;
	ret = generic_write_checks(iocb, from);
	iocb->ki_flags |= IOCB_APPEND;
	if (ret > 0 && (size_t)ret != count)
		ret = -EBUSY;
	if (ret <= 0)
		dx_beyond_leave(iocb);
	return min_t(ssize_t, ret, 0);
}

/**
 * dx_beyond_leave - a direct write has completed, or was not submitted
 * @iocb: nothing happens unless it has entered
 *
 * After the size was published: from here on appends go by that.  Any context.
 */
void dx_beyond_leave(struct kiocb *iocb)
{
	struct dx_vnode *vn = dx_vnode(file_inode(iocb->ki_filp));
	struct beyond *b, *found = NULL;
	unsigned long flags;

	/* Nobody but the caller takes it out again, so if it is in, this is not empty. */
	if (list_empty(&vn->beyond))
		return;
	spin_lock_irqsave(&vn->beyond_lock, flags);
	list_for_each_entry(b, &vn->beyond, list) {
		if (b->iocb == iocb) {
			list_del(&b->list);
			found = b;
			break;
		}
	}
	spin_unlock_irqrestore(&vn->beyond_lock, flags);
	kfree(found);
}
