#include "core/base/compat.h"

#include "ledgerd/engine.h"
#include "ledgerd/node.h"

int ld_engine_turn(struct ld_engine *e, uint64_t height, uint64_t *epoch)
{
	(void)e;
	(void)height;
	*epoch = 0;
	return -MKT_ENOTLEADER;
}

int ld_engine_commit(struct ld_engine *e, struct mkt_sealed *s, struct mkt_err *err)
{
	(void)e;
	(void)s;
	return mkt_err_code(err, MKT_ENOTLEADER);
}

void ld_engine_appended(struct ld_engine *e, const struct mkt_sealed *s,
			const struct mkt_authorities *set)
{
	(void)e;
	(void)s;
	(void)set;
}

bool ld_engine_leads(struct ld_engine *e, char leader[MKT_NAME_MAX + 1])
{
	(void)e;
	leader[0] = 0;
	return false;
}

void ld_engine_look(struct ld_engine *e, struct mkt_quorum_view *out)
{
	(void)e;
	*out = (struct mkt_quorum_view){.epoch = 0};
}

unsigned ld_engine_members(struct ld_engine *e, struct mkt_quorum_member *out, unsigned max)
{
	(void)e, (void)out, (void)max;
	return 0;
}
