# make            everything into build/
# make check      all tests; the last line counts them
# make demo       one simulated day of the market
# V=1 shows the commands; CC, CFLAGS, BUILD, PREFIX, DESTDIR as usual.

include config.mk

.PHONY: all
all: $(PROGRAMS) $(LINKS)

# ---- libraries: one archive for the core, one for what only programs need --------------------
CORE_SRC := $(wildcard core/base/*.c core/units/*.c core/codec/*.c core/crypto/*.c core/store/*.c \
	core/market/*.c core/ledger/*.c core/chain/*.c core/device/*.c core/wire/*.c core/agent/*.c)
APP_SRC := $(wildcard core/app/*.c)
CMD_SRC := $(wildcard cmd/*.c)
LEDGERD_SRC := $(wildcard ledgerd/*.c)

obj = $(patsubst %.c,$(BUILD)/%.o,$(1))

$(BUILD)/libmktcore.a: $(call obj,$(CORE_SRC))
$(BUILD)/libmktapp.a: $(call obj,$(APP_SRC))
$(BUILD)/%.a:
	$(call quiet,AR) rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call quiet,CC) $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# ---- programs ----------------------------------------------------------------------------------
LIBS := $(BUILD)/libmktapp.a $(BUILD)/libmktcore.a

$(BUILD)/mkt: $(call obj,$(CMD_SRC)) $(LIBS)
	$(call quiet,LD) $(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(MKT_LDLIBS)

$(BUILD)/ledgerd: $(call obj,$(LEDGERD_SRC)) $(LIBS)
	$(call quiet,LD) $(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LEDGERD_LDLIBS)

# ---- tests -------------------------------------------------------------------------------------
include tests/tests.mk
include tests/fuzz/fuzz.mk

.PHONY: clean
clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
