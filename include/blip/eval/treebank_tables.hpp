// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "blip/core/version.hpp"

// Word lists of the treebank lexer.
namespace blip::inline BLIP_ABI::detail {

// Abbreviations that keep their period; those of the second list only before a number.
inline constexpr std::string_view abbreviations[] = {
    "jan",    "feb",   "mar",  "apr",   "jun",     "jul",   "aug",  "sep",  "sept",  "oct",   "nov",  "dec",  "mon",
    "tue",    "tues",  "wed",  "thu",   "thurs",   "fri",   "ala",  "ariz", "calif", "colo",  "conn", "ct",   "dak",
    "fla",    "ga",    "ind",  "kan",   "kans",    "ky",    "md",   "mich", "minn",  "mo",    "mont", "neb",  "nev",
    "okla",   "penn",  "tenn", "va",    "vt",      "wis",   "wisc", "wyo",  "inc",   "co",    "cos",  "corp", "pty",
    "ptys",   "ltd",   "plc",  "rt",    "bancorp", "bhd",   "assn", "univ", "intl",  "sys",   "tel",  "est",  "ext",
    "sq",     "jr",    "sr",   "bros",  "ed.d",    "ph.d",  "esq",  "etc",  "al",    "seq",   "mr",   "mrs",  "ms",
    "dr",     "drs",   "prof", "profs", "sen",     "sens",  "rep",  "reps", "atty",  "attys", "lt",   "col",  "gen",
    "messrs", "gov",   "govs", "adm",   "rev",     "maj",   "sgt",  "cpl",  "pvt",   "capt",  "st",   "ste",  "ave",
    "pres",   "lieut", "hon",  "brig",  "cmdr",    "comdr", "pfc",  "spc",  "supt",  "supts", "det",  "mt",   "ft",
    "vs",     "blvd",  "rd",   "dept",  "elec",    "natl",  "mfg",  "mtg",  "invt",  "exh",   "exhs", "wm",   "jos",
    "cie",    "viz",   "cf"};
inline constexpr std::string_view number_abbreviations[] = {"ca",   "fig",  "figs", "prop", "no",  "nos",
                                                            "vol",  "vols", "sec",  "sect", "art", "arts",
                                                            "bldg", "pp",   "op",   "p",    "nr",  "ch"};

inline constexpr std::string_view file_endings[] = {
    "bat",  "bmp", "c",    "class", "cgi", "cpp", "dll", "doc", "docx", "exe", "gif", "gz",  "h",   "htm",
    "html", "jar", "java", "jpeg",  "jpg", "mov", "mp3", "pdf", "php",  "pl",  "png", "ppt", "ps",  "py",
    "sql",  "tar", "txt",  "wav",   "x",   "xml", "zip", "3gp", "wma",  "wmv", "avi", "flv", "mp4", "mpg"};

}  // namespace blip::inline BLIP_ABI::detail
