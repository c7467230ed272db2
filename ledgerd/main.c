/*
 * ledgerd: options, signals, readiness.  Stays in front; a service manager or a
 * shell puts it behind.
 *
 * Exit status: 0 stopped cleanly, 2 options or configuration, 7 another process
 * has the chain, the socket or the port (or a file cannot be used), 11 the store
 * is damaged, 70 a fault of ours.
 */
#include "core/base/compat.h"

#include <getopt.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/crypto/hash.h"
#include "ledgerd/cli.h"
#include "ledgerd/conf.h"
#include "ledgerd/http.h"
#include "core/app/log.h"
#include "ledgerd/node.h"

static const char usage[] = "usage: ledgerd [-dhnvV] [-f FILE] [-o SECTION.NAME=VALUE]...\n"
			    "       ledgerd status|prune|restore|rebuild [-h] ...\n"
			    "  -f FILE   configuration (default " LD_CONF_FILE ")\n"
			    "  -o S.N=V  set one value over the file's, as 'node.listen='\n"
			    "  -n        check the configuration, then end\n"
			    "  -d        stay in front (ledgerd always does)\n"
			    "  -v        log more\n"
			    "  -V        print the version\n"
			    "  -h        print this\n"
			    "see ledgerd(8) and ledgerd.conf(5)\n";

struct options {
	struct ld_cli cli;
	bool check;
};

/* 0 go on, 1 done, negative a wrong option (told). */
static int parse_options(int argc, char **argv, struct options *o)
{
	int c;

	*o = (struct options){0};
	while ((c = getopt(argc, argv, "f:o:ndvVh")) != -1) {
		switch (c) {
		case 'f':
		case 'o':
			if (ld_cli_option(&o->cli, c, optarg) < 0)
				return -MKT_EUSAGE;
			break;
		case 'n':
			o->check = true;
			break;
		case 'd':
			break;
		case 'v':
			mkt_log_level(MKT_LOG_DEBUG);
			break;
		case 'V':
			printf("ledgerd %s\n", MKT_VERSION);
			return fflush(stdout) ? -MKT_EOUTPUT : 1;
		case 'h':
			fputs(usage, stdout);
			return fflush(stdout) ? -MKT_EOUTPUT : 1;
		default:
			fputs("see 'ledgerd -h'\n", stderr);
			return -MKT_EUSAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "ledgerd: '%s' is not an option\nsee 'ledgerd -h'\n", argv[optind]);
		return -MKT_EUSAGE;
	}
	return 0;
}

static void raise_files(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < rl.rlim_max) {
		rl.rlim_cur = rl.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &rl) < 0)
			mkt_log(MKT_LOG_WARNING, "cannot raise the number of open files");
	}
}

static int serve(const struct ld_conf *conf, const sigset_t *stop)
{
	struct ld_node *n = NULL;
	struct ld_http *http = NULL;
	struct mkt_err err = {0};
	int sig;

	if (ld_node_open(conf, &n, &err) < 0)
		return ld_cli_fail(&err, ld_cli_status(err.code));
	if (ld_http_start(n, conf, &http, &err) < 0) {
		ld_node_stop(n);
		ld_node_free(n);
		return ld_cli_fail(&err, ld_cli_status(err.code));
	}
	mkt_log(MKT_LOG_INFO, "chain '%s' at block %llu, listening on %s%s%s%s%s", n->g->name,
		(unsigned long long)mkt_chain_height(n->chain), conf->socket,
		conf->socket[0] && conf->listen[0] ? " and " : "", conf->listen,
		conf->peer_listen[0] ? ", for peers on " : "", conf->peer_listen);
	mkt_notify("READY=1\nSTATUS=serving");
	while (!sigwait(stop, &sig) && sig == SIGHUP)
		ld_http_reload(http);
	mkt_log(MKT_LOG_INFO, "stopping on signal %d", sig);
	mkt_notify("STOPPING=1");
	ld_http_quiesce(http);
	ld_node_stop(n);
	ld_http_stop(http);
	mkt_log(MKT_LOG_INFO, "stopped at block %llu",
		(unsigned long long)mkt_chain_height(n->chain));
	ld_node_free(n);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o;
	struct ld_conf conf;
	struct mkt_err err = {0};
	sigset_t stop;
	int res = argc > 1 ? ld_cli_tool(argc - 1, argv + 1) : -1;

	if (res >= 0)
		return res;
	res = parse_options(argc, argv, &o);
	if (res)
		return res > 0 ? 0 : mkt_code_exit(-res);
	if (ld_cli_conf(&o.cli, &conf, &err) < 0 || ld_conf_check(&conf, &err) < 0)
		return ld_cli_fail(&err, 2);
	if (mkt_crypto_init() < 0)
		return mkt_code_exit(MKT_EINTERNAL);
	if (o.check) {
		if (ld_node_check(&conf, &err) < 0 || ld_http_check(&conf, &err) < 0)
			return ld_cli_fail(&err, 2);
		printf("configuration ok\n");
		return fflush(stdout) ? mkt_code_exit(MKT_EOUTPUT) : 0;
	}
	/* Before any thread: all of them leave these signals to sigwait(). */
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &stop, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is a full disk to us */
	raise_files();
	return serve(&conf, &stop);
}
