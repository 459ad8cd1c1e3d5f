"""Vary the view: clipped heights, other colours, differences, activations by seeds, a mosaic."""

# %% Options, and a study: three activations from the same weights, two seeds
import argparse
from pathlib import Path

import landscape
from landscape import data, viz
from landscape.networks import activations

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("pictures"))
parser.add_argument("--quick", action="store_true", help="small and fast")
given, _ = parser.parse_known_args()  # a notebook has its own arguments
given.out.mkdir(parents=True, exist_ok=True)
names, seeds = ("relu", "elu", "tanh"), (0, 1)
labels = [activations.get(name).label for name in names]
points = (9, 9) if given.quick else (51, 51)
config = landscape.StudyConfig.from_dict(
    {
        "activations": names,
        "seeds": seeds,
        "training": {"steps": 20 if given.quick else 300},
        "random_plane": {"points": points},
        "pca_plane": {"points": points},
    }
)
load = {"load_data": lambda wanted: data.load(wanted.name, standardise=wanted.standardise)}
study = landscape.Study(config, given.out / "views.h5", **load).run()
runs = [f"{name}-gd-seed0" for name in names]
random, pca = [], []
for run, label in zip(runs, labels, strict=True):
    random.append(viz.Panel(study.surface(f"{run}.random"), title=label))
    path = study.projection(run, f"{run}.pca")
    pca.append(viz.Panel(study.surface(f"{run}.pca"), paths=(path,), title=label))

# %% Heights clipped at a limit; points above it are grey, and the caption counts them
picture = viz.compare(random, viz.Look("clipped", limit=3.0))
print("wrote", viz.save(picture, given.out / "clipped.png"))

# %% Colours by the slope of the loss, in the dark style
picture = viz.compare(pca, viz.Look(colour="slope", style="dark"))
print("wrote", viz.save(picture, given.out / "slope-dark.png"))

# %% Colours by the difference from another surface, here ReLU's, at the same coordinates
against = viz.Look("linear", colour="difference", reference=random[0].surface)
picture = viz.compare(random[1:], against)
print("wrote", viz.save(picture, given.out / "difference.png"))

# %% Activations by seeds: is a difference due to the activation or to the random draw?
rows = [[study.surface(f"{name}-gd-seed{seed}.pca") for seed in seeds] for name in names]
picture = viz.matrix(rows, row_titles=labels, column_titles=["seed 0", "seed 1"])
print("wrote", viz.save(picture, given.out / "matrix.png"))

# %% One network on one page: surface, plane of the path, line
figure = viz.mosaic(random[1], flat=pca[1], dpi=100 if given.quick else 600)
print("wrote", viz.save(figure, given.out / "mosaic.pdf"))
