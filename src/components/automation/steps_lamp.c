// steps_lamp.c - the step that sets the lamp.

#include "components/automation/automation_state.h"

static int fill(void *ctx, nh_span_t in, nh_span_t *out)
{
    return nh_texts__fill(ctx, in, 0, out);
}

int nh_step__lamp(nh_automation_t *a, struct nh_branch *b, nh_rec_t step)
{
    struct nh_context c = nh_texts__of(a, b);
    int len = nh_step_lamp_json(step, fill, &c, a->text[1], a->limits.text_max_bytes);
    if (len == NH_ERR_FULL)
        return nh_automation__fail(a, NH_ERR_TOO_LONG, "the command is over %u bytes",
                                   (unsigned)a->limits.text_max_bytes);
    if (len < 0)
        return len;
    nh_span_t json = {(const uint8_t *)a->text[1], (size_t)len};
    NH_NOTE(a, "%.*s", NH_TEXT(json));
    int err = a->out.lamp ? a->out.lamp(a->out.ctx, json) : NH_ERR_UNSUPPORTED;
    if (err == NH_ERR_UNSUPPORTED)
        return nh_automation__fail(a, err, "there is no lamp");
    return err < 0 ? nh_automation__fail(a, err, "%s: %.*s", nh_err_text(err), NH_TEXT(json))
                   : NH_OUTCOME_DONE;
}
