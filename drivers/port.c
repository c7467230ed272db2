/* Serial ports of this machine: which there are, what they are, who has them. */
#include "core/base/compat.h"

#include <dirent.h>
#include <libserialport.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/base/file.h"
#include "drivers/link_impl.h"

/* ---- who has it ----------------------------------------------------------------------------- */

static void name_process(long pid, char holder[LINK_HOLDER_MAX])
{
	char path[64], comm[32] = "process";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
	f = fopen(path, "re");
	if (f) {
		if (fgets(comm, sizeof(comm), f))
			comm[strcspn(comm, "\n")] = '\0';
		fclose(f);
	}
	for (char *c = comm; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
	snprintf(holder, LINK_HOLDER_MAX, "%s (%ld)", comm, pid);
}

struct lock_line {
	long pid;
	unsigned long major, minor, ino;
};

/* "1: FLOCK  ADVISORY  WRITE 1234 00:19:5 0 EOF" */
static bool read_lock(const char *line, struct lock_line *out)
{
	const char *p = strstr(line, " FLOCK ");
	char *end;

	for (int word = 0; p && word < 3; word++) {
		p += strspn(p, " ");
		p += strcspn(p, " ");
	}
	if (!p)
		return false;
	out->pid = strtol(p, &end, 10);
	out->major = strtoul(end, &end, 16);
	out->minor = *end == ':' ? strtoul(end + 1, &end, 16) : 0;
	if (*end != ':')
		return false;
	out->ino = strtoul(end + 1, &end, 10);
	return out->pid > 0;
}

bool link_port_locker(const char *path, char holder[LINK_HOLDER_MAX])
{
	struct stat st;
	char line[256];
	bool found = false;
	FILE *f;

	if (stat(path, &st) < 0)
		return false;
	f = fopen("/proc/locks", "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		struct lock_line lock;

		found = read_lock(line, &lock) && lock.ino == (unsigned long)st.st_ino &&
			lock.major == major(st.st_dev) && lock.minor == minor(st.st_dev);
		if (found)
			name_process(lock.pid, holder);
	}
	if (f)
		fclose(f);
	return found;
}

static bool process_has(long pid, const char *path)
{
	char dir[64], file[400], to[PATH_MAX];
	const struct dirent *e;
	bool found = false;
	DIR *d;

	snprintf(dir, sizeof(dir), "/proc/%ld/fd", pid);
	d = opendir(dir);
	while (d && !found && (e = readdir(d))) {
		ssize_t n;

		snprintf(file, sizeof(file), "%s/%s", dir, e->d_name);
		n = readlink(file, to, sizeof(to) - 1);
		if (n <= 0)
			continue;
		to[n] = '\0';
		found = !strcmp(to, path);
	}
	if (d)
		closedir(d);
	return found;
}

bool link_port_user(const char *path, char holder[LINK_HOLDER_MAX])
{
	DIR *d = opendir("/proc");
	const struct dirent *e;
	bool found = false;

	while (d && !found && (e = readdir(d))) {
		long pid = strtol(e->d_name, NULL, 10);

		if (pid <= 0 || pid == getpid())
			continue;
		found = process_has(pid, path);
		if (found)
			name_process(pid, holder);
	}
	if (d)
		closedir(d);
	return found;
}

/* ---- which there are ------------------------------------------------------------------------ */

static void copy_text(char *out, size_t size, const char *text)
{
	size_t n = 0;

	for (; text && *text && n + 1 < size; text++)
		out[n++] = *text > 0x20 && *text < 0x7f ? *text : ' ';
	while (n && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
}

/* Blanks in a serial number would end the word in a configuration: '_' as udev does it. */
static void usb_name(const struct sp_port *sp, struct drv_port *p)
{
	char serial[128];
	int vid, pid;

	p->name[0] = '\0';
	if (sp_get_port_transport(sp) != SP_TRANSPORT_USB ||
	    sp_get_port_usb_vid_pid(sp, &vid, &pid) != SP_OK)
		return;
	copy_text(serial, sizeof(serial), sp_get_port_usb_serial(sp));
	for (char *c = serial; *c; c++)
		if (*c == ' ')
			*c = '_';
	snprintf(p->name, sizeof(p->name), "usb:%04x:%04x%s%s", (unsigned)vid & 0xffff,
		 (unsigned)pid & 0xffff, serial[0] ? ":" : "", serial);
}

static void describe(const struct sp_port *sp, struct drv_port *p)
{
	const char *path = sp_get_port_name(sp), *product = NULL;

	memset(p, 0, sizeof(*p));
	snprintf(p->path, sizeof(p->path), "%s", path ? path : "");
	usb_name(sp, p);
	if (p->name[0])
		product = sp_get_port_usb_product(sp);
	copy_text(p->what, sizeof(p->what), product ? product : sp_get_port_description(sp));
}

/* Looking for holders reads all of /proc: who only wants a name goes without. */
static int list(bool holders, void (*each)(void *arg, const struct drv_port *p), void *arg,
		struct mkt_err *err)
{
	struct sp_port **ports;
	struct drv_port p;
	int n = 0;

	if (sp_list_ports(&ports) != SP_OK)
		return mkt_err_set(err, MKT_EIO, "cannot list the serial ports");
	for (; ports[n]; n++) {
		describe(ports[n], &p);
		if (holders)
			p.held = link_port_locker(p.path, p.holder) ||
				 link_port_user(p.path, p.holder);
		each(arg, &p);
	}
	sp_free_port_list(ports);
	return n;
}

int drv_ports(void (*each)(void *arg, const struct drv_port *p), void *arg, struct mkt_err *err)
{
	return list(true, each, arg, err);
}

/* ---- by USB identity ------------------------------------------------------------------------ */

struct wanted {
	const char *name;
	unsigned found;
	char *path;
};

/* "usb:0403:6001" fits "usb:0403:6001:A50285BI" as well. */
static void match(void *arg, const struct drv_port *p)
{
	struct wanted *w = arg;
	size_t n = strlen(w->name);

	if (!p->name[0] || strncasecmp(p->name, w->name, n) || (p->name[n] && p->name[n] != ':'))
		return;
	w->found++;
	snprintf(w->path, DRV_PORT_MAX + 1, "%s", p->path);
}

/* "usb:0403:6001" or "usb:0403:6001:SERIAL". */
static bool is_usb_name(const char *s)
{
	for (int i = 0; i < 13; i++) {
		bool hex = (s[i] >= '0' && s[i] <= '9') ||
			   ((s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'f');

		if (i < 3 ? s[i] != "usb"[i] : i == 3 || i == 8 ? s[i] != ':' : !hex)
			return false;
	}
	return !s[13] || (s[13] == ':' && s[14]);
}

int link_port_by_usb(const char *name, char path[DRV_PORT_MAX + 1], struct mkt_err *err)
{
	struct wanted w = {name, 0, path};
	int r;

	if (!is_usb_name(name))
		return mkt_err_set(err, MKT_EINVAL, "'%s' is not usb:VENDOR:PRODUCT[:SERIAL]",
				   name);
	r = list(false, match, &w, err);
	if (r < 0)
		return r;
	if (w.found > 1)
		return mkt_err_set(err, MKT_EINVAL, "%u ports are '%s': say the serial number",
				   w.found, name);
	return w.found ? 0 : mkt_err_set(err, MKT_EDEVABSENT, "nothing plugged in is '%s'", name);
}
