// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host build's own tests: if the simulated kernel or the simulated disk
 * is wrong, nothing that the other unit programs say counts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "host.h"
#include <linux/kthread.h>
#include <linux/ctype.h>
#include <linux/bitmap.h>

u32 host_crc_soft(u32 crc, const void *p, size_t n);

/* ---- arithmetic and formats ---- */

static int t_basics(void *arg)
{
	u8 buf[300];
	char s[80];
	u64 n = 1000000007ULL * 33;
	uuid_t u = { { 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 1, 2, 3, 4, 5, 6, 7, 8 } };
	int i;
	__be32 be = cpu_to_be32(5);

	CHECK_EQ(crc32c(~0U, "123456789", 9) ^ ~0U, 0xE3069283);
	get_random_bytes(buf, sizeof(buf));
	for (i = 0; i < 290; i++)
		CHECK(crc32c(7, buf + i % 8, i) == host_crc_soft(7, buf + i % 8, i));
	CHECK_EQ(round_up(13, 8), 16);
	CHECK_EQ(round_down(13, 8), 8);
	CHECK_EQ(roundup(13, 5), 15);
	CHECK_EQ(ilog2(4096), 12);
	CHECK_EQ(order_base_2(5), 3);
	CHECK_EQ(roundup_pow_of_two(33), 64);
	CHECK_EQ(fls64(1ULL << 40), 41);
	CHECK_EQ(GENMASK(7, 4), 0xf0);
	CHECK_EQ(do_div(n, 33), 0);
	CHECK_EQ(n, 1000000007);
	be32_add_cpu(&be, -2);
	CHECK_EQ(be32_to_cpu(be), 3);
	put_unaligned_be64(0x0102030405060708ULL, buf + 3);
	CHECK_EQ(buf[3], 1);
	CHECK_EQ(get_unaligned_be32(buf + 7), 0x05060708);
	snprintf(s, sizeof(s), "%pU|%5d|%-4x|%08llx|%.2s|%s", &u, -3, 0xab, 0x1234ULL, "xyz", "end");
	CHECK(!strcmp(s, "12345678-9abc-def0-0102-030405060708|   -3|ab  |00001234|xy|end"));
	snprintf(s, sizeof(s), "%*d %lu %zd %hhx %#x %+d %*ph", 4, 7, ~0UL, (ssize_t)-1, 0x1ff, 255, 5, 2, "\x01\xff");
	CHECK(!strcmp(s, "   7 18446744073709551615 -1 ff 0xff +5 01 ff"));
	CHECK_EQ(strscpy(s, "abcdef", 4), -E2BIG);
	CHECK(!strcmp(s, "abc"));
	memset(buf, 0, sizeof(buf));
	CHECK(!memchr_inv(buf, 0, sizeof(buf)));
	buf[299] = 1;
	CHECK(memchr_inv(buf, 0, sizeof(buf)) == buf + 299);
	CHECK_EQ(min_t(u32, 3, 5), 3);
	CHECK_EQ(clamp(9, 1, 5), 5);
	return 0;
}

/* ---- trees, tables, sorting ---- */

struct item {
	struct rb_node rb;
	struct rhash_head h;
	struct list_head l;
	u32 key;
	int seq;
	bool in;
};

static int black_height(struct rb_node *n)
{
	int l, r;

	if (!n)
		return 1;
	if (n->host_red && ((n->rb_left && n->rb_left->host_red) || (n->rb_right && n->rb_right->host_red)))
		return -1;
	if ((n->rb_left && n->rb_left->host_parent != n) || (n->rb_right && n->rb_right->host_parent != n))
		return -1;
	l = black_height(n->rb_left);
	r = black_height(n->rb_right);
	return l < 0 || l != r ? -1 : l + !n->host_red;
}

static void item_add(struct rb_root *root, struct item *it)
{
	struct rb_node **slot = &root->rb_node, *at = NULL;

	while (*slot) {
		at = *slot;
		slot = it->key < rb_entry(at, struct item, rb)->key ? &at->rb_left : &at->rb_right;
	}
	rb_link_node(&it->rb, at, slot);
	rb_insert_color(&it->rb, root);
}

static int t_rbtree(void *arg)
{
	enum { N = 400 };
	struct item *it = kcalloc(N, sizeof(*it), GFP_KERNEL);
	struct rb_root root = RB_ROOT;
	int i, round, in = 0, n;

	for (i = 0; i < N; i++)
		it[i].key = host_random() % 1000;
	for (round = 0; round < 4000; round++) {
		i = host_random() % N;
		if (it[i].in) {
			rb_erase(&it[i].rb, &root);
			in--;
		} else {
			item_add(&root, &it[i]);
			in++;
		}
		it[i].in = !it[i].in;
		if (round % 20 == 0) {
			struct rb_node *r, *prev = NULL;

			CHECK(black_height(root.rb_node) > 0);
			for (n = 0, r = rb_first(&root); r; prev = r, r = rb_next(r), n++) {
				CHECK(!prev || rb_entry(prev, struct item, rb)->key <= rb_entry(r, struct item, rb)->key);
				CHECK(rb_prev(r) == prev);
			}
			CHECK_EQ(n, in);
			CHECK(rb_last(&root) == prev);
		}
	}
	kfree(it);
	return 0;
}

