#include "core/base/compat.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <term.h>

#include "core/codec/base64.h"
#include "tui/screen.h"

#define ESC_DELAY_MS 25
#define PAIRS_MAX 64
#define RESTORE_MAX 256

struct tui_screen {
	SCREEN *screen;
	FILE *out;
	int in_fd, out_fd;
	enum tui_scheme scheme;
	bool colors, mouse, resized, whole;
	short pair_of[TUI_STYLES];
	struct tui_canvas shown; /* what the terminal has */
};

/* ---- the way back ------------------------------------------------------------------------- */

/*
 * What a signal handler needs, and nothing else may need: it cannot be passed to
 * one.  Written before the handlers are set, read by them.
 */
static struct {
	volatile sig_atomic_t armed;
	int fd;
	struct termios tty;
	size_t n;
	char bytes[RESTORE_MAX];
} way_back;

static const int deadly[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

static void restore_terminal(void)
{
	if (!way_back.armed)
		return;
	way_back.armed = 0;
	if (write(way_back.fd, way_back.bytes, way_back.n) < 0)
		return; /* it is gone: nothing to put back */
	tcsetattr(way_back.fd, TCSANOW, &way_back.tty);
}

static void on_deadly(int sig)
{
	restore_terminal();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void add_back(const char *cap)
{
	size_t n = cap && cap != (const char *)-1 ? strlen(cap) : 0;

	if (way_back.n + n > sizeof(way_back.bytes))
		return;
	memcpy(way_back.bytes + way_back.n, cap ? cap : "", n);
	way_back.n += n;
}

static void arm(int fd)
{
	way_back.fd = fd;
	way_back.n = 0;
	if (tcgetattr(fd, &way_back.tty) < 0)
		return;
	add_back("\033[?1006l\033[?1000l"); /* the mouse, as curses switches it on */
	add_back(tigetstr("sgr0"));
	add_back(tigetstr("cnorm"));
	add_back(tigetstr("rmkx"));
	add_back(tigetstr("rmcup"));
	way_back.armed = 1;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(deadly); i++)
		signal(deadly[i], on_deadly);
	atexit(restore_terminal);
}

static void disarm(void)
{
	way_back.armed = 0;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(deadly); i++)
		signal(deadly[i], SIG_DFL);
}

/* ---- colours ------------------------------------------------------------------------------ */

/* A curses pair for each pair of colours in use. */
static void make_pairs(struct tui_screen *s)
{
	const struct tui_look *looks = tui_scheme(s->scheme);
	short next = 1;

	for (unsigned k = 0; k < TUI_STYLES; k++) {
		s->pair_of[k] = 0;
		if (!s->colors || (looks[k].fg < 0 && looks[k].bg < 0))
			continue;
		for (unsigned i = 0; i < k && !s->pair_of[k]; i++)
			if (looks[i].fg == looks[k].fg && looks[i].bg == looks[k].bg)
				s->pair_of[k] = s->pair_of[i];
		if (s->pair_of[k] || next >= PAIRS_MAX)
			continue;
		init_pair(next, looks[k].fg, looks[k].bg);
		s->pair_of[k] = next++;
	}
}

static attr_t attr_of(const struct tui_screen *s, unsigned style)
{
	const struct tui_look *l = &tui_scheme(s->scheme)[style];
	attr_t a = 0;

	a |= l->attr & TUI_BOLD ? A_BOLD : 0;
	a |= l->attr & TUI_FAINT ? A_DIM : 0;
	a |= l->attr & TUI_REVERSE ? A_REVERSE : 0;
	a |= l->attr & TUI_UNDERLINE ? A_UNDERLINE : 0;
	/* A scheme of colours on a terminal without: bars and cursor must be seen all the same. */
	if (!s->colors && l->bg >= 0 && style != TUI_PLAIN)
		a |= A_REVERSE;
	return a;
}

void tui_screen_scheme(struct tui_screen *s, enum tui_scheme scheme)
{
	s->scheme = scheme;
	make_pairs(s);
	bkgd((chtype)COLOR_PAIR(s->pair_of[TUI_PLAIN]));
	tui_screen_repaint(s);
}

/* ---- open, close -------------------------------------------------------------------------- */

