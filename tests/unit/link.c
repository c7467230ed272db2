/*
 * Links over real ptys, sockets and recordings: deadlines, pauses, echoes, locks,
 * hang-ups.  Times are asserted from below; from above only loosely.
 */
#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "drivers/link.h"
#include "tests/tmpdir.h"

#define LONG_MS 20000 /* never reached but by a failing test */

struct pty {
	int master;
	char path[64];
	struct drv_link *l;
	struct mkt_err err;
	struct mkt_buf trace;
};

static void note(void *arg, uint64_t at_ms, char dir, const void *bytes, size_t n)
{
	(void)at_ms;
	if (drv_trace_line(arg, at_ms, at_ms, dir, bytes, n) < 0)
		fail_msg("no memory");
}

static void pty_master(struct pty *p)
{
	memset(p, 0, sizeof(*p));
	p->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(p->master >= 0);
	assert_int_equal(grantpt(p->master), 0);
	assert_int_equal(unlockpt(p->master), 0);
	assert_int_equal(ptsname_r(p->master, p->path, sizeof(p->path)), 0);
}

static void pty_open_as(struct pty *p, struct drv_link_conf conf)
{
	pty_master(p);
	conf.port = p->path;
	conf.trace = note;
	conf.trace_arg = &p->trace;
	if (drv_link_open(&conf, &p->l, &p->err) < 0)
		fail_msg("%s", p->err.text);
}

static void pty_open(struct pty *p)
{
	pty_open_as(p, (struct drv_link_conf){.port = NULL});
}

static void pty_close(struct pty *p)
{
	drv_link_close(p->l);
	if (p->master >= 0)
		close(p->master);
	mkt_buf_release(&p->trace);
}

static void device_says(struct pty *p, const char *s)
{
	assert_int_equal(write(p->master, s, strlen(s)), strlen(s));
}

static void device_hears(struct pty *p, const char *s)
{
	char got[256];
	size_t n = 0;

	while (n < strlen(s)) {
		ssize_t r = read(p->master, got + n, sizeof(got) - n);

		assert_true(r > 0);
		n += (size_t)r;
	}
	assert_int_equal(n, strlen(s));
	assert_memory_equal(got, s, n);
}

static void say(struct pty *p, const char *s)
{
	if (drv_link_write(p->l, s, strlen(s), drv_now_ms() + LONG_MS, &p->err) < 0)
		fail_msg("%s", p->err.text);
}

/* Read until all of @s has come, in whatever pieces. */
static void hear(struct drv_link *l, const char *s)
{
	uint64_t deadline_ms = drv_now_ms() + LONG_MS;
	char got[256];
	size_t n = 0;

	while (n < strlen(s)) {
		int r = drv_link_read(l, got + n, strlen(s) - n, deadline_ms, NULL);

		assert_true(r > 0);
		n += (size_t)r;
	}
	assert_memory_equal(got, s, n);
}

static void hear_nothing(struct drv_link *l)
{
	char got[64];

	assert_int_equal(drv_link_read(l, got, sizeof(got), drv_now_ms() + 30, NULL), 0);
}

/* ---- ptys ----------------------------------------------------------------------------------- */

static void test_both_ways(void **state)
{
	struct pty p;
	char one;

	(void)state;
	pty_open(&p);
	say(&p, "$GV\r");
	device_hears(&p, "$GV\r");
	device_says(&p, "$OK\r\n\x11\x13\x7f\x03");
	hear(p.l, "$OK\r\n\x11\x13\x7f\x03");
	device_says(&p, "abc");
	hear(p.l, "a");
	hear(p.l, "bc");
	device_says(&p, "d");
	assert_int_equal(poll(&(struct pollfd){.fd = drv_link_fd(p.l), .events = POLLIN}, 1, LONG_MS),
			 1);
	/* A deadline in the past: what is there. */
	assert_int_equal(drv_link_read(p.l, &one, 1, 0, &p.err), 1);
	assert_int_equal(drv_link_read(p.l, &one, 1, 0, &p.err), 0);
	assert_false(drv_link_is_datagram(p.l));
	assert_false(drv_link_is_tcp(p.l));
	assert_string_equal(drv_link_port(p.l), p.path);
	assert_non_null(strstr(mkt_buf_str(&p.trace), "0.000 > 24 47 56 0D  |$GV.|\n"));
	assert_non_null(strstr(mkt_buf_str(&p.trace), "0.000 < 24 4F 4B"));
	pty_close(&p);
}

