#include "core/base/compat.h"

#include <stdarg.h>

#include "core/quorum/quorum_impl.h"

/* ---- actions ------------------------------------------------------------------------------ */

struct mkt_q_action *mkt_q_act(struct mkt_quorum *q, uint8_t kind)
{
	struct mkt_q_out *out = q->out;
	struct mkt_q_action *a = &out->v[out->n < MKT_Q_ACTIONS_MAX ? out->n++ : out->n - 1];

	memset(a, 0, sizeof(*a));
	a->kind = kind;
	return a;
}

void mkt_q_alarm(struct mkt_quorum *q, const char *fmt, ...)
{
	struct mkt_q_action *a;
	va_list ap;

	if (q->alarms++ >= ALARMS_MAX)
		return;
	a = mkt_q_act(q, MKT_QA_ALARM);
	va_start(ap, fmt);
	vsnprintf(a->text, sizeof(a->text), fmt, ap);
	va_end(ap);
}

void mkt_q_halt(struct mkt_quorum *q, const char *fmt, ...)
{
	va_list ap;

	if (q->halted)
		return;
	q->halted = true;
	q->leading = q->building = false;
	va_start(ap, fmt);
	vsnprintf(q->why, sizeof(q->why), fmt, ap);
	va_end(ap);
	memcpy(mkt_q_act(q, MKT_QA_HALT)->text, q->why, sizeof(q->why));
}

void mkt_q_lead_no_more(struct mkt_quorum *q)
{
	if (q->lead_told)
		mkt_q_act(q, MKT_QA_FOLLOW);
	q->leading = q->lead_told = q->building = q->built = false;
}

static void add_url(struct mkt_quorum *q, struct mkt_q_action *a, unsigned who, uint32_t *seen)
{
	char *to = q->urls[a->nurls];

	if (who >= q->set.n || *seen >> who & 1 || (int)who == q->me || !q->live[who].url[0])
		return;
	*seen |= 1u << who;
	memcpy(to, q->live[who].url, sizeof(q->live[who].url));
	a->urls[a->nurls++] = to;
}

void mkt_q_urls(struct mkt_quorum *q, struct mkt_q_action *a, const struct mkt_vote *votes,
		unsigned nvotes, unsigned leader)
{
	uint32_t seen = 0;

	add_url(q, a, leader, &seen);
	for (unsigned i = 0; i < nvotes; i++)
		add_url(q, a, votes[i].authority, &seen);
	for (unsigned i = 0; i < q->set.n; i++)
		add_url(q, a, i, &seen);
}

/* ---- new, free ---------------------------------------------------------------------------- */

static void set_is(struct mkt_quorum *q, const struct mkt_authorities *set)
{
	struct mkt_pubkey pub;

	q->set = *set;
	mkt_authorities_set_hash(set, &q->set_hash);
	mkt_seckey_public(&q->conf.key, &pub);
	q->me = mkt_authorities_find(set, &pub);
	snprintf(q->name, sizeof(q->name), "%s", q->me >= 0 ? set->v[q->me].name : q->conf.name);
	memset(q->live, 0, sizeof(q->live));
	q->live_known = q->live_me = false;
}

static int conf_check(const struct mkt_quorum *q, struct mkt_err *err)
{
	const struct mkt_authorities *set = &q->set;

	if (!set->n || set->n > MKT_AUTHORITIES_MAX)
		return mkt_err_set(err, MKT_EINVAL, "a set of %u authorities", set->n);
	for (unsigned i = 0; i < set->n; i++)
		if (!mkt_q_name_ok(set->v[i].name))
			return mkt_err_set(err, MKT_EINVAL, "authority name '%s' is not valid",
					   set->v[i].name);
	if (!mkt_q_name_ok(q->name))
		return mkt_err_set(err, MKT_EINVAL, "authority name '%s' is not valid", q->name);
	if (q->me < 0 && mkt_authorities_named(set, q->name) >= 0)
		return mkt_err_set(err, MKT_EINVAL, "authority '%s' has another key", q->name);
	return 0;
}

int mkt_quorum_new(const struct mkt_quorum_conf *conf, const struct mkt_quorum_vote *votes,
		   unsigned nvotes, struct mkt_quorum **out, struct mkt_err *err)
{
	struct mkt_quorum *q = calloc(1, sizeof(*q));
	int r;

	if (!q)
		return mkt_err_code(err, MKT_ENOMEM);
	q->conf = *conf;
	set_is(q, &conf->set);
	r = conf_check(q, err);
	if (r < 0) {
		mkt_quorum_free(q);
		return r;
	}
	q->applied = conf->height;
	q->applied_hash = conf->hash;
	q->applied_ms = conf->time_ms;
	q->generation = conf->generation;
	q->cluster = conf->cluster;
	for (unsigned i = 0; i < nvotes; i++)
		mkt_q_own_add(q, votes[i].height, votes[i].epoch, &votes[i].hash);
	*out = q;
	return 0;
}

void mkt_quorum_free(struct mkt_quorum *q)
{
	if (!q)
		return;
	mkt_wipe(&q->conf.key, sizeof(q->conf.key));
	free(q);
}

/* ---- events ------------------------------------------------------------------------------- */

