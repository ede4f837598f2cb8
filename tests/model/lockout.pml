/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lockout protocol (src/vfs/lockout.h) as a model: a file of NB blocks, and processes that each do one thing to it, ROUNDS times.
 * Their steps carry the names of the functions.  So many there are of each:
 *
 *	WRITERS		dio_write	direct write of a block: in the file, at its end, or beyond
 *	READERS		dio_read	direct read of a block
 *	ALLOCATORS	allocate	additive: blocks for a range; and if that reaches over the end, full: the size
 *	PUNCHERS	punch		ranged: frees a range, or frees it and allocates it anew (zeroes it)
 *	TRUNCATERS	set_size	full: the end to anywhere
 *	BUFFERED	buffered_write	write of a block through the page cache
 *	FAULTERS	fault		page fault on a mapping
 *
 * What must hold; the letters stand at the assertions:
 *
 *	A  No block is freed while a direct I/O in flight has mapped it, or a page of the cache.
 *	B  What was written directly is in a written block and inside the size from when it can be seen, which is when it is
 *	   acknowledged at the latest, until an operation takes it away that is entitled to.
 *	C  A block that counts as written holds what was written to the file, never what was on the disk before, nor zeros
 *	   that somebody read before.
 *	D  A full lockout sees no other exclusion and no direct I/O in flight, and no other exclusion sees a full one.
 *	E  When an operation ends, its range is as it has made it.
 *	F  No deadlock (spin looks for that by itself); and with FOREVER, where rounds have no end, everybody is served.
 *
 * Every rule of the protocol has a control, a switch that breaks it, and the model must fail then.  tests/model/run has the list.
 *
 * What the model leaves out:
 *
 *   - The ILOCK, transactions, the log, folio locks: what is done under the ILOCK is one step, and does not fail.  The size on disk.
 *   - I/O that fails, falls short, or is longer than a block.  NOWAIT: it takes nothing that it would have to wait for.
 *   - Tasks.  An I/O is a process of its own, for its completion needs nobody: nothing asynchronous is polled for (dio.c).
 *   - Where an append goes (beyond.c): that is settled before it enters its range.
 *   - Layout leases, privileges, swap files: all settled under the IOLOCK before anything else is taken.
 *   - The page cache, but for a bit that says whether a page is mapped to a block.  A buffered write is on disk at once.
 *   - Parts of blocks, collapse, insert: they are full lockouts, like the truncate.  A write of parts of blocks that must be alone
 *     goes on with the IOLOCK shared here; in fact it keeps it exclusive until it has completed.
 *   - Switching the book off again: nobody does.  Processors that see stores late: here all see every step.
 */
#ifndef NB
#define NB 2
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef WRITERS
#define WRITERS 0
#endif
#ifndef READERS
#define READERS 0
#endif
#ifndef ALLOCATORS
#define ALLOCATORS 0
#endif
#ifndef PUNCHERS
#define PUNCHERS 0
#endif
#ifndef TRUNCATERS
#define TRUNCATERS 0
#endif
#ifndef BUFFERED
#define BUFFERED 0
#endif
#ifndef FAULTERS
#define FAULTERS 0
#endif
#define NP (WRITERS + READERS + ALLOCATORS + PUNCHERS + TRUNCATERS + BUFFERED + FAULTERS)	/* 8 at most: range.ahead */

#include "locks.pml"

/* ---- the file ---- */

byte size;			/* i_size, in blocks */
bool mapped[NB];		/* allocated */
bool written[NB];		/* and not unwritten */
bool data[NB];			/* holds what was written to the file */
byte io[NB];			/* direct I/O in flight that has mapped it */
bool page[NB];			/* a page of the cache is mapped to it */
bool owed[NB];			/* a direct write can be seen, and since then nobody was entitled to take it away */
byte exclusions;		/* lockouts held, of all kinds */
bool full_held;			/* one of them is a full one */
bool ready;			/* setup() has been */
hidden byte c;

inline check() {
	for (c : 0 .. NB - 1) {
		assert(!owed[c] || (mapped[c] && written[c] && c < size));	/* B */
		assert(!written[c] || data[c])					/* C */
	};
	c = 0
}

inline flush_unmap(from, to) {
	d_step {
		for (c : from .. to) {
			page[c] = false
		};
		c = 0
	}
}

inline free_block(b) {
	assert(!io[b]);		/* A */
	assert(!page[b]);	/* A */
	mapped[b] = false;
	written[b] = false;
	data[b] = false
}

