#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

/* The daemon's parts are not in a library. */
#include "ledgerd/conf.c"
#include "ledgerd/conf_check.c"

struct setting {
	const char *section, *name, *value;
};

static const struct setting solo[] = {
	{"node", "dir", "/c"}, {"authority", "key", "/k"}, {NULL, NULL, NULL}};
static const struct setting fullnode[] = {{"node", "dir", "/c"},
					  {"node", "role", "fullnode"},
					  {"upstream", "urls", "https://a1:1 http://a2:2"},
					  {NULL, NULL, NULL}};
static const struct setting authority[] = {
	{"node", "dir", "/c"},	     {"node", "role", "authority"},
	{"authority", "key", "/k"},  {"peers", "listen", "[::1]:7461"},
	{"peers", "cert", "/p.crt"}, {"peers", "key", "/p.key"},
	{"peers", "ca", "/p.ca"},    {"peer a2.example", "url", "https://a2.example:7461"},
	{"peer full_1", "url", ""},  {NULL, NULL, NULL}};

static int apply(struct ld_conf *c, const struct setting *s, struct mkt_err *err)
{
	int res = 0;

	for (; s->section && !res; s++)
		res = ld_conf_set(c, s->section, s->name, s->value, err);
	return res;
}

static void test_roles_need_what_they_need(void **state)
{
	static const struct setting *const all[] = {solo, fullnode, authority};
	struct ld_conf c;
	struct mkt_err err;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(all); i++) {
		ld_conf_init(&c);
		assert_int_equal(apply(&c, all[i], &err), 0);
		assert_int_equal(ld_conf_check(&c, &err), 0);
		/* Nothing of it but the last peer may be left out. */
		for (const struct setting *s = all[i]; s->section; s++) {
			if (!strcmp(s->name, "role") || !strncmp(s->section, "peer ", 5))
				continue;
			assert_int_equal(ld_conf_set(&c, s->section, s->name, "", &err), 0);
			assert_int_equal(ld_conf_check(&c, &err), -MKT_EINVAL);
			assert_int_equal(ld_conf_set(&c, s->section, s->name, s->value, &err), 0);
		}
		assert_int_equal(ld_conf_check(&c, &err), 0);
	}
	assert_int_equal(c.npeers, 2);
	assert_string_equal(ld_conf_peer(&c, "A2.example")->url, "https://a2.example:7461");
	assert_string_equal(ld_conf_peer(&c, "full_1")->url, "");
	assert_null(ld_conf_peer(&c, "a2"));
	assert_string_equal(c.listen, "");
}

static void test_what_does_not_go_together(void **state)
{
	static const struct {
		const struct setting *base;
		struct setting set;
		const char *sentence;
	} rows_of[] = {
		{solo, {"upstream", "urls", "http://x"}, "only a fullnode"},
		{solo, {"etcd", "endpoints", "http://x:1"}, "only an authority may reach etcd"},
		{solo,
		 {"node", "tls_cert", "/c"},
		 "'tls_cert' in [node] is set and 'tls_key' is not"},
		{solo, {"peers", "ca", "/c"}, "'ca' in [peers] is set and 'cert' is not"},
		{solo, {"peer a", "url", "ftp://a"}, "'url' in [peer a] has 'ftp://a'"},
		{solo, {"peer a", "url", "http://a http://b"}, "more than one address"},
		{solo, {"disk", "refuse_free", "3GB"}, "above 'alarm_free'"},
		{fullnode, {"upstream", "urls", "https://a b"}, "'urls' in [upstream] has 'b'"},
		{fullnode, {"upstream", "urls", "https://"}, "has 'https://'"},
		{fullnode, {"upstream", "urls", "unix:s"}, "has 'unix:s'"},
		{fullnode, {"upstream", "chain", "12"}, "'chain' in [upstream] is '12'"},
		{fullnode, {"peers", "listen", "h:1"}, "'cert' in [peers] is not set"},
		{authority, {"node", "listen", "127.0.0.1:7460"}, "users may not reach"},
		{authority, {"peers", "listen", "x"}, "[peers]: 'listen' is 'x'"},
		{authority, {"peers", "listen", "x:66000"}, "'66000' is no port"},
		{authority, {"etcd", "endpoints", "https://x:1"}, "'ca' in [etcd] is not set"},
		{authority, {"etcd", "cert", "/x"}, "'cert' in [etcd] is set and 'ca' is not"},
	};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows_of); i++) {
		struct ld_conf c;
		struct mkt_err err = {0};

		ld_conf_init(&c);
		assert_int_equal(apply(&c, rows_of[i].base, &err), 0);
		assert_int_equal(ld_conf_set(&c, rows_of[i].set.section, rows_of[i].set.name,
					     rows_of[i].set.value, &err),
				 0);
		assert_int_equal(ld_conf_check(&c, &err), -MKT_EINVAL);
		if (!strstr(err.text, rows_of[i].sentence))
			fail_msg("'%s' does not say '%s'", err.text, rows_of[i].sentence);
	}
}

