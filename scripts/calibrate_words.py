"""Fit the constants by which it is told whether passages answer a question.

    ntlbg fetch text
    python scripts/calibrate_words.py

Half of the made transcripts of ``ntlbg_lab.transcripts`` are fitted, the other half is what is
reported: no sentence, question or subject of it was fitted. Writes
``src/ntlbg/text/meaning/sure.json``, with how it went, and prints it. Four CPU minutes.
"""

import argparse
import itertools
import json
from collections.abc import Sequence
from dataclasses import astuple, fields
from pathlib import Path

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, logsumexp

from ntlbg.retrievers.calibration import as_log_odds, tempered
from ntlbg.text.meaning import DEFAULT_TEXT_ENCODER, load_text_encoder
from ntlbg.text.meaning import __file__ as package
from ntlbg.text.meaning.decision import either
from ntlbg.text.meaning.questions import likeness_to_whole
from ntlbg.text.meaning.ranking import Signs
from ntlbg.text.meaning.sure import SAID, Logistic
from ntlbg_lab import transcripts as made
from ntlbg_lab.transcripts.measuring import Case, Remembering, area, cases_of, found_within

SEEDS = (0, 1)  # other sentences between those that were written by hand
ALL = tuple(field.name for field in fields(Signs))
# Of an encoder that is not known how far apart its cosines lie is not known either.
FREE_OF_LEVEL = ("distance", "lead_in_deviations", "gap_in_deviations")
CHOSEN = ("largest", "distance", "lead", "gap")
FALSE_ALARMS = 0.1  # of questions that nothing answers, those that come above the limit
FALSE_WHOLE = 5.0
FILMS, SECONDS, PRIOR = 300, 1800, 0.6  # simulated pictures that show nothing that was asked


def fit(cases: Sequence[Case], signs: Sequence[str]) -> Logistic:
    """Of the chance that the first passage is right; and how sharply it falls from passage to
    passage, by the likelihood of the right ones."""
    rows = np.array([[getattr(case.signs, sign) for sign in signs] for case in cases])
    middle, spread = rows.mean(0), rows.std(0)
    spread[spread == 0] = 1.0  # a sign that is always the same gets no weight
    standard, right = (rows - middle) / spread, labels(cases)

    def loss(constants: np.ndarray) -> float:
        odds = constants[0] + standard @ constants[1:]
        return float(np.logaddexp(0, np.where(right, -odds, odds)).sum()
                     + constants[1:] @ constants[1:] / 2)  # fmt: skip

    # No weight below 0: what is more like the question is never less sure to answer it.
    bounds = [(None, None), *[(0, None)] * len(signs)]
    found = minimize(loss, np.zeros(len(signs) + 1), bounds=bounds, method="L-BFGS-B").x
    weights = found[1:] / spread
    return Logistic(
        round(float(found[0] - weights @ middle), 4),
        {sign: round(float(weight), 4) for sign, weight in zip(signs, weights, strict=True)},
        round(sharpness(cases), 1),
    )


def labels(cases: Sequence[Case]) -> np.ndarray:
    """Whether the first passage is right."""
    return np.array([case.is_right for case in cases])


def sharpness(cases: Sequence[Case]) -> float:
    """That makes the right passages likeliest, each by exp(sharpness x score) of all."""
    answered = [case for case in cases if case.asked.row is not None]

    def surprise(sharp: float) -> float:
        return -sum(
            sharp * case.scores[case.asked.row] - logsumexp(sharp * case.scores)
            for case in answered
        )

    return float(minimize_scalar(surprise, bounds=(1, 100), method="bounded").x)


def chances(fitted: Logistic, cases: Sequence[Case]) -> np.ndarray:
    """Of every case."""
    return np.array([fitted.chance(case.signs) for case in cases])


