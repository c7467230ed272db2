/*
 * Output: one description of a result, four ways to show it.
 *
 * A command describes its result once, as constant data: a document (schema and
 * version) of one or more parts, each a table of columns or a single object.
 * Then it hands over rows of values.  The human form (a table cut to the
 * terminal, own zone, units in the header), --porcelain (TAB lines), --json and
 * --csv (one table) come from that, and so do the names that --fields takes.
 *
 *	enum { C_WINDOW, C_TAG, C_PRICE, C_ENERGY };
 *	static const struct mkt_col level_cols[] = {
 *		[C_WINDOW] = {"window", MKT_COL_WINDOW, .head = "window"},
 *		[C_TAG] = {"tag", MKT_COL_TEXT, .head = "tag"},
 *		[C_PRICE] = {"price_u$_per_wh", MKT_COL_PRICE, .head = "limit"},
 *		[C_ENERGY] = {"energy_wh", MKT_COL_ENERGY, .head = "left"},
 *		{NULL}
 *	};
 *	static const struct mkt_table level = {"level", level_cols};
 *	static const struct mkt_doc book_doc = {"book", 1, {&level}};
 *
 *	rc = mkt_out_open(out, &book_doc, err);
 *	mkt_out_part(out, &level);
 *	for (...)
 *		mkt_out_row(out, (struct mkt_val[]){
 *			[C_WINDOW] = mkt_v_window(start, len_s), [C_TAG] = mkt_v_text("green"),
 *			[C_PRICE] = mkt_v_int(25500), [C_ENERGY] = mkt_v_uint(10000)});
 *	mkt_out_close(out);
 *
 * '$' in a name stands for the chain's currency: "price_ujpy_per_wh".  Values are
 * borrowed for the call.  Bytes are kept until the document is closed or a
 * megabyte has come together, so a command that fails early prints nothing.  A
 * write that fails is remembered and told by mkt_out_finish(): exit 74.
 */
#ifndef MKT_APP_OUT_H
#define MKT_APP_OUT_H

#include "core/app/term.h"
#include "core/base/buf.h"
#include "core/base/compat.h"
#include "core/base/err.h"
#include "core/codec/json.h"
#include "core/units/zone.h"

#define MKT_COLS_MAX 64 /* a bit each */
#define MKT_PARTS_MAX 6

enum mkt_form { MKT_FORM_HUMAN = 0, MKT_FORM_PORCELAIN, MKT_FORM_JSON, MKT_FORM_CSV };

enum mkt_col_kind {
	MKT_COL_TEXT = 1, /* text */
	MKT_COL_ID,       /* text or bytes; a person's terminal shows the first 8 characters */
	MKT_COL_BOOL,     /* true/false, 1/0, yes/no */
	MKT_COL_INT,      /* int */
	MKT_COL_UINT,     /* uint; below 2^53 for all time: heights, counts */
	MKT_COL_BIG,      /* uint that may pass 2^53: text in JSON */
	MKT_COL_ENERGY,   /* uint, Wh; people read kWh */
	MKT_COL_POWER,    /* int, W; people read kW */
	MKT_COL_PRICE,    /* int, micro-currency per Wh; people read currency per kWh */
	MKT_COL_MONEY,    /* int, micro-currency; text in JSON */
	MKT_COL_TIME,     /* uint, s UTC; RFC 3339 in JSON */
	MKT_COL_TIME_MS,  /* uint, ms UTC; porcelain: s, unless the name ends in _ms */
	MKT_COL_DURATION, /* uint, s */
	MKT_COL_DURATION_MS, /* uint, ms */
	MKT_COL_SHARE,    /* uint, 1/10000; people read % */
	MKT_COL_BYTES,    /* uint; people read kB, MB, GB */
	MKT_COL_WINDOW,   /* start and length, s */
	MKT_COL_LIST,     /* rows of @sub inside this row */
};

struct mkt_table;

struct mkt_col {
	const char *name;  /* in --porcelain, --fields and, if @json is NULL, --json */
	uint8_t kind;      /* enum mkt_col_kind */
	bool wide;         /* people see it with -v only */
	bool cut;          /* people: may be shortened when the terminal is narrow */
	const char *head;  /* people's header, without unit; NULL: they do not see it */
	const char *json;  /* path in JSON, "bid.id"; those of one first word share an object */
	const struct mkt_table *sub; /* LIST */
};