/* Who frees a range in a loop over this, lets go of the ILOCK in between; likewise who allocates one. */
inline dx_free_file_space(b) {
	d_step {
		owed[b] = false;	/* he is entitled */
		free_block(b)
	}
}

inline dx_alloc_file_space(b) { mapped[b] = true }

/* All of the range is mapped, or not; and if @fresh, nothing is written in it. */
inline check_range(from, to, is_mapped, fresh) {
	d_step {
		for (c : from .. to) {
			assert(mapped[c] == is_mapped && !(fresh && written[c]))	/* E */
		};
		c = 0
	}
}

/* The end becomes @end, and what lies behind it is freed, whoever may have written it. */
inline dx_setattr_size(end) {
	flush_unmap(end, NB - 1);
	d_step {
		size = end;
		for (c : end .. NB - 1) {
			free_block(c)
		};
		check()
	}
}

/* ---- exclusions (src/vfs/lockout.c) ---- */

#define ADDITIVE	1
#define RANGED		2
#define FULL		3

inline begun(is_full) {
	d_step {
		exclusions++;
		full_held = full_held || is_full;
		assert(!full_held || (exclusions == 1 && !i_dio_count))	/* D */
	}
}

inline nobody_in_a_range() {
	d_step {
		for (c : 0 .. NP - 1) {
			assert(!r[c].how)	/* D */
		};
		c = 0
	}
}

/* @seen becomes the size. */
inline dx_lockout_begin(seen) {
	down_write(iolock);
#ifdef SIZE_BEFORE_DRAIN
	seen = size;
#endif
#ifndef FULL_UNDRAINED
	inode_dio_wait();
#endif
	down_write(mmaplock);
	begun(true);
	nobody_in_a_range();
#if !defined(SIZE_BEFORE_DRAIN) && !defined(SIZE_UNDER_SHARED)
	seen = size
#endif
}

inline enter_range(from, to, what) {
	dx_range_come(from, to, what);
	dx_range_wait()
}

inline dx_lockout_begin_additive(from, to) {
	down_read(iolock);
#ifndef ADDITIVE_UNTRACKED
	if
	:: book -> enter_range(from, to, BESIDE)
	:: else
	fi;
#endif
	begun(false)
}

/* @kind becomes what it is: the first one on a file is a full lockout, and starts the book. */
inline dx_lockout_begin_ranged(from, to, kind) {
	if
	:: !book ->
		kind = FULL;
		down_write(iolock);
#ifdef BOOK_WITHOUT_DRAIN
		down_write(mmaplock);
		begun(false);
#else
		inode_dio_wait();
		down_write(mmaplock);
		begun(true);
#endif
		book = true
	:: else ->
		kind = RANGED;
		down_read(iolock);
#ifdef MMAPLOCK_BEFORE_RANGE
		down_write(mmaplock);
#endif
		enter_range(from, to, ALONE);
#if !defined(MMAPLOCK_BEFORE_RANGE) && !defined(RANGED_WITHOUT_MMAPLOCK)
		down_write(mmaplock);
#endif
		begun(false)
	fi
}

inline dx_lockout_end(kind) {
	d_step {
		assert(!full_held || (exclusions == 1 && !i_dio_count));	/* D */
		exclusions--;
		full_held = false
	};
	if
#ifdef RANGED_WITHOUT_MMAPLOCK
	:: kind == RANGED
#endif
	:: kind == ADDITIVE
	:: else -> up_write(mmaplock)
	fi;
	if
	:: r[_pid].how -> dx_range_leave()
	:: else
	fi;
	if
	:: kind == FULL -> up_write(iolock)
	:: else -> up_read(iolock)
	fi
}

/* ---- direct I/O (src/vfs/dio.c, range.c) ---- */

inline dx_range_enter_dio(b) {
	if
	:: book -> enter_range(b, b, BESIDE)
	:: else
	fi
}

inline dx_range_leave_dio() {
	if
	:: r[_pid].how -> dx_range_leave()
	:: else
	fi
}

/* From IOLOCK shared to a moment of exclusive, in which all that was in flight has arrived. */
inline become_alone() {
	up_read(iolock);
	down_write(iolock);
	inode_dio_wait();
	downgrade_write(iolock)
}

/* The submitter's buffer may be a mapping of this very file. */
inline fault_on_buffer() {
	if
	:: down_read(mmaplock); up_read(mmaplock)
	:: skip
	fi
}

