// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: iomap_file_buffered_write(iocb, from, ops)
 * 1: ... and a private pointer (6.10)
 * 2: ... and write_ops, which zeroing gets too (6.17)
 */
#include <linux/fs.h>
#include <linux/iomap.h>
#include "probe.h"

#if FORM == 0
ssize_t probe(struct kiocb *iocb, struct iov_iter *from, struct inode *inode, struct vm_fault *vmf)
{
	return iomap_file_buffered_write(iocb, from, NULL) + iomap_zero_range(inode, 0, 0, NULL, NULL) + iomap_page_mkwrite(vmf, NULL);
}

#elif FORM == 1
ssize_t probe(struct kiocb *iocb, struct iov_iter *from, struct inode *inode, struct vm_fault *vmf)
{
	return iomap_file_buffered_write(iocb, from, NULL, NULL) + iomap_zero_range(inode, 0, 0, NULL, NULL) + iomap_page_mkwrite(vmf, NULL);
}

#elif FORM == 2
ssize_t probe(struct kiocb *iocb, struct iov_iter *from, struct inode *inode, struct vm_fault *vmf, const struct iomap_write_ops *ops)
{
	return iomap_file_buffered_write(iocb, from, NULL, ops, NULL) + iomap_zero_range(inode, 0, 0, NULL, NULL, ops, NULL) +
	       iomap_page_mkwrite(vmf, NULL, NULL);
}

#endif