static void set_modes(struct tui_screen *s)
{
	cbreak();
	noecho();
	nonl();
	intrflush(stdscr, FALSE);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(ESC_DELAY_MS);
	curs_set(0);
	if (s->mouse) {
		mousemask(BUTTON1_CLICKED | BUTTON1_PRESSED | BUTTON1_DOUBLE_CLICKED |
				  BUTTON4_PRESSED | BUTTON5_PRESSED,
			  NULL);
		mouseinterval(0);
	}
}

int tui_screen_open(const struct tui_screen_conf *conf, struct tui_screen **out,
		    struct mkt_err *err)
{
	struct tui_screen *s;
	int fd;

	if (!isatty(conf->in) || !isatty(conf->out)) {
		mkt_err_set(err, MKT_EUSAGE, "the dashboard needs a terminal");
		mkt_err_hint(err, "'--once' and '--text' need none");
		return -MKT_EUSAGE;
	}
	s = calloc(1, sizeof(*s));
	fd = dup(conf->out);
	if (!s || fd < 0) {
		free(s);
		return mkt_err_code(err, MKT_ENOMEM);
	}
	s->in_fd = conf->in;
	s->out_fd = conf->out;
	s->scheme = conf->scheme;
	s->mouse = conf->mouse;
	s->out = fdopen(fd, "w");
	s->screen = s->out ? newterm(NULL, s->out, stdin) : NULL;
	if (!s->screen) {
		const char *term = getenv("TERM");

		if (s->out)
			fclose(s->out);
		free(s);
		return mkt_err_set(err, MKT_EUSAGE, "TERM is '%s', which is no terminal known here",
				   term ? term : "");
	}
	set_term(s->screen);
	arm(conf->out);
	s->colors = has_colors() && start_color() == OK && use_default_colors() == OK;
	set_modes(s);
	s->whole = true;
	tui_screen_scheme(s, conf->scheme);
	*out = s;
	return 0;
}

void tui_screen_close(struct tui_screen *s)
{
	if (!s)
		return;
	endwin();
	disarm();
	delscreen(s->screen);
	fclose(s->out);
	tui_canvas_release(&s->shown);
	free(s);
}

int tui_screen_fd(const struct tui_screen *s)
{
	return s->in_fd;
}

void tui_screen_size(const struct tui_screen *s, unsigned *rows, unsigned *cols)
{
	(void)s;
	*rows = LINES > 0 ? (unsigned)LINES : 1;
	*cols = COLS > 0 ? (unsigned)COLS : 1;
}

/* ---- showing ------------------------------------------------------------------------------ */

static bool same_cell(const struct tui_cell *a, const struct tui_cell *b)
{
	return a->style == b->style && !strcmp(a->text, b->text);
}

static void show_cell(const struct tui_screen *s, unsigned y, unsigned x, const struct tui_cell *c)
{
	wchar_t wide[CCHARW_MAX + 1] = {0};
	const char *p = c->text;
	mbstate_t st = {0};
	cchar_t cc;

	if (!c->text[0])
		return; /* the letter before it covers this cell */
	if (mbsrtowcs(wide, &p, CCHARW_MAX, &st) == (size_t)-1) {
		wide[0] = L'?';
		wide[1] = 0;
	}
	setcchar(&cc, wide, attr_of(s, c->style), s->pair_of[c->style], NULL);
	mvadd_wch((int)y, (int)x, &cc);
}

void tui_screen_repaint(struct tui_screen *s)
{
	s->whole = true;
}

void tui_screen_show(struct tui_screen *s, const struct tui_canvas *c, int cursor_y, int cursor_x)
{
	bool fresh = s->shown.rows != c->rows || s->shown.cols != c->cols;

	if (fresh && tui_canvas_resize(&s->shown, c->rows, c->cols) < 0)
		return; /* the old picture stays; the next may do */
	if (s->whole)
		clearok(stdscr, TRUE);
	for (unsigned i = 0; i < c->rows * c->cols; i++) {
		if (!s->whole && !fresh && same_cell(&c->cells[i], &s->shown.cells[i]))
			continue;
		show_cell(s, i / c->cols, i % c->cols, &c->cells[i]);
		s->shown.cells[i] = c->cells[i];
	}
	s->whole = false;
	if (cursor_y >= 0)
		move(cursor_y, cursor_x);
	curs_set(cursor_y >= 0);
	refresh();
}

