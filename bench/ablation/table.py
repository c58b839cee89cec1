# SPDX-License-Identifier: Apache-2.0
"""The tables of the ablation that run.sh left in a folder, in Markdown: medians over the seeds, and least and greatest.

    table.py FOLDER

FOLDER/seed-S/PART/ROW holds what was measured: set.json (of the captions that the row trained on), contrast.json and
reranked.json (recall), captions.json (greedy captions of the pre-trained model). What is not there is a dash.
"""
import argparse
import json
import pathlib
import statistics

# Of each table a title and its rows: the folder of a row, and what it is called.
TABLES = (
    ("What the second pre-training learns from", (
        ("whole/none", "the web as it is"),
        ("whole/filter", "what the filter keeps of it"),
        ("whole/captioner", "the web and synthetic captions, unfiltered"),
        ("whole/both", "what the filter keeps of both"))),
    ("How synthetic captions are made", (
        ("whole/both", "nucleus of 0.9"),
        ("whole/beam", "3 beams"))),
    ("What the decoder shares with the text encoder", (
        ("sharing/all", "all"),
        ("sharing/all_but_cross_attention", "all but cross-attention"),
        ("whole/both", "all but self-attention"),
        ("sharing/all_but_feed_forward", "all but feed-forward layers"),
        ("sharing/none", "nothing"))),
    ("How much of the web there is", (
        ("quarter/none", "a quarter, as it is"),
        ("quarter/both", "a quarter, both"),
        ("half/none", "half, as it is"),
        ("half/both", "half, both"),
        ("whole/none", "the whole, as it is"),
        ("whole/both", "the whole, both"))),
    ("ALBEF", (
        ("albef/distilled", "distilled by the momentum model, alpha 0.4"),
        ("albef/plain", "not distilled, alpha 0"))),
)

# Columns: a title, the file and its member, what to multiply by, and digits after the point.
COLUMNS = (
    ("captions of the web", "set", "bootstrapped_captions", 1, 0),
    ("false, %", "set", "bootstrapped_wrong", 100, 1),
    ("R@1 by contrast, text to image", "contrast", "ir1", 1, 1),
    ("image to text", "contrast", "tr1", 1, 1),
    ("R@1 re-ranked, text to image", "reranked", "ir1", 1, 1),
    ("image to text", "reranked", "tr1", 1, 1),
    ("CIDEr-D", "captions", "cider", 1, 3),
    ("true and complete, %", "captions", "true_captions", 100, 1),
    ("of two objects, %", "captions", "true_captions_of_two", 100, 1),
)


def read(path):
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def set_of(seed, row):
    """What a row trained on; the web as it is by any row of the same part of the web."""
    part, name = row.split("/")
    if part == "sharing":
        return read(seed / "whole" / "both" / "set.json")
    if name != "none":
        return read(seed / row / "set.json")
    for path in sorted((seed / part).glob("*/set.json")):
        found = read(path)
        return {"bootstrapped_captions": found["web_captions"], "bootstrapped_wrong": found.get("web_wrong")}
    return {}


def values(seeds, row, column):
    _, file, member, factor, _ = column
    for seed in seeds:
        found = (set_of(seed, row) if file == "set" else read(seed / row / f"{file}.json")).get(member)
        if found is not None:
            yield factor * found


def cell(found, digits):
    found = list(found)
    if not found:
        return "-"
    text = f"{statistics.median(found):,.{digits}f}"
    return text if len(found) == 1 else f"{text} ({min(found):,.{digits}f} to {max(found):,.{digits}f})"


def table(seeds, title, rows, shown):
    """Prints the rows that were measured, unless other tables have shown all of them, and adds them to `shown`."""
    measured = {row: [s for s in seeds if (s / row / "contrast.json").exists()] for row, _ in rows}
    if not any(of for row, of in measured.items() if row not in shown):
        return
    print(f"\n{title}\n\n| row | seeds | {' | '.join(c[0] for c in COLUMNS)} |\n|{'---|' * (len(COLUMNS) + 2)}")
    for row, name in rows:
        if of := measured[row]:
            print(f"| {name} | {len(of)} | {' | '.join(cell(values(of, row, c), c[-1]) for c in COLUMNS)} |")
            shown.add(row)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    o = parser.parse_args()
    seeds = sorted(o.folder.glob("seed-*"))
    options = o.folder / "options"
    print(f"Seeds {', '.join(s.name[len('seed-'):] for s in seeds)}; {options.read_text().strip() if options.exists() else ''}")
    shown = set()
    for title, rows in TABLES:
        table(seeds, title, rows, shown)


if __name__ == "__main__":
    main()
