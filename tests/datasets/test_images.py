"""Images: resizing, and the user's own folder in all its variety."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from llp.datasets import image_folder
from llp.datasets.images import resize
from llp.errors import DataError


@pytest.mark.parametrize("channels", [1, 3])
def test_shrinking_averages_areas(channels):
    checkered = np.indices((32, 32)).sum(axis=0) % 2 * 255
    x = np.repeat(checkered[None, ..., None], channels, axis=3).astype(np.uint8)
    small = resize(x, 4)
    assert small.shape == (1, 4, 4, channels)
    assert small.dtype == np.uint8
    assert np.abs(small.astype(int) - 127).max() <= 2


def test_growing_and_keeping_size():
    x = np.full((2, 8, 8, 1), 77, dtype=np.uint8)
    assert (resize(x, 20) == 77).all()
    assert resize(x, 8) is x


def test_folder_takes_every_size_mode_and_format(tiny, prepare):
    dataset = prepare("image_folder", **tiny["image_folder"])
    assert dataset.name == "shapes"
    assert dataset.classes == ("bright", "dark")
    assert dataset.input_shape == (3, 32, 32)
    assert len(dataset.train) + len(dataset.validation) + len(dataset.test) == 40
    for part in (dataset.train, dataset.validation, dataset.test):
        np.testing.assert_array_equal(part.x.mean(axis=(1, 2, 3)) < 128, part.y == 1)


def test_fingerprint_of_a_folder_is_of_names_and_bytes(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (5, 5), name == "cat" and "red").save(tmp_path / name / "1.png")
    fingerprint = image_folder.load(tmp_path).fingerprint
    (tmp_path / "cat" / ".DS_Store").write_bytes(b"")
    (tmp_path / "cat" / "notes.txt").write_text("meow")
    assert image_folder.load(tmp_path).fingerprint == fingerprint
    moved = tmp_path.rename(tmp_path.with_name("elsewhere"))
    assert image_folder.load(moved).fingerprint == fingerprint
    (moved / "dog" / "1.png").rename(moved / "dog" / "2.png")
    renamed = image_folder.load(moved).fingerprint
    Image.new("RGB", (5, 5), "blue").save(moved / "dog" / "2.png")
    assert len({fingerprint, renamed, image_folder.load(moved).fingerprint}) == 3


def test_what_a_folder_has_that_is_not_read_is_noted(tmp_path):
    (tmp_path / "cat" / "more").mkdir(parents=True)
    for number, ending in enumerate(("gif", "jfif", "jpe", "jp2", "png")):
        Image.new("RGB", (5, 5), (9 * number, 0, 0)).save(tmp_path / "cat" / f"1.{ending}")
    frames = [Image.new("RGB", (5, 5), colour) for colour in ("white", "black")]
    frames[0].save(tmp_path / "cat" / "0.GIF", save_all=True, append_images=frames[1:])
    for name in ("Thumbs.db", ".hidden.tga", "a.TGA", "b.tga", "readme", "more/c.svg"):
        (tmp_path / "cat" / name).write_bytes(b"")
    (tmp_path / "cat" / "linked").symlink_to(tmp_path)
    raw = image_folder.load(tmp_path)
    assert raw.notes == (
        "files left out because of their ending: 4 (.tga 2, without one 1, .svg 1)",
        "linked folders left out: 1, such as 'cat/linked'",
    )
    x = raw.read(np.arange(6), 5)
    assert (x[0] == 255).all()
    assert (x[1:] < 50).all()


def test_sub_folders_that_classes_have_in_common_are_no_classes_and_are_noted(tmp_path):
    for name in ("healthy/left", "healthy/right", "sick/left", "sick/right"):
        (tmp_path / name).mkdir(parents=True)
        Image.new("L", (4, 4)).save(tmp_path / name / "a.png")
    raw = image_folder.load(tmp_path)
    assert raw.classes == ("healthy", "sick")
    assert raw.y.tolist() == [0, 0, 1, 1]
    assert raw.notes == ("sub-folders of the same names in healthy, sick (left, right) are no classes of their own",)


def test_a_file_name_that_is_not_utf8_does_not_matter(tmp_path):
    (tmp_path / "cat").mkdir()
    Image.new("RGB", (5, 5)).save(tmp_path / "cat" / "1.png")
    os.rename(tmp_path / "cat" / "1.png", os.fsencode(tmp_path / "cat") + b"/caf\xe9.png")
    assert (image_folder.load(tmp_path).read(np.arange(1), 5) == 0).all()


def test_only_the_images_asked_for_are_read(tmp_path):
    (tmp_path / "cat").mkdir()
    Image.new("RGB", (5, 5), "white").save(tmp_path / "cat" / "1.png")
    (tmp_path / "cat" / "2.png").write_bytes(b"broken")
    x = image_folder.load(tmp_path).read(np.array([0]), 6)
    assert x.shape == (1, 6, 6, 3)
    assert (x == 255).all()


def test_photos_stand_upright_and_deep_grey_keeps_its_levels(tmp_path):
    (tmp_path / "all").mkdir()
    left_half = np.zeros((8, 8, 3), dtype=np.uint8)
    left_half[:, :4] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated clockwise by a quarter
    Image.fromarray(left_half).save(tmp_path / "all" / "photo.png", exif=exif)
    Image.fromarray(np.full((8, 8), 40000, dtype=np.uint16)).save(tmp_path / "all" / "scan.png")
    photo, scan = image_folder.load(tmp_path).read(np.arange(2), 8)
    np.testing.assert_array_equal(photo, np.rot90(left_half, -1))
    assert (scan == 40000 >> 8).all()


def test_what_is_transparent_is_laid_on_white_with_a_note(tmp_path):
    (tmp_path / "all").mkdir()
    shown = np.zeros((8, 8), dtype=np.uint8)
    shown[:, :4] = 255
    black, half = np.zeros((8, 8), dtype=np.uint8), np.full((8, 8), 51, dtype=np.uint8)
    Image.fromarray(np.stack([black, black, black, shown], axis=2)).save(tmp_path / "all" / "1.png")
    Image.fromarray(np.stack([black, shown], axis=2)).save(tmp_path / "all" / "2.png")
    Image.fromarray(shown).convert("P").save(tmp_path / "all" / "3.png", transparency=0)
    Image.fromarray(shown).save(tmp_path / "all" / "4.png", transparency=0)
    Image.fromarray(np.stack([black, black, black, half], axis=2)).save(tmp_path / "all" / "5.webp", lossless=True)
    Image.fromarray(np.stack([black, black, black, black + 255], axis=2)).save(tmp_path / "all" / "6.png")
    raw = image_folder.load(tmp_path)
    x = raw.read(np.arange(6), 8)
    assert (x[:2, :, :4] == 0).all()
    assert (x[:4, :, 4:] == 255).all()
    assert (x[4] == 204).all()
    assert (x[5] == 0).all()
    assert raw.remarks() == ("images with transparent parts, laid on white: 5",)


@pytest.mark.parametrize("brightest", [4080, 4096])
def test_deep_grey_of_a_small_range_is_noted(tmp_path, brightest):
    (tmp_path / "all").mkdir()
    for number, value in enumerate((9, brightest)):
        Image.fromarray(np.full((8, 8), value, dtype=np.uint16)).save(tmp_path / "all" / f"{number}.png")
    raw = image_folder.load(tmp_path)
    raw.read(np.arange(2), 8)
    note = "16-bit images use only 0..4080: rescale them, of their grey levels 16 are left"
    assert raw.remarks() == ((note,) if brightest < 4096 else ())


def test_deep_grey_in_a_pgm_file_is_read_as_such(tmp_path):
    (tmp_path / "all").mkdir()
    pixels = (np.arange(64).reshape(8, 8) << 10).astype(">u2")
    (tmp_path / "all" / "scan.pgm").write_bytes(b"P5 8 8 65535\n" + pixels.tobytes())
    raw = image_folder.load(tmp_path)
    np.testing.assert_array_equal(raw.read(np.arange(1), 8)[0, ..., 1], pixels >> 8)
    assert raw.remarks() == ()


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_pixels_of_32_bits_are_refused_since_nothing_tells_what_is_white(tmp_path, kind):
    (tmp_path / "all").mkdir()
    Image.fromarray(np.arange(64, dtype=kind).reshape(8, 8)).save(tmp_path / "all" / "scan.tif")
    with pytest.raises(
        DataError,
        match=r"image .*scan\.tif cannot be read \(pixels of 32 bits have no known range: save it with 8 or 16\)",
    ):
        image_folder.load(tmp_path).read(np.arange(1), 8)


def test_a_channel_without_variation_is_noted_and_images_without_any_are_refused(prepare, tmp_path):
    for name, greens in (("cat", range(9)), ("dog", range(90, 99))):
        (tmp_path / name).mkdir()
        for green in greens:
            Image.new("RGB", (4, 4), (7, green, 0)).save(tmp_path / name / f"{green}.png")
    dataset = prepare("image_folder", path=tmp_path)
    assert dataset.notes == tuple(f"channel {number} of 3 is the same in all training images" for number in (1, 3))
    for file in tmp_path.glob("*/*.png"):
        Image.new("RGB", (4, 4), "red").save(file)
    with pytest.raises(DataError, match=r"^no channel of the images varies within the training part: there is nothing"):
        prepare("image_folder", path=tmp_path)
