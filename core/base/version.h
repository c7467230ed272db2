/* The version of everything that is made here: mkt, ledgerd, their User-Agent. */
#ifndef MKT_BASE_VERSION_H
#define MKT_BASE_VERSION_H

#define MKT_VERSION "0.1.0"

#endif
