#!/usr/bin/env bash
# Three authorities, three members of etcd, two fullnodes, and faults; see faults.bash.
# 6 faults; MKT_LONG=1: 26; `make soak`: 100.
cd "$(dirname "$0")/../.." || exit 2
authorities=3 members=3 fullnodes=2
faults=${MKT_FAULTS:-$([ -n "${MKT_LONG:-}" ] && echo 26 || echo 6)}
. tests/e2e/faults.bash
