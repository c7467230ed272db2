/*
 * Simulated devices: one program for each protocol, mkt-sim-NAME.
 *
 * A program speaks its protocol's bytes behind a pty (or a TCP or UDP port of the
 * loopback), over the physics of a vehicle or a battery, with faults from a
 * script.  Protocol files are sim_NAME.c, each with one `sim_protocol`; the rest
 * is common:
 *
 *   main.c    options, the loop
 *   line.c    pty, sockets, pulled cables
 *   phys.c    vehicle, battery, meter: exact integration up to a calendar time
 *   script.c  what happens when: plug, unplug, faults; live on standard input
 *   verbs.c   the verbs that all protocols share
 *   faults.c  what becomes of bytes on the way out
 *   rtu.c     Modbus slave framing, RTU and TCP: byte by byte, so that frames can be spoilt
 *
 * Physics and script live on the calendar: the system's, --speed N times it, or a
 * shared clock (--clock FILE, core/device/clock.h).  The time of the line
 * (pauses, heartbeats, watchdogs) is always real.
 */
#ifndef MKT_DRIVERS_SIM_SIM_H
#define MKT_DRIVERS_SIM_SIM_H

#include "core/base/compat.h"
#include "core/base/err.h"
#include "core/device/model.h"

/* ---- physics ------------------------------------------------------------------------------- */

#define SIM_CAPACITY_MAX_WH 1000000
#define SIM_WH_MJ 3600000u	/* thousandths of a joule in a Wh */
#define SIM_MJ_UJ 1000		/* millionths of a joule in one of those */

/* What is behind the plug or the inverter. */
struct sim_phys {
	/* settings */
	uint8_t phases;		   /* 1..3 */
	uint32_t voltage_mv;	   /* of a phase */
	bool battery;		   /* fixed battery: always there, both ways, no relay */
	uint32_t capacity_wh;	   /* 1..SIM_CAPACITY_MAX_WH */
	uint32_t charge_max_w;	   /* of battery or vehicle; 0: as vehicle_max_ma says */
	uint32_t discharge_max_w;
	uint32_t vehicle_max_ma;   /* what the vehicle takes of the pilot, per phase */
	uint32_t vehicle_min_ma;   /* below this it stops; usually 6000 */
	uint16_t efficiency;	   /* permille one way, 1..1000 */
	uint16_t taper;		   /* permille: from there on power falls; 1000: never */
	uint64_t meter_modulo_wh;  /* the counters roll over here; 0: never */
	uint64_t meter_begin_wh;   /* what they showed before anything flowed */

	/* state: through the functions below */
	uint64_t now_ms;	   /* calendar up to which it is integrated */
	bool plugged;
	bool relay;		   /* closed */
	bool stuck_relay;	   /* fault: once closed it stays, and what flowed goes on */
	bool stale_meter;	   /* fault: the counters stand still */
	uint32_t limit_ma;	   /* pilot, per phase; 0: paused.  For setpoint_w 0 */
	int32_t setpoint_w;	   /* battery, V2H: wanted power */
	int32_t power_w;	   /* flowing now; drawn positive */
	int64_t stored_uj;	   /* in the battery, millionths of a joule: losses are exact */
	uint64_t import_mj, export_mj, session_mj; /* at the meter, thousandths of a joule */
	uint64_t loss_uj;	   /* import - export = what stored_uj has grown by + this */
	uint32_t carry;		   /* of the division by efficiency */
	bool welded;		   /* stuck_relay, and it has been closed since */
	uint32_t stuck_ma;	   /* limit that a welded relay goes on with */
	uint64_t stale_import_wh, stale_export_wh;
};

/* 3 phases of 230 V, vehicle of 40 kWh at 50 %, 32 A, 90 % one way; not plugged in. */
void sim_phys_init(struct sim_phys *p, uint64_t now_ms);
/*
 * Integrate up to @now_ms; earlier times do nothing.  Exact for constant settings
 * whatever the steps are; in the taper power is constant within each calendar second.
 */
void sim_phys_run(struct sim_phys *p, uint64_t now_ms);
/* Settings and controls change what flows from now on: run first, then these. */
void sim_phys_plug(struct sim_phys *p, uint32_t capacity_wh, uint16_t soc, uint32_t max_ma);
void sim_phys_unplug(struct sim_phys *p);
void sim_phys_soc_set(struct sim_phys *p, uint16_t soc);
void sim_phys_limit(struct sim_phys *p, uint32_t limit_ma); /* EVSE */
void sim_phys_power(struct sim_phys *p, int32_t power_w);   /* battery, V2H */
void sim_phys_relay(struct sim_phys *p, bool closed);
void sim_phys_stuck(struct sim_phys *p, bool stuck);
void sim_phys_stale(struct sim_phys *p, bool stale);
/* A setting was written directly: see what it changes. */
void sim_phys_changed(struct sim_phys *p);
bool sim_phys_closed(const struct sim_phys *p);		    /* the relay, as it is */
uint16_t sim_phys_soc(const struct sim_phys *p);	    /* permille; 1000: no more goes in */
uint32_t sim_phys_current_ma(const struct sim_phys *p);	    /* of a phase */
uint64_t sim_phys_import_wh(const struct sim_phys *p);	    /* as shown */
uint64_t sim_phys_export_wh(const struct sim_phys *p);
uint64_t sim_phys_session_wh(const struct sim_phys *p);

