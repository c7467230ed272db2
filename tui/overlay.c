#include "core/base/compat.h"

#include <stdlib.h>

#include "tui/overlay.h"
#include "tui/prompt.h"

void *tui_overlay_push(struct tui_dash *d, const struct tui_overlay_ops *ops, size_t size)
{
	struct tui_overlay *o = calloc(1, sizeof(*o));
	void *self = calloc(1, size ? size : 1);

	if (!o || !self) {
		free(o);
		free(self);
		tui_dash_say(d, TUI_BAD, "out of memory");
		return NULL;
	}
	*o = (struct tui_overlay){.below = d->top, .ops = ops, .self = self};
	d->top = o;
	d->urgent = true;
	return self;
}

void tui_overlay_pop(struct tui_dash *d)
{
	struct tui_overlay *o = d->top;

	if (!o)
		return;
	d->top = o->below;
	if (o->ops->release)
		o->ops->release(d, o->self);
	free(o->self);
	free(o);
	d->urgent = true;
}

void *tui_overlay_top(const struct tui_dash *d, const struct tui_overlay_ops *ops)
{
	return d->top && d->top->ops == ops ? d->top->self : NULL;
}

void tui_overlay_release(struct tui_dash *d)
{
	while (d->top)
		tui_overlay_pop(d);
	tui_history_release(d);
}
