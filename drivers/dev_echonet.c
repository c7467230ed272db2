/*
 * ECHONET Lite over UDP: storage batteries (027D), vehicle chargers with
 * discharge (027E) and without (02A1), photovoltaics (0279).
 *
 * What a device can do comes from its property maps; nothing else is asked for or
 * set.  All of it is read in each pass: what is not said any more ages.
 */
#include "core/base/compat.h"

#include "drivers/en_device.h"

enum opening { NODES = 0, MAPS, WHO, WHO_NODE, STATE, OPEN };

static const char *class_name(uint16_t cls)
{
	switch (cls) {
	case DRV_EN_PV:
		return "photovoltaics";
	case DRV_EN_BATTERY:
		return "storage battery";
	case DRV_EN_V2H:
		return "vehicle charger and discharger";
	default:
		return "vehicle charger";
	}
}

static uint16_t class_of(const struct drv_driver *drv)
{
	switch (drv->kind) {
	case MKT_DEV_BATTERY:
		return DRV_EN_BATTERY;
	case MKT_DEV_V2H:
		return DRV_EN_V2H;
	case MKT_DEV_INVERTER:
		return DRV_EN_PV;
	default:
		return DRV_EN_CHARGER;
	}
}

/* ---- transport ----------------------------------------------------------------------------- */

static int send_frame(void *arg, const uint8_t *frame, size_t n, struct mkt_err *err)
{
	struct drv_en_device *e = arg;

	return drv_link_write(e->link, frame, n, drv_now_ms() + 500, err);
}

/* One datagram is one frame.  Returns its length. */
static int receive(struct drv_en_device *e, uint64_t until_ms, struct mkt_err *err)
{
	uint8_t b[DRV_FRAME_MAX];
	int n = drv_link_read(e->link, b, sizeof(b), until_ms, err);

	if (n > 0)
		drv_en_take(&e->t, b, (size_t)n);
	return n;
}

static int pump(void *arg, uint64_t until_ms, struct mkt_err *err)
{
	return receive(arg, until_ms, err);
}

/* ---- who is it ----------------------------------------------------------------------------- */

/* Is the object in the node's list (D6: count, then three bytes each)? */
static int find_object(const struct drv_en_talk *t, struct mkt_err *err)
{
	const struct drv_en_prop *p = &t->answer.p[0];
	char list[96] = "";
	size_t at = 0;

	if (t->answer.n != 1 || !p->pdc)
		return mkt_err_set(err, MKT_EDEVIDENTITY, "the node does not list its objects");
	for (unsigned i = 0; i < p->edt[0] && 3u * i + 3u < p->pdc; i++) {
		const uint8_t *o = p->edt + 1 + 3 * i;
		uint32_t eoj = (uint32_t)o[0] << 16 | (uint32_t)o[1] << 8 | o[2];

		if (eoj == t->eoj)
			return 0;
		if (at + 8 < sizeof(list))
			at += (size_t)snprintf(list + at, sizeof(list) - at, " %06X", eoj);
	}
	return mkt_err_set(err, MKT_EDEVIDENTITY, "this node has no object %06X, but%s", t->eoj,
			   list[0] ? list : " none at all");
}

static void hex_text(char out[MKT_DEV_TEXT_MAX + 1], const char *before, const uint8_t *b, size_t n)
{
	size_t at = (size_t)snprintf(out, MKT_DEV_TEXT_MAX + 1, "%s", before);

	for (size_t i = 0; i < n && at + 2 <= MKT_DEV_TEXT_MAX; i++, at += 2)
		snprintf(out + at, 3, "%02X", b[i]);
}

