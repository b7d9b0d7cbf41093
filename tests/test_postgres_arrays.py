"""Lists written as PostgreSQL's arrays in binary: what a server reads is what was given."""

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greengate.ledger.postgres_arrays import Byteas, Integers, Texts


@pytest.fixture(scope="module")
def server(postgres):
    with psycopg.connect(postgres.schema(), autocommit=True) as connection:
        yield connection


@settings(max_examples=60)
@given(
    st.lists(st.binary(max_size=300)),
    st.lists(st.integers(-(2**31), 2**31 - 1)),
    st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)),
)
def test_a_server_reads_what_was_given(server, binary, numbers, texts):
    given_ = (Byteas(binary), Integers(numbers), Texts(texts))
    told = server.execute("SELECT %b, %b, %b, pg_typeof(%b)::text", (*given_, given_[0])).fetchone()
    assert told == (binary, numbers, texts, "bytea[]")
    first = server.execute("SELECT array_lower(%b, 1), array_lower(%b, 1)", (given_[0], given_[2])).fetchone()
    assert first == (1 if binary else None, 1 if texts else None)


@pytest.mark.parametrize(("values", "kind"), [(Byteas(), "bytea[]"), (Integers(), "integer[]"), (Texts(), "text[]")])
def test_an_empty_one_has_its_type(server, values, kind):
    assert server.execute("SELECT pg_typeof(%b)::text, cardinality(%b)", (values, values)).fetchone() == (kind, 0)
