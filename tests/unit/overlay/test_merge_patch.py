import msgspec
from hypothesis import given
from hypothesis import strategies as st

from overlay.merge_patch import apply, diff

scalars = st.one_of(st.integers(-5, 5), st.text("ab", max_size=2), st.booleans(), st.floats(0, 2))
names = st.text("abc", min_size=1, max_size=1)
documents = st.dictionaries(
    names,
    st.recursive(scalars, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner))),
)


def as_json(document: object) -> bytes:
    """Python says True == 1; the JSON does not."""
    return msgspec.json.encode(document, order="sorted")


@given(documents, documents)
def test_the_difference_of_two_documents_leads_from_one_to_the_other(old, new):
    assert as_json(apply(diff(old, new), old)) == as_json(new)


@given(documents, documents)
def test_patching_changes_neither_argument(old, new):
    patch = diff(old, new)
    before = as_json(old), as_json(patch)
    apply(patch, old)
    assert (as_json(old), as_json(patch)) == before


@given(documents)
def test_equal_documents_differ_by_nothing(document):
    assert diff(document, document) == {}


def test_the_examples_of_the_standard_come_out_as_it_says():
    # RFC 7396, appendix A, those whose target is an object.
    table = [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ]
    for target, patch, result in table:
        assert apply(patch, target) == result
