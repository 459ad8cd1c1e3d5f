"""A catalogue of forgeries: each makes of a sound study, opened for writing, a hostile one."""

import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest


def soft_link(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    file["surfaces/s/losses"] = h5py.SoftLink("/analyses/summary/r/a")


def external_link(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    file["surfaces/s/losses"] = h5py.ExternalLink("secret.h5", "/losses")


def external_group(file: h5py.File) -> None:
    del file["surfaces"]
    file["surfaces"] = h5py.ExternalLink("secret.h5", "/")


def virtual(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    layout = h5py.VirtualLayout((3, 3), "f8")
    layout[:] = h5py.VirtualSource("secret.h5", "losses", (3, 3))
    file["surfaces/s"].create_virtual_dataset("losses", layout)


def external_storage(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    where = Path(file.filename).parent / "secret.h5"
    outside = [(str(where), 0, 72)]
    file["surfaces/s"].create_dataset("losses", (3, 3), "f8", external=outside)


def huge(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    file["surfaces/s"].create_dataset("losses", (1 << 20, 1 << 20), "f8", chunks=(64, 64))


def bomb(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    file["surfaces/s"].create_dataset("losses", (1 << 20, 1 << 14), "f8", compression="gzip")


def huge_chunk(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    file["surfaces/s"].create_dataset(
        "losses", (3, 3), "f8", chunks=(1 << 14, 1 << 14), maxshape=(None, None)
    )


def reference(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    file["surfaces/s"].create_dataset("losses", (3, 3), h5py.ref_dtype)


def text_for_numbers(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    file["surfaces/s"].create_dataset("losses", data=["a"] * 9)


def group_for_data(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    file["surfaces/s"].create_group("losses")


def fields_elsewhere(file: h5py.File) -> None:
    file["surfaces/s"].attrs["fields"] = '["losses", "../../analyses/summary/r/a"]'


def link_as_path(file: h5py.File) -> None:
    file["surfaces/s"].attrs["plane"] = "../../etc/passwd"


def link_as_markup(file: h5py.File) -> None:
    file["surfaces/s"].attrs["run"] = "<script>alert(1)</script>"


def terminal_codes(file: h5py.File) -> None:
    file["surfaces/s"].attrs["settings"] = '{"loss": "\\u001b]0;owned\\u0007"}'


def deep_json(file: h5py.File) -> None:
    file["surfaces/s"].attrs["settings"] = "[" * 20_000


def settings_of_another_kind(file: h5py.File) -> None:
    file["surfaces/s"].attrs["settings"] = np.zeros(3)


def packed_larger_than_it_is(file: h5py.File) -> None:
    group = file["surfaces/s"]
    del group["losses"]
    data = group.create_dataset("losses", (3, 3), "f8", chunks=(3, 3), compression="gzip")
    data.id.write_direct_chunk((0, 0), zlib.compress(bytes(1 << 25)))


def packed_twice(file: h5py.File) -> None:
    group = file["surfaces/s"]
    del group["losses"]
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_chunk((3, 3))
    for _ in range(2):
        creation.set_filter(1, 0, (9,))
    space = h5py.h5s.create_simple((3, 3))
    data = h5py.h5d.create(group.id, b"losses", h5py.h5t.IEEE_F64LE, space, dcpl=creation)
    data.write_direct_chunk((0, 0), zlib.compress(zlib.compress(bytes(1 << 25))))


def texts_that_share_their_bytes(file: h5py.File) -> None:
    plane = file.create_group("planes/p")
    plane.attrs.update({"record": "plane", "settings": "{}", "kind": "random"})
    for name in ("origin", "d_alpha", "d_beta"):
        plane[name] = np.ones(3)
    many = 40_000
    data = plane.create_dataset("layout", (many,), h5py.string_dtype(), chunks=(many,))
    data[0] = "x" * 1_000_000
    file.flush()
    _, references = data.id.read_direct_chunk((0,))
    data.id.write_direct_chunk((0,), references[:16] * many)
    file.move("surfaces/s", "surfaces/t")
    file.move("planes/p", "surfaces/s")  # where the tests look


def compound(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    file["surfaces/s/losses"] = np.zeros((3, 3), dtype=[("a", "f8"), ("b", "f8")])


def arrays_of_any_length(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    file["surfaces/s"].create_dataset("losses", (3, 3), h5py.vlen_dtype(np.float64))


def unknown_filter(file: h5py.File) -> None:
    group = file["surfaces/s"]
    del group["losses"]
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_chunk((3, 3))
    creation.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (9,))
    space = h5py.h5s.create_simple((3, 3))
    h5py.h5d.create(group.id, b"losses", h5py.h5t.IEEE_F64LE, space, dcpl=creation)


def filtered(file: h5py.File, put: Callable[[h5py.h5p.PropDCID], object]) -> None:
    del file["surfaces/s/losses"]
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_chunk((8, 8))
    put(creation)
    space = h5py.h5s.create_simple((8, 8))
    group = file["surfaces/s"].id
    h5py.h5d.create(group, b"losses", h5py.h5t.IEEE_F64LE, space, dcpl=creation)


def scale_and_offset(file: h5py.File) -> None:
    filtered(file, lambda creation: creation.set_scaleoffset(h5py.h5z.SO_FLOAT_DSCALE, 2))


def single_bits(file: h5py.File) -> None:
    filtered(file, lambda creation: creation.set_filter(h5py.h5z.FILTER_NBIT, 0, ()))


def szip(file: h5py.File) -> None:
    if not h5py.h5z.filter_avail(h5py.h5z.FILTER_SZIP):
        pytest.skip("HDF5 without szip")
    filtered(file, lambda creation: creation.set_szip(h5py.h5z.SZIP_NN_OPTION_MASK, 8))


def many_names_of_one_thing(file: h5py.File) -> None:
    for number in range(2_000):
        file[f"surfaces/s{number}"] = file["surfaces/s"]


def many_names_of_one_large_thing(file: h5py.File) -> None:
    group, shape = file["surfaces/s"], (4000, 8000)
    for name in ("losses", "status", "alphas", "betas"):
        del group[name]
    group["alphas"], group["betas"] = map(np.arange, shape)
    group.create_dataset("losses", shape, "f8", chunks=(400, 800), compression="gzip")
    group.create_dataset("status", shape, "u1", chunks=(400, 800), compression="gzip")
    for number in range(100):
        group[f"f{number}"] = group["losses"]
    group.attrs["fields"] = json.dumps(["losses", *(f"f{number}" for number in range(100))])


def many_that_are_nearly_too_large(file: h5py.File) -> None:
    group, shape = file["surfaces/s"], (4000, 8000)
    for number in range(100):
        group.create_dataset(f"f{number}", shape, "f8", chunks=(400, 800), compression="gzip")
    group.attrs["fields"] = json.dumps(["losses", *(f"f{number}" for number in range(100))])


def itself_within(file: h5py.File) -> None:
    file["surfaces/s/buffers"] = file["surfaces"]


def part_of_a_file(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    file["surfaces/s"].create_dataset("losses", (3, 3), h5py.regionref_dtype)


def opaque(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    file["surfaces/s"].create_dataset("losses", data=np.zeros((3, 3), "V8"))


def times(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    space = h5py.h5s.create_simple((3, 3))
    h5py.h5d.create(file["surfaces/s"].id, b"losses", h5py.h5t.UNIX_D64LE, space)


def attribute_that_refers(file: h5py.File) -> None:
    file["surfaces/s"].attrs.create("record", file.ref, dtype=h5py.ref_dtype)


def attribute_of_many_parts(file: h5py.File) -> None:
    file["surfaces/s"].attrs["settings"] = np.zeros((), dtype=[("\x1b[2J", "f8")])


def attribute_of_many_texts(file: h5py.File) -> None:
    # As attribute values may share their bytes, the texts could be of any length together.
    file["surfaces/s"].attrs.create("settings", ["{}"] * 4000, dtype=h5py.string_dtype())


def link_that_waits(file: h5py.File) -> None:
    fifo = Path(file.filename).with_name("fifo.h5")
    if not fifo.exists():
        os.mkfifo(fifo)  # opening it would wait for ever
    file["surfaces/s/gammas"] = h5py.ExternalLink("fifo.h5", "/")


def link_to_itself(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    file["surfaces/s/losses"] = h5py.SoftLink("/surfaces/s/losses")


def status_that_wraps_around(file: h5py.File) -> None:
    del file["surfaces/s/status"]
    file["surfaces/s/status"] = np.full((3, 3), 257)


def nothing_for_numbers(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    file["surfaces/s/losses"] = h5py.Empty("f8")


def text_turned_around(file: h5py.File) -> None:
    file["surfaces/s"].attrs["settings"] = '{"loss": "\\u202ecod.exe"}'


def half_a_character(file: h5py.File) -> None:
    file["surfaces/s"].attrs["settings"] = '{"loss": "\\ud800"}'


def settings_that_are_a_list(file: h5py.File) -> None:
    file["surfaces/s"].attrs["settings"] = "[[1, 2]]"


ATTACKS = [
    soft_link, external_link, external_group, virtual, external_storage, huge, bomb, huge_chunk,
    reference, text_for_numbers, group_for_data, fields_elsewhere, link_as_path, link_as_markup,
    terminal_codes, deep_json, settings_of_another_kind, packed_larger_than_it_is, packed_twice,
    texts_that_share_their_bytes, compound, arrays_of_any_length, unknown_filter, link_to_itself,
    status_that_wraps_around, nothing_for_numbers, text_turned_around, half_a_character,
    settings_that_are_a_list, scale_and_offset, single_bits, szip, many_names_of_one_thing,
    many_names_of_one_large_thing, many_that_are_nearly_too_large, itself_within, part_of_a_file,
    opaque, times, attribute_that_refers, attribute_of_many_parts, attribute_of_many_texts,
    link_that_waits,
]  # fmt: skip
