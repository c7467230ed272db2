/*
 * Option tables: one table feeds the parser, -h, --completion-helper and the
 * check of the man pages.
 *
 * A command says what it takes in a constant table of struct mkt_opt, ended by
 * a zero row.  Each row names a field of the command's own struct of values; the
 * MKT_O_... macros fill in the offset and refuse a field of the wrong type at
 * compile time.  The struct starts zeroed; rows with @dflt are then set from
 * that text by the same parser, so what -h prints as default is the default.
 *
 *	struct book_opts {
 *		const char *at;
 *		struct mkt_num depth;
 *		bool unique;
 *	};
 *	static const struct mkt_opt book_rows[] = {
 *		MKT_O_TEXT(struct book_opts, at, "at", 0, "WINDOW", "window", "which window"),
 *		MKT_O_UINT(struct book_opts, depth, "depth", 'd', "N", 1, 99, "20", "levels"),
 *		MKT_O_FLAG(struct book_opts, unique, "unique", 'u', "count shared amounts once"),
 *		MKT_O_END
 *	};
 *
 * Syntax: --x=v, --x v, -xv, -x v, clusters -ab, --no-x for flags, "--" ends the
 * options, "-" is an argument.  Options and arguments may be mixed.  The last
 * one wins, except lists, which collect.  Texts are borrowed from argv.
 */
#ifndef MKT_APP_OPT_H
#define MKT_APP_OPT_H

#include "core/base/buf.h"
#include "core/base/compat.h"
#include "core/base/err.h"

enum mkt_opt_kind {
	MKT_OPT_END = 0,
	MKT_OPT_FLAG,     /* bool; --no-NAME clears it */
	MKT_OPT_TRI,      /* enum mkt_tri; as a flag, but tells "no" from "not said" */
	MKT_OPT_COUNT,    /* int; how often it was given: -v -v */
	MKT_OPT_TEXT,     /* const char *; NULL: not given */
	MKT_OPT_FILE,     /* const char *; a path, "-" for stdin or stdout */
	MKT_OPT_LIST,     /* struct mkt_list; may be repeated */
	MKT_OPT_WORD,     /* int; place in the metavar "red|green" from 1; 0: not given */
	MKT_OPT_UINT,     /* struct mkt_num; decimal in [min, max]; also all kinds below */
	MKT_OPT_DURATION, /* ms; "20s" */
	MKT_OPT_ENERGY,   /* Wh; "10kWh" */
	MKT_OPT_POWER,    /* W; "3kW" */
	MKT_OPT_GROUP,    /* the rows of @rows stand here, relative to the field */
};

enum mkt_tri { MKT_UNSET = 0, MKT_NO, MKT_YES };

struct mkt_num {
	int64_t v;
	bool given;
};

struct mkt_list {
	const char **v; /* owned; freed by mkt_opt_release() */
	size_t n;
};

struct mkt_opt {
	const char *name;            /* long name without dashes; NULL: letter only */
	char letter;                 /* 0: none */
	uint8_t kind;                /* enum mkt_opt_kind */
	bool bare;                   /* WORD: --x alone is the first word; values need --x=v */
	bool required;               /* usage error without it; shown in the usage line */
	bool hidden;                 /* for scripts of our own; not in -h */
	uint32_t at;                 /* offset of the field */
	const char *metavar;         /* "N", "FILE"; of a WORD, the words joined by | */
	const char *help;            /* one line, lower case, no full stop */
	const char *dflt;            /* text of the default, or NULL */
	const char *complete;        /* value kind for completion: window tag account bid ... */
	int64_t min, max;            /* of numbers, in base units; both 0: no bound but the type */
	const struct mkt_opt *rows;  /* GROUP */
};