static void identify(const struct drv_en_talk *t, struct mkt_identity *id)
{
	const struct drv_en_value *v = drv_en_value(t, 0x8A);

	memset(id, 0, sizeof(*id));
	if (v && v->n == 3)
		hex_text(id->maker, "maker ", v->edt, v->n);
	v = drv_en_value(t, 0x8C);
	if (v)
		mkt_dev_text(id->model, v->edt, v->n);
	if (!id->model[0])
		snprintf(id->model, sizeof(id->model), "%s %06X",
			 class_name((uint16_t)(t->eoj >> 8)), t->eoj);
	v = drv_en_value(t, 0x82);
	if (v && v->n == 4 && v->edt[2] >= 'A' && v->edt[2] <= 'Z')
		snprintf(id->version, sizeof(id->version), "release %c", v->edt[2]);
	v = drv_en_value(t, 0x8D);
	if (v)
		mkt_dev_text(id->serial, v->edt, v->n);
	v = drv_en_value(t, 0x83);
	if (!id->serial[0] && v)
		hex_text(id->serial, "", v->edt, v->n);
}

/* ---- readings ------------------------------------------------------------------------------ */

struct row {
	bool (*get)(const void *edt, size_t n, int64_t *v);
	int32_t factor;
	uint8_t epc;
	uint8_t reading; /* enum mkt_reading_id; of several rows the first there is */
};

static const struct row battery_rows[] = {
	{drv_en_s32, 1, 0xD3, MKT_R_POWER},
	{drv_en_u32, 1, 0xA8, MKT_R_ENERGY_IMPORT},
	{drv_en_u32, 1, 0xD8, MKT_R_ENERGY_IMPORT},
	{drv_en_u32, 1, 0xA9, MKT_R_ENERGY_EXPORT},
	{drv_en_u32, 1, 0xD6, MKT_R_ENERGY_EXPORT},
	{drv_en_u8, 10, 0xE4, MKT_R_SOC},
	{drv_en_u32, 1, 0xA1, MKT_R_CAPACITY},
	{drv_en_u32, 1, 0xD0, MKT_R_CAPACITY},
	{drv_en_u32, 1, 0xA4, MKT_R_ENERGY_CHARGEABLE},
	{drv_en_u32, 1, 0xA5, MKT_R_ENERGY_DISCHARGEABLE},
	{drv_en_u8, 10, 0xA6, MKT_R_SOC_MAX},
	{drv_en_u8, 10, 0xA7, MKT_R_SOC_MIN},
	{drv_en_s16, 1000, 0xD5, MKT_R_BATTERY_VOLTAGE},
	{NULL, 0, 0, 0},
};

static const struct row vehicle_rows[] = {
	{drv_en_s32, 1, 0xD3, MKT_R_POWER},
	{drv_en_u32, 1, 0xD8, MKT_R_ENERGY_IMPORT},
	{drv_en_u32, 1, 0xD6, MKT_R_ENERGY_EXPORT},
	{drv_en_u8, 10, 0xE4, MKT_R_SOC},
	{drv_en_u32, 1, 0xD0, MKT_R_CAPACITY},
	{drv_en_u32, 1, 0xC0, MKT_R_CAPACITY},
	{drv_en_u32, 1, 0xCF, MKT_R_ENERGY_CHARGEABLE},
	{drv_en_u32, 1, 0xC2, MKT_R_ENERGY_DISCHARGEABLE},
	{drv_en_s16, 1000, 0xD5, MKT_R_BATTERY_VOLTAGE},
	{NULL, 0, 0, 0},
};

static const struct row pv_rows[] = {
	{drv_en_u16, -1, 0xE0, MKT_R_POWER},
	{drv_en_u32, 1, 0xE1, MKT_R_ENERGY_EXPORT},
	{NULL, 0, 0, 0},
};

/* What besides the rows is read in each pass. */
static const uint8_t also[] = {0x88, 0x89, 0x93, 0xC7, 0xC8, 0xC9, 0xCF, 0xDA, 0xEB, 0xEC};

static const struct row *rows(const struct drv_en_device *e)
{
	if (e->cls == DRV_EN_PV)
		return pv_rows;
	return e->cls == DRV_EN_BATTERY ? battery_rows : vehicle_rows;
}

static bool is_better_there(const struct drv_en_device *e, const struct row *row)
{
	for (const struct row *r = rows(e); r < row; r++)
		if (r->reading == row->reading && drv_en_has(&e->polled, r->epc))
			return true;
	return false;
}

static bool number(const struct drv_en_device *e, uint8_t epc,
		   bool (*get)(const void *edt, size_t n, int64_t *v), int64_t *out)
{
	const struct drv_en_value *v = drv_en_value(&e->t, epc);

	return v && get(v->edt, v->n, out);
}

