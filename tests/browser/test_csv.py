"""CSV dropped on the page at /: every row in order, faulty ones named, and it can be stopped."""

import base64
import csv
import io
import random
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from conftest import Open, fits, pictured
from playwright.sync_api import Page, expect
from workbooks import xlsx, zipped

ROOT = Path(__file__).parents[2]
WINES = ROOT / "train/data/winequality.csv"


def drop(page: Page, name: str, content: bytes, zone: str = "#zone") -> None:
    """Let a file fall on a part of the page, as from a folder."""
    carried = page.evaluate_handle(
        """([name, content]) => {
            const bytes = Uint8Array.from(atob(content), (sign) => sign.charCodeAt(0));
            const carried = new DataTransfer();
            carried.items.add(new File([bytes], name));
            return carried;
        }""",
        [name, base64.b64encode(content).decode()],
    )
    page.dispatch_event(zone, "drop", {"dataTransfer": carried})


def wines(rows: int) -> bytes:
    return b"".join(WINES.read_bytes().splitlines(keepends=True)[: rows + 1])


def downloaded(page: Page, delimiter: str = ",") -> list[dict[str, str]]:
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download the predictions").click()
    text = Path(waiting.value.path()).read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))


def test_every_row_of_a_dropped_file_is_predicted_in_order(open_page: Open):
    page = open_page("/")
    drop(page, "wines.csv", wines(2500))
    expect(page.locator("#status")).to_have_text("Done: 2500 rows.")
    expect(page.locator("#rows tbody tr")).to_have_count(50)
    pictured(page, "csv")
    predicted = pd.DataFrame(downloaded(page))
    given = pd.read_csv(io.BytesIO(wines(2500)), dtype=str)
    pd.testing.assert_frame_equal(predicted[list(given)], given, check_dtype=False)
    assert set(predicted["prediction"]) == {"bom", "ruim"}
    probabilities = predicted[["P(bom)", "P(ruim)"]].astype(float)
    assert (probabilities.sum(axis=1) - 1).abs().max() < 2e-6
    for row in (0, 999, 1000, 2499):
        record = given.drop(columns="quality").iloc[row].to_dict()
        numbers = {
            name: value if name == "color" else float(value) for name, value in record.items()
        }
        alone = page.request.post("/predict", data=numbers).json()
        assert predicted["prediction"][row] == alone["prediction"]
        assert float(predicted["P(bom)"][row]) == alone["probabilities"]["bom"]


def test_rows_that_cannot_be_read_are_named_and_the_others_predicted(open_page: Open):
    lines = wines(30).decode().splitlines()
    lines[4] = lines[4].replace(lines[4].split(",")[0], "much", 1)
    lines[12] = ",".join(lines[12].split(",")[:5])
    page = open_page("/")
    drop(page, "wines.csv", "\n".join([*lines, ""]).encode())
    expect(page.locator("#status")).to_have_text("Done: 30 rows. 2 of them could not be read.")
    expect(page.get_by_text('Row 5: fixed acidity: "much" is not a number')).to_be_visible()
    expect(page.get_by_text("Row 13: ")).to_contain_text("free sulfur dioxide: is missing")
    pictured(page, "csv-faults")
    predicted = downloaded(page)
    assert [row["prediction"] == "" for row in predicted] == [at in {3, 11} for at in range(30)]
    assert predicted[3]["error"] == 'fixed acidity: "much" is not a number'


def test_the_download_has_the_columns_of_the_api_and_can_be_dropped_again(open_page: Open):
    page = open_page("/", language="pt-BR", phone=True)
    drop(page, "wines.csv", wines(3))
    expect(page.locator("#status")).to_have_text("Pronto: 3 linhas.")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Baixar as predições").click()
    once = Path(waiting.value.path()).read_bytes()
    csv_of_api = {"Content-Type": "text/csv"}
    of_api = page.request.post("/models/wine/predict", data=wines(3), headers=csv_of_api).text()
    own = of_api.partition("\n")[0].split(",")
    rows = list(csv.reader(io.StringIO(once.decode("utf-8-sig"))))
    assert rows[0][-len(own) :] == own
    feedback = [{"id": row[-len(own)], "actual": "bom"} for row in rows[1:]]
    assert page.request.post("/feedback", data=feedback).json()["unmatched"] == []
    drop(page, "again.csv", once)
    expect(page.locator("#status")).to_contain_text("Renomeadas no arquivo baixado")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Baixar as predições").click()
    twice = Path(waiting.value.path()).read_text(encoding="utf-8-sig")
    names = next(csv.reader(io.StringIO(twice)))
    assert names[-2 * len(own) :] == [*(f"{name}.1" for name in own), *own]


