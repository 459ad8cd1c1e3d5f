"""The answer follows from the verdicts."""

import numpy as np
import pytest

from landscape.claims.answer import SPEED, answer


def found(**verdicts):
    return [{"number": int(name[1:]), "verdict": verdict} for name, verdict in verdicts.items()]


def test_nothing_was_measured():
    assert answer([]) == (
        "Whether smoothness of the activation itself changes the speed of gradient descent was not "
        "measured in this study.",
        "Of the ten claims none has been measured yet.",
        "Each claim below names the command that measures it.",
    )


@pytest.mark.parametrize(
    ("verdicts", "begins"),
    [
        ({"c8": "supported", "c2": "supported"}, "Yes: smoothness of the activation itself"),
        ({"c2": "supported", "c8": "equivalent"}, "Yes: "),
        ({"c1": "supported", "c8": "equivalent"}, "Hardly: "),
        ({"c2": "supported", "c8": "contradicted"}, "Smoothness of the activation changes"),
        ({"c8": "contradicted", "c2": "undecided"}, "No: "),
        ({"c8": "equivalent", "c2": "undecided"}, "Hardly: "),
        ({"c8": "undecided", "c2": "undecided", "c10": "exploratory"}, "Not decided: "),
        ({"c5": "supported"}, "Whether smoothness"),
    ],
)
def test_what_is_said_of_speed(verdicts, begins):
    assert answer(found(**verdicts))[0].startswith(begins)


def test_yes_in_some_respects_only():
    assert answer(found(c8="supported", c2="supported"))[0].endswith("of descent here.")
    assert answer(found(c8="supported", c2="undecided"))[0].endswith("not in every respect.")


def test_bouncing_is_told_beside_speed_and_is_not_speed():
    told = answer(found(c1="supported", c8="equivalent"))[0]
    assert told.startswith("Hardly: ")
    assert told.endswith("; descent does bounce more at kinks.")
    assert "bounce" not in answer(found(c1="undecided", c8="equivalent"))[0]
    alone = answer(found(c1="contradicted"))[0]
    assert alone.startswith("Whether smoothness")
    assert alone.endswith("not measured in this study; descent bounces less at kinks.")


def test_the_spread_adds_up():
    verdicts = {"c1": "supported", "c3": "exploratory", "c6": "exploratory", "c8": "equivalent"}
    assert answer(found(**verdicts))[1] == (
        "Of the ten claims four were measured: one supported, one true to a degree that would not "
        "matter (“hardly”) and two only explored, without a verdict."
    )


def test_few_seeds_are_confessed():
    facts = [{"seed": s, "data": d, "network": {"hidden": [4]}}
             for s in range(3) for d in ("wine", "digits")]  # fmt: skip
    (_, _, ground) = answer(found(c8="supported"), facts=facts)
    assert ground == (
        "This rests on three seeds of one network trained on digits, wine: a pilot, which decides "
        "nothing (no sign test of 3 seeds can fall below p = 0.25)."
    )
    many = [{**facts[0], "seed": s} for s in range(12)]
    assert "too few" in answer(found(c8="supported"), facts=many[:10])[2]
    assert "too few" not in answer(found(c8="supported"), facts=many)[2]


def contrast(name, estimate, verdict, scale="log", family="speed"):
    return {"name": f"{name}: relu against smelu_0.1, wine", "estimate": estimate, "scale": scale,
            "verdict": verdict, "family": family}  # fmt: skip


def test_every_deciding_quantity_has_its_size():
    speed = [
        contrast("steps", np.log(1.25), "undecided"),
        contrast("steps", np.log(0.5), "equivalent"),
        contrast("steps", None, "undecided"),
        contrast("seconds", 2.0, "exploratory", family=""),
    ]
    bounce = [contrast("reversals", 0.25, "supported", "linear", "bounce")]
    findings = [{"number": 1, "verdict": "supported", "contrasts": bounce},
                {"number": 8, "verdict": "undecided", "contrasts": speed}]  # fmt: skip
    assert answer(findings)[1:3] == (
        "Reversals, kinked minus smooth: +0.25 in one contrast (one supported).",
        "Steps, kinked over smooth: ×0.5 to ×1.25 in two contrasts (one hardly different, one not "
        "decided).",
    )


def test_single_steps_are_told_of_runs_that_were_followed():
    late = {"from_step": 8, "to_step": 12, "slope_change_of_promise": 0.0685}
    kinked = {"along_path": {"last": {**late, "kink_of_promise": 0.0628}},
              "swap_control": {"last": {"undone": 0.526}}}  # fmt: skip
    smooth = {"along_path": {"last": {**late, "kink_of_promise": 0.0}}}
    told = answer([], paths={"ReLU": kinked, "GELU": smooth, "ELU": {}})
    assert told[:2] == (
        "ReLU, steps 8 to 12: within a step the slope changes by 6.9% of what the gradient "
        "promises, kinks by 6.3%; the next step undoes 53% of the crossings.",
        "GELU, steps 8 to 12: within a step the slope changes by 6.9% of what the gradient "
        "promises, kinks by 0.0%.",
    )
    assert len(told) == 5


def test_claims_of_speed_are_claims():
    assert set(SPEED) <= set(range(1, 11))