/* ---- the program --------------------------------------------------------------------------- */

struct sim;

/* One device behind the line.  A bus has several, by unit. */
struct sim_device {
	uint16_t unit;
	struct sim_phys phys;
	void *priv;
};

struct sim_protocol {
	const char *name;	   /* "rapi": the program is mkt-sim-rapi */
	const char *summary;
	enum mkt_dev_kind kind;
	uint16_t units;		   /* how many fit on a bus; 0: one, without address */
	bool tcp, udp;		   /* can also listen there */
	/* Allocate @priv and set defaults of physics.  @model: --model NAME or NULL. */
	int (*start)(struct sim *s, struct sim_device *d, const char *model, struct mkt_err *err);
	/* Bytes came.  Answer with sim_send(). */
	void (*input)(struct sim *s, const uint8_t *bytes, size_t n, uint64_t real_ms);
	/*
	 * Something changed or the time asked for has come: push notices, watch
	 * heartbeats.  Returns the next real time it wants to be called at (UINT64_MAX: none).
	 */
	uint64_t (*tick)(struct sim *s, uint64_t real_ms);
	/* A script line that is the protocol's own ("fault hard 8", "reboot"); false: unknown. */
	bool (*command)(struct sim *s, struct sim_device *d, const char *verb, const char *rest);
	/* The line was opened anew: forget half a frame.  NULL: nothing to forget. */
	void (*opened)(struct sim *s);
};
extern const struct sim_protocol sim_protocol; /* of this program */

/* The device of a unit (0: the first), with its physics run up to now; NULL: nobody there. */
struct sim_device *sim_unit(struct sim *s, uint16_t unit);
uint32_t sim_count(const struct sim *s);
struct sim_device *sim_at(struct sim *s, uint32_t i);

/*
 * One frame of @d out (NULL: of the line itself), through the faults of its unit.
 * Over UDP it is a datagram to whoever spoke last.
 */
void sim_send(struct sim *s, const struct sim_device *d, const void *frame, size_t n);

/*
 * Does a fault of this kind strike now?  Counts as one of its times.  For the
 * kinds that only a protocol can do (stranger, busy, its own); *@arg (may be
 * NULL) is the number after "KIND=".
 */
bool sim_fault(struct sim *s, const struct sim_device *d, const char *kind, uint32_t *arg);

/* What is behind the line: no checksum can be wrong over TCP and UDP. */
bool sim_is_tcp(const struct sim *s);
bool sim_is_udp(const struct sim *s);

/* Calendar, ms UTC; real monotonic time, ms. */
uint64_t sim_now_ms(const struct sim *s);
uint64_t sim_real_ms(void);

/*
 * Real time in which something takes @calendar_ms that physics feels (a vehicle
 * that reacts): 0 with a shared calendar, which would jump over it.
 */
uint32_t sim_takes_ms(const struct sim *s, uint32_t calendar_ms);

/* A seeded random number below @n, for jitter and noise. */
uint32_t sim_random(struct sim *s, uint32_t n);

/*
 * Script, one event a line ("#" comments), also on standard input, where each
 * line is answered by "ok" or "error TEXT":
 *
 *	[@TIME] [unit=N] VERB [ARGS]
 *
 * TIME is calendar Unix seconds, or +S after it is read; none: now.  Verbs:
 * plug [capacity=Wh] [soc=permille] [max=mA], unplug, soc permille, stuck-relay
 * on|off, stale-meter on|off, roll-over in=Wh, fault KIND [every=N] [for=S]
 * [count=N], clear (all faults), hangup [for=S] (the pty goes and comes back
 * under another name: a pulled cable), show (a line of state), quit, and the
 * protocol's own ("reboot").  Fault kinds: noise, checksum, silence, echo, half,
 * late=MS, split, stranger, busy, and the protocol's own.  S of faults and
 * hangup is real seconds.  Without unit=N: all units.
 */

/* "name=NUMBER" among the words of @rest; false: not there.  @rest is what command() gets. */
bool sim_arg(const char *rest, const char *name, uint64_t *value);

#endif
