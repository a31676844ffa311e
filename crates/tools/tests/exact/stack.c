// Mistakes with variables on the stack. A line that a report must name is marked K and a number; `wrong=99` makes all.
#include <linux/module.h>
#include <linux/string.h>

static int wrong;
module_param(wrong, int, 0);

static const char *volatile long_text = "a text of twenty-six bytes";
static volatile long seen;

static noinline bool is(int n)
{
	return wrong == n || wrong == 99;
}

static noinline void arrays(long past)
{
	char text[13];
	int numbers[3];
	volatile char *at = text;
	volatile int *number = numbers;

	OPTIMIZER_HIDE_VAR(at);
	OPTIMIZER_HIDE_VAR(number);
	memset(text, 'x', 13);
	memset(numbers, 0, 12);
	at[12 + past - 1] = 1;
	if (is(1))
		at[12 + past] = 1; // K1
	if (is(2))
		seen = number[2 + past]; // K2
	if (is(3))
		seen = at[-past]; // K3
	if (is(4))
		strcpy((char *)at, long_text); // K4
	memset(text, 'x', 13);
	if (is(5))
		seen = strlen((char *)at); // K5
	if (is(9))
		seen = *(volatile long *)(number + 1 + past); // K9
}

static noinline void scope(void)
{
	volatile char *at = NULL;

	for (int i = 0; i < 2; i++) {
		char inner[20];

		at = inner;
		OPTIMIZER_HIDE_VAR(at);
		at[i] = i;
	}
	if (is(6))
		seen = at[1]; // K6
}

static noinline void variable_length(long n)
{
	volatile char *at = __builtin_alloca(n);

	OPTIMIZER_HIDE_VAR(at);
	at[0] = at[n - 1] = 1;
	if (is(7))
		at[n] = 1; // K7
	if (is(8))
		seen = at[-1]; // K8
}

static int __init stack_init(void)
{
	long one = 1;

	OPTIMIZER_HIDE_VAR(one);
	// Twice: what a function closed must be open for the next one.
	for (int i = 0; i < 2; i++) {
		arrays(one);
		scope();
		variable_length(12 + one);
	}
	return 0;
}

static void __exit stack_exit(void)
{
}
module_init(stack_init);
module_exit(stack_exit);
MODULE_LICENSE("Dual MIT/GPL");
