# SPDX-License-Identifier: Apache-2.0
"""The cases of single transformers."""
import autograd.numpy as np
import numpy

from variant.network import bert, embed, reads, resize, vit, word_logits
from variant.training import begin, differentiate, word_losses


def renamed(values, old, new):
    return {k.replace(old, new): v for k, v in values.items()}


def run_vit(meta, s, w, x, first):
    images, state = x["images"].astype(float), begin(w, first)

    def forward(w, see):
        output = see("output", vit(w, "", see("images", images), s, see))
        return see("loss", np.sum(output * x["projection"]))

    out, g, by = differentiate(forward, state, first, ["images"])
    out.update({"grad." + k: v for k, v in g.items()})
    out["grad_input.images"] = by["images"]
    for grid in meta["configuration"]["interpolate_from_grids"]:
        table = resize(x["checkpoint_pos_embed.grid%d" % grid].astype(float), grid, s["image"] // s["patch"])
        out["interpolated_pos_embed.from_grid%d" % grid] = table
        out["interpolated_output.from_grid%d" % grid] = vit({**state, "pos_embed": table}, "", images, s)
    return out


def run_med(meta, s, w, x, first):
    decoder, mask, wanted = "labels" in x, x["attention_mask"], ["context"] if "encoder_hidden_states" in x else []
    p = "bert." if decoder else ""

    def forward(w, see):
        cross = None
        if wanted:
            cross = reads(w, s, [see("context", x["encoder_hidden_states"].astype(float))], [x["encoder_attention_mask"]])
        h = bert(w, p, embed(w, p, x["input_ids"], s), s, mask, range(s["layers"]), cross, decoder, see)
        if not decoder:
            return see("loss", np.sum(see("last_hidden_state", h) * x["projection"]))
        losses = word_losses(see("logits", word_logits(w, "", h, s)), x["labels"], s["smoothing"])
        see("loss_per_sample", np.sum(losses, 1))
        return see("loss", np.sum(losses) / numpy.sum(x["labels"][:, 1:] >= 0))

    out, g, by = differentiate(forward, begin(w, first), first, wanted)
    out = renamed(out, "states.", "hidden_states.")
    out.update({"grad." + k: v for k, v in g.items()})
    out.update({"grad_input.encoder_hidden_states": v for v in by.values()})
    return out


def run_text_encoder(meta, s, w, x, first):
    p, state, out = "text_encoder.", begin(w, first), {}
    ones, low, high = numpy.ones_like(x["image_mask"]), range(s["alone"]), range(s["alone"], s["layers"])
    for name, layers, wanted, image_mask in (
        ("text", low, [], ones), ("fusion", high, ["image_embeds", "text_embeds"], ones),
        ("multi_modal", range(s["layers"]), ["image_embeds"], ones),
        ("multi_modal_image_mask", range(s["layers"]), ["image_embeds"], x["image_mask"])):

        def forward(w, see):
            h = see("text_embeds", x["text_embeds"].astype(float)) if "text_embeds" in wanted else embed(w, p, x["input_ids"], s)
            cross = reads(w, s, [see("image_embeds", x["image_embeds"].astype(float))], [image_mask]) if wanted else None
            h = see("last_hidden_state", bert(w, p, h, s, x["attention_mask"], layers, cross, False, see))
            return see("objective", np.sum(h * x["cotangent"]))

        seen, g, by = differentiate(forward, state, first, wanted)
        out.update({"%s.%s" % (name, k): v for k, v in renamed(seen, "states.", "hidden_states.").items()})
        out.update({"%s.grad.%s" % (name, k): v for k, v in g.items()})
        out.update({"%s.act_grad.%s" % (name, k): v for k, v in by.items()})
    return out


CASES = {"blip/vit": run_vit, "blip/med-text": run_med, "blip/med-multimodal": run_med, "blip/med-decoder": run_med,
         "albef/text_encoder": run_text_encoder}
