// RCU: callbacks, waiting for readers, freeing later; SRCU.
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/srcu.h>
#include <linux/kthread.h>
#include <linux/delay.h>
#include <linux/slab.h>

#ifdef kvfree_rcu_mightsleep
#define kvfree_now(p) kvfree_rcu_mightsleep(p)
#else
#define kvfree_now(p) kvfree_rcu(p)
#endif
struct leaf { struct rcu_head rcu; int n; };
static atomic_t called = ATOMIC_INIT(0);
static int sum;
static bool soft = true;
static void later(struct rcu_head *h)
{
	struct leaf *l = container_of(h, struct leaf, rcu);

	soft &= in_softirq() && !in_hardirq();
	sum += l->n;
	kfree(l);
	atomic_inc(&called);
}
static bool reading, read_over, stop_reading;
static int reader(void *unused)
{
	rcu_read_lock();
	reading = true;
	mdelay(60);
	read_over = true;
	rcu_read_unlock();
	return 0;
}
DEFINE_STATIC_SRCU(domain);
static struct srcu_struct dynamic;
static int srcu_reader(void *unused)
{
	int i = srcu_read_lock(&domain);

	reading = true;
	msleep(60);
	read_over = true;
	srcu_read_unlock(&domain, i);
	return 0;
}
static void srcu_later(struct rcu_head *h) { atomic_inc(&called); }
static struct rcu_head srcu_head;
static void add(int n)
{
	struct leaf *l = kmalloc(sizeof(*l), GFP_KERNEL);

	l->n = n;
	call_rcu(&l->rcu, later);
}
static void begin(int (*function)(void *))
{
	reading = read_over = false;
	kthread_run(function, NULL, "lkrcx");
	while (!READ_ONCE(reading))
		msleep(1);
}
static int __init rcx_in(void)
{
	struct leaf *l;
	unsigned long cookie;
	int i;

	for (i = 1; i <= 10; i++)
		add(i);
	rcu_barrier();
	pr_info("rc: called %d sum %d soft %d\n", atomic_read(&called), sum, soft);
	begin(reader);
	pr_info("rc: read over %d", read_over);
	synchronize_rcu();
	pr_cont(" after %d\n", read_over);
	begin(reader);
	atomic_set(&called, 0);
	add(1);
	pr_info("rc: waits %d", atomic_read(&called));
	rcu_barrier();
	pr_cont(" called %d read over %d\n", atomic_read(&called), read_over);
	begin(reader);
	synchronize_rcu_expedited();
	pr_info("rc: expedited, read over %d\n", read_over);
	l = kmalloc(sizeof(*l), GFP_KERNEL);
	kfree_rcu(l, rcu);
	kvfree_now(kvmalloc(10000, GFP_KERNEL));
	rcu_barrier();
	cookie = get_state_synchronize_rcu();
	synchronize_rcu();
	pr_info("rc: poll %d\n", poll_state_synchronize_rcu(cookie));
	cond_synchronize_rcu(cookie);
	begin(srcu_reader);
	synchronize_srcu(&domain);
	pr_info("rc: srcu, read over %d\n", read_over);
	atomic_set(&called, 0);
	call_srcu(&domain, &srcu_head, srcu_later);
	srcu_barrier(&domain);
	pr_info("rc: srcu called %d\n", atomic_read(&called));
	pr_info("rc: srcu init %d\n", init_srcu_struct(&dynamic));
	i = srcu_read_lock(&dynamic);
	pr_info("rc: index %d", i);
	srcu_read_unlock(&dynamic, i);
	synchronize_srcu(&dynamic);
	pr_cont(" held %d\n", srcu_read_lock_held(&dynamic));
	cleanup_srcu_struct(&dynamic);
	return 0;
}
static void __exit rcx_out(void)
{
	add(100);
	rcu_barrier();
	pr_info("rc: sum at the end %d\n", sum);
}
module_init(rcx_in); module_exit(rcx_out);
MODULE_LICENSE("GPL");
