"""Read a study file with h5py alone, without any package of this project."""

# %% Options
import argparse
import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("pictures"))
parser.add_argument("--quick", action="store_true", help="small and fast")
parser.add_argument("--study", type=Path, help="a study file; made if not given")
given, _ = parser.parse_known_args()  # a notebook has its own arguments

# %% Make a small study if none was given
# The command line makes it in its own process: this script imports nothing of the project.
study = given.study
if study is None:
    size = ["--steps", "20", "--grid", "9"] if given.quick else []
    command = [sys.executable, "-P", "-m", "landscape.cli", "run", "--out", str(given.out), *size]
    subprocess.run(command, check=True)
    study = given.out / "study.h5"

# %% The content: groups with attributes, arrays with axis 0 alpha
# Links are attributes: a surface names its run and its plane, a projection joins the two.
with h5py.File(study) as file:
    print("format", file.attrs["format"], file.attrs["format_version"])
    print("data", json.loads(file.attrs["config"])["data"]["name"])
    for name, run in file["runs"].items():
        print(f"{name}: loss {run['losses'][0]:.3f} -> {run['losses'][-1]:.4f}")
    flat = (name for name, group in file["surfaces"].items() if group["losses"].ndim == 2)
    name = next(flat)
    group = file["surfaces"][name]
    alphas, betas, losses = (group[key][:] for key in ("alphas", "betas", "losses"))
    path = file["projections"][f"{group.attrs['run']}@{group.attrs['plane']}"]["coordinates"][:]

# %% Draw it on a log scale; a linear scale shows the walls and hides the valley
figure = Figure(figsize=(5, 3.2), layout="constrained")
axes = figure.add_subplot(xlabel="alpha", ylabel="beta", title=name, aspect="equal")
# matplotlib expects rows along y, so the array is transposed.
filled = axes.contourf(alphas, betas, np.log10(losses.T), levels=20)
axes.plot(path[:, 0], path[:, 1], "w.-", linewidth=1, markersize=3)
axes.plot(*path[-1], "ro", label="solution")
axes.set(xlim=alphas[[0, -1]], ylim=betas[[0, -1]])
axes.legend(loc="upper left")
axes.locator_params(nbins=5)
figure.colorbar(filled, label="log10 loss", shrink=0.9, ticks=MultipleLocator(0.5))
given.out.mkdir(parents=True, exist_ok=True)
figure.savefig(given.out / "read-with-h5py.png", dpi=200)
print("wrote", given.out / "read-with-h5py.png")
