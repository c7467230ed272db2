/* What a private mkt-driverd offers besides: drivers, ports, and who is at a port. */
#include "core/base/compat.h"

#include <string.h>

#include "drivers/server.h"

#define PROBE_SETTLE_MAX_MS 1000 /* boards that need longer are slow to be found */

/* ---- drivers ------------------------------------------------------------------------------- */

static void say_row(struct drv_server *s, struct drv_client *c, struct mkt_buf *row)
{
	mkt_buf_addch(row, '\n');
	drv_client_say(s, c, row);
	mkt_buf_clear(row);
}

static char parity_letter(const struct drv_line *l)
{
	return l->parity ? l->parity : 'N';
}

static void say_drivers(struct drv_server *s, struct drv_client *c, uint32_t id)
{
	static const char *const maturity[] = {"experimental", "beta", "stable"};
	struct mkt_buf row = MKT_BUF_INIT;

	for (const struct drv_driver *const *d = drv_drivers; *d; d++) {
		mkt_buf_addf(&row, "row %u name=%s maturity=%s kind=%s speed=%u parity=%c unit=%u",
			     id, (*d)->name, maturity[(*d)->maturity],
			     mkt_dev_kind_word((int)(*d)->kind), (*d)->line.speed,
			     parity_letter(&(*d)->line), (*d)->unit);
		mkt_line_add(&row, 0, "summary", (*d)->summary);
		say_row(s, c, &row);
	}
	mkt_buf_release(&row);
}

/* ---- ports --------------------------------------------------------------------------------- */

struct scan {
	struct drv_server *s;
	struct drv_client *c;
	uint32_t id;
};

static void say_port(void *arg, const struct drv_port *p)
{
	const struct scan *scan = arg;
	struct mkt_buf row = MKT_BUF_INIT;

	mkt_buf_addf(&row, "row %u held=%s", scan->id, p->held ? "yes" : "no");
	mkt_line_add(&row, 0, "path", p->path);
	mkt_line_add(&row, 0, "name", p->name);
	if (p->held)
		mkt_line_add(&row, 0, "holder", p->holder);
	mkt_line_add(&row, 0, "what", p->what);
	say_row(scan->s, scan->c, &row);
	mkt_buf_release(&row);
}

/* ---- probe --------------------------------------------------------------------------------- */

struct probe {
	struct drv_server *s;
	struct drv_client *c;
	uint32_t id;
	struct drv_link_conf link;
	struct drv_line fixed; /* 0: the driver's usual */
	struct mkt_device_conf conf;
	char port[DRV_PORT_MAX + 1];
	char driver[MKT_DEV_NAME_MAX + 1]; /* "": all */
	uint16_t unit;			   /* 0: each driver's usual one */
	bool all_speeds;
	int last; /* why nothing was found, if it was not silence */
	struct mkt_err why;
};

static int read_probe(struct probe *p, const struct mkt_line *l, struct mkt_err *err)
{
	const char *parity = mkt_line_get(l, "parity"), *speeds = mkt_line_get(l, "speeds");
	uint64_t unit = 0, speed = 0;

	if (mkt_line_text(l, "port", p->port, sizeof(p->port)) < 0)
		return mkt_err_set(err, MKT_EINVAL, "'port' is missing or wrong");
	if (mkt_line_text(l, "driver", p->driver, sizeof(p->driver)) == -MKT_EINVAL ||
	    (p->driver[0] && !drv_find(p->driver)))
		return mkt_err_set(err, MKT_ENOTFOUND, "there is no driver '%s'", p->driver);
	if (mkt_line_u64(l, "unit", UINT16_MAX, &unit) == -MKT_EINVAL)
		return mkt_err_set(err, MKT_EINVAL, "'unit' is wrong");
	if (mkt_line_u64(l, "speed", 4000000, &speed) == -MKT_EINVAL)
		return mkt_err_set(err, MKT_EINVAL, "'speed' is wrong");
	if (parity && (strlen(parity) != 1 || !strchr("NEO", *parity)))
		return mkt_err_set(err, MKT_EINVAL, "'parity' is not N, E or O");
	if (speeds && strcmp(speeds, "all") != 0)
		return mkt_err_set(err, MKT_EINVAL, "'speeds' is not all");
	p->unit = (uint16_t)unit;
	p->fixed.speed = (uint32_t)speed;
	p->fixed.parity = parity ? *parity : 0;
	p->all_speeds = speeds != NULL;
	return 0;
}

