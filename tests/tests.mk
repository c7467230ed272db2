# Tests: what is built for them and in which order they run.
#
#   tests/unit/NAME.c   one cmocka program each, linked with the core
#   tests/sim/NAME.c    long seeded streams through the core; status 0 is a pass; prints its seed
#   tests/cli/NAME.bats the commands against real processes
#   tests/e2e/NAME.sh   whole systems, faults; TAP; MKT_LONG=1 asks for the long form
#   tests/lint/NAME.sh  what the tree promises about itself; TAP
#   tests/bench/NAME.c  bench-NAME: measures, never a test; NAME.sh is what `make bench` runs

UNIT_BIN := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*.c))
SIM_BIN := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/sim/*.c))
BENCH_BIN := $(patsubst tests/bench/%.c,$(BUILD)/bench-%,$(wildcard tests/bench/*.c))
E2E_BIN := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/e2e/*.c))
SLOW_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/slow/*.c))

$(UNIT_BIN): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/libmktsimdev.a $(BUILD)/libmktdrivers.a \
		$(BUILD)/libmkttui.a $(LIBS)
	$(call quiet,LD) $(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(MKT_LDLIBS) -lserialport -lmodbus -lcmocka

comma := ,
$(BUILD)/tests/unit/quorum: $(BUILD)/tests/slow/sim_kv.o
# Of a command: before the libraries that it needs.
$(BUILD)/tests/unit/svg: LDFLAGS += $(BUILD)/cmd/svg.o
$(BUILD)/tests/unit/svg: | $(BUILD)/cmd/svg.o
SIM_PAGE_OBJ := $(addprefix $(BUILD)/cmd/,sim_page.o sim_bills.o svg.o)
$(BUILD)/tests/unit/sim_page: LDFLAGS += $(SIM_PAGE_OBJ)
$(BUILD)/tests/unit/sim_page: | $(SIM_PAGE_OBJ)
$(BUILD)/tests/unit/sim_journal: LDFLAGS += $(BUILD)/cmd/sim_journal.o
$(BUILD)/tests/unit/sim_journal: | $(BUILD)/cmd/sim_journal.o

# Memory that fails on purpose.
$(BUILD)/tests/unit/ledger_memory: LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
# A process that dies at a chosen call.
$(BUILD)/tests/unit/archive: LDFLAGS += $(addprefix -Wl$(comma)--wrap=,pwrite fsync fdatasync rename renameat unlinkat)
$(BUILD)/tests/unit/prepared: LDFLAGS += $(addprefix -Wl$(comma)--wrap=,write fsync rename)
$(BUILD)/tests/sim/match_prop: LDFLAGS += -Wl,--wrap=realloc,--wrap=calloc

# What panes open is looked at, not drawn.
$(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/pane_*.c tests/unit/prove.c)): LDFLAGS += \
	$(addprefix -Wl$(comma)--wrap=,tui_text_open tui_run tui_dialog_open)

# Signatures that cost nothing, and the planted fault that passes over certified blocks.
$(BUILD)/tests/sim/quorum: LDFLAGS += -Wl,--wrap=mkt_sign,--wrap=mkt_sig_ok,--wrap=mkt_q_round_before

# Of the dashboard, not of the core.
SIM_TUI := $(BUILD)/tests/sim/tui_hostile
$(SIM_TUI): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/libmkttui.a $(LIBS)
	$(call quiet,LD) $(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(MKT_LDLIBS)

$(filter-out $(SIM_TUI),$(SIM_BIN)): $(BUILD)/%: $(BUILD)/%.o $(SLOW_OBJ) $(LIBS)
	$(call quiet,LD) $(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(CORE_LDLIBS)

$(E2E_BIN): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/libmktdrivers.a $(LIBS)
	$(call quiet,LD) $(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(MKT_LDLIBS) -lserialport -lmodbus

# An authority that does wrong on demand: never installed.
$(BUILD)/tests/faulty/run: $(BUILD)/tests/faulty/ledgerd.o \
		$(patsubst ledgerd/%.c,$(BUILD)/daemon/%.o,$(LEDGERD_SRC)) $(LIBS)
	$(call quiet,LD) $(CC) $(ALL_CFLAGS) $(LDFLAGS) -Wl,--wrap=mkt_chain_seal,--wrap=ld_prepared_get \
		-o $@ $^ $(LEDGERD_LDLIBS)

$(BENCH_BIN): $(BUILD)/bench-%: $(BUILD)/tests/bench/%.o $(LIBS)
	$(call quiet,LD) $(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LEDGERD_LDLIBS)

.PHONY: tests-build check check-unit check-sim check-cli check-e2e check-lint check-long bench soak
tests-build: all $(UNIT_BIN) $(SIM_BIN) $(E2E_BIN) $(BENCH_BIN) $(BUILD)/tests/faulty/run

check: deps
	@$(MAKE) --no-print-directory tests-build
	@BUILD=$(BUILD) CC='$(CC)' tests/check.sh lint unit sim cli e2e fuzz determinism

check-long: deps
	@$(MAKE) --no-print-directory tests-build
	@BUILD=$(BUILD) CC='$(CC)' tests/check.sh long

check-unit: all $(UNIT_BIN)
	@BUILD=$(BUILD) tests/check.sh unit
check-sim: $(SIM_BIN)
	@BUILD=$(BUILD) tests/check.sh sim
check-cli: all $(BUILD)/tests/e2e/calendar $(BUILD)/tests/e2e/door
	@BUILD=$(BUILD) tests/check.sh cli
check-e2e: all $(E2E_BIN) $(BENCH_BIN) $(BUILD)/tests/faulty/run
	@BUILD=$(BUILD) tests/check.sh e2e
check-lint: all
	@BUILD=$(BUILD) CC='$(CC)' tests/check.sh lint

bench: all $(BENCH_BIN)
	@for s in tests/bench/*.sh; do BUILD=$(BUILD) $$s || exit 1; done

# Hours of faults and seeds: a thousand contracts over devices, and a hundred faults of nodes, for
# each seed from the clock.
SOAK_ROUNDS ?= 10
soak: tests-build
	MKT_SEEDS=100000 MKT_SEED=$$(date +%s)000000 $(BUILD)/tests/sim/quorum
	@for i in $$(seq $(SOAK_ROUNDS)); do \
		export MKT_SEED=$$(date +%s) BUILD=$(BUILD); \
		MKT_WINDOWS=26 tests/e2e/charge_contracts.sh || exit 1; \
		MKT_FAULTS=100 tests/e2e/cluster.sh || exit 1; \
	done