static void test_deadlines(void **state)
{
	uint64_t begin_ms, took_ms;
	struct pty p;
	char c;

	(void)state;
	pty_open(&p);
	begin_ms = drv_now_ms();
	assert_int_equal(drv_link_read(p.l, &c, 1, begin_ms + 120, &p.err), 0);
	took_ms = drv_now_ms() - begin_ms;
	assert_in_range(took_ms, 120, 2000);
	pty_close(&p);
}

/* Nobody takes what is written: the write ends at its deadline, and the close does not hang. */
static void test_stuck_write(void **state)
{
	static const uint8_t frame[DRV_FRAME_MAX];
	struct pty p;
	int r = 0;

	(void)state;
	pty_open(&p);
	for (int i = 0; i < 64 && r >= 0; i++)
		r = drv_link_write(p.l, frame, sizeof(frame), drv_now_ms() + 50, &p.err);
	assert_int_equal(r, -MKT_EDEVTIMEOUT);
	assert_non_null(strstr(p.err.text, "flow control"));
	pty_close(&p);
}

static void test_pause(void **state)
{
	uint64_t begin_ms;
	struct pty p;

	(void)state;
	pty_open_as(&p, (struct drv_link_conf){.pause_ms = 80});
	say(&p, "a");
	begin_ms = drv_now_ms();
	say(&p, "b");
	assert_in_range(drv_now_ms() - begin_ms, 79, 2000);
	device_hears(&p, "ab");
	/* The silence counts from what came as well. */
	device_says(&p, "c");
	hear(p.l, "c");
	begin_ms = drv_now_ms();
	say(&p, "d");
	assert_in_range(drv_now_ms() - begin_ms, 79, 2000);
	assert_int_equal(drv_link_write(p.l, "e", 1, drv_now_ms() + 5, &p.err), -MKT_EDEVTIMEOUT);
	pty_close(&p);
}

/* At 300 baud 30 bytes take a second: the pause begins when they have left. */
static void test_pause_after_last_bit(void **state)
{
	uint64_t begin_ms;
	struct pty p;

	(void)state;
	pty_open_as(&p, (struct drv_link_conf){.line = {.speed = 300}, .pause_ms = 1});
	begin_ms = drv_now_ms();
	say(&p, "123456789");
	say(&p, "0");
	assert_in_range(drv_now_ms() - begin_ms, 299, 5000);
	pty_close(&p);
}

static void test_settle(void **state)
{
	struct drv_link_conf conf = {.settle_ms = 150};
	uint64_t begin_ms;
	struct pty p;
	pid_t pid;
	int st;

	(void)state;
	pty_master(&p);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		/* A board that talks while it starts. */
		for (int i = 0; i < 400; i++) {
			if (write(p.master, "boot\r\n", 6) != 6)
				_exit(1);
			drv_sleep_ms(10);
		}
		_exit(0);
	}
	conf.port = p.path;
	begin_ms = drv_now_ms();
	if (drv_link_open(&conf, &p.l, &p.err) < 0)
		fail_msg("%s", p.err.text);
	assert_in_range(drv_now_ms() - begin_ms, 150, 3000);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_int_equal(drv_link_drain(p.l, 20, LONG_MS, &p.err), 0);
	device_says(&p, "$OK");
	hear(p.l, "$OK");
	pty_close(&p);
}

