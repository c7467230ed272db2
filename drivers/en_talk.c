/* Requests and answers of ECHONET Lite: drivers/en_talk.h. */
#include "core/base/compat.h"

#include "drivers/en_talk.h"

void drv_en_talk_init(struct drv_en_talk *t, struct drv_device *d, const struct drv_en_io *io,
		      uint32_t eoj)
{
	memset(t, 0, sizeof(*t));
	t->d = d;
	t->io = *io;
	t->eoj = eoj;
	t->single_ms = t->several_ms = 5000;
	t->set_ms = 20000;
	t->tries = 4;
	t->most = 16;
}

static void tally(struct drv_en_talk *t, enum drv_counter c)
{
	if (t->d)
		drv_count(t->d, c);
}

/* ---- what comes ---------------------------------------------------------------------------- */

static void keep(struct drv_en_talk *t, const struct drv_en_frame *f)
{
	uint64_t now = drv_now_ms();

	for (unsigned i = 0; i < f->n; i++) {
		struct drv_en_value *v = &t->v[f->p[i].epc - 0x80];

		if (!f->p[i].pdc || f->p[i].pdc > sizeof(v->edt))
			continue;
		v->n = f->p[i].pdc;
		memcpy(v->edt, f->p[i].edt, v->n);
		v->pass = t->pass;
		v->at_ms = now;
	}
}

static bool names_what_was_asked(const struct drv_en_talk *t, const struct drv_en_frame *f)
{
	struct drv_en_map left = t->want;

	for (unsigned i = 0; i < f->n; i++) {
		if (!drv_en_has(&left, f->p[i].epc))
			return false;
		drv_en_drop(&left, f->p[i].epc);
	}
	return drv_en_empty(&left);
}

/* TIDs of the tries so far, and 0: some devices have no other. */
static bool is_our_tid(const struct drv_en_talk *t, uint16_t tid)
{
	return !tid || (uint16_t)(t->tid - tid) < t->sent;
}

static uint8_t asked_esv(const struct drv_en_talk *t)
{
	return t->req.bytes[10];
}

static void take_answer(struct drv_en_talk *t, const struct drv_en_frame *f, const uint8_t *bytes,
			size_t n)
{
	struct drv_en_map refused = {{0}};
	bool get = asked_esv(t) == DRV_EN_GET, ok = f->esv == asked_esv(t) + 0x10;

	for (unsigned i = 0; i < f->n; i++)
		if (get ? !f->p[i].pdc : !ok && f->p[i].pdc)
			drv_en_put(&refused, f->p[i].epc);
	t->refused = refused;
	t->waiting = false;
	tally(t, ok ? DRV_ANSWERS : DRV_REFUSALS);
	if (get && f->seoj == t->eoj)
		keep(t, f);
	memcpy(t->bytes, bytes, n);
	if (drv_en_decode(t->bytes, n, &t->answer, NULL) < 0)
		t->answer.n = 0; /* cannot be: it was decoded before */
}

static void take_notice(struct drv_en_talk *t, const struct drv_en_frame *f)
{
	struct drv_en_out o;

	t->noticed = true;
	if (f->seoj == t->eoj)
		keep(t, f);
	if (f->esv != DRV_EN_INFC)
		return;
	drv_en_begin(&o, f->tid, DRV_EN_CONTROLLER, f->seoj, DRV_EN_INFC_RES);
	for (unsigned i = 0; i < f->n; i++)
		drv_en_add(&o, f->p[i].epc, NULL, 0);
	if (!o.bad && t->io.send(t->io.arg, o.bytes, o.n, NULL) < 0)
		return; /* the line: the next request meets it as well */
}

static bool is_answer(uint8_t esv)
{
	return (esv >= 0x50 && esv <= 0x5E) || esv == 0x71 || esv == 0x72 || esv == 0x7E;
}

