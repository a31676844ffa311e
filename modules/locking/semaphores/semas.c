// Semaphores and read-write semaphores: what trying and waiting give, and that nobody enters who must not.
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/semaphore.h>

#define say(...) pr_info("se: " __VA_ARGS__)
/* Each attempt is a line: the order of a call's arguments is the compiler's. */
#define try(call) say(#call ": %d\n", (int)(call))
#define THREADS 4
#define ROUNDS 500

static DECLARE_RWSEM(fixed);
static struct rw_semaphore made;
static struct semaphore two, none;
static struct semaphore gate;
static DECLARE_COMPLETION(ended);
static atomic_t running = ATOMIC_INIT(THREADS), inside = ATOMIC_INIT(0), readers = ATOMIC_INIT(0), wrong = ATOMIC_INIT(0);
static long counted, written;

static void finish(void)
{
	if (atomic_dec_and_test(&running))
		complete(&ended);
}

static int count(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		down(&gate);
		if (atomic_inc_return(&inside) != 1)
			atomic_inc(&wrong);
		counted++;
		atomic_dec(&inside);
		up(&gate);
	}
	finish();
	return 0;
}

static int read_or_write(void *number)
{
	for (int i = 0; i < ROUNDS; i++) {
		if ((i + (long)number) % 4) {
			down_read(&made);
			atomic_inc(&readers);
			if (atomic_read(&inside))
				atomic_inc(&wrong);
			atomic_dec(&readers);
			up_read(&made);
		} else {
			down_write(&made);
			if (atomic_inc_return(&inside) != 1 || atomic_read(&readers))
				atomic_inc(&wrong);
			written++;
			atomic_dec(&inside);
			up_write(&made);
		}
	}
	finish();
	return 0;
}

static int give(void *unused)
{
	msleep(30);
	up(&none);
	return 0;
}

static int leave(void *unused)
{
	msleep(30);
	up_read(&fixed);
	return 0;
}

static void all(int (*function)(void *))
{
	atomic_set(&running, THREADS);
	reinit_completion(&ended);
	for (long i = 0; i < THREADS; i++)
		kthread_run(function, (void *)i, "semas/%ld", i);
	wait_for_completion(&ended);
}

static int __init semas_init(void)
{
	sema_init(&two, 2);
	sema_init(&none, 0);
	sema_init(&gate, 1);
	init_rwsem(&made);
	try(down_trylock(&two));
	try(down_trylock(&two));
	try(down_trylock(&two));
	up(&two);
	try(down_interruptible(&two));
	up(&two);
	try(down_killable(&two));
	try(down_timeout(&none, 2));
	up(&none);
	try(down_timeout(&none, 2));
	kthread_run(give, NULL, "semas/give");
	try(down_timeout(&none, 10 * HZ));

	try(down_read_trylock(&fixed));
	try(down_read_trylock(&fixed));
	try(down_write_trylock(&fixed));
	try(rwsem_is_locked(&fixed));
	up_read(&fixed);
	kthread_run(leave, NULL, "semas/leave");
	down_write(&fixed);
	say("written after the reader\n");
	try(down_read_trylock(&fixed));
	try(down_write_trylock(&fixed));
	downgrade_write(&fixed);
	say("downgraded\n");
	try(down_read_trylock(&fixed));
	try(down_write_trylock(&fixed));
	up_read(&fixed);
	up_read(&fixed);
	try(down_write_killable(&fixed));
	try(rwsem_is_locked(&fixed));
	up_write(&fixed);
	try(down_read_interruptible(&fixed));
	try(down_read_killable(&fixed));
	up_read(&fixed);
	up_read(&fixed);
	try(rwsem_is_locked(&fixed));

	all(count);
	say("counted %ld, wrong %d\n", counted, atomic_read(&wrong));
	all(read_or_write);
	say("written %ld, wrong %d, locked %d\n", written, atomic_read(&wrong), rwsem_is_locked(&made));
	return 0;
}

static void __exit semas_exit(void)
{
}

module_init(semas_init);
module_exit(semas_exit);
MODULE_DESCRIPTION("Semaphores of both kinds");
MODULE_LICENSE("Dual MIT/GPL");