static void test_drain(void **state)
{
	uint64_t begin_ms;
	struct pty p;
	pid_t pid;
	int st;

	(void)state;
	pty_open(&p);
	device_says(&p, "late answer");
	assert_int_equal(drv_link_drain(p.l, 30, LONG_MS, &p.err), 0);
	hear_nothing(p.l);
	/* A device that never stops talking: not for longer than said. */
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		while (write(p.master, "x", 1) == 1)
			drv_sleep_ms(2);
		_exit(0);
	}
	begin_ms = drv_now_ms();
	assert_int_equal(drv_link_drain(p.l, 10000, 200, &p.err), 0);
	assert_in_range(drv_now_ms() - begin_ms, 199, 3000);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	pty_close(&p);
}

static void test_hang_up(void **state)
{
	struct pty p;
	char got[16];
	int r;

	(void)state;
	pty_open(&p);
	device_says(&p, "last");
	hear(p.l, "last");
	close(p.master);
	p.master = -1;
	r = drv_link_read(p.l, got, sizeof(got), drv_now_ms() + LONG_MS, &p.err);
	assert_int_equal(r, -MKT_EDEVLOST);
	assert_non_null(strstr(p.err.text, p.path));
	r = drv_link_write(p.l, "x", 1, drv_now_ms() + LONG_MS, &p.err);
	assert_int_equal(r, -MKT_EDEVLOST);
	assert_int_equal(drv_link_drain(p.l, 10, 100, &p.err), -MKT_EDEVLOST);
	pty_close(&p);
}

