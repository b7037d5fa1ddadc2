from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beltmark.contract.catalogue import gtin_check_digit, read_catalogue
from beltmark.contract.errors import InputError

HEADER = "sku,gtin,name,class_name\n"
GOOD = "A-1,4006381333931,Pen,tube\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "catalogue.csv"
    path.write_bytes(text.encode())
    return path


def test_check_digit_of_published_examples() -> None:
    # GS1's own example 629104150021(3), and a well-known EAN-13.
    assert gtin_check_digit("629104150021") == 3
    assert gtin_check_digit("400638133393") == 1


@given(st.text("0123456789", min_size=13, max_size=13), st.integers(0, 12), st.integers(1, 9))
def test_check_digit_finds_every_single_wrong_digit(body: str, place: int, step: int) -> None:
    changed = body[:place] + str((int(body[place]) + step) % 10) + body[place + 1 :]
    assert gtin_check_digit(changed) != gtin_check_digit(body)


def test_reads_a_warehouse_export(tmp_path: Path) -> None:
    path = write(tmp_path, "\ufeff" + HEADER + GOOD + '"B,2",96385074,"Cup, paper",cup\n')
    catalogue = read_catalogue(path)
    assert [p.sku for p in catalogue.products] == ["A-1", "B,2"]
    assert catalogue.products[1].gtin14 == "00000096385074"
    assert [p.name for p in catalogue.of_class("cup")] == ["Cup, paper"]
    assert catalogue.of_class("pouch") == ()


def test_a_sku_may_be_its_own_gtin(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + "04006381333931,4006381333931,Pen,tube\n")
    assert read_catalogue(path).products[0].sku == "04006381333931"


@pytest.mark.parametrize(
    ("rows", "line", "field", "told"),
    [
        (GOOD + "A-1,96385074,Cup,cup\n", 3, "sku", "A-1 stands on line 2"),
        (GOOD + "B,4006381333931,Cup,cup\n", 3, "gtin", "stands on line 2"),
        (GOOD + "B,04006381333931,Cup,cup\n", 3, "gtin", "04006381333931 stands on line 2"),
        ("A,4006381333932,Pen,tube\n", 2, "gtin", "check digit of this GTIN must be 1"),
        ("A,40063813,Pen,tube\n", 2, "gtin", "check digit"),
        ("A,4006381333931x,Pen,tube\n", 2, "gtin", "8, 12, 13 or 14 digits"),
        ("A,\u0664\u0660\u0660\u0666\u0663\u0668\u0661\u0663,Pen,tube\n", 2, "gtin", "digits"),
        (",4006381333931,Pen,tube\n", 2, "sku", "missing"),
        ("A,4006381333931,Pen\x1b[2J,tube\n", 2, "name", "printable"),
        ("A,4006381333931,Pen,Tube!\n", 2, "class_name", "pattern"),
        ("A,4006381333931,Pen,tube,more\n", 2, None, "more values than columns"),
    ],
)
def test_a_bad_row_is_named(
    tmp_path: Path, rows: str, line: int, field: str | None, told: str
) -> None:
    path = write(tmp_path, HEADER + rows)
    with pytest.raises(InputError) as caught:
        read_catalogue(path)
    assert caught.value.file == f"{path}: line {line}"
    assert caught.value.field == field
    assert told in caught.value.problem


def test_an_empty_or_foreign_file_is_refused(tmp_path: Path) -> None:
    for text in ("", HEADER):
        with pytest.raises(InputError, match="products"):
            read_catalogue(write(tmp_path, text))
    path = tmp_path / "catalogue.csv"
    path.write_bytes(HEADER.encode() + b"A,4006381333931,P\xe9n,tube\n")
    with pytest.raises(InputError, match="UTF-8"):
        read_catalogue(path)


def test_a_product_may_get_several_labels_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, "sku,gtin,name,class_name,copies\nA-1,4006381333931,Pen,tube,3\n")
    assert read_catalogue(path).products[0].copies == 3
    for copies in ("0", "11", "1.5", "many"):
        path = write(tmp_path, path.read_text().replace(",3\n", f",{copies}\n"))
        with pytest.raises(InputError, match="copies"):
            read_catalogue(path)
        path = write(tmp_path, path.read_text().replace(f",{copies}\n", ",3\n"))
