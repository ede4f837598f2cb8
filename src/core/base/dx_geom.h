/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where things are: allocation groups, and conversions between the units of addresses.  Part of dx_mount.h.
 *
 * A volume can grow while it is in use: AGs are added and the last one gets longer, nothing else changes.  So the number of
 * AGs is read through dx_agcount(), which never names one before dx_perag() knows it, and the length of an AG from its
 * struct dx_perag.  An AG that is there stays, and where it is, until the unmount: a pointer to it needs no reference.
 */
#ifndef DX_GEOM_H
#define DX_GEOM_H

/* Trees that have blocks set aside in their AG: struct dx_agresv_tree for each. */
enum dx_agresv_kind { DX_AGRESV_NONE, DX_AGRESV_RMAPBT, DX_AGRESV_FINOBT, DX_AGRESV_REFCOUNTBT, DX_AGRESV_MAX };
struct dx_agresv { u32 most, used, reserved; };	/* fsblocks: can ever have, has, set aside for the difference */

/* One allocation group. */
struct dx_perag {
	struct dx_mount	*mp;
	dx_agno_t	agno;
	dx_agbno_t	length;		/* fsblocks in this AG */
	dx_agino_t	min_agino, max_agino;
	/* copies of AGF and AGI fields, valid once *_init; written under the header's buffer lock */
	bool		agf_init, agi_init;
	u8		levels[DX_BTNUM_MAX];	/* bnobt and cntbt */
	u32		freeblks, longest, flcount, btreeblks;
	u32		count, freecount;	/* inodes */
	struct dx_agresv resv[DX_AGRESV_MAX];	/* AGF */
	u32		resv_held;		/* sum of ->reserved */
	bool		inodes_ok;		/* may hold inodes (maxagi) */
	bool		inodes_first;		/* kept for them: file data goes elsewhere while it can (inode32) */
	/* busy extents: freed, not yet durably */
	spinlock_t	busy_lock;
	struct rb_root	busy_tree;
	/* placement hints of the inode allocator */
	dx_agino_t	ialloc_left, ialloc_right;
	atomic_t	fstrms;
};

/*
 * All of them; replaced as a whole when there are more, each AG itself stays where it is.  Tables that were replaced stay, too,
 * to the unmount: growing is rare, they are small, and so looking an AG up, which nearly every check of an address does, takes
 * no lock and no RCU section.
 */
struct dx_ags {
	struct dx_ags	*older;
	dx_agno_t	count;
	struct dx_perag	*ag[];
};

int dx_ags_grow(struct dx_mount *mp, dx_agno_t agcount, u64 dblocks);
struct dx_ags *dx_ags_more(struct dx_mount *mp, dx_agno_t agcount, u64 dblocks);
void dx_ags_publish(struct dx_mount *mp, struct dx_ags *ags);
void dx_ags_drop(struct dx_ags *ags);
void dx_ag_set_length(struct dx_perag *pag, dx_agbno_t length);
void dx_ags_free(struct dx_mount *mp);

/* How many AGs there are now. */
static inline dx_agno_t dx_agcount(struct dx_mount *mp)
{
	return READ_ONCE(mp->ags)->count;
}

/* @agno: below what dx_agcount() has said. */
static inline struct dx_perag *dx_perag(struct dx_mount *mp, dx_agno_t agno)
{
	return READ_ONCE(mp->ags)->ag[agno];
}

/* fsblocks of the data section */
static inline u64 dx_dblocks(struct dx_mount *mp)
{
	return READ_ONCE(mp->sb.dblocks);
}

/* ---- conversions ---- */
#define dx_fsb_to_agno(mp, fsb)		((dx_agno_t)((fsb) >> (mp)->sb.agblklog))
#define dx_fsb_to_agbno(mp, fsb)	((dx_agbno_t)((fsb) & ((1ULL << (mp)->sb.agblklog) - 1)))
#define dx_agb_to_fsb(mp, agno, agbno)	(((dx_fsbno_t)(agno) << (mp)->sb.agblklog) | (agbno))
#define dx_agb_to_daddr(mp, agno, agbno) \
	((dx_daddr_t)(((u64)(agno) * (mp)->sb.agblocks + (agbno)) << (mp)->blkbb_log))