static void test_an_authority_without_peers_is_refused(void **state)
{
	struct ld_conf c;
	struct mkt_err err = {0};

	(void)state;
	ld_conf_init(&c);
	assert_int_equal(apply(&c, authority, &err), 0);
	c.npeers = 0;
	assert_int_equal(ld_conf_check(&c, &err), -MKT_EINVAL);
	assert_non_null(strstr(err.text, "there is no [peer NAME]"));
	/* The role decides the built-in door, but not one that was named. */
	ld_conf_init(&c);
	assert_int_equal(ld_conf_set(&c, "node", "role", "authority", &err), 0);
	assert_int_equal(ld_conf_set(&c, "node", "role", "fullnode", &err), 0);
	assert_string_equal(c.listen, LISTEN);
	assert_int_equal(ld_conf_set(&c, "node", "listen", "h:1", &err), 0);
	assert_int_equal(ld_conf_set(&c, "node", "role", "authority", &err), 0);
	assert_string_equal(c.listen, "h:1");
}

static void test_values(void **state)
{
	static const struct setting wrong[] = {
		{"node", "role", "king"},
		{"node", "threads", "0"},
		{"node", "threads", "65"},
		{"node", "socket_mode", "9"},
		{"upstream", "from_genesis", "1"},
		{"limits", "streams", "16385"},
		{"limits", "streams", "-1"},
		{"limits", "connections_per_address", "x"},
		{"limits", "body_bytes", "8388609"},
		{"disk", "keep_days", "36501"},
		{"disk", "alarm_free", "much"},
		{"disk", "alarm_free", "99999999999TB"},
		{"peer ", "url", ""},
		{"peer a b", "url", ""},
		{"peer a", "name", ""},
		{"nose", "dir", "x"},
		{"node", "dri", "x"},
	};
	char name[16], longest[LD_PATH_MAX + 1];
	struct ld_conf c;
	struct mkt_err err;

	(void)state;
	ld_conf_init(&c);
	for (size_t i = 0; i < MKT_ARRAY_SIZE(wrong); i++)
		if (ld_conf_set(&c, wrong[i].section, wrong[i].name, wrong[i].value, &err) !=
		    -MKT_EINVAL)
			fail_msg("%s.%s=%s", wrong[i].section, wrong[i].name, wrong[i].value);
	memset(longest, 'x', LD_PATH_MAX);
	longest[LD_PATH_MAX] = 0;
	assert_int_equal(ld_conf_set(&c, "node", "dir", longest, &err), -MKT_EINVAL);
	longest[LD_PATH_MAX - 1] = 0;
	assert_int_equal(ld_conf_set(&c, "node", "dir", longest, &err), 0);
	assert_int_equal(ld_conf_set(&c, "upstream", "from_genesis", "yes", &err), 0);
	assert_true(c.from_genesis);
	assert_int_equal(ld_conf_set(&c, "limits", "connections_per_address", "0", &err), 0);
	assert_int_equal(c.connections_per_address, 0);
	for (unsigned i = 0; i < LD_NAMED_MAX + 1; i++) {
		snprintf(name, sizeof(name), "peer p%u", i);
		assert_int_equal(ld_conf_set(&c, name, "url", "http://x", &err),
				 i < LD_NAMED_MAX ? 0 : -MKT_EINVAL);
	}
}

static void test_a_file(void **state)
{
	char path[] = "/tmp/mkt-conf-XXXXXX";
	static const char text[] = "[node]\nrole = fullnode\ndir = /c\n[upstream]\n"
				   "urls = https://a1:1 https://a2:2\n[peer a1.example.org]\n"
				   "url = https://a1:1\n[peer b]\nurl =\n";
	int fd = mkstemp(path);
	struct ld_conf c;
	struct mkt_err err;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	ld_conf_init(&c);
	assert_int_equal(ld_conf_read(&c, path, &err), 0);
	assert_int_equal(ld_conf_check(&c, &err), 0);
	assert_int_equal(c.role, LD_FULLNODE);
	assert_int_equal(c.npeers, 2);
	assert_non_null(ld_conf_peer(&c, "a1.example.org"));
	assert_string_equal(c.upstream, "https://a1:1 https://a2:2");
	assert_int_equal(write(fd, "[peer x]\nport = 1\n", 18), 18);
	close(fd);
	assert_int_equal(ld_conf_read(&c, path, &err), -MKT_EINVAL);
	assert_non_null(strstr(err.text, ":11: there is no setting 'port' in [peer x]"));
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roles_need_what_they_need),
		cmocka_unit_test(test_what_does_not_go_together),
		cmocka_unit_test(test_an_authority_without_peers_is_refused),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
