#!/usr/bin/env bash
# Bad input through HTTP: each fault has its own code and sentence and changes nothing; see input.c.
cd "$(dirname "$0")/../.." || exit 2
exec "${BUILD:-build}/tests/e2e/input"
