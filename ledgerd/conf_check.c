/*
 * What must hold between the settings of a node.
 */
#include "core/base/compat.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "ledgerd/conf.h"

/* HOST:PORT; whether the host is known here shows when the daemon starts. */
static int check_listen(const char *section, const char *text, struct mkt_err *err)
{
	const char *colon = strrchr(text, ':');
	const char *port = colon ? colon + 1 : "";
	size_t digits = strspn(port, "0123456789");

	if (!colon || colon == text)
		mkt_err_set(err, MKT_EINVAL, "'listen' is '%s', which is not HOST:PORT", text);
	else if (!digits || digits > 5 || port[digits] || strtoul(port, NULL, 10) > UINT16_MAX)
		mkt_err_set(err, MKT_EINVAL, "'listen' is '%s': '%s' is no port up to 65535", text,
			    port);
	else
		return 0;
	return mkt_err_wrap(err, "[%s]", section);
}

/* Clients and the daemon have working directories of their own. */
static int check_socket(const char *path, struct mkt_err *err)
{
	struct sockaddr_un sa;

	if (path[0] != '/')
		return mkt_err_set(err, MKT_EINVAL,
				   "'socket' is '%s', which is no path from the root", path);
	if (strlen(path) >= sizeof(sa.sun_path))
		return mkt_err_set(err, MKT_EINVAL, "'socket' is longer than %zu bytes",
				   sizeof(sa.sun_path) - 1);
	return 0;
}

static bool any_https(const char *urls)
{
	return strstr(urls, "https://") != NULL;
}

/* The sockets of other nodes on this machine, too. */
static int check_upstreams(const char *urls, struct mkt_err *err)
{
	for (const char *at = urls; *at; at += strspn(at, " ")) {
		size_t n = strcspn(at, " ");

		if ((strncmp(at, "http://", 7) || n == 7) &&
		    (strncmp(at, "https://", 8) || n == 8) && strncmp(at, "unix:/", 6))
			return mkt_err_set(err, MKT_EINVAL,
					   "'urls' in [upstream] has '%.*s', which does not begin "
					   "with https://, http:// or unix:/",
					   (int)n, at);
		at += n;
	}
	return 0;
}

/* Each of @urls, separated by spaces, has a scheme that a client knows. */
static int check_urls(const char *what, const char *urls, struct mkt_err *err)
{
	for (const char *at = urls; *at; at += strspn(at, " ")) {
		size_t n = strcspn(at, " ");

		if ((strncmp(at, "http://", 7) || n == 7) && (strncmp(at, "https://", 8) || n == 8))
			return mkt_err_set(err, MKT_EINVAL,
					   "%s has '%.*s', which does not begin with http:// or "
					   "https://",
					   what, (int)n, at);
		at += n;
	}
	return 0;
}

struct file {
	const char *name, *value;
};

/* All of them, or, unless @needed, none. */
static int check_files(const char *section, const struct file *f, unsigned n, bool needed,
		       struct mkt_err *err)
{
	const char *set = NULL, *unset = NULL;

	for (unsigned i = 0; i < n; i++)
		if (f[i].value[0])
			set = f[i].name;
		else if (!unset)
			unset = f[i].name;
	if (!unset || (!set && !needed))
		return 0;
	if (!set)
		return mkt_err_set(err, MKT_EINVAL, "'%s' in [%s] is not set", unset, section);
	return mkt_err_set(err, MKT_EINVAL, "'%s' in [%s] is set and '%s' is not", set, section,
			   unset);
}

static int check_tls(const struct ld_conf *c, struct mkt_err *err)
{
	const struct file user[] = {{"tls_cert", c->tls_cert}, {"tls_key", c->tls_key}};
	const struct file peer[] = {
		{"cert", c->peer_cert}, {"key", c->peer_key}, {"ca", c->peer_ca}};
	const struct file etcd[] = {
		{"ca", c->etcd_ca}, {"cert", c->etcd_cert}, {"key", c->etcd_key}};
	int res = check_files("node", user, MKT_ARRAY_SIZE(user), false, err);

	if (res >= 0)
		res = check_files("peers", peer, MKT_ARRAY_SIZE(peer), c->peer_listen[0], err);
	if (res >= 0)
		res = check_files("etcd", etcd, MKT_ARRAY_SIZE(etcd), any_https(c->etcd_endpoints),
				  err);
	if (res >= 0 && c->tls_cert[0] && !c->listen[0])
		res = mkt_err_set(err, MKT_EINVAL,
				  "'tls_cert' in [node] is set and 'listen' is not");
	return res;
}

