"""A study file read with h5py alone: no package of this project is needed for it."""

# %% Options
import argparse
import json
import subprocess
import sys
from pathlib import Path

import h5py
from matplotlib.figure import Figure

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("pictures"))
parser.add_argument("--quick", action="store_true", help="small and fast")
parser.add_argument("--study", type=Path, help="a study file; made if not given")
given = parser.parse_args()

# %% Without a study of yours, make a small one
study = given.study
if study is None:
    size = ["--steps", "20", "--grid", "9"] if given.quick else []
    command = [sys.executable, "-P", "-m", "landscape", "run", "--out", str(given.out), *size]
    subprocess.run(command, check=True)
    study = given.out / "study.h5"

# %% What is inside: groups with attributes, arrays with axis 0 alpha
with h5py.File(study) as file:
    print("format", file.attrs["format"], file.attrs["format_version"])
    print("data", json.loads(file.attrs["config"])["data"]["name"])
    for name, run in file["runs"].items():
        print(f"{name}: loss {run['losses'][0]:.3f} -> {run['losses'][-1]:.4f}")
    name = next(iter(file["surfaces"]))
    group = file["surfaces"][name]
    alphas, betas, losses = (group[key][:] for key in ("alphas", "betas", "losses"))
    path = file["projections"][f"{group.attrs['run']}@{group.attrs['plane']}"]["coordinates"][:]

# %% Draw it
figure = Figure(figsize=(4, 3))
axes = figure.add_subplot(xlabel="alpha", ylabel="beta", title=name)
axes.contourf(alphas, betas, losses.T, levels=20)
axes.plot(path[:, 0], path[:, 1], "r.-", linewidth=1)
given.out.mkdir(parents=True, exist_ok=True)
figure.savefig(given.out / "read-with-h5py.png", dpi=150, bbox_inches="tight")
print("wrote", given.out / "read-with-h5py.png")
