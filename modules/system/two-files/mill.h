struct sack { char label[16]; unsigned int grains; };
extern struct sack sacks[4];
extern unsigned long long ground;
int wheel_turn(int times);
unsigned int stone_grind(struct sack *sack);
void stone_stop(void);