static const struct rhashtable_params item_params = {
	.key_len = sizeof(u32), .key_offset = offsetof(struct item, key), .head_offset = offsetof(struct item, h),
	.automatic_shrinking = true,
};

static void count_item(void *p, void *arg) { ++*(int *)arg; }

static int t_rhashtable(void *arg)
{
	enum { N = 3000 };
	struct item *it = kvcalloc(N, sizeof(*it), GFP_KERNEL), dup = { .key = 77 }, *p;
	struct rhashtable_iter iter;
	struct rhashtable ht;
	int i, n = 0;
	u32 key;

	CHECK_EQ(rhashtable_init(&ht, &item_params), 0);
	for (i = 0; i < N; i++) {
		it[i].key = i;
		CHECK_EQ(rhashtable_lookup_insert_fast(&ht, &it[i].h, item_params), 0);
	}
	CHECK_EQ(rhashtable_lookup_insert_fast(&ht, &dup.h, item_params), -EEXIST);
	CHECK(rhashtable_lookup_get_insert_fast(&ht, &dup.h, item_params) == &it[77]);
	for (i = 0; i < N; i += 3)
		CHECK_EQ(rhashtable_remove_fast(&ht, &it[i].h, item_params), 0);
	CHECK_EQ(rhashtable_remove_fast(&ht, &it[0].h, item_params), -ENOENT);
	for (i = 0; i < N; i++) {
		key = i;
		CHECK(rhashtable_lookup_fast(&ht, &key, item_params) == (i % 3 ? &it[i] : NULL));
	}
	rhashtable_walk_enter(&ht, &iter);
	rhashtable_walk_start(&iter);
	while ((p = rhashtable_walk_next(&iter)))
		n += p->key % 3 != 0;
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
	CHECK_EQ(n, N - N / 3);
	n = 0;
	rhashtable_free_and_destroy(&ht, count_item, &n);
	CHECK_EQ(n, N - N / 3);
	kvfree(it);
	CHECK_EQ(host_live_allocs(true), 0);
	return 0;
}

static int cmp_list(void *priv, const struct list_head *a, const struct list_head *b)
{
	return (int)list_entry(a, struct item, l)->key - (int)list_entry(b, struct item, l)->key;
}

static int cmp_u32(const void *a, const void *b) { return *(u32 *)a < *(u32 *)b ? -1 : *(u32 *)a > *(u32 *)b; }

static int t_sort(void *arg)
{
	enum { N = 1000 };
	struct item *it = kcalloc(N, sizeof(*it), GFP_KERNEL), *p, *prev = NULL;
	u32 *v = kcalloc(N, sizeof(*v), GFP_KERNEL);
	LIST_HEAD(l);
	int i, n = 0;

	for (i = 0; i < N; i++) {
		it[i].key = host_random() % 50;
		it[i].seq = i;
		list_add_tail(&it[i].l, &l);
		v[i] = get_random_u32();
	}
	list_sort(NULL, &l, cmp_list);
	list_for_each_entry(p, &l, l) {
		CHECK(!prev || prev->key < p->key || (prev->key == p->key && prev->seq < p->seq));
		prev = p;
		n++;
	}
	CHECK_EQ(n, N);
	n = 0;
	list_for_each_entry_reverse(p, &l, l)
		n++;
	CHECK_EQ(n, N);
	sort(v, N, sizeof(*v), cmp_u32, NULL);
	for (i = 1; i < N; i++)
		CHECK(v[i - 1] <= v[i]);
	kfree(v);
	kfree(it);
	return 0;
}

/* ---- locks ---- */

static DEFINE_MUTEX(mtx);
static struct rw_semaphore sem;
static struct semaphore csem;
static int inside, readers, writers, total;

static int mutex_user(void *arg)
{
	int i;

	for (i = 0; i < 50; i++) {
		mutex_lock(&mtx);
		CHECK_EQ(inside++, 0);
		lockdep_assert_held(&mtx);
		if (i % 7 == 0)
			msleep(1);
		else
			cond_resched();
		CHECK_EQ(--inside, 0);
		total++;
		mutex_unlock(&mtx);
		CHECK(!lockdep_is_held(&mtx));
	}
	return 0;
}

static int rwsem_user(void *arg)
{
	int i;

	for (i = 0; i < 40; i++) {
		if (host_random() % 3 == 0) {
			down_write(&sem);
			CHECK(!readers && !writers);
			writers++;
			cond_resched();
			writers--;
			downgrade_write(&sem);
			CHECK(!writers);
			readers++;
			host_yield();
			readers--;
			up_read(&sem);
		} else {
			down_read(&sem);
			CHECK(!writers);
			lockdep_assert_held_read(&sem);
			readers++;
			host_yield();
			readers--;
			up_read(&sem);
		}
	}
	return 0;
}

static int sem_user(void *arg)
{
	int i;

	for (i = 0; i < 30; i++) {
		down(&csem);
		CHECK(++inside <= 3);
		host_yield();
		inside--;
		up(&csem);
	}
	return 0;
}

