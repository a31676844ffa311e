// Cyclic redundancy checks by the distribution's crc16, crc-itu-t, crc7, crc8 and crc64 modules.
#include <linux/module.h>
#include <linux/crc16.h>
#include <linux/crc-itu-t.h>
#include <linux/crc7.h>
#include <linux/crc8.h>
#include "stream.h"
static u8 data[65536], table[CRC8_TABLE_SIZE];
static int __init crcs_in(void)
{
	static const size_t sizes[] = { 0, 1, 9, 1000, sizeof(data) };
	int i;

	stream_fill(data, sizeof(data), 1);
	pr_info("cm: data %zu fnv %llu\n", sizeof(data), fnv1a(data, sizeof(data)));
	crc8_populate_msb(table, 0x07);
	pr_info("cm: crc16 check %04x itu %04x\n", crc16(0, "123456789", 9), crc_itu_t(0xffff, "123456789", 9));
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		pr_info("cm: %zu: crc16 %04x itu %04x crc7 %02x crc8 %02x\n", sizes[i], crc16(0x1234, data, sizes[i]),
			crc_itu_t(0, data, sizes[i]), crc7_be(0, data, sizes[i]), crc8(table, data, sizes[i], 0));
	pr_info("cm: in parts %04x\n", crc16(crc16(0, data, 777), data + 777, sizeof(data) - 777));
	return 0;
}
static void __exit crcs_out(void) { }
module_init(crcs_in); module_exit(crcs_out);
MODULE_LICENSE("Dual MIT/GPL");