/* Who waits for his I/O keeps the IOLOCK until it has completed. */
inline submitted(waits) {
	if
	:: waits = true
	:: up_read(iolock)
	fi
}

inline completed(waits) {
	if
	:: waits -> up_read(iolock); waits = false
	:: else
	fi
}

/* ---- the processes ---- */

/* Round after round, and F: with FOREVER who is busy must not be so forever. */
#ifdef FOREVER
bool busy[NP];
#define another_round	ready -> busy[_pid] = true
#define end_of_round	busy[_pid] = false
#define enough		false -> break
#else
#define another_round	ready && rounds < ROUNDS -> rounds++
#define end_of_round	skip
#define enough		rounds == ROUNDS -> break
#endif

/* Any of 0 to @last. */
inline pick(any, last) {
	any = 0;
	do
	:: any < last -> any++
	:: break
	od
}

inline pick_range(from, to) {
	pick(to, NB - 1);
	pick(from, to)
}

#if WRITERS
active [WRITERS] proctype dio_write()
{
	byte b, rounds;
	bool visible, waits;

	do
	:: atomic { another_round; pick(b, NB - 1) };
		down_read(iolock);
		if
		:: b > size -> become_alone()	/* to zero the gap; that nothing written lies there, C and B say */
		:: else
		fi;
		if
		:: b < size && !written[b] ->
			/* Parts of blocks, and it finds out late that they are not written yet: again, and alone. */
			dx_range_enter_dio(b);
#ifndef RANGE_KEPT_FOR_RETRY
			dx_range_leave_dio();
#endif
			become_alone()
		:: skip
		fi;
#ifndef RANGE_AFTER_MAP
		dx_range_enter_dio(b);
#endif
		d_step {		/* dx_iomap_dio_rw(): pages go, and the block is mapped */
			inode_dio_begin();
			page[b] = false;
			mapped[b] = true;
			io[b]++
		};
#ifdef RANGE_AFTER_MAP
		dx_range_enter_dio(b);
#endif
		fault_on_buffer();
		submitted(waits);

		/* It is in flight, and takes no lock from here on; now it arrives. */
		d_step {
			data[b] = true;
			io[b]--
		};
#ifdef LEFT_BEFORE_CONVERT
		dx_range_leave_dio();
#endif
		d_step {		/* dx_iomap_write_unwritten() */
			written[b] = mapped[b];
			visible = b < size;
			owed[b] = owed[b] || visible;
			check()
		};
#ifdef LEFT_BEFORE_PUBLISH
		dx_range_leave_dio();
#endif
#ifdef NO_SIZE_LOCK
		if
		:: b + 1 > size -> size = b + 1
		:: else
		fi;
#endif
		d_step {		/* publish_size() */
			if
			:: b + 1 > size -> size = b + 1
			:: else
			fi;
			owed[b] = owed[b] || !visible;
			visible = false;
			check()
		};
		dx_range_leave_dio();
		inode_dio_end();	/* acknowledged */
		completed(waits);
		d_step { b = 0; end_of_round }
	:: enough
	od
}
#endif

#if READERS
active [READERS] proctype dio_read()
{
	byte b, rounds;
	bool on_disk, waits;

	do
	:: atomic { another_round; pick(b, NB - 1) };
		down_read(iolock);
#if !defined(RANGE_AFTER_MAP) && !defined(READS_UNTRACKED)
		dx_range_enter_dio(b);
#endif
		d_step {
			inode_dio_begin();
			on_disk = b < size && written[b];
			io[b] = io[b] + on_disk
		};
#if defined(RANGE_AFTER_MAP) && !defined(READS_UNTRACKED)
		dx_range_enter_dio(b);
#endif
		fault_on_buffer();
		submitted(waits);

		/* in flight */
		d_step {
			assert(!on_disk || data[b]);	/* A */
			io[b] = io[b] - on_disk;
			on_disk = false
		};
		dx_range_leave_dio();
		inode_dio_end();
		completed(waits);
		d_step { b = 0; end_of_round }
	:: enough
	od
}
#endif

