"""Saved models of every kind on the command line: evaluate and predict."""

import csv
import json
import shutil
import warnings
from functools import partial

import numpy as np
import pytest
from sklearn.pipeline import Pipeline, make_pipeline
from tiny import tiny_classifier

import skcnn
from skcnn._cli import main
from skcnn._cli._data import Reading, read_to_predict
from skcnn._cli._model import Model
from skcnn._cli._reports import PICTURES
from skcnn._images.fingerprints import were_fitted
from skcnn._training.archive import Encoder, read_archive, write_archive
from skcnn.preprocessing import (
    ImageFlattener,
    ImageReshaper,
    ImageResizer,
    ImageScaler,
)

Image = pytest.importorskip("PIL.Image")


@pytest.fixture(autouse=True)
def quiet_tensorflow(monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")


tiny = partial(tiny_classifier, epochs=1)


def save_classes(folder, images, names):
    for i, (image, name) in enumerate(zip(images, names, strict=True)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / name / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def images(digits):
    return digits[0][:200] * np.uint8(15), digits[1][:200]


@pytest.fixture(scope="module")
def folder(images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos") / "photos"
    return save_classes(folder, images[0], np.where(images[1] < 5, "small", "large"))


@pytest.fixture(scope="module")
def photos(folder):
    """A model that the command line trained on a part of the folder; its report."""
    path = folder.parent / "photos.skcnn"
    args = ["--set", "filters=4", "--epochs", "3", "-o", str(path), "--json"]
    with pytest.MonkeyPatch.context() as patch:
        printed = []
        patch.setattr("skcnn._cli._train.print_result", printed.append)
        assert main(["train", str(folder), *args]) == 0
    return path, json.loads(printed[0])


def evaluated(path, data, capsys, *options):
    assert main(["evaluate", str(path), str(data), "--json", *options]) == 0
    printed = capsys.readouterr()
    return json.loads(printed.out), printed.err


@pytest.mark.slow
def test_evaluate_reports_what_train_held_out(photos, folder, capsys):
    path, reported = photos
    result, err = evaluated(path, folder, capsys)
    assert reported["n_test"] == 40 and reported["n_trained_on"] == 0
    assert (result["n_test"], result["n_trained_on"]) == (40, 160)
    assert result["accuracy"] == reported["accuracy"]
    assert "Note: 160 of 200 images are left out of the report" in err
    assert main(["evaluate", str(path), str(folder)]) == 0
    assert "Accuracy on 40 unseen images: " in capsys.readouterr().out


def test_the_same_images_in_another_form_are_known_too(
    photos, folder, images, tmp_path, capsys
):
    path = photos[0]
    X, y = images
    names = np.where(y < 5, "small", "large")
    np.savez(tmp_path / "a.npz", X=X.astype(float), y=names)
    header = ",".join(["label", *(f"p{i}" for i in range(64))])
    rows = [
        f"{n},{','.join(map(str, x.ravel()))}" for n, x in zip(names, X, strict=True)
    ]
    (tmp_path / "a.csv").write_text("\n".join([header, *rows]) + "\n")
    expected, _ = evaluated(path, folder, capsys)
    for name in ("a.npz", "a.csv"):
        result, _ = evaluated(path, tmp_path / name, capsys)
        assert result["n_test"] == 40
        assert result["accuracy"] == expected["accuracy"]


@pytest.mark.slow
def test_a_table_is_evaluated_in_part_with_its_names(images, tmp_path, capsys):
    X, y = images
    header = ",".join(["label", *(f"p{i}" for i in range(64))])
    rows = [f"{n},{','.join(map(str, x.ravel()))}" for n, x in zip(y, X, strict=True)]
    table, path = tmp_path / "train.csv", tmp_path / "model.skcnn"
    table.write_text("\n".join([header, *rows]) + "\n")
    args = ["train", str(table), "--set", "filters=4", "--epochs", "2", "--json"]
    assert main([*args, "-o", str(path)]) == 0
    reported = json.loads(capsys.readouterr().out)
    result, err = evaluated(path, table, capsys)
    assert (result["n_test"], result["n_trained_on"]) == (40, 160)
    assert result["accuracy"] == reported["accuracy"]
    assert "Warning" not in err
    # The columns in another order are the same images.
    shuffled = [",".join(reversed(line.split(","))) for line in [header, *rows]]
    table.write_text("\n".join(shuffled) + "\n")
    again, err = evaluated(path, table, capsys)
    assert again["accuracy"] == result["accuracy"] and again["n_test"] == 40


def test_images_of_training_are_never_called_unseen(photos, images, tmp_path, capsys):
    path = photos[0]
    clf = skcnn.load(path)
    known = were_fitted(clf, images[0])
    names = np.where(images[1] < 5, "small", "large")
    seen = save_classes(tmp_path / "seen", images[0][known], names[known])
    assert main(["evaluate", str(path), str(seen)]) == 0
    printed = capsys.readouterr()
    assert "Accuracy on 160 images that the model was trained on: " in printed.out
    assert "unseen" not in printed.out + printed.err
    result, _ = evaluated(path, seen, capsys)
    assert (result["n_test"], result["n_trained_on"]) == (160, 160)
    # An image of training twice in the data, and one unseen image.
    mixed = np.append(np.flatnonzero(known)[:2], np.flatnonzero(~known)[0])
    few = save_classes(tmp_path / "few", images[0][mixed], names[mixed])
    assert main(["evaluate", str(path), str(few)]) == 0
    assert "Accuracy on 1 unseen image: " in capsys.readouterr().out


def test_train_leaves_copies_of_its_images_out_of_the_report(images, tmp_path, capsys):
    X, y = images
    np.savez(tmp_path / "a.npz", x_train=X, y_train=y, x_test=X[:9], y_test=y[:9])
    args = ["train", str(tmp_path / "a.npz"), "--set", "filters=4", "--epochs", "1"]
    assert main(args) == 0
    assert "Accuracy on 9 images that the model was trained on" in (
        capsys.readouterr().out
    )


def rewrite(path, change):
    """Write a saved classifier again with other contents and a right checksum."""

    def read(document, decode):
        estimator = document["estimator"]
        return estimator, decode(estimator["learned"])

    estimator, learned = read_archive(path, read)
    change(learned)
    encode = Encoder()
    described = estimator | {"learned": encode(learned)}
    write_archive(path, {"estimator": described}, encode)


def test_a_model_that_does_not_know_says_so(images, folder, tmp_path, capsys):
    path = tmp_path / "old.skcnn"
    skcnn.save(tiny().fit(*images), path)
    rewrite(path, lambda learned: learned.pop("fingerprints"))
    np.savez(tmp_path / "a.npz", X=images[0], y=images[1])
    assert main(["evaluate", str(path), str(tmp_path / "a.npz")]) == 0
    assert (
        "Accuracy on 200 images (the file does not say which of them it was trained "
        "on): "
    ) in capsys.readouterr().out
    result, _ = evaluated(path, tmp_path / "a.npz", capsys)
    assert (result["n_test"], result["n_trained_on"]) == (200, None)


pipelines = {
    "passthrough first": lambda clf: make_pipeline("passthrough", clf),
    "none first": lambda clf: Pipeline([("nothing", None), ("clf", clf)]),
    "scaler": lambda clf: make_pipeline(ImageScaler(), clf),
    "reshaper and scaler": lambda clf: make_pipeline(
        ImageReshaper(), ImageScaler(), clf
    ),
    "resizer": lambda clf: make_pipeline(ImageResizer((8, 8)), ImageFlattener(), clf),
    "nested": lambda clf: make_pipeline(
        "passthrough", make_pipeline(ImageScaler(), make_pipeline("passthrough", clf))
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", pipelines)
def test_pipelines_of_every_kind(name, images, tmp_path, capsys):
    X, y = images
    pipeline = pipelines[name](tiny(epochs=2)).fit(X[:150], y[:150])
    path = tmp_path / "model.skcnn"
    skcnn.save(pipeline, path)
    Image.fromarray(X[3]).save(tmp_path / "3.png")
    assert main(["predict", str(path), str(tmp_path / "3.png")]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert rows[0]["label"] == str(pipeline.predict(X[3:4])[0])
    np.savez(tmp_path / "a.npz", X=X, y=y)
    result, _ = evaluated(path, tmp_path / "a.npz", capsys)
    assert (result["n_test"], result["n_trained_on"]) == (50, 150)
    assert result["accuracy"] == pytest.approx(pipeline.score(X[150:], y[150:]))


def test_photographs_of_any_size_are_resized_as_the_pipeline_does(
    images, tmp_path, capsys
):
    X, y = images
    photos = [
        Image.fromarray(image).resize((8 + i % 5, 9)) for i, image in enumerate(X)
    ]
    for i, photo in enumerate(photos):
        photo.save(tmp_path / f"{i}.png")
    pipeline = make_pipeline(ImageResizer((8, 8)), tiny(epochs=2)).fit(photos, y)
    path = tmp_path / "model.skcnn"
    skcnn.save(pipeline, path)
    files = [str(tmp_path / f"{i}.png") for i in range(20)]
    assert main(["predict", str(path), *files]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    expected = list(map(str, pipeline.predict(files)))
    assert [row["label"] for row in rows] == expected


def save_photos(folder, X, mode):
    """Save images as photographs of different sizes, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for i, image in enumerate(X):
        photo = Image.fromarray(image).resize((8 + i % 9, 9 + i % 4))
        if mode == "RGBA":
            photo = photo.convert("RGBA")
            photo.putalpha(photo.getchannel(0).point(lambda value: 255 - value))
        elif mode == "I;16":
            photo = Image.fromarray(np.asarray(photo).astype(np.uint16) * 250)
        else:
            photo = photo.convert(mode)
        files.append(folder / f"{i}.png")
        photo.save(files[-1])
    return files


OPTIONS = [
    {"aspect_ratio": "crop"},
    {"aspect_ratio": "pad"},
    {"aspect_ratio": "pad", "fill": 200},
    {"background": "red"},
    {"aspect_ratio": "pad", "background": (9, 99, 0), "color_mode": "rgb"},
    {"aspect_ratio": "pad", "fill": (1, 99, 200), "color_mode": "rgb"},
    {"aspect_ratio": "pad", "fill": (9, 99, 20, 0), "color_mode": "rgba"},
    {"aspect_ratio": "crop", "color_mode": "grayscale"},
]


@pytest.fixture(scope="module", params=OPTIONS, ids=str)
def resizing_pipeline(request, images, tmp_path_factory):
    """A pipeline that takes photographs of any size, and the path of its file."""
    X, y = images
    folder = tmp_path_factory.mktemp("resizing")
    mode = "L" if "color_mode" not in request.param else "RGB"
    files = save_photos(folder / "photos", X[:60], mode)
    pipeline = make_pipeline(ImageResizer((8, 8), **request.param), tiny())
    path = folder / "model.skcnn"
    skcnn.save(pipeline.fit(files, y[:60]), path)
    return pipeline, path


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16"])
def test_image_files_arrive_as_the_pipeline_resizes_them(
    mode, resizing_pipeline, images, tmp_path
):
    pipeline, path = resizing_pipeline
    files = save_photos(tmp_path, images[0][:20], mode)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X holds color images")
        expected = pipeline[0].transform(files)
    model = Model(path)
    (part,) = read_to_predict(tuple(map(str, files)), Reading(), model)
    found = part.images.X.reshape(expected.shape)
    # A gray file in color, or one of 16 bits, may be rounded in another order.
    assert np.abs(found.astype(int) - expected).max() <= 1
    if mode == "L":
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("scale", [1, 255])
def test_a_fill_of_floats_is_taken_on_their_scale(scale, images, tmp_path):
    X, y = images
    floats = (X / 255 * scale).astype(np.float32)
    fill = 0.4 * scale
    resizer = ImageResizer((8, 8), aspect_ratio="pad", fill=fill)
    floats[0, 0, 0] = scale
    pipeline = make_pipeline(resizer, tiny()).fit(floats, y)
    skcnn.save(pipeline, tmp_path / "model.skcnn")
    Image.fromarray(X[0][:4]).save(tmp_path / "wide.png")
    model = Model(tmp_path / "model.skcnn")
    (part,) = read_to_predict((str(tmp_path / "wide.png"),), Reading(), model)
    found = part.images.X.reshape(8, 8)
    np.testing.assert_allclose(found[2:-2], X[0, :4] / 255 * scale, rtol=1e-6)
    np.testing.assert_allclose(found[:2], fill, rtol=1e-6)


def test_photographs_as_they_come_are_evaluated_too(
    resizing_pipeline, images, tmp_path, capsys
):
    X, y = images
    pipeline, path = resizing_pipeline
    color = "L" if pipeline[0].output_shape_[2] == 1 else "RGB"
    files = save_photos(tmp_path / "all", X[:120], color)
    for i, file in enumerate(files):
        (tmp_path / "classes" / str(y[i])).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, tmp_path / "classes" / str(y[i]) / file.name)
    table = tmp_path / "t.csv"
    rows = [f"{file.name},{label}" for file, label in zip(files, y, strict=False)]
    table.write_text("\n".join(["file,label", *rows]))
    expected = pipeline.score(files[60:], y[60:120])
    for data, *options in (
        (tmp_path / "classes",),
        (table, "--images", str(tmp_path / "all")),
    ):
        result, _ = evaluated(path, data, capsys, *options)
        assert (result["n_test"], result["n_trained_on"]) == (60, 60)
        assert result["accuracy"] == pytest.approx(expected)
    assert main(["info", str(path)]) == 0
    printed = capsys.readouterr().out
    way = {"stretch": "stretched", "pad": "padded", "crop": "cropped"}
    way = way[pipeline[0].aspect_ratio]
    assert f"Images:     of any size, {way} to 8 x 8 pixels, " in printed


@pytest.mark.parametrize(
    "make",
    [
        lambda X: ImageScaler().fit(X),
        lambda X: make_pipeline(ImageReshaper(), ImageScaler()).fit(X),
        lambda X: make_pipeline(ImageScaler(), "passthrough").fit(X),
    ],
)
def test_what_predicts_nothing_is_one_line(make, images, folder, tmp_path, capsys):
    path = tmp_path / "scaler.skcnn"
    skcnn.save(make(images[0]), path)
    for args in (["predict", str(path), "."], ["evaluate", str(path), str(folder)]):
        assert main(args) == 1
        printed = capsys.readouterr()
        assert printed.out == ""
        assert (
            "which predicts nothing, but a classifier" in printed.err.splitlines()[-1]
        )


@pytest.mark.slow
def test_images_of_absurd_size_are_refused_before_they_are_made(
    images, tmp_path, capsys
):
    path = tmp_path / "huge.skcnn"
    skcnn.save(tiny(global_pooling=True).fit(*images), path)

    def enlarge(learned):
        learned["image_shape"] = (10**6, 10**6, 1)
        learned["n_features_in"] = 10**12

    rewrite(path, enlarge)
    Image.fromarray(images[0][0]).save(tmp_path / "small.png")
    assert main(["predict", str(path), str(tmp_path / "small.png")]) == 1
    assert "Error: " in capsys.readouterr().err.splitlines()[-1]


def test_ink_on_paper_is_noticed_and_inverted(images, tmp_path, capsys):
    X, y = images
    path, paper = tmp_path / "model.skcnn", tmp_path / "paper"
    clf = tiny(epochs=8).fit(X, y)
    skcnn.save(clf, path)
    paper.mkdir()
    for i in range(40):
        Image.fromarray((255 - X[i]).astype(np.uint8)).save(paper / f"{i}.png")
    assert main(["predict", str(path), str(paper)]) == 0
    printed = capsys.readouterr()
    assert "--invert" in printed.err, printed.err
    assert "Warning: " in printed.err and ".py" not in printed.err
    assert main(["predict", str(path), str(paper), "--invert"]) == 0
    printed = capsys.readouterr()
    assert "Warning" not in printed.err
    labels = [row["label"] for row in csv.DictReader(printed.out.splitlines())]
    assert labels == [str(label) for label in clf.predict(X[:40])]


@pytest.mark.parametrize("form", ["float 0 to 1", "float -1 to 1", "uint16"])
def test_image_files_come_in_the_range_that_the_model_saw(
    form, images, tmp_path, capsys
):
    X, y = images
    scaled = {
        "float 0 to 1": X / 255,
        "float -1 to 1": (X / 127.5 - 1).astype(np.float32),
        "uint16": X.astype(np.uint16) * 257,
    }[form]
    clf = tiny(epochs=4).fit(scaled, y)
    path = tmp_path / "model.skcnn"
    skcnn.save(clf, path)
    files = save_classes(tmp_path / "files", X[:40], [f"{label}" for label in y[:40]])
    assert main(["predict", str(path), str(files)]) == 0
    printed = capsys.readouterr()
    assert "Warning" not in printed.err
    rows = list(csv.DictReader(printed.out.splitlines()))
    for row in rows:
        i = int(row["image"].rpartition("/")[2].removesuffix(".png"))
        assert row["label"] == str(clf.predict(scaled[i : i + 1])[0])
    result, _ = evaluated(path, files, capsys)
    assert result["n_trained_on"] == 40


@pytest.mark.slow
def test_one_transparent_file_changes_nothing_but_is_announced(
    images, tmp_path, capsys
):
    X, y = images
    colored = np.stack([X, X // 2, X // 3], axis=-1)
    cars = save_classes(tmp_path / "cars", colored, np.where(y < 5, "small", "large"))
    file = sorted((cars / "small").iterdir())[0]
    picture = Image.open(file).convert("RGBA")
    picture.putpixel((0, 0), (0, 0, 0, 0))
    picture.save(file)
    args = ["train", str(cars), "--set", "filters=4", "--epochs", "1", "--json"]
    assert main(args) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["classifier"] == "CIFARCNNClassifier"
    assert "color" in printed.err and file.name in printed.err
    assert "1 file has transparency" in printed.err


def test_predictions_go_into_a_file(photos, folder, tmp_path, capsys):
    path = photos[0]
    for options in ([], ["--proba"], ["--json"], ["--json", "--proba"]):
        out = tmp_path / "out"
        assert main(["predict", str(path), str(folder), *options]) == 0
        expected = capsys.readouterr().out
        args = ["predict", str(path), str(folder), "-o", str(out), *options]
        assert main(args) == 0
        assert capsys.readouterr().out == ""
        assert out.read_text(encoding="utf-8") == expected
        assert main(args) == 2
        out.unlink()
    args = ["predict", str(path), str(folder), "-o", "a", "--submission", "b"]
    assert main(args) == 2


@pytest.mark.slow
def test_pictures_are_replaced_with_force_only(photos, folder, tmp_path, capsys):
    path, target = photos[0], tmp_path / "pictures"
    args = ["evaluate", str(path), str(folder), "--pictures", str(target)]
    precious = tmp_path / "precious.txt"
    precious.write_text("precious")
    target.mkdir()
    link = target / "confusion_matrix.png"
    for leads_to in (precious, tmp_path / "nowhere"):
        link.symlink_to(leads_to)
        for more in ((), ("--force",)):
            assert main([*args, *more]) == 2
            assert "is a link to another file. Delete the" in capsys.readouterr().err
        assert precious.read_text() == "precious" and list(target.iterdir()) == [link]
        assert not (tmp_path / "nowhere").exists()
        link.unlink()
    assert main(args) == 0
    # Its hidden dense layers leave no class activation map.
    names = {f"{name}.png" for name in PICTURES} - {"class_activation.png"}
    assert {file.name for file in target.iterdir()} == names
    capsys.readouterr()
    assert main(args) == 2
    assert "exists; replace it with --force" in capsys.readouterr().err
    assert main([*args, "--force"]) == 0
    assert main([*args[:-1], str(precious)]) == 2


STRANGE = ["$\\frac$1", "a$b$c", "\x1b[31mred", "=1+1", "写真", "a_b^c{%}"]


@pytest.mark.slow
def test_classes_of_any_name_are_drawn_and_printed(images, tmp_path, capsys):
    X, y = images
    names = np.array(STRANGE)[y % len(STRANGE)]
    path = tmp_path / "model.skcnn"
    skcnn.save(tiny().fit(X[:100], names[:100]), path)
    np.savez(tmp_path / "a.npz", X=X, y=names)
    pictures = tmp_path / "pictures"
    args = ["evaluate", str(path), str(tmp_path / "a.npz")]
    assert main([*args, "--pictures", str(pictures)]) == 0
    printed = capsys.readouterr()
    assert len(list(pictures.iterdir())) == len(PICTURES) - 1
    assert "Glyph" not in printed.err
    assert "$\\frac$1" in printed.out and "写真" in printed.out
    assert "\x1b" not in printed.out + printed.err
    assert main(["predict", str(path), str(tmp_path / "a.npz"), "--proba"]) == 0
    printed = capsys.readouterr()
    assert "\x1b" not in printed.out
    header = next(csv.reader(printed.out.splitlines()))
    assert "'=1+1" in header and "\\x1b[31mred" in header


@pytest.mark.slow
def test_600_classes_make_pictures_of_bounded_size(tmp_path, capsys):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (1200, 6, 6), np.uint8)
    y = np.arange(1200) % 600
    path = tmp_path / "many.skcnn"
    skcnn.save(tiny().fit(X, y), path)
    np.savez(tmp_path / "a.npz", X=255 - X, y=y)
    pictures = tmp_path / "pictures"
    args = ["evaluate", str(path), str(tmp_path / "a.npz")]
    assert main([*args, "--pictures", str(pictures)]) == 0
    assert "matrix of 600 classes is too wide" in capsys.readouterr().err
    with Image.open(pictures / "confusion_matrix.png") as picture:
        assert max(picture.size) < 4000
    assert "a.npz has the label" not in capsys.readouterr().err
    # A label that is unknown lists ten of the classes, not 600.
    np.savez(tmp_path / "b.npz", X=X, y=y + 9000)
    assert main(["evaluate", str(path), str(tmp_path / "b.npz")]) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert "and 590 more" in message and len(message) < 400


def test_labels_of_other_types_are_understood(images, tmp_path, capsys):
    X, y = images
    path = tmp_path / "model.skcnn"
    skcnn.save(tiny().fit(X[:100], y[:100]), path)
    for labels in (y.astype(float), y.astype(str), y.astype(np.uint8)):
        np.savez(tmp_path / "a.npz", X=X, y=labels)
        result, _ = evaluated(path, tmp_path / "a.npz", capsys)
        assert result["n_test"] == 100


def test_labels_are_compared_as_numbers(digits, tmp_path, capsys):
    X, y = digits[0][:60], digits[1][:60]
    model = tiny()
    model.fit(X, y.astype(float))
    skcnn.save(model, tmp_path / "m.skcnn")
    for name, labels in (
        ("int", y),
        ("float", y.astype(float)),
        ("text", y.astype(str)),
    ):
        np.savez(tmp_path / f"{name}.npz", X=X, y=labels)
        data = str(tmp_path / f"{name}.npz")
        assert main(["evaluate", str(tmp_path / "m.skcnn"), data, "--json"]) == 0
        score = json.loads(capsys.readouterr().out)["accuracy"]
        assert score == pytest.approx(model.score(X, y.astype(float)))


def test_a_table_is_evaluated_without_warnings(digits, tmp_path, capsys):
    X, y = digits[0][:100].reshape(100, -1), digits[1][:100]
    names = ",".join(["label", *(f"p{i}" for i in range(64))])
    rows = "\n".join(",".join(map(str, row)) for row in np.c_[y, X])
    (tmp_path / "t.csv").write_text(f"{names}\n{rows}\n")
    small = ("--set", "filters=4", "--epochs", "1", "--test-size", "0.4")
    data, model = str(tmp_path / "t.csv"), str(tmp_path / "m.skcnn")
    assert main(["train", data, *small, "-o", model]) == 0
    capsys.readouterr()
    assert main(["evaluate", model, data]) == 0
    printed = capsys.readouterr()
    assert "Accuracy on 40 unseen images" in printed.out
    assert "60 of 100 images are left out" in printed.err
    assert "Warning" not in printed.err