void drv_en_take(struct drv_en_talk *t, const uint8_t *bytes, size_t n)
{
	struct drv_en_frame f;

	if (n > sizeof(t->bytes) || drv_en_decode(bytes, n, &f, NULL) != (int)n) {
		tally(t, DRV_BAD_FRAMES);
		return;
	}
	if (f.esv == DRV_EN_INF || f.esv == DRV_EN_INFC) {
		if (f.seoj == t->eoj || f.seoj == DRV_EN_NODE)
			take_notice(t, &f);
		return;
	}
	if (!is_answer(f.esv))
		return; /* a request of somebody who looks for devices */
	if (f.seoj != t->eoj && !(t->waiting && f.seoj == t->deoj)) {
		tally(t, DRV_STRANGERS);
		return;
	}
	if (!t->waiting || !is_our_tid(t, f.tid)) {
		tally(t, DRV_LATE);
		return;
	}
	if (f.seoj != t->deoj || (f.esv ^ asked_esv(t)) & 0x0F || !names_what_was_asked(t, &f)) {
		tally(t, DRV_BAD_FRAMES);
		return;
	}
	take_answer(t, &f, bytes, n);
}

/* ---- requests ------------------------------------------------------------------------------ */

static uint32_t answer_ms(const struct drv_en_talk *t)
{
	if (asked_esv(t) != DRV_EN_GET)
		return t->set_ms;
	return t->asked > 1 ? t->several_ms : t->single_ms;
}

static int send_it(struct drv_en_talk *t, struct mkt_err *err)
{
	uint16_t tid = (uint16_t)(t->tid + 1);
	int r;

	tid = tid ? tid : 1;
	t->req.bytes[2] = (uint8_t)(tid >> 8);
	t->req.bytes[3] = (uint8_t)tid;
	r = t->io.send(t->io.arg, t->req.bytes, t->req.n, err);
	if (r < 0)
		return r;
	t->tid = tid;
	t->sent++;
	t->again_ms = drv_now_ms() + answer_ms(t);
	tally(t, DRV_REQUESTS);
	return 0;
}

int drv_en_request(struct drv_en_talk *t, uint32_t deoj, uint8_t esv,
		   const struct drv_en_prop *props, size_t n, struct mkt_err *err)
{
	int r;

	drv_en_begin(&t->req, 0, DRV_EN_CONTROLLER, deoj, esv);
	memset(&t->want, 0, sizeof(t->want));
	for (size_t i = 0; i < n; i++) {
		drv_en_add(&t->req, props[i].epc, props[i].edt, props[i].pdc);
		drv_en_put(&t->want, props[i].epc);
	}
	if (t->req.bad)
		return mkt_err_set(err, MKT_EINVAL, "ECHONET request of %zu properties", n);
	t->deoj = deoj;
	t->asked = (uint8_t)n;
	t->sent = 0;
	t->passing = false;
	r = send_it(t, err);
	t->waiting = r >= 0;
	return r;
}

int drv_en_wait(struct drv_en_talk *t, uint64_t until_ms, struct mkt_err *err)
{
	int r;

	while (t->waiting) {
		uint64_t now = drv_now_ms();

		if (now >= t->again_ms) {
			if (t->sent >= t->tries) {
				t->waiting = false;
				tally(t, DRV_TIMEOUTS);
				return mkt_err_set(err, MKT_EDEVTIMEOUT,
						   "object %06X does not answer (%u requests)",
						   t->deoj, t->sent);
			}
			r = send_it(t, err);
			if (r < 0)
				return r;
			tally(t, DRV_TIMEOUTS); /* of the one before */
		}
		r = t->io.pump(t->io.arg, until_ms < t->again_ms ? until_ms : t->again_ms, err);
		if (r < 0)
			return r;
		if (t->waiting && drv_now_ms() >= until_ms)
			return mkt_err_set(err, MKT_EBUSY, "waiting for the answer of object %06X",
					   t->deoj);
	}
	return 0;
}

