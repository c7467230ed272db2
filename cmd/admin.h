/* Parts of mkt admin. */
#ifndef MKT_CMD_ADMIN_H
#define MKT_CMD_ADMIN_H

#include "cmd/act.h"
#include "core/ledger/authorities.h"

/* Open an action of the operator, who acts for nobody else. */
int mkt_admin_open(struct mkt_act *a, struct mkt_app *app,
		   const struct mkt_act_opts *opts) MKT_MUST_CHECK;

/* mkt admin authority (admin_authority.c). */
struct mkt_admin_authority_values {
	const char *key;
	struct mkt_act_opts act;
};
extern const struct mkt_opt mkt_admin_authority_options[];
int mkt_admin_authority_run(struct mkt_app *app, void *values, int argc,
			    char **argv) MKT_MUST_CHECK;
/* The set of authorities in force, as the server tells it. */
int mkt_admin_set(struct mkt_session *s, struct mkt_authorities *set) MKT_MUST_CHECK;

/* mkt admin evidence (admin_evidence.c). */
int mkt_admin_evidence_run(struct mkt_app *app, void *values, int argc,
			   char **argv) MKT_MUST_CHECK;

#endif
