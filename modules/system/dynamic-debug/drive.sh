#!/bin/sh
. ./lib.sh
P=/sys/module/whisper/parameters/say
C=/proc/dynamic_debug/control
sites() { grep -h whisper $C | sed 's,^[^ ]*/whisper.c,whisper.c,'; }
hr quiet; ins whisper.ko; put a $P; sites; rem whisper; klog '^(wh:|whisper)'
hr parameter; dmesg -C; ins whisper.ko dyndbg=+p; put b $P; sites | sort; rem whisper; klog '^(wh:|whisper|.*dyndbg)'
hr empty; dmesg -C; ins whisper.ko dyndbg; put b $P; rem whisper; klog '^(wh:|whisper|.*dyndbg)'
hr flags; dmesg -C; ins whisper.ko dyndbg='"func say +pfm"'; put b $P; sites; rem whisper; klog 'wh:'
hr control; dmesg -C; ins whisper.ko
put 'module whisper line 12 +p' $C; put b $P; klog 'wh:'
put 'module whisper +pl' $C; put 'format softly -p' $C; put c $P; klog 'wh:'
put 'module whisper =_' $C; put d $P; klog 'wh:'; sites
put 'module nothing +p' $C; put 'nonsense here' $C; put 'module whisper p' $C; put 'module whisper +z' $C; put 'module whisper file whisper.c func whisper_out +p' $C
rem whisper; klog 'wh:'
hr wrong; dmesg -C; ins whisper.ko dyndbg=nonsense; rem whisper; ins whisper.ko dyndbg=+q; klog 'dyndbg|dynamic|whisper: [^lm]'
mode $C; head -1 $C
