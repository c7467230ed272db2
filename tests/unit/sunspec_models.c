/*
 * The table of SunSpec points against the definitions of the SunSpec Alliance, for
 * every model that shares its rows.  They are looked for in $MKT_SUNSPEC_MODELS, then
 * in ../shared/reference/sunspec-models (model_103.json ...).
 */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/codec/json.h"
#include "drivers/sunspec.h"

#define POINTS_MAX 400

struct definition {
	unsigned n;
	struct {
		char name[32], type[16], sf[32];
		unsigned off;
		uint64_t size;
		bool writable, mandatory;
	} p[POINTS_MAX];
};

static struct mkt_err err;

static void need(int rc)
{
	if (rc < 0)
		fail_msg("%s", err.text);
}

static void text_or(const struct mkt_jval *p, const char *key, char *out, size_t size)
{
	out[0] = 0;
	if (mkt_jval_has(p, key))
		need(mkt_jget_text(p, key, out, size, &err));
}

static struct mkt_jdoc *parse_file(const char *dir, unsigned id)
{
	static char text[1 << 20];
	struct mkt_jdoc *doc;
	char path[300];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/model_%u.json", dir, id);
	f = fopen(path, "re");
	if (!f)
		fail_msg("cannot open '%s'", path);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	need(mkt_jdoc_parse(text, n, NULL, &doc, &err));
	return doc;
}

static void define(const char *dir, unsigned id, struct definition *d)
{
	struct mkt_jdoc *doc = parse_file(dir, id);
	struct mkt_jval root = mkt_jdoc_root(doc), group, points, p;
	struct mkt_jiter it = {0};
	unsigned off = 0;
	char word[8];

	need(mkt_jget_obj(&root, "group", &group, &err));
	need(mkt_jget_arr(&group, "points", &points, &err));
	d->n = 0;
	while (mkt_jval_next(&points, &it, &p)) {
		unsigned i = d->n++;

		assert_true(i < POINTS_MAX);
		text_or(&p, "name", d->p[i].name, sizeof(d->p[i].name));
		text_or(&p, "type", d->p[i].type, sizeof(d->p[i].type));
		text_or(&p, "sf", d->p[i].sf, sizeof(d->p[i].sf));
		need(mkt_jget_u64(&p, "size", 64, &d->p[i].size, &err));
		text_or(&p, "access", word, sizeof(word));
		d->p[i].writable = !strcmp(word, "RW");
		text_or(&p, "mandatory", word, sizeof(word));
		d->p[i].mandatory = !strcmp(word, "M");
		d->p[i].off = off;
		off += (unsigned)d->p[i].size;
	}
	mkt_jdoc_free(doc);
}

static const char *type_word(enum ss_type t)
{
	static const char *const words[] = {
		[SS_INT16] = "int16",	    [SS_UINT16] = "uint16", [SS_ENUM16] = "enum16",
		[SS_BITS16] = "bitfield16", [SS_SUNSSF] = "sunssf", [SS_INT32] = "int32",
		[SS_UINT32] = "uint32",	    [SS_ACC32] = "acc32",   [SS_BITS32] = "bitfield32",
		[SS_FLOAT32] = "float32",   [SS_UINT64] = "uint64", [SS_STRING8] = "string",
		[SS_STRING16] = "string",
	};

	return words[t];
}

/* Row @i of our table in the definition of model @id. */
static void compare(unsigned id, const struct definition *d, const struct ss_point_info *i)
{
	const char *sf = "";
	unsigned k = 0;

	while (k < d->n && strcmp(d->p[k].name, i->name) != 0)
		k++;
	if (k == d->n)
		fail_msg("model %u has no point %s", id, i->name);
	for (unsigned s = 0; i->sf && s < d->n; s++)
		if (d->p[s].off == i->sf)
			sf = d->p[s].name;
	if (d->p[k].off != i->off || d->p[k].size != ss_size(i->type) ||
	    strcmp(d->p[k].type, type_word(i->type)) != 0 || strcmp(d->p[k].sf, sf) != 0)
		fail_msg("model %u, %s: offset %u, %s of %u, scale '%s'; the definition has %u, "
			 "%s of %u, '%s'",
			 id, i->name, i->off, type_word(i->type), ss_size(i->type), sf, d->p[k].off,
			 d->p[k].type, (unsigned)d->p[k].size, d->p[k].sf);
	if (d->p[k].writable != (i->how == 'W'))
		fail_msg("model %u, %s: writable in one only", id, i->name);
	if (i->how == 'M')
		assert_true(d->p[k].mandatory);
}

static void table_and_definitions_agree(void **state)
{
	static const unsigned ids[] = {1,   101, 102, 103, 111, 112, 113, 120, 121, 123, 124, 201,
				       202, 203, 204, 211, 212, 213, 214, 701, 702, 704, 713, 802};
	const char *dir = getenv("MKT_SUNSPEC_MODELS");
	static struct definition d;
	unsigned rows = 0;

	(void)state;
	if (!dir)
		dir = "../shared/reference/sunspec-models";
	if (access(dir, R_OK)) {
		printf("no model definitions in '%s': set MKT_SUNSPEC_MODELS\n", dir);
		skip();
	}
	for (size_t m = 0; m < MKT_ARRAY_SIZE(ids); m++) {
		define(dir, ids[m], &d);
		for (unsigned p = 0; p < SS_POINTS; p++)
			if (ss_points[p].model == ss_family((uint16_t)ids[m])) {
				compare(ids[m], &d, &ss_points[p]);
				rows++;
			}
	}
	assert_true(rows > SS_POINTS);
}

/* Every scale factor and every row stands within its model, and in the order of offsets. */
static void table_is_in_order(void **state)
{
	(void)state;
	for (unsigned p = 1; p < SS_POINTS; p++) {
		const struct ss_point_info *i = &ss_points[p], *before = &ss_points[p - 1];

		assert_true(i->model > before->model ||
			    (i->model == before->model &&
			     i->off >= before->off + ss_size(before->type)));
		assert_true(i->off >= 2 && i->off + ss_size(i->type) <= SS_REGS_MAX);
		assert_true(ss_family(i->model) == i->model);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_in_order),
		cmocka_unit_test(table_and_definitions_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
