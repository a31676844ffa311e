struct book { const char *title; int pages; struct book *next; };
extern int shelf_count; extern struct book shelf_first; extern const char shelf_name[]; extern int (*shelf_hook)(int);
extern int shelf_table[]; int shelf_visit(int (*each)(struct book *, void *), void *data);
