/* GET /v1/health, GET /metrics. */
#include "core/base/compat.h"

#include <unistd.h>

#include "ledgerd/alarm.h"
#include "ledgerd/api.h"
#include "ledgerd/engine.h"
#include "ledgerd/health.h"
#include "ledgerd/ingest.h"
#include "ledgerd/telemetry.h"

const char *ld_role_name(const struct ld_node *n)
{
	static const char *const names[] = {
		[LD_SOLO] = "solo", [LD_FULLNODE] = "fullnode", [LD_AUTHORITY] = "authority"};

	return names[n->conf->role];
}

/* 0: not told. */
static uint64_t resident_bytes(void)
{
	uint64_t pages = 0;
	char line[128], *end;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f && fgets(line, sizeof(line), f)) {
		(void)strtoull(line, &end, 10); /* all of the address space */
		pages = strtoull(end, NULL, 10);
	}
	if (f)
		fclose(f);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Nothing was heard of any upstream for so long that more is likely to have happened there. */
static bool is_stale(struct ld_node *n)
{
	struct ld_ingest_numbers in;

	if (!n->ingest)
		return false;
	ld_ingest_look(n->ingest, &in);
	return ld_mono_ms() - in.heard_ms > LD_STALE_MS;
}

void ld_json_upstream(struct mkt_jw *w, struct ld_node *n)
{
	struct ld_ingest_numbers in;
	uint64_t now = ld_mono_ms();

	if (!n->ingest)
		return;
	ld_ingest_look(n->ingest, &in);
	mkt_jw_key(w, "upstream");
	mkt_jw_obj(w);
	mkt_jw_kstr(w, "url", in.url);
	mkt_jw_ku64(w, "height", in.upstream);
	mkt_jw_ku64(w, "lag_blocks", in.upstream > in.height ? in.upstream - in.height : 0);
	mkt_jw_ku64(w, "heard_ms", now > in.heard_ms ? now - in.heard_ms : 0);
	mkt_jw_kbool(w, "stale", now > in.heard_ms + LD_STALE_MS);
	mkt_jw_kbool(w, "halted", in.halted);
	if (in.halted)
		mkt_jw_kstr(w, "halt", in.halt);
	mkt_jw_obj_end(w);
}

/* What keeps transactions out; the others are alarms that let service go on. */
static const char *status_of(struct ld_node *n, const struct ld_pipe_numbers *p)
{
	if (p->disk_full)
		return "disk-full";
	if (atomic_load(&n->guard.refuse))
		return "disk-refusing";
	if (ld_alarm_look(n->alarms, LD_ALARM_INGEST, NULL, NULL))
		return "ingest";
	if (ld_alarm_look(n->alarms, LD_ALARM_ENGINE, NULL, NULL))
		return "engine";
	if (ld_alarm_look(n->alarms, LD_ALARM_PROGRESS, NULL, NULL))
		return "progress";
	if (is_stale(n))
		return "stale";
	return ld_hub_stopped(&n->hub) ? "stopping" : "ok";
}

void ld_health_take(struct ld_node *n, struct ld_health *h)
{
	uint64_t now;

	ld_pipe_numbers(n, &h->pipe);
	h->status = status_of(n, &h->pipe);
	ld_node_head(n, &h->height, &h->time_ms);
	h->indexed = mkt_chain_indexed(n->chain);
	now = ld_node_now_ms(n);
	h->age_ms = now > h->time_ms ? now - h->time_ms : 0;
	mkt_chain_bytes(n->chain, &h->blocks_bytes, &h->store_bytes);
	h->resident_bytes = resident_bytes();
	h->kept = (struct ld_keeper_numbers){.pruned_blocks = 0};
	if (n->keeper)
		ld_keeper_look(n->keeper, &h->kept);
}

/* ---- /v1/health ------------------------------------------------------------------------------ */

