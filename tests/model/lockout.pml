/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lockout protocol as a model: direct asynchronous writers that extend a
 * file, against fallocate (extend) and truncate up.
 *
 *	-DORDER=NEW	drain, then look at the size (src/vfs/lockout.c)
 *	-DORDER=OLD	look at the size, then drain: must have a counterexample
 *	-DNO_SIZE_LOCK	completions compare and set the size without the lock: likewise
 *
 * The file is NB blocks.  A writer submits at the end of the file under the
 * IOLOCK shared, holds nothing in flight, and at completion publishes the size
 * if it grows.  Acknowledged blocks are remembered; the claim is that none
 * of them is ever behind the end of the file, or unmapped.
 */
#define OLD 1
#define NEW 2
#ifndef ORDER
#define ORDER NEW
#endif
#define NB 4		/* blocks that the writers write, one after the other */
#define NW 2		/* writers */

byte size = 0;		/* i_size, in blocks */
byte inflight = 0;	/* i_dio_count */
byte readers = 0;	/* IOLOCK shared holders */
bool excl = false;	/* IOLOCK exclusive */
byte next = 0;		/* next block to write: the application's own offset */
bool mapped[NB + 4];	/* the block is allocated and written */
bool acked[NB + 4];

inline lock_shared()   { atomic { !excl -> readers++ } }
inline unlock_shared() { readers-- }
inline lock_excl()     { atomic { !excl && readers == 0 -> excl = true } }
inline unlock_excl()   { excl = false }
inline drain()         { (inflight == 0) }

/* Every acknowledged block is inside the file and has its data. */
inline check() {
	byte c;
	d_step {
		c = 0;
		do
		:: c < NB ->
			assert(!acked[c] || (c < size && mapped[c]));
			c++
		:: else -> break
		od;
		c = 0
	}
}

active [NW] proctype writer()
{
	byte b;

	do
	:: atomic { next < NB -> b = next; next++ };
		lock_shared();
		/* past the end: exclusive and drained, to zero the gap (L6) */
		if
		:: b > size ->
			unlock_shared();
			lock_excl();
			drain();
			/* zeroing reads as zeros already; then shared again */
			atomic { excl = false; readers++ }
		:: else
		fi;
		inflight++;
		unlock_shared();
		/* in flight: no lock at all */
		mapped[b] = true;
		/* two completions may meet here: the size lock makes compare and set one step */
#ifdef NO_SIZE_LOCK
		if
		:: b + 1 > size -> size = b + 1
		:: else
		fi;
#else
		atomic {
			if
			:: b + 1 > size -> size = b + 1
			:: else
			fi
		};
#endif
		/* acknowledged when the count goes down */
		atomic { acked[b] = true; inflight-- };
		check()
	:: next >= NB -> break
	od
}

/* set the end of the file: growing publishes, shrinking frees what is behind */
inline setsize(n) {
	d_step {
		byte i = n;
		do
		:: i < NB + 4 -> mapped[i] = false; i++
		:: else -> break
		od;
		size = n
	}
}

active proctype space()
{
	byte seen, want, rounds = 0;

	do
	:: rounds < 3 ->
		rounds++;
		lock_excl();
#if ORDER == NEW
		drain();
#endif
		seen = size;
		/* allocate to one block past what we saw as the end; or, a truncate up */
		want = seen + 1;
		if
		:: want > seen && want <= NB ->
#if ORDER == OLD
			drain();
#endif
			setsize(want)
		:: else
		fi;
		unlock_excl();
		check()
	:: rounds >= 3 -> break
	od
}
