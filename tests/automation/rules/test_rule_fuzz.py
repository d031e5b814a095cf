"""Whatever comes as a rule is refused with faults or can run; nothing else is raised."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dothi.automation.rules.checks import Known, check
from dothi.automation.rules.program import build
from dothi.automation.rules.reading import BadRule, read_rule, read_toml, toml_of

KNOWN = Known({"Gauge": frozenset({"level"})}, frozenset({"ca-truc"}), frozenset({"flood"}), lambda place: False)

words = st.sampled_from(
    ["threshold", "rate", "window", "silent", "geofence", "during", "all", "any", "not", "related", "area", "level",
     "Gauge", "10m", "P1D", "99999d", "mean", "06:00-07:00", "25:00-26:00", "inside", "", "đ", "2026-01-01T00:00:00Z"]
)  # fmt: skip
scalars = st.one_of(words, st.none(), st.booleans(), st.integers(-5, 2**70), st.floats())
members = st.sampled_from(
    ["kind", "attribute", "above", "below", "hysteresis", "equals", "over", "per", "method", "points", "after", "side",
     "area", "area_of",
     "center", "radius", "hours", "days", "months", "of", "when", "via", "types", "quantity", "share"]
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(members, inner, max_size=5)),
    max_leaves=8,
)
conditions = st.recursive(
    st.one_of(
        st.fixed_dictionaries(
            {"kind": st.just("threshold"), "attribute": words},
            optional={
                "above": scalars,
                "below": scalars,
                "hysteresis": scalars,
                "equals": st.lists(scalars, max_size=2),
            },
        ),
        st.fixed_dictionaries({"kind": st.just("silent"), "after": words}),
        st.fixed_dictionaries({"kind": st.just("during"), "hours": st.lists(words, max_size=2)}),
        st.fixed_dictionaries(
            {"kind": st.just("window"), "attribute": words, "method": words, "over": words},
            optional={"above": scalars, "points": scalars},
        ),
        st.fixed_dictionaries(
            {"kind": st.just("geofence"), "side": words},
            optional={"center": values, "radius": scalars, "area": values, "area_of": words},
        ),
        values,
    ),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"kind": st.sampled_from(["all", "any"]), "of": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries({"kind": st.sampled_from(["not", "area"]), "when": inner}, optional={"share": scalars}),
    ),
    max_leaves=5,
)
rules = st.fixed_dictionaries(
    {"id": st.just("r"), "title": st.just({"vi": "a", "en": "b"}), "severity": st.just("minor"),
     "types": st.just(["Gauge"]), "when": conditions},
    optional={"delay_on": words, "most_per_minute": scalars, "active": values, "then": values, "maintenance": values},
)  # fmt: skip


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(rules, values))
def test_a_rule_is_refused_with_faults_or_can_be_kept_and_run(document):
    try:
        rule = read_rule(document)
    except BadRule:
        return
    faults = check(rule, KNOWN)
    if not any(fault.level == "error" for fault in faults):
        build(rule, lambda name: (name,), lambda place: None)
        assert read_rule(read_toml(toml_of(rule))[0]) == rule
