# One cmocka program a file of tests/unit; a test is built from one .c file and the core library.
UNIT_SRC := $(wildcard tests/unit/*.c)
UNIT_BIN := $(patsubst %.c,$(BUILD)/%,$(UNIT_SRC))

$(UNIT_BIN): $(BUILD)/%: $(BUILD)/%.o $(LIBS)
	$(call quiet,LD) $(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(CORE_LDLIBS) -lcmocka

.PHONY: check-unit
check-unit: $(UNIT_BIN)
	@for t in $(UNIT_BIN); do $$t || exit 1; done