/* offsetof that checks the type of the field. */
#define MKT_O_AT(S, f, T)                                                                  \
	(offsetof(S, f) + 0 * sizeof(struct {                                              \
		_Static_assert(__builtin_types_compatible_p(__typeof__(((S *)0)->f), T),   \
			       "option " #f " is not of type " #T);                        \
		char c;                                                                    \
	}))

#define MKT_O_FLAG(S, f, long_, letter_, help_)                                            \
	{.kind = MKT_OPT_FLAG, .name = long_, .letter = letter_,                           \
	 .at = MKT_O_AT(S, f, bool), .help = help_}
#define MKT_O_TRI(S, f, long_, letter_, help_)                                             \
	{.kind = MKT_OPT_TRI, .name = long_, .letter = letter_,                            \
	 .at = MKT_O_AT(S, f, enum mkt_tri), .help = help_}
#define MKT_O_COUNT(S, f, long_, letter_, help_)                                           \
	{.kind = MKT_OPT_COUNT, .name = long_, .letter = letter_,                          \
	 .at = MKT_O_AT(S, f, int), .help = help_}
#define MKT_O_TEXT(S, f, long_, letter_, metavar_, complete_, help_)                       \
	{.kind = MKT_OPT_TEXT, .name = long_, .letter = letter_,                           \
	 .at = MKT_O_AT(S, f, const char *), .metavar = metavar_,                          \
	 .complete = complete_, .help = help_}
#define MKT_O_FILE(S, f, long_, letter_, metavar_, help_)                                  \
	{.kind = MKT_OPT_FILE, .name = long_, .letter = letter_,                           \
	 .at = MKT_O_AT(S, f, const char *), .metavar = metavar_, .help = help_}
#define MKT_O_LIST(S, f, long_, letter_, metavar_, complete_, help_)                       \
	{.kind = MKT_OPT_LIST, .name = long_, .letter = letter_,                           \
	 .at = MKT_O_AT(S, f, struct mkt_list), .metavar = metavar_,                       \
	 .complete = complete_, .help = help_}
#define MKT_O_WORD(S, f, long_, letter_, words_, dflt_, help_)                             \
	{.kind = MKT_OPT_WORD, .name = long_, .letter = letter_,                           \
	 .at = MKT_O_AT(S, f, int), .metavar = words_, .dflt = dflt_, .help = help_}
#define MKT_O_UINT(S, f, long_, letter_, metavar_, min_, max_, dflt_, help_)               \
	{.kind = MKT_OPT_UINT, .name = long_, .letter = letter_,                           \
	 .at = MKT_O_AT(S, f, struct mkt_num), .metavar = metavar_,                        \
	 .min = min_, .max = max_, .dflt = dflt_, .help = help_}
/*
 * A quantity with its unit: @kind_ is DURATION, ENERGY or POWER.  Prices and money
 * are texts here: what they mean depends on the chain's currency.
 */
#define MKT_O_UNIT(S, f, kind_, long_, letter_, metavar_, dflt_, help_)                    \
	{.kind = MKT_OPT_##kind_, .name = long_, .letter = letter_,                        \
	 .at = MKT_O_AT(S, f, struct mkt_num), .metavar = metavar_,                        \
	 .dflt = dflt_, .help = help_}
#define MKT_O_GROUP(S, f, T, table_)                                                       \
	{.kind = MKT_OPT_GROUP, .at = MKT_O_AT(S, f, T), .rows = table_}
#define MKT_O_END {.kind = MKT_OPT_END}

/* A table and the struct that its offsets are relative to. */
struct mkt_opt_set {
	const struct mkt_opt *rows; /* NULL: none */
	void *base;
};

#define MKT_OPT_SETS_MAX 3

struct mkt_opt_parse {
	struct mkt_opt_set sets[MKT_OPT_SETS_MAX];
	bool prefixes;    /* a unique prefix of a long name will do: people only */
	bool stop_at_arg; /* stop at the first argument: a command's name */
	bool ended;       /* out: "--" was seen */
};

/* Set every field with a default.  Fails on a wrong default only: our bug. */
int mkt_opt_defaults(const struct mkt_opt *rows, void *base, struct mkt_err *err) MKT_MUST_CHECK;

/*
 * Parse argv[0..argc) (no program name inside).  Arguments move to the front of
 * argv; with @stop_at_arg, everything from the first argument on does.  Returns
 * how many there are, or -MKT_EUSAGE with the wrong option named in @err,
 * -MKT_ENOMEM.  Does not check @required: see mkt_opt_missing().
 */
int mkt_opt_parse(struct mkt_opt_parse *p, int argc, char **argv, struct mkt_err *err)
	MKT_MUST_CHECK;

/* 0, or -MKT_EUSAGE naming the first required option of @rows that was not given. */
int mkt_opt_missing(const struct mkt_opt *rows, const void *base, struct mkt_err *err)
	MKT_MUST_CHECK;

/* Free what lists hold. */
void mkt_opt_release(const struct mkt_opt *rows, void *base);

/*
 * Parse one value as an option of this row would, into @base.  Configuration
 * uses it as well: one parser, one set of sentences.  @shown is the name for errors.
 */
int mkt_opt_value(const struct mkt_opt *o, void *base, const char *shown, const char *text,
		  struct mkt_err *err) MKT_MUST_CHECK;

/* Rows in -h form: "  -d, --depth N     levels a side (default 20)", wrapped to @columns. */
void mkt_opt_help(const struct mkt_opt *rows, unsigned columns, struct mkt_buf *out);

/* Required options as they stand in a usage line: " --at WINDOW". */
void mkt_opt_usage(const struct mkt_opt *rows, struct mkt_buf *out);

/*
 * Rows for completion, one a line, TAB between: name or letter with dashes,
 * value kind ("-" for none; "words:a|b"), metavar or "-", help.
 */
void mkt_opt_completion(const struct mkt_opt *rows, struct mkt_buf *out);

#endif
