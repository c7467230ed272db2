/*
 * The main program of every simulator: options, and one loop over the line,
 * standard input, signals and the time of what waits.
 */
#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/app/opt.h"
#include "drivers/sim/run.h"

/* How often a shared calendar is looked at: it moves without telling. */
#define CLOCK_LOOK_MS 50

struct opts {
	const char *pty, *tcp, *udp, *model, *clock, *script;
	struct mkt_num units, speed, seed;
	struct mkt_num phases, voltage, capacity, soc, max, min, charge_max, discharge_max;
	struct mkt_num efficiency, taper, meter;
	bool battery, plugged, parent_dies, help;
};

static const struct mkt_opt rows[] = {
	MKT_O_FILE(struct opts, pty, "pty", 0, "LINK", "make LINK point to the pty"),
	MKT_O_TEXT(struct opts, tcp, "tcp", 0, "[HOST:]PORT", NULL, "listen there; port 0: any"),
	MKT_O_TEXT(struct opts, udp, "udp", 0, "[HOST:]PORT", NULL, "listen there; port 0: any"),
	MKT_O_UINT(struct opts, units, "units", 0, "N", 1, SIM_UNITS_MAX, "1",
		   "devices on the bus, addresses from 1"),
	MKT_O_TEXT(struct opts, model, "model", 0, "NAME", NULL, "which device"),
	MKT_O_FILE(struct opts, clock, "clock", 0, "FILE", "shared calendar"),
	MKT_O_UINT(struct opts, speed, "speed", 0, "N", 1, 100000, "1",
		   "calendar seconds in a real one"),
	MKT_O_FILE(struct opts, script, "script", 0, "FILE", "what happens when"),
	MKT_O_UINT(struct opts, seed, "seed", 0, "N", 0, INT64_MAX, "1", "of noise and jitter"),
	MKT_O_UINT(struct opts, phases, "phases", 0, "N", 1, 3, NULL, "phases"),
	MKT_O_UINT(struct opts, voltage, "voltage", 0, "MV", 50000, 1000000, NULL,
		   "voltage of a phase"),
	MKT_O_UINT(struct opts, capacity, "capacity", 0, "WH", 1, SIM_CAPACITY_MAX_WH, NULL,
		   "capacity of vehicle or battery"),
	MKT_O_UINT(struct opts, soc, "soc", 0, "PERMILLE", 0, 1000, NULL, "charge at the start"),
	MKT_O_UINT(struct opts, max, "max", 0, "MA", 0, 1000000, NULL,
		   "largest current of the vehicle"),
	MKT_O_UINT(struct opts, min, "min", 0, "MA", 0, 1000000, NULL,
		   "smallest current of the vehicle"),
	MKT_O_UINT(struct opts, charge_max, "charge-max", 0, "W", 0, 10000000, NULL,
		   "largest power that charges"),
	MKT_O_UINT(struct opts, discharge_max, "discharge-max", 0, "W", 0, 10000000, NULL,
		   "largest power that discharges"),
	MKT_O_UINT(struct opts, efficiency, "efficiency", 0, "PERMILLE", 1, 1000, NULL,
		   "one way"),
	MKT_O_UINT(struct opts, taper, "taper", 0, "PERMILLE", 0, 1000, NULL,
		   "charge from which power falls"),
	MKT_O_UINT(struct opts, meter, "meter", 0, "WH", 0, 1000000000000, NULL,
		   "what the counters show at the start"),
	MKT_O_FLAG(struct opts, battery, "battery", 0, "a fixed battery, not a vehicle"),
	MKT_O_FLAG(struct opts, plugged, "plugged", 0, "the vehicle is plugged in"),
	MKT_O_FLAG(struct opts, parent_dies, "parent-dies", 0, "end with the parent process"),
	MKT_O_FLAG(struct opts, help, "help", 'h', "show this"),
	MKT_O_END,
};

/* ---- what protocols ask for ---------------------------------------------------------------- */

uint64_t sim_real_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t sim_now_ms(const struct sim *s)
{
	if (mkt_clock_simulated(s->clock))
		return mkt_clock_now_ms(s->clock);
	return s->begin_ms + (sim_real_ms() - s->real_ms) * s->speed;
}