static void test_settings(void **state)
{
	struct drv_link_conf conf = {.line = {.speed = 19200, .parity = 'E'}};
	struct termios before, t;
	struct pty p;
	int fd;

	(void)state;
	pty_master(&p);
	fd = open(p.path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_int_equal(tcgetattr(fd, &before), 0);
	assert_true(before.c_lflag & ECHO);
	conf.port = p.path;
	assert_int_equal(drv_link_open(&conf, &p.l, &p.err), 0);
	assert_int_equal(tcgetattr(fd, &t), 0);
	assert_int_equal(cfgetospeed(&t), B19200);
	assert_false(t.c_lflag & (ECHO | ICANON | ISIG));
	assert_false(t.c_cflag & (HUPCL | CRTSCTS | PARENB));
	drv_link_close(p.l);
	p.l = NULL;
	assert_int_equal(tcgetattr(fd, &t), 0);
	assert_int_equal(t.c_lflag, before.c_lflag);
	assert_int_equal(cfgetospeed(&t), cfgetospeed(&before));
	close(fd);
	conf.line.speed = 12345;
	assert_int_equal(drv_link_open(&conf, &p.l, &p.err), -MKT_EINVAL);
	assert_non_null(strstr(p.err.text, "12345 baud"));
	pty_close(&p);
}

/* Links lead elsewhere after re-plugging: they are followed at every open. */
static void test_symlink(void **state)
{
	char dir[PATH_MAX], name[PATH_MAX + 16];
	struct drv_link_conf conf = {.port = name};
	struct pty a, b;

	(void)state;
	tmpdir_make(dir, "link");
	snprintf(name, sizeof(name), "%s/by-id", dir);
	pty_master(&a);
	pty_master(&b);
	assert_int_equal(drv_link_open(&conf, &a.l, &a.err), -MKT_EDEVABSENT);
	assert_int_equal(symlink(a.path, name), 0);
	assert_int_equal(drv_link_open(&conf, &a.l, &a.err), 0);
	say(&a, "first");
	device_hears(&a, "first");
	unlink(name);
	assert_int_equal(symlink(b.path, name), 0);
	assert_int_equal(drv_link_open(&conf, &b.l, &b.err), 0);
	say(&b, "second");
	device_hears(&b, "second");
	pty_close(&a);
	pty_close(&b);
	tmpdir_remove(dir);
}

/* ---- locks ---------------------------------------------------------------------------------- */

static void test_lock(void **state)
{
	int up[2], down[2], st;
	char byte, holder[32];
	struct pty p;
	pid_t pid;

	(void)state;
	pty_master(&p);
	assert_int_equal(pipe(up), 0);
	assert_int_equal(pipe(down), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct drv_link_conf conf = {.port = p.path};
		struct drv_link *l;

		close(down[1]);
		prctl(PR_SET_NAME, "holder"); /* valgrind's own name is another */
		if (drv_link_open(&conf, &l, NULL) < 0 || write(up[1], "x", 1) != 1)
			_exit(1);
		/* Until the other end says so, or is gone. */
		_exit(read(down[0], &byte, 1) < 0);
	}
	assert_int_equal(read(up[0], &byte, 1), 1);
	assert_int_equal(
		drv_link_open(&(struct drv_link_conf){.port = p.path}, &p.l, &p.err),
		-MKT_ELINELOCKED);
	snprintf(holder, sizeof(holder), "holder (%ld)", (long)pid);
	assert_non_null(strstr(p.err.text, holder));
	close(down[1]);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_int_equal(st, 0);
	/* It is free again. */
	assert_int_equal(drv_link_open(&(struct drv_link_conf){.port = p.path}, &p.l, &p.err), 0);
	close(up[0]);
	close(up[1]);
	close(down[0]);
	pty_close(&p);
}

static void test_no_port(void **state)
{
	static const struct {
		const char *port;
		int code;
	} bad[] = {
		{"", MKT_EINVAL},
		{"ttyUSB0", MKT_EINVAL},
		{"/dev/null", MKT_EINVAL},
		{"/dev/mkt-none", MKT_EDEVABSENT},
		{"usb:0403", MKT_EINVAL},
		{"usb:fff0:fff1:NONE", MKT_EDEVABSENT},
		{"tcp:127.0.0.1", MKT_EINVAL},
		{"tcp:127.0.0.1:x", MKT_EINVAL},
		{"tcp::502", MKT_EINVAL},
		{"tcp:[::1", MKT_EINVAL},
		{"tcp:127.0.0.1:1", MKT_EDEVLOST},
		{"udp:127.0.0.1:99999999", MKT_EINVAL},
		{"replay:/nowhere/none.log", MKT_EDEVABSENT},
	};
	struct drv_link *l;
	struct mkt_err err;

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(bad); i++) {
		int r = drv_link_open(&(struct drv_link_conf){.port = bad[i].port}, &l, &err);

		if (r != -bad[i].code)
			fail_msg("'%s' gives %d: %s", bad[i].port, r, err.text);
	}
}

/* ---- echo ----------------------------------------------------------------------------------- */

static void test_echo(void **state)
{
	struct pty p;

	(void)state;
	pty_open_as(&p, (struct drv_link_conf){.echo = true});
	/* The echo, and an answer that is the same: a Modbus write. */
	say(&p, "1234");
	device_says(&p, "12341234");
	hear(p.l, "1234");
	hear_nothing(p.l);
	/* In pieces, with the answer behind it. */
	say(&p, "abcd");
	device_says(&p, "ab");
	hear_nothing(p.l);
	device_says(&p, "cdok");
	hear(p.l, "ok");
	/* No echo after all: nothing is lost. */
	say(&p, "abcd");
	device_says(&p, "ab");
	hear_nothing(p.l);
	device_says(&p, "XY");
	hear(p.l, "abXY");
	/* Not waited for beyond the next write. */
	say(&p, "mn");
	say(&p, "op");
	device_says(&p, "opq");
	hear(p.l, "q");
	pty_close(&p);
}

/* ---- TCP ------------------------------------------------------------------------------------ */

static int listen_at(struct sockaddr_in *a)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(*a);

	memset(a, 0, sizeof(*a));
	a->sin_family = AF_INET;
	a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)a, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)a, &len), 0);
	return fd;
}

