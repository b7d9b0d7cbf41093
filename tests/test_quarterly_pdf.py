"""The PDF: paged and tagged, with bookmarks and its evidence in it; the same report is the same bytes."""

import io
import logging
import subprocess
import sys
from pathlib import Path

import pypdf
import pytest
import quarterly_made as made

from greengate.errors import MissingExtra, ReportError
from greengate.report.quarterly import json_file, laying_out, pdf_file

SHORT = made.quarterly(
    sections=(
        made.Section(id="C", title="Activity", tables=(made.long_table(60),), charts=(made.ranking(),)),
        made.SECTIONS[5],
    ),
    headline=(),
)
NO_PANGO = """
import sys
from greengate.errors import MissingExtra
from greengate.report.quarterly import pdf_file
try:
    pdf_file.refuse_unable("quarter.pdf")
except MissingExtra as error:
    print(error)
"""


@pytest.fixture(scope="module")
def data():
    return pdf_file.render(SHORT)


@pytest.fixture(scope="module")
def pdf(data):
    return pypdf.PdfReader(io.BytesIO(data))


def words(pdf):
    return " ".join(" ".join(page.extract_text() for page in pdf.pages).split())


def elements(node):
    """Go through the tree of tags."""
    node = node.get_object()
    if isinstance(node, pypdf.generic.ArrayObject):
        for kid in node:
            yield from elements(kid)
    elif isinstance(node, pypdf.generic.DictionaryObject):
        yield node
        yield from elements(node.get("/K", pypdf.generic.ArrayObject()))


def tags(pdf, kind):
    return [one for one in elements(pdf.root_object["/StructTreeRoot"]["/K"]) if one.get("/S") == kind]


def test_it_declares_pdf_a_3a_and_its_language_and_title(pdf):
    declared = pdf.root_object["/Metadata"].get_object().get_data().decode()
    assert 'pdfaid:part="3"' in declared
    assert 'pdfaid:conformance="A"' in declared
    assert (pdf.root_object["/Lang"], pdf.root_object["/MarkInfo"]["/Marked"]) == ("en", True)
    assert pdf.metadata.title == "Meridian Freight AG: Energy and emissions of machine learning, 2026-Q3"


def test_it_is_dated_by_the_report_and_never_by_the_clock(pdf):
    assert pdf.metadata.creation_date_raw == "D:20261009083000Z"


def test_the_same_report_is_the_same_bytes(data):
    assert pdf_file.render(SHORT) == data


def test_its_evidence_is_attached_byte_for_byte(pdf):
    attached = {name: found[0] for name, found in pdf.attachments.items()}
    assert attached == {"2026-Q3.json": json_file.render(SHORT), "checkpoint.txt": made.CHECKPOINT.encode()}


def test_attachments_say_what_they_are_to_it(pdf):
    told = {one.get_object()["/UF"]: one.get_object()["/AFRelationship"] for one in pdf.root_object["/AF"]}
    assert told == {"2026-Q3.json": "/Source", "checkpoint.txt": "/Supplement"}


def test_every_page_says_whose_it_is_and_which(pdf):
    pages = [" ".join(page.extract_text().split()) for page in pdf.pages]
    assert [number for number, told in enumerate(pages, 1) if f"Page {number} of {len(pages)}" not in told] == []
    assert [told for told in pages if "Meridian Freight AG Energy and emissions" not in told] == []


def test_bookmarks_lead_to_the_sections(pdf):
    (title, parts, *_) = pdf.outline
    assert title.title == "Energy and emissions of machine learning, 2026-Q3"
    assert [one.title for one in parts] == ["Contents", "C Activity", "F Instruments", "What this rests on"]


def test_a_long_table_is_cut_and_says_where_all_of_it_is(pdf):
    assert f"{60 - laying_out.ON_PAPER} of 60 rows are left out here; the XLSX and CSV formats" in words(pdf)
    assert "search/ranker-0039" in words(pdf)
    assert "search/ranker-0040" not in words(pdf)
    assert words(pdf).count("1,009,318.425") == 1


def test_a_section_that_is_left_out_says_why(pdf):
    assert "This section is left out: no contractual instruments are held" in words(pdf)


def test_charts_are_tagged_with_their_words(pdf):
    assert [one["/Alt"] for one in tags(pdf, "/Figure")] == ["Logo", made.ranking().words]


def test_tables_and_headings_are_tagged(pdf):
    assert {"/H1", "/H2", "/Table", "/THead", "/TH", "/TD", "/Caption"} <= {
        one.get("/S") for one in elements(pdf.root_object["/StructTreeRoot"]["/K"])
    }


def test_all_fonts_are_in_it(pdf):
    fonts = [font.get_object() for page in pdf.pages for font in page["/Resources"]["/Font"].values()]
    kept = [font["/DescendantFonts"][0].get_object()["/FontDescriptor"] for font in fonts]
    assert {str(font["/BaseFont"]).partition("+")[2] for font in fonts} == {
        "Inter",
        "Inter-Semi-Bold",
        "JetBrains-Mono",
    }
    assert [one for one in kept if "/FontFile2" not in one] == []


def test_text_of_others_is_shown_and_never_obeyed():
    figure = made.datum("bad", made.HOSTILE, made.HOSTILE)
    report = made.quarterly(sections=(made.Section(id="C", title=made.HOSTILE, data=(figure,)),), headline=())
    told = words(pypdf.PdfReader(io.BytesIO(pdf_file.render(report))))
    assert told.count("<script>alert(1)</script>") == 3


def test_a_template_that_cannot_be_laid_out_is_told(tmp_path):
    (tmp_path / "quarterly.html.j2").write_text("<html lang=en><img src='data:image/png;base64,AAAA' alt=x></html>")
    with pytest.raises(ReportError) as refused:
        pdf_file.render(SHORT, tmp_path)
    assert refused.value.problem.startswith("the pages cannot be laid out: Failed to load image at 'data:image/png;")
    assert str(refused.value.where) == str(tmp_path / "quarterly.html.j2")


def with_words(words, name="Meridian"):
    return made.quarterly(
        sections=(made.Section(id="C", title="Activity", statements=(words,)),),
        headline=(),
        company=made.company(name=name),
    )


def test_a_sign_that_no_font_has_is_shown_as_its_escape():
    told = words(pypdf.PdfReader(io.BytesIO(pdf_file.render(with_words("a model called \u0378x")))))
    assert "a model called \\u0378x" in told


def test_a_company_whose_name_no_font_has_is_told_what_to_install():
    with pytest.raises(MissingExtra) as refused:
        pdf_file.render(with_words("words", "\u0378x"))
    assert refused.value.problem == "no font of this machine has `\u0378` (U+0378), which the company's words need"
    assert refused.value.hint.startswith("install one, such as Debian's fonts-noto-core")


def test_what_weasyprint_logs_is_listened_to_no_longer_than_it_writes(data):
    assert [one.level for one in logging.getLogger("weasyprint").handlers if one.level == logging.WARNING] == []


def test_libraries_that_are_missing_are_told_with_what_installs_them(tmp_path):
    (tmp_path / "weasyprint.py").write_text(
        "raise OSError(\"cannot load library 'libpango-1.0-0': error 0x7e\\nmore\")\n"
    )
    paths = f"{tmp_path}:{Path(__file__).resolve().parent.parent}"
    told = subprocess.run(
        [sys.executable, "-c", NO_PANGO],
        env={"PYTHONPATH": paths, "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == (
        "--report pdf: WeasyPrint lacks a library of the system: cannot load library 'libpango-1.0-0': error 0x7e\n"
        "  hint: apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0, or `brew install pango`\n"
    )