static void put_disk(struct mkt_jw *w, struct ld_node *n, const struct ld_health *h)
{
	uint64_t days = atomic_load(&n->guard.days_left);

	mkt_jw_key(w, "disk");
	mkt_jw_obj(w);
	mkt_jw_ku64(w, "free_bytes", atomic_load(&n->guard.free_bytes));
	mkt_jw_ku64(w, "alarm_free_bytes", n->conf->alarm_free_bytes);
	mkt_jw_ku64(w, "refuse_free_bytes", n->conf->refuse_free_bytes);
	mkt_jw_ku64(w, "blocks_bytes", h->blocks_bytes);
	mkt_jw_ku64(w, "store_bytes", h->store_bytes);
	mkt_jw_key(w, "days_left");
	if (days == UINT64_MAX)
		mkt_jw_null(w);
	else
		mkt_jw_u64(w, days);
	mkt_jw_ku64(w, "keep_days", n->conf->keep_days);
	mkt_jw_ku64(w, "pruned_blocks", h->kept.pruned_blocks);
	mkt_jw_obj_end(w);
}

void ld_json_alarms(struct mkt_jw *w, struct ld_node *n)
{
	char text[LD_ALARM_TEXT];
	uint64_t since_ms;

	mkt_jw_key(w, "alarms");
	mkt_jw_arr(w);
	for (enum ld_alarm i = 0; i < LD_ALARM_COUNT; i++) {
		if (!ld_alarm_look(n->alarms, i, text, &since_ms))
			continue;
		mkt_jw_obj(w);
		mkt_jw_kstr(w, "alarm", ld_alarm_word(i));
		mkt_jw_kstr(w, "text", text);
		ld_json_time_ms(w, "since", since_ms);
		mkt_jw_obj_end(w);
	}
	mkt_jw_arr_end(w);
}

static void put_facts(struct mkt_jw *w, struct ld_node *n, const struct ld_health *h)
{
	mkt_jw_kstr(w, "version", MKT_VERSION);
	mkt_jw_kstr(w, "role", ld_role_name(n));
	mkt_jw_khex(w, "chain", n->chain_id.b, sizeof(n->chain_id.b));
	mkt_jw_kstr(w, "name", n->g->name);
	mkt_jw_ku64(w, "height", h->height);
	ld_json_time_ms(w, "time", h->time_ms);
	mkt_jw_ku64(w, "age_ms", h->age_ms);
	mkt_jw_ku64(w, "indexed", h->indexed);
	mkt_jw_ku64(w, "queue", h->pipe.queued_txs);
	put_disk(w, n, h);
	ld_json_engine(w, n);
	ld_json_upstream(w, n);
	ld_json_alarms(w, n);
	mkt_jw_ku64(w, "connections", atomic_load(&n->guard.connections));
	mkt_jw_ku64(w, "streams", atomic_load(&n->guard.streams));
	mkt_jw_ku64(w, "resident_bytes", h->resident_bytes);
	mkt_jw_ku64(w, "uptime_s", (ld_mono_ms() - n->started_ms) / 1000);
}

/* Probes want a word and a status; who looks closer asks for facts, and gets them in any case. */
int ld_get_health(struct ld_req *r, struct mkt_err *err)
{
	struct ld_node *n = r->node;
	struct ld_health h;
	struct mkt_jw w;
	bool facts;

	if (ld_param_flag(r, "facts", &facts, err) < 0 || ld_params_done(r, err) < 0)
		return -MKT_EUSAGE;
	if (facts) {
		ld_health_take(n, &h);
	} else {
		ld_pipe_numbers(n, &h.pipe);
		h.status = status_of(n, &h.pipe);
	}
	mkt_jw_init(&w, &r->reply.body);
	mkt_jw_obj(&w);
	mkt_jw_kstr(&w, "status", h.status);
	if (facts)
		put_facts(&w, n, &h);
	mkt_jw_obj_end(&w);
	mkt_buf_addch(&r->reply.body, '\n');
	r->reply.status = facts || !strcmp(h.status, "ok") ? 200 : 503;
	return r->reply.body.bad ? mkt_err_code(err, MKT_ENOMEM) : 0;
}

/* ---- /metrics -------------------------------------------------------------------------------- */

static void head(struct mkt_buf *b, const char *name, const char *type, const char *help)
{
	mkt_buf_addf(b, "# HELP mkt_%s %s\n# TYPE mkt_%s %s\n", name, help, name, type);
}

