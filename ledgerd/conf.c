#include "core/base/compat.h"

#include <ctype.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/app/conf.h"
#include "core/base/limits.h"
#include "ledgerd/conf.h"

#define THREADS_MAX 64
#define CONNECTIONS_MAX 16384

void ld_conf_init(struct ld_conf *c)
{
	*c = (struct ld_conf){
		.socket = "/run/mkt/ledgerd.sock",
		.listen = "127.0.0.1:7460",
		.socket_mode = 0660,
		.threads = 2,
		.connections = 1024,
		.body_bytes = MKT_BODY_BYTES_MAX,
		.alarm_free_bytes = 2000000000u,
		.refuse_free_bytes = 500000000u,
	};
}

static int set_text(char out[LD_PATH_MAX], const char *name, const char *value, struct mkt_err *err)
{
	size_t n = strlen(value);

	if (n >= LD_PATH_MAX)
		return mkt_err_set(err, MKT_EINVAL, "'%s' is longer than %d bytes", name,
				   LD_PATH_MAX - 1);
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

static int set_u32(uint32_t *out, const char *name, const char *value, uint32_t max,
		   struct mkt_err *err)
{
	uint64_t v;

	if (set_number(&v, name, value, 10, max, err) < 0)
		return -MKT_EINVAL;
	if (!v)
		return mkt_err_set(err, MKT_EINVAL, "'%s' is zero", name);
	*out = (uint32_t)v;
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

static int set_node(struct ld_conf *c, const char *name, const char *value, struct mkt_err *err)
{
	uint64_t v;

	if (!strcmp(name, "role")) {
		if (strcmp(value, "solo"))
			return mkt_err_set(err, MKT_EINVAL,
					   "'role' is '%s', but this ledgerd knows 'solo'", value);
		return 0;
	}
	if (!strcmp(name, "dir"))
		return set_text(c->dir, name, value, err);
	if (!strcmp(name, "socket"))
		return set_text(c->socket, name, value, err);
	if (!strcmp(name, "listen"))
		return set_text(c->listen, name, value, err);
	if (!strcmp(name, "threads"))
		return set_u32(&c->threads, name, value, THREADS_MAX, err);
	if (!strcmp(name, "socket_mode")) {
		if (set_number(&v, name, value, 8, 0777, err) < 0)
			return -MKT_EINVAL;
		c->socket_mode = (uint32_t)v;
		return 0;
	}
	return mkt_err_set(err, MKT_EINVAL, "there is no setting '%s' in [node]", name);
}

int ld_conf_set(struct ld_conf *c, const char *section, const char *name, const char *value,
		struct mkt_err *err)
{
	if (!strcmp(section, "node"))
		return set_node(c, name, value, err);
	if (!strcmp(section, "authority") && !strcmp(name, "key"))
		return set_text(c->key, name, value, err);
	if (!strcmp(section, "limits") && !strcmp(name, "connections"))
		return set_u32(&c->connections, name, value, CONNECTIONS_MAX, err);
	if (!strcmp(section, "limits") && !strcmp(name, "body_bytes")) {
		uint32_t v = 0;

		if (set_u32(&v, name, value, MKT_BODY_BYTES_MAX, err) < 0)
			return -MKT_EINVAL;
		c->body_bytes = v;
		return 0;
	}
	if (!strcmp(section, "disk") && !strcmp(name, "alarm_free"))
		return set_bytes(&c->alarm_free_bytes, name, value, err);
	if (!strcmp(section, "disk") && !strcmp(name, "refuse_free"))
		return set_bytes(&c->refuse_free_bytes, name, value, err);
	return mkt_err_set(err, MKT_EINVAL, "there is no setting '%s' in [%s]", name, section);
}

int ld_conf_read(struct ld_conf *c, const char *path, struct mkt_err *err)
{
	struct mkt_conf file = MKT_CONF_INIT;
	int res = mkt_conf_read(&file, path, err);

	for (size_t i = 0; i < file.n && res >= 0; i++) {
		const struct mkt_conf_entry *e = &file.entries[i];
		size_t n = strcspn(e->name, ".");
		char section[32] = "";

		if (n < sizeof(section) && e->name[n])
			memcpy(section, e->name, n);
		res = ld_conf_set(c, section, e->name[n] ? e->name + n + 1 : e->name, e->value,
				  err);
		if (res < 0)
			mkt_err_wrap(err, "%s",
				     strncmp(e->where, "file:", 5) ? e->where : e->where + 5);
	}
	mkt_conf_release(&file);
	return res < 0 ? res : 0;
}

/* HOST:PORT; whether the host is known here shows when the daemon starts. */
static int check_listen(const char *text, struct mkt_err *err)
{
	const char *colon = strrchr(text, ':');
	struct mkt_err ignored;
	uint64_t port;

	if (!colon || colon == text)
		return mkt_err_set(err, MKT_EINVAL, "'listen' is '%s', which is not HOST:PORT",
				   text);
	if (set_number(&port, "listen", colon + 1, 10, UINT16_MAX, &ignored) < 0)
		return mkt_err_set(err, MKT_EINVAL, "'listen' is '%s': '%s' is no port up to 65535",
				   text, colon + 1);
	return 0;
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

int ld_conf_check(const struct ld_conf *c, struct mkt_err *err)
{
	int res = 0;

	if (!c->dir[0])
		return mkt_err_set(err, MKT_EINVAL, "'dir' in [node] is not set");
	if (!c->key[0])
		return mkt_err_set(err, MKT_EINVAL, "'key' in [authority] is not set");
	if (!c->socket[0] && !c->listen[0])
		return mkt_err_set(err, MKT_EINVAL,
				   "neither 'socket' nor 'listen' is set in [node]");
	if (c->refuse_free_bytes > c->alarm_free_bytes)
		return mkt_err_set(
			err, MKT_EINVAL,
			"'refuse_free' in [disk] is above 'alarm_free': no alarm would come");
	if (c->socket[0])
		res = check_socket(c->socket, err);
	if (res >= 0 && c->listen[0])
		res = check_listen(c->listen, err);
	return res;
}