static int check_peers(const struct ld_conf *c, struct mkt_err *err)
{
	for (uint32_t i = 0; i < c->npeers; i++) {
		char what[MKT_NAME_MAX + 24];

		snprintf(what, sizeof(what), "'url' in [peer %s]", c->peers[i].name);
		if (strchr(c->peers[i].url, ' '))
			return mkt_err_set(err, MKT_EINVAL, "%s is more than one address", what);
		if (check_urls(what, c->peers[i].url, err) < 0)
			return -MKT_EINVAL;
	}
	if (!c->peer_listen[0])
		return 0;
	if (!c->npeers)
		return mkt_err_set(err, MKT_EINVAL,
				   "'listen' in [peers] is set, but there is no [peer NAME]");
	return check_listen("peers", c->peer_listen, err);
}

static int check_etcd(const struct ld_conf *c, struct mkt_err *err)
{
	if (!c->etcd_endpoints[0])
		return 0;
	if (c->role != LD_AUTHORITY)
		return mkt_err_set(err, MKT_EINVAL,
				   "'endpoints' in [etcd] is set, but only an authority may reach "
				   "etcd");
	if (c->etcd_user[0] && !c->etcd_password_file[0])
		return mkt_err_set(err, MKT_EINVAL,
				   "'user' in [etcd] is set and 'password_file' is not");
	return check_urls("'endpoints' in [etcd]", c->etcd_endpoints, err);
}

/* What each role needs, and what it may not have. */
static int check_role(const struct ld_conf *c, struct mkt_err *err)
{
	if (c->role == LD_FULLNODE) {
		if (!c->upstream[0])
			return mkt_err_set(err, MKT_EINVAL,
					   "'urls' in [upstream] is not set: a fullnode follows "
					   "another node");
		if (c->upstream_chain[0] &&
		    strspn(c->upstream_chain, "0123456789abcdefABCDEF") != 2 * MKT_HASH_LEN)
			return mkt_err_set(err, MKT_EINVAL,
					   "'chain' in [upstream] is '%s', which is not the %d "
					   "hexadecimal digits of a chain's id",
					   c->upstream_chain, 2 * MKT_HASH_LEN);
		return check_upstreams(c->upstream, err);
	}
	if (!c->key[0])
		return mkt_err_set(err, MKT_EINVAL, "'key' in [authority] is not set");
	if (c->upstream[0])
		return mkt_err_set(err, MKT_EINVAL,
				   "'urls' in [upstream] is set, but only a fullnode follows "
				   "another node");
	if (c->role == LD_SOLO)
		return 0;
	if (c->listen[0])
		return mkt_err_set(err, MKT_EINVAL,
				   "'listen' in [node] is set, but users may not reach an "
				   "authority");
	if (!c->peer_listen[0])
		return mkt_err_set(err, MKT_EINVAL,
				   "'listen' in [peers] is not set: an authority serves its peers "
				   "only");
	return 0;
}

static int check_limits(const struct ld_conf *c, struct mkt_err *err)
{
	if (c->refuse_free_bytes > c->alarm_free_bytes)
		return mkt_err_set(
			err, MKT_EINVAL,
			"'refuse_free' in [disk] is above 'alarm_free': no alarm would come");
	if (c->keep_days && c->archive[0] && c->archive[0] != '/')
		return mkt_err_set(err, MKT_EINVAL,
				   "'archive' in [disk] is '%s', which is no path from the root",
				   c->archive);
	return 0;
}

int ld_conf_check(const struct ld_conf *c, struct mkt_err *err)
{
	int res;

	if (!c->dir[0])
		return mkt_err_set(err, MKT_EINVAL, "'dir' in [node] is not set");
	res = check_role(c, err);
	if (res >= 0 && !c->socket[0] && !c->listen[0] && !c->peer_listen[0])
		res = mkt_err_set(err, MKT_EINVAL,
				  "neither 'socket' nor 'listen' is set in [node]");
	if (res >= 0)
		res = check_limits(c, err);
	if (res >= 0 && c->socket[0])
		res = check_socket(c->socket, err);
	if (res >= 0 && c->listen[0])
		res = check_listen("node", c->listen, err);
	if (res >= 0)
		res = check_tls(c, err);
	if (res >= 0)
		res = check_peers(c, err);
	if (res >= 0)
		res = check_etcd(c, err);
	return res < 0 ? res : 0;
}
