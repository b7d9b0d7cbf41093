"""The scanner of ONNX files: what it leaves out, what it leaves as it was, and what it refuses."""

import random

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from onnx import AttributeProto, ModelProto, TensorProto, helper

from greengate.models import onnx_file, onnx_scan
from greengate.models.onnx_scan import KEPT_BYTES, Malformed, TooMuch, stripped

LARGE, SMALL = KEPT_BYTES + 8, 16
PAYLOADS = ("raw_data", "float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data")


def tensor(name, size, field="raw_data"):
    found = TensorProto(name=name, data_type=1, dims=[size // 4, 1], doc_string="kept")
    contents = {"raw_data": b"\1" * size, "string_data": [b"\1" * size]}
    numbers = [1.5 if field in ("float_data", "double_data") else 2**31 - 9] * (size // 4)
    value = contents.get(field, numbers)
    setattr(found, field, value) if field == "raw_data" else getattr(found, field).extend(value)
    return found


def graph(name, tensors=(), nodes=()):
    return helper.make_graph(list(nodes), name, [], [], list(tensors))


def constant(name, value):
    return helper.make_node("Constant", [], [name], value=value)


def branch(name, *tensors):
    sides = {side: graph(side, [], [constant(f"{side}{at}", one) for at, one in enumerate(tensors)]) for side in "ab"}
    return helper.make_node("If", ["c"], [name], then_branch=sides["a"], else_branch=sides["b"])


def everywhere(size):
    """A model that holds a tensor of so many bytes wherever one can be held."""
    one = tensor("one", size)
    sparse = helper.make_sparse_tensor(tensor("values", size), tensor("indices", size), [9, 9])
    listed = helper.make_node("Custom", [], ["l"], many=[one, one], thin=sparse, thins=[sparse])
    function = helper.make_function("f", "fn", [], ["y"], [constant("y", one), branch("z", one)], [])
    function.attribute_proto.append(helper.make_attribute("default", one))
    model = helper.make_model(graph("g", [one], [constant("k", one), branch("b", one), listed]), functions=[function])
    model.graph.sparse_initializer.append(sparse)
    model.training_info.add().algorithm.CopyFrom(graph("t", [one]))
    return model


def emptied(model):
    """The same by protobuf's own means."""
    copy, waiting = ModelProto(), []
    copy.CopyFrom(model)
    waiting = [copy]
    while waiting:
        message = waiting.pop()
        if isinstance(message, TensorProto):
            contents = TensorProto()
            contents.CopyFrom(message)
            contents.DiscardUnknownFields()
            for field, _ in message.ListFields():
                if field.name not in PAYLOADS:
                    contents.ClearField(field.name)
            if contents.ByteSize() > KEPT_BYTES:
                for payload in PAYLOADS:
                    message.ClearField(payload)
            continue
        for field, value in message.ListFields():
            if field.message_type is not None:
                waiting.extend([value] if hasattr(value, "ListFields") else value)
    return copy


def scanned(model):
    found = ModelProto()
    found.ParseFromString(stripped(memoryview(model.SerializeToString())))
    return found


def test_contents_go_wherever_a_tensor_stands_and_nothing_else_does():
    model = everywhere(LARGE)
    found = scanned(model)
    assert found == emptied(model)
    assert found.ByteSize() < 10 * KEPT_BYTES < model.ByteSize()


def test_what_is_small_stays_as_it_is():
    model = everywhere(SMALL)
    assert stripped(memoryview(model.SerializeToString())) == model.SerializeToString()


@pytest.mark.parametrize("field", PAYLOADS)
def test_contents_go_whatever_their_type(field):
    (found,) = scanned(helper.make_model(graph("g", [tensor("one", LARGE, field)]))).graph.initializer
    assert (found.name, list(found.dims), found.doc_string) == ("one", [LARGE // 4, 1], "kept")
    assert not any(getattr(found, payload) for payload in PAYLOADS)


def test_a_tensor_that_is_large_by_its_words_keeps_its_contents():
    wordy = tensor("one", SMALL)
    wordy.doc_string = "x" * LARGE
    (found,) = scanned(helper.make_model(graph("g", [wordy]))).graph.initializer
    assert found == wordy


def test_contents_in_many_small_pieces_go_as_a_whole():
    piece = TensorProto(raw_data=b"\1" * 100).SerializeToString()
    whole = TensorProto(name="one", dims=[25]).SerializeToString() + piece * 100
    written = b"\x2a" + onnx_scan._varint(len(whole)) + whole
    model = b"\x3a" + onnx_scan._varint(len(written)) + written
    found = ModelProto.FromString(stripped(memoryview(model)))
    assert (found.graph.initializer[0].name, found.graph.initializer[0].raw_data) == ("one", b"")


def test_a_graph_in_two_pieces_is_one_graph():
    parts = [helper.make_model(graph("g", [tensor(name, LARGE)])).SerializeToString() for name in "ab"]
    found = ModelProto.FromString(stripped(memoryview(b"".join(parts))))
    assert [(one.name, one.raw_data) for one in found.graph.initializer] == [("a", b""), ("b", b"")]


def both(data):
    """What the scanner leaves, read by protobuf, beside what protobuf reads of the whole; None where one refuses."""
    try:
        ours = ModelProto.FromString(stripped(memoryview(data)))
    except (Malformed, DecodeError):
        ours = None
    try:
        whole = emptied(ModelProto.FromString(data))
    except DecodeError:
        whole = None
    return ours, whole


@given(st.integers(0, 10**6))
def test_a_file_that_was_cut_anywhere_is_what_protobuf_takes_it_for(seed):
    whole = everywhere(LARGE).SerializeToString()
    ours, theirs = both(whole[: random.Random(seed).randrange(len(whole))])
    assert ours == theirs


@given(st.binary(max_size=64), st.integers(0, 2000), st.integers(1, 2**70))
def test_bytes_from_anywhere_end_in_words_or_in_a_model_without_large_contents(noise, at, size):
    whole = bytearray(everywhere(LARGE).SerializeToString())
    whole[at:at] = noise + b"\x3a" + onnx_scan._varint(size)[:12]
    ours, theirs = both(bytes(whole))
    if theirs is None:  # what is wrong inside a content that is left out cannot be seen
        assert ours is None or ours.ByteSize() < len(whole)
    else:
        assert ours is None or ours == theirs


def field(number, content):
    return onnx_scan._varint(number << 3 | 2) + onnx_scan._varint(len(content)) + content


def fields(parts):
    return b"".join(field(number, content) for number, content in parts)


LEAVES = st.sampled_from([b"", b"\x08\x04", b"\x10\x01", b"x" * SMALL, b"\x01" * LARGE])


@given(st.recursive(LEAVES, lambda inner: st.lists(st.tuples(st.integers(1, 26), inner), max_size=5).map(fields)))
def test_fields_in_any_order_and_place_are_what_protobuf_takes_them_for(content):
    ours, theirs = both(everywhere(SMALL).SerializeToString() + content)
    assert theirs is None or ours == theirs


def deep(times):
    """Graphs in one another, each with a node, an attribute and the next graph in it."""
    content = field(10, b"x" * LARGE)
    for _ in range(times):
        content = field(1, field(5, field(6, content)))
    return field(7, content)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x3a\xff\xff\xff\xff\x0f\x00", "the field at byte 0 ends at byte 4,294,967,301, and its message at byte 7"),
        (b"\x3a" + b"\xff" * 12, "the number at byte 1 does not end"),
        (b"\x08", "the number at byte 1 does not end"),
        (b"\x02\x00", "at byte 0 there is no field of a protobuf message"),
        (b"\x0b\x0c", "at byte 0 there is a kind of field that ONNX files never hold"),
        (b"\x0d\x00", "the field at byte 0 ends at byte 5, and its message at byte 2"),
        (deep(400), "messages are nested more than 100 deep"),
    ],
    ids=["too long", "too large a number", "no number", "field 0", "a group", "cut short", "deep"],
)
def test_what_is_no_protobuf_is_refused_with_its_place(data, words):
    with pytest.raises(Malformed) as refused:
        stripped(memoryview(data))
    assert str(refused.value) == words


def test_more_fields_than_any_graph_has_are_refused(monkeypatch):
    monkeypatch.setattr(onnx_scan, "MOST_FIELDS", 1000)
    with pytest.raises(Malformed, match="it holds more than 1,000 fields"):
        stripped(memoryview(field(7, b"\x08\x01" * 5000)))


def test_more_operators_than_are_counted_are_refused_wherever_they_stand(monkeypatch):
    monkeypatch.setattr(onnx_scan, "MOST_NODES", 9)
    inner = field(1, b"x" * LARGE) * 5
    nested = field(7, field(1, field(5, field(6, inner))) * 2)
    with pytest.raises(TooMuch, match="it has more than 9 operators, the most that are counted"):
        stripped(memoryview(nested))
    assert stripped(memoryview(field(7, inner)))


def test_the_numbers_of_a_forest_are_no_fields(monkeypatch):
    """ONNX writes each number of an attribute as a field of its own, and a forest has millions."""
    numbers = {
        "ints": [0, 1, -1, 2**40, 127, 128] * 3000,
        "floats": [0.5, -3.0e30] * 3000,
        "strings": [b"BRANCH_LEQ"] * 90,
    }
    nodes = [helper.make_node("Forest", ["x"], ["y"], **numbers, big=tensor("one", LARGE))]
    model = helper.make_model(graph("g", [], nodes))
    monkeypatch.setattr(onnx_scan, "MOST_FIELDS", 1000)
    assert scanned(model) == emptied(model)


def test_more_graph_than_any_model_has_is_refused(monkeypatch):
    monkeypatch.setattr(onnx_scan, "MOST_BYTES", 1000)
    with pytest.raises(Malformed, match="its graph has more than 1,000 bytes without any weights"):
        stripped(memoryview(helper.make_model(graph("g" * 2000)).SerializeToString()))


def test_a_file_of_more_than_two_gigabytes_is_read_without_its_weights(tmp_path):
    size = 3 * 2**30
    weight = (
        TensorProto(name="w", data_type=1, dims=[size // 4]).SerializeToString() + b"\x4a" + onnx_scan._varint(size)
    )
    head = b"\x2a" + onnx_scan._varint(len(weight) + size) + weight
    model = helper.make_model(graph("g", [], [helper.make_node("Identity", ["w"], ["y"])]))
    model.graph.output.add(name="y")
    start = model.SerializeToString() + b"\x3a" + onnx_scan._varint(len(head) + size) + head
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.write(start)
        file.truncate(len(start) + size)
    (found,) = onnx_file.graph_of(path).graph.initializer
    assert (found.name, list(found.dims), found.raw_data) == ("w", [size // 4], b"")


def test_an_attribute_of_numbers_is_kept_whatever_its_length():
    node = helper.make_node("Trees", [], ["y"], values=[1.5] * LARGE)
    (found,) = scanned(helper.make_model(graph("g", [], [node]))).graph.node
    assert found.attribute[0].type == AttributeProto.FLOATS
    assert len(found.attribute[0].floats) == LARGE
