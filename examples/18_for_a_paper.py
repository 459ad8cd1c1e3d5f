"""Make figures for a paper, a mesh for Blender and a film from one small study."""

# %% Options, and a study of four runs
import argparse
import importlib.util
from dataclasses import replace
from pathlib import Path

import landscape
from landscape import data, viz
from landscape.study.solution_network import solution_model

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("pictures"))
parser.add_argument("--quick", action="store_true", help="small and fast")
given, _ = parser.parse_known_args()  # a notebook has its own arguments
given.out.mkdir(parents=True, exist_ok=True)
points = (9, 9) if given.quick else (51, 51)
config = landscape.StudyConfig.from_dict(
    {
        "activations": ["relu", "elu"],
        "seeds": [0, 1],
        "training": {"steps": 20 if given.quick else 300},
        "random_plane": {"points": points},
        "pca_plane": {"points": points},
    }
)
load = {"load_data": lambda wanted: data.load(wanted.name, standardise=wanted.standardise)}
study = landscape.Study(config, given.out / "for-a-paper.h5", **load).run()
panels = []
for title, run in {"ReLU": "relu-gd-seed0", "ELU": "elu-gd-seed0"}.items():
    surface, path = study.surface(f"{run}.pca"), study.projection(run, f"{run}.pca")
    panels.append(viz.Panel(surface, paths=(path,), title=title))

# %% A figure at 600 dpi, with vector frame, ticks and text in embedded fonts
# It is two columns of ICML wide. The caption is written beside it, also for LaTeX.
small = {"dpi": 100} if given.quick else {}
figure = viz.figure(panels, width=viz.width_of("icml", columns=2), **small)
print("wrote", viz.save(figure, given.out / "paper.pdf", caption=True))

# %% The loss between two ReLU solutions of different seeds, with the accuracy and the barrier
first, second = (study.trajectory(f"relu-gd-seed{seed}") for seed in (0, 1))
digits = data.load("digits", standardise="features")
line = landscape.line_between(first, second)
grid = landscape.Grid.line(9 if given.quick else 101, (0, 1))
model = solution_model(first)
problem = landscape.Problem(model, "cross_entropy", digits)
between = landscape.sample(problem, line, grid=grid)
print("wrote", viz.save(viz.line(viz.Panel(between, title="ReLU")), given.out / "line.pdf"))

# %% The same surface for Blender and the web: normals, colours and the path in one file
for path in viz.export_mesh(panels[0], given.out / "relu.glb"):
    print(f"wrote the mesh {path}")

# %% A film of the descent, if imageio-ffmpeg is installed
if importlib.util.find_spec("imageio_ffmpeg") and not given.quick:
    shown = {"seconds": 2, "fps": 8, "size": (640, 400)}
    film = viz.animate_descent(replace(panels[0], title=""), given.out / "descent.gif", **shown)
    print(f"wrote the film {film}")
