// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random operations on volumes of many geometries against a plain model: the
 * same tree while mounted, after a remount, and nothing for xfs_repair to find.
 *
 *	t_model [profile [seed [operations [users]]]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_model.h"

static u32 nops = 700;
static bool concurrent;

static int work(void *arg)
{
	u64 seed = *(u64 *)arg;
	int error;
	struct dx_mount *mp = uv_mount(&error);

	if (!CHECK(mp))
		return error;
	error = um_attach(mp, !(seed & 1));
	if (!CHECK(!error))
		return error;
	if (concurrent)
		host_set_preempt(30);
	error = um_run(mp, nops, concurrent ? um_nusers : 1);
	if (error) {
		int i;

		for (i = 0; i < um_nusers; i++)
			printf("  user %d: operation %u, %s: %d\n", i, um_users[i].done + 1, um_users[i].what, um_users[i].error);
	}
	CHECK_EQ(error, 0);
	um_drop_held();
	CHECK(!um_verify(mp, true));
	CHECK(!uv_umount(mp));
	return 0;
}

static int again(void *arg)
{
	int error;
	struct dx_mount *mp = uv_mount(&error);

	(void)arg;
	if (!CHECK(mp))
		return error;
	CHECK(!um_attach(mp, false));
	CHECK(!um_verify(mp, true));
	CHECK(!uv_umount(mp));
	return 0;
}

static void run(const struct uv_profile *p, u64 seed, int users)
{
	char name[200];
	int round;

	if (uv_make(p)) {
		printf("not ok mkfs.xfs %s\n", p->mkfs);
		host_tests_failed++;
		return;
	}
	concurrent = users > 1;
	um_reset(users);
	for (round = 0; round < 2; round++) {
		u64 s = seed * 2 + round;

		um_rebase(s);
		snprintf(name, sizeof(name), "%u operations of %d users, round %d (%s)", nops, users, round, p->name);
		host_test(name, s, work, &s);
		snprintf(name, sizeof(name), "... the same tree after a remount (%s)", p->name);
		host_test(name, s + 1, again, NULL);
		host_test_begin("... and xfs_repair is content");
		CHECK(uv_repair_clean("model"));
		if (!host_test_end()) {
			printf("# again: t_model %d %llu %u %d\n", (int)(p - uv_profiles), (unsigned long long)seed, nops, users);
			break;
		}
	}
}

int main(int argc, char **argv)
{
	int only = argc > 1 ? atoi(argv[1]) : -1, i;
	u64 seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 11;

	if (argc > 3)
		nops = atoi(argv[3]);
	um_trace = getenv("UM_TRACE") != NULL;
	uv_setup("t_model");
	for (i = 0; i < uv_nprofiles; i++) {
		if (only >= 0 && only != i)
			continue;
		if (argc > 4) {
			run(&uv_profiles[i], seed + i, atoi(argv[4]));
			continue;
		}
		run(&uv_profiles[i], seed + i, 1);
		run(&uv_profiles[i], seed + 50 + i, 3);
	}
	printf("#");
	for (i = 0; um_opname(i); i++)
		printf(" %s %llu", um_opname(i), (unsigned long long)um_count[i]);
	printf("\n");
	uv_teardown();
	return host_test_exit();
}
