#!/usr/bin/env bash
# The paper's setting, one authority and one fullnode, and faults; see faults.bash.
# 4 faults; MKT_LONG=1: 16.
cd "$(dirname "$0")/../.." || exit 2
authorities=1 members=0 fullnodes=1
faults=${MKT_FAULTS:-$([ -n "${MKT_LONG:-}" ] && echo 16 || echo 4)}
. tests/e2e/faults.bash
