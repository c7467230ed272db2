/*
 * mkt device: what its subcommands share.
 *
 * A target is the name of a device in devices.conf(5), or a port with the driver
 * that --driver names or a probe finds.  A configured device is spoken to through
 * the mkt-driverd that serves its line; when none runs, and for ports, a private
 * one is started and ends with the command.
 */
#ifndef MKT_CMD_DEVICE_H
#define MKT_CMD_DEVICE_H

#include "cmd/cmd.h"
#include "core/app/devices.h"
#include "core/base/compat.h"
#include "core/device/client.h"

/* How to reach it: options of all subcommands. */
struct mkt_device_opts {
	const char *devices; /* devices.conf */
	const char *driver;
	struct mkt_num unit, speed;
	int parity; /* 1 none, 2 even, 3 odd */
};
extern const struct mkt_opt mkt_device_options[];

struct mkt_device {
	struct mkt_app *app;
	const struct mkt_device_opts *opts;
	struct mkt_devices *site;  /* NULL: none is needed */
	struct mkt_devc *c;
	bool own;		   /* the mkt-driverd is ours */
	bool lets_go;		   /* what is ordered ends with this command, if it is ours */
	bool traced;		   /* ours, and to send the trace from the first byte on */
	char name[MKT_DEV_NAME_MAX + 1];
	char driver[MKT_DEV_NAME_MAX + 1];
	char port[256];
};

/* ---- reaching it: device_open.c ------------------------------------------------------------- */

/*
 * Connect.  Says nothing of the device's state.  @d is zeroed but for app, opts,
 * lets_go and traced; mkt_device_close() is due in any case.
 */
int mkt_device_open(struct mkt_device *d, const char *target) MKT_MUST_CHECK;
void mkt_device_close(struct mkt_device *d);

/* A private mkt-driverd without a line: for scan and probe. */
int mkt_device_open_bare(struct mkt_device *d) MKT_MUST_CHECK;

/* What is known of it; NULL: the mkt-driverd does not have it. */
const struct mkt_dev_view *mkt_device_view(const struct mkt_device *d);

/* Wait until it is ready, or has failed to be: its error. */
int mkt_device_wait_ready(struct mkt_device *d) MKT_MUST_CHECK;

/* What comes within @ms: 1 something, 0 nothing, or the connection is lost. */
int mkt_device_listen(struct mkt_device *d, uint64_t ms) MKT_MUST_CHECK;

/* Its error as that of the command; of what state it is when it has none. */
int mkt_device_error(struct mkt_device *d, const struct mkt_dev_view *v);

/* Find the one device on @port: what --driver would have said. */
int mkt_device_find_driver(struct mkt_device *d, const char *port) MKT_MUST_CHECK;

/* ---- showing it: device_show.c -------------------------------------------------------------- */

extern const struct mkt_table mkt_device_table;	 /* one object */
extern const struct mkt_table mkt_devices_table; /* a list of them */
extern const struct mkt_table mkt_reading_table;

/* How old readings may be. */
uint64_t mkt_device_limit_ms(const struct mkt_dev_view *v);

/* A row of the device tables; an open part. */
void mkt_device_row(struct mkt_out *o, const struct mkt_device *d, const struct mkt_dev_view *v);

/* Every known reading, with age. */
void mkt_device_readings(struct mkt_out *o, const struct mkt_dev_view *v);

/* For people: "3.180 kW  16.0 A  charging"; what is stale is marked with '?'. */
void mkt_device_sentence(const struct mkt_dev_view *v, struct mkt_buf *b);

/* "16.0 A", "-2.000 kW", "hold". */
struct mkt_setpoint_text {
	char s[48];
};
struct mkt_setpoint_text mkt_setpoint_text(const struct mkt_setpoint *set);

/* ---- what is wrong with it: device_check.c --------------------------------------------------- */

#define MKT_CHECKS_MAX 32

enum mkt_verdict { MKT_CHECK_OK = 0, MKT_CHECK_WARNING, MKT_CHECK_SKIPPED, MKT_CHECK_FAULT };

struct mkt_check {
	const char *name;
	enum mkt_verdict verdict;
	char seen[MKT_ERR_TEXT_MAX];
	const char *remedy; /* NULL: none is needed */
};

struct mkt_checks {
	struct mkt_app *app;
	struct mkt_check v[MKT_CHECKS_MAX];
	unsigned n;
	bool faults;
};
extern const struct mkt_table mkt_check_table;

/* Note one; people see it at once. */
void mkt_check_add(struct mkt_checks *c, const char *name, enum mkt_verdict verdict,
		   const char *remedy, const char *fmt, ...) MKT_PRINTF(5, 6);

/* An error and the remedy that is known for its code. */
void mkt_check_error(struct mkt_checks *c, const char *name, int code, const char *text);

/* All that can be told without asking anything of the device. */
void mkt_check_line(struct mkt_checks *c, const struct mkt_dev_view *v);
void mkt_check_identity(struct mkt_checks *c, const struct mkt_dev_view *v);
void mkt_check_readings(struct mkt_checks *c, const struct mkt_dev_view *v);

/* Rows of mkt_check_table, into an open part. */
void mkt_check_rows(struct mkt_out *o, const struct mkt_checks *c);

/* ---- subcommands in files of their own ------------------------------------------------------ */

int mkt_device_scan(struct mkt_app *app, void *values, int argc, char **argv);

struct mkt_device_probe_values {
	struct mkt_device_opts reach;
	bool all_speeds;
};
int mkt_device_probe(struct mkt_app *app, void *values, int argc, char **argv);

struct mkt_device_set_values {
	struct mkt_device_opts reach;
	struct mkt_num hold;
};
int mkt_device_set(struct mkt_app *app, void *values, int argc, char **argv);

struct mkt_device_test_values {
	struct mkt_device_opts reach;
	bool no_power;
};
int mkt_device_test(struct mkt_app *app, void *values, int argc, char **argv);

struct mkt_device_record_values {
	struct mkt_device_opts reach;
	const char *output;
	struct mkt_num time;
};
int mkt_device_record(struct mkt_app *app, void *values, int argc, char **argv);
int mkt_device_replay(struct mkt_app *app, void *values, int argc, char **argv);

#endif
