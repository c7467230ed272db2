/*
 * What a kept run needs beside its chain to be taken up again.  Everything else follows
 * from options, profiles and the chain: the run is played once more from its beginning,
 * its envelopes are the same to the byte, and the ledger answers each that it has with the
 * first outcome.  Only what was paid in depends on balances of that time; it is noted here
 * before it is sent.
 *
 *	mkt-sim 1 OPTIONS          what was played
 *	ACCOUNT MICRO-UNITS        a deposit
 *	end                        of those of one midnight
 */
#include "core/base/compat.h"

#include <errno.h>
#include <unistd.h>

#include "cmd/sim.h"

#define NAME "sim.journal"
#define LINE_MAX_LEN 400

struct sim_journal {
	FILE *f;
	uint64_t rounds;   /* whole ones in the file that were not taken yet */
	long end;          /* offset behind the last whole one */
	bool reading;
};

static int fail(struct sim *s)
{
	return mkt_err_sys(&s->app->err, MKT_EIO, errno, "cannot write '%s' of the run", NAME);
}

/* Count whole rounds behind the first line. */
static void scan(struct sim_journal *j)
{
	char line[LINE_MAX_LEN];
	long begin = ftell(j->f);

	j->end = begin;
	while (fgets(line, sizeof(line), j->f))
		if (!strcmp(line, "end\n")) {
			j->rounds++;
			j->end = ftell(j->f);
		}
	fseek(j->f, begin, SEEK_SET);
}

static int take_up(struct sim *s, struct sim_journal *j, const char *what)
{
	char line[LINE_MAX_LEN], want[LINE_MAX_LEN];

	snprintf(want, sizeof(want), "mkt-sim 1 %s\n", what);
	if (!fgets(line, sizeof(line), j->f) || strcmp(line, want) != 0) {
		mkt_err_set(&s->app->err, MKT_EUSAGE, "that run was begun with other options");
		mkt_err_hint(&s->app->err, "say the same as then, with --resume for --keep");
		return -MKT_EUSAGE;
	}
	scan(j);
	j->reading = true;
	return 0;
}

int sim_journal_open(struct sim *s, const char *what, bool resume)
{
	struct sim_journal *j = calloc(1, sizeof(*j));
	char path[SIM_PATH_MAX + 16];

	if (!j)
		return mkt_err_code(&s->app->err, MKT_ENOMEM);
	s->journal = j;
	snprintf(path, sizeof(path), "%s/" NAME, s->chain.dir);
	j->f = fopen(path, resume ? "r+e" : "wxe");
	if (!j->f)
		return mkt_err_sys(&s->app->err, resume ? MKT_EUSAGE : MKT_EIO, errno,
				   "cannot open '%s'", path);
	if (resume)
		return take_up(s, j, what);
	if (fprintf(j->f, "mkt-sim 1 %s\n", what) < 0 || fflush(j->f) || fsync(fileno(j->f)))
		return fail(s);
	return 0;
}

int sim_journal_next(struct sim *s, uint32_t *account, int64_t *money_uc)
{
	struct sim_journal *j = s->journal;
	char line[LINE_MAX_LEN], *rest;

	if (!fgets(line, sizeof(line), j->f))
		return mkt_err_set(&s->app->err, MKT_EIO, "'%s' of the run is cut off", NAME);
	if (!strcmp(line, "end\n")) {
		j->rounds--;
		return 0;
	}
	*account = (uint32_t)strtoul(line, &rest, 10);
	*money_uc = strtoll(rest, &rest, 10);
	if (*rest != '\n' || *money_uc <= 0)
		return mkt_err_set(&s->app->err, MKT_EIO, "'%s' of the run is spoilt", NAME);
	return 1;
}

bool sim_journal_knows(struct sim *s)
{
	struct sim_journal *j = s->journal;

	if (!j || !j->reading)
		return false;
	if (j->rounds)
		return true;
	j->reading = false; /* from here on it is written; half a round goes */
	fseek(j->f, j->end, SEEK_SET);
	if (ftruncate(fileno(j->f), j->end) < 0)
		mkt_app_trace(s->app, "%s: cannot be cut", NAME);
	return false;
}

int sim_journal_note(struct sim *s, uint32_t account, int64_t money_uc)
{
	if (s->journal && fprintf(s->journal->f, "%u %lld\n", account, (long long)money_uc) < 0)
		return fail(s);
	return 0;
}

int sim_journal_end(struct sim *s)
{
	struct sim_journal *j = s->journal;

	if (j && (fputs("end\n", j->f) < 0 || fflush(j->f) || fsync(fileno(j->f))))
		return fail(s);
	return 0;
}

void sim_journal_free(struct sim_journal *j)
{
	if (j && j->f)
		fclose(j->f);
	free(j);
}
