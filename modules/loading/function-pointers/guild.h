struct member;
struct member_ops { int (*work)(struct member *m, int n); };
struct member { struct list_head node; const struct member_ops *ops; int number; };
extern int guild_count;
extern const int guild_limits[3];
extern const struct member_ops guild_default;
int guild_join(struct member *m);
void guild_leave(struct member *m);
int guild_work(int n);
