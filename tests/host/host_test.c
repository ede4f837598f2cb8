// SPDX-License-Identifier: GPL-2.0-only
/* Verdicts of unit programs, in TAP-like lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <time.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/time.h>
#include <sys/wait.h>
#include "host_int.h"

int host_checks_failed, host_tests_failed;
static int tests_run;
static const char *test_name = "?";
static bool test_open;

#if defined(__SANITIZE_ADDRESS__)
/* Leaks of kernel memory are our own count's to find; the rest is the test's. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0:quarantine_size_mb=32:malloc_context_size=4:detect_stack_use_after_return=0:"
	       "handle_abort=0:allow_addr2line=1";
}

const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void) { return "print_stacktrace=1:halt_on_error=1"; }
#endif

/*
 * Begin again at addresses that are the same each time: what is ordered or hashed by address then goes the
 * same way, and a seed that failed fails again.
 */
__attribute__((constructor)) static void fixed_addresses(int argc, char **argv, char **envp)
{
	int old = personality(0xffffffff);

	(void)argc;
	if (old != -1 && !(old & ADDR_NO_RANDOMIZE) && personality(old | ADDR_NO_RANDOMIZE) != -1)
		execve("/proc/self/exe", argv, envp);
}

bool host_check(bool ok, const char *what, const char *file, int line)
{
	if (!ok && host_checks_failed++ < 20)
		host_say("  CHECK failed at %s:%d: %s\n", file, line, what);
	return ok;
}

bool host_check_eq(long long a, long long b, const char *what, const char *file, int line)
{
	if (!host_check(a == b, what, file, line))
		host_say("    %lld is not %lld\n", a, b);
	return a == b;
}

/* Who returned before the end of a test, or failed outside of any, has failed all the same: it counts as a test of its own. */
static void host_test_settle(void)
{
	if (test_open) {
		CHECK(!"the test came to its end");
		host_test_end();
	} else if (host_checks_failed || host_warn_count) {
		test_name = "what is checked outside of the tests";
		host_test_end();
	}
}

void host_test_begin(const char *name)
{
	host_test_settle();
	test_name = name;
	test_open = true;
}

bool host_test_end(void)
{
	bool ok = !host_checks_failed && !host_warn_count;

	tests_run++;
	if (!ok) {
		host_tests_failed++;
		host_say("  %d checks failed, %lu kernel warnings\n", host_checks_failed, host_warn_count);
	}
	printf("%s %s\n", ok ? "ok" : "not ok", test_name);
	fflush(stdout);
	test_open = false;
	host_checks_failed = 0;
	host_warn_count = 0;
	return ok;
}

bool host_test(const char *name, u64 seed, int (*fn)(void *), void *arg)
{
	int ret;

	host_init(seed);
	host_test_begin(name);
	ret = host_run(fn, arg);
	if (ret)
		host_say("  the test returned %d\n", ret);
	CHECK(ret == 0);
	host_kill_world();
	return host_test_end();
}

int host_test_exit(void)
{
	host_test_settle();
	printf("1..%d\n", tests_run);
	if (!tests_run)
		printf("not ok a test was run\n");
	return host_tests_failed || !tests_run ? 1 : 0;
}

#define SEEDS_A_CHILD	200
#define MAX_FAILED	6

void host_each_seed(u64 first, u64 end, time_t until, u64 *failed, void (*one)(u64 seed), void (*died)(u64 seed, int status))
{
	static volatile u64 *now;
	u64 next = first, stop;
	int status;
	pid_t pid;

	if (!now)
		now = mmap(NULL, sizeof(*now), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	while ((until ? time(NULL) < until : next < end) && *failed < MAX_FAILED) {
		stop = until || end - next > SEEDS_A_CHILD ? next + SEEDS_A_CHILD : end;
		*now = next;
		fflush(stdout);
		pid = fork();
		if (!pid) {
			for (; next < stop && (!until || time(NULL) < until); next++) {
				*now = next;
				one(next);
			}
			fflush(stdout);
			_exit(0);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid) {
			perror("fork");
			exit(2);
		}
		next = stop;
		if (!WIFEXITED(status) || WEXITSTATUS(status)) {
			died(*now, status);
			++*failed;
			next = *now + 1;
		}
	}
}

int host_sh(const char *fmt, ...)
{
	char cmd[4096];
	va_list ap;
	int st;

	va_start(ap, fmt);
	host_vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	fflush(stdout);
	st = system(cmd);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128;
}

/* Without prefetching, and with a cache that is not as large as the machine: most of its time went there. */
bool host_repair_clean(struct dx_bdev *d, const char *path)
{
	if (host_dev_save(d, path))
		return false;
	if (!host_sh("xfs_repair -n -P -o bhash=256 -f %s >%s.repair 2>&1", path, path))
		return true;
	host_sh("grep -v -e '^Phase' -e '^ *- ' %s.repair | head -30 | cut -c1-200 >&2", path);
	return false;
}

void host_cpu_limit(unsigned int seconds)
{
	struct itimerval t = { .it_value.tv_sec = seconds };

	setitimer(ITIMER_PROF, &t, NULL);
}
