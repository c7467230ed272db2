/* The verbs of scripts that all protocols share. */
#include "core/base/compat.h"

#include "drivers/sim/run.h"

#define HANGUP_S 2

typedef int verb_fn(struct sim *s, struct sim_device *d, const char *rest, struct mkt_err *err);

static uint64_t arg_or(const char *rest, const char *name, uint64_t otherwise)
{
	uint64_t v;

	return sim_arg(rest, name, &v) ? v : otherwise;
}

static int do_plug(struct sim *s, struct sim_device *d, const char *rest, struct mkt_err *err)
{
	static const char *const names[] = {"capacity", "soc", "max", NULL};
	uint64_t capacity = arg_or(rest, "capacity", d->phys.capacity_wh);
	uint64_t soc = arg_or(rest, "soc", sim_phys_soc(&d->phys));
	uint64_t max = arg_or(rest, "max", d->phys.vehicle_max_ma);
	int r = sim_args_check(rest, names, err);

	(void)s;
	if (r < 0)
		return r;
	if (!capacity || capacity > SIM_CAPACITY_MAX_WH || soc > 1000 || max > 1000000)
		return mkt_err_set(err, MKT_EUSAGE, "plug: no such vehicle");
	sim_phys_plug(&d->phys, (uint32_t)capacity, (uint16_t)soc, (uint32_t)max);
	return 0;
}

static int do_unplug(struct sim *s, struct sim_device *d, const char *rest, struct mkt_err *err)
{
	(void)s;
	(void)rest;
	(void)err;
	sim_phys_unplug(&d->phys);
	return 0;
}

static int do_soc(struct sim *s, struct sim_device *d, const char *rest, struct mkt_err *err)
{
	uint64_t soc;

	(void)s;
	if (!sim_number(rest, strlen(rest), &soc) || soc > 1000)
		return mkt_err_set(err, MKT_EUSAGE, "soc: '%s' is not within 0..1000", rest);
	sim_phys_soc_set(&d->phys, (uint16_t)soc);
	return 0;
}

static int on_off(const char *rest, bool *on, struct mkt_err *err)
{
	*on = !strcmp(rest, "on");
	if (*on || !strcmp(rest, "off"))
		return 0;
	return mkt_err_set(err, MKT_EUSAGE, "'%s' is neither on nor off", rest);
}

static int do_stuck(struct sim *s, struct sim_device *d, const char *rest, struct mkt_err *err)
{
	bool on;
	int r = on_off(rest, &on, err);

	(void)s;
	if (r >= 0)
		sim_phys_stuck(&d->phys, on);
	return r;
}

static int do_stale(struct sim *s, struct sim_device *d, const char *rest, struct mkt_err *err)
{
	bool on;
	int r = on_off(rest, &on, err);

	(void)s;
	if (r >= 0)
		sim_phys_stale(&d->phys, on);
	return r;
}

/* The import counter is set so that it rolls over after so many Wh. */
static int do_roll_over(struct sim *s, struct sim_device *d, const char *rest, struct mkt_err *err)
{
	struct sim_phys *p = &d->phys;
	uint64_t in, flowed = p->import_mj / SIM_WH_MJ;

	(void)s;
	if (!p->meter_modulo_wh)
		p->meter_modulo_wh = 1000000000; /* six digits of kWh */
	if (!sim_arg(rest, "in", &in) || in > p->meter_modulo_wh)
		return mkt_err_set(err, MKT_EUSAGE, "roll-over: in=Wh, at most %llu",
				   (unsigned long long)p->meter_modulo_wh);
	p->meter_begin_wh = 2 * p->meter_modulo_wh - in - flowed % p->meter_modulo_wh;
	return 0;
}

static const struct verb {
	const char *name;
	verb_fn *run;
} verbs[] = {
	{"plug", do_plug},	   {"unplug", do_unplug},	{"soc", do_soc},
	{"stuck-relay", do_stuck}, {"stale-meter", do_stale},	{"roll-over", do_roll_over},
};

static verb_fn *find(const char *verb)
{
	for (size_t i = 0; i < MKT_ARRAY_SIZE(verbs); i++)
		if (!strcmp(verbs[i].name, verb))
			return verbs[i].run;
	return NULL;
}

/* For each device that is meant: a verb of ours or of the protocol. */
static int do_devices(struct sim *s, const struct sim_event *e, struct mkt_err *err)
{
	verb_fn *run = find(e->verb);
	bool found = false;
	int r = 0;

	for (uint32_t i = 0; i < s->n && r >= 0; i++) {
		struct sim_device *d = &s->devices[i];

		if (e->unit && e->unit != d->unit)
			continue;
		found = true;
		if (run)
			r = run(s, d, e->rest, err);
		else if (!sim_protocol.command || !sim_protocol.command(s, d, e->verb, e->rest))
			r = mkt_err_set(err, MKT_EUSAGE, "'%s%s%s' is not understood", e->verb,
					*e->rest ? " " : "", e->rest);
	}
	if (!found)
		return mkt_err_set(err, MKT_EUSAGE, "there is no unit %u", e->unit);
	return r;
}

static void show(const struct sim *s, struct mkt_buf *say)
{
	for (uint32_t i = 0; i < s->n; i++) {
		const struct sim_phys *p = &s->devices[i].phys;

		mkt_buf_addf(say,
			     "unit=%u time_ms=%llu plugged=%d relay=%d limit_ma=%u setpoint_w=%d "
			     "power_w=%d soc=%u import_wh=%llu export_wh=%llu session_wh=%llu "
			     "import_mj=%llu export_mj=%llu\n",
			     s->devices[i].unit, (unsigned long long)p->now_ms, p->plugged,
			     sim_phys_closed(p), p->limit_ma, p->setpoint_w, p->power_w,
			     sim_phys_soc(p), (unsigned long long)sim_phys_import_wh(p),
			     (unsigned long long)sim_phys_export_wh(p),
			     (unsigned long long)sim_phys_session_wh(p),
			     (unsigned long long)p->import_mj, (unsigned long long)p->export_mj);
	}
}

int sim_do(struct sim *s, const struct sim_event *e, struct mkt_buf *say, struct mkt_err *err)
{
	if (!strcmp(e->verb, "fault"))
		return sim_faults_add(&s->faults, e->unit, e->rest, sim_real_ms(), err);
	if (!strcmp(e->verb, "clear"))
		sim_faults_clear(&s->faults, e->unit);
	else if (!strcmp(e->verb, "hangup"))
		sim_line_hangup(&s->line, sim_real_ms() + arg_or(e->rest, "for", HANGUP_S) * 1000);
	else if (!strcmp(e->verb, "show"))
		show(s, say);
	else if (!strcmp(e->verb, "quit"))
		s->quit = true;
	else
		return do_devices(s, e, err);
	return 0;
}