static void say_try(struct probe *p, const struct drv_driver *d, const char *word,
		    const struct mkt_identity *id)
{
	struct mkt_buf row = MKT_BUF_INIT;

	mkt_buf_addf(&row, "row %u %s=%s speed=%u parity=%c unit=%u", p->id, word, d->name,
		     p->link.line.speed, parity_letter(&p->link.line), p->conf.unit);
	if (id) {
		mkt_line_add(&row, 0, "maker", id->maker);
		mkt_line_add(&row, 0, "model", id->model);
		mkt_line_add(&row, 0, "version", id->version);
		mkt_line_add(&row, 0, "serial", id->serial);
	}
	say_row(p->s, p->c, &row);
	mkt_buf_release(&row);
}

/* 1 it is there; 0 it is not; negative: the port. */
static int try_once(struct probe *p, const struct drv_driver *d, struct mkt_err *err)
{
	struct mkt_identity id = {0};
	struct drv_link *link;
	int rc;

	say_try(p, d, "try", NULL);
	rc = drv_link_open(&p->link, &link, err);
	if (rc < 0)
		return rc;
	rc = d->probe(link, &p->conf, &id, err);
	drv_link_close(link);
	if (rc > 0)
		say_try(p, d, "found", &id);
	return rc;
}

/* With the line settings of one try; the port's own errors end everything. */
static int try_line(struct probe *p, const struct drv_driver *d, uint32_t speed, char parity,
		    struct mkt_err *err)
{
	struct mkt_err why = {0};
	int rc;

	p->link.line = d->line;
	p->link.line.speed = p->fixed.speed ? p->fixed.speed : speed;
	p->link.line.parity = p->fixed.parity ? p->fixed.parity : parity;
	rc = try_once(p, d, &why);
	if (rc == -MKT_EDEVABSENT || rc == -MKT_ELINELOCKED || rc == -MKT_EINVAL ||
	    rc == -MKT_EDEVLOST) {
		if (err)
			*err = why;
		return rc;
	}
	if (rc < 0 && rc != -MKT_EDEVTIMEOUT) {
		p->last = rc;
		p->why = why;
	}
	return rc > 0;
}

static int try_driver(struct probe *p, const struct drv_driver *d, struct mkt_err *err)
{
	static const uint32_t speeds[] = {9600, 19200, 38400, 57600, 115200, 4800, 2400};
	static const char parities[] = "NE";
	int rc;

	if (!d->probe || (p->driver[0] && strcmp(p->driver, d->name) != 0))
		return 0;
	p->conf.unit = p->unit ? p->unit : d->unit;
	snprintf(p->conf.driver, sizeof(p->conf.driver), "%s", d->name);
	p->link.pause_ms = d->pause_ms;
	p->link.settle_ms = d->settle_ms < PROBE_SETTLE_MAX_MS ? d->settle_ms :
			    PROBE_SETTLE_MAX_MS;
	rc = try_line(p, d, d->line.speed, d->line.parity, err);
	if (rc || !p->all_speeds || !d->line.speed)
		return rc;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(speeds) && !p->fixed.speed; i++)
		for (const char *parity = parities; *parity && !rc && !p->c->gone; parity++)
			if (speeds[i] != d->line.speed || *parity != parity_letter(&d->line))
				rc = try_line(p, d, speeds[i], *parity, err);
	return rc;
}

static int probe(struct drv_server *s, struct drv_client *c, const struct drv_request *r,
		 struct mkt_err *err)
{
	struct probe p = {.s = s, .c = c, .id = r->id};
	struct mkt_buf text = MKT_BUF_INIT;
	int rc = read_probe(&p, &r->line, err);

	mkt_device_defaults(&p.conf);
	snprintf(p.conf.name, sizeof(p.conf.name), "probe");
	p.link.port = p.port;
	for (const struct drv_driver *const *d = drv_drivers; *d && !rc && !c->gone; d++)
		rc = try_driver(&p, *d, err);
	if (!rc && p.last < 0) {
		if (err)
			*err = p.why;
		return p.last;
	}
	if (rc < 0)
		return rc;
	mkt_buf_addf(&text, "ok %u found=%d\n", r->id, rc);
	drv_client_say(s, c, &text);
	mkt_buf_release(&text);
	return 1; /* answered */
}

int drv_private(struct drv_server *s, struct drv_client *c, const struct drv_request *r,
		struct mkt_err *err)
{
	struct scan scan = {s, c, r->id};
	int rc;

	switch (r->verb) {
	case DRV_V_DRIVERS:
		say_drivers(s, c, r->id);
		return 0;
	case DRV_V_SCAN:
		rc = drv_ports(say_port, &scan, err);
		return rc < 0 ? rc : 0;
	default:
		return probe(s, c, r, err);
	}
}
