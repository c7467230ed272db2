/*
 * Orders that outlive mkt-driverd: a small file beside the socket, so that a lease
 * and a stop at a counter hold although the process was killed.  It need not survive
 * a power cut: with another boot, the safe state is owed.
 */
#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "drivers/server.h"

#define FILE_MAX_BYTES (DRV_BUS_MAX * MKT_LINE_MAX)

static void boot_id(char id[64])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, id, 63);

	id[n > 0 ? n : 0] = 0;
	id[strcspn(id, "\n")] = 0;
	if (fd >= 0)
		close(fd);
}

/* What the driver found before it changed anything: nobody else knows it any more. */
static void add_keep(struct mkt_buf *text, const struct drv_unit *u)
{
	static const uint8_t none[sizeof(u->dev.keep)];

	if (memcmp(u->dev.keep, none, sizeof(none)) != 0) {
		mkt_buf_addstr(text, " keep=");
		mkt_buf_addhex(text, u->dev.keep, sizeof(u->dev.keep));
	}
	mkt_buf_addch(text, '\n');
}

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void load_keep(struct drv_unit *u, const char *hex)
{
	uint8_t keep[sizeof(u->dev.keep)];

	if (!hex || strlen(hex) != 2 * sizeof(keep))
		return;
	for (size_t i = 0; i < sizeof(keep); i++) {
		int hi = nibble(hex[2 * i]), lo = nibble(hex[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return;
		keep[i] = (uint8_t)(hi << 4 | lo);
	}
	memcpy(u->dev.keep, keep, sizeof(keep));
}

static void add_order(struct mkt_buf *text, const struct drv_unit *u)
{
	const struct drv_hold *h = &u->hold;

	if (h->held) {
		mkt_buf_addf(text, "%s ends=%llu stop.import=%llu stop.export=%llu", u->conf.name,
			     (unsigned long long)h->ends_ms,
			     (unsigned long long)h->order.stop_import_wh,
			     (unsigned long long)h->order.stop_export_wh);
		mkt_buf_addf(text, " given.import=%llu given.export=%llu",
			     (unsigned long long)h->given_wh[0],
			     (unsigned long long)h->given_wh[1]);
		mkt_line_add_set(text, "set", &h->order.set);
		mkt_buf_addstr(text, h->stopped ? " stopped=yes" : "");
		add_keep(text, u);
	} else if (h->safe) {
		mkt_buf_addf(text, "%s safe=owed", u->conf.name);
		add_keep(text, u);
	}
}

static bool replace_file(const char *path, const struct mkt_buf *text)
{
	char temp[300];
	int fd;
	bool ok;

	snprintf(temp, sizeof(temp), "%s.new", path);
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		return false;
	ok = write(fd, text->data, text->len) == (ssize_t)text->len;
	ok &= close(fd) == 0;
	return ok && rename(temp, path) == 0;
}

void drv_orders_save(const struct drv_server *s)
{
	struct mkt_buf text = MKT_BUF_INIT;
	char boot[64];
	size_t head;

	if (!s->orders[0])
		return;
	boot_id(boot);
	mkt_buf_addf(&text, "boot id=%s\n", boot);
	head = text.len;
	for (uint32_t i = 0; i < s->bus.n; i++)
		add_order(&text, &s->bus.units[i]);
	if (text.bad || text.len == head)
		unlink(s->orders);
	else if (!replace_file(s->orders, &text))
		mkt_log(MKT_LOG_WARNING, "cannot write '%s': %s", s->orders, strerror(errno));
	mkt_buf_release(&text);
}

/* All of it, or an order whose time is over. */
static bool read_hold(const struct mkt_line *l, struct drv_hold *h)
{
	const char *set = mkt_line_get(l, "set");

	h->order.lease_s = 1;
	h->stopped = mkt_line_get(l, "stopped") != NULL;
	return set && mkt_line_set(set, &h->order.set) && h->order.set.kind != MKT_SET_NONE &&
	       mkt_line_u64(l, "ends", INT64_MAX, &h->ends_ms) >= 0 &&
	       mkt_line_u64(l, "stop.import", INT64_MAX, &h->order.stop_import_wh) >= 0 &&
	       mkt_line_u64(l, "stop.export", INT64_MAX, &h->order.stop_export_wh) >= 0 &&
	       mkt_line_u64(l, "given.import", INT64_MAX, &h->given_wh[0]) >= 0 &&
	       mkt_line_u64(l, "given.export", INT64_MAX, &h->given_wh[1]) >= 0;
}

static void load_line(struct drv_server *s, const struct mkt_line *l, bool same_boot)
{
	struct drv_unit *u = drv_bus_find(&s->bus, l->word[0]);
	struct drv_hold h = {0};

	if (!u)
		return;
	load_keep(u, mkt_line_get(l, "keep"));
	if (!same_boot || !read_hold(l, &h))
		h = (struct drv_hold){0};
	drv_unit_adopt(u, &h);
	mkt_log(MKT_LOG_NOTICE, "%s: %s", u->conf.name,
		h.ends_ms ? "an order of before goes on" : "an order of before has ended");
}

void drv_orders_load(struct drv_server *s)
{
	struct mkt_buf text = MKT_BUF_INIT;
	struct mkt_err err = {0};
	struct mkt_line l;
	const char *at, *id;
	bool same = false;
	char boot[64];

	if (mkt_file_read(s->orders, FILE_MAX_BYTES, &text, &err) < 0) {
		if (err.code != MKT_ENOTFOUND)
			mkt_log(MKT_LOG_WARNING, "%s", err.text);
		return;
	}
	boot_id(boot);
	for (at = mkt_buf_str(&text); *at; at += *at == '\n') {
		size_t n = strcspn(at, "\n");

		if (n && mkt_line_split(&l, at, n, &err) >= 0) {
			id = mkt_line_get(&l, "id");
			if (!strcmp(l.word[0], "boot"))
				same = id && boot[0] && !strcmp(id, boot);
			else
				load_line(s, &l, same);
		}
		at += n;
	}
	mkt_buf_release(&text);
}
