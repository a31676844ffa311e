/*
 * Linux 2.4's interface for modules, in few words: what a module of that time needs to be compiled today and loaded by
 * `lkm insmod` under `lkm sh --personality 2.4`. Names, layouts and section contents are those of include/linux/module.h of
 * Linux 2.4, since insmod and the kernel read them; the text is lkm's own.
 */
#ifndef _LINUX_MODULE_H
#define _LINUX_MODULE_H

#include <linux/config.h>
#include <linux/types.h>
#include <linux/list.h>
#include <linux/version.h>
#include <asm/atomic.h>

struct exception_table_entry;
struct module_persist;
struct module;

struct module_symbol {
	unsigned long value;
	const char *name;
};

struct module_ref {
	struct module *dep;		/* the module that is used */
	struct module *ref;		/* the module that uses it */
	struct module_ref *next_ref;	/* the next user of the same */
};

struct module {
	unsigned long size_of_struct;
	struct module *next;
	const char *name;
	unsigned long size;
	union {
		atomic_t usecount;
		long pad;
	} uc;
	unsigned long flags;
	unsigned nsyms;
	unsigned ndeps;
	struct module_symbol *syms;
	struct module_ref *deps;
	struct module_ref *refs;
	int (*init)(void);
	void (*cleanup)(void);
	const struct exception_table_entry *ex_table_start;
	const struct exception_table_entry *ex_table_end;
	/* From here on a member may be missing: mod_member_present(). */
	const struct module_persist *persist_start;
	const struct module_persist *persist_end;
	int (*can_unload)(void);
	int runsize;
	const char *kallsyms_start;
	const char *kallsyms_end;
	const char *archdata_start;
	const char *archdata_end;
	const char *kernel_data;
};

#define MOD_UNINITIALIZED 0
#define MOD_RUNNING 1
#define MOD_DELETED 2
#define MOD_AUTOCLEAN 4
#define MOD_VISITED 8
#define MOD_USED_ONCE 16
#define MOD_JUST_FREED 32
#define MOD_INITIALIZING 64

#define mod_member_present(mod, member) \
	((unsigned long)(&((struct module *)0)->member + 1) <= (mod)->size_of_struct)

#define GET_USE_COUNT(module) (atomic_read(&(module)->uc.usecount))
#define __MOD_INC_USE_COUNT(mod) \
	(atomic_inc(&(mod)->uc.usecount), (mod)->flags |= MOD_VISITED | MOD_USED_ONCE)
#define __MOD_DEC_USE_COUNT(mod) (atomic_dec(&(mod)->uc.usecount), (mod)->flags |= MOD_VISITED)
#define __MOD_IN_USE(mod) \
	(mod_member_present((mod), can_unload) && (mod)->can_unload \
	 ? (mod)->can_unload() : atomic_read(&(mod)->uc.usecount))

#define __MODULE_STRING_1(x) #x
#define __MODULE_STRING(x) __MODULE_STRING_1(x)

#define HAVE_INTER_MODULE
extern void inter_module_register(const char *, struct module *, const void *);
extern void inter_module_unregister(const char *);
extern const void *inter_module_get(const char *);
extern const void *inter_module_get_request(const char *, const char *);
extern void inter_module_put(const char *);
extern int try_inc_mod_count(struct module *mod);
extern unsigned long get_module_symbol(char *, char *);

/* Text for insmod and modinfo: one string each, which no symbol of the kernel sees. */
#define __MODULE_INFO(variable, text) \
	static const char variable[] __attribute__((section(".modinfo"), used, aligned(1))) = text

#define MODULE_AUTHOR(name) __MODULE_INFO(__module_author, "author=" name)
#define MODULE_DESCRIPTION(text) __MODULE_INFO(__module_description, "description=" text)
#define MODULE_SUPPORTED_DEVICE(name) __MODULE_INFO(__module_device, "device=" name)
#define MODULE_LICENSE(license) __MODULE_INFO(__module_license, "license=" license)
/* TYPE: [min[-max]]{b,h,i,l,s} for byte, short, int, long, string, or cN for characters in N bytes. */
/* Today's compilers must be told that somebody else changes the variable, so it has to be declared before. */
#define MODULE_PARM(var, type) \
	static const void *const __module_parm_ref_##var \
		__attribute__((section(".modinfo.refs"), used)) = &var; \
	__MODULE_INFO(__module_parm_##var, "parm_" __MODULE_STRING(var) "=" type)
#define MODULE_PARM_DESC(var, text) \
	__MODULE_INFO(__module_parm_desc_##var, "parm_desc_" __MODULE_STRING(var) "=" text)
#define MODULE_DEVICE_TABLE(type, name)

#ifdef MODULE

extern struct module __this_module;
#define THIS_MODULE (&__this_module)
#define MOD_INC_USE_COUNT __MOD_INC_USE_COUNT(THIS_MODULE)
#define MOD_DEC_USE_COUNT __MOD_DEC_USE_COUNT(THIS_MODULE)
#define MOD_IN_USE __MOD_IN_USE(THIS_MODULE)

extern int init_module(void);
extern void cleanup_module(void);

#ifndef __NO_VERSION__
__MODULE_INFO(__module_kernel_version, "kernel_version=" UTS_RELEASE);
#ifdef MODVERSIONS
__MODULE_INFO(__module_using_checksums, "using_checksums=1");
#endif
#endif

#else

#define THIS_MODULE NULL
#define MOD_INC_USE_COUNT do { } while (0)
#define MOD_DEC_USE_COUNT do { } while (0)
#define MOD_IN_USE 1

#endif

/* Which symbols other modules can use: those that are named, none, or without a word all that are global. */
#ifndef EXPORT_SYMTAB

#define EXPORT_SYMBOL(var) error this_object_must_define_EXPORT_SYMTAB_before_it_includes_module_h
#define EXPORT_SYMBOL_GPL(var) error this_object_must_define_EXPORT_SYMTAB_before_it_includes_module_h
#define EXPORT_SYMBOL_NOVERS(var) error this_object_must_define_EXPORT_SYMTAB_before_it_includes_module_h

#elif defined(__GENKSYMS__)

/* What genksyms looks for when it makes the versions of a module's own symbols. */
#define EXPORT_SYMBOL(var) __GENKSYMS_EXPORT_SYMBOL(var)
#define EXPORT_SYMBOL_GPL(var) __GENKSYMS_EXPORT_SYMBOL(var)
#define EXPORT_SYMBOL_NOVERS(var)

#else

#define __EXPORT_SYMBOL(sym, text) \
	static const char __kstrtab_##sym[] __attribute__((section(".kstrtab"), used)) = text; \
	static const struct module_symbol __ksymtab_##sym __attribute__((section("__ksymtab"), used)) = \
		{ (unsigned long)&sym, __kstrtab_##sym }

#define EXPORT_SYMBOL(var) __EXPORT_SYMBOL(var, __MODULE_STRING(var))
#define EXPORT_SYMBOL_GPL(var) __EXPORT_SYMBOL(var, "GPLONLY_" __MODULE_STRING(var))
#define EXPORT_SYMBOL_NOVERS(var) __EXPORT_SYMBOL(var, #var)

#endif

#define EXPORT_NO_SYMBOLS __asm__(".section __ksymtab\n.previous")

#define SET_MODULE_OWNER(structure) do { (structure)->owner = THIS_MODULE; } while (0)

#endif
