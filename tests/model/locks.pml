/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the lockout is made of: two semaphores, the count of direct I/O in flight, and who is in which range of a file.
 *
 * NP is the number of processes.  The ILOCK is not here: nobody waits for anything while he holds it, so what is done under it is one
 * step (d_step).
 */

/* ---- a semaphore for readers and writers: first come, first served, so a writer that waits stops the readers behind it ---- */

typedef rwsem {
	bool writer;
	byte readers;
	chan queue = [NP] of { pid }
};

inline down_read(sem) {
	atomic {
		if
		:: !sem.writer && len(sem.queue) == 0
		:: else ->
			sem.queue ! _pid;
			sem.queue ? [eval(_pid)] && !sem.writer;
			sem.queue ? _
		fi;
		sem.readers++
	}
}

inline down_write(sem) {
	atomic {
		if
		:: !sem.writer && !sem.readers && len(sem.queue) == 0
		:: else ->
			sem.queue ! _pid;
			sem.queue ? [eval(_pid)] && !sem.writer && !sem.readers;
			sem.queue ? _
		fi;
		sem.writer = true
	}
}

inline up_read(sem)		{ sem.readers-- }
inline up_write(sem)		{ sem.writer = false }
inline downgrade_write(sem)	{ d_step { sem.writer = false; sem.readers++ } }

rwsem iolock, mmaplock;

/* ---- direct I/O in flight ---- */

byte i_dio_count;

inline inode_dio_begin()	{ i_dio_count++ }
inline inode_dio_end()		{ i_dio_count-- }
inline inode_dio_wait()		{ i_dio_count == 0 }

/* ---- who is in which range (src/vfs/range.c) ---- */

#define BESIDE	1	/* direct I/O, additive operations: beside each other */
#define ALONE	2	/* ranged operations */

/* A process is in one range at most. */
typedef range {
	byte how;		/* 0: not in any, and waits for none */
	byte first, last;	/* blocks */
	byte ahead		/* who came first, is in the way, and has not left: a bit for each process */
};

bool book;			/* direct I/O enters ranges: off until the first ranged operation */
range r[NP];
hidden byte o;

#define meets(p, from, to)	(p != _pid && r[p].how && r[p].first <= to && r[p].last >= from)
#define is_behind(p, q)		r[p].ahead = r[p].ahead | (1 << q)

inline dx_range_come(from, to, what) {
	d_step {
		r[_pid].how = what;
		r[_pid].first = from;
		r[_pid].last = to;
		for (o : 0 .. NP - 1) {
			if
			:: !meets(o, from, to) || (what == BESIDE && r[o].how == BESIDE)
#ifdef PASS_WHO_WAITS
			:: meets(o, from, to) && what == BESIDE && r[o].how == ALONE && r[o].ahead -> is_behind(o, _pid)
#endif
			:: else -> is_behind(_pid, o)
			fi
		};
		o = 0
	}
}

inline dx_range_wait() { r[_pid].ahead == 0 }

inline dx_range_leave() {
	d_step {
		r[_pid].how = 0;
		r[_pid].first = 0;
		r[_pid].last = 0;
		for (o : 0 .. NP - 1) {
			r[o].ahead = r[o].ahead & ~(1 << _pid)
		};
		o = 0
	}
}