static void gauge(struct mkt_buf *b, const char *name, uint64_t v, const char *help)
{
	head(b, name, "gauge", help);
	mkt_buf_addf(b, "mkt_%s %llu\n", name, (unsigned long long)v);
}

/* In seconds with thousandths. */
static void gauge_ms(struct mkt_buf *b, const char *name, uint64_t ms, const char *help)
{
	head(b, name, "gauge", help);
	mkt_buf_addf(b, "mkt_%s %llu.%03llu\n", name, (unsigned long long)ms / 1000,
		     (unsigned long long)ms % 1000);
}

static void counter(struct mkt_buf *b, const char *name, uint64_t v, const char *help)
{
	head(b, name, "counter", help);
	mkt_buf_addf(b, "mkt_%s %llu\n", name, (unsigned long long)v);
}

static void chain_metrics(struct mkt_buf *b, struct ld_node *n, const struct ld_health *h)
{
	struct mkt_totals t;
	uint32_t accounts, open_bids;

	ld_node_read(n);
	mkt_state_totals(n->state, &t);
	accounts = mkt_state_accounts(n->state);
	open_bids = mkt_books_count(mkt_state_books(n->state));
	ld_node_unread(n);
	gauge(b, "height", h->height, "Last block on the disk.");
	gauge(b, "indexed_height", h->indexed, "Last block in the indexes.");
	gauge_ms(b, "block_time_seconds", h->time_ms, "Time of the last block, UTC.");
	gauge_ms(b, "block_age_seconds", h->age_ms, "Since the time of the last block.");
	gauge(b, "accounts", accounts, "Accounts enrolled.");
	gauge(b, "open_bids", open_bids, "Bids that rest in the books.");
	counter(b, "transactions_total", t.txs, "Transactions on the chain.");
	counter(b, "operations_total", t.ops, "Operations on the chain.");
	counter(b, "operations_refused_total", t.refused,
		"Operations on the chain with a refusal.");
	counter(b, "bids_total", t.bids, "Bids placed.");
	counter(b, "contracts_total", t.contracts, "Contracts made.");
	counter(b, "contracts_settled_total", t.settled, "Contracts settled.");
	counter(b, "reports_total", t.reports, "Execution reports.");
	counter(b, "contracted_wh_total", t.contracted_wh, "Energy contracted, in watt-hours.");
	counter(b, "delivered_wh_total", t.delivered_wh, "Energy delivered, in watt-hours.");
}

/* The chain's name may hold what a label may not. */
static void add_label(struct mkt_buf *b, const char *s)
{
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			mkt_buf_addch(b, '\\');
		mkt_buf_addch(b, (uint8_t)(*s == '\n' ? ' ' : *s));
	}
}

static void node_metrics(struct mkt_buf *b, struct ld_node *n, const struct ld_health *h)
{
	head(b, "info", "gauge", "What runs; always 1.");
	mkt_buf_addf(b, "mkt_info{version=\"%s\",role=\"%s\",chain=\"", MKT_VERSION,
		     ld_role_name(n));
	add_label(b, n->g->name);
	mkt_buf_addstr(b, "\"} 1\n");
	gauge(b, "up", !strcmp(h->status, "ok"), "1 if /v1/health says ok.");
	gauge_ms(b, "uptime_seconds", ld_mono_ms() - n->started_ms, "Since the start.");
	gauge(b, "resident_memory_bytes", h->resident_bytes, "Memory of the process.");
	gauge(b, "queue_transactions", h->pipe.queued_txs, "Transactions under way.");
	gauge(b, "pipeline_blocks", h->pipe.blocks, "Blocks ended and not yet indexed.");
	counter(b, "submitted_total", h->pipe.submitted, "Transactions taken from clients.");
	counter(b, "executed_total", h->pipe.executed, "Of these, put into a block.");
	counter(b, "refused_total", h->pipe.refused, "Of these, refused before a block.");
	counter(b, "http_requests_total", atomic_load(&n->guard.requests), "HTTP requests.");
	counter(b, "http_errors_total", atomic_load(&n->guard.errors), "Answers with an error.");
	counter(b, "http_limited_total", atomic_load(&n->guard.limited),
		"Requests refused by a rate limit.");
	gauge(b, "http_connections", atomic_load(&n->guard.connections), "Connections open.");
	gauge(b, "http_streams", atomic_load(&n->guard.streams), "Streams being read.");
	gauge(b, "telemetry_states", ld_telemetry_count(n->telemetry), "Charger states held.");
}

