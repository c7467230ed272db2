#include "core/base/compat.h"

#include "core/chain/framed.h"
#include "core/codec/enc.h"
#include "core/store/segment.h"

static int wrong(struct mkt_err *err, uint64_t height, const char *what)
{
	return mkt_err_set(err, MKT_EINTEGRITY, "block %llu: %s", (unsigned long long)height, what);
}

int mkt_framed_block(const void *p, size_t n, uint64_t height, uint32_t max, struct mkt_buf *bytes,
		     struct mkt_block *b, struct mkt_err *err)
{
	struct mkt_dec in = mkt_dec_init(p, n);
	uint32_t len = mkt_dec_u32(&in);
	const uint8_t *record = mkt_dec_bytes(&in, len);
	struct mkt_err why = {0};
	struct mkt_block v;
	uint64_t told;
	size_t used;
	bool head;
	int r;

	if (!record || mkt_dec_end(&in) < 0)
		return wrong(err, height, "what came is not one record");
	r = mkt_record_unpack(record, len, max, &told, bytes, &used, &why);
	if (r == -MKT_ENOMEM)
		return mkt_err_code(err, MKT_ENOMEM);
	if (r < 0)
		return wrong(err, height, why.text);
	head = mkt_record_flags(record) & MKT_RECORD_PRUNED;
	r = head ? mkt_block_dec_head(bytes->data, bytes->len, &v, NULL, err)
		 : mkt_block_dec(bytes->data, bytes->len, &v, err);
	if (r < 0)
		return r;
	if (used != len || told != height || v.h.height != height)
		return wrong(err, height, "another block came for it");
	*b = v;
	return head;
}
