/*
 * Charts as SVG 1.1: bars (side by side or stacked) and lines over named places.
 *
 * A chart is one <svg> element without scripts, fonts or links, to stand in a file of its own
 * or in an HTML page.  Text from others is escaped; what XML cannot hold becomes '?'.
 * Values are integers with @decimals of them behind the point; nothing is rounded but pixels.
 */
#ifndef MKT_CMD_SVG_H
#define MKT_CMD_SVG_H

#include "core/base/buf.h"
#include "core/base/compat.h"

#define SVG_GAP INT64_MIN /* not known: nothing is drawn */
#define SVG_SERIES_MAX 8
#define SVG_PLACES_MAX 4096

enum svg_kind {
	SVG_BARS,    /* of one place side by side */
	SVG_STACKED, /* of one place on one another; values not below 0 */
	SVG_LINES,   /* a step for each place: prices of windows */
};

struct svg_series {
	const char *name;      /* for the legend; anybody's text */
	const int64_t *values; /* one for each place; borrowed */
};

struct svg_chart {
	enum svg_kind kind;
	const char *title;
	const char *y_title; /* "JPY/kWh" */
	const char *x_title; /* "hour of the day" */
	unsigned places;     /* at most SVG_PLACES_MAX */
	/* Name of a place, or NULL for one without; as many as fit are written. */
	const char *(*place)(void *ctx, unsigned i, char out[64]);
	void *ctx;
	unsigned nseries;
	struct svg_series series[SVG_SERIES_MAX];
	unsigned decimals;	/* of values: 3 for Wh shown as kWh; at most 9 */
	unsigned width, height; /* 0: 720 by 300 */
	int64_t least, most;	/* beside 0 the y axis reaches at least so far */
};

/* Append @text so that it may stand in an element or a quoted attribute. */
void svg_text(struct mkt_buf *out, const char *text);

/* Append the element. */
void svg_chart(struct mkt_buf *out, const struct svg_chart *c);

#endif
