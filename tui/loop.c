#include "core/base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/wire/stream.h"
#include "tui/frame.h"
#include "tui/known.h"
#include "tui/loop.h"
#include "tui/overlay.h"

#define CHILD_FDS 16
#define KEYS_A_TURN 64

/* ---- signals ------------------------------------------------------------------------------ */

/* Cannot be passed to a handler: what came, and the descriptor that wakes the loop; -1: none. */
static volatile sig_atomic_t came_end, came_int, came_size, came_cont;
static volatile sig_atomic_t wake_fd = -1;

static void on_signal(int sig)
{
	int kept = errno;

	if (sig == SIGINT)
		came_int++;
	else if (sig == SIGWINCH)
		came_size = 1;
	else if (sig == SIGCONT)
		came_cont = 1;
	else
		came_end = sig;
	if (wake_fd >= 0 && write(wake_fd, "", 1) < 0)
		errno = kept; /* full: it will wake up anyway */
	errno = kept;
}

static void catch_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGCONT};
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	sigemptyset(&act.sa_mask);
	for (size_t i = 0; i < MKT_ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &act, NULL);
}

static void take_signals(struct tui_loop *l)
{
	struct tui_dash *d = l->d;
	char drop[64];

	while (read(l->wake[0], drop, sizeof(drop)) > 0)
		continue;
	if (came_end || came_int > 1) {
		d->quit = true;
		d->exit_status = 128 + (came_end ? (int)came_end : SIGINT);
	} else if (came_int && !d->quit) {
		tui_frame_leave(d, 128 + SIGINT);
	}
	if (came_size && l->screen)
		tui_screen_resized(l->screen);
	if (came_cont)
		d->repaint = d->urgent = true;
	came_size = came_cont = 0;
}

/* ---- beginning, end ----------------------------------------------------------------------- */

static void read_clocks(struct tui_dash *d)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	d->now_ms = (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
	d->steady_ms = mkt_stream_now_ms();
}

int tui_loop_init(struct tui_loop *l, struct tui_dash *d, struct tui_feed *feed,
		  struct mkt_err *err)
{
	*l = (struct tui_loop){.d = d, .feed = feed, .cursor_y = -1, .cursor_x = -1};
	if (pipe2(l->wake, O_NONBLOCK | O_CLOEXEC) < 0)
		return mkt_err_sys(err, MKT_EIO, errno, "cannot make a pipe");
	came_end = came_int = came_size = came_cont = 0;
	wake_fd = l->wake[1];
	catch_signals();
	read_clocks(d);
	d->word_ms = d->steady_ms;
	return 0;
}

void tui_loop_release(struct tui_loop *l)
{
	wake_fd = -1;
	close(l->wake[0]);
	close(l->wake[1]);
}

static int fit(struct tui_loop *l)
{
	unsigned rows, cols;

	tui_screen_size(l->screen, &rows, &cols);
	return tui_canvas_resize(&l->d->canvas, rows, cols);
}

int tui_loop_screen(struct tui_loop *l, struct tui_screen *screen, struct mkt_err *err)
{
	l->screen = screen;
	l->scheme = l->d->conf.scheme;
	l->d->urgent = true;
	return fit(l) ? mkt_err_code(err, MKT_ENOMEM) : 0;
}

/* ---- painting ----------------------------------------------------------------------------- */

static void obey(struct tui_loop *l)
{
	struct tui_dash *d = l->d;

	if (l->scheme != d->conf.scheme) {
		tui_screen_scheme(l->screen, d->conf.scheme);
		l->scheme = d->conf.scheme;
	}
	if (d->repaint)
		tui_screen_repaint(l->screen);
	if (d->clip.len)
		tui_screen_copy(l->screen, mkt_buf_str(&d->clip));
}

static bool paint_due(const struct tui_loop *l)
{
	const struct tui_dash *d = l->d;

	return d->urgent || d->repaint ||
	       (d->dirty && d->steady_ms - l->painted_ms >= TUI_PAINT_MS);
}

