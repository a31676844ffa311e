/* SPDX-License-Identifier: Dual MIT/GPL
 * Included before every other line of KUnit and of its tests, so that both build, unmodified, beside a kernel that was
 * built without CONFIG_KUNIT. There struct module has no list of suites and struct task_struct no test of its own: a
 * test module's init runs its suites, and the current test stands in a member of the task that file systems use. */
#ifndef __ASSEMBLY__
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#define CONFIG_KUNIT_MODULE 1
#include <kunit/test.h>
#define kunit_test journal_info
#ifdef KUNIT_CORE
#undef CONFIG_MODULES
#else
#undef __kunit_test_suites
#define __kunit_test_suites(suites, ...)                                                                    \
	static struct kunit_suite *suites[] = { __VA_ARGS__ };                                              \
	static int __init run_suites(void) { return __kunit_test_suites_init(suites, ARRAY_SIZE(suites)); } \
	static void __exit end_suites(void) { __kunit_test_suites_exit(suites, ARRAY_SIZE(suites)); }       \
	module_init(run_suites);                                                                            \
	module_exit(end_suites)
#endif
#endif