#define dx_ag_daddr(mp, agno, bb)	(dx_agb_to_daddr(mp, agno, 0) + (bb))
#define dx_fsb_to_daddr(mp, fsb)	dx_agb_to_daddr(mp, dx_fsb_to_agno(mp, fsb), dx_fsb_to_agbno(mp, fsb))
#define dx_fsb_to_bb(mp, n)		((u64)(n) << (mp)->blkbb_log)
#define dx_bb_to_fsb(mp, bb)		(((u64)(bb) + (1u << (mp)->blkbb_log) - 1) >> (mp)->blkbb_log)
#define dx_bb_to_fsbt(mp, bb)		((u64)(bb) >> (mp)->blkbb_log)
#define dx_b_to_fsb(mp, b)		(((u64)(b) + (mp)->blockmask) >> (mp)->sb.blocklog)
#define dx_b_to_fsbt(mp, b)		((u64)(b) >> (mp)->sb.blocklog)
#define dx_fsb_to_b(mp, n)		((u64)(n) << (mp)->sb.blocklog)
/*
 * Behind the last block that a file can have.  With most block sizes the btree's records go farther, but neither does the
 * page cache nor does xfs_repair, which clears an inode with an extent there.
 */
#define dx_file_end(mp)			((dx_fileoff_t)dx_b_to_fsb(mp, (mp)->s_maxbytes))
#define dx_b_fsb_offset(mp, b)		((u32)((b) & (mp)->blockmask))
#define dx_ino_to_agno(mp, ino)		((dx_agno_t)((ino) >> (mp)->agino_log))
#define dx_ino_to_agino(mp, ino)	((dx_agino_t)((ino) & ((1ULL << (mp)->agino_log) - 1)))
#define dx_agino_to_ino(mp, agno, agino) (((dx_ino_t)(agno) << (mp)->agino_log) | (agino))
#define dx_agino_to_agbno(mp, agino)	((dx_agbno_t)((agino) >> (mp)->sb.inopblog))
#define dx_agino_to_offset(mp, agino)	((agino) & ((1u << (mp)->sb.inopblog) - 1))
#define dx_agb_to_agino(mp, agbno)	((dx_agino_t)(agbno) << (mp)->sb.inopblog)
static inline dx_daddr_t dx_fsb_daddr_of_agsect(struct dx_mount *mp, dx_agno_t agno, unsigned int sect)
{
	return dx_ag_daddr(mp, agno, (u64)sect << mp->sectbb_log);
}
static inline bool dx_verify_agbno(struct dx_mount *mp, dx_agno_t agno, dx_agbno_t agbno)
{
	const struct dx_ags *ags = READ_ONCE(mp->ags);

	return agno < ags->count && agbno < ags->ag[agno]->length &&
	       agbno > (((DX_AGFL_SECT + 1) * mp->sb.sectsize - 1) >> mp->sb.blocklog);
}
static inline bool dx_verify_fsbno(struct dx_mount *mp, dx_fsbno_t fsb)
{
	return dx_verify_agbno(mp, dx_fsb_to_agno(mp, fsb), dx_fsb_to_agbno(mp, fsb));
}
static inline bool dx_verify_fsbext(struct dx_mount *mp, dx_fsbno_t fsb, u64 len)
{
	return len && dx_verify_fsbno(mp, fsb) && fsb + len - 1 >= fsb &&
	       dx_fsb_to_agno(mp, fsb) == dx_fsb_to_agno(mp, fsb + len - 1) &&
	       dx_verify_fsbno(mp, fsb + len - 1);
}
/* The largest number that an inode of the volume could have: more than 32 bits are wider in a directory in short form. */
static inline dx_ino_t dx_largest_ino(struct dx_mount *mp)
{
	return dx_agino_to_ino(mp, dx_agcount(mp), 0) - 1;
}
/* Can there be an inode of this number?  Says nothing about whether it is allocated. */
static inline bool dx_verify_ino(struct dx_mount *mp, dx_ino_t ino)
{
	u64 agno = ino >> mp->agino_log;
	dx_agino_t agino = dx_ino_to_agino(mp, ino);

	return agno < dx_agcount(mp) && agino >= dx_perag(mp, agno)->min_agino && agino <= dx_perag(mp, agno)->max_agino;
}

#endif /* DX_GEOM_H */
