from __future__ import annotations

import json
import tomllib

from calling import accepted, refused

TINY = """
form = "tiny"
seeds = [0, 1]
examples = 40
networks = [{kind = "mlp", hidden = [4]}]
data = [{name = "wine"}]
effort = {steps = 4, rates = 3, records = 2, centres = 3}
"""


def test_a_configuration_is_shown_and_options_change_it():
    shown = tomllib.loads(
        accepted("claims", "--quick", "--data", "wine", "--network", "cnn", "--seeds", 5, "--show")
    )
    assert shown["form"] == "changed quick"
    assert [one["name"] for one in shown["data"]] == ["wine"]
    assert shown["networks"] == [{"kind": "cnn"}]
    assert shown["seeds"] == [0, 1, 2, 3, 4]


def test_claims_are_measured_judged_and_not_measured_again(tmp_path):
    config, out = tmp_path / "tiny.toml", tmp_path / "claims.h5"
    config.write_text(TINY, encoding="utf-8")
    said = accepted("claims", "--config", config, "--claim", 4, "--out", out)
    assert "tiny form, 2 seeds: a pilot, which decides nothing" in said
    assert "4. A parameter lands exactly on z = 0: " in said
    found = json.loads(accepted("claims", "--config", config, "--claim", 4, "--out", out, "--json"))
    assert [one["number"] for one in found] == [4]
    shown = tomllib.loads(accepted("claims", "--config", out, "--show"))
    assert (shown["form"], shown["seeds"], shown["claims"]) == ("tiny", [0, 1], [4])
    assert found[0]["verdict"] == "exploratory"


def test_mistakes_end_in_one_line(tmp_path):
    out = tmp_path / "claims.h5"
    assert "give one of --config, --quick and --full" in refused("claims", "--quick", "--full")
    assert "claim 11 cannot be measured" in refused("claims", "--claim", 11, "--out", out)
    line = refused("claims", "--config", tmp_path / "none.toml")
    assert "write one with: landscape claims --show" in line
    assert not out.exists()