/* Real time of so much calendar time. */
static uint64_t real_of(const struct sim *s, uint64_t calendar_ms)
{
	return s->speed > 1 ? calendar_ms / s->speed : calendar_ms;
}

uint32_t sim_takes_ms(const struct sim *s, uint32_t calendar_ms)
{
	return mkt_clock_simulated(s->clock) ? 0 : (uint32_t)real_of(s, calendar_ms);
}

uint32_t sim_random(struct sim *s, uint32_t n)
{
	return sim_faults_random(&s->faults, n);
}

uint32_t sim_count(const struct sim *s)
{
	return s->n;
}

struct sim_device *sim_at(struct sim *s, uint32_t i)
{
	return i < s->n ? &s->devices[i] : NULL;
}

struct sim_device *sim_unit(struct sim *s, uint16_t unit)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (!unit || s->devices[i].unit == unit) {
			sim_phys_run(&s->devices[i].phys, sim_now_ms(s));
			return &s->devices[i];
		}
	return NULL;
}

bool sim_is_tcp(const struct sim *s)
{
	return s->line.kind == SIM_LINE_TCP;
}

bool sim_is_udp(const struct sim *s)
{
	return s->line.kind == SIM_LINE_UDP;
}

void sim_send(struct sim *s, const struct sim_device *d, const void *frame, size_t n)
{
	sim_faults_frame(&s->faults, d ? d->unit : 0, s->line.kind == SIM_LINE_PTY, frame, n,
			 sim_real_ms(), &s->line.out);
}

bool sim_fault(struct sim *s, const struct sim_device *d, const char *kind, uint32_t *arg)
{
	return sim_faults_strike(&s->faults, d ? d->unit : 0, kind, sim_real_ms(), arg);
}

void sim_run_phys(struct sim *s)
{
	uint64_t now = sim_now_ms(s);

	for (uint32_t i = 0; i < s->n; i++)
		sim_phys_run(&s->devices[i].phys, now);
}

/* ---- start --------------------------------------------------------------------------------- */

static void usage(void)
{
	struct mkt_buf b = MKT_BUF_INIT;

	mkt_opt_help(rows, 80, &b);
	printf("Usage: mkt-sim-%s [OPTION]...\n%s\n\n%s", sim_protocol.name, sim_protocol.summary,
	       mkt_buf_str(&b));
	mkt_buf_release(&b);
}

#define GIVEN(field, option)                                                                       \
	do {                                                                                       \
		if ((option).given)                                                                \
			(field) = (__typeof__(field))(option).v;                                   \
	} while (0)

static void settings(struct sim_phys *p, const struct opts *o)
{
	GIVEN(p->phases, o->phases);
	GIVEN(p->voltage_mv, o->voltage);
	GIVEN(p->vehicle_max_ma, o->max);
	GIVEN(p->vehicle_min_ma, o->min);
	GIVEN(p->charge_max_w, o->charge_max);
	GIVEN(p->discharge_max_w, o->discharge_max);
	GIVEN(p->efficiency, o->efficiency);
	GIVEN(p->taper, o->taper);
	GIVEN(p->meter_begin_wh, o->meter);
	p->battery |= o->battery;
}

static int start_device(struct sim *s, struct sim_device *d, const struct opts *o,
			struct mkt_err *err)
{
	uint16_t soc;
	int r;

	sim_phys_init(&d->phys, s->begin_ms);
	d->phys.battery = sim_protocol.kind == MKT_DEV_BATTERY;
	r = sim_protocol.start(s, d, o->model, err);
	if (r < 0)
		return r;
	settings(&d->phys, o);
	soc = o->soc.given ? (uint16_t)o->soc.v : sim_phys_soc(&d->phys);
	GIVEN(d->phys.capacity_wh, o->capacity);
	sim_phys_soc_set(&d->phys, soc);
	if (o->plugged)
		sim_phys_plug(&d->phys, d->phys.capacity_wh, soc, d->phys.vehicle_max_ma);
	return 0;
}

