#include "core/base/compat.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <strings.h>

#include "core/app/conf.h"
#include "core/base/limits.h"
#include "ledgerd/conf.h"

#define LISTEN "127.0.0.1:7460"
#define THREADS_MAX 64
#define CONNECTIONS_MAX 65536
#define KEEP_DAYS_MAX 36500
#define STREAMS_MAX 16384
#define PEER "peer " /* sections begin so; a name follows */

void ld_conf_init(struct ld_conf *c)
{
	*c = (struct ld_conf){
		.socket = "/run/mkt/ledgerd.sock",
		.listen = LISTEN,
		.socket_mode = 0660,
		.threads = 2,
		.connections = 4096,
		.connections_per_address = 1024,
		.streams = 2048,
		.body_bytes = MKT_BODY_BYTES_MAX,
		.alarm_free_bytes = 2000000000u,
		.refuse_free_bytes = 500000000u,
	};
}

/* @max counts the 0 at the end. */
static int set_text(char *out, const char *name, const char *value, uint64_t max,
		    struct mkt_err *err)
{
	size_t n = strlen(value);

	if (n >= max)
		return mkt_err_set(err, MKT_EINVAL, "'%s' is longer than %llu bytes", name,
				   (unsigned long long)max - 1);
	memcpy(out, value, n + 1);
	return 0;
}

/* @base 8 or 10; digits only. */
static int set_number(uint64_t *out, const char *name, const char *value, int base, uint64_t max,
		      struct mkt_err *err)
{
	bool digit = isdigit((unsigned char)value[0]);
	char *end = NULL;
	unsigned long long v;

	errno = 0;
	v = strtoull(value, &end, base);
	if (!digit || *end || errno || v > max)
		return mkt_err_set(err, MKT_EINVAL,
				   "'%s' is '%s', which is no whole number up to %llu", name, value,
				   (unsigned long long)max);
	*out = v;
	return 0;
}

static int set_positive(uint64_t *out, const char *name, const char *value, uint64_t max,
			struct mkt_err *err)
{
	uint64_t v;

	if (set_number(&v, name, value, 10, max, err) < 0)
		return -MKT_EINVAL;
	if (!v)
		return mkt_err_set(err, MKT_EINVAL, "'%s' is zero", name);
	*out = v;
	return 0;
}

/* A size with its unit: 500MB, 2GB, 64kB, 1000B. */
static int set_bytes(uint64_t *out, const char *name, const char *value, struct mkt_err *err)
{
	static const struct {
		const char *unit;
		uint64_t bytes;
	} units[] = {{"B", 1},
		     {"kB", 1000},
		     {"MB", 1000 * 1000},
		     {"GB", 1000 * 1000 * 1000},
		     {"TB", 1000ull * 1000 * 1000 * 1000}};
	bool digit = isdigit((unsigned char)value[0]);
	char *end = NULL;
	unsigned long long v;

	errno = 0;
	v = strtoull(value, &end, 10);
	if (digit && !errno)
		for (size_t i = 0; i < MKT_ARRAY_SIZE(units); i++)
			if (!strcmp(end, units[i].unit) && v <= INT64_MAX / units[i].bytes) {
				*out = v * units[i].bytes;
				return 0;
			}
	return mkt_err_set(err, MKT_EINVAL, "'%s' is '%s', which is no size such as 500MB or 2GB",
			   name, value);
}

static int set_flag(bool *out, const char *name, const char *value, struct mkt_err *err)
{
	bool yes = !strcmp(value, "yes");

	if (!yes && strcmp(value, "no"))
		return mkt_err_set(err, MKT_EINVAL, "'%s' is '%s', which is neither yes nor no",
				   name, value);
	*out = yes;
	return 0;
}

enum kind {
	TEXT,	  /* char[max] */
	COUNT,	  /* uint32_t, 0..max */
	POSITIVE, /* uint32_t, 1..max */
	OCTAL,	  /* uint32_t, 0..max */
	LENGTH,	  /* uint64_t, 1..max */
	SIZE,	  /* uint64_t, with a unit */
	FLAG,	  /* bool */
};

struct row {
	const char *section, *name;
	enum kind kind;
	size_t at;
	uint64_t max;
};

#define AT(field) offsetof(struct ld_conf, field)
#define TEXT_OF(field) TEXT, AT(field), sizeof(((struct ld_conf *)0)->field)

/* All but those that do more than keep a value: role, listen, peers. */
static const struct row rows[] = {
	{"node", "dir", TEXT_OF(dir)},
	{"node", "socket", TEXT_OF(socket)},
	{"node", "socket_mode", OCTAL, AT(socket_mode), 0777},
	{"node", "threads", POSITIVE, AT(threads), THREADS_MAX},
	{"node", "tls_cert", TEXT_OF(tls_cert)},
	{"node", "tls_key", TEXT_OF(tls_key)},
	{"authority", "key", TEXT_OF(key)},
	{"upstream", "urls", TEXT_OF(upstream)},
	{"upstream", "chain", TEXT_OF(upstream_chain)},
	{"upstream", "from_genesis", FLAG, AT(from_genesis), 0},
	{"peers", "listen", TEXT_OF(peer_listen)},
	{"peers", "cert", TEXT_OF(peer_cert)},
	{"peers", "key", TEXT_OF(peer_key)},
	{"peers", "ca", TEXT_OF(peer_ca)},
	{"etcd", "endpoints", TEXT_OF(etcd_endpoints)},
	{"etcd", "ca", TEXT_OF(etcd_ca)},
	{"etcd", "cert", TEXT_OF(etcd_cert)},
	{"etcd", "key", TEXT_OF(etcd_key)},
	{"etcd", "user", TEXT_OF(etcd_user)},
	{"etcd", "password_file", TEXT_OF(etcd_password_file)},
	{"limits", "connections", POSITIVE, AT(connections), CONNECTIONS_MAX},
	{"limits", "connections_per_address", COUNT, AT(connections_per_address), CONNECTIONS_MAX},
	{"limits", "body_bytes", LENGTH, AT(body_bytes), MKT_BODY_BYTES_MAX},
	{"limits", "streams", POSITIVE, AT(streams), STREAMS_MAX},
	{"disk", "alarm_free", SIZE, AT(alarm_free_bytes), 0},
	{"disk", "refuse_free", SIZE, AT(refuse_free_bytes), 0},
	{"disk", "alarm_command", TEXT_OF(alarm_command)},
	{"disk", "keep_days", COUNT, AT(keep_days), KEEP_DAYS_MAX},
	{"disk", "archive", TEXT_OF(archive)},
};