static void choose_what_is_polled(struct drv_en_device *e)
{
	memset(&e->polled, 0, sizeof(e->polled));
	for (const struct row *r = rows(e); r->get; r++)
		if (drv_en_has(&e->readable, r->epc) && !is_better_there(e, r))
			drv_en_put(&e->polled, r->epc);
	for (size_t i = 0; i < sizeof(also); i++)
		if (drv_en_has(&e->readable, also[i]) && (e->cls != DRV_EN_PV || also[i] < 0x90))
			drv_en_put(&e->polled, also[i]);
}

static void set_limits(struct drv_en_device *e, uint8_t epc, enum mkt_reading_id least,
		       enum mkt_reading_id most)
{
	const struct drv_en_value *v = drv_en_value(&e->t, epc);
	int64_t n;

	if (!v || v->n != 8)
		return;
	if (drv_en_u32(v->edt, 4, &n))
		drv_set(e->d, least, n);
	if (drv_en_u32(v->edt + 4, 4, &n))
		drv_set(e->d, most, n);
}

/* A4 and A5 say what inverter and cells could; A6 and A7 what the owner lets them. */
static void clip_room(struct drv_en_device *e)
{
	int64_t soc, limit, cap, room;

	if (!number(e, 0xE4, drv_en_u8, &soc))
		return;
	if (number(e, 0xA6, drv_en_u8, &limit) && number(e, 0xA0, drv_en_u32, &cap) &&
	    number(e, 0xA4, drv_en_u32, &room) && (limit - soc) * cap / 100 < room)
		drv_set(e->d, MKT_R_ENERGY_CHARGEABLE, limit > soc ? (limit - soc) * cap / 100 : 0);
	if (number(e, 0xA7, drv_en_u8, &limit) && number(e, 0xA1, drv_en_u32, &cap) &&
	    number(e, 0xA5, drv_en_u32, &room) && (soc - limit) * cap / 100 < room)
		drv_set(e->d, MKT_R_ENERGY_DISCHARGEABLE,
			soc > limit ? (soc - limit) * cap / 100 : 0);
}

static int working_mode(const struct drv_en_device *e)
{
	int da = drv_en_byte(&e->t, 0xDA), cf = drv_en_byte(&e->t, 0xCF);

	return e->cls == DRV_EN_BATTERY && da != DRV_EN_AUTO && cf >= 0 ? cf : da;
}

static void tell_mode(struct drv_en_device *e)
{
	int mode = working_mode(e), m = MKT_MODE_UNKNOWN, da = drv_en_byte(&e->t, 0xDA);
	int64_t power_w;

	if (mode < 0)
		return;
	if (mode == DRV_EN_AUTO)
		m = MKT_MODE_AUTO;
	else if (mode == DRV_EN_CHARGE || mode == DRV_EN_RAPID)
		m = MKT_MODE_CHARGE;
	else if (mode == DRV_EN_DISCHARGE)
		m = MKT_MODE_DISCHARGE;
	else if (mode == DRV_EN_STANDBY || mode == DRV_EN_STOP)
		m = MKT_MODE_HOLD;
	drv_set(e->d, MKT_R_MODE, m);
	drv_set(e->d, MKT_R_ENABLED, m != MKT_MODE_HOLD && m != MKT_MODE_UNKNOWN);
	if (da == DRV_EN_STANDBY || da == DRV_EN_STOP)
		drv_set(e->d, MKT_R_POWER_LIMIT, 0);
	else if (da == DRV_EN_CHARGE && number(e, 0xEB, drv_en_u32, &power_w))
		drv_set(e->d, MKT_R_POWER_LIMIT, power_w);
	else if (da == DRV_EN_DISCHARGE && number(e, 0xEC, drv_en_u32, &power_w))
		drv_set(e->d, MKT_R_POWER_LIMIT, -power_w);
	else
		drv_unset(e->d, MKT_R_POWER_LIMIT);
}

