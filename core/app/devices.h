/*
 * devices.conf: the lines, devices and circuits of a site; see devices.conf(5).
 *
 *	[line.garage]
 *	port = usb:0403:6001:A50285BI
 *	speed = 19200
 *	parity = even
 *
 *	[device.ev-03]
 *	line = garage
 *	driver = heidelberg
 *	unit = 3
 *	charger = p07c1            ; its id on the ledger
 *	circuit = garage
 *	max = 16A
 *
 *	[circuit.garage]
 *	max = 32A
 *	phases = 3
 *
 * Read by mkt-driverd, which serves one line, by mkt device and by mkt charge.
 */
#ifndef MKT_APP_DEVICES_H
#define MKT_APP_DEVICES_H

#include "core/app/conf.h"
#include "core/base/compat.h"
#include "core/base/err.h"
#include "core/base/limits.h"
#include "core/device/model.h"

#define MKT_DEVICES_SITE "/etc/mkt/devices.conf"
#define MKT_SOCKETS "/run/mkt/driverd" /* of mkt-driverd, unless [site] says another */
#define MKT_DEVICES_MAX 64  /* of one site */
#define MKT_LINES_MAX 64
#define MKT_CIRCUITS_MAX 16

/* What a device is left in when its line is let go or its client is lost. */
enum mkt_exit_state { MKT_EXIT_PAUSE = 0, MKT_EXIT_KEEP, MKT_EXIT_AUTO };

struct mkt_line_conf {
	char name[MKT_DEV_NAME_MAX + 1];
	char port[256];
	uint32_t speed;	   /* 0: the driver's default */
	char parity;	   /* 'N', 'E', 'O', 0: the driver's */
	uint8_t data_bits, stop_bits;
	uint32_t pause_ms; /* UINT32_MAX: the driver's */
	bool echo;
};

struct mkt_circuit_conf {
	char name[MKT_DEV_NAME_MAX + 1];
	uint32_t max_ma; /* per phase, all its devices together */
	uint8_t phases;
};

struct mkt_device_conf {
	char name[MKT_DEV_NAME_MAX + 1];
	char line[MKT_DEV_NAME_MAX + 1];
	char driver[MKT_DEV_NAME_MAX + 1];
	uint16_t unit;			    /* on the bus; 0: the driver's usual one */
	char serial[MKT_DEV_TEXT_MAX + 1];  /* must be what the device says; "": any */
	char charger[MKT_CHARGER_MAX + 1];  /* its id on the ledger; "": the name */
	char circuit[MKT_DEV_NAME_MAX + 1]; /* "": none */
	uint8_t phases;			    /* 1..3 */
	uint32_t nominal_mv;		    /* of one phase, when it is not measured */
	uint32_t max_ma;		    /* per phase; 0: what the device says */
	uint32_t max_w;			    /* 0: what the device says */
	uint32_t failsafe_ma;		    /* what its watchdog falls to; 0: pause */
	uint32_t watchdog_s;		    /* 0: the driver's usual one */
	uint32_t poll_ms;		    /* 0: the driver's usual one */
	uint32_t lost_s;		    /* a lost client's set-point is kept so long */
	enum mkt_exit_state exit;	    /* on SIGTERM, and as the safe state */
	uint16_t soc_min, soc_max;	    /* permille: floor and ceiling of contracts */
	uint16_t efficiency;		    /* permille of a round trip through the battery */
	int8_t meter_sign;		    /* 1 or -1: clamps that point the other way */
	char secret[256];		    /* file with credentials (B route); "": none */
};

struct mkt_devices {
	struct mkt_line_conf lines[MKT_LINES_MAX];
	struct mkt_device_conf devices[MKT_DEVICES_MAX];
	struct mkt_circuit_conf circuits[MKT_CIRCUITS_MAX];
	uint32_t nlines, ndevices, ncircuits;
	char sockets[256]; /* directory of mkt-driverd's sockets */
};

/*
 * Read @file; NULL: $MKT_DEVICES, the user's devices.conf, or MKT_DEVICES_SITE.
 * Names known, values with units, references resolved, or -MKT_EUSAGE with file
 * and line; -MKT_ENOTFOUND there is no file; -MKT_ENOMEM.
 * Release with free().
 */
int mkt_devices_read(const char *file, struct mkt_devices **out,
		     struct mkt_err *err) MKT_MUST_CHECK;

/* Rows by name, or NULL. */
const struct mkt_line_conf *mkt_devices_line(const struct mkt_devices *d, const char *name);
const struct mkt_device_conf *mkt_devices_device(const struct mkt_devices *d, const char *name);
const struct mkt_circuit_conf *mkt_devices_circuit(const struct mkt_devices *d, const char *name);

/* What a line or device has when its section says nothing. */
void mkt_line_defaults(struct mkt_line_conf *l);
void mkt_device_defaults(struct mkt_device_conf *d);

/* One setting as in a section, "speed" to "19200".  -MKT_EUSAGE. */
int mkt_line_setting(struct mkt_line_conf *l, const char *name, const char *value,
		     struct mkt_err *err) MKT_MUST_CHECK;
int mkt_device_setting(struct mkt_device_conf *d, const char *name, const char *value,
		       struct mkt_err *err) MKT_MUST_CHECK;

/* "DIR/LINE.sock" of a line's mkt-driverd. */
int mkt_devices_socket(const struct mkt_devices *d, const char *line, char *path,
		       size_t size) MKT_MUST_CHECK;

#endif
