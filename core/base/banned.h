/*
 * Calls that have no bounded or re-entrant form become compile errors here.
 * The headers that declare them are included first, so that the declarations
 * themselves still parse.
 */
#ifndef MKT_BASE_BANNED_H
#define MKT_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MKT_BANNED(f) mkt_banned_##f##_use_the_bounded_form

#undef strcpy
#define strcpy(d, s) MKT_BANNED(strcpy)
#undef strcat
#define strcat(d, s) MKT_BANNED(strcat)
#undef strncpy
#define strncpy(d, s, n) MKT_BANNED(strncpy)
#undef strncat
#define strncat(d, s, n) MKT_BANNED(strncat)
#undef sprintf
#define sprintf(...) MKT_BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) MKT_BANNED(vsprintf)
#undef strtok
#define strtok(s, d) MKT_BANNED(strtok)
#undef gmtime
#define gmtime(t) MKT_BANNED(gmtime)
#undef localtime
#define localtime(t) MKT_BANNED(localtime)
#undef ctime
#define ctime(t) MKT_BANNED(ctime)
#undef asctime
#define asctime(t) MKT_BANNED(asctime)
#undef atoi
#define atoi(s) MKT_BANNED(atoi)
#undef atol
#define atol(s) MKT_BANNED(atol)
#undef atof
#define atof(s) MKT_BANNED(atof)
#undef mktemp
#define mktemp(t) MKT_BANNED(mktemp)

#endif
