/* Credentials of a B route: drivers/broute.h. */
#include "core/base/compat.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/broute.h"

/* Letters and digits of @s to the end of the line: exactly @n, or false. */
static bool take(const char *s, char *out, size_t n)
{
	size_t at = 0;

	for (; *s && *s != '\n'; s++) {
		if (*s == ' ' || *s == '\t' || *s == '\r' || *s == '-')
			continue;
		if (!isalnum((unsigned char)*s) || at == n)
			return false;
		out[at++] = *s;
	}
	out[at] = 0;
	return at == n;
}

static bool is_hex(const char *s)
{
	return s[strspn(s, "0123456789ABCDEF")] == 0;
}

static int parse(const char *file, const char *text, struct drv_br_secret *out,
		 struct mkt_err *err)
{
	bool id = false, password = false;

	for (const char *at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
		size_t name = strcspn(at, " =\t\n"), eq = strcspn(at, "=\n");

		if (at[eq] != '=')
			continue;
		if (name == 2 && !memcmp(at, "id", 2))
			id = take(at + eq + 1, out->id, DRV_BR_ID_LEN) && is_hex(out->id);
		else if (name == 8 && !memcmp(at, "password", 8))
			password = take(at + eq + 1, out->password, DRV_BR_PASSWORD_LEN);
	}
	if (!id)
		return mkt_err_set(err, MKT_EUSAGE,
				   "'%s' needs a line 'id = ' with 32 digits 0-9 A-F", file);
	if (!password)
		return mkt_err_set(err, MKT_EUSAGE,
				   "'%s' needs a line 'password = ' with 12 letters or digits",
				   file);
	return 0;
}

static int check(const char *file, int fd, struct mkt_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return mkt_err_set(err, MKT_EUSAGE, "'%s' is no file", file);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return mkt_err_set(err, MKT_EUSAGE, "'%s' belongs to another user", file);
	if (st.st_mode & 077) {
		mkt_err_set(err, MKT_EUSAGE, "others may read '%s' (mode %03o)", file,
			    (unsigned)st.st_mode & 0777);
		mkt_err_hint(err, "chmod 600 it");
		return -MKT_EUSAGE;
	}
	return 0;
}

int drv_br_secret_read(const char *file, struct drv_br_secret *out, struct mkt_err *err)
{
	char text[1024];
	ssize_t n;
	int fd, r;

	memset(out, 0, sizeof(*out));
	if (!file || !*file)
		return mkt_err_set(err, MKT_EUSAGE,
				   "a B route needs 'secret': a file with id and password");
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return mkt_err_sys(err, MKT_EUSAGE, errno, "cannot open '%s'", file);
	r = check(file, fd, err);
	if (r >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		text[n > 0 ? n : 0] = 0;
		r = parse(file, text, out, err);
		explicit_bzero(text, sizeof(text));
	}
	close(fd);
	if (r < 0)
		explicit_bzero(out, sizeof(*out));
	return r;
}

int drv_br_secret(const struct drv_link *l, const char *file, struct drv_br_secret *out,
		  struct mkt_err *err)
{
	if (strncmp(drv_link_port(l), "replay:", 7) != 0 || (file && *file))
		return drv_br_secret_read(file, out, err);
	snprintf(out->id, sizeof(out->id), "%0*d", DRV_BR_ID_LEN, 0);
	snprintf(out->password, sizeof(out->password), "%0*d", DRV_BR_PASSWORD_LEN, 0);
	return 0;
}
