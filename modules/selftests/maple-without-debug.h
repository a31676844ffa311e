/* SPDX-License-Identifier: Dual MIT/GPL
 * Included before the maple tree's own test, so that it builds, unmodified, beside a kernel that was built without
 * CONFIG_DEBUG_MAPLE_TREE: it counts its checks itself, and what looks into nodes does nothing; nor do checks of how high
 * the tree is, and of which entries share a node (mn, mn1, mn2). */
#include <linux/maple_tree.h>
static atomic_t maple_tree_tests_run, maple_tree_tests_passed;
static inline void mt_dump(const struct maple_tree *mt) { }
static inline void mt_validate(struct maple_tree *mt) { }
static inline void mt_cache_shrink(void) { }
#define of_nodes(wrong) (__builtin_strstr(wrong, "mt_height(mt) ") || __builtin_strstr(wrong, "mn"))
#undef MT_BUG_ON
#define MT_BUG_ON(tree, wrong)                                                        \
	do {                                                                          \
		if (of_nodes(#wrong))                                                 \
			break;                                                        \
		atomic_inc(&maple_tree_tests_run);                                    \
		if (wrong)                                                            \
			pr_info("BUG at %s:%d: %s\n", __func__, __LINE__, #wrong);    \
		else                                                                  \
			atomic_inc(&maple_tree_tests_passed);                         \
	} while (0)