static void paint(struct tui_loop *l)
{
	struct tui_dash *d = l->d;

	if (!d->urgent) {
		l->painted_ms = d->steady_ms;
		l->paints++;
		d->dirty = false;
	}
	tui_frame_draw(d, &l->cursor_y, &l->cursor_x);
	if (l->screen) {
		obey(l);
		tui_screen_show(l->screen, &d->canvas, l->cursor_y, l->cursor_x);
	}
	mkt_buf_clear(&d->clip);
	l->working = d->canvas.again;
	l->awaited = l->working && (l->awaited || d->urgent);
	d->urgent = d->repaint = false;
}

/* One slice more of what the last picture left over; it is shown when it is whole. */
static void work(struct tui_loop *l)
{
	struct tui_dash *d = l->d;

	tui_frame_draw(d, &l->cursor_y, &l->cursor_x);
	l->working = d->canvas.again;
	if (l->working)
		return;
	if (l->awaited)
		d->urgent = true; /* a key began it */
	else
		d->dirty = true;
	l->awaited = false;
}

/* ---- turns -------------------------------------------------------------------------------- */

/* Keys that are waiting.  A terminal that hung up gives none and has no more to say. */
static void take_keys(struct tui_loop *l, bool hung_up)
{
	struct tui_dash *d = l->d;
	struct tui_input in;
	int rc = 0;

	for (unsigned i = 0; i < KEYS_A_TURN && !d->quit; i++) {
		rc = tui_screen_key(l->screen, &in);
		if (rc <= 0)
			break;
		if (in.key == TUI_K_RESIZE && fit(l))
			rc = -MKT_EOUTPUT; /* no memory for a picture */
		tui_frame_key(d, &in);
	}
	if (rc < 0 || (rc == 0 && hung_up)) {
		d->quit = true;
		d->exit_status = 128 + SIGHUP;
	}
}

static void tick(struct tui_loop *l)
{
	if (l->d->steady_ms - l->tick_ms < TUI_TICK_MS)
		return;
	l->tick_ms = l->d->steady_ms;
	tui_known_tick(l->d);
	tui_frame_tick(l->d);
	tui_dash_touch(l->d); /* ages and clocks */
}

static int least(int wait_ms, uint64_t at, uint64_t now)
{
	uint64_t left = at > now ? at - now : 0;

	return wait_ms < 0 || left < (uint64_t)wait_ms ? (int)left : wait_ms;
}

/* True if the terminal hung up. */
static bool wait_for_something(struct tui_loop *l, int wait_ms)
{
	struct pollfd fds[2 + TUI_FEED_FDS + CHILD_FDS];
	struct tui_dash *d = l->d;
	unsigned n = 0;

	fds[n++] = (struct pollfd){.fd = l->wake[0], .events = POLLIN};
	fds[n++] =
		(struct pollfd){.fd = l->screen ? tui_screen_fd(l->screen) : -1, .events = POLLIN};
	if (l->feed)
		n += tui_feed_fds(l->feed, fds + n, &wait_ms);
	n += tui_run_fds(d, fds + n, CHILD_FDS);
	wait_ms = least(wait_ms, l->tick_ms + TUI_TICK_MS, d->steady_ms);
	if (d->dirty)
		wait_ms = least(wait_ms, l->painted_ms + TUI_PAINT_MS, d->steady_ms);
	if (d->urgent || l->working)
		wait_ms = 0;
	if (poll(fds, n, wait_ms) < 0)
		return false; /* a signal; it is looked at next */
	return fds[1].revents & (POLLHUP | POLLERR | POLLNVAL);
}

void tui_loop_turn(struct tui_loop *l, int wait_ms)
{
	struct tui_dash *d = l->d;
	bool hung_up = wait_for_something(l, wait_ms);

	read_clocks(d);
	take_signals(l);
	if (l->screen && !d->quit)
		take_keys(l, hung_up);
	if (d->urgent && !d->quit)
		paint(l); /* a person waits: before anything else is worked on */
	if (l->feed)
		tui_feed_turn(l->feed, d);
	tui_run_turn(d);
	tick(l);
	if (d->quit)
		return;
	if (l->working && !d->urgent)
		work(l);
	if (paint_due(l))
		paint(l);
}

int tui_loop_run(struct tui_loop *l)
{
	while (!l->d->quit)
		tui_loop_turn(l, -1);
	return l->d->exit_status;
}