void drv_en_lost(struct drv_en_talk *t, uint32_t ms)
{
	uint64_t at = drv_now_ms() + ms;

	if (t->waiting && at < t->again_ms)
		t->again_ms = at;
}

/* ---- reading many -------------------------------------------------------------------------- */

void drv_en_pass_begin(struct drv_en_talk *t, const struct drv_en_map *set)
{
	t->todo = *set;
	for (unsigned i = 0; i < sizeof(t->todo.bits); i++)
		t->todo.bits[i] &= (uint8_t)~t->hopeless.bits[i];
	memset(&t->alone, 0, sizeof(t->alone));
	t->passing = false;
	t->pass++;
}

/* Move up to @most properties of @from into @props. */
static size_t pick(const struct drv_en_map *from, size_t most, struct drv_en_prop *props)
{
	size_t n = 0;

	for (unsigned epc = 0x80; epc <= 0xFF && n < most; epc++)
		if (drv_en_has(from, (uint8_t)epc))
			props[n++] = (struct drv_en_prop){(uint8_t)epc, 0, NULL};
	return n;
}

static int ask_more(struct drv_en_talk *t, struct mkt_err *err)
{
	struct drv_en_prop props[DRV_EN_PROPS_MAX];
	size_t n = pick(&t->todo, t->most, props);
	int r;

	if (!n)
		n = pick(&t->alone, 1, props);
	r = drv_en_request(t, t->eoj, DRV_EN_GET, props, n, err);
	t->passing = r >= 0;
	return r;
}

/*
 * Too many at once are answered in part, not at all, or refused altogether: what
 * was refused is asked for alone, and tells which it was.
 */
static void sort_answer(struct drv_en_talk *t)
{
	uint8_t got = 0;

	for (unsigned i = 0; i < t->answer.n; i++) {
		uint8_t epc = t->answer.p[i].epc;
		bool refused = drv_en_has(&t->refused, epc);

		got += !refused;
		if (refused && t->asked == 1)
			drv_en_put(&t->hopeless, epc);
		if (!refused && drv_en_has(&t->alone, epc) && t->got && t->got < t->most)
			t->most = t->got;
		if (t->asked == 1) {
			drv_en_drop(&t->todo, epc);
			drv_en_drop(&t->alone, epc);
		}
	}
	if (t->asked == 1)
		return;
	if (!got) {
		t->most = t->asked / 2;
		return;
	}
	for (unsigned i = 0; i < t->answer.n; i++) {
		drv_en_drop(&t->todo, t->answer.p[i].epc);
		if (drv_en_has(&t->refused, t->answer.p[i].epc))
			drv_en_put(&t->alone, t->answer.p[i].epc);
	}
	t->got = got;
	if (got == t->asked && got > t->most_ok)
		t->most_ok = got;
}

int drv_en_pass(struct drv_en_talk *t, uint64_t until_ms, struct mkt_err *err)
{
	int r;

	for (;;) {
		if (t->passing) {
			r = drv_en_wait(t, until_ms, err);
			if (r == -MKT_EDEVTIMEOUT && t->asked > 1 && t->asked > t->most_ok)
				t->most = t->asked / 2;
			else if (r < 0)
				return r;
			else
				sort_answer(t);
			t->passing = false;
		}
		if (drv_en_empty(&t->todo) && drv_en_empty(&t->alone))
			return 0;
		r = ask_more(t, err);
		if (r < 0)
			return r;
	}
}

const struct drv_en_value *drv_en_value(const struct drv_en_talk *t, uint8_t epc)
{
	const struct drv_en_value *v = &t->v[(epc - 0x80) & 127];

	return epc >= 0x80 && v->n && v->pass == t->pass ? v : NULL;
}

int drv_en_byte(const struct drv_en_talk *t, uint8_t epc)
{
	const struct drv_en_value *v = drv_en_value(t, epc);

	return v && v->n == 1 ? v->edt[0] : -1;
}