static int start_devices(struct sim *s, const struct opts *o, struct mkt_err *err)
{
	uint32_t n = (uint32_t)o->units.v;
	int r = 0;

	if (n > 1 && n > sim_protocol.units)
		return mkt_err_set(err, MKT_EUSAGE, "--units %u: %s has room for %u", n,
				   sim_protocol.name, sim_protocol.units ? sim_protocol.units : 1u);
	for (uint32_t i = 0; i < n && r >= 0; i++) {
		s->devices[i].unit = (uint16_t)(i + 1);
		s->n = i + 1;
		r = start_device(s, &s->devices[i], o, err);
	}
	return r;
}

static int read_script(struct sim *s, const char *file, struct mkt_err *err)
{
	FILE *f = fopen(file, "re");
	struct sim_event e;
	char line[300];
	int r = 0, nr = 0;

	if (!f)
		return mkt_err_sys(err, MKT_EUSAGE, errno, "cannot open '%s'", file);
	while (r >= 0 && fgets(line, sizeof(line), f)) {
		nr++;
		r = sim_script_parse(line, strlen(line), s->begin_ms, &e, err);
		if (r > 0)
			r = sim_events_add(&s->events, &e, err);
		if (r < 0)
			mkt_err_wrap(err, "%s:%d", file, nr);
	}
	fclose(f);
	return r;
}

static int open_line(struct sim *s, const struct opts *o, struct mkt_err *err)
{
	if ((o->pty != NULL) + (o->tcp != NULL) + (o->udp != NULL) > 1)
		return mkt_err_set(err, MKT_EUSAGE, "one of --pty, --tcp and --udp only");
	if ((o->tcp && !sim_protocol.tcp) || (o->udp && !sim_protocol.udp))
		return mkt_err_set(err, MKT_EUSAGE, "%s is not spoken there", sim_protocol.name);
	if (o->tcp)
		return sim_line_open(&s->line, SIM_LINE_TCP, o->tcp, err);
	if (o->udp)
		return sim_line_open(&s->line, SIM_LINE_UDP, o->udp, err);
	return sim_line_open(&s->line, SIM_LINE_PTY, o->pty ? o->pty : "", err);
}

static int start(struct sim *s, const struct opts *o, struct mkt_err *err)
{
	int r = mkt_clock_open(o->clock, &s->clock, err);

	if (r < 0)
		return r;
	s->speed = (uint32_t)o->speed.v;
	s->faults.random = (uint64_t)o->seed.v;
	s->real_ms = sim_real_ms();
	s->begin_ms = mkt_clock_now_ms(s->clock);
	r = open_line(s, o, err);
	if (r >= 0)
		r = start_devices(s, o, err);
	if (r >= 0 && o->script)
		r = read_script(s, o->script, err);
	return r;
}

/* ---- the loop ------------------------------------------------------------------------------ */

/* Events whose time has come; physics is run up to each first. */
static void run_events(struct sim *s)
{
	struct mkt_buf say = MKT_BUF_INIT;
	struct sim_event e;
	struct mkt_err err;

	while (sim_events_take(&s->events, sim_now_ms(s), &e)) {
		for (uint32_t i = 0; i < s->n; i++)
			sim_phys_run(&s->devices[i].phys, e.at_ms);
		if (sim_do(s, &e, &say, &err) < 0)
			fprintf(stderr, "mkt-sim-%s: %s\n", sim_protocol.name, err.text);
		sim_protocol.tick(s, sim_real_ms());
	}
	sim_run_phys(s);
	mkt_buf_release(&say);
}

/* A line of standard input: now, or put in its place; answered. */
static void order(struct sim *s, const char *line, size_t n)
{
	struct mkt_buf say = MKT_BUF_INIT;
	struct sim_event e;
	struct mkt_err err;
	int r = sim_script_parse(line, n, sim_now_ms(s), &e, &err);

	if (r > 0 && e.at_ms > sim_now_ms(s)) {
		r = sim_events_add(&s->events, &e, &err);
	} else if (r > 0) {
		sim_run_phys(s);
		r = sim_do(s, &e, &say, &err);
	}
	if (r < 0)
		printf("error %s\n", err.text);
	else
		printf("%sok\n", mkt_buf_str(&say));
	fflush(stdout);
	mkt_buf_release(&say);
}

struct input {
	char line[300];
	size_t n;
	bool ended;
};

