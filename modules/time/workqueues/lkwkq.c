// Workqueues: order, how many run at once, flushing, cancelling, delays, what a worker is.
#include <linux/module.h>
#include <linux/workqueue.h>
#include <linux/delay.h>
#include <linux/completion.h>
#include <linux/sched.h>
#include <linux/slab.h>

struct job { struct work_struct w; int n; };
static struct job jobs[8];
static int seen[32], nseen;
static void note(struct work_struct *w) { seen[nseen++ & 31] = container_of(w, struct job, w)->n; }
static DECLARE_COMPLETION(gate);
static atomic_t inside = ATOMIC_INIT(0), most = ATOMIC_INIT(0), done = ATOMIC_INIT(0);
static void hold(struct work_struct *w)
{
	int now = atomic_inc_return(&inside);

	if (now > atomic_read(&most))
		atomic_set(&most, now);
	wait_for_completion(&gate);
	atomic_dec(&inside);
	atomic_inc(&done);
}
static int crowd(struct workqueue_struct *wq)
{
	int i, m;

	atomic_set(&most, 0);
	atomic_set(&done, 0);
	reinit_completion(&gate);
	for (i = 0; i < 8; i++) {
		INIT_WORK(&jobs[i].w, hold);
		queue_work_on(0, wq, &jobs[i].w);
	}
	msleep(60);
	m = atomic_read(&inside);
	complete_all(&gate);
	flush_workqueue(wq);
	return m * 100 + atomic_read(&most) * 10 + atomic_read(&done);
}
static struct workqueue_struct *own;
static int again, chained;
static void chain(struct work_struct *w)
{
	chained++;
	if (again-- > 0)
		queue_work(own, w);
}
static DECLARE_WORK(chain_work, chain);
static bool is_self, is_worker;
static char comm[TASK_COMM_LEN];
static void who(struct work_struct *w)
{
	is_self = current_work() == w;
	is_worker = (current->flags & PF_WQ_WORKER) && (current->flags & PF_KTHREAD) && !current->mm;
	set_worker_desc("lk-%d", 7);
	strscpy(comm, current->comm, sizeof(comm));
}
static DECLARE_WORK(who_work, who);
static unsigned long when;
static int late;
static void tick(struct work_struct *w) { late++; when = jiffies; }
static DECLARE_DELAYED_WORK(dw, tick);
static struct rcu_work rw;
static int rcu_ran;
static void after_rcu(struct work_struct *w) { rcu_ran += to_rcu_work(w) == &rw; }
static int slow_done;
static void slow(struct work_struct *w) { msleep(60); slow_done++; }
static DECLARE_WORK(slow_work, slow);
static int flushed_from;
static void flusher(struct work_struct *w) { flushed_from = flush_work(&slow_work) * 10 + slow_done; }
static DECLARE_WORK(flush_work_item, flusher);
static struct execute_work ew;
static void heap_work(struct work_struct *w) { kfree(container_of(w, struct job, w)); nseen++; }

