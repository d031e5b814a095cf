"""A write is split so that every attribute has its place, and none has two where one source stands for it."""

from hypothesis import given
from hypothesis import strategies as st

from dothi.broker.federation.plan import plan
from dothi.model.registration import Coverage, Information, Part, Registration

DO = frozenset({"updateEntity"})
names = st.frozensets(st.sampled_from(["a:1", "a:2", "a:3", "a:4"]))


@st.composite
def coverages(draw):
    found = []
    for number in range(draw(st.integers(0, 4))):
        mode = draw(st.sampled_from(["inclusive", "exclusive", "redirect", "auxiliary"]))
        operations = DO if draw(st.booleans()) else frozenset({"queryEntity"})
        own = draw(names.filter(bool)) if mode == "exclusive" else draw(st.none() | names.filter(bool))
        registration = Registration(f"urn:r:{number}", (Information(),), "http://x", mode, operations)
        found.append(Coverage(registration, (Part(("urn:x:1",), None, (), own),), (0,)))
    return found


@given(coverages(), names.filter(bool))
def test_each_attribute_is_written_somewhere_and_proxied_ones_nowhere_else(found, attributes):
    split = plan(found, DO, attributes)
    proxied = [share for share in split.shares if share.registration.mode in ("exclusive", "redirect")]
    copies = [share for share in split.shares if share.registration.mode == "inclusive"]
    taken = frozenset().union(*(share.attributes for share in proxied))
    left = split.attributes if split.here else frozenset()
    assert taken | left == attributes
    assert not taken & left
    assert all(share.attributes <= left for share in copies)
    exclusive = frozenset().union(*(s.attributes for s in proxied if s.registration.mode == "exclusive"))
    redirect = frozenset().union(*(s.attributes for s in proxied if s.registration.mode == "redirect"))
    assert not exclusive & redirect
    assert all(share.registration.mode != "auxiliary" for share in split.shares)


@given(coverages(), names.filter(bool))
def test_only_supported_shares_are_called_and_refused_ones_are_nobody_elses(found, attributes):
    split = plan(found, DO, attributes)
    for share in split.shares:
        assert share.supported == (not DO.isdisjoint(share.registration.operations))
    for mode in ("exclusive", "redirect"):
        done = [s for s in split.shares if s.registration.mode == mode and s.supported]
        refused = [s for s in split.shares if s.registration.mode == mode and not s.supported]
        for share in refused:
            assert all(share.attributes.isdisjoint(other.attributes) for other in done)


@given(coverages())
def test_a_write_of_everything_always_reaches_this_broker_unless_all_is_redirected(found):
    split = plan(found, DO, None)
    whole = any(c.registration.mode == "redirect" and c.attributes is None for c in found)
    assert split.here is not whole