static void run_many(int (*fn)(void *), int n)
{
	struct host_fiber *f[16];
	int i;

	for (i = 0; i < n; i++)
		f[i] = host_spawn(fn, NULL, "user");
	for (i = 0; i < n; i++)
		host_join(f[i]);
}

static int t_locks(void *arg)
{
	inside = readers = writers = total = 0;
	mutex_init(&mtx);
	init_rwsem(&sem);
	sema_init(&csem, 3);
	run_many(mutex_user, 6);
	CHECK_EQ(total, 300);
	run_many(rwsem_user, 6);
	run_many(sem_user, 8);
	CHECK(down_read_trylock(&sem));
	CHECK(!down_write_trylock(&sem));
	up_read(&sem);
	CHECK(down_write_trylock(&sem));
	CHECK(!down_read_trylock(&sem));
	up_write(&sem);
	down(&csem);
	down(&csem);
	down(&csem);
	CHECK_EQ(down_trylock(&csem), 1);
	CHECK_EQ(down_timeout(&csem, 5), -ETIME);
	up(&csem);
	CHECK_EQ(down_trylock(&csem), 0);
	return 0;
}

/* ---- waiting ---- */

static DECLARE_WAIT_QUEUE_HEAD(wq);
static int flag;
static unsigned long bits;
static struct completion comp;

static int waiter(void *arg)
{
	wait_event(wq, flag >= 3);
	wait_for_completion(&comp);
	wait_on_bit(&bits, 4, TASK_UNINTERRUPTIBLE);
	total++;
	return 0;
}

static int thread_fn(void *arg)
{
	while (!kthread_should_stop()) {
		total++;
		schedule_timeout_uninterruptible(10);
	}
	return 42;
}

static int t_waits(void *arg)
{
	struct host_fiber *f[4];
	struct task_struct *t;
	u64 t0;
	int i;

	flag = total = 0;
	bits = BIT(4);
	init_waitqueue_head(&wq);
	init_completion(&comp);
	for (i = 0; i < 4; i++)
		f[i] = host_spawn(waiter, NULL, "waiter");
	for (i = 0; i < 3; i++) {
		msleep(10);
		flag++;
		wake_up(&wq);
	}
	CHECK_EQ(total, 0);
	complete(&comp);
	msleep(10);
	complete_all(&comp);
	msleep(10);
	CHECK_EQ(total, 0);
	clear_and_wake_up_bit(4, &bits);
	for (i = 0; i < 4; i++)
		host_join(f[i]);
	CHECK_EQ(total, 4);
	t0 = host_now_ns();
	CHECK_EQ(wait_event_timeout(wq, flag == 99, HZ), 0);
	CHECK(host_now_ns() - t0 >= 990 * NSEC_PER_MSEC && host_now_ns() - t0 < 1100 * NSEC_PER_MSEC);
	reinit_completion(&comp);
	CHECK_EQ(wait_for_completion_timeout(&comp, 3), 0);
	total = 0;
	t = kthread_run(thread_fn, NULL, "thread/%d", 1);
	msleep(1000);
	CHECK_EQ(kthread_stop(t), 42);
	CHECK(total >= 20 && total <= 30);
	return 0;
}

/* ---- work ---- */

struct my_work {
	struct work_struct w;
	struct delayed_work d;
	struct workqueue_struct *q;
	int runs, again, now;
};

static void my_fn(struct work_struct *w)
{
	struct my_work *m = container_of(w, struct my_work, w);

	CHECK_EQ(m->now++, 0);
	msleep(5);
	m->now--;
	m->runs++;
	if (m->again-- > 0)
		queue_work(m->q, w);
}

static void my_delayed(struct work_struct *w)
{
	struct my_work *m = container_of(to_delayed_work(w), struct my_work, d);

	m->runs++;
	queue_delayed_work(m->q, &m->d, HZ);
}

static void self_free(struct work_struct *w)
{
	kfree(container_of(w, struct my_work, w));
	total++;
}

static int t_work(void *arg)
{
	struct workqueue_struct *q = alloc_workqueue("q-%d", WQ_MEM_RECLAIM, 0, 1);
	struct workqueue_struct *o = alloc_ordered_workqueue("o", 0);
	struct my_work m = { .q = q, .again = 3 }, *h;
	int i;

	total = 0;
	INIT_WORK(&m.w, my_fn);
	INIT_DELAYED_WORK(&m.d, my_delayed);
	CHECK(queue_work(q, &m.w));
	CHECK(!queue_work(q, &m.w));
	flush_work(&m.w);
	CHECK(m.runs >= 1);
	drain_workqueue(q);
	CHECK_EQ(m.runs, 4);
	m.again = 1000000;
	queue_work(q, &m.w);
	msleep(100);
	cancel_work_sync(&m.w);
	CHECK_EQ(m.now, 0);
	i = m.runs;
	msleep(100);
	CHECK_EQ(m.runs, i);
	m.runs = 0;
	queue_delayed_work(q, &m.d, HZ);
	msleep(3500);
	CHECK_EQ(m.runs, 3);
	CHECK(mod_delayed_work(q, &m.d, 10 * HZ));
	CHECK(cancel_delayed_work_sync(&m.d));
	CHECK(!delayed_work_pending(&m.d));
	for (i = 0; i < 20; i++) {
		h = kzalloc(sizeof(*h), GFP_KERNEL);
		INIT_WORK(&h->w, self_free);
		queue_work(i & 1 ? q : o, &h->w);
	}
	flush_workqueue(q);
	flush_workqueue(o);
	CHECK_EQ(total, 20);
	destroy_workqueue(q);
	destroy_workqueue(o);
	CHECK_EQ(host_live_allocs(true), 0);
	return 0;
}