static void tell_vehicle(struct drv_en_device *e)
{
	int c7 = drv_en_byte(&e->t, 0xC7);
	int64_t power_w = 0;

	if (e->cls == DRV_EN_BATTERY || c7 < 0)
		return;
	if (c7 == 0x30) {
		drv_set(e->d, MKT_R_VEHICLE, MKT_VEHICLE_A);
		drv_unset(e->d, MKT_R_SOC);
		drv_unset(e->d, MKT_R_ENERGY_CHARGEABLE);
		drv_unset(e->d, MKT_R_ENERGY_DISCHARGEABLE);
		drv_unset(e->d, MKT_R_CAPACITY);
		return;
	}
	if (c7 == 0xFF)
		drv_set(e->d, MKT_R_VEHICLE, MKT_VEHICLE_UNKNOWN);
	else
		drv_set(e->d, MKT_R_VEHICLE,
			number(e, 0xD3, drv_en_s32, &power_w) && power_w ? MKT_VEHICLE_C
									 : MKT_VEHICLE_B);
}

static void tell_fault(struct drv_en_device *e)
{
	const struct drv_en_value *v = drv_en_value(&e->t, 0x89);
	bool fault = drv_en_byte(&e->t, 0x88) == 0x41;
	unsigned code = fault && v && v->n == 2 ? (unsigned)v->edt[0] << 8 | v->edt[1] : fault;

	if (drv_en_byte(&e->t, 0x88) >= 0)
		drv_set(e->d, MKT_R_FAULT, code);
	else if (drv_en_has(&e->polled, 0x88))
		return; /* not read this time */
	if (fault)
		drv_fault(e->d, "the device reports fault %04X", code);
	else if (e->missed >= 2)
		drv_fault(e->d, "does not follow: told to %s, its mode is %s, it works as %s",
			  drv_en_mode_word(e->wish.mode),
			  drv_en_mode_word(drv_en_byte(&e->t, 0xDA)),
			  drv_en_mode_word(working_mode(e)));
	else
		drv_fault(e->d, NULL);
}

static void set_caps(struct drv_en_device *e)
{
	bool mode = drv_en_can_mode(e) && !drv_en_is_locked(e);
	unsigned caps = mode ? MKT_CAP_MODE | MKT_CAP_PAUSE : MKT_CAP_READ_ONLY;

	if (mode && drv_en_can_charge_power(e))
		caps |= MKT_CAP_POWER;
	if (mode && drv_en_can_discharge_power(e))
		caps |= MKT_CAP_DISCHARGE;
	for (const struct row *r = rows(e); r->get; r++) {
		if (!drv_en_has(&e->polled, r->epc))
			continue;
		caps |= r->reading == MKT_R_ENERGY_IMPORT ? MKT_CAP_IMPORT : 0;
		caps |= r->reading == MKT_R_ENERGY_EXPORT ? MKT_CAP_EXPORT : 0;
		caps |= r->reading == MKT_R_SOC ? MKT_CAP_SOC : 0;
	}
	if (e->cls != DRV_EN_BATTERY && drv_en_has(&e->polled, 0xC7))
		caps |= MKT_CAP_VEHICLE;
	e->d->caps = caps;
}

static void tell(struct drv_en_device *e)
{
	int64_t v;

	for (const struct row *r = rows(e); r->get; r++)
		if (drv_en_has(&e->polled, r->epc) && number(e, r->epc, r->get, &v))
			drv_set(e->d, r->reading, v * r->factor);
	if (e->cls == DRV_EN_BATTERY)
		clip_room(e);
	set_limits(e, 0xC8, MKT_R_POWER_CHARGE_MIN, MKT_R_POWER_CHARGE_MAX);
	set_limits(e, 0xC9, MKT_R_POWER_DISCHARGE_MIN, MKT_R_POWER_DISCHARGE_MAX);
	drv_set(e->d, MKT_R_ENERGY_STEP, 1);
	drv_set(e->d, MKT_R_WATCHDOG, 0);
	if (e->cls != DRV_EN_PV)
		tell_mode(e);
	tell_vehicle(e);
	tell_fault(e);
	set_caps(e);
}

/* ---- callbacks ----------------------------------------------------------------------------- */

