set -e
strip --strip-debug rq.ko rt.ko
