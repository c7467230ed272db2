/*
 * Clients of mkt-driverd: their sockets, lines and queues, and the loop that
 * serves them beside the line.  A client that does not read is cut off; none can
 * make the others wait, but by what it asks of the devices.  One thread.
 */
#ifndef MKT_DRIVERS_SERVER_H
#define MKT_DRIVERS_SERVER_H

#include "drivers/proto.h"

#define DRV_CLIENTS_MAX 16
#define DRV_QUEUE_MAX (256u << 10) /* bytes that wait for a client */

struct drv_client {
	uint32_t id; /* never used again; 0: free place */
	int in, out; /* the same but for standard input and output */
	char text[MKT_LINE_MAX];
	size_t n;
	bool skip;	   /* the rest of a line that was too long */
	bool ended;	   /* it says no more */
	bool gone;
	bool trace;
	uint32_t waiting;  /* requests without an answer */
	struct mkt_buf queue;
	size_t sent;
};

struct drv_server {
	struct drv_bus bus;
	char line[MKT_DEV_NAME_MAX + 1];
	char path[256];	   /* of the socket; "" alone */
	char orders[256];  /* file; "" none */
	int listener, lock;
	bool alone;	   /* --stdio */
	uint32_t last_id;
	uint64_t trace_ms; /* when the trace began */
	uint64_t beat_at_ms;
	struct drv_client clients[DRV_CLIENTS_MAX];
};

/* Nothing opened; then drv_bus_init(&s->bus, ..., &hooks) with these hooks. */
void drv_server_init(struct drv_server *s, const char *line);
struct drv_hooks drv_server_hooks(struct drv_server *s);

/*
 * Listen on DIR/LINE.sock (directory 0750, socket 0660), take up orders of a
 * process that was here before.  -MKT_ELOCKED another mkt-driverd serves the line;
 * -MKT_EIO; -MKT_EUSAGE a path that is too long.
 */
int drv_server_listen(struct drv_server *s, const char *dir, struct mkt_err *err) MKT_MUST_CHECK;

/* Serve standard input and output alone; with @trace the bytes of the line from the first on. */
void drv_server_stdio(struct drv_server *s, bool trace);

/*
 * Until @stop_fd is readable or, alone, the client has ended.  @beat is called
 * every @beat_ms (0: never), but for the time that a device takes.
 */
void drv_server_run(struct drv_server *s, int stop_fd, uint32_t beat_ms, void (*beat)(void));

/* Devices to their exit state; clients and socket away. */
void drv_server_quit(struct drv_server *s);

/* ---- between its files --------------------------------------------------------------------- */

/* Append to the client's queue and write what goes. */
void drv_client_say(struct drv_server *s, struct drv_client *c, const struct mkt_buf *text);
void drv_client_done(struct drv_server *s, struct drv_client *c, uint32_t id, int rc,
		     const struct mkt_err *err);
/* Lines that have come. */
void drv_client_line(struct drv_server *s, struct drv_client *c, const char *text, size_t n);

/* drivers, scan, probe: rows now, as they come; the caller says "ok" or the error. */
int drv_private(struct drv_server *s, struct drv_client *c, const struct drv_request *r,
		struct mkt_err *err);

/* Orders that outlive this process. */
void drv_orders_save(const struct drv_server *s);
void drv_orders_load(struct drv_server *s);

#endif
