/*
 * Tables that several commands show: legs and contracts, with their places in
 * the server's JSON; options of every list.
 */
#ifndef MKT_CMD_TABLES_H
#define MKT_CMD_TABLES_H

#include "cmd/session.h"

/* window, tag, price_u$_per_wh, open */
extern const struct mkt_table mkt_leg_table;
extern const struct mkt_source mkt_leg_source[];

/* All that is known of a contract. */
extern const struct mkt_table mkt_contract_table;
extern const struct mkt_source mkt_contract_source[];

/* --limit, --cursor. */
struct mkt_list_opts {
	struct mkt_num limit;
	const char *cursor;
};
extern const struct mkt_opt mkt_list_options[];

/* "limit=100&after=x" for the query; @key is the cursor's parameter. */
void mkt_list_query(struct mkt_buf *query, const struct mkt_list_opts *o, const char *key);

/* A document of one list part: from the answer, with its cursor. */
int mkt_list_print(struct mkt_session *s, const struct mkt_doc *doc, const struct mkt_source *from,
		   const struct mkt_answer *a) MKT_MUST_CHECK;

/* True if the result is for a person and in the command's own words, not for --fields. */
bool mkt_for_people(const struct mkt_app *app);

#endif