static int set_row(struct ld_conf *c, const struct row *r, const char *value, struct mkt_err *err)
{
	void *at = (char *)c + r->at;
	uint64_t v = 0;
	int res;

	switch (r->kind) {
	case TEXT:
		return set_text(at, r->name, value, r->max, err);
	case FLAG:
		return set_flag(at, r->name, value, err);
	case SIZE:
		return set_bytes(at, r->name, value, err);
	case LENGTH:
		return set_positive(at, r->name, value, r->max, err);
	case POSITIVE:
		res = set_positive(&v, r->name, value, r->max, err);
		break;
	default:
		res = set_number(&v, r->name, value, r->kind == OCTAL ? 8 : 10, r->max, err);
	}
	if (!res)
		*(uint32_t *)at = (uint32_t)v;
	return res;
}

static const char *const roles[] = {"solo", "fullnode", "authority"};

static int set_role(struct ld_conf *c, const char *value, struct mkt_err *err)
{
	for (size_t i = 0; i < MKT_ARRAY_SIZE(roles); i++)
		if (!strcmp(value, roles[i])) {
			c->role = (enum ld_role)i;
			if (!c->listen_set)
				snprintf(c->listen, sizeof(c->listen), "%s",
					 c->role == LD_AUTHORITY ? "" : LISTEN);
			return 0;
		}
	return mkt_err_set(err, MKT_EINVAL,
			   "'role' is '%s', which is none of solo, fullnode and authority", value);
}

static bool name_ok(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i]))
			return false;
	return n && n <= MKT_NAME_MAX;
}

const struct ld_named *ld_conf_peer(const struct ld_conf *c, const char *name)
{
	for (uint32_t i = 0; i < c->npeers; i++)
		if (!strcasecmp(c->peers[i].name, name))
			return &c->peers[i];
	return NULL;
}

static int set_peer(struct ld_conf *c, const char *peer, const char *name, const char *value,
		    struct mkt_err *err)
{
	const struct ld_named *found = ld_conf_peer(c, peer);
	struct ld_named *p;
	int res;

	if (!name_ok(peer))
		return mkt_err_set(err, MKT_EINVAL,
				   "'%s' is no name of a peer: 1 to %d of a-z, 0-9, '.', '_', '-'",
				   peer, MKT_NAME_MAX);
	if (strcmp(name, "url"))
		return mkt_err_set(err, MKT_EINVAL, "there is no setting '%s' in [peer %s]", name,
				   peer);
	if (!found && c->npeers == LD_NAMED_MAX)
		return mkt_err_set(err, MKT_EINVAL, "there are more than %d peers", LD_NAMED_MAX);
	p = &c->peers[found ? (uint32_t)(found - c->peers) : c->npeers];
	res = set_text(p->url, name, value, sizeof(p->url), err);
	if (res < 0 || found)
		return res;
	memcpy(p->name, peer, strlen(peer) + 1);
	c->npeers++;
	return 0;
}

int ld_conf_set(struct ld_conf *c, const char *section, const char *name, const char *value,
		struct mkt_err *err)
{
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++)
		if (!strcmp(section, rows[i].section) && !strcmp(name, rows[i].name))
			return set_row(c, &rows[i], value, err);
	if (!strcmp(section, "node") && !strcmp(name, "role"))
		return set_role(c, value, err);
	if (!strcmp(section, "node") && !strcmp(name, "listen")) {
		c->listen_set = true;
		return set_text(c->listen, name, value, sizeof(c->listen), err);
	}
	if (!strncmp(section, PEER, strlen(PEER)))
		return set_peer(c, section + strlen(PEER), name, value, err);
	return mkt_err_set(err, MKT_EINVAL, "there is no setting '%s' in [%s]", name, section);
}

int ld_conf_read(struct ld_conf *c, const char *path, struct mkt_err *err)
{
	struct mkt_conf file = MKT_CONF_INIT;
	int res = mkt_conf_read(&file, path, err);

	for (size_t i = 0; i < file.n && res >= 0; i++) {
		const struct mkt_conf_entry *e = &file.entries[i];
		const char *dot = strrchr(e->name, '.'); /* names of peers have dots */
		size_t n = dot ? (size_t)(dot - e->name) : 0;
		char section[64] = "";

		if (n < sizeof(section))
			memcpy(section, e->name, n);
		res = ld_conf_set(c, section, dot ? dot + 1 : e->name, e->value, err);
		if (res < 0)
			mkt_err_wrap(err, "%s",
				     strncmp(e->where, "file:", 5) ? e->where : e->where + 5);
	}
	mkt_conf_release(&file);
	return res < 0 ? res : 0;
}
