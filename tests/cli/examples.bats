#!/usr/bin/env bats
# Examples of manual pages that need no server.
load helper
load examples

@test "examples of mkt(1)" { page_is_true mkt.1; }
@test "examples of mkt-config(1)" { page_is_true mkt-config.1; }
@test "examples of mkt-help(1)" { page_is_true mkt-help.1; }
@test "examples of mkt-init(1)" { page_is_true mkt-init.1; }
@test "examples of mkt-json(5)" { page_is_true mkt-json.5; }
@test "examples of mkt-key(1)" { page_is_true mkt-key.1; }
@test "examples of mkt-porcelain(5), with -> for TAB" {
	mkt() { "$BUILD_DIR/mkt" "$@" | sed 's/	/->/g'; }
	page_is_true mkt-porcelain.5
}
@test "examples of mkt-verify(1)" { page_is_true mkt-verify.1; }
