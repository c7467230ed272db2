/*
 * Configuration: one value for each name, and where it came from.
 *
 * Later sources win: built-in, site file, user file, environment, command line.
 * Files are of the INI kind: [section] lines, "key = value" lines, comments with
 * '#' or ';' at the start of a line, or ';' after a blank; see mkt.conf(5).  A name
 * is "section.key", in lower case; the section may hold dots itself.
 */
#ifndef MKT_APP_CONF_H
#define MKT_APP_CONF_H

#include "core/base/buf.h"
#include "core/base/compat.h"
#include "core/base/err.h"

#define MKT_CONF_LINE_MAX 190   /* inih cuts lines in two beyond 197 */
#define MKT_CONF_ENTRIES_MAX 2048 /* a site of 64 devices */
#define MKT_CONF_SITE "/etc/mkt/config"

enum mkt_origin {
	MKT_ORIGIN_BUILTIN = 0,
	MKT_ORIGIN_SITE,
	MKT_ORIGIN_USER,
	MKT_ORIGIN_ENV,
	MKT_ORIGIN_OPTION
};

struct mkt_setting {
	const char *name;
	const char *env;  /* or NULL */
	const char *dflt; /* or NULL */
	const char *help;
};

/* All rows of settings.def; ended by a row without name. */
extern const struct mkt_setting mkt_settings[];
const struct mkt_setting *mkt_setting_find(const char *name); /* or NULL */

/* 0 if @value will do for @name; -MKT_EUSAGE otherwise.  Any text does for unknown names. */
int mkt_setting_check(const char *name, const char *value, struct mkt_err *err) MKT_MUST_CHECK;

/* May it be written to a file?  Known, or of a section whose names are the user's own. */
bool mkt_setting_known(const char *name);

struct mkt_conf_entry {
	char *name;
	char *value;
	enum mkt_origin origin;
	char *where; /* "file:/etc/mkt/config:7", "environment:MKT_SERVER", "option", "built-in" */
};

struct mkt_conf {
	struct mkt_conf_entry *entries; /* sorted by name */
	size_t n;
	struct mkt_buf warnings;        /* lines about unknown settings */
};

#define MKT_CONF_INIT {NULL, 0, MKT_BUF_INIT}

void mkt_conf_release(struct mkt_conf *c);

/*
 * Read built-in values, the site file, the user file and the environment.
 * @file is --config or MKT_CONFIG and must be there; NULL: the usual file, which
 * need not.  -MKT_EUSAGE names file and line; -MKT_ENOMEM.
 */
int mkt_conf_load(struct mkt_conf *c, const char *file, struct mkt_err *err) MKT_MUST_CHECK;

/* Read one file and nothing else: what daemons have of their own.  Errors as mkt_conf_load(). */
int mkt_conf_read(struct mkt_conf *c, const char *file, struct mkt_err *err) MKT_MUST_CHECK;

/* Give @name a value from the command line. */
int mkt_conf_option(struct mkt_conf *c, const char *name, const char *value,
		    struct mkt_err *err) MKT_MUST_CHECK;

/* "name=value" of -c. */
int mkt_conf_assign(struct mkt_conf *c, const char *text, struct mkt_err *err) MKT_MUST_CHECK;

/* The value, borrowed, or NULL. */
const char *mkt_conf_get(const struct mkt_conf *c, const char *name);
const struct mkt_conf_entry *mkt_conf_find(const struct mkt_conf *c, const char *name);

/*
 * Set @name to @value in @file, or remove it (@value NULL; -MKT_ENOTFOUND if it
 * is not there), leaving all other lines as they are.  Atomic: the old file or
 * the new one.  Makes the file and its directory if need be.
 */
int mkt_conf_write(const char *file, const char *name, const char *value,
		   struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Directories of this user.  XDG variable, then home: HOME, or the password
 * file's when the environment is empty.  -MKT_EUSAGE when there is neither.
 */
enum mkt_dir { MKT_DIR_CONFIG, MKT_DIR_DATA, MKT_DIR_STATE };
int mkt_conf_dir(const struct mkt_conf *c, enum mkt_dir dir, struct mkt_buf *path,
		 struct mkt_err *err) MKT_MUST_CHECK;

#endif
