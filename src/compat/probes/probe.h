/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a probe says that something is not there: by declaring it itself, which
 * compiles only while the kernel does not.  probe.sh keeps names that begin with
 * "probe" apart from those of other probes.
 */
#ifndef DX_PROBE_H
#define DX_PROBE_H

/* no function, variable, type or constant of this name; for a macro test with #ifdef besides */
#define NO_SYMBOL(name)		extern struct dx_probe_no_such name

/* no such member; a second one of the same name in an embedded struct is an error */
#define NO_MEMBER(type, name)	struct probe_member { type; char name; }

#endif