static void start(struct drv_en_device *e, struct drv_link *l, struct drv_device *d,
		  uint32_t eoj)
{
	const struct drv_en_io io = {e, send_frame, pump};

	e->d = d;
	e->link = l;
	e->cls = (uint16_t)(eoj >> 8);
	e->told = true;
	e->watch_ms = DRV_EN_WATCH_MS;
	drv_en_talk_init(&e->t, d, &io, eoj);
}

static uint32_t object_of(uint16_t cls, uint16_t unit)
{
	return (uint32_t)cls << 8 | (unit ? unit & 0x7Fu : 1u);
}

static int ask_list(struct drv_en_talk *t, struct mkt_err *err)
{
	return drv_en_request(t, DRV_EN_NODE, DRV_EN_GET,
			      &(struct drv_en_prop){0xD6, 0, NULL}, 1, err);
}

static void begin_reading(struct drv_en_talk *t, const struct drv_en_map *there,
			  const uint8_t *epcs, size_t n)
{
	struct drv_en_map set = {{0}};

	for (size_t i = 0; i < n; i++)
		if (!there || drv_en_has(there, epcs[i]))
			drv_en_put(&set, epcs[i]);
	drv_en_pass_begin(t, &set);
}

static const uint8_t map_epcs[] = {0x9E, 0x9F};
static const uint8_t who_epcs[] = {0x82, 0x83, 0x8A, 0x8C, 0x8D};

static int take_maps(struct drv_en_device *e, struct mkt_err *err)
{
	const struct drv_en_value *get = drv_en_value(&e->t, 0x9F);
	const struct drv_en_value *set = drv_en_value(&e->t, 0x9E);
	int r;

	if (!get)
		return mkt_err_set(err, MKT_EDEVIDENTITY,
				   "object %06X does not say what can be read (9F)", e->t.eoj);
	r = drv_en_map_decode(get->edt, get->n, &e->readable, err);
	if (!r && set)
		r = drv_en_map_decode(set->edt, set->n, &e->settable, err);
	if (r < 0)
		return mkt_err_set(err, MKT_EDEVIDENTITY, "object %06X has a damaged property map",
				   e->t.eoj);
	if (!drv_en_has(&e->readable, e->cls == DRV_EN_PV ? 0xE0 : 0xDA))
		return mkt_err_set(err, MKT_EDEVIDENTITY,
				   "object %06X lacks property %s, which its class must have",
				   e->t.eoj, e->cls == DRV_EN_PV ? "E0" : "DA");
	return 0;
}

/* The node's identification, when the object has neither that nor a serial number. */
static void take_node_id(struct drv_en_device *e)
{
	const struct drv_en_prop *p = &e->t.answer.p[0];

	if (e->t.answer.n == 1 && p->epc == 0x83 && p->pdc)
		hex_text(e->d->id.serial, "", p->edt, p->pdc);
}

static int next_step(struct drv_en_device *e, struct mkt_err *err)
{
	int r = 0;

	switch ((enum opening)e->opening) {
	case NODES:
		r = find_object(&e->t, err);
		if (!r)
			begin_reading(&e->t, NULL, map_epcs, sizeof(map_epcs));
		break;
	case MAPS:
		r = take_maps(e, err);
		if (!r)
			begin_reading(&e->t, &e->readable, who_epcs, sizeof(who_epcs));
		break;
	case WHO:
		identify(&e->t, &e->d->id);
		if (!e->d->id.serial[0])
			r = drv_en_request(&e->t, DRV_EN_NODE, DRV_EN_GET,
					   &(struct drv_en_prop){0x83, 0, NULL}, 1, err);
		break;
	case WHO_NODE:
		if (!e->d->id.serial[0])
			take_node_id(e);
		r = drv_check_serial(e->d, err);
		choose_what_is_polled(e);
		drv_en_pass_begin(&e->t, &e->polled);
		break;
	case STATE:
		tell(e);
		break;
	case OPEN:
		break;
	}
	if (r >= 0)
		e->opening++;
	return r;
}

