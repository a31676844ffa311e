/* The data of the compute cases: pseudo-random, in part repeated; check.py makes the same. */
static inline u32 stream_next(u32 *s) { *s ^= *s << 13; *s ^= *s >> 17; *s ^= *s << 5; return *s; }
/* Fills n bytes: a run is fresh bytes or a copy of earlier ones, so that it can be compressed. */
static inline void stream_fill(u8 *p, size_t n, u32 seed)
{
	size_t i = 0;

	while (i < n) {
		u32 r = stream_next(&seed), len = (r & 31) + 4;
		size_t back = i > 256 ? (r >> 8) % 200 + 8 : 0;

		for (; len-- && i < n; i++)
			p[i] = (r & 0x80) && back ? p[i - back] : stream_next(&seed) >> 24;
	}
}
static inline u64 fnv1a(const u8 *p, size_t n) { u64 h = 0xcbf29ce484222325ULL; while (n--) h = (h ^ *p++) * 0x100000001b3ULL; return h; }
