// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order of locks, as the kernel's lockdep checks it: locks of the same
 * declaration and subclass are one class; taking B while holding A says
 * "A before B" for good, and a cycle in what has been said is a deadlock that
 * only needs the right moment, whether or not this run had it.
 *
 * Two things that are not locks take part:
 *
 *	fs reclaim	an allocation that may enter the filesystem.  Eviction waits for
 *			writeback's completions, and those take the ILOCK: so an
 *			ILOCK (and all that is taken under it) comes after it.
 *	a work item	held while it runs; who waits for it takes it
 *
 * Semaphores (buffers) are not watched: I/O takes them over from whoever locked them.
 * A lock that was tried is held like any other, but trying waits for nobody.
 * What has been said outlives host_kill_world().
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "host_int.h"

#define MAX_CLASSES	128

struct place {
	const char *held_file, *file;
	int held_line, line;
};

static struct {
	const char *name;
	int subclass;
	bool nests;		/* several of the same class in any order */
} class[MAX_CLASSES];
static int nclasses;
static struct place *before[MAX_CLASSES][MAX_CLASSES];	/* [a][b]: b was taken while a was held, there */

#define RECLAIM	"fs reclaim"

static struct place *say(int a, int b, const char *held_file, int held_line, const char *file, int line)
{
	struct place *p = malloc(sizeof(*p));

	if (!p)
		abort();
	*p = (struct place) { held_file, file, held_line, line };
	before[a][b] = p;
	return p;
}

static int class_of(const char *name, int subclass)
{
	int i;

	for (i = 0; i < nclasses; i++)
		if (class[i].subclass == subclass && (class[i].name == name || !strcmp(class[i].name, name)))
			return i;
	if (nclasses == MAX_CLASSES)
		return -1;
	class[i].name = name;
	class[i].subclass = subclass;
	class[i].nests = !strcmp(name, RECLAIM);
	nclasses++;
	if (strstr(name, "->ilock"))
		say(class_of(RECLAIM, 0), i, "eviction", 0, "writeback completion", 0);
	return i;
}

/* The way from @a to @b in what has been said, as a chain of classes in @way; 0: there is none. */
static int find_way(int a, int b, int *way, int depth, bool *seen)
{
	int i, n;

	way[depth] = a;
	if (a == b)
		return depth + 1;
	seen[a] = true;
	for (i = 0; i < nclasses; i++) {
		if (!before[a][i] || seen[i])
			continue;
		n = find_way(i, b, way, depth + 1, seen);
		if (n)
			return n;
	}
	return 0;
}

static const char *base(const char *file)
{
	const char *s = strrchr(file, '/');

	return s ? s + 1 : file;
}

static void print_step(int a, int b, const struct place *p)
{
	host_say("  %s/%d (%s:%d) then %s/%d (%s:%d)\n", class[a].name, class[a].subclass, base(p->held_file), p->held_line,
		 class[b].name, class[b].subclass, base(p->file), p->line);
}

static void check(int a, const struct host_held *h, int b, const char *file, int line)
{
	int way[MAX_CLASSES], n, i;
	bool seen[MAX_CLASSES] = { };
	struct place *p;

	if (a < 0 || b < 0 || before[a][b] || (a == b && class[a].nests))
		return;
	n = find_way(b, a, way, 0, seen);
	p = say(a, b, h->file, h->line, file, line);	/* even if wrong: reported once */
	if (!n)
		return;
	host_say("\nlock order: this is new:\n");
	print_step(a, b, p);
	host_say("but there was:\n");
	for (i = 0; i + 1 < n; i++)
		print_step(way[i], way[i + 1], before[way[i]][way[i + 1]]);
	if (n == 1)
		host_say("  (the same class, without a subclass of its own)\n");
	host_print_stack();
	WARN(1, "lock order");
}

/* The current fiber is about to wait for a lock. */
static void wait_for(int b, const char *file, int line)
{
	struct host_fiber *f = host_self();
	int i;

	for (i = 0; i < f->nheld; i++)
		check(f->held[i].class, &f->held[i], b, file, line);
}

int host_lock_class(const struct lockdep_map *m, int subclass)
{
	return m->name ? class_of(m->name, subclass) : -1;
}

void host_lock_order(const struct lockdep_map *m, int subclass, const char *file, int line)
{
	if (m->name)
		wait_for(class_of(m->name, subclass), file, line);
}

void host_reclaim_order(const char *file, int line)
{
	if (host_self()->nheld)
		wait_for(class_of(RECLAIM, 0), file, line);
}
