// Memory for devices: coherent blocks, mappings of ordinary memory and of scattered pages.
#include <linux/module.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/mm.h>

static struct device dev;
static u64 mask = DMA_BIT_MASK(64);

static void coherent(void)
{
	dma_addr_t at = 0, other = 0;
	char *p = dma_alloc_coherent(&dev, 3 * PAGE_SIZE, &at, GFP_KERNEL), *q;

	pr_info("dm: coherent %d aligned %d clear %d\n", p != NULL, PAGE_ALIGNED(p) && PAGE_ALIGNED(at), !memchr_inv(p, 0, 3 * PAGE_SIZE));
	q = dma_alloc_coherent(&dev, 100, &other, GFP_ATOMIC);
	pr_info("dm: apart %d address %d\n", at != other && p != q, at == virt_to_phys(p));
	memset(p, 1, 3 * PAGE_SIZE);
	dma_free_coherent(&dev, 100, q, other);
	dma_free_coherent(&dev, 3 * PAGE_SIZE, p, at);
	dma_free_coherent(&dev, 10, NULL, 0);
}

static void single(void)
{
	char *p = kmalloc(2000, GFP_KERNEL);
	dma_addr_t at = dma_map_single(&dev, p, 2000, DMA_TO_DEVICE);

	pr_info("dm: single %d error %d\n", at == virt_to_phys(p), dma_mapping_error(&dev, at));
	dma_sync_single_for_cpu(&dev, at, 2000, DMA_TO_DEVICE);
	dma_sync_single_for_device(&dev, at, 2000, DMA_TO_DEVICE);
	dma_unmap_single(&dev, at, 2000, DMA_TO_DEVICE);
	at = dma_map_page(&dev, virt_to_page(p), offset_in_page(p), 100, DMA_BIDIRECTIONAL);
	pr_info("dm: page %d\n", at == virt_to_phys(p));
	dma_unmap_page(&dev, at, 100, DMA_BIDIRECTIONAL);
	kfree(p);
}

static void scattered(void)
{
	struct scatterlist list[3], *sg;
	char *p[3];
	int i, n, right = 0;

	sg_init_table(list, 3);
	for (i = 0; i < 3; i++) {
		p[i] = kmalloc(100 << i, GFP_KERNEL);
		sg_set_buf(&list[i], p[i], 100 << i);
	}
	n = dma_map_sg(&dev, list, 3, DMA_FROM_DEVICE);
	for_each_sg(list, sg, n, i)
		right += sg_dma_address(sg) == virt_to_phys(p[i]) && sg_dma_len(sg) == 100 << i;
	pr_info("dm: scattered %d right %d\n", n, right);
	dma_unmap_sg(&dev, list, 3, DMA_FROM_DEVICE);
	for (i = 0; i < 3; i++)
		kfree(p[i]);
}

static int __init dm_in(void)
{
	dev.dma_mask = &mask;
	dev.coherent_dma_mask = mask;
	pr_info("dm: set mask %d %d\n", dma_set_mask(&dev, DMA_BIT_MASK(48)), mask == DMA_BIT_MASK(48));
	pr_info("dm: coherent mask %d %d\n", dma_set_coherent_mask(&dev, DMA_BIT_MASK(40)), dev.coherent_dma_mask == DMA_BIT_MASK(40));
	pr_info("dm: both %d\n", dma_set_mask_and_coherent(&dev, DMA_BIT_MASK(64)));
	coherent();
	single();
	scattered();
	return 0;
}
static void __exit dm_out(void) { }
module_init(dm_in); module_exit(dm_out);
MODULE_LICENSE("GPL");
