"""Study files: everything of one experiment in one HDF5 file (``docs/format.md``)."""

from landscape.store.reader import StudyFile, open_study
from landscape.store.writer import StudyWriter

__all__ = ["StudyFile", "StudyWriter", "open_study"]