/* ---- memory ---- */

static int t_memory(void *arg)
{
	struct kmem_cache *c = kmem_cache_create("c", 100, 0, 0, NULL);
	void *p = kmem_cache_zalloc(c, GFP_NOFS), *q;

	CHECK(!memchr_inv(p, 0, 100));
	kmem_cache_free(c, p);
	kmem_cache_destroy(c);
	p = kmalloc(10, GFP_KERNEL);
	memcpy(p, "012345678", 10);
	p = krealloc(p, 1000, GFP_KERNEL);
	CHECK(!strcmp(p, "012345678"));
	host_fail_alloc_nth(2);
	q = kmalloc(1, GFP_KERNEL);
	CHECK(q && !host_alloc_failed());
	CHECK(!kmalloc(1, GFP_KERNEL) && host_alloc_failed());
	kfree(q);
	host_fail_alloc_from(1);
	CHECK(!kvmalloc(1, GFP_KERNEL));
	q = kmalloc(1, GFP_KERNEL | __GFP_NOFAIL);
	CHECK(q);
	kfree(q);
	host_fail_alloc_nth(0);
	kfree(p);
	CHECK_EQ(host_live_allocs(true), 0);
	return 0;
}

/* ---- misuse must be found ---- */

static int bad_deadlock_other(void *arg)
{
	down_write(&sem);
	host_yield();
	mutex_lock(&mtx);
	return 0;
}

static int bad_deadlock(void *arg)
{
	init_rwsem(&sem);
	host_spawn(bad_deadlock_other, NULL, "other");
	mutex_lock(&mtx);
	host_yield();
	host_yield();
	down_write(&sem);
	return 0;
}

/* No deadlock happens in these: the orders alone could have one. */
static int bad_order(void *arg)
{
	init_rwsem(&sem);
	mutex_lock(&mtx);
	down_write(&sem);
	up_write(&sem);
	mutex_unlock(&mtx);
	down_read(&sem);
	mutex_lock(&mtx);
	mutex_unlock(&mtx);
	up_read(&sem);
	return 0;
}

static struct { struct rw_semaphore ilock; } two[2], *ips = two;

static int bad_same_class(void *arg)
{
	int i;

	for (i = 0; i < 2; i++)
		init_rwsem(&(ips + i)->ilock);
	down_write(&ips[0].ilock);
	down_write_nested(&ips[1].ilock, 1);
	up_write(&ips[1].ilock);
	if (host_warn_count)
		return 0;
	down_write(&ips[1].ilock);
	up_write(&ips[1].ilock);
	up_write(&ips[0].ilock);
	return 0;
}

/* Reclaim waits for writeback, which takes the ILOCK. */
static int bad_reclaim(void *arg)
{
	unsigned int nofs;

	init_rwsem(&ips->ilock);
	down_read(&ips->ilock);
	nofs = memalloc_nofs_save();
	kfree(kmalloc(10, GFP_KERNEL));
	memalloc_nofs_restore(nofs);
	kfree(kmalloc(10, GFP_NOFS));
	if (host_warn_count)
		return 0;
	kfree(kmalloc(10, GFP_KERNEL));
	up_read(&ips->ilock);
	return 0;
}

static void take_mtx(struct work_struct *w) { mutex_lock(&mtx); mutex_unlock(&mtx); }

static int bad_flush(void *arg)
{
	static struct work_struct w;

	INIT_WORK(&w, take_mtx);
	schedule_work(&w);
	flush_work(&w);
	mutex_lock(&mtx);
	flush_work(&w);		/* has ended, today */
	mutex_unlock(&mtx);
	return 0;
}

static int bad_unlock(void *arg) { mutex_unlock(&mtx); return 0; }
static int bad_recursion(void *arg) { mutex_lock(&mtx); mutex_lock(&mtx); return 0; }
static int bad_read_twice(void *arg) { init_rwsem(&sem); down_read(&sem); down_read(&sem); return 0; }
static DEFINE_SPINLOCK(spin);
static int bad_atomic(void *arg) { spin_lock(&spin); msleep(1); spin_unlock(&spin); return 0; }
static int bad_uaf(void *arg)
{
	volatile char *p = kmalloc(10, GFP_KERNEL);

	kfree((void *)p);
	return p[3];
}
static int bad_overrun(void *arg)
{
	volatile char *p = kmalloc(10, GFP_KERNEL);

	return p[10];
}
static int bad_underrun(void *arg)
{
	volatile char *p = kmalloc(10, GFP_KERNEL);

	return p[-1];
}
static int bad_stack_depth(void *arg)
{
	volatile char big[2000];

	big[0] = 1;
	return arg ? 0 : big[0] + bad_stack_depth(arg);
}
static int bad_list(void *arg)
{
	LIST_HEAD(l);
	struct list_head a;

	list_add(&a, &l);
	list_del(&a);
	list_del(&a);
	return 0;
}