def report(fitted: Logistic, cases: Sequence[Case]) -> dict:
    """Of cases that were not fitted."""
    sure, right = chances(fitted, cases), labels(cases)
    there = np.array([case.asked.row is not None for case in cases])
    never = np.array([case.asked.kind == "X" for case in cases])
    said = sure >= SAID
    return {
        "questions": {
            kind: sum(case.asked.kind == kind and (case.asked.row is not None) == (kind in "PN")
                      for case in cases) // len(SEEDS)
            for kind in "PNX"
        },
        "found first, in three, in five": {
            kind: [round(found_within(cases, kind, number), 2) for number in (1, 3, 5)]
            for kind in "PN"
        },
        "area, first passage right against not": round(area(sure[right], sure[~right]), 3),
        "area, answered against never said": round(area(sure[there], sure[never]), 3),
        "area, answered against its sentence removed": round(
            area(sure[there], sure[~there & ~never]), 3),
        "precision of the answer": round(float(right[said].mean()), 3),
        "said, of right first passages": round(float(said[right].mean()), 3),
        "said, of P, N": [round(float(said[there & kind_is(cases, kind)].mean()), 2)
                          for kind in "PN"],
        "said though never said": round(float(said[never].mean()), 3),
        "said though its sentence is removed": round(float(said[~there & ~never].mean()), 3),
        "reliability": reliability(sure, right),
    }  # fmt: skip


def kind_is(cases: Sequence[Case], kind: str) -> np.ndarray:
    return np.array([case.asked.kind == kind for case in cases])


def reliability(sure: np.ndarray, right: np.ndarray) -> list[list[float]]:
    """Mean chance, share that was right, number; in fifths of the chance."""
    fifth = np.minimum((sure * 5).astype(int), 4)
    return [
        [round(float(sure[fifth == one].mean()), 2), round(float(right[fifth == one].mean()), 2),
         int((fifth == one).sum())]
        for one in range(5) if (fifth == one).any()
    ]  # fmt: skip


def compare_signs(cases: Sequence[Case]) -> None:
    """Which signs to take: log loss of each transcript by a fit to all others."""
    names = sorted({case.transcript for case in cases})
    for number in (1, 2, 3, 4):
        for signs in itertools.combinations(ALL, number):
            loss = []
            for name in names:
                fitted = fit([case for case in cases if case.transcript != name], signs)
                own = [case for case in cases if case.transcript == name]
                sure, right = chances(fitted, own), labels(own)
                loss.append(-np.log(np.where(right, sure, 1 - sure)).mean())
            print(f"{np.mean(loss):.4f}", *signs)


def pictures_without(draws: np.random.Generator) -> np.ndarray:
    """Largest chances (FILMS,) of pictures that show nothing of what was asked."""
    found = []
    for _ in range(FILMS):
        features = draws.standard_normal((SECONDS, 24)).astype(np.float32)
        noise = draws.standard_normal(SECONDS)
        odds = as_log_odds(noise, features, np.arange(float(SECONDS)), PRIOR)
        found.append(float(expit(tempered(odds).max())))
    return np.array(found)


def limits(fits: dict[str, Logistic], read: Sequence[Case], heard: Sequence[Case]) -> dict:
    """By set of streams the union of chances that FALSE_ALARMS of unanswered questions reach.

    Subtitles and speech say the same; what is on the screen, and what the pictures show, is drawn
    from other films.
    """
    draws = np.random.default_rng(0)
    rows = [row for row, case in enumerate(read) if case.asked.row is None]
    names = {"stems": fits[f"{DEFAULT_TEXT_ENCODER} stems"],
             "letters": fits[f"{DEFAULT_TEXT_ENCODER} letters"]}  # fmt: skip
    subtitles = chances(names["stems"], [read[row] for row in rows])
    speech = chances(names["letters"], [heard[row] for row in rows])
    streams = {
        "pictures": draws.choice(pictures_without(draws), len(rows)),
        "screen": draws.permutation(subtitles),
        "speech": speech,
        "subtitles": subtitles,
    }
    return {
        "+".join(chosen): round(
            float(np.quantile([either(row) for row in zip(*(streams[one] for one in chosen))],
                              1 - FALSE_ALARMS)), 3)
        for number in range(1, 5)
        for chosen in itertools.combinations(sorted(streams), number)
    }  # fmt: skip