static void test_tcp(void **state)
{
	struct sockaddr_in a;
	char port[64], got[8];
	struct drv_link *l;
	struct mkt_err err;
	int fd = listen_at(&a), peer;

	(void)state;
	snprintf(port, sizeof(port), "tcp:127.0.0.1:%u", ntohs(a.sin_port));
	assert_int_equal(drv_link_open(&(struct drv_link_conf){.port = port}, &l, &err), 0);
	assert_true(drv_link_is_tcp(l));
	peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(peer >= 0);
	assert_int_equal(drv_link_write(l, "ask", 3, drv_now_ms() + LONG_MS, &err), 0);
	assert_int_equal(recv(peer, got, 3, MSG_WAITALL), 3);
	assert_int_equal(send(peer, "answer", 6, 0), 6);
	hear(l, "answer");
	close(peer);
	assert_int_equal(drv_link_read(l, got, 1, drv_now_ms() + LONG_MS, &err), -MKT_EDEVLOST);
	drv_link_close(l);
	close(fd);
	/* Nobody listens any more. */
	assert_int_equal(drv_link_open(&(struct drv_link_conf){.port = port}, &l, &err),
			 -MKT_EDEVLOST);
}

/* A queue of one that is full: nobody answers, and the deadline holds. */
static void test_tcp_deadline(void **state)
{
	struct sockaddr_in a;
	struct drv_link *l[8];
	struct mkt_err err;
	uint64_t begin_ms;
	int fd = listen_at(&a), n = 0, r = 0;
	char port[64];

	(void)state;
	snprintf(port, sizeof(port), "tcp:127.0.0.1:%u", ntohs(a.sin_port));
	while (n < 8 && r >= 0) {
		begin_ms = drv_now_ms();
		r = drv_link_open(&(struct drv_link_conf){.port = port}, &l[n], &err);
		if (r >= 0)
			n++;
	}
	assert_int_equal(r, -MKT_EDEVLOST);
	assert_in_range(drv_now_ms() - begin_ms, 2999, 6000);
	while (n)
		drv_link_close(l[--n]);
	close(fd);
}

/* ---- UDP ------------------------------------------------------------------------------------ */

static int udp_at(const char *host, struct sockaddr_in *a)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(*a);

	memset(a, 0, sizeof(*a));
	a->sin_family = AF_INET;
	assert_int_equal(inet_pton(AF_INET, host, &a->sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)a, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)a, &len), 0);
	return fd;
}

