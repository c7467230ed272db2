/*
 * What devices do, told to the node as mkt charge run tells it, for who watches the days: signed
 * states, off the chain.  Nothing of the simulation hangs on them.
 */
#include "core/base/compat.h"

#include "cmd/sim_devices.h"
#include "core/wire/telemetry.h"

#define TELL_MS 5000

static void put_value(struct mkt_telemetry *t, const struct sim_dev *dev, enum mkt_reading_id id,
		      enum mkt_telemetry_field field)
{
	const struct mkt_value *r = &dev->view->r.v[id];

	if (!r->known || (field != MKT_TM_POWER && r->value < 0))
		return;
	t->fields |= (uint8_t)field;
	if (field == MKT_TM_POWER)
		t->power_w = (int32_t)r->value;
	else if (field == MKT_TM_IMPORT)
		t->import_wh = (uint64_t)r->value;
	else if (field == MKT_TM_EXPORT)
		t->export_wh = (uint64_t)r->value;
	else
		t->soc = (uint16_t)(r->value < 1000 ? r->value : 1000);
}

/* What it is to move in the window that runs. */
static void put_wanted(struct mkt_telemetry *t, const struct sim_dev *dev)
{
	unsigned dir = dev->wanted_wh[1] > 0;

	if (!dev->wanted_wh[dir])
		return;
	t->fields |= MKT_TM_CONTRACT;
	t->window = (uint32_t)(t->time_ms / 1000 / MKT_PROFILE_WINDOW_S);
	t->side = dir ? MKT_SUPPLY : MKT_DRAW;
	t->contracted_wh = (uint32_t)dev->wanted_wh[dir];
	t->moved_wh = (uint32_t)sim_dev_moved(dev, (int)dir);
}

static void put_car(struct mkt_telemetry *t, const struct sim_dev *dev)
{
	snprintf(t->vehicle, sizeof(t->vehicle), "%s",
		 !dev->plugged	  ? "A"
		 : dev->set.value ? "C"
				  : "B");
	snprintf(t->reason, sizeof(t->reason), "%s", dev->plugged ? dev->why : "no car");
}

static int put_state(struct sim_devices *d, const struct sim_dev *dev, struct mkt_buf *body)
{
	const struct sim_party *p = &d->s->parties[2 + dev->site];
	struct mkt_telemetry t = {.chain = d->s->chain.id,
				  .account = p->account,
				  .signer = p->account,
				  .time_ms = d->now_ms};
	struct mkt_buf b = MKT_BUF_INIT;
	int rc;

	snprintf(t.charger, sizeof(t.charger), "%s", dev->name);
	snprintf(t.kind, sizeof(t.kind), "%s", mkt_dev_kind_word((int)dev->view->kind));
	snprintf(t.state, sizeof(t.state), "%s", mkt_dev_state_word((int)dev->view->state));
	if (dev->charger >= 0)
		put_car(&t, dev);
	else
		snprintf(t.reason, sizeof(t.reason), "%s", dev->why);
	put_value(&t, dev, MKT_R_POWER, MKT_TM_POWER);
	put_value(&t, dev, MKT_R_ENERGY_IMPORT, MKT_TM_IMPORT);
	put_value(&t, dev, MKT_R_ENERGY_EXPORT, MKT_TM_EXPORT);
	put_value(&t, dev, MKT_R_SOC, MKT_TM_SOC);
	put_wanted(&t, dev);
	rc = mkt_telemetry_enc(&t, &p->key, &b, &d->s->app->err);
	if (!rc)
		mkt_api_frame(body, b.data, b.len);
	mkt_buf_release(&b);
	return rc;
}

void sim_tell(struct sim_devices *d)
{
	struct mkt_answer a = MKT_ANSWER_INIT;
	struct mkt_buf body = MKT_BUF_INIT;
	struct mkt_err err = {0};
	bool any = false;

	for (uint32_t i = 0; i < d->ndevs; i++)
		if (d->devs[i].view)
			any |= !put_state(d, &d->devs[i], &body);
	mkt_client_restart(d->s->chain.client, TELL_MS);
	if (any && mkt_api_publish(d->s->chain.client, &body, &a, &err))
		mkt_app_trace(d->s->app, "telemetry: %s", err.text);
	memset(&d->s->app->err, 0, sizeof(d->s->app->err));
	mkt_answer_release(&a);
	mkt_buf_release(&body);
}
