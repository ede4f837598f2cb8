/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: every lockout with its kind and what it waited for, direct I/O from
 * submission to completion, size updates, the steps of fallocate, and what the
 * core reports of transactions, log forces and recovery.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM dioxfs

#if !defined(DX_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define DX_TRACE_H

#include <linux/tracepoint.h>
#include "dx_vfs.h"

TRACE_EVENT(dx_lockout_begin,
	TP_PROTO(struct dx_lockout *lk),
	TP_ARGS(lk),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(u64, ino)
		__field(int, why)
		__field(int, kind)
		__field(loff_t, size)
		__field(u64, iolock_ns)
		__field(u64, layout_ns)
		__field(u64, mmaplock_ns)
		__field(u64, drain_ns)
	),
	TP_fast_assign(
		__entry->dev = lk->inode->i_sb->s_dev;
		__entry->ino = dx_vnode(lk->inode)->ino;
		__entry->why = lk->why;
		__entry->kind = lk->kind;
		__entry->size = i_size_read(lk->inode);
		__entry->iolock_ns = lk->iolock_ns;
		__entry->layout_ns = lk->layout_ns;
		__entry->mmaplock_ns = lk->mmaplock_ns;
		__entry->drain_ns = lk->drain_ns;
	),
	TP_printk("dev %d:%d ino 0x%llx why %d kind %d size 0x%llx waits iolock %llu layout %llu mmaplock %llu drain %llu ns",
		  MAJOR(__entry->dev), MINOR(__entry->dev), __entry->ino, __entry->why, __entry->kind, __entry->size,
		  __entry->iolock_ns, __entry->layout_ns, __entry->mmaplock_ns, __entry->drain_ns)
);

TRACE_EVENT(dx_lockout_end,
	TP_PROTO(struct dx_lockout *lk, u64 held_ns),
	TP_ARGS(lk, held_ns),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(u64, ino)
		__field(int, why)
		__field(int, kind)
		__field(loff_t, size)
		__field(u64, held_ns)
	),
	TP_fast_assign(
		__entry->dev = lk->inode->i_sb->s_dev;
		__entry->ino = dx_vnode(lk->inode)->ino;
		__entry->why = lk->why;
		__entry->kind = lk->kind;
		__entry->size = i_size_read(lk->inode);
		__entry->held_ns = held_ns;
	),
	TP_printk("dev %d:%d ino 0x%llx why %d kind %d size 0x%llx held %llu ns",
		  MAJOR(__entry->dev), MINOR(__entry->dev), __entry->ino, __entry->why, __entry->kind, __entry->size,
		  __entry->held_ns)
);

DECLARE_EVENT_CLASS(dx_range_class,
	TP_PROTO(struct inode *inode, loff_t pos, s64 len, int arg),
	TP_ARGS(inode, pos, len, arg),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(u64, ino)
		__field(loff_t, size)
		__field(loff_t, pos)
		__field(s64, len)
		__field(int, arg)
	),
	TP_fast_assign(
		__entry->dev = inode->i_sb->s_dev;
		__entry->ino = dx_vnode(inode)->ino;
		__entry->size = i_size_read(inode);
		__entry->pos = pos;
		__entry->len = len;
		__entry->arg = arg;
	),
	TP_printk("dev %d:%d ino 0x%llx size 0x%llx pos 0x%llx len 0x%llx arg 0x%x",
		  MAJOR(__entry->dev), MINOR(__entry->dev), __entry->ino, __entry->size,
		  __entry->pos, __entry->len, __entry->arg)
);
#define DX_RANGE_EVENT(name) \
DEFINE_EVENT(dx_range_class, name, \
	TP_PROTO(struct inode *inode, loff_t pos, s64 len, int arg), \
	TP_ARGS(inode, pos, len, arg))
DX_RANGE_EVENT(dx_dio_write);		/* submitted; arg: IOLOCK mode */
DX_RANGE_EVENT(dx_dio_write_done);	/* completed; arg: error or iomap flags */
DX_RANGE_EVENT(dx_dio_range_wait);	/* a ranged operation is in the way; arg: iocb flags */
DX_RANGE_EVENT(dx_size_update);		/* published by I/O completion; pos: old size, len: growth */
DX_RANGE_EVENT(dx_fallocate);		/* arg: mode */
DX_RANGE_EVENT(dx_fallocate_step);	/* arg: enum dx_space_op */
DX_RANGE_EVENT(dx_setsize);		/* pos: new size */
DX_RANGE_EVENT(dx_map_alloc);		/* blocks allocated for a write */
DX_RANGE_EVENT(dx_writeback_map);

TRACE_EVENT(dx_core,
	TP_PROTO(dev_t dev, const char *what, u64 a, u64 b, u64 c),
	TP_ARGS(dev, what, a, b, c),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__string(what, what)
		__field(u64, a)
		__field(u64, b)
		__field(u64, c)
	),
	TP_fast_assign(
		__entry->dev = dev;
		/* __assign_str() is not the same in all kernels */
		memcpy(__get_str(what), what, __get_dynamic_array_len(what));
		__entry->a = a;
		__entry->b = b;
		__entry->c = c;
	),
	TP_printk("dev %d:%d %s 0x%llx 0x%llx 0x%llx", MAJOR(__entry->dev), MINOR(__entry->dev),
		  __get_str(what), __entry->a, __entry->b, __entry->c)
);

#endif /* DX_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
