/*
 * Events of the chain as rows and as sentences: log, statements, why, tx.
 */
#ifndef MKT_CMD_EVENTS_H
#define MKT_CMD_EVENTS_H

#include "cmd/session.h"
#include "core/wire/story.h"

/* One table for all kinds; a row has what its kind has (out.sparse leaves out the rest in JSON). */
extern const struct mkt_table mkt_event_table;
extern const struct mkt_source mkt_event_source[];

/* "height:n", which is also where a stream goes on; @size of at least 40. */
void mkt_event_place(const struct mkt_jval *ev, char *out, size_t size);

/* What happened, for people: "c991: house01 buys 2.000 kWh from pv07 ...".  Appended. */
void mkt_event_sentence(struct mkt_session *s, const struct mkt_jval *ev, struct mkt_buf *out);

/* "2026-11-23 10:30-11:00 JST" of the member "window_s". */
void mkt_add_window(struct mkt_session *s, const struct mkt_jval *obj, struct mkt_buf *out);

#endif
