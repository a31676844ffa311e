set -e
strip --strip-debug pa.ko pb.ko