/* In a child: it must abort or warn, and say why. */
static void must_die(const char *name, int (*fn)(void *), const char *says)
{
	static char out[1 << 20];
	int st, p[2];
	size_t n = 0;
	ssize_t r;
	pid_t pid;

	host_init(0);
	host_test_begin(name);
	mutex_init(&mtx);
	spin_lock_init(&spin);
	fflush(stdout);
	CHECK(!pipe(p));
	pid = fork();
	if (!pid) {
		dup2(p[1], 2);
		host_run(fn, NULL);
		_exit(host_warn_count ? 1 : 0);
	}
	close(p[1]);
	while ((r = read(p[0], out + n, sizeof(out) - 1 - n)) > 0)
		n += r;
	out[n] = 0;
	close(p[0]);
	waitpid(pid, &st, 0);
	CHECK(st != 0);
	if (!CHECK(strstr(out, says)) || getenv("T_SHIMS_VERBOSE"))
		fprintf(stderr, "---- %s:\n%s\n", name, out);
	host_test_end();
}

/* ---- what a dead world leaves behind ---- */

static int sleeper(void *arg)
{
	mutex_lock(&mtx);
	kmalloc(100, GFP_KERNEL);
	msleep(1000000);
	return 0;
}

static int stopper(void *arg)
{
	int i;

	for (i = 0; i < 5; i++)
		host_spawn(sleeper, NULL, "sleeper");
	msleep(10);
	host_stop_world();
	return 0;
}

static void t_kill(void)
{
	int i;

	host_test_begin("a stopped world leaves no fiber and no memory");
	for (i = 0; i < 200; i++) {
		host_init(i);
		mutex_init(&mtx);
		CHECK_EQ(host_run(stopper, NULL), HOST_CRASHED);
		CHECK(host_stopped());
		host_kill_world();
		CHECK_EQ(host_live_allocs(false), 0);
	}
	host_test_end();
}

/* ---- determinism ---- */

static u64 trace;

static int tracer(void *arg)
{
	int i;

	for (i = 0; i < 20; i++) {
		trace = trace * 31 + (long)arg;
		cond_resched();
		mutex_lock(&mtx);
		mutex_unlock(&mtx);
	}
	return 0;
}

static int trace_all(void *arg)
{
	long i;

	mutex_init(&mtx);
	for (i = 1; i < 5; i++)
		host_spawn(tracer, (void *)i, "tracer");
	msleep(100);
	return 0;
}

static u64 trace_of(u64 seed)
{
	host_init(seed);
	trace = 0;
	host_run(trace_all, NULL);
	host_kill_world();
	return trace;
}

static void t_determinism(void)
{
	u64 a = trace_of(5), b = trace_of(5), c = trace_of(6), d = trace_of(0), e = trace_of(0);

	host_test_begin("a seed makes one run, another seed another");
	CHECK(a == b);
	CHECK(a != c);
	CHECK(d == e);
	host_test_end();
}

/* ---- the disk ---- */

static struct dx_bdev *dev;
static u8 *page;		/* libc memory: survives the world */

static int io(enum dx_io_op op, u64 daddr, size_t len, u8 fill, unsigned int flags)
{
	struct dx_io r = { .op = op, .bdev = dev, .daddr_bb = daddr, .len_bytes = len, .data = page, .flags = flags };

	if (op == DX_IO_WRITE)
		memset(page, fill, len);
	return dx_plat_io_wait(&r);
}

static u8 at(u64 daddr)
{
	u8 b[512];

	host_dev_peek(dev, daddr * 512, b, 512);
	return memchr_inv(b, b[0], 512) ? 0xff : b[0];
}

static int t_disk_rw(void *arg)
{
	struct host_dev_counts c;

	CHECK_EQ(io(DX_IO_WRITE, 7, 1024, 5, 0), 0);
	CHECK_EQ(io(DX_IO_READ, 8, 512, 0, 0), 0);
	CHECK_EQ(page[0], 5);
	CHECK_EQ(io(DX_IO_READ, 9, 512, 0, 0), 0);
	CHECK_EQ(page[0], 0);
	host_dev_counts(dev, &c);
	CHECK_EQ(c.unflushed, 1);
	CHECK_EQ(dx_plat_flush(dev), 0);
	host_dev_counts(dev, &c);
	CHECK_EQ(c.unflushed, 0);
	CHECK_EQ(c.writes, 1);
	CHECK_EQ(c.reads, 2);
	host_dev_fail(dev, HOST_FAIL_WRITE, 2, false, -EIO);
	CHECK_EQ(io(DX_IO_WRITE, 7, 512, 6, 0), 0);
	CHECK_EQ(io(DX_IO_WRITE, 8, 512, 7, 0), -EIO);
	CHECK_EQ(at(8), 5);
	CHECK_EQ(io(DX_IO_WRITE, 8, 512, 7, 0), 0);
	host_dev_fail(dev, HOST_FAIL_READ, 1, true, -EIO);
	CHECK_EQ(io(DX_IO_READ, 8, 512, 0, 0), -EIO);
	CHECK_EQ(io(DX_IO_READ, 8, 512, 0, 0), -EIO);
	host_dev_fail_none(dev);
	host_dev_fail_range(dev, HOST_FAIL_READ, 100, 8, -EILSEQ);
	CHECK_EQ(io(DX_IO_READ, 98, 512, 0, 0), 0);
	CHECK_EQ(io(DX_IO_READ, 98, 2048, 0, 0), -EILSEQ);
	host_dev_fail_none(dev);
	CHECK_EQ(dx_plat_discard(dev, 7, 1), 0);
	CHECK_EQ(at(7), 0xd5);
	return 0;
}

