#!/usr/bin/env bash
# Many connections, slow readers, streams, events, limits, clocks; see serve.c.
cd "$(dirname "$0")/../.." || exit 2
exec "${BUILD:-build}/tests/e2e/serve"
