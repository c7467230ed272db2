/*
 * ledgerd prune, ledgerd restore: bodies to archives and back by hand, on a chain
 * that no node has open.  A node that runs does the first by itself (keeper.c).
 */
#include "core/base/compat.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <sys/stat.h>
#include <time.h>

#include "core/chain/archive.h"
#include "core/crypto/hash.h"
#include "ledgerd/cli.h"
#include "ledgerd/keeper.h"

#define DAYS_MAX 36500u
#define DAY_S 86400u

static const char prune_usage[] =
	"usage: ledgerd prune [-h] [-f FILE] [-o SECTION.NAME=VALUE]... [--keep DAYS] [--before "
	"HEIGHT]\n"
	"                     [--archive DIR]\n"
	"  --keep DAYS      bodies of the last DAYS days stay (default: keep_days in [disk])\n"
	"  --before HEIGHT  bodies below block HEIGHT go\n"
	"  --archive DIR    where archives are made (default: archive in [disk])\n"
	"  -f, -o           as of ledgerd\n"
	"  -h               print this\n"
	"see ledgerd(8); the node must not run\n";

static const char restore_usage[] =
	"usage: ledgerd restore [-h] [-f FILE] [-o SECTION.NAME=VALUE]... [--from HEIGHT] [--to "
	"HEIGHT]\n"
	"                       ARCHIVE...\n"
	"  --from HEIGHT  first block (default: all that the archives have)\n"
	"  --to HEIGHT    last block\n"
	"  -f, -o         as of ledgerd\n"
	"  -h             print this\n"
	"see ledgerd(8); the node must not run\n";

enum { OPT_KEEP = 256, OPT_BEFORE, OPT_ARCHIVE, OPT_FROM, OPT_TO };

struct args {
	struct ld_cli cli;
	bool keep_given, before_given;
	uint64_t keep, before, from, to;
	const char *archive;
};

static bool number(const char *name, const char *text, uint64_t max, uint64_t *out)
{
	char *end = NULL;

	errno = 0;
	*out = strtoull(text, &end, 10);
	if (isdigit((unsigned char)text[0]) && !*end && !errno && *out <= max)
		return true;
	fprintf(stderr, "ledgerd: '%s' is '%s', which is no whole number up to %llu\n", name, text,
		(unsigned long long)max);
	return false;
}

/* 1 done, 0 go on, -MKT_EUSAGE told. */
static int parse(int argc, char **argv, const struct option *longs, const char *usage,
		 struct args *a)
{
	int c;

	*a = (struct args){.to = UINT64_MAX};
	while ((c = getopt_long(argc, argv, "f:o:h", longs, NULL)) != -1) {
		bool ok = true;

		if (c == 'h') {
			fputs(usage, stdout);
			return fflush(stdout) ? -MKT_EOUTPUT : 1;
		} else if (c == OPT_KEEP) {
			ok = a->keep_given = number("--keep", optarg, DAYS_MAX, &a->keep);
		} else if (c == OPT_BEFORE) {
			ok = a->before_given = number("--before", optarg, INT64_MAX, &a->before);
		} else if (c == OPT_FROM) {
			ok = number("--from", optarg, INT64_MAX, &a->from);
		} else if (c == OPT_TO) {
			ok = number("--to", optarg, INT64_MAX, &a->to);
		} else if (c == OPT_ARCHIVE) {
			a->archive = optarg;
		} else if (c == 'f' || c == 'o') {
			ok = ld_cli_option(&a->cli, c, optarg) >= 0;
		} else {
			fprintf(stderr, "see 'ledgerd %s -h'\n", argv[0]);
			ok = false;
		}
		if (!ok)
			return -MKT_EUSAGE;
	}
	return 0;
}

