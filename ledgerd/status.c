/* ledgerd status: ask the node that runs how it is. */
#include "core/base/compat.h"

#include <getopt.h>
#include <stdarg.h>

#include "core/codec/json.h"
#include "core/wire/client.h"
#include "ledgerd/cli.h"

#define TIMEOUT_MS 10000
#define MB 1000000u
#define ALARMED 1 /* exit status: it runs, and something is wrong */

static const char usage[] =
	"usage: ledgerd status [-h] [-f FILE] [-o SECTION.NAME=VALUE]... [--json]\n"
	"  --json  what /v1/health says\n"
	"  -f, -o  as of ledgerd\n"
	"  -h      print this\n"
	"see ledgerd(8)\n";

struct args {
	struct ld_cli cli;
	bool json;
};

static int parse(int argc, char **argv, struct args *a)
{
	static const struct option longs[] = {{"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
	int c;

	*a = (struct args){.json = false};
	while ((c = getopt_long(argc, argv, "f:o:h", longs, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return fflush(stdout) ? -MKT_EOUTPUT : 1;
		}
		if (c == 'j')
			a->json = true;
		else if (c == '?' || ld_cli_option(&a->cli, c, optarg) < 0)
			return -MKT_EUSAGE;
	}
	return optind < argc ? -MKT_EUSAGE : 0;
}

static int fetch(const struct ld_conf *conf, struct mkt_buf *body, struct mkt_err *err)
{
	char server[2 * LD_PATH_MAX];
	struct mkt_client_conf how = {
		.server = server, .timeout_ms = TIMEOUT_MS, .connect_ms = 1, .agent = "ledgerd"};
	struct mkt_client *c;
	int res;

	if (conf->socket[0])
		snprintf(server, sizeof(server), "unix:%s", conf->socket);
	else if (conf->listen[0] && !conf->tls_cert[0])
		snprintf(server, sizeof(server), "http://%s", conf->listen);
	else
		return mkt_err_set(err, MKT_EINVAL,
				   "'socket' in [node] is not set: there is no "
				   "way to ask the node");
	res = mkt_client_new(&how, &c, err);
	if (res < 0)
		return res;
	res = mkt_client_get(c, "/v1/health?facts=1", body, err);
	mkt_client_free(c);
	return res;
}

/* ---- for people ------------------------------------------------------------------------------ */

static uint64_t get(const struct mkt_jval *obj, const char *key)
{
	uint64_t v = 0;

	return mkt_jget_u64(obj, key, UINT64_MAX, &v, NULL) < 0 ? 0 : v;
}

static const char *get_str(const struct mkt_jval *obj, const char *key)
{
	const char *s = "";

	return mkt_jget_str(obj, key, &s, NULL, NULL) < 0 ? "" : s;
}

static void line(const char *name, const char *fmt, ...) MKT_PRINTF(2, 3);

static void line(const char *name, const char *fmt, ...)
{
	va_list ap;

	printf("%-12s ", name);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static void show_disk(const struct mkt_jval *root)
{
	struct mkt_jval disk;
	char left[64] = "days left not known yet, or no growth";

	if (mkt_jget_obj(root, "disk", &disk, NULL) < 0)
		return;
	if (mkt_jval_has(&disk, "days_left"))
		snprintf(left, sizeof(left), "%llu days left",
			 (unsigned long long)get(&disk, "days_left"));
	line("disk", "%llu MB free, %s; alarm below %llu MB, bids refused below %llu MB",
	     (unsigned long long)get(&disk, "free_bytes") / MB, left,
	     (unsigned long long)get(&disk, "alarm_free_bytes") / MB,
	     (unsigned long long)get(&disk, "refuse_free_bytes") / MB);
	line("chain on it", "blocks %llu MB, store %llu MB",
	     (unsigned long long)get(&disk, "blocks_bytes") / MB,
	     (unsigned long long)get(&disk, "store_bytes") / MB);
}

/* Members of what other parts of the node add to its health: "engine", "upstream". */
static void show_part(const struct mkt_jval *root, const char *name)
{
	struct mkt_jval part, v;
	struct mkt_jiter it = {.begun = false};
	const char *sep = "";

	if (mkt_jget_obj(root, name, &part, NULL) < 0)
		return;
	printf("%-12s ", name);
	while (mkt_jval_next(&part, &it, &v)) {
		const char *s;
		int64_t i;
		bool b;

		if (!mkt_jval_str(&v, &s, NULL, NULL))
			printf("%s%s %s", sep, v.key, *s ? s : "-");
		else if (!mkt_jval_bool(&v, &b, NULL))
			printf("%s%s %s", sep, v.key, b ? "yes" : "no");
		else if (!mkt_jval_i64(&v, INT64_MIN, INT64_MAX, &i, NULL))
			printf("%s%s %lld", sep, v.key, (long long)i);
		else
			continue;
		sep = ", ";
	}
	putchar('\n');
}

static void show_alarms(const struct mkt_jval *root)
{
	struct mkt_jiter it = {.begun = false};
	struct mkt_jval list, a;

	if (mkt_jget_arr(root, "alarms", &list, NULL) < 0)
		return;
	while (mkt_jval_next(&list, &it, &a))
		line("alarm", "%s since %s: %s", get_str(&a, "alarm"), get_str(&a, "since"),
		     get_str(&a, "text"));
}

static void show(const struct mkt_jval *root)
{
	line("status", "%s", get_str(root, "status"));
	line("role", "%s, version %s, up %llu s", get_str(root, "role"), get_str(root, "version"),
	     (unsigned long long)get(root, "uptime_s"));
	line("chain", "%s %s", get_str(root, "name"), get_str(root, "chain"));
	line("height", "%llu, %llu s ago; indexed %llu; %llu transactions queued",
	     (unsigned long long)get(root, "height"),
	     (unsigned long long)get(root, "age_ms") / 1000,
	     (unsigned long long)get(root, "indexed"), (unsigned long long)get(root, "queue"));
	show_part(root, "engine");
	show_part(root, "upstream");
	show_disk(root);
	line("clients", "%llu connections, %llu streams",
	     (unsigned long long)get(root, "connections"),
	     (unsigned long long)get(root, "streams"));
	line("memory", "%llu MB resident", (unsigned long long)get(root, "resident_bytes") / MB);
	show_alarms(root);
}

static int exit_of(const struct mkt_jval *root)
{
	struct mkt_jval list;
	bool alarms = !mkt_jget_arr(root, "alarms", &list, NULL) && mkt_jval_count(&list);

	return strcmp(get_str(root, "status"), "ok") || alarms ? ALARMED : 0;
}

int ld_tool_status(int argc, char **argv)
{
	struct mkt_buf body = MKT_BUF_INIT;
	struct mkt_jdoc *doc = NULL;
	struct mkt_jval root;
	struct ld_conf conf;
	struct mkt_err err = {0};
	struct args a;
	int status = 0, res = parse(argc, argv, &a);

	if (res == -MKT_EUSAGE)
		fputs("see 'ledgerd status -h'\n", stderr);
	if (res)
		return res > 0 ? 0 : mkt_code_exit(-res);
	res = ld_cli_conf(&a.cli, &conf, &err);
	if (res >= 0)
		res = fetch(&conf, &body, &err);
	if (res >= 0)
		res = mkt_jdoc_parse(body.data, body.len, NULL, &doc, &err);
	if (res >= 0) {
		root = mkt_jdoc_root(doc);
		if (a.json)
			fputs(mkt_buf_str(&body), stdout);
		else
			show(&root);
		status = exit_of(&root);
	}
	mkt_jdoc_free(doc);
	mkt_buf_release(&body);
	if (res < 0)
		return ld_cli_fail(&err, mkt_code_exit(err.code));
	return fflush(stdout) ? mkt_code_exit(MKT_EOUTPUT) : status;
}
