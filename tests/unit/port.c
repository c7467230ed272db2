/* Ports of this machine: the list is well formed; who holds one is named. */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/link_impl.h"

static void check_port(void *arg, const struct drv_port *p)
{
	(*(int *)arg)++;
	assert_int_equal(strncmp(p->path, "/dev/", 5), 0);
	assert_true(!p->name[0] || !strncmp(p->name, "usb:", 4));
	assert_null(strchr(p->name, ' '));
	assert_true(p->held || !p->holder[0]);
}

static void test_list(void **state)
{
	struct mkt_err err;
	int seen = 0, n = drv_ports(check_port, &seen, &err);

	(void)state;
	assert_true(n >= 0);
	assert_int_equal(n, seen);
}

static void test_usb_names(void **state)
{
	static const char *const bad[] = {"usb:", "usb:0403:6001:", "usb:0403:60011", "usb:04x3:6001",
					  "usb:0403-6001", "usb"};
	char path[DRV_PORT_MAX + 1];
	struct mkt_err err;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(bad); i++)
		assert_int_equal(link_port_by_usb(bad[i], path, &err), -MKT_EINVAL);
	assert_int_equal(link_port_by_usb("usb:fff0:fff1", path, &err), -MKT_EDEVABSENT);
	assert_int_equal(link_port_by_usb("usb:FFF0:fff1:A b", path, &err), -MKT_EDEVABSENT);
}

/* Another process has a pty open, then locked: it is named both times. */
static void test_holder(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), up[2], down[2], st;
	char path[64], holder[LINK_HOLDER_MAX], want[LINK_HOLDER_MAX], byte;
	pid_t pid;

	(void)state;
	assert_int_equal(unlockpt(master), 0);
	assert_int_equal(ptsname_r(master, path, sizeof(path)), 0);
	assert_false(link_port_user(path, holder));
	assert_int_equal(pipe(up), 0);
	assert_int_equal(pipe(down), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		int fd = open(path, O_RDWR | O_NOCTTY);

		close(down[1]);
		prctl(PR_SET_NAME, "holder"); /* valgrind's own name is another */
		if (fd < 0 || write(up[1], "o", 1) != 1 || read(down[0], &byte, 1) != 1)
			_exit(1);
		if (flock(fd, LOCK_EX | LOCK_NB) < 0 || write(up[1], "l", 1) != 1)
			_exit(1);
		_exit(read(down[0], &byte, 1) != 0);
	}
	snprintf(want, sizeof(want), "holder (%ld)", (long)pid);
	assert_int_equal(read(up[0], &byte, 1), 1);
	assert_true(link_port_user(path, holder));
	assert_string_equal(holder, want);
	assert_false(link_port_locker(path, holder));
	assert_int_equal(write(down[1], "l", 1), 1);
	assert_int_equal(read(up[0], &byte, 1), 1);
	assert_true(link_port_locker(path, holder));
	assert_string_equal(holder, want);
	close(down[1]);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_int_equal(st, 0);
	assert_false(link_port_locker(path, holder));
	close(up[0]);
	close(up[1]);
	close(down[0]);
	close(master);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_usb_names),
		cmocka_unit_test(test_holder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
