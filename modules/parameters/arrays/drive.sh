#!/bin/sh
. ./lib.sh
P=/sys/module/arrays/parameters
said() { klog '^(ar: |arrays: [^lm]|[a-z]*: (can only|needs))'; dmesg -C; }
hr counts; dmesg -C
ins arrays.ko bytes=1 shorts=1 ushorts=1 ints=1 uints=1 longs=1 ulongs=1 huge=1 hexes=1 bools=1 invbools=1 bints=1 words=1 one=1; said
(cd $P; grep . *)
hr writes
for p in bytes shorts ushorts ints uints longs ulongs huge hexes bints; do
	for v in 1,2,3 0x10,010 5 1,2,3,4 1, ,1 1,x,3 300,-1 "4
"; do echo "$p $v:"; put "$v" $P/$p; cat $P/$p; done
done; said
for p in bools invbools; do for v in y,n,1 0 n,maybe,y y,n,y,n , ''; do echo "$p $v:"; put "$v" $P/$p; cat $P/$p; done; done; said
for v in a,b,c 'one two,three' , ,, ,,, 'x,y
' "$(printf '%01030d' 0)" "$(printf '%01000d,%01000d,%01000d' 1 2 3)"; do put "$v" $P/words | cut -c1-60; cut -c1-60 $P/words; done; wc -c <$P/words; said
for v in 5 5,6 5,6,7 ''; do put "$v" $P/plain; cat $P/plain; done; put a $P/fixed; get $P/fixed; put b,c $P/fixed; get $P/fixed; put 1 $P/outer; get $P/outer; put 1,2 $P/one; get $P/one; said
hr own elements; for v in a,bb,ccc 'dddd' 'a,!b,c' 'a,+b,c' '123456789' 'a,123456789,c'; do put "$v" $P/mine; get $P/mine; done; said
hr many; seq -s , 1 600 | tr -d '\n' >$P/many; wc -c <$P/many; tail -c 20 $P/many; seq -s , 1 601 >$P/many; said; rem arrays; said
hr at load
for a in ints= ints ints=1 ints=1,2,3 ints=1,2,3,4 ints=1,x ints=1, 'ints="1, 2"' plain=3 plain=3,4,5 words=a,b 'words="a b,c d"' words=, words=a,,c outer=9,8,7 outer=1,2,3,4,5 mine=a,!b bools bools=y 'ints=1,2 ints=3'; do
	echo "$a:"; ins arrays.ko "$a" && rem arrays; said
done