static int en_open(struct drv_device *d, struct mkt_err *err)
{
	uint64_t until_ms = drv_now_ms() + DRV_EN_CALL_MS;
	struct drv_en_device *e = d->priv;
	int r = 0;

	if (!e) {
		e = d->priv = calloc(1, sizeof(*e));
		if (!e)
			return mkt_err_code(err, MKT_ENOMEM);
		start(e, d->link, d, object_of(class_of(d->driver), d->conf->unit));
		r = ask_list(&e->t, err);
	}
	while (r >= 0 && e->opening < OPEN) {
		if (e->opening == NODES || e->opening == WHO_NODE)
			r = drv_en_wait(&e->t, until_ms, err);
		else
			r = drv_en_pass(&e->t, until_ms, err);
		if (r >= 0)
			r = next_step(e, err);
	}
	return r < 0 ? r : 0;
}

static void en_close(struct drv_device *d)
{
	free(d->priv);
	d->priv = NULL;
}

/* Wish and truth are compared every minute; the wish is said again only if they differ. */
static void watch(struct drv_en_device *e)
{
	const struct mkt_setpoint wished = e->wished;

	if (drv_en_follows(e)) {
		e->missed = 0;
		return;
	}
	if (drv_now_ms() - e->watched_ms < e->watch_ms)
		return;
	if (e->missed < UINT8_MAX)
		e->missed++;
	e->watched_ms = drv_now_ms();
	e->told = true;
	drv_en_order(e, &wished);
	e->told = true;
}

static int en_poll(struct drv_device *d, struct mkt_err *err)
{
	uint64_t until_ms = drv_now_ms() + DRV_EN_CALL_MS;
	struct drv_en_device *e = d->priv;
	int r;

	if (e->step != DRV_EN_IDLE && drv_en_dispatch(e, until_ms, err) == -MKT_EBUSY)
		return -MKT_EBUSY;
	if (!e->polling) {
		drv_en_pass_begin(&e->t, &e->polled);
		e->polling = true;
	}
	r = drv_en_pass(&e->t, until_ms, err);
	if (r == -MKT_EBUSY)
		return r;
	e->polling = false;
	if (r < 0)
		return r;
	watch(e);
	tell(e);
	return 0;
}

static int en_input(struct drv_device *d, struct mkt_err *err)
{
	struct drv_en_device *e = d->priv;
	int n;

	do
		n = receive(e, 0, err);
	while (n > 0);
	if (e->step == DRV_EN_IDLE) { /* else it is the order's to look at */
		d->hurry |= e->t.noticed;
		e->t.noticed = false;
	}
	return n;
}

static int dispatch(struct drv_en_device *e, const struct mkt_setpoint *set, struct mkt_err *err)
{
	int r;

	drv_en_order(e, set);
	r = drv_en_dispatch(e, drv_now_ms() + DRV_EN_CALL_MS, err);
	tell(e);
	e->told = r != -MKT_EBUSY;
	return r;
}

static int en_command(struct drv_device *d, const struct mkt_setpoint *set,
		      struct mkt_setpoint *applied, struct mkt_err *err)
{
	struct drv_en_device *e = d->priv;
	bool able = drv_en_can_mode(e);
	int r;

	if (set->kind == MKT_SET_POWER && set->value > 0)
		able = drv_en_can_charge_power(e);
	else if (set->kind == MKT_SET_POWER && set->value < 0)
		able = drv_en_can_discharge_power(e);
	else if (set->kind == MKT_SET_MODE && set->value == MKT_MODE_DISCHARGE)
		able = able && e->cls != DRV_EN_CHARGER;
	else if (set->kind != MKT_SET_POWER && set->kind != MKT_SET_MODE)
		able = false;
	if (!able)
		return mkt_err_set(err, MKT_EDEVUNSUPPORTED,
				   "object %06X can not be told to do that (see its map 9E)",
				   e->t.eoj);
	r = dispatch(e, set, err);
	if (!r)
		*applied = e->applied;
	return r;
}

/* It does nothing of ours, and runs its own programme or takes no orders: that is safe. */
static bool is_left_alone(const struct drv_en_device *e)
{
	return !e->d->keep[DRV_EN_TOUCHED] && e->step == DRV_EN_IDLE &&
	       (drv_en_byte(&e->t, 0xDA) == DRV_EN_AUTO || drv_en_is_locked(e));
}