static void applied(struct mkt_quorum *q, const struct mkt_q_event *ev)
{
	struct mkt_hash before = q->set_hash;
	const struct mkt_authorities *set = ev->set;

	if (ev->header->height != q->applied + 1) {
		mkt_q_alarm(q, "block %llu was appended after block %llu",
			    (unsigned long long)ev->header->height, (unsigned long long)q->applied);
		return;
	}
	q->applied = ev->header->height;
	q->applied_hash = ev->hash;
	q->applied_ms = ev->header->time_ms;
	mkt_q_rounds_clear(q);
	mkt_q_act(q, MKT_QA_FORGET)->height = q->applied;
	if (set && (set->generation != q->set.generation || set->n != q->set.n)) {
		set_is(q, set);
		if (!mkt_hash_eq(&before, &q->set_hash) && !q->ep_good) {
			q->ep_seen = 0; /* who signed it may be known now */
			q->ep_known = false;
		}
		q->want_read = true;
	}
	if (q->me < 0)
		mkt_q_lead_no_more(q);
	mkt_q_catch_up(q);
}

static void work(struct mkt_quorum *q, bool yes)
{
	if (yes && !q->work)
		q->work_ms = q->now_ms;
	q->work = yes;
}

static void lost(struct mkt_quorum *q, bool yes)
{
	if (!yes && q->lost) { /* nobody could do anything: waiting begins anew */
		q->want_read = true;
		q->live_known = false;
		q->ep_ms = q->now_ms;
	}
	q->lost = yes;
}

static void take_in(struct mkt_quorum *q, const struct mkt_q_event *ev)
{
	switch (ev->kind) {
	case MKT_QE_SEEN:
		mkt_q_learn(q, ev->pair);
		break;
	case MKT_QE_ANSWER:
		mkt_q_answer(q, ev->txn_id, ev->answer);
		break;
	case MKT_QE_WORK:
		work(q, ev->yes);
		break;
	case MKT_QE_BUILT:
		mkt_q_built(q, ev->header, ev->body_len);
		break;
	case MKT_QE_CHECKED:
		mkt_q_checked(q, ev);
		break;
	case MKT_QE_APPLIED:
		applied(q, ev);
		break;
	case MKT_QE_HEARD:
		mkt_q_heard(q, ev->header, &ev->sig);
		break;
	case MKT_QE_LOST:
		lost(q, ev->yes);
		break;
	case MKT_QE_STOP:
		q->stopping = true;
		break;
	default:
		break;
	}
}

static void sooner(uint64_t *at, uint64_t ms)
{
	if (ms < *at)
		*at = ms;
}

static uint64_t timer(const struct mkt_quorum *q)
{
	uint64_t at = q->now_ms + POLL_MS;

	sooner(&at, mkt_q_takeover_ms(q));
	if (q->side.purpose == FOR_NOTHING)
		sooner(&at, q->want_read || q->missed ? q->read_ms + READ_MIN_MS : q->poll_ms);
	if (q->main.purpose != FOR_NOTHING && !q->main.flying)
		sooner(&at, q->main.again_ms);
	if (q->checking && q->check_ms)
		sooner(&at, q->check_ms);
	if (q->rounds[0].used) /* a block's time may have come */
		sooner(&at, q->now_ms + RECHECK_MS);
	return at > q->now_ms ? at : q->now_ms + 1;
}

void mkt_quorum_step(struct mkt_quorum *q, const struct mkt_q_event *ev, struct mkt_q_out *out)
{
	out->n = 0;
	out->timer_ms = ev->mono_ms + POLL_MS;
	if (q->halted || q->stopped)
		return;
	q->out = out;
	q->alarms = 0;
	q->accused = false;
	q->now_ms = ev->mono_ms > q->now_ms ? ev->mono_ms : q->now_ms;
	q->utc_ms = ev->utc_ms;
	take_in(q, ev);
	if (!q->halted && !q->stopped && q->stopping)
		mkt_q_leave(q);
	if (!q->halted && !q->stopped) {
		mkt_q_lead(q);
		mkt_q_attest(q);
		mkt_q_poll(q);
		mkt_q_prune(q);
		out->timer_ms = timer(q);
	}
	q->out = NULL;
}

/* ---- looking ------------------------------------------------------------------------------ */

void mkt_quorum_look(const struct mkt_quorum *q, struct mkt_quorum_view *out)
{
	*out = (struct mkt_quorum_view){
		.leading = q->leading,
		.halted = q->halted,
		.stopped = q->stopped,
		.reachable = q->joined && !q->lost,
		.member = q->me >= 0,
		.epoch = q->epoch,
		.head = q->head_known ? q->head : q->applied,
		.applied = q->applied,
		.needed = mkt_authorities_quorum(&q->set),
		.members = q->set.n,
		.progress_ms = q->progress_ms,
	};
	snprintf(out->leader, sizeof(out->leader), "%s", q->ep_good ? q->holder : "");
	memcpy(out->halt, q->why, sizeof(out->halt));
	for (unsigned i = 0; i < ROUNDS_MAX; i++) {
		const struct round *r = &q->rounds[i];

		if (!r->used || r->epoch != q->epoch)
			continue;
		out->proposal = r->p.header.height;
		out->votes = mkt_q_round_votes(q, r);
	}
}

unsigned mkt_quorum_members(const struct mkt_quorum *q, struct mkt_quorum_member *out, unsigned max)
{
	unsigned n = q->set.n < max ? q->set.n : max;

	for (unsigned i = 0; i < n; i++) {
		const struct live *l = &q->live[i];

		out[i] = (struct mkt_quorum_member){.alive = l->alive, .durable = l->durable};
		snprintf(out[i].name, sizeof(out[i].name), "%s", q->set.v[i].name);
		snprintf(out[i].url, sizeof(out[i].url), "%s", l->url);
	}
	return n;
}
