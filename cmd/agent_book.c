/*
 * The agent's journal, one line a record, fields between TABs:
 *
 *	site  CHAIN ACCOUNT	      whose it is
 *	plan  SLOT WHY		      of an operation that is about to be sent, in order; "" no bid
 *	post  REQUEST		      those are sent under this id; synced before they are
 *	bid   ID TIME SLOT WHY	      what came of one
 *	done  REQUEST		      the answer is known
 *
 * Killed between post and done, the next run asks again with the same bytes.
 */
#include "core/base/compat.h"

#include <dirent.h>

#include "cmd/agent.h"
#include "core/base/file.h"

#define COMPACT_BYTES (2u << 20)
#define FIELDS_MAX 5
#define JOURNALS_MAX 256 /* looked through by why */

/* ---- reading ------------------------------------------------------------------------------ */

/* Cut a record into fields; the last keeps the rest. */
static unsigned cut(char *line, char *fields[FIELDS_MAX])
{
	unsigned n = 0;

	while (n < FIELDS_MAX) {
		char *tab = strchr(line, '\t');

		fields[n++] = line;
		if (!tab || n == FIELDS_MAX)
			break;
		*tab = '\0';
		line = tab + 1;
	}
	return n;
}

static void set_made(struct agent_made *m, const char *slot, const char *why)
{
	snprintf(m->slot, sizeof(m->slot), "%s", slot);
	snprintf(m->why, sizeof(m->why), "%s", why);
}

static void keep_bid(struct agent_book *b, const struct agent_made *m)
{
	if (agent_book_find(b, m->id))
		return;
	if (b->n == AGENT_BIDS_KEPT) {
		b->n /= 2;
		memmove(b->made, b->made + b->n, b->n * sizeof(*b->made));
	}
	b->made[b->n++] = *m;
}

static void apply(struct agent_book *b, char **f, unsigned n)
{
	struct agent_made m = {0};

	if (n == 3 && !strcmp(f[0], "site")) {
		snprintf(b->chain, sizeof(b->chain), "%s", f[1]);
		b->account = (uint32_t)strtoul(f[2], NULL, 10);
		b->has_site = true;
	} else if (n == 3 && !strcmp(f[0], "plan")) {
		if (b->post.sent || b->post.n == AGENT_OPS_MAX)
			b->post = (struct agent_post){.n = 0};
		set_made(&b->post.made[b->post.n++], f[1], f[2]);
	} else if (n == 2 && !strcmp(f[0], "post")) {
		snprintf(b->post.request, sizeof(b->post.request), "%s", f[1]);
		b->post.sent = true;
	} else if (n == 5 && !strcmp(f[0], "bid")) {
		m.id = strtoull(f[1], NULL, 10);
		m.time_s = strtoull(f[2], NULL, 10);
		set_made(&m, f[3], f[4]);
		keep_bid(b, &m);
	} else if (n == 2 && !strcmp(f[0], "done")) {
		b->post = (struct agent_post){.n = 0};
	} else if (n == 1 && !strcmp(f[0], "begin")) {
		b->post = (struct agent_post){.n = 0};
	}
}

static int replay(void *arg, const char *record, size_t size)
{
	char line[MKT_JOURNAL_RECORD_MAX + 1], *fields[FIELDS_MAX];

	if (size >= sizeof(line))
		return 0;
	memcpy(line, record, size);
	line[size] = '\0';
	apply(arg, fields, cut(line, fields));
	return 0;
}

const struct agent_made *agent_book_find(const struct agent_book *b, uint64_t bid)
{
	for (unsigned i = b->n; i-- > 0;)
		if (b->made[i].id == bid)
			return &b->made[i];
	return NULL;
}

/* ---- writing ------------------------------------------------------------------------------ */

static int write_line(struct agent *a, struct mkt_buf *line, bool sync)
{
	struct mkt_err *err = &a->app->err;
	int rc = line->bad ? mkt_err_code(err, MKT_ENOMEM)
			   : mkt_journal_add(a->book.journal, mkt_buf_str(line), line->len, sync,
					     err);

	if (!rc)
		rc = replay(&a->book, mkt_buf_str(line), line->len);
	mkt_buf_release(line);
	return rc;
}

int agent_book_begin(struct agent *a, const struct agent_post *post)
{
	struct mkt_buf line = MKT_BUF_INIT;
	int rc;

	mkt_buf_addstr(&line, "begin");
	rc = write_line(a, &line, false);
	for (unsigned i = 0; !rc && i < post->n; i++) {
		mkt_buf_addf(&line, "plan\t%s\t%s", post->made[i].slot, post->made[i].why);
		rc = write_line(a, &line, false);
	}
	mkt_buf_addf(&line, "post\t%s", post->request);
	if (!rc)
		rc = write_line(a, &line, true);
	mkt_buf_release(&line);
	return rc;
}

static void put_bid(struct mkt_buf *line, const struct agent_made *m)
{
	mkt_buf_addf(line, "bid\t%llu\t%llu\t%s\t%s", (unsigned long long)m->id,
		     (unsigned long long)m->time_s, m->slot, m->why);
}

int agent_book_bid(struct agent *a, unsigned i, uint64_t id)
{
	struct mkt_buf line = MKT_BUF_INIT;
	struct agent_made m;

	if (i >= a->book.post.n || !a->book.post.made[i].slot[0] || !id)
		return 0;
	m = a->book.post.made[i];
	m.id = id;
	m.time_s = a->s->facts.now_ms / 1000;
	put_bid(&line, &m);
	return write_line(a, &line, false);
}

