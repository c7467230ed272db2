# make            everything into build/
# make demo       one simulated day of the market; installs what it lacks through apt
# make demo-cluster  several authorities and fullnodes; the leader is killed and nothing is lost
# make check      all tests; installs what it lacks; the last line counts them
# make check-long sanitizers, valgrind, analysers, faults, longer fuzzing
# make bench      measurements, as ratios where they can be
# make soak       hours of faults and seeds
# make install    PREFIX=/usr/local DESTDIR=
# V=1 shows the commands; CC, CFLAGS, BUILD as usual; SAN=address,undefined or thread.

include config.mk

.PHONY: all
all: $(PROGRAMS) $(LINKS)

# ---- libraries: one archive for the core, one for what only programs need --------------------
CORE_SRC := $(wildcard core/base/*.c core/units/*.c core/codec/*.c core/crypto/*.c core/store/*.c \
	core/market/*.c core/ledger/*.c core/chain/*.c core/quorum/*.c core/device/*.c core/wire/*.c core/agent/*.c)
APP_SRC := $(wildcard core/app/*.c)
CMD_SRC := $(wildcard cmd/*.c)
TUI_SRC := $(wildcard tui/*.c)
LEDGERD_SRC := $(wildcard ledgerd/*.c)
DRIVERS_SRC := $(filter-out drivers/driverd.c,$(wildcard drivers/*.c))
SIMDEV_SRC := $(filter-out drivers/sim/sim_%,$(wildcard drivers/sim/*.c))

obj = $(patsubst %.c,$(BUILD)/%.o,$(1))

$(BUILD)/libmktcore.a: $(call obj,$(CORE_SRC))
$(BUILD)/libmktapp.a: $(call obj,$(APP_SRC))
$(BUILD)/libmkttui.a: $(call obj,$(TUI_SRC))
$(BUILD)/libmktdrivers.a: $(call obj,$(DRIVERS_SRC))
$(BUILD)/libmktsimdev.a: $(call obj,$(SIMDEV_SRC))
$(BUILD)/%.a:
	$(call quiet,AR) rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call quiet,CC) $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# ---- programs ----------------------------------------------------------------------------------
LIBS := $(BUILD)/libmktapp.a $(BUILD)/libmktcore.a

$(BUILD)/mkt: $(call obj,$(CMD_SRC)) $(BUILD)/libmkttui.a $(LIBS)
	$(call quiet,LD) $(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(MKT_LDLIBS)

# Not in $(BUILD)/ledgerd/, which is the program's name.
$(BUILD)/daemon/%.o: ledgerd/%.c
	@mkdir -p $(@D)
	$(call quiet,CC) $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/ledgerd: $(patsubst ledgerd/%.c,$(BUILD)/daemon/%.o,$(LEDGERD_SRC)) $(LIBS)
	$(call quiet,LD) $(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LEDGERD_LDLIBS)

$(BUILD)/mkt-driverd: $(BUILD)/drivers/driverd.o $(BUILD)/libmktdrivers.a $(LIBS)
	$(call quiet,LD) $(CC) $(ALL_CFLAGS) $(LDFLAGS) -Wl,--as-needed -o $@ $^ $(DRIVERD_LDLIBS)

# Simulated devices: one program for each protocol.
$(addprefix $(BUILD)/,$(SIMDEV_NAMES)): $(BUILD)/mkt-sim-%: $(BUILD)/drivers/sim/sim_%.o \
		$(BUILD)/libmktsimdev.a $(BUILD)/libmktdrivers.a $(LIBS)
	$(call quiet,LD) $(CC) $(ALL_CFLAGS) $(LDFLAGS) -Wl,--as-needed -o $@ $^ $(DRIVERD_LDLIBS)

# ---- what users run -----------------------------------------------------------------------------
.PHONY: deps
deps:
	@tests/deps.sh

.PHONY: demo
demo: deps
	@$(MAKE) --no-print-directory all
	@BUILD=$(BUILD) contrib/demo

.PHONY: demo-cluster
demo-cluster: deps
	@$(MAKE) --no-print-directory all
	@BUILD=$(BUILD) contrib/demo-cluster

.PHONY: install
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/libexec/mkt
	install -m 755 $(BUILD)/mkt $(DESTDIR)$(PREFIX)/bin/mkt
	install -m 755 $(BUILD)/ledgerd $(DESTDIR)$(PREFIX)/sbin/ledgerd
	install -m 755 $(BUILD)/mkt-driverd $(DESTDIR)$(PREFIX)/sbin/mkt-driverd
	install -m 755 $(addprefix $(BUILD)/,$(SIMDEV_NAMES)) $(DESTDIR)$(PREFIX)/libexec/mkt
	for c in $$($(BUILD)/mkt --list-cmds=main); do ln -sf mkt $(DESTDIR)$(PREFIX)/bin/mkt-$$c; done
	for s in 1 5 7 8; do \
		install -d $(DESTDIR)$(PREFIX)/share/man/man$$s; \
		for p in man/*.$$s; do \
			[ ! -f $$p ] || install -m 644 $$p $(DESTDIR)$(PREFIX)/share/man/man$$s; done; done
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 644 completions/mkt.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/mkt
	install -d $(DESTDIR)$(PREFIX)/share/zsh/site-functions $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	install -m 644 completions/_mkt $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_mkt
	install -m 644 completions/mkt.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/mkt.fish
	install -d $(addprefix $(DESTDIR)$(PREFIX)/lib/,systemd/system sysusers.d tmpfiles.d)
	for u in contrib/systemd/*.service; do \
		sed 's,/usr/local/,$(PREFIX)/,g' $$u >$(DESTDIR)$(PREFIX)/lib/systemd/system/$${u##*/}; done
	install -m 644 contrib/systemd/mkt.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/mkt.conf
	install -m 644 contrib/systemd/mkt.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/mkt.conf
	install -m 755 contrib/mkt-certs $(DESTDIR)$(PREFIX)/bin/mkt-certs
	install -d $(DESTDIR)$(PREFIX)/share/doc/mkt/examples
	cp -R contrib/examples/. $(DESTDIR)$(PREFIX)/share/doc/mkt/examples

.PHONY: dist
dist:
	git archive --prefix=mkt/ HEAD | gzip -n >$(BUILD)/mkt.tar.gz

.PHONY: format
format:
	clang-format -i $$(git ls-files '*.c' '*.h')

# ---- tests -------------------------------------------------------------------------------------
include tests/tests.mk
include tests/fuzz/fuzz.mk

.PHONY: clean
clean:
	rm -rf $(BUILD) build-asan build-tsan build-clang build-det

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
