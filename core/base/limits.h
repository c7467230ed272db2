/*
 * Every bound of the system with its reason.  Bounds that the operator may
 * change live in genesis (core/ledger/genesis.h); these are what no setting passes.
 */
#ifndef MKT_BASE_LIMITS_H
#define MKT_BASE_LIMITS_H

#define MKT_LEGS_MAX 256             /* legs of one bid (design 4) */
#define MKT_OPS_MAX 1000             /* operations of one envelope (design 5) */
#define MKT_DIMS_MAX 8               /* tag dimensions: a tag set packs into 64 bits */
#define MKT_TAG_VALUES_MAX 255       /* values of one dimension: one byte */
#define MKT_TAG_MEMBERS_MAX 1024     /* members of one direct market */
#define MKT_NAME_MAX 31              /* names of accounts, tags, dimensions */
#define MKT_CHARGER_MAX 31           /* a charger's id */
#define MKT_CHARGERS_MAX 64          /* chargers of one account */
#define MKT_TEXT_MAX 255             /* free text in an operation: one length byte */
#define MKT_TX_BYTES_MAX (1u << 20)  /* one envelope: 1000 small operations, or few of many legs */
#define MKT_BODY_BYTES_MAX (8u << 20) /* one HTTP body */
#define MKT_BLOCK_TXS_MAX (1u << 17)  /* a hundred times the paper's largest block, and some */
#define MKT_BLOCK_BYTES_MAX (48u << 20) /* encoded block before compression */
#define MKT_OPEN_BIDS_MAX (1u << 22)  /* open bids of a chain: memory of the books */
#define MKT_OPEN_BIDS_ACCOUNT_MAX 65535u /* ceiling of the class limit */
#define MKT_OWN_SKIP_MAX 1024        /* open bids of an account in one book: they are walked past */
#define MKT_VALIDITY_MAX_S 86400     /* valid-until ahead of block time: bounds the request ids */
#define MKT_ACCOUNTS_MAX (1u << 24)  /* accounts of a chain */
#define MKT_GRANTS_MAX 1024          /* delegations and meter operators of one account */
#define MKT_MONEY_MAX (INT64_C(1) << 61) /* deposits, and imbalance charges: sums never overflow */
#define MKT_PAGE_ROWS_MAX 1000       /* rows of one page of any list */
#define MKT_WINDOWS_MAX 4096         /* windows of a range that a person names: 42 days of 15 min */
#define MKT_JSON_DEPTH_MAX 32        /* nested arrays and objects: bounds each walk */
#define MKT_JSON_VALUES_MAX (1u << 20) /* "{}," is 3 bytes of text, 0.8 kB of memory */
#define MKT_TICKS_MAX (1u << 24)     /* ticks between lowest and highest price */
#define MKT_ANSWER_BYTES_MAX (64u << 20) /* one HTTP answer held in memory by a client */
#define MKT_SSE_BYTES_MAX (1u << 20) /* one event of a stream, its line endings included */
#define MKT_SITES_MAX 128            /* participants of one simulation */
#define MKT_CSV_LINE_MAX (64u << 10) /* bytes of one line of a profile */
#define MKT_CSV_CELLS_MAX 512        /* columns of a profile */

#endif