static void put_site(struct mkt_buf *out, const struct agent_book *b)
{
	mkt_buf_addf(out, "site\t%s\t%u", b->chain, b->account);
}

static int compact(struct agent *a)
{
	struct mkt_buf all = MKT_BUF_INIT;
	int rc;

	put_site(&all, &a->book);
	mkt_buf_addch(&all, '\n');
	for (unsigned i = 0; i < a->book.n; i++) {
		put_bid(&all, &a->book.made[i]);
		mkt_buf_addch(&all, '\n');
	}
	rc = all.bad ? mkt_err_code(&a->app->err, MKT_ENOMEM)
		     : mkt_journal_replace(a->book.journal, &all, &a->app->err);
	mkt_buf_release(&all);
	return rc;
}

int agent_book_end(struct agent *a)
{
	struct mkt_buf line = MKT_BUF_INIT;
	int rc;

	mkt_buf_addf(&line, "done\t%s", a->book.post.request);
	rc = write_line(a, &line, true);
	if (!rc && mkt_journal_size(a->book.journal) > COMPACT_BYTES)
		rc = compact(a);
	return rc;
}

/* ---- opening ------------------------------------------------------------------------------ */

static int state_dir(struct mkt_app *app, struct mkt_buf *path)
{
	int rc = mkt_conf_dir(&app->conf, MKT_DIR_STATE, path, &app->err);

	mkt_buf_addstr(path, "/agent");
	return !rc && path->bad ? mkt_err_code(&app->err, MKT_ENOMEM) : rc;
}

static void chain_text(const struct mkt_hash *chain, char out[2 * MKT_HASH_LEN + 1])
{
	for (unsigned i = 0; i < MKT_HASH_LEN; i++)
		snprintf(out + 2 * (size_t)i, 3, "%02x", chain->b[i]);
}

int agent_book_open(struct agent *a)
{
	struct agent_book *b = &a->book;
	struct mkt_buf path = MKT_BUF_INIT, line = MKT_BUF_INIT;
	char chain[2 * MKT_HASH_LEN + 1];
	int rc = state_dir(a->app, &path);

	chain_text(&a->s->facts.chain, chain);
	mkt_buf_addf(&path, "/%.16s-%u", chain, a->s->account);
	if (!b->made)
		b->made = calloc(AGENT_BIDS_KEPT, sizeof(*b->made));
	if (!rc && (!b->made || path.bad))
		rc = mkt_err_code(&a->app->err, MKT_ENOMEM);
	if (!rc && !a->app->opt.dry_run)
		rc = mkt_dir_make(mkt_buf_str(&path), 0700, &a->app->err);
	mkt_buf_addstr(&path, "/journal");
	if (!rc && a->app->opt.dry_run) {
		/* Nothing is written, and the agent that runs is not disturbed. */
		rc = mkt_journal_read(mkt_buf_str(&path), replay, b, &a->app->err);
		mkt_buf_release(&path);
		return rc == -MKT_ENOTFOUND ? 0 : rc;
	}
	if (!rc)
		rc = mkt_journal_open(mkt_buf_str(&path), replay, b, &b->journal, &a->app->err);
	if (!rc && mkt_journal_damaged(b->journal))
		mkt_app_warn(a->app, "the journal was damaged; the rest is in '%s.damaged'",
			     mkt_buf_str(&path));
	mkt_buf_release(&path);
	if (rc || b->has_site)
		return rc;
	memcpy(b->chain, chain, sizeof(chain));
	b->account = a->s->account;
	put_site(&line, b);
	return write_line(a, &line, true);
}

void agent_book_close(struct agent_book *b)
{
	mkt_journal_close(b->journal);
	free(b->made);
}

/* ---- why ---------------------------------------------------------------------------------- */

static int look_into(const char *path, const char *chain, uint64_t bid, struct agent_book *b)
{
	b->n = 0;
	b->has_site = false;
	if (mkt_journal_read(path, replay, b, NULL) < 0 || !b->has_site || strcmp(b->chain, chain))
		return 0;
	return agent_book_find(b, bid) ? 1 : 0;
}

int agent_why(struct mkt_app *app, const struct mkt_hash *chain, uint64_t bid, agent_why_fn *each,
	      void *arg)
{
	struct mkt_buf dir = MKT_BUF_INIT, path = MKT_BUF_INIT;
	struct agent_book *b = calloc(1, sizeof(*b));
	char id[2 * MKT_HASH_LEN + 1];
	struct dirent *e;
	int rc = state_dir(app, &dir), found = 0;
	DIR *d = rc ? NULL : opendir(mkt_buf_str(&dir));

	chain_text(chain, id);
	if (b)
		b->made = calloc(AGENT_BIDS_KEPT, sizeof(*b->made));
	for (unsigned n = 0; b && b->made && d && !found && n < JOURNALS_MAX && (e = readdir(d));
	     n++) {
		if (strncmp(e->d_name, id, 16) != 0)
			continue;
		mkt_buf_clear(&path);
		mkt_buf_addf(&path, "%s/%s/journal", mkt_buf_str(&dir), e->d_name);
		found = look_into(mkt_buf_str(&path), id, bid, b);
	}
	if (found) {
		const struct agent_made *m = agent_book_find(b, bid);

		each(arg, m->time_s, m->slot, m->why);
	}
	if (d)
		closedir(d);
	if (b)
		free(b->made);
	free(b);
	mkt_buf_release(&dir);
	mkt_buf_release(&path);
	return rc;
}