struct mkt_table {
	const char *name;           /* first field of porcelain lines; key in JSON */
	const struct mkt_col *cols; /* ended by a row without name */
	bool one;                   /* a single object, not a list */
};

struct mkt_doc {
	const char *schema; /* "book": mkt.book/1 and "# mkt-book 1" */
	int version;
	const struct mkt_table *parts[MKT_PARTS_MAX + 1];
	bool stream;        /* JSON Lines; every row is written at once */
};

enum mkt_val_kind { MKT_VAL_NONE = 0, MKT_VAL_TEXT, MKT_VAL_BYTES, MKT_VAL_INT, MKT_VAL_UINT,
		    MKT_VAL_WINDOW, MKT_VAL_LIST };

struct mkt_val {
	uint8_t kind;  /* enum mkt_val_kind; NONE: absent, "-" or null */
	uint8_t color; /* enum mkt_color, for people; must never be the only sign */
	union {
		const char *text;
		int64_t i;
		uint64_t u; /* also BOOL */
		struct {
			const void *p;
			size_t n;
		} bytes;
		struct {
			uint64_t start_s;
			uint32_t length_s;
		} window;
		struct {
			const struct mkt_val *v; /* n rows, one after another */
			size_t n;
		} list;
	};
};

static inline struct mkt_val mkt_v_none(void)
{
	return (struct mkt_val){.kind = MKT_VAL_NONE};
}

/* NULL: absent. */
static inline struct mkt_val mkt_v_text(const char *s)
{
	return (struct mkt_val){.kind = s ? MKT_VAL_TEXT : MKT_VAL_NONE, .text = s};
}

static inline struct mkt_val mkt_v_bytes(const void *p, size_t n)
{
	return (struct mkt_val){.kind = MKT_VAL_BYTES, .bytes = {p, n}};
}

static inline struct mkt_val mkt_v_int(int64_t v)
{
	return (struct mkt_val){.kind = MKT_VAL_INT, .i = v};
}

static inline struct mkt_val mkt_v_uint(uint64_t v)
{
	return (struct mkt_val){.kind = MKT_VAL_UINT, .u = v};
}

static inline struct mkt_val mkt_v_bool(bool v)
{
	return mkt_v_uint(v);
}

static inline struct mkt_val mkt_v_window(uint64_t start_s, uint32_t length_s)
{
	return (struct mkt_val){.kind = MKT_VAL_WINDOW, .window = {start_s, length_s}};
}

/* @v: @n rows, each as many values as @sub of the column has columns. */
static inline struct mkt_val mkt_v_list(const struct mkt_val *v, size_t n)
{
	return (struct mkt_val){.kind = MKT_VAL_LIST, .list = {v, n}};
}

static inline struct mkt_val mkt_v_colored(struct mkt_val v, enum mkt_color c)
{
	v.color = (uint8_t)c;
	return v;
}

struct mkt_out;

/* What a form does; private to core/app. */
struct mkt_render {
	void (*open)(struct mkt_out *o);
	void (*part)(struct mkt_out *o);
	void (*row)(struct mkt_out *o, const struct mkt_val *v);
	void (*part_end)(struct mkt_out *o);
	void (*close)(struct mkt_out *o);
};

struct mkt_out {
	/* Set by the program before the first document. */
	enum mkt_form form;
	bool nul;                     /* -z: records end with NUL, nothing is escaped */
	bool quiet;                   /* -q: no receipts */
	bool verbose;                 /* -v: wide columns */
	bool paging;                  /* a pager may be started */
	bool sparse;                  /* JSON leaves out absent members: rows of many kinds */
	const char *fields;           /* --fields, or NULL */
	const char *pager;            /* ui.pager, or NULL */
	const struct mkt_term *term;
	char currency[8];             /* "JPY" */
	const struct mkt_zone *zone;  /* of people's times; borrowed; NULL: UTC */