/* 10: flushed.  11: FUA.  12: cached.  13: FUA over cached.  14: in flight at the crash. */
static int t_crash_run(void *arg)
{
	io(DX_IO_WRITE, 10, 512, 1, 0);
	dx_plat_flush(dev);
	io(DX_IO_WRITE, 13, 512, 1, 0);
	io(DX_IO_WRITE, 11, 512, 1, DX_IOF_FUA);
	io(DX_IO_WRITE, 12, 512, 1, 0);
	io(DX_IO_WRITE, 13, 512, 2, DX_IOF_FUA);
	host_dev_crash_at(dev, 1, HOST_CRASH_SUBMIT);
	io(DX_IO_WRITE, 14, 4096, 1, 0);
	CHECK(!"the crash did not stop the world");
	return 0;
}

static void crash_once(enum host_crash_mode mode, u64 seed)
{
	host_dev_reset(dev);
	host_init(seed);
	CHECK_EQ(host_run(t_crash_run, NULL), HOST_CRASHED);
	host_dev_crash(dev, mode, seed);
	host_kill_world();
	CHECK_EQ(at(10), 1);
	CHECK_EQ(at(11), 1);
	CHECK_EQ(at(13), 2);
}

static void t_crash(void)
{
	int seen12[2] = { 0 }, seen14[9] = { 0 }, i, n, s, holes = 0;

	host_test_begin("a crash keeps what was flushed and may keep the rest");
	dev = host_dev_mem(1 << 20);
	crash_once(HOST_LOSE_ALL, 1);
	CHECK_EQ(at(12), 0);
	CHECK_EQ(at(14), 0);
	crash_once(HOST_KEEP_ALL, 1);
	CHECK_EQ(at(12), 1);
	CHECK_EQ(at(14), 1);
	CHECK_EQ(at(21), 1);
	for (i = 0; i < 60; i++) {
		crash_once(HOST_KEEP_PREFIX, i);
		seen12[at(12)]++;
		for (n = 0; n < 8 && at(14 + n); n++)
			;
		seen14[n]++;
		for (s = n; s < 8; s++)
			CHECK_EQ(at(14 + s), 0);
		CHECK(!n || at(12));
	}
	CHECK(seen12[0] && seen12[1]);
	CHECK(seen14[0] && seen14[0] < 60);
	for (i = 0; i < 20; i++) {
		crash_once(HOST_KEEP_TORN, i);
		for (s = 0; s < 7; s++)
			holes += !at(14 + s) && at(15 + s);
	}
	CHECK(holes);
	host_dev_close(dev);
	host_test_end();
}

/* A durable preflush write implies that what completed before it is durable. */
static int t_preflush_run(void *arg)
{
	io(DX_IO_WRITE, 1, 512, 1, 0);
	io(DX_IO_WRITE, 2, 512, 1, 0);
	host_dev_crash_at(dev, 1, HOST_CRASH_SUBMIT);
	io(DX_IO_WRITE, 3, 512, 1, DX_IOF_PREFLUSH | DX_IOF_FUA);
	return 0;
}

static void t_preflush(void)
{
	int i, m, kept = 0, lost = 0;

	host_test_begin("a write with a preflush never outlives what it flushed");
	dev = host_dev_mem(1 << 20);
	for (m = 0; m < HOST_CRASH_MODES; m++)
		for (i = 0; i < 40; i++) {
			host_dev_reset(dev);
			host_init(i);
			CHECK_EQ(host_run(t_preflush_run, NULL), HOST_CRASHED);
			host_dev_crash(dev, m, i * 7 + m);
			host_kill_world();
			CHECK(!at(3) || (at(1) && at(2)));
			kept += at(3);
			lost += !at(3);
		}
	CHECK(kept && lost);
	host_dev_close(dev);
	host_test_end();
}

static void ignore_done(struct dx_io *io, int error) { }

static int bad_change(void *arg)
{
	static struct dx_io r;

	dev = host_dev_mem(1 << 20);
	r = (struct dx_io) { .op = DX_IO_WRITE, .bdev = dev, .daddr_bb = 3, .len_bytes = 16384, .data = page, .done = ignore_done };
	dx_plat_submit(&r);
	page[16383] ^= 1;
	return dx_plat_flush(dev);
}