def whole_limits(encoder) -> tuple[dict, dict]:
    """Likeness from which on a question is about the whole, and how it does on the other half."""
    fitted = made.FITTED, made.FITTED_CHINESE
    others = made.HELD_OUT, made.HELD_OUT_CHINESE
    found, told = {}, {}
    for name, one, languages in (("encoder", encoder, 1), ("words", None, 2)):
        likeness = [likenesses(names[:languages], one) for names in (fitted, others)]
        found[name] = round(between(*likeness[0]), 3)
        whole, other = likeness[1]
        told[name] = {
            "area": round(area(whole, other), 3),
            "recognised": round(float(np.mean(np.array(whole) >= found[name])), 3),
            "false": round(float(np.mean(np.array(other) >= found[name])), 3),
            "questions": [len(whole), len(other)],
        }
    return found, told


def likenesses(groups: Sequence[Sequence[str]], encoder) -> tuple[list[float], list[float]]:
    """Of questions about the whole, and of others."""
    whole: list[float] = []
    others: list[float] = []
    for name in itertools.chain(*groups):
        language = "zh" if name.endswith("_zh") else "en"
        for asked in made.make_transcript(name).questions:
            where = whole if asked.kind == "W" else others
            where.append(likeness_to_whole(asked.text, language, encoder))
    return whole, others


def between(above: Sequence[float], below: Sequence[float]) -> float:
    """The limit with the fewest errors, in the middle of its gap; most questions are not about
    the whole, so one that is taken for it by mistake counts FALSE_WHOLE times."""
    values = np.sort([*above, *below])
    middles = (values[1:] + values[:-1]) / 2
    errors = [np.mean(np.array(above) < one) + FALSE_WHOLE * np.mean(np.array(below) >= one)
              for one in middles]  # fmt: skip
    return float(np.mean(middles[np.isclose(errors, min(errors))]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(package).parent / "sure.json")
    parser.add_argument("--compare-signs", action="store_true", help="print, write nothing")
    given = parser.parse_args()
    encoder = Remembering(load_text_encoder(DEFAULT_TEXT_ENCODER))
    english, chinese = (made.FITTED, made.HELD_OUT), (made.FITTED_CHINESE, made.HELD_OUT_CHINESE)
    wanted = {
        f"{DEFAULT_TEXT_ENCODER} stems": (english, encoder, "subtitles", CHOSEN),
        f"{DEFAULT_TEXT_ENCODER} letters": (english, encoder, "speech", CHOSEN),
        "encoder": (english, encoder, "subtitles", FREE_OF_LEVEL),
        "stems": (english, None, "subtitles", CHOSEN),
        "letters": (english, None, "speech", CHOSEN),
        "characters": (chinese, None, "subtitles", CHOSEN),
    }
    fits, told, cases = {}, {}, {}
    for name, (halves, one, source, signs) in wanted.items():
        fitted, others = (cases_of(half, one, source=source, seeds=SEEDS) for half in halves)
        cases[name] = fitted
        if given.compare_signs:
            print(name)
            compare_signs(fitted)
            continue
        fits[name] = fit(fitted, signs)
        told[name] = report(fits[name], others)
        print(name, fits[name], json.dumps(told[name], indent=1), flush=True)
    if given.compare_signs:
        return
    whole, whole_told = whole_limits(encoder)
    print(json.dumps(whole_told))
    read, heard = (cases[f"{DEFAULT_TEXT_ENCODER} {scheme}"] for scheme in ("stems", "letters"))
    written = {
        "about": " ".join(__doc__.split("\n\n")[2].split()).split(" Writes")[0],
        "fits": {name: dict(zip(("intercept", "weights", "sharpness"), astuple(one)))
                 for name, one in fits.items()},
        "limits": limits(fits, read, heard),
        "whole": whole,
        "held out": told | {"about the whole": whole_told},
    }  # fmt: skip
    print(json.dumps(written["limits"], indent=1))
    given.out.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