#if ALLOCATORS
active [ALLOCATORS] proctype allocate()
{
	byte from, to, b, seen, rounds;
	bool inside;

	do
	:: atomic { another_round; pick_range(from, to) };
		dx_lockout_begin_additive(from, to);
#ifdef SIZE_UNDER_SHARED
		seen = size;
#endif
		if
		:: inside = to < size	/* The size can only grow while we are here, so it stays true. */
		:: inside = true	/* KEEP_SIZE */
		fi;
		for (b : from .. to) {
			dx_alloc_file_space(b)
		};
		b = 0;
		check_range(from, to, true, false);
		dx_lockout_end(ADDITIVE);
		if
		:: inside
		:: else ->
			dx_lockout_begin(seen);
			for (b : from .. to) {
				dx_alloc_file_space(b)	/* what has gone in between */
			};
			if
			:: seen < to + 1 -> dx_setattr_size(to + 1)
			:: else
			fi;
			check_range(from, to, true, false);
			dx_lockout_end(FULL)
		fi;
		d_step { from = 0; to = 0; b = 0; seen = 0; inside = false; end_of_round }
	:: enough
	od
}
#endif

#if PUNCHERS
active [PUNCHERS] proctype punch()
{
	byte from, to, b, kind, rounds;
	bool zero;

	do
	:: atomic { another_round; pick_range(from, to); pick(zero, 1) };
		dx_lockout_begin_ranged(from, to, kind);
		flush_unmap(from, to);
		for (b : from .. to) {
			dx_free_file_space(b)
		};
		if
		:: zero ->
			for (b : from .. to) {
				dx_alloc_file_space(b)
			}
		:: else
		fi;
		b = 0;
		check_range(from, to, zero, true);
		dx_lockout_end(kind);
		d_step { from = 0; to = 0; kind = 0; zero = false; end_of_round }
	:: enough
	od
}
#endif

#if TRUNCATERS
active [TRUNCATERS] proctype set_size()
{
	byte n, seen, rounds;

	do
	:: atomic { another_round; pick(n, NB) };
		dx_lockout_begin(seen);
		d_step {
			for (c : n .. NB - 1) {
				owed[c] = false		/* he is entitled */
			};
			c = 0
		};
		dx_setattr_size(n);
		dx_lockout_end(FULL);
		d_step { n = 0; seen = 0; end_of_round }
	:: enough
	od
}
#endif

#if BUFFERED
/* A folio is two blocks: the other one is read, and written with what is new. */
active [BUFFERED] proctype buffered_write()
{
	byte b, seen, rounds;
	bool other;

	do
	:: atomic { another_round; pick(b, NB - 1) };
		down_write(iolock);
#ifndef BUFFERED_UNDRAINED
		inode_dio_wait();
#endif
		d_step {
			seen = size;
			other = (b ^ 1) < NB && written[b ^ 1]
		};
		d_step {
			mapped[b] = true;
			written[b] = true;
			data[b] = true;
			if
			:: (b ^ 1) < NB && written[b ^ 1] -> data[b ^ 1] = other
			:: else
			fi;
			if
			:: b + 1 > seen -> size = b + 1
			:: else
			fi;
			check()
		};
		up_write(iolock);
		d_step { b = 0; seen = 0; other = false; end_of_round }
	:: enough
	od
}
#endif

#if FAULTERS
active [FAULTERS] proctype fault()
{
	byte b, rounds;

	do
	:: atomic { another_round; pick(b, NB - 1) };
		down_read(mmaplock);
		page[b] = page[b] || (b < size && mapped[b]);
		up_read(mmaplock);
		d_step { b = 0; end_of_round }
	:: enough
	od
}
#endif

/*
 * Before anybody starts: a file with a block or none, or with ANY_FILE anything that can be, and no book, or one.  Nothing written
 * lies behind the end.  This process is the last, and its _pid is none of those that enter ranges.
 */
active proctype setup()
{
	atomic {
#ifdef ANY_FILE
		pick(size, NB);
		for (c : 0 .. NB - 1) {
			if
			:: skip
			:: mapped[c] = true
			:: c < size -> mapped[c] = true; written[c] = true; data[c] = true
			fi
		};
		c = 0;
#else
		if
		:: size = 0
		:: size = 1
		:: size = 1; mapped[0] = true; written[0] = true; data[0] = true
		fi;
#endif
		if
		:: book = true
		:: book = false
		fi;
		ready = true
	}
}

#ifdef FOREVER
#define served(p)	(always (busy[p] implies eventually !busy[p]))
#if NP == 3
ltl everybody_is_served { served(0) && served(1) && served(2) }
#else
ltl everybody_is_served { served(0) && served(1) && served(2) && served(3) }
#endif
#endif