	/* Private. */
	const struct mkt_render *render;
	const struct mkt_doc *doc;
	const struct mkt_table *table; /* the open part, or NULL */
	uint64_t selected[MKT_PARTS_MAX]; /* bit c: column c of the part is shown */
	struct mkt_buf buf;            /* not yet written */
	struct mkt_buf fields_there;   /* after an unknown --fields: those that there are */
	struct mkt_jw jw;
	struct mkt_buf cells;          /* human: texts of the open table */
	size_t n_cells;
	uint64_t n_rows;               /* of the open part */
	uint64_t height;
	uint64_t as_of_ms;
	bool has_meta;
	bool stale;
	char next[96];                 /* cursor of the next page */
	struct mkt_pager to_pager;
	int fd;
	int write_errno;
	bool wrote;                    /* bytes have left: an error can no longer hide them */
};

void mkt_out_init(struct mkt_out *o, const struct mkt_term *term);
void mkt_out_release(struct mkt_out *o);

/* The block that the answer holds for, before mkt_out_open(). */
void mkt_out_meta(struct mkt_out *o, uint64_t height, uint64_t as_of_ms, bool stale);

/*
 * Check --fields against a document without opening it: commands that change
 * something call this first.  -MKT_EUSAGE lists the fields there are.
 */
int mkt_out_check(struct mkt_out *o, const struct mkt_doc *doc, struct mkt_err *err)
	MKT_MUST_CHECK;

/* Begin a document; one at a time.  Fails as mkt_out_check() does; --csv takes one table only. */
int mkt_out_open(struct mkt_out *o, const struct mkt_doc *doc, struct mkt_err *err) MKT_MUST_CHECK;

/* Begin a part: parts come in the order of the document; the one before ends. */
void mkt_out_part(struct mkt_out *o, const struct mkt_table *table);

/* One row: as many values as the open part has columns. */
void mkt_out_row(struct mkt_out *o, const struct mkt_val *v);

/* There is more: @cursor gets it. */
void mkt_out_next(struct mkt_out *o, const char *cursor);

void mkt_out_close(struct mkt_out *o);

/* Open, one part with one row, close. */
int mkt_out_one(struct mkt_out *o, const struct mkt_doc *doc, const struct mkt_val *v,
		struct mkt_err *err) MKT_MUST_CHECK;

/*
 * What an action did.  People get the sentence in one line, scripts the document
 * with its one row; nobody gets anything under -q.
 */
int mkt_out_receipt(struct mkt_out *o, const struct mkt_doc *doc, const struct mkt_val *v,
		    struct mkt_err *err, const char *fmt, ...) MKT_MUST_CHECK MKT_PRINTF(5, 6);

/* Text for people only; other forms ignore it.  Control characters are the caller's own. */
void mkt_out_say(struct mkt_out *o, const char *fmt, ...) MKT_PRINTF(2, 3);

/* Bytes as they are, in every form: exports, private keys, completion lists. */
void mkt_out_raw(struct mkt_out *o, const void *p, size_t n);

/* Write what is kept now: streams and prompts. */
void mkt_out_flush(struct mkt_out *o);

/* A write has failed: nothing more will be written, and mkt_out_finish() tells why. */
bool mkt_out_failed(const struct mkt_out *o);

/*
 * The end of the program's output.  @failed: the command did not succeed; what
 * was not yet written is dropped.  Waits for the pager.  0, or -MKT_EOUTPUT.
 */
int mkt_out_finish(struct mkt_out *o, bool failed, struct mkt_err *err) MKT_MUST_CHECK;

/* One value as people read it, appended to @b: sentences of commands use it. */
void mkt_out_human(const struct mkt_out *o, enum mkt_col_kind kind, const struct mkt_val *v,
		   struct mkt_buf *b);

/* "kWh", "JPY/kWh"; "" for kinds without unit.  @size of at least 16. */
void mkt_out_unit(const struct mkt_out *o, enum mkt_col_kind kind, char *out, size_t size);

extern const struct mkt_render mkt_render_human;
extern const struct mkt_render mkt_render_porcelain;
extern const struct mkt_render mkt_render_json;
extern const struct mkt_render mkt_render_csv;

/* For the renderers. */
unsigned mkt_out_cols(const struct mkt_table *t);
bool mkt_out_shows(const struct mkt_out *o, unsigned col);   /* of the open part */
void mkt_out_name(const struct mkt_out *o, const char *name, struct mkt_buf *b); /* '$' put in */

#endif
