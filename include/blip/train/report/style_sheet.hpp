// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI::report {

// How the report looks. The colours of text have a contrast of at least 4.5 to their ground, by day and by night, those
// of bars 3. None stands alone: lines differ by dashes, captions by marks and words. Print is always on white.
inline constexpr std::string_view style_sheet = R"css(
:root {
  color-scheme: light dark;
  --paper: #fbfaf6; --card: #ffffff; --ink: #1a1c20; --soft: #5a5f68; --hair: #dcd8ce; --wash: #f1eee5;
  --right: #0b5cad; --wrong: #b3400c; --vague: #705c00; --before: #7f858e; --after: #0b5cad;
  --s0: #0b5cad; --s1: #b3400c; --s2: #0a7353; --s3: #96397f; --s4: #705c00; --s5: #4d5866;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #121417; --card: #1b1e23; --ink: #ebe9e4; --soft: #a9afb9; --hair: #353a42; --wash: #1f2329;
    --right: #74b9ff; --wrong: #ff9b66; --vague: #dcc24f; --before: #7d8590; --after: #74b9ff;
    --s0: #74b9ff; --s1: #ff9b66; --s2: #55d3a8; --s3: #ec9fdb; --s4: #dcc24f; --s5: #aeb8c4;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink); overflow-wrap: anywhere;
  font: 1.0625rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main, header { max-width: 68rem; margin: 0 auto; padding: 0 1.25rem; }
h1, h2, .big { font-family: ui-serif, Georgia, "Times New Roman", "Liberation Serif", serif; font-weight: 700; }
h1 {
  font-size: clamp(2rem, 1.2rem + 3.6vw, 3.9rem); line-height: 1.07; letter-spacing: -.015em; margin: .2em 0 .35em;
  text-wrap: balance;
}
h1 span { display: block; } h1 .then { color: var(--right); }
h2 { font-size: clamp(1.45rem, 1.2rem + 1.2vw, 2rem); line-height: 1.15; margin: 0 0 .4em; text-wrap: balance; }
h3 { font-size: 1.0625rem; margin: 0 0 .4rem; }
p { margin: 0 0 .8em; max-width: 66ch; text-wrap: pretty; }
header { padding-top: 2rem; }
.kicker { font-size: .8rem; letter-spacing: .08em; text-transform: uppercase; color: var(--soft); margin: 0; }
.lead { font-size: 1.2rem; line-height: 1.45; color: var(--soft); }
.three {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 15rem), 1fr)); gap: 1rem 2rem;
  margin: 1.6rem 0; padding: 0; list-style: none;
}
.three li { border-top: 3px solid var(--ink); padding-top: .5rem; }
.big { font-size: 2.1rem; line-height: 1.15; display: block; white-space: nowrap; font-variant-numeric: lining-nums; }
.big .was { color: var(--soft); font-weight: 400; }
.three .says { color: var(--soft); font-size: .95rem; display: block; }
.strip {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 9.4rem), 1fr)); gap: 1.1rem;
  margin: 1.8rem 0 .6rem;
}
.strip figure { margin: 0; }
.strip img { width: 100%; aspect-ratio: 1; object-fit: cover; border-radius: 4px; }
.strip figcaption { font-size: .9rem; line-height: 1.35; margin-top: .4rem; }
img { display: block; max-width: 100%; background: var(--wash); }
img.pixels { image-rendering: pixelated; }
del {
  text-decoration: line-through; text-decoration-color: var(--wrong); text-decoration-thickness: 1.5px;
  color: var(--soft);
}
ins { text-decoration: none; font-weight: 600; display: block; margin-top: .35rem; color: var(--ink); }
.by { color: var(--soft); font-size: .82rem; font-weight: 400; display: block; max-width: 90ch; }
nav ul {
  list-style: none; padding: .7rem 0; margin: 1.2rem 0 0; display: flex; flex-wrap: wrap; gap: .3rem 1.2rem;
  font-size: .92rem; border-block: 1px solid var(--hair);
}
a { color: var(--right); text-underline-offset: .15em; }
section { padding: 2.2rem 0 1.4rem; border-top: 1px solid var(--hair); }
main > section:first-child { border-top: 0; }
.charts {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1.6rem 2.2rem;
  margin: 1.2rem 0;
}
.charts > figure { margin: 0; max-width: 30rem; min-width: 0; }
svg { display: block; width: 100%; height: auto; font-size: 12px; font-family: inherit; overflow: hidden; }
svg text { fill: var(--ink); }
svg .tick, svg .name, svg .note { fill: var(--soft); }
svg .strong { font-weight: 650; }
svg .halo { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round; }
svg .grid { stroke: var(--hair); stroke-width: 1; }
svg .base { stroke: var(--ink); stroke-width: 1.2; }
svg .guide { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 4 3; }
svg .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
svg .mark { fill: var(--paper); stroke: var(--ink); stroke-width: 2; }
svg .before { fill: var(--before); } svg .after { fill: var(--after); }
svg .right { fill: var(--right); } svg .wrong { fill: var(--wrong); }
svg text.right-text { fill: var(--right); } svg text.wrong-text { fill: var(--wrong); }
svg .s0 { stroke: var(--s0); } svg text.t0 { fill: var(--s0); }
svg .s1 { stroke: var(--s1); stroke-dasharray: 7 3; } svg text.t1 { fill: var(--s1); }
svg .s2 { stroke: var(--s2); stroke-dasharray: 2 2.5; } svg text.t2 { fill: var(--s2); }
svg .s3 { stroke: var(--s3); stroke-dasharray: 9 3 2 3; } svg text.t3 { fill: var(--s3); }
svg .s4 { stroke: var(--s4); stroke-dasharray: 4 2; } svg text.t4 { fill: var(--s4); }
svg .s5 { stroke: var(--s5); stroke-dasharray: 12 4; } svg text.t5 { fill: var(--s5); }
figcaption { font-size: .92rem; line-height: 1.45; color: var(--soft); margin-top: .6rem; }
figcaption b { color: var(--ink); }
.limits { display: block; margin-top: .3rem; font-style: italic; }
.scroll { overflow-x: auto; max-width: 46rem; }
table { border-collapse: collapse; font-size: .95rem; margin: .6rem 0 1rem; font-variant-numeric: tabular-nums; }
th, td {
  text-align: right; padding: .4rem .8rem; border-bottom: 1px solid var(--hair); vertical-align: top;
  font-weight: 400;
}
th:first-child, td:first-child { text-align: left; padding-left: 0; }
td:last-child, th:last-child { padding-right: 0; }
td, thead th { white-space: nowrap; }
thead th { color: var(--soft); font-size: .85rem; vertical-align: bottom; }
tbody th { font-weight: 600; min-width: 8rem; }
tbody th small { display: block; font-weight: 400; color: var(--soft); font-size: .85rem; line-height: 1.3; }
.bar {
  display: block; width: clamp(4.5rem, 24vw, 17rem); height: .8rem; background: var(--wash);
  border: 1px solid var(--hair); margin-top: .35rem;
}
.bar i { display: block; height: 100%; background: var(--fill); }
.cards {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); gap: 1rem; margin: 1rem 0;
}
.card {
  background: var(--card); border: 1px solid var(--hair); border-radius: 6px; padding: .9rem; display: grid;
  grid-template-columns: 6rem 1fr; gap: .9rem; align-content: start;
}
.card > img { width: 6rem; height: 6rem; object-fit: cover; border-radius: 3px; }
.card dl { margin: 0; font-size: .95rem; line-height: 1.4; min-width: 0; grid-column: 2; }
.card dt { font-size: .78rem; color: var(--soft); margin-top: .55rem; }
.card dt:first-child { margin-top: 0; }
.card dd { margin: 0; }
.truth { font-weight: 600; }
.truth.right { color: var(--right); }
.truth.wrong { color: var(--wrong); }
.truth.vague { color: var(--vague); }
.truth.unknown { color: var(--soft); }
.fate { font-size: .85rem; color: var(--soft); display: block; }
.fate.missed { color: var(--ink); font-weight: 600; }
.words {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(5.6rem, 1fr)); gap: .7rem; margin: .6rem 0 1.6rem;
  padding: 0; list-style: none;
}
.words img { width: 100%; border-radius: 3px; }
.words li { font-size: .88rem; text-align: center; min-width: 0; }
.facts {
  display: grid; grid-template-columns: minmax(8rem, auto) 1fr; gap: .3rem 1.4rem; margin: 0; font-size: .95rem;
}
.facts dt { color: var(--soft); } .facts dd { margin: 0; font-variant-numeric: tabular-nums; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.end {
  padding: 1.5rem 0 3rem; font-size: .85rem; color: var(--soft); border-top: 1px solid var(--hair); margin: 0;
  max-width: none;
}
@media (max-width: 30rem) {
  .card { grid-template-columns: 5rem 1fr; padding: .75rem; } .card > img { width: 5rem; height: 5rem; }
  .lead { font-size: 1.05rem; }
  .three { gap: .7rem; margin: 1.1rem 0; }
  .three li {
    display: grid; grid-template-columns: 9.9rem 1fr; gap: .8rem; align-items: baseline; border-top-width: 2px;
  }
  .three .big { font-size: 1.35rem; white-space: normal; } .three .says { font-size: .85rem; line-height: 1.35; }
  .strip { grid-template-columns: 1fr 1fr; margin-top: 1.2rem; }
  .words { grid-template-columns: repeat(auto-fill, minmax(4.6rem, 1fr)); }
  th, td { padding: .4rem .35rem; } table { font-size: .88rem; }
  tbody th { min-width: 6rem; } .bar { width: 4.2rem; margin-left: auto; }
  .facts { grid-template-columns: 1fr; } .facts dd { margin-bottom: .5rem; }
}
@media print {
  @page { margin: 16mm 14mm; }
  :root { --paper: #ffffff; --card: #ffffff; --wash: #f2f2f2; }
  body { font-size: 10pt; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  main, header { max-width: none; padding: 0; }
  nav { display: none; }
  h1 { font-size: 30pt; } h2 { font-size: 16pt; }
  h2, h3, .lead { break-after: avoid; }
  .lead { font-size: 11pt; break-inside: avoid; }
  table { font-size: 8.5pt; } th, td { padding: .25rem .5rem; } tbody th { min-width: 5.5rem; }
  .three { grid-template-columns: repeat(3, 1fr); gap: 1rem; } .big { font-size: 17pt; }
  figure, .card, tr, .three li, .words li { break-inside: avoid; }
  section { padding: 14pt 0 6pt; }
  .strip { grid-template-columns: repeat(6, 1fr); gap: .6rem; }
  .charts { grid-template-columns: 1fr 1fr; } .charts > figure { max-width: 22rem; }
  .cards { grid-template-columns: repeat(3, 1fr); gap: .6rem; font-size: 9pt; }
  .card { grid-template-columns: 3.2rem 1fr; gap: .6rem; padding: .5rem; }
  .card > img { width: 3.2rem; height: 3.2rem; }
  .words { grid-template-columns: repeat(10, 1fr); gap: .4rem; margin-bottom: .8rem; }
}
)css";

}  // namespace blip::inline BLIP_ABI::report
