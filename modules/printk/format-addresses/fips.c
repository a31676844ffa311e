// printk's formats: %pI of IPv4, IPv6 and socket addresses.
#include <linux/module.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/inet.h>
#define P(f, ...) pr_info("fm: " f "\n", ##__VA_ARGS__)
static int __init fips_in(void)
{
	__be32 v4 = htonl(0xc0a80a01);
	struct in6_addr v6 = { { { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34 } } };
	struct in6_addr two = { { { 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0 } } };
	struct in6_addr mapped = { { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3 } } };
	struct in6_addr isatap = { { { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0x5e, 0xfe, 10, 1, 2, 3 } } };
	struct in6_addr one = { { { [15] = 1 } } }, any = { }, full = { { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 } } };
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(8080), .sin_addr.s_addr = htonl(0x7f000001) };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(443), .sin6_addr = one, .sin6_scope_id = 2, .sin6_flowinfo = htonl(5) };
	struct sockaddr other = { .sa_family = 99 };
	P("I4 [%pI4] i4 [%pi4] h [%pI4h] n [%pI4n] b [%pI4b] l [%pI4l] il [%pi4l]", &v4, &v4, &v4, &v4, &v4, &v4, &v4);
	P("I6 [%pI6] i6 [%pi6]", &v6, &v6);
	P("I6c [%pI6c] [%pI6c] [%pI6c] [%pI6c] [%pI6c] [%pI6c] [%pI6c]", &v6, &two, &mapped, &isatap, &one, &any, &full);
	P("IS [%pIS] [%pISp] [%pISc] [%pISpc] [%pISpfsc] [%piS]", &sin, &sin, &sin, &sin, &sin, &sin);
	P("IS6 [%pIS] [%pISp] [%pISc] [%pISpc] [%pISpfsc] [%piS]", &sin6, &sin6, &sin6, &sin6, &sin6, &sin6);
	P("other family [%pIS] letter [%pIx] [%pI]", &other, &v4, &v4);
	P("width [%20pI4] [%-20pI4] [%40pI6c]", &v4, &v4, &v6);
	P("null [%pI4] [%pI6c] [%pIS]", NULL, NULL, NULL);
	return 0;
}
static void __exit fips_out(void) { }
module_init(fips_in); module_exit(fips_out);
MODULE_LICENSE("Dual MIT/GPL");