void tui_screen_resized(struct tui_screen *s)
{
	struct winsize w;

	if (ioctl(s->out_fd, TIOCGWINSZ, &w) == 0 && w.ws_row && w.ws_col)
		resizeterm(w.ws_row, w.ws_col);
	s->resized = true;
	s->whole = true;
}

void tui_screen_leave(struct tui_screen *s)
{
	(void)s;
	endwin();
}

void tui_screen_return(struct tui_screen *s)
{
	tui_screen_resized(s);
	refresh();
}

void tui_screen_copy(struct tui_screen *s, const char *text)
{
	struct mkt_buf b = MKT_BUF_INIT;

	/* OSC 52; terminals that do not know it ignore it. */
	mkt_buf_addstr(&b, "\033]52;c;");
	mkt_base64_put(&b, text, strlen(text));
	mkt_buf_addch(&b, '\a');
	if (!b.bad) {
		fwrite(b.data, 1, b.len, s->out);
		fflush(s->out);
	}
	mkt_buf_release(&b);
}

void tui_screen_bell(struct tui_screen *s)
{
	(void)s;
	beep();
}

/* ---- keys --------------------------------------------------------------------------------- */

static uint32_t key_of(wint_t c)
{
	static const struct {
		int curses;
		uint32_t key;
	} keys[] = {
		{KEY_UP, TUI_K_UP},	   {KEY_DOWN, TUI_K_DOWN},
		{KEY_LEFT, TUI_K_LEFT},	   {KEY_RIGHT, TUI_K_RIGHT},
		{KEY_HOME, TUI_K_HOME},	   {KEY_END, TUI_K_END},
		{KEY_PPAGE, TUI_K_PGUP},   {KEY_NPAGE, TUI_K_PGDN},
		{KEY_IC, TUI_K_INSERT},	   {KEY_DC, TUI_K_DELETE},
		{KEY_BTAB, TUI_K_BACKTAB}, {KEY_BACKSPACE, TUI_K_BACKSPACE},
		{KEY_ENTER, TUI_K_ENTER},  {KEY_RESIZE, TUI_K_RESIZE},
	};

	for (size_t i = 0; i < MKT_ARRAY_SIZE(keys); i++)
		if ((wint_t)keys[i].curses == c)
			return keys[i].key;
	if (c > (wint_t)KEY_F0 && c <= (wint_t)KEY_F(12))
		return TUI_K_F1 + (uint32_t)(c - (wint_t)KEY_F(1));
	return TUI_K_NONE;
}

static uint32_t take_mouse(struct tui_input *in)
{
	MEVENT m;

	if (getmouse(&m) != OK || m.y < 0 || m.x < 0)
		return TUI_K_NONE;
	in->y = (unsigned)m.y;
	in->x = (unsigned)m.x;
	if (m.bstate & BUTTON4_PRESSED)
		in->mouse = TUI_WHEEL_UP;
	else if (m.bstate & BUTTON5_PRESSED)
		in->mouse = TUI_WHEEL_DOWN;
	else if (m.bstate & BUTTON1_DOUBLE_CLICKED)
		in->mouse = TUI_DOUBLE;
	else if (m.bstate & (BUTTON1_CLICKED | BUTTON1_PRESSED))
		in->mouse = TUI_CLICK;
	else
		return TUI_K_NONE;
	return TUI_K_MOUSE;
}

int tui_screen_key(struct tui_screen *s, struct tui_input *in)
{
	wint_t c = 0;
	int rc;

	*in = (struct tui_input){.key = TUI_K_NONE};
	if (s->resized) {
		s->resized = false;
		in->key = TUI_K_RESIZE;
		return 1;
	}
	errno = 0;
	rc = wget_wch(stdscr, &c);
	if (rc == ERR)
		return errno == EIO || errno == EBADF ? -MKT_EOUTPUT : 0;
	if (rc == KEY_CODE_YES)
		in->key = c == (wint_t)KEY_MOUSE ? take_mouse(in) : key_of(c);
	else
		in->key = c == '\r' ? TUI_K_ENTER : c == 8 ? TUI_K_BACKSPACE : (uint32_t)c;
	return 1;
}
