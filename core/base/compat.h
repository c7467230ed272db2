/*
 * First include of every .c file: feature macros, attributes, banned calls.
 */
#ifndef MKT_BASE_COMPAT_H
#define MKT_BASE_COMPAT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MKT_MUST_CHECK __attribute__((warn_unused_result))
#define MKT_NONNULL __attribute__((nonnull))
#define MKT_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define MKT_LIKELY(x) __builtin_expect(!!(x), 1)
#define MKT_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define MKT_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#include "core/base/banned.h"

#endif
