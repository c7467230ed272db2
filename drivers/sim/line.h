/*
 * The simulated line: a pty (with a link to it), a TCP port with one client at a
 * time, or a UDP port.  The pty stays whatever the host does: the other side is
 * kept open, so that closing and opening again is no end of file here.
 */
#ifndef MKT_DRIVERS_SIM_LINE_H
#define MKT_DRIVERS_SIM_LINE_H

#include <netinet/in.h>

#include "drivers/sim/faults.h"

enum sim_line_kind { SIM_LINE_PTY = 0, SIM_LINE_TCP, SIM_LINE_UDP };

struct sim_line {
	enum sim_line_kind kind;
	char where[256];	 /* path of the link or the pty, HOST:PORT */
	bool linked;		 /* @where is a symbolic link of ours */
	int fd, slave;		 /* pty; -1: none now */
	int listener;		 /* TCP; fd is then the client */
	struct sockaddr_in addr; /* bound to; with the port that was taken */
	struct sockaddr_in peer; /* UDP: who spoke last */
	bool anew;		 /* opened by somebody since this was last cleared */
	uint64_t back_ms;	 /* real time at which a pulled cable is back; 0: not pulled */
	struct sim_queue out;
};

/* @where: "" or the link to make; [HOST:]PORT.  -MKT_EUSAGE, -MKT_EIO. */
int sim_line_open(struct sim_line *l, enum sim_line_kind kind, const char *where,
		  struct mkt_err *err) MKT_MUST_CHECK;
void sim_line_close(struct sim_line *l);

/* "/dev/pts/3", the link, "tcp:127.0.0.1:1502": what a driver is told to open. */
void sim_line_name(const struct sim_line *l, char *out, size_t size);

/* To poll for input: -1 none. */
int sim_line_fd(const struct sim_line *l);
/* What has come; 0: nothing. */
size_t sim_line_read(struct sim_line *l, uint8_t *buf, size_t size);
/* Send what is due, and bring a pulled cable back. */
void sim_line_run(struct sim_line *l, uint64_t real_ms);
uint64_t sim_line_next(const struct sim_line *l); /* real time it wants to run at */

/* Pull the cable until @back_ms. */
void sim_line_hangup(struct sim_line *l, uint64_t back_ms);

#endif