static void disk_metrics(struct mkt_buf *b, struct ld_node *n, const struct ld_health *h)
{
	uint64_t days = atomic_load(&n->guard.days_left);

	gauge(b, "blocks_bytes", h->blocks_bytes, "Segment files and their index.");
	gauge(b, "store_bytes", h->store_bytes, "State and indexes.");
	gauge(b, "disk_free_bytes", atomic_load(&n->guard.free_bytes), "Free for this process.");
	gauge(b, "disk_alarm_free_bytes", n->conf->alarm_free_bytes, "The alarm's watermark.");
	gauge(b, "disk_refuse_free_bytes", n->conf->refuse_free_bytes,
	      "The watermark below which new bids are refused.");
	head(b, "disk_days_left", "gauge", "At the growth of the last days; +Inf: no growth.");
	if (days == UINT64_MAX)
		mkt_buf_addstr(b, "mkt_disk_days_left +Inf\n");
	else
		mkt_buf_addf(b, "mkt_disk_days_left %llu\n", (unsigned long long)days);
	counter(b, "pruned_blocks_total", h->kept.pruned_blocks,
		"Bodies moved to archives since the start.");
	counter(b, "pruned_bytes_total", h->kept.pruned_bytes, "Bytes of them.");
	gauge(b, "snapshot_height", h->kept.snapshot_height, "Of the snapshot made last; 0: none.");
	head(b, "alarm", "gauge", "1 while the alarm is on.");
	for (enum ld_alarm i = 0; i < LD_ALARM_COUNT; i++)
		mkt_buf_addf(b, "mkt_alarm{alarm=\"%s\"} %d\n", ld_alarm_word(i),
			     ld_alarm_look(n->alarms, i, NULL, NULL));
}

/* Of an authority among several, and of a node that follows. */
static void peer_metrics(struct mkt_buf *b, struct ld_node *n)
{
	struct mkt_quorum_view v = {.epoch = 0};
	struct ld_ingest_numbers in = {.height = 0};
	uint64_t now = ld_mono_ms();

	if (n->engine) {
		ld_engine_look(n->engine, &v);
		gauge(b, "engine_reachable", v.reachable, "1 if etcd answers.");
		gauge(b, "engine_leading", v.leading, "1 if this authority leads.");
		gauge(b, "engine_epoch", v.epoch, "Epoch of the leader.");
		gauge(b, "engine_lag_blocks", v.head > v.applied ? v.head - v.applied : 0,
		      "Final blocks that this authority has not applied.");
	}
	if (n->ingest) {
		ld_ingest_look(n->ingest, &in);
		gauge(b, "upstream_lag_blocks",
		      in.upstream > in.height ? in.upstream - in.height : 0,
		      "Blocks of the upstream that this node has not got.");
		gauge_ms(b, "upstream_heard_seconds", now > in.heard_ms ? now - in.heard_ms : 0,
			 "Since the upstream was last heard of.");
	}
}

int ld_get_metrics(struct ld_req *r, struct mkt_err *err)
{
	struct mkt_buf *b = &r->reply.body;
	struct ld_health h;

	if (ld_params_done(r, err) < 0)
		return -MKT_EUSAGE;
	ld_health_take(r->node, &h);
	node_metrics(b, r->node, &h);
	chain_metrics(b, r->node, &h);
	disk_metrics(b, r->node, &h);
	peer_metrics(b, r->node);
	if (b->bad)
		return mkt_err_code(err, MKT_ENOMEM);
	r->reply.type = "text/plain; version=0.0.4";
	r->reply.status = 200;
	return 0;
}