static int __init wkq_in(void)
{
	struct workqueue_struct *wq;
	unsigned long start;
	struct job *heap;
	int i;

	for (i = 0; i < 8; i++) {
		INIT_WORK(&jobs[i].w, note);
		jobs[i].n = i;
		queue_work_on(0, system_wq, &jobs[i].w);
	}
	for (i = 0; i < 8; i++)
		flush_work(&jobs[i].w);
	pr_info("wq: bound order %d %d %d %d %d %d %d %d of %d\n", seen[0], seen[1], seen[2], seen[3], seen[4], seen[5], seen[6], seen[7], nseen);
	own = alloc_workqueue("lkwkq", 0, 0);
	pr_info("wq: made %d\n", own != NULL);
	pr_info("wq: bound crowd %d\n", crowd(own));
	wq = alloc_workqueue("lkwkq_%d", WQ_UNBOUND, 3, 3);
	pr_info("wq: unbound of 3 crowd %d\n", crowd(wq));
	workqueue_set_max_active(wq, 5);
	pr_info("wq: of 5 crowd %d\n", crowd(wq));
	destroy_workqueue(wq);
	wq = alloc_workqueue("lkwkq_one", 0, 1);
	pr_info("wq: bound of 1 crowd %d\n", crowd(wq));
	destroy_workqueue(wq);
	wq = alloc_ordered_workqueue("lkwkq_line", WQ_MEM_RECLAIM);
	pr_info("wq: ordered crowd %d\n", crowd(wq));
	nseen = 0;
	for (i = 0; i < 8; i++)
		INIT_WORK(&jobs[i].w, note);
	for (i = 0; i < 8; i++)
		queue_work_on(i & 1, wq, &jobs[7 - i].w);
	flush_workqueue(wq);
	pr_info("wq: line %d %d %d %d %d %d %d %d\n", seen[0], seen[1], seen[2], seen[3], seen[4], seen[5], seen[6], seen[7]);
	destroy_workqueue(wq);
	again = 5;
	queue_work(own, &chain_work);
	drain_workqueue(own);
	pr_info("wq: drained after %d\n", chained);
	schedule_work(&who_work);
	pr_info("wq: flush %d", flush_work(&who_work) >= 0);
	pr_cont(" self %d worker %d comm %.8s outside %d\n", is_self, is_worker, comm, current_work() == NULL);
	start = jiffies;
	pr_info("wq: delayed %d", queue_delayed_work_on(0, own, &dw, 5));
	pr_cont(" pending %d %d busy %d", delayed_work_pending(&dw), timer_pending(&dw.timer), work_busy(&dw.work));
	msleep(100);
	pr_cont(" ran %d in time %d pending %d\n", late, time_after_eq(when, start + 5), delayed_work_pending(&dw));
	pr_info("wq: at once %d", queue_delayed_work(own, &dw, 0));
	flush_delayed_work(&dw);
	pr_cont(" ran %d\n", late);
	queue_delayed_work(own, &dw, 1000 * HZ);
	pr_info("wq: cancel %d", cancel_delayed_work(&dw));
	pr_cont(" again %d", cancel_delayed_work(&dw));
	pr_cont(" mod %d", mod_delayed_work(own, &dw, 1000 * HZ));
	pr_cont(" to now %d", mod_delayed_work(own, &dw, 0));
	flush_delayed_work(&dw);
	pr_cont(" ran %d\n", late);
	queue_work(own, &slow_work);
	msleep(12);
	queue_work(system_unbound_wq, &flush_work_item);
	pr_info("wq: cancel running %d", cancel_work_sync(&slow_work));
	pr_cont(" done %d idle %d", slow_done, cancel_work_sync(&slow_work));
	flush_work(&flush_work_item);
	pr_cont(" flushed from a work %d\n", flushed_from);
	queue_work(own, &slow_work);
	msleep(12);
	queue_work(own, &slow_work);
	pr_info("wq: cancel queued %d", cancel_work(&slow_work));
	pr_cont(" again %d", cancel_work(&slow_work));
	flush_work(&slow_work);
	pr_cont(" done %d\n", slow_done);
	INIT_RCU_WORK(&rw, after_rcu);
	rcu_read_lock(); /* it cannot be due before the second call */
	pr_info("wq: rcu %d", queue_rcu_work(own, &rw));
	pr_cont(" twice %d", queue_rcu_work(own, &rw));
	rcu_read_unlock();
	pr_cont(" flush %d ran %d\n", flush_rcu_work(&rw), rcu_ran);
	nseen = 0;
	pr_info("wq: in process context %d ran %d\n", execute_in_process_context(note, &ew), nseen);
	heap = kmalloc(sizeof(*heap), GFP_KERNEL);
	INIT_WORK(&heap->w, heap_work);
	queue_work(own, &heap->w);
	flush_workqueue(own);
	pr_info("wq: freed its own memory %d\n", nseen);
	pr_info("wq: system %d %d %d %d %d\n", system_highpri_wq != NULL, system_long_wq != NULL, system_freezable_wq != NULL,
		system_power_efficient_wq != NULL, queue_work(system_highpri_wq, &who_work));
	flush_work(&who_work);
	return 0;
}
static void __exit wkq_out(void)
{
	nseen = 0;
	INIT_WORK(&jobs[0].w, note);
	INIT_WORK(&jobs[1].w, note);
	queue_work(own, &jobs[0].w);
	queue_work(own, &jobs[1].w);
	destroy_workqueue(own);
	pr_info("wq: seen at the end %d\n", nseen);
}
module_init(wkq_in); module_exit(wkq_out);
MODULE_LICENSE("Dual MIT/GPL");
