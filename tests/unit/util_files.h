/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A few files, and a model that knows what every block of them must show; each block that is written has a tag of its own, so a
 * write that shows elsewhere is seen at once.  In a fiber, on the volume of util_vol.h.
 */
#ifndef UTIL_FILES_H
#define UTIL_FILES_H

#include "util_vol.h"

#define UF_FILES	5
#define UF_SPAN		160u		/* blocks of a file that are used */

struct uf_file {
	struct dx_inode	*ip;
	u64	disk[UF_SPAN];		/* what the data fork must show; 0: zeroes */
	u64	page[UF_SPAN];		/* of dirty pages */
	bool	dirty[UF_SPAN];
	u64	size;			/* blocks */
};

extern struct uf_file uf_files[UF_FILES];
extern u64 uf_last_tag, uf_seed;
extern u32 uf_bs;			/* the block size */

u32 uf_rnd(u32 n);
struct dx_mount *uf_mount(int *error);
const char *uf_name(int i);
struct dx_inode *uf_make(struct dx_mount *mp, int i);
struct dx_inode *uf_look(struct dx_mount *mp, int i);
int uf_drop_name(struct dx_mount *mp, int i, struct dx_inode *ip);
void uf_open(struct dx_mount *mp);	/* makes them all */
int uf_get(struct dx_mount *mp);	/* finds them, and takes over what they show */
void uf_close(void);

/* What the VFS does, and the model with it.  In blocks. */
int uf_write_pages(struct uf_file *f, u32 off, u32 len);
int uf_flush(struct uf_file *f);
int uf_direct(struct uf_file *f, u32 off, u32 len, bool early);	/* early: the memory of the caller goes away */
int uf_punch(struct uf_file *f, u32 off, u32 len);
int uf_truncate(struct uf_file *f, u32 to);
int uf_clone(struct uf_file *s, u32 soff, struct uf_file *d, u32 doff, u32 len);
#define UF_OPS		16
extern const char *const uf_op_names[UF_OPS];
int uf_op(struct dx_mount *mp, u32 op, struct uf_file *f, u32 off, u32 len);	/* one of these and others, by number */

void uf_check(struct dx_mount *mp);	/* every block shows what it must, and what is set aside adds up */
void uf_walk(struct dx_mount *mp);	/* owners and counts of all blocks against the maps of all inodes */

#endif /* UTIL_FILES_H */
