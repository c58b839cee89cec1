# SPDX-License-Identifier: Apache-2.0
"""Texts from a decoder: greedy, by beams, what a draw is made of, and known answers in order.
A margin is the smallest difference that decided something: rounding must not reach it."""
import numpy

from variant.network import softmax
from variant.training import labels_of, log_softmax, word_losses


def ruled(scores, ids, stop, at_least, penalty):
    """Repeated words become less likely, and the end impossible before the text is long enough."""
    scores, seen = scores.copy(), sorted(set(ids))
    scores[seen] = numpy.where(scores[seen] < 0, scores[seen] * penalty, scores[seen] / penalty)
    if len(ids) < at_least:
        scores[stop] = -numpy.inf
    return scores


def padded(rows):
    length = max(len(r) for r in rows)
    return numpy.array([r + [0] * (length - len(r)) for r in rows])


def greedy(logits_of, prompts, stop, rules):
    """Whole texts, the logits of each step, the margin. A text that has ended goes on with padding."""
    texts, ended, steps, margin = [list(p) for p in prompts], [False] * len(prompts), [], numpy.inf
    while len(texts[0]) < rules["max_length"] and not all(ended):
        steps.append(logits_of(numpy.array(texts), range(len(texts))))
        for b, ids in enumerate(texts):
            scores = ruled(steps[-1][b], ids, stop, rules["min_length"], rules["repetition_penalty"])
            best = numpy.sort(scores)[::-1]
            margin = margin if ended[b] else min(margin, best[0] - best[1])
            ids.append(0 if ended[b] else int(numpy.argmax(scores)))
            ended[b] = ended[b] or ids[-1] == stop
    return numpy.array(texts), numpy.stack(steps, 1), margin


def beam(logits_of, b, prompt, stop, rules):
    """The best text for picture or question b, its score, the margin. The rule is that of transformers 4.15, or 4.30."""
    beams, offset, margin = rules["num_beams"], rules.get("done_length_offset", 0), [numpy.inf]
    running, kept, done = [(list(prompt), 0.0)], [], False

    def keep(ids, total):
        score = total / len(ids)
        if len(kept) < beams or score > kept[-1][0]:
            if len(kept) == beams:
                margin.append(score - kept[-1][0])
            kept.append((score, ids))
            kept.sort(key=lambda k: -k[0])
            if len(kept) > beams:
                margin.append(kept[-2][0] - kept[-1][0])
                kept.pop()
        else:
            margin.append(kept[-1][0] - score)

    while len(running[0][0]) < rules["max_length"] and not done:
        length = len(running[0][0])
        logits = log_softmax(logits_of(numpy.array([ids for ids, _ in running]), [b] * len(running)))
        totals = numpy.stack([ruled(row, ids, stop, rules["min_length"], rules["repetition_penalty"]) + total
                              for row, (ids, total) in zip(logits, running)])
        order = numpy.argsort(-totals.reshape(-1), kind="stable")
        best, following, place = totals.reshape(-1)[order], [], 0
        while len(following) < beams:
            ids, word = running[order[place] // totals.shape[1]][0], int(order[place] % totals.shape[1])
            if word != stop:
                following.append((ids + [word], best[place]))
            else:  # an end counts among the first candidates only
                margin.append(best[place] - best[beams] if place < beams else best[beams - 1] - best[place])
                if place < beams:
                    keep(ids, best[place])
            place += 1
        margin.append(best[place - 1] - best[place])
        running = following
        if len(kept) == beams:
            room = kept[-1][0] - best[0] / (length + offset)
            done = room >= 0
            margin.append(abs(room) if room else numpy.inf)  # equal where the best candidate is the text just kept
    if not done:
        for ids, total in running:
            keep(ids, total)
    margin.append(kept[0][0] - kept[1][0])
    ids = kept[0][1]
    return ids + [stop] * (len(ids) < rules["max_length"]), kept[0][0], min(margin)


def beams(logits_of, prompts, stop, rules):
    found = [beam(logits_of, b, p, stop, rules) for b, p in enumerate(prompts)]
    return padded([f[0] for f in found]), numpy.array([f[1] for f in found]), min(f[2] for f in found)


def nucleus(logits, prompts, stop, n):
    out = []
    for row, ids in zip(logits, prompts):
        scores = ruled(row, ids, stop, n["min_length"], n["repetition_penalty"]) / n["temperature"]
        order = numpy.argsort(-scores, kind="stable")[: n["top_k"]]
        p = softmax(scores[order])
        order = order[numpy.cumsum(p) - p <= n["top_p"]]  # the word that crosses the mass is in
        out.append(numpy.zeros_like(row))
        out[-1][order] = softmax(scores[order])
    return numpy.array(out)


def rank(logits_of, ids, mask, n, k, smoothing):
    """Of each of n questions the k candidates with the likeliest first words: their numbers, the probabilities of those
    words, minus log of each whole answer, and more that is stored."""
    start = numpy.full((n, 1), ids[0, 0])
    first = logits_of(start, numpy.ones_like(start), numpy.arange(n))[:, 0]
    likely = softmax(first)[:, ids[:, 1]]
    # Equals (one first word) may come in any order: the last first, as in ALBEF's stored case.
    short = len(ids) - 1 - numpy.argsort(-likely[:, ::-1], 1, kind="stable")[:, :k]
    rows, of = short.reshape(-1), numpy.repeat(numpy.arange(n), k)
    logits = logits_of(ids[rows], mask[rows], of)
    losses = numpy.sum(word_losses(logits, labels_of(ids[rows], mask[rows]), smoothing), 1).reshape(n, k)
    ordered = numpy.log(numpy.sort(likely, 1)[:, ::-1])
    return {"first": first, "likely": likely, "short": short, "probabilities": numpy.take_along_axis(likely, short, 1),
            "ids": ids[rows], "logits": logits, "losses": losses, "margin": numpy.min(ordered[:, k - 1] - ordered[:, k])}