static int en_safe_state(struct drv_device *d, struct mkt_err *err)
{
	struct drv_en_device *e = d->priv;
	struct mkt_setpoint set = {MKT_SET_MODE, MKT_MODE_HOLD};
	int r;

	if (d->conf->exit == MKT_EXIT_KEEP || !drv_en_can_mode(e) || is_left_alone(e))
		return 0;
	/* A home battery that is left in standby serves nobody any more. */
	if (d->conf->exit == MKT_EXIT_AUTO || e->cls == DRV_EN_BATTERY)
		set.value = MKT_MODE_AUTO;
	r = dispatch(e, &set, err);
	if (r != -MKT_EBUSY)
		e->wishing = false;
	if (!r)
		d->keep[DRV_EN_TOUCHED] = 0;
	return r;
}

/* ---- probing ------------------------------------------------------------------------------- */

static int look_who(struct drv_en_device *e, struct mkt_identity *id)
{
	uint64_t until_ms = drv_now_ms() + DRV_CALL_MAX_MS - 500;
	int r = ask_list(&e->t, NULL);

	if (r >= 0)
		r = drv_en_wait(&e->t, until_ms, NULL);
	if (r >= 0)
		r = find_object(&e->t, NULL);
	if (r < 0)
		return r;
	begin_reading(&e->t, NULL, who_epcs, sizeof(who_epcs));
	r = drv_en_pass(&e->t, until_ms, NULL);
	identify(&e->t, id); /* what was said in time */
	return r == -MKT_EDEVLOST ? r : 1;
}

static int probe(struct drv_link *l, uint16_t cls, const struct mkt_device_conf *conf,
		 struct mkt_identity *id, struct mkt_err *err)
{
	struct drv_en_device *e;
	int r;

	if (!drv_link_is_datagram(l))
		return 0;
	e = calloc(1, sizeof(*e));
	if (!e)
		return mkt_err_code(err, MKT_ENOMEM);
	start(e, l, NULL, object_of(cls, conf ? conf->unit : 1));
	e->t.single_ms = e->t.several_ms = 800;
	e->t.tries = 2;
	r = look_who(e, id);
	free(e);
	if (r == -MKT_EDEVLOST)
		return mkt_err_set(err, MKT_EDEVLOST, "'%s' is gone", drv_link_port(l));
	return r > 0;
}

#define EN_DRIVER(symbol, text, what, dev_kind, cls)                                           \
	static int probe_##symbol(struct drv_link *l, const struct mkt_device_conf *conf,      \
				  struct mkt_identity *id, struct mkt_err *err)                \
	{                                                                                      \
		return probe(l, cls, conf, id, err);                                           \
	}                                                                                      \
	const struct drv_driver drv_##symbol = {                                               \
		.name = (text),                                                                \
		.summary = (what),                                                             \
		.maturity = DRV_BETA,                                                          \
		.kind = (dev_kind),                                                            \
		.poll_ms = 5000,                                                               \
		.unit = 1,                                                                     \
		.busy_ms = 240000, /* the vehicle's check, four tries of 20 s, and ramping */  \
		.probe = probe_##symbol,                                                       \
		.open = en_open,                                                               \
		.poll = en_poll,                                                               \
		.input = en_input,                                                             \
		.command = en_command,                                                         \
		.safe_state = en_safe_state,                                                   \
		.close = en_close,                                                             \
	}

EN_DRIVER(echonet_battery, "echonet-battery", "storage batteries over ECHONET Lite (027D)",
	  MKT_DEV_BATTERY, DRV_EN_BATTERY);
EN_DRIVER(echonet_v2h, "echonet-v2h", "vehicle chargers with discharge over ECHONET Lite (027E)",
	  MKT_DEV_V2H, DRV_EN_V2H);
EN_DRIVER(echonet_charger, "echonet-charger", "vehicle chargers over ECHONET Lite (02A1)",
	  MKT_DEV_EVSE, DRV_EN_CHARGER);
EN_DRIVER(echonet_pv, "echonet-pv", "photovoltaics over ECHONET Lite (0279), read only",
	  MKT_DEV_INVERTER, DRV_EN_PV);