static void read_orders(struct sim *s, struct input *in)
{
	ssize_t n = read(STDIN_FILENO, in->line + in->n, sizeof(in->line) - in->n);
	char *end;

	if (n <= 0) {
		in->ended = n == 0 || (errno != EAGAIN && errno != EINTR);
		return;
	}
	in->n += (size_t)n;
	while ((end = memchr(in->line, '\n', in->n))) {
		size_t len = (size_t)(end - in->line);

		order(s, in->line, len);
		in->n -= len + 1;
		memmove(in->line, end + 1, in->n);
	}
	if (in->n == sizeof(in->line))
		in->n = 0;
}

static void read_line(struct sim *s)
{
	uint8_t bytes[4096];
	size_t n = sim_line_read(&s->line, bytes, sizeof(bytes));

	if (s->line.anew && sim_protocol.opened)
		sim_protocol.opened(s);
	s->line.anew = false;
	if (!n)
		return;
	if (sim_fault(s, NULL, "echo", NULL))
		sim_queue_add(&s->line.out, sim_real_ms(), bytes, n);
	sim_protocol.input(s, bytes, n, sim_real_ms());
}

/* Real time to wait for the next thing that happens by itself. */
static int wait_ms(const struct sim *s, uint64_t tick_ms)
{
	uint64_t real = sim_real_ms(), next = sim_line_next(&s->line), at;

	next = tick_ms < next ? tick_ms : next;
	at = sim_events_next(&s->events);
	if (mkt_clock_simulated(s->clock))
		next = real + CLOCK_LOOK_MS < next ? real + CLOCK_LOOK_MS : next;
	else if (at != UINT64_MAX) {
		uint64_t now = sim_now_ms(s), ms = at > now ? real_of(s, at - now) + 1 : 0;

		next = real + ms < next ? real + ms : next;
	}
	if (next <= real)
		return 0;
	return next - real < 60000 ? (int)(next - real) : 60000;
}

static void loop(struct sim *s, int signals)
{
	struct input in = {.n = 0};
	uint64_t tick_ms;

	while (!s->quit) {
		run_events(s);
		tick_ms = sim_protocol.tick(s, sim_real_ms());
		sim_line_run(&s->line, sim_real_ms());
		struct pollfd p[] = {
			{.fd = sim_line_fd(&s->line), .events = POLLIN},
			{.fd = in.ended ? -1 : STDIN_FILENO, .events = POLLIN},
			{.fd = signals, .events = POLLIN},
		};

		if (poll(p, 3, wait_ms(s, tick_ms)) <= 0)
			continue;
		if (p[2].revents)
			return;
		/* A shared calendar may have moved meanwhile: what is due by now comes first. */
		if (p[1].revents)
			read_orders(s, &in);
		run_events(s);
		if (p[0].revents)
			read_line(s);
	}
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int run(const struct opts *o)
{
	static struct sim s = {.line = {.fd = -1, .slave = -1, .listener = -1}};
	int signals = open_signals(), r;
	struct mkt_err err;
	char name[300];

	if (o->parent_dies)
		prctl(PR_SET_PDEATHSIG, SIGTERM);
	r = start(&s, o, &err);
	if (r < 0) {
		fprintf(stderr, "mkt-sim-%s: %s\n", sim_protocol.name, err.text);
	} else {
		sim_line_name(&s.line, name, sizeof(name));
		printf("ready %s\n", name);
		fflush(stdout);
		loop(&s, signals);
	}
	sim_line_close(&s.line);
	sim_events_release(&s.events);
	mkt_clock_close(s.clock);
	for (uint32_t i = 0; i < s.n; i++)
		free(s.devices[i].priv);
	close(signals);
	return r < 0 ? mkt_code_exit(-r) : 0;
}

int main(int argc, char **argv)
{
	struct opts o = {0};
	struct mkt_opt_parse parse = {.sets = {{rows, &o}}};
	struct mkt_err err;
	int r = mkt_opt_defaults(rows, &o, &err);

	if (r >= 0)
		r = mkt_opt_parse(&parse, argc - 1, argv + 1, &err);
	if (r > 0)
		r = mkt_err_set(&err, MKT_EUSAGE, "'%s' is too much", argv[1]);
	if (r < 0) {
		fprintf(stderr, "mkt-sim-%s: %s\n", sim_protocol.name, err.text);
		return mkt_code_exit(-r);
	}
	if (o.help) {
		usage();
		return 0;
	}
	return run(&o);
}
