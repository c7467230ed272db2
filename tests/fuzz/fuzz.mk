# libFuzzer targets: tests/fuzz/NAME.c with its corpus in tests/fuzz/corpus/NAME/.
#
#   make fuzz-smoke [FUZZ_SECONDS=5]   every target for some seconds over its corpus
#   make fuzz-NAME [FUZZ_SECONDS=600]  one target
#
# Core is built a second time, by clang with sanitizers, below $(BUILD)/fuzz.
# Inputs that fail are left there too; nothing is written into the source tree.

FUZZ_CC ?= clang
FUZZ_SECONDS ?= 5
FUZZ_SAN := address,undefined
FUZZ_CFLAGS := -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all
FUZZ_SRC := $(wildcard tests/fuzz/*.c)
FUZZ_NAMES := $(notdir $(FUZZ_SRC:.c=))
FUZZ_DIR := $(BUILD)/fuzz

fuzz_cc = $(FUZZ_CC) $(ALL_CPPFLAGS) -std=c17 $(WARN) $(FUZZ_CFLAGS) -pthread -MMD -MP

$(FUZZ_DIR)/obj/core/%.o: core/%.c
	@mkdir -p $(@D)
	$(call quiet,FUZZCC) $(fuzz_cc) -fsanitize=fuzzer-no-link,$(FUZZ_SAN) -c -o $@ $<

$(FUZZ_DIR)/obj/drivers/%.o: drivers/%.c
	@mkdir -p $(@D)
	$(call quiet,FUZZCC) $(fuzz_cc) -fsanitize=fuzzer-no-link,$(FUZZ_SAN) -c -o $@ $<

$(FUZZ_DIR)/libdrivers.a: $(patsubst %.c,$(FUZZ_DIR)/obj/%.o,$(DRIVERS_SRC))
	$(call quiet,AR) rm -f $@ && $(AR) rcs $@ $^

$(FUZZ_DIR)/obj/ledgerd/%.o: ledgerd/%.c
	@mkdir -p $(@D)
	$(call quiet,FUZZCC) $(fuzz_cc) -fsanitize=fuzzer-no-link,$(FUZZ_SAN) -c -o $@ $<

$(FUZZ_DIR)/obj/cmd/%.o: cmd/%.c
	@mkdir -p $(@D)
	$(call quiet,FUZZCC) $(fuzz_cc) -fsanitize=fuzzer-no-link,$(FUZZ_SAN) -c -o $@ $<

$(FUZZ_DIR)/obj/tui/%.o: tui/%.c
	@mkdir -p $(@D)
	$(call quiet,FUZZCC) $(fuzz_cc) -fsanitize=fuzzer-no-link,$(FUZZ_SAN) -c -o $@ $<

$(FUZZ_DIR)/obj/tests/fuzz/%.o: tests/fuzz/%.c
	@mkdir -p $(@D)
	$(call quiet,FUZZCC) $(fuzz_cc) -fsanitize=fuzzer-no-link,$(FUZZ_SAN) -c -o $@ $<

$(FUZZ_DIR)/libcore.a: $(patsubst %.c,$(FUZZ_DIR)/obj/%.o,$(CORE_SRC) $(APP_SRC))
	$(call quiet,AR) rm -f $@ && $(AR) rcs $@ $^

$(FUZZ_DIR)/bin/%: $(FUZZ_DIR)/obj/tests/fuzz/%.o $(FUZZ_DIR)/libdrivers.a $(FUZZ_DIR)/libcore.a
	@mkdir -p $(@D)
	$(call quiet,FUZZLD) $(FUZZ_CC) $(FUZZ_CFLAGS) -pthread -fsanitize=fuzzer,$(FUZZ_SAN) \
		-o $@ $(filter %.o,$^) $(filter %.a,$^) $(CORE_LDLIBS) -Wl,--as-needed -linih -lsmartcols \
		-lserialport -lmodbus -lgnutls -lncursesw -ltinfo

# Parts of the simulators.
$(FUZZ_DIR)/bin/sim_script: $(patsubst %,$(FUZZ_DIR)/obj/drivers/sim/%.o,script faults)
$(FUZZ_DIR)/bin/sim_rtu: $(FUZZ_DIR)/obj/drivers/sim/rtu.o

# Of the shell, and the dashboard.
$(FUZZ_DIR)/bin/shell_words: $(FUZZ_DIR)/obj/cmd/shell_words.o
$(FUZZ_DIR)/bin/dash_line: $(patsubst %.c,$(FUZZ_DIR)/obj/%.o,$(TUI_SRC))

# A whole node but for the server's sockets.
FUZZ_NODE := $(filter-out ledgerd/main.c ledgerd/cli.c ledgerd/prune.c ledgerd/rebuild.c ledgerd/status.c ledgerd/http_mhd.c,$(LEDGERD_SRC))
$(FUZZ_DIR)/bin/http: $(patsubst %.c,$(FUZZ_DIR)/obj/%.o,$(FUZZ_NODE))

.PRECIOUS: $(FUZZ_DIR)/obj/%.o

# $(1): the targets.  Without a fuzzer runtime each is a skipped test.
fuzz_run = if tests/fuzz/runtime.sh '$(FUZZ_CC)'; then \
		$(MAKE) --no-print-directory $(addprefix $(FUZZ_DIR)/bin/,$(1)) && \
		tests/fuzz/smoke.sh $(FUZZ_DIR) $(FUZZ_SECONDS) $(1); \
	else \
		for n in $(1); do \
			echo "ok - fuzz/$$n \# SKIP '$(FUZZ_CC)' has no fuzzer runtime"; done; \
	fi

.PHONY: fuzz-build fuzz-smoke $(addprefix fuzz-,$(FUZZ_NAMES))
fuzz-build:
	@! tests/fuzz/runtime.sh '$(FUZZ_CC)' || \
		$(MAKE) --no-print-directory $(addprefix $(FUZZ_DIR)/bin/,$(FUZZ_NAMES))

fuzz-smoke:
	@$(call fuzz_run,$(FUZZ_NAMES))

$(addprefix fuzz-,$(FUZZ_NAMES)): fuzz-%:
	@$(call fuzz_run,$*)

# Starting inputs that a program writes: tests/fuzz/gen/NAME.c for the target NAME.
FUZZ_GEN := $(basename $(notdir $(wildcard tests/fuzz/gen/*.c)))

$(addprefix $(BUILD)/tests/fuzz/gen/,$(FUZZ_GEN)): %: %.o $(BUILD)/libmktcore.a
	$(call quiet,LD) $(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(CORE_LDLIBS)

.PHONY: fuzz-corpus
fuzz-corpus: $(addprefix $(BUILD)/tests/fuzz/gen/,$(FUZZ_GEN))
	@for n in $(FUZZ_GEN); do \
		mkdir -p tests/fuzz/corpus/$$n && \
		$(BUILD)/tests/fuzz/gen/$$n tests/fuzz/corpus/$$n || exit 1; \
	done
