# SPDX-License-Identifier: Apache-2.0
"""The two transformers and their heads. `w` gives a parameter by its published name, `s` holds the sizes (sizes.py), and
`see(name, value)` is told what a layer gives and returns it, perhaps with something added to take a gradient by."""
import autograd.numpy as np
import numpy
from autograd.scipy.special import erf


def unseen(_, value):
    return value


def gelu(x):
    return x * 0.5 * (1 + erf(x / np.sqrt(2.0)))


def norm(w, p, x, eps):
    m = np.mean(x, -1, keepdims=True)
    v = np.mean((x - m) ** 2, -1, keepdims=True)
    return (x - m) / np.sqrt(v + eps) * w[p + ".weight"] + w[p + ".bias"]


def dense(w, p, x):
    return np.dot(x, w[p + ".weight"].T) + w[p + ".bias"]


def softmax(x):
    e = np.exp(x - np.max(x, -1, keepdims=True))
    return e / np.sum(e, -1, keepdims=True)


def attend(q, k, v, heads, mask, see=unseen, name=""):
    b, n, width = q.shape
    d = width // heads
    split = lambda x: np.transpose(np.reshape(x, (b, x.shape[1], heads, d)), (0, 2, 1, 3))
    p = see(name, softmax(np.einsum("bhid,bhjd->bhij", split(q), split(k)) / np.sqrt(d) + mask))
    return np.reshape(np.transpose(np.einsum("bhij,bhjd->bhid", p, split(v)), (0, 2, 1, 3)), (b, n, width))


def cubic(x, a=-0.75):
    x = abs(x)
    if x <= 1:
        return ((a + 2) * x - (a + 3)) * x * x + 1
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a if x < 2 else 0.0


def taps(old, new):
    m = numpy.zeros((new, old))
    for i in range(new):
        centre = (i + 0.5) * old / new - 0.5
        first = int(numpy.floor(centre)) - 1
        for j in range(first, first + 4):
            m[i, min(max(j, 0), old - 1)] += cubic(centre - j)
    return m


def resize(table, old, new):
    m = taps(old, new)
    grid = table[0, 1:].reshape(old, old, -1)
    return numpy.concatenate([table[:, :1], numpy.einsum("yi,xj,ijc->yxc", m, m, grid).reshape(1, new * new, -1)], 1)


def vit(w, p, images, s, see=unseen):
    """Picture states [B, N + 1, width] of images [B, 3, side, side]."""
    side, b, width, eps = s["patch"], images.shape[0], s["width"], s["vision_eps"]
    g = s["image"] // side
    x = np.reshape(images, (b, 3, g, side, g, side))
    x = np.reshape(np.transpose(x, (0, 2, 4, 1, 3, 5)), (b, g * g, 3 * side * side))
    kernel = np.reshape(w[p + "patch_embed.proj.weight"], (width, -1))
    x = see("patch_tokens", np.dot(x, kernel.T) + w[p + "patch_embed.proj.bias"])
    x = np.concatenate([np.tile(w[p + "cls_token"], (b, 1, 1)), x], 1) + w[p + "pos_embed"]
    for i in range(s["depth"]):
        k = p + "blocks.%d." % i
        h = dense(w, k + "attn.qkv", norm(w, k + "norm1", x, eps))
        h = attend(h[..., :width], h[..., width : 2 * width], h[..., 2 * width :], s["vision_heads"], 0.0, see, "attention.%d" % i)
        x = x + dense(w, k + "attn.proj", h)
        x = x + dense(w, k + "mlp.fc2", gelu(dense(w, k + "mlp.fc1", norm(w, k + "norm2", x, eps))))
        x = see("block_output.%d" % i, x)
    return norm(w, p + "norm", x, eps)


def read(w, k, x, source, heads, mask, see=unseen, name=""):
    """Attention of x to source by the projections under k."""
    return attend(dense(w, k + ".query", x), dense(w, k + ".key", source), dense(w, k + ".value", source), heads, mask, see, name)


def embed(w, p, ids, s):
    # The look-up of word 0 (padding) gives no gradient.
    words = w[p + "embeddings.word_embeddings.weight"]
    rows = np.where((ids == 0)[..., None], numpy.asarray(getattr(words, "_value", words))[ids], words[ids])
    x = rows + w[p + "embeddings.position_embeddings.weight"][: ids.shape[1]]
    if p + "embeddings.token_type_embeddings.weight" in w:
        x = x + w[p + "embeddings.token_type_embeddings.weight"][0]
    return norm(w, p + "embeddings.LayerNorm", x, s["text_eps"])


def bert(w, p, x, s, mask, layers, cross=None, causal=False, see=unseen):
    """States [B, T, hidden] behind the given layers. cross(layer, its prefix, x): what x reads between the layer's two halves."""
    n, eps = x.shape[1], s["text_eps"]
    allowed = numpy.broadcast_to(mask[:, None, None, :], (mask.shape[0], 1, n, n)).astype(float)
    if causal:
        allowed = allowed * numpy.tril(numpy.ones((n, n)))
    own = (1 - allowed) * -10000.0
    x = see("states.0", x)
    for done, i in enumerate(layers, 1):
        k = p + "encoder.layer.%d." % i
        h = read(w, k + "attention.self", x, x, s["heads"], own)
        x = norm(w, k + "attention.output.LayerNorm", dense(w, k + "attention.output.dense", h) + x, eps)
        if cross is not None and i >= s["cross_from"]:
            x = cross(i, k + "crossattention.", x)
        h = dense(w, k + "output.dense", gelu(dense(w, k + "intermediate.dense", x)))
        x = see("states.%d" % done, norm(w, k + "output.LayerNorm", h + x, eps))
    return x


def hidden_by(mask):
    return (1 - mask[:, None, None, :].astype(float)) * -1e9


def reads(w, s, sources, masks=None, see=unseen):
    """Cross-attention to one source, or to several in turn, layer by layer. Without masks, to all of it."""
    masks = [numpy.ones(source.shape[:2]) for source in sources] if masks is None else masks

    def cross(i, k, x):
        turn = (i - s["cross_from"]) % len(sources)
        h = read(w, k + "self", x, sources[turn], s["heads"], hidden_by(masks[turn]), see, "cross_attention.%d" % i)
        return norm(w, k + "output.LayerNorm", dense(w, k + "output.dense", h) + x, s["text_eps"])

    return cross


def reads_both(w, s, sources):
    """Twin cross-attention: the mean of what two sources give, from layer 6 on a linear function of both."""

    def cross(i, k, x):
        h = [dense(w, k + "output.dense%d" % j, read(w, k + "self%d" % j, x, sources[j], s["heads"], 0.0)) for j in (0, 1)]
        h = dense(w, k + "output.merge_layer", np.concatenate(h, -1)) if i >= 6 else (h[0] + h[1]) / 2
        return norm(w, k + "output.LayerNorm", h + x, s["text_eps"])

    return cross


def word_logits(w, p, x, s):
    x = norm(w, p + "cls.predictions.transform.LayerNorm", gelu(dense(w, p + "cls.predictions.transform.dense", x)), s["text_eps"])
    return dense(w, p + "cls.predictions.decoder", x)


def classes(w, p, x):
    return dense(w, p + ".2", np.maximum(dense(w, p + ".0", x), 0.0))


def feature(w, p, states):
    x = dense(w, p, states[:, 0])
    return x / np.sqrt(np.sum(x * x, -1, keepdims=True))