def test_pasted_rows_of_a_brazilian_spreadsheet_are_read(open_page: Open):
    page = open_page("/?model=wine-score")
    commas = wines(3).decode().replace(",", ";").replace(".", ",")
    quoted = commas.replace("red", '"red; or ""so""\nit says"', 1)
    page.get_by_label("Rows").fill(quoted)
    page.get_by_role("button", name="Predict the rows").click()
    expect(page.locator("#status")).to_have_text("Done: 3 rows.")
    predicted = downloaded(page, ";")
    assert predicted[0]["color"] == 'red; or "so"\nit says'
    for row in predicted:
        low, middle, high = (
            float(row[name].replace(",", ".")) for name in ("low", "prediction", "high")
        )
        assert low < middle < high


def test_what_spreadsheets_on_windows_write_is_read(open_page: Open):
    page = open_page("/")
    text = wines(2).decode().replace("quality", "opinião").encode("windows-1252")
    drop(page, "vinhos.csv", text)
    expect(page.locator("#status")).to_have_text("Done: 2 rows.")
    assert "opinião" in downloaded(page)[0]


HEADER = wines(1).splitlines()[0]
ONE_COLUMN = b"alcohol\n12.5\n9\n"
COMMAS = HEADER + b"\n" + b",".join([b'"7,4"'] * 11 + [b"red"]) + b"\n"
REFUSED = [
    ("empty.csv", b"", "the text is empty; name the fields in its first line"),
    ("head.csv", HEADER + b"\n", "there is no row below the line of names; send at least one"),
    ("one.csv", ONE_COLUMN, "sulphates, color: has no column"),
    ("other.csv", b"a,b\n1,2\n", "the first line names no field of this model; its fields are"),
    ("spaces.csv", HEADER.replace(b",", b":") + b"\n1:2\n", "the first line names no field"),
    ("commas.csv", COMMAS + COMMAS.partition(b"\n")[2] * 2000, 'alcohol: "7,4" is not a number'),
    ("wines.png", b"\x89PNG\r\n\x1a\n" + bytes(999), "the file is a picture (PNG), not a table"),
    ("wines.pdf", b"%PDF-1.7\n", "the file is a PDF, not a table"),
    ("wines.zip", zipped("wines.csv"), "the file is a zip archive, not a table: unpack it"),
    ("wines.pkl", b"\x80\x04\x95" + bytes(99), "the file is a pickle of Python, not a table"),
    ("wines.parquet", b"PAR1\x15\x04", "the file is a file of Parquet, not a table"),
    ("wines.json", b'[{"a": 1}]', "the file is JSON, not a table"),
    ("wines.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "of an old Microsoft Office"),
    ("quote.csv", HEADER + b'\n"' + b"x" * 2**22, "a record has 1048576 bytes or more"),
]


@pytest.mark.parametrize("language", ["en-US", "pt-BR"])
def test_a_wrong_file_is_refused_once_as_the_api_refuses_it(open_page: Open, language: str):
    page = open_page("/", language=language, phone=language != "en-US")
    for name, content, message in REFUSED:
        drop(page, name, content)
        expect(page.locator("#status")).to_contain_text(message, timeout=15_000)
        assert page.locator("#status").inner_text().count(message) == 1
        expect(page.locator("#download")).to_be_hidden()
        expect(page.locator("#faults")).to_be_hidden()
        if name in {"one.csv", "commas.csv"}:
            pictured(page, f"refused-{name[:3]}-{language}")
    assert fits(page)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_sixteen_bits_a_declared_separator_and_empty_lines_are_read(open_page: Open, encoding: str):
    page = open_page("/")
    text = (
        wines(3).decode().replace("quality", "opinião").replace(",", "|").replace("\n", "\n\n", 2)
    )
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    drop(page, "vinhos.txt", f"{mark}sep=|\n{text.replace('white', 'rosé')}".encode(encoding))
    drop(page, "vinhos.txt", f"{mark}sep=|\n{text}7.4|\n".encode(encoding))
    expect(page.locator("#status")).to_have_text("Done: 4 rows. 1 of them could not be read.")
    expect(page.locator("#faulty")).to_contain_text("Row 7: volatile acidity: is missing")
    assert "opinião" in downloaded(page, "|")[0]


def test_a_workbook_is_predicted_like_a_csv_and_comes_back_as_one(open_page: Open):
    rows = list(csv.reader(io.StringIO(wines(1500).decode())))
    cells = [rows[0], *([*map(float, row[:11]), *row[11:]] for row in rows[1:])]
    cells[700][0] = cells[900][0] = "sour"
    page = open_page("/")
    drop(page, "wines.xlsx", xlsx(cells, [["notes"], ["none"]]))
    expect(page.locator("#status")).to_have_text(
        "Done: 1500 rows. 2 of them could not be read. Sheet Sheet1 was read, and not: Sheet2"
    )
    expect(page.locator("#faulty li")).to_have_text(
        'Rows 701, 901, such as: fixed acidity: "sour" is not a number'
    )
    pictured(page, "workbook")
    made = downloaded(page)
    assert [row["color"] for row in made] == [row[rows[0].index("color")] for row in rows[1:]]
    assert sum(row["prediction"] == "" for row in made) == 2
    assert made[0]["id"].startswith("wine.1.")


def test_the_file_to_fill_in_can_be_dropped_as_it_is(open_page: Open):
    page = open_page("/?model=wine-score", language="pt-BR")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Um arquivo para preencher").click()
    drop(page, "wine-score.csv", Path(waiting.value.path()).read_bytes())
    expect(page.locator("#status")).to_have_text("Pronto: 3 linhas.")


def test_a_large_file_leaves_the_page_alive_and_can_be_stopped(open_page: Open):
    page = open_page("/")
    head, _, rows = wines(6000).partition(b"\n")
    page.evaluate("window.beats = 0; setInterval(() => { window.beats += 1 }, 10)")
    page.evaluate(
        """([head, rows]) => {
            const carried = new DataTransfer();
            carried.items.add(new File([head, "\\n", ...new Array(40).fill(rows)], "large.csv"));
            const event = new DragEvent("drop", { dataTransfer: carried, bubbles: true });
            document.getElementById("zone").dispatchEvent(event);
        }""",
        [head.decode(), rows.decode()],
    )
    expect(page.locator("#rows tbody tr")).to_have_count(50)
    before = page.evaluate("window.beats")
    page.get_by_role("button", name="bom", exact=True).click()
    expect(page.locator(".prediction")).to_have_text("bom")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#status")).to_contain_text("Stopped after")
    assert page.evaluate("window.beats") > before
    done = len(downloaded(page))
    assert 0 < done < 240_000
    assert done % 1000 == 0


def test_whatever_a_table_holds_is_read_as_it_was_written_in_pieces_of_any_size(open_page: Open):
    chance = random.Random(0)
    tables = []
    for _ in range(300):
        delimiter = chance.choice(",;\t")
        width = chance.randint(2, 4)
        head = [f"column {at}" for at in range(width)]
        cells = [chance.choices('ab é",;\t\n ', k=chance.randint(0, 5)) for _ in range(width * 4)]
        texts = ["".join(cell) for cell in cells]
        table = [head, *(["x", *texts[at + 1 : at + width]] for at in range(0, width * 4, width))]
        written = io.StringIO(newline="")
        csv.writer(written, delimiter=delimiter, lineterminator="\r\n").writerows(table)
        text = written.getvalue()
        cuts = sorted(chance.choices(range(len(text)), k=3))
        edges = [0, *cuts, len(text)]
        pieces = [text[start:end] for start, end in pairwise(edges)]
        tables.append({"pieces": pieces, "read": [delimiter, *table]})
    page = open_page("/")
    read = page.evaluate(
        """async (tables) => {
            const script = document.querySelector("script[src]").src;
            const { rows } = await import(script.replace(/[^/]+$/, "csv.js"));
            return Promise.all(tables.map(async ({ pieces }) => {
                const read = [];
                for await (const row of rows(pieces)) read.push(row);
                return read;
            }));
        }""",
        tables,
    )
    assert read == [table["read"] for table in tables]
