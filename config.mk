# Settings; every one may be given on the command line.
PREFIX ?= /usr/local
DESTDIR ?=
BUILD ?= build
CC ?= cc
AR ?= ar
V ?= 0
SAN ?=

quiet = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' '$(1)' '$(patsubst $(BUILD)/%,%,$@)';)

OPT ?= -O2 -g
WARN := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
SAN_FLAGS = $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
ALL_CPPFLAGS = -I. -DMKT_PREFIX='"$(PREFIX)"' $(CPPFLAGS)
ALL_CFLAGS = -std=c17 $(WARN) $(OPT) -fno-common -fstack-protector-strong -pthread $(SAN_FLAGS) $(CFLAGS)

CORE_LDLIBS = -lsodium -llmdb -lzstd -ljson-c -lcurl
MKT_LDLIBS = $(CORE_LDLIBS) -linih -lsmartcols -lncursesw -lreadline
LEDGERD_LDLIBS = $(CORE_LDLIBS) -linih -lmicrohttpd -lgnutls

DRIVERD_LDLIBS = -lserialport -lmodbus -linih -lsodium -ljson-c -lsmartcols

SIMDEV_NAMES := $(patsubst drivers/sim/sim_%.c,mkt-sim-%,$(wildcard drivers/sim/sim_*.c))
PROGRAM_NAMES = $(if $(wildcard cmd/mkt.c),mkt) $(if $(wildcard ledgerd/main.c),ledgerd) \
	$(if $(wildcard drivers/driverd.c),mkt-driverd) $(SIMDEV_NAMES)
PROGRAMS = $(addprefix $(BUILD)/,$(PROGRAM_NAMES))
LINKS =