/* Whole pages are shared by the views: a change of one must not show in another. */
static int t_pages_run(void *arg)
{
	struct host_dev_snap *s;

	CHECK_EQ(io(DX_IO_WRITE, 16, 8192, 1, 0), 0);
	CHECK_EQ(dx_plat_flush(dev), 0);
	s = host_dev_snap_take(dev);
	CHECK_EQ(io(DX_IO_WRITE, 17, 512, 2, 0), 0);
	CHECK_EQ(io(DX_IO_WRITE, 24, 4096, 3, DX_IOF_FUA), 0);
	CHECK_EQ(io(DX_IO_WRITE, 20, 4096, 4, 0), 0);
	CHECK_EQ(io(DX_IO_WRITE, 21, 512, 5, 0), 0);
	CHECK(at(16) == 1 && at(17) == 2 && at(18) == 1 && at(20) == 4 && at(21) == 5 && at(27) == 4 && at(28) == 3);
	host_dev_crash(dev, HOST_LOSE_ALL, 1);
	CHECK(at(16) == 1 && at(17) == 1 && at(20) == 1 && at(23) == 1 && at(24) == 3 && at(31) == 3);
	host_dev_snap_restore(dev, s);
	CHECK(at(16) == 1 && at(17) == 1 && at(24) == 1 && at(31) == 1);
	host_dev_snap_free(s);
	CHECK(at(16) == 1 && at(31) == 1);
	return 0;
}

static int t_copy_run(void *arg)
{
	CHECK(at(16) == 1 && at(24) == 1);
	CHECK_EQ(io(DX_IO_WRITE, 17, 512, 6, DX_IOF_FUA), 0);
	CHECK_EQ(io(DX_IO_WRITE, 24, 4096, 7, 0), 0);
	CHECK(at(16) == 1 && at(17) == 6 && at(24) == 7);
	host_dev_crash(dev, HOST_LOSE_ALL, 1);
	CHECK(at(16) == 1 && at(17) == 6 && at(24) == 1);
	return 0;
}

static void t_pages(void)
{
	int st;
	pid_t pid;

	dev = host_dev_mem(1 << 20);
	host_test("the views of a disk share pages, not changes", 1, t_pages_run, NULL);
	host_test_begin("a copy of the process has a disk of its own");
	fflush(stdout);
	pid = fork();
	if (!pid) {
		host_init(1);
		st = host_run(t_copy_run, NULL);
		_exit(st || host_checks_failed || host_warn_count);
	}
	CHECK(waitpid(pid, &st, 0) == pid && !st);
	CHECK(at(16) == 1 && at(17) == 1 && at(24) == 1);
	host_test_end();
	host_dev_close(dev);
}

/* What a program does that must not end well, though no test of it says "not ok". */
enum { LOSE_NOTHING, LOSE_NO_TEST, LOSE_BEFORE, LOSE_BETWEEN, LOSE_AFTER, LOSE_WARNING, LOSE_THE_END, LOSE_THE_LAST_END, LOSE_CASES };
static const char * const lose_name[LOSE_CASES] = {
	"a program whose tests are good ends well",
	"one without any test does not",
	"nor one that fails before its first test",
	"... between two tests",
	"... after the last one",
	"... with a warning between two tests",
	"... with a test that never ends before another",
	"... with a last test that never ends",
};

static bool lose_end(int how)
{
	if (how == LOSE_NO_TEST)
		return host_test_exit();
	if (how == LOSE_BEFORE)
		CHECK(!"before");
	host_test_begin("first");
	if (how != LOSE_THE_END)
		host_test_end();
	if (how == LOSE_BETWEEN)
		CHECK(!"between");
	if (how == LOSE_WARNING)
		host_warn_count++;
	host_test_begin("last");
	if (how != LOSE_THE_LAST_END)
		host_test_end();
	if (how == LOSE_AFTER)
		CHECK(!"after");
	return host_test_exit();
}

/* Before any other test: a child has what its parent counted. */
static void t_lose(void)
{
	int how, st[LOSE_CASES];

	for (how = 0; how < LOSE_CASES; how++) {
		fflush(stdout);
		if (!fork()) {
			if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
				_exit(2);
			_exit(lose_end(how));
		}
		wait(&st[how]);
	}
	for (how = 0; how < LOSE_CASES; how++) {
		host_test_begin(lose_name[how]);
		CHECK(WIFEXITED(st[how]));
		CHECK_EQ(WEXITSTATUS(st[how]), how != LOSE_NOTHING);
		host_test_end();
	}
}

/* Of seeds in batches those that kill their process are named, and all others run. */
static u64 *seeds_seen, deaths;		/* a bit for each seed; the sum of those that died */

static void see_seed(u64 seed)
{
	seeds_seen[1 + seed / 64] |= 1ULL << seed % 64;
	if (seed == 7 || seed == 300)
		_exit(3);
	if (seed == 8)
		seeds_seen[0]++;	/* a failure */
}

static void seed_died(u64 seed, int status)
{
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	deaths += seed;
}