static int open_chain(const struct ld_conf *conf, struct mkt_chain **c, struct mkt_err *err)
{
	int res;

	if (!conf->dir[0])
		return mkt_err_set(err, MKT_EINVAL, "'dir' in [node] is not set");
	if (mkt_crypto_init() < 0)
		return mkt_err_code(err, MKT_EINTERNAL);
	res = mkt_chain_open(conf->dir, NULL, c, err);
	if (res == -MKT_ELOCKED)
		mkt_err_hint(err, "stop the node first; running, it moves old bodies by itself "
				  "(keep_days in [disk])");
	return res;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void tell(const char *verb, const struct mkt_pruned *p, const char *where, uint64_t ms)
{
	printf("%llu bodies, %llu kB %s %s in %llu ms\n", (unsigned long long)p->blocks,
	       (unsigned long long)p->bytes / 1000, verb, where, (unsigned long long)ms);
}

/* ---- prune ---- */

/* Where bodies begin to stay: what was asked for, and not more than may go. */
static int find_before(struct mkt_chain *c, const struct args *a, const struct ld_conf *conf,
		       uint64_t *before, struct mkt_err *err)
{
	uint64_t limit, keep = a->keep_given ? a->keep : conf->keep_days;
	int res = mkt_chain_prune_limit(c, &limit, err);

	if (res < 0)
		return res;
	if (a->before_given)
		*before = a->before;
	else if (!a->keep_given && !keep)
		return mkt_err_set(
			err, MKT_EUSAGE,
			"neither --keep nor --before is given, and keep_days is not set");
	else
		res = mkt_chain_prune_before(c, keep * DAY_S, before, err);
	if (res >= 0 && *before > limit) {
		printf("bodies from block %llu on must stay\n", (unsigned long long)limit);
		*before = limit;
	}
	return res;
}

int ld_tool_prune(int argc, char **argv)
{
	static const struct option longs[] = {{"keep", required_argument, NULL, OPT_KEEP},
					      {"before", required_argument, NULL, OPT_BEFORE},
					      {"archive", required_argument, NULL, OPT_ARCHIVE},
					      {NULL, 0, NULL, 0}};
	char dir[PATH_MAX];
	struct mkt_prune p = {.dir = dir, .all = true};
	struct mkt_chain *c = NULL;
	struct mkt_pruned done = {.blocks = 0};
	struct ld_conf conf;
	struct mkt_err err = {0};
	struct args a;
	int res = parse(argc, argv, longs, prune_usage, &a);

	if (res)
		return res > 0 ? 0 : mkt_code_exit(-res);
	if (optind < argc || (a.keep_given && a.before_given)) {
		fprintf(stderr, "ledgerd: %s\nsee 'ledgerd prune -h'\n",
			optind < argc ? "prune takes no arguments"
				      : "--keep and --before do not go together");
		return mkt_code_exit(MKT_EUSAGE);
	}
	res = ld_cli_conf(&a.cli, &conf, &err);
	if (res >= 0)
		res = open_chain(&conf, &c, &err);
	if (res >= 0)
		res = find_before(c, &a, &conf, &p.before, &err);
	if (res >= 0) {
		uint64_t begun = now_ms();

		ld_keeper_archive(&conf, dir, sizeof(dir));
		if (a.archive)
			snprintf(dir, sizeof(dir), "%s", a.archive);
		res = mkt_chain_prune(c, &p, &done, &err);
		tell("moved to", &done, dir, now_ms() - begun);
	}
	mkt_chain_close(c);
	if (res < 0)
		return ld_cli_fail(&err, ld_cli_status(err.code));
	return fflush(stdout) ? mkt_code_exit(MKT_EOUTPUT) : 0;
}

/* ---- restore ---- */

static int restore_one(struct mkt_chain *c, const struct args *a, const char *path,
		       struct mkt_err *err)
{
	struct mkt_archive *archive;
	struct mkt_pruned done = {.blocks = 0};
	uint64_t begun = now_ms();
	int res = mkt_archive_open(path, mkt_chain_id(c), &archive, err);

	if (res < 0)
		return res;
	res = mkt_chain_restore(c, archive, a->from, a->to, &done, err);
	tell("brought back from", &done, path, now_ms() - begun);
	mkt_archive_close(archive);
	return res;
}

int ld_tool_restore(int argc, char **argv)
{
	static const struct option longs[] = {{"from", required_argument, NULL, OPT_FROM},
					      {"to", required_argument, NULL, OPT_TO},
					      {NULL, 0, NULL, 0}};
	struct mkt_chain *c = NULL;
	struct ld_conf conf;
	struct mkt_err err = {0};
	struct args a;
	int res = parse(argc, argv, longs, restore_usage, &a);

	if (res)
		return res > 0 ? 0 : mkt_code_exit(-res);
	if (optind == argc) {
		fputs("ledgerd: no archive is named\nsee 'ledgerd restore -h'\n", stderr);
		return mkt_code_exit(MKT_EUSAGE);
	}
	res = ld_cli_conf(&a.cli, &conf, &err);
	if (res >= 0)
		res = open_chain(&conf, &c, &err);
	for (int i = optind; i < argc && res >= 0; i++)
		res = restore_one(c, &a, argv[i], &err);
	mkt_chain_close(c);
	if (res < 0)
		return ld_cli_fail(&err, ld_cli_status(err.code));
	return fflush(stdout) ? mkt_code_exit(MKT_EOUTPUT) : 0;
}