static void test_udp(void **state)
{
	struct mkt_buf trace = MKT_BUF_INIT;
	struct drv_link_conf conf = {.trace = note, .trace_arg = &trace};
	struct sockaddr_in device, stranger, me;
	int fd = udp_at("127.0.0.2", &device), other = udp_at("127.0.0.3", &stranger);
	char port[128], got[64];
	socklen_t len = sizeof(me);
	struct drv_link *l;
	struct mkt_err err;

	(void)state;
	snprintf(port, sizeof(port), "udp:127.0.0.2:%u,127.0.0.4:0", ntohs(device.sin_port));
	conf.port = port;
	if (drv_link_open(&conf, &l, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(drv_link_is_datagram(l));
	assert_int_equal(drv_link_write(l, "ask", 3, drv_now_ms() + LONG_MS, &err), 0);
	assert_int_equal(recvfrom(fd, got, sizeof(got), 0, (struct sockaddr *)&me, &len), 3);
	assert_int_equal(me.sin_addr.s_addr, inet_addr("127.0.0.4"));
	/* A stranger is not heard, borders are kept. */
	assert_int_equal(sendto(other, "bad", 3, 0, (struct sockaddr *)&me, len), 3);
	assert_int_equal(sendto(fd, "one", 3, 0, (struct sockaddr *)&me, len), 3);
	assert_int_equal(sendto(fd, "two!", 4, 0, (struct sockaddr *)&me, len), 4);
	assert_int_equal(drv_link_read(l, got, sizeof(got), drv_now_ms() + LONG_MS, &err), 3);
	assert_memory_equal(got, "one", 3);
	assert_int_equal(drv_link_read(l, got, sizeof(got), drv_now_ms() + LONG_MS, &err), 4);
	assert_memory_equal(got, "two!", 4);
	assert_non_null(strstr(mkt_buf_str(&trace), "# dropped a datagram of 127.0.0.3"));
	drv_link_close(l);
	mkt_buf_release(&trace);
	close(fd);
	close(other);
}

/* ---- recordings ----------------------------------------------------------------------------- */

struct tape {
	char dir[PATH_MAX], file[PATH_MAX + 16], port[PATH_MAX + 32];
	struct mkt_buf trace;
	struct drv_link *l;
};

static void tape_open(struct tape *t, const char *text)
{
	struct drv_link_conf conf = {.trace = note, .pause_ms = 5000, .settle_ms = 5000};
	struct mkt_err err;

	memset(t, 0, sizeof(*t));
	tmpdir_make(t->dir, "tape");
	snprintf(t->file, sizeof(t->file), "%s/a.log", t->dir);
	snprintf(t->port, sizeof(t->port), "replay:%s", t->file);
	file_write(t->file, text, strlen(text));
	conf.port = t->port;
	conf.trace_arg = &t->trace;
	if (drv_link_open(&conf, &t->l, &err) < 0)
		fail_msg("%s", err.text);
}

static void tape_close(struct tape *t)
{
	drv_link_close(t->l);
	mkt_buf_release(&t->trace);
	tmpdir_remove(t->dir);
}

static void tape_say(struct tape *t, const char *s)
{
	assert_int_equal(drv_link_write(t->l, s, strlen(s), drv_now_ms() + LONG_MS, NULL), 0);
}

static void test_replay(void **state)
{
	struct tape t;

	(void)state;
	tape_open(&t, "; a recording\n"
		      "0.000 # line /dev/ttyUSB0\n"
		      "0.010 < 62 6F 6F 74\n"
		      "0.200 # settled\n"
		      "0.210 < 68 69  |hi|\n"
		      "0.300 > 61 31\n"
		      "0.400 < 41\n"
		      "9.400 < 42 43\n"
		      "9.500 > 61 32\n"
		      "9.600 < 5A\n");
	assert_false(drv_link_is_tcp(t.l));
	hear(t.l, "hi");
	hear_nothing(t.l);
	tape_say(&t, "a1");
	assert_int_equal(poll(&(struct pollfd){.fd = drv_link_fd(t.l), .events = POLLIN}, 1, 0), 1);
	hear(t.l, "ABC");
	assert_int_equal(poll(&(struct pollfd){.fd = drv_link_fd(t.l), .events = POLLIN}, 1, 0), 0);
	hear_nothing(t.l);
	tape_say(&t, "a2");
	hear(t.l, "Z");
	hear_nothing(t.l);
	assert_non_null(strstr(mkt_buf_str(&t.trace), "# the recording has ended"));
	tape_say(&t, "a3");
	hear_nothing(t.l);
	assert_non_null(strstr(mkt_buf_str(&t.trace), "# not as recorded: nothing more was sent"));
	tape_close(&t);
}

static void test_replay_differs(void **state)
{
	struct tape t;

	(void)state;
	tape_open(&t, "0.000 # line tcp:10.0.0.1:502\n"
		      "0.300 > 61 31\n"
		      "0.400 < 41\n");
	assert_true(drv_link_is_tcp(t.l));
	tape_say(&t, "a2");
	hear_nothing(t.l);
	assert_non_null(strstr(mkt_buf_str(&t.trace),
			       "# not as recorded: byte 2 is 32, recorded was 31"));
	tape_say(&t, "a1x");
	hear_nothing(t.l);
	assert_non_null(strstr(mkt_buf_str(&t.trace),
			       "# not as recorded: 3 bytes were sent, recorded were 2"));
	tape_say(&t, "a1");
	hear(t.l, "A");
	tape_close(&t);
}

/* A frame of several lines is one write; what was secret is stars. */
static void test_replay_long_and_secret(void **state)
{
	struct tape t;

	(void)state;
	tape_open(&t, "0.300 > 61\n"
		      "0.300 > 62\n"
		      "0.400 < 41\n"
		      "0.500 > 2A 2A\n"
		      "0.600 < 42\n");
	tape_say(&t, "abc");
	hear_nothing(t.l);
	tape_say(&t, "ab");
	hear(t.l, "A");
	tape_say(&t, "pw");
	hear_nothing(t.l);
	drv_link_hush(t.l, true);
	tape_say(&t, "pw");
	drv_link_hush(t.l, false);
	hear(t.l, "B");
	tape_close(&t);
}

static void test_replay_datagrams(void **state)
{
	struct tape t;
	char got[64];

	(void)state;
	tape_open(&t, "0.000 # line udp:224.0.23.0\n"
		      "0.300 > 61\n"
		      "0.400 < 41 42\n"
		      "0.400 < 43\n");
	assert_true(drv_link_is_datagram(t.l));
	tape_say(&t, "a");
	assert_int_equal(drv_link_read(t.l, got, sizeof(got), 0, NULL), 2);
	assert_int_equal(drv_link_read(t.l, got, sizeof(got), 0, NULL), 1);
	tape_close(&t);
}

/* A device that only speaks: at its own pace. */
static void test_replay_paced(void **state)
{
	uint64_t begin_ms = drv_now_ms();
	struct tape t;

	(void)state;
	tape_open(&t, "5.000 < 41\n5.150 < 42\n");
	hear(t.l, "A");
	hear_nothing(t.l);
	hear(t.l, "B");
	assert_in_range(drv_now_ms() - begin_ms, 149, 5000);
	hear_nothing(t.l);
	tape_close(&t);
}

static void test_replay_broken(void **state)
{
	char dir[PATH_MAX], file[PATH_MAX + 16], port[PATH_MAX + 32];
	struct drv_link *l;
	struct mkt_err err;

	(void)state;
	tmpdir_make(dir, "tape");
	snprintf(file, sizeof(file), "%s/a.log", dir);
	snprintf(port, sizeof(port), "replay:%s", file);
	file_write(file, "0.1 > 61\n0.2 ? 62\n", 18);
	assert_int_equal(drv_link_open(&(struct drv_link_conf){.port = port}, &l, &err),
			 -MKT_EINVAL);
	assert_non_null(strstr(err.text, "a.log:2: column 5"));
	tmpdir_remove(dir);
}

/* What a line's trace says is a recording that plays. */
static void test_record_and_replay(void **state)
{
	struct tape t;
	struct pty p;

	uint16_t first, second;

	(void)state;
	pty_open(&p);
	first = drv_link_nonce(p.l);
	say(&p, "ask");
	device_hears(&p, "ask");
	device_says(&p, "answer\r\n");
	hear(p.l, "answer\r\n");
	drv_sleep_ms(2);
	second = drv_link_nonce(p.l);
	tape_open(&t, mkt_buf_str(&p.trace));
	pty_close(&p);
	assert_int_not_equal(first, second);
	assert_int_equal(drv_link_nonce(t.l), first);
	assert_int_equal(drv_link_nonce(t.l), second);
	tape_say(&t, "ask");
	hear(t.l, "answer\r\n");
	tape_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_deadlines),
		cmocka_unit_test(test_stuck_write),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_pause_after_last_bit),
		cmocka_unit_test(test_settle),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_hang_up),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_symlink),
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_no_port),
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_tcp_deadline),
		cmocka_unit_test(test_udp),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_replay_differs),
		cmocka_unit_test(test_replay_long_and_secret),
		cmocka_unit_test(test_replay_datagrams),
		cmocka_unit_test(test_replay_paced),
		cmocka_unit_test(test_replay_broken),
		cmocka_unit_test(test_record_and_replay),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