static void t_seeds(void)
{
	u64 i;

	host_test_begin("seeds run in batches, and go on behind one that dies");
	seeds_seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	host_each_seed(5, 450, 0, &seeds_seen[0], see_seed, seed_died);
	CHECK_EQ(seeds_seen[0], 3);
	CHECK_EQ(deaths, 307);
	for (i = 0; i < 512; i++)
		CHECK_EQ(seeds_seen[1 + i / 64] >> i % 64 & 1, i >= 5 && i < 450);
	host_test_end();
}

static int t_file_run(void *arg)
{
	CHECK_EQ(io(DX_IO_READ, 8, 512, 0, 0), 0);
	CHECK_EQ(page[0], 'x');
	CHECK_EQ(io(DX_IO_WRITE, 8, 512, 'y', 0), 0);
	CHECK_EQ(io(DX_IO_WRITE, 800, 512, 'z', 0), 0);
	return 0;
}

static u8 file_at(const char *path, long off)
{
	FILE *f = fopen(path, "r");
	int c;

	fseek(f, off, SEEK_SET);
	c = fgetc(f);
	fclose(f);
	return c;
}

static void t_file(void)
{
	char img[] = "/tmp/t_shims.XXXXXX", out[64];
	struct host_dev_snap *s;
	int fd = mkstemp(img);
	char x[512];

	host_init(1);
	host_test_begin("an image is read, changed in private, written out, reset");
	memset(x, 'x', sizeof(x));
	CHECK(!ftruncate(fd, 1 << 20) && pwrite(fd, x, 512, 4096) == 512);
	close(fd);
	snprintf(out, sizeof(out), "%s.out", img);
	dev = host_dev_open(img);
	CHECK_EQ(host_run(t_file_run, NULL), 0);
	CHECK_EQ(host_dev_save(dev, out), 0);
	CHECK_EQ(file_at(out, 4096), 'y');
	CHECK_EQ(file_at(out, 409600), 'z');
	CHECK_EQ(file_at(img, 4096), 'x');
	s = host_dev_snap_take(dev);
	host_dev_reset(dev);
	CHECK_EQ(at(8), 'x');
	CHECK_EQ(host_dev_save(dev, out), 0);
	CHECK_EQ(file_at(out, 4096), 'x');
	CHECK_EQ(file_at(out, 409600), 0);
	host_dev_snap_restore(dev, s);
	CHECK_EQ(at(8), 'y');
	CHECK_EQ(host_dev_save(dev, out), 0);
	CHECK_EQ(file_at(out, 409600), 'z');
	host_dev_snap_free(s);
	host_dev_close(dev);
	unlink(img);
	unlink(out);
	host_test_end();
}

int main(void)
{
	u64 seed;
	char name[80];

	page = malloc(65536);
	t_lose();
	host_test("arithmetic, strings and formats", 1, t_basics, NULL);
	host_test("red-black trees", 1, t_rbtree, NULL);
	host_test("hash tables", 1, t_rhashtable, NULL);
	host_test("sorting", 1, t_sort, NULL);
	host_test("memory and its failures", 1, t_memory, NULL);
	for (seed = 0; seed < 10; seed++) {
		snprintf(name, sizeof(name), "locks exclude, seed %llu", seed);
		host_test(name, seed, t_locks, NULL);
		snprintf(name, sizeof(name), "waits end, seed %llu", seed);
		host_test(name, seed, t_waits, NULL);
		snprintf(name, sizeof(name), "work runs once, seed %llu", seed);
		host_test(name, seed, t_work, NULL);
	}
	t_determinism();
	t_kill();
	must_die("a deadlock is reported", bad_deadlock, "DEADLOCK");
	must_die("taking two locks in either order is reported", bad_order, "lock order");
	must_die("two locks of a class are reported, nested ones are not", bad_same_class, "without a subclass");
	must_die("entering the filesystem from under the ILOCK is reported", bad_reclaim, "fs reclaim");
	must_die("waiting for work that wants a lock of ours is reported", bad_flush, "work take_mtx");
	must_die("unlocking what is not held is reported", bad_unlock, "unlock by a non-owner");
	must_die("locking twice is reported", bad_recursion, "mutex recursion");
	must_die("reading twice is reported", bad_read_twice, "taken again by a reader");
	must_die("sleeping under a spinlock is reported", bad_atomic, "in atomic context");
	must_die("changing what is being written is reported", bad_change, "changed while written");
	must_die("deleting twice from a list is reported", bad_list, "list corruption");
#ifdef __SANITIZE_ADDRESS__
	must_die("stack overflow is reported", bad_stack_depth, "overflow");
	must_die("use after free is reported", bad_uaf, "heap-use-after-free");
	must_die("an overrun is reported", bad_overrun, "heap-buffer-overflow");
	must_die("an underrun is reported", bad_underrun, "ERROR: AddressSanitizer");
#else
	(void)bad_stack_depth;
	(void)bad_uaf;
	(void)bad_overrun;
	(void)bad_underrun;
#endif
	dev = host_dev_mem(1 << 20);
	for (seed = 0; seed < 3; seed++) {
		host_dev_reset(dev);
		host_test("the disk reads, writes, fails and counts", seed, t_disk_rw, NULL);
	}
	host_dev_close(dev);
	t_crash();
	t_preflush();
	t_pages();
	t_file();
	t_seeds();
	free(page);
	return host_test_exit();
}
