set -e
strip --strip-debug sa.ko sb.ko su.ko sw.ko
