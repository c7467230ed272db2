/* Faults of the line: noise, wrong checksums, silence, halves, delays, single bytes. */
#include "core/base/compat.h"

#include "drivers/sim/faults.h"
#include "drivers/sim/script.h"
#include "drivers/sim/sim.h"

#define SPLIT_GAP_MS 3
#define SPLIT_PIECES 64

uint32_t sim_faults_random(struct sim_faults *f, uint32_t n)
{
	uint64_t z = (f->random += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ (z >> 31)) % n);
}

static int limits(struct sim_fault *f, const char *rest, uint64_t real_ms, struct mkt_err *err)
{
	static const char *const names[] = {"every", "for", "count", NULL};
	uint64_t v;
	int r = sim_args_check(rest, names, err);

	if (r < 0)
		return r;
	f->every = 1;
	f->left = UINT32_MAX;
	f->until_ms = UINT64_MAX;
	if (sim_arg(rest, "every", &v))
		f->every = v > 0 && v < UINT32_MAX ? (uint32_t)v : 1;
	if (sim_arg(rest, "count", &v))
		f->left = v < UINT32_MAX ? (uint32_t)v : UINT32_MAX;
	if (sim_arg(rest, "for", &v))
		f->until_ms = real_ms + v * 1000;
	return 0;
}

int sim_faults_add(struct sim_faults *f, uint16_t unit, const char *text, uint64_t real_ms,
		   struct mkt_err *err)
{
	size_t n = strcspn(text, " "), name = strcspn(text, " =");
	struct sim_fault fault = {.unit = unit};
	uint64_t arg = 0;
	int r;

	if (!name || name >= sizeof(fault.kind))
		return mkt_err_set(err, MKT_EUSAGE, "'%.40s' is no fault", text);
	if (name < n && (!sim_number(text + name + 1, n - name - 1, &arg) || arg > 3600000))
		return mkt_err_set(err, MKT_EUSAGE, "'%.40s': what stands behind = is no number",
				   text);
	if (f->n == SIM_FAULTS_MAX)
		return mkt_err_set(err, MKT_ELIMIT, "more than %d faults", SIM_FAULTS_MAX);
	memcpy(fault.kind, text, name);
	fault.arg = (uint32_t)arg;
	r = limits(&fault, text + n, real_ms, err);
	if (r < 0)
		return r;
	f->v[f->n++] = fault;
	return 0;
}

void sim_faults_clear(struct sim_faults *f, uint16_t unit)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < f->n; i++)
		if (unit && f->v[i].unit != unit)
			f->v[kept++] = f->v[i];
	f->n = kept;
}

static void forget_ended(struct sim_faults *f, uint64_t real_ms)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < f->n; i++)
		if (f->v[i].left && real_ms < f->v[i].until_ms)
			f->v[kept++] = f->v[i];
	f->n = kept;
}

bool sim_faults_strike(struct sim_faults *f, uint16_t unit, const char *kind, uint64_t real_ms,
		       uint32_t *arg)
{
	bool strikes = false;

	forget_ended(f, real_ms);
	for (uint32_t i = 0; i < f->n; i++) {
		struct sim_fault *v = &f->v[i];

		if ((v->unit && unit && v->unit != unit) || strcmp(v->kind, kind) != 0)
			continue;
		if (++v->seen % v->every)
			continue;
		if (v->left != UINT32_MAX)
			v->left--;
		if (arg)
			*arg = v->arg;
		strikes = true;
	}
	return strikes;
}

/* ---- the queue ----------------------------------------------------------------------------- */

uint64_t sim_queue_next(const struct sim_queue *q)
{
	return q->n ? q->v[0].due_ms : UINT64_MAX;
}

void sim_queue_add(struct sim_queue *q, uint64_t due_ms, const void *bytes, size_t n)
{
	if (!n || n > SIM_PIECE_MAX || q->n == SIM_PIECES_MAX)
		return;
	if (q->n && q->v[q->n - 1].due_ms > due_ms)
		due_ms = q->v[q->n - 1].due_ms;
	mkt_buf_add(&q->bytes, bytes, n);
	if (q->bytes.bad)
		sim_queue_clear(q);
	else
		q->v[q->n++] = (struct sim_piece){due_ms, (uint32_t)n};
}

const uint8_t *sim_queue_first(const struct sim_queue *q, uint64_t real_ms, size_t *n)
{
	if (sim_queue_next(q) > real_ms)
		return NULL;
	*n = q->v[0].n;
	return q->bytes.data;
}

void sim_queue_drop(struct sim_queue *q)
{
	uint32_t n = q->v[0].n;

	q->n--;
	memmove(q->v, q->v + 1, q->n * sizeof(*q->v));
	memmove(q->bytes.data, q->bytes.data + n, q->bytes.len - n);
	q->bytes.len -= n;
}

void sim_queue_clear(struct sim_queue *q)
{
	q->n = 0;
	mkt_buf_clear(&q->bytes);
}

/* ---- frames -------------------------------------------------------------------------------- */

static void add_noise(struct sim_faults *f, uint64_t due_ms, struct sim_queue *q)
{
	uint8_t noise[12];
	size_t n = 1 + sim_faults_random(f, sizeof(noise));

	for (size_t i = 0; i < n; i++)
		noise[i] = (uint8_t)sim_faults_random(f, 256);
	sim_queue_add(q, due_ms, noise, n);
}

static void add_split(const uint8_t *frame, size_t n, uint64_t due_ms, struct sim_queue *q)
{
	size_t piece = (n + SPLIT_PIECES - 1) / SPLIT_PIECES;

	for (size_t at = 0; at < n; at += piece, due_ms += SPLIT_GAP_MS)
		sim_queue_add(q, due_ms, frame + at, n - at < piece ? n - at : piece);
}

void sim_faults_frame(struct sim_faults *f, uint16_t unit, bool serial, const void *frame,
		      size_t n, uint64_t real_ms, struct sim_queue *q)
{
	uint8_t copy[SIM_PIECE_MAX];
	uint32_t late;

	if (!n || n > sizeof(copy) || sim_faults_strike(f, unit, "silence", real_ms, NULL))
		return;
	memcpy(copy, frame, n);
	if (sim_faults_strike(f, unit, "late", real_ms, &late))
		real_ms += late;
	if (sim_faults_strike(f, unit, "checksum", real_ms, NULL)) {
		if (!serial)
			return;
		/* Not its first byte nor its last two: where frames begin and end stays known. */
		copy[n > 3 ? 1 + sim_faults_random(f, (uint32_t)n - 3) : 0] ^= 1;
	}
	if (sim_faults_strike(f, unit, "half", real_ms, NULL))
		n = (n + 1) / 2;
	if (sim_faults_strike(f, unit, "noise", real_ms, NULL))
		add_noise(f, real_ms, q);
	if (serial && sim_faults_strike(f, unit, "split", real_ms, NULL))
		add_split(copy, n, real_ms, q);
	else
		sim_queue_add(q, real_ms, copy, n);
}
