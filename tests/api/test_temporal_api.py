"""The past over HTTP: instances, values over time, aggregates, pages of time, and writes of the past."""

import random

import pytest

ID = "urn:x:station"
DAY = "2026-01-01T"


def at(hour, value, **members):
    return {"type": "Property", "value": value, "observedAt": f"{DAY}{hour:02}:00:00Z", **members}


@pytest.fixture
async def station(city):
    document = {"id": ID, "type": "Station", "heat": [at(hour, 20 + hour) for hour in range(6)], "mass": [at(2, 7)]}
    answer = await city.post("temporal/entities", json=document)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/ngsi-ld/v1/temporal/entities/{ID}"


async def hours(city, query=""):
    answer = await city.get(f"temporal/entities/{ID}?attrs=heat{query}")
    assert answer.status_code in (200, 206), answer.text
    return [int(instance["observedAt"][11:13]) for instance in answer.json().get("heat", [])]


async def test_the_newest_instance_is_the_state_too(city, station):
    assert (await city.get(f"entities/{ID}")).json()["heat"] == at(5, 25)


async def test_all_instances_come_back_in_order_of_time(city, station):
    answer = await city.get(f"temporal/entities/{ID}")
    assert [instance["value"] for instance in answer.json()["heat"]] == list(range(20, 26))
    assert all("instanceId" in instance for instance in answer.json()["heat"])


async def test_windows_are_before_after_and_between(city, station):
    assert await hours(city, f"&timerel=before&timeAt={DAY}02:00:00Z") == [0, 1]
    assert await hours(city, f"&timerel=after&timeAt={DAY}02:00:00Z") == [2, 3, 4, 5]
    assert await hours(city, f"&timerel=between&timeAt={DAY}02:00:00Z&endTimeAt={DAY}04:00:00Z") == [2, 3]
    assert await hours(city, f"&timerel=after&timeAt={DAY}09:00:00%2B07:00") == [2, 3, 4, 5]
    assert await hours(city, "&lastN=2") == [5, 4]


async def test_values_over_time_and_aggregates(city, station):
    answer = await city.get(f"temporal/entities/{ID}?attrs=heat&options=temporalValues&lastN=2")
    assert answer.json()["heat"]["values"] == [[25, f"{DAY}05:00:00Z"], [24, f"{DAY}04:00:00Z"]]
    window = f"timerel=between&timeAt={DAY}00:00:00Z&endTimeAt={DAY}06:00:00Z"
    query = f"attrs=heat&format=aggregatedValues&aggrMethods=avg,totalCount&aggrPeriodDuration=PT3H&{window}"
    heat = (await city.get(f"temporal/entities/{ID}?{query}")).json()["heat"]
    assert heat["type"] == "Property"
    assert [mean for mean, _, _ in heat["avg"]] == [21, 24]
    assert heat["totalCount"][0] == [3, f"{DAY}00:00:00Z", f"{DAY}03:00:00Z"]


async def test_an_evolution_is_extended_and_repeats_change_nothing(city, station):
    answer = await city.post(f"temporal/entities/{ID}/attrs", json={"heat": [at(7, 27), at(0, 20)]})
    assert answer.status_code == 204, answer.text
    assert await hours(city) == [0, 1, 2, 3, 4, 5, 7]
    again = {"id": ID, "type": "Station", "heat": [at(3, 23)]}
    assert (await city.post("temporal/entities", json=again)).status_code == 204
    assert await hours(city) == [0, 1, 2, 3, 4, 5, 7]
    assert (await city.post("temporal/entities/urn:x:none/attrs", json={"heat": [at(0, 1)]})).status_code == 404


async def test_writes_of_the_state_feed_the_past(city, station):
    await city.patch(f"entities/{ID}/attrs/heat", json={"value": 30, "observedAt": f"{DAY}12:00:00Z"})
    assert await hours(city) == [0, 1, 2, 3, 4, 5, 12]


async def test_a_query_gives_the_entities_that_have_something_in_the_window(city, station):
    await city.post("temporal/entities", json={"id": "urn:x:other", "type": "Station", "mass": [at(0, 1)]})
    answer = await city.get(f"temporal/entities?type=Station&timerel=after&timeAt={DAY}04:00:00Z&count=true")
    assert [entity["id"] for entity in answer.json()] == [ID]
    query = {
        "type": "Query",
        "entities": [{"type": "Station"}],
        "temporalQ": {"timerel": "between", "timeAt": f"{DAY}00:00:00Z", "endTimeAt": f"{DAY}01:00:00Z"},
    }
    answer = await city.post("temporal/entityOperations/query", json=query)
    assert [entity["id"] for entity in answer.json()] == [ID, "urn:x:other"]
    query["aggrParams"] = {"aggrMethods": ["sum"], "aggrPeriodDuration": "PT1H"}
    answer = await city.post("temporal/entityOperations/query", json=query)
    assert answer.json()[1]["mass"]["sum"] == [[1, f"{DAY}00:00:00Z", f"{DAY}01:00:00Z"]]


async def test_a_long_past_is_cut_in_time_and_says_so(city):
    minutes = [{"type": "Property", "value": n, "observedAt": f"{DAY}{n // 60:02}:{n % 60:02}:00Z"} for n in range(120)]
    await city.post("temporal/entities", json={"id": ID, "type": "Station", "a": minutes[:60], "b": minutes[60:]})
    answer = await city.get(f"temporal/entities/{ID}")
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"date-time {DAY}00:00:00Z-{DAY}00:49:00Z/*"
    assert len(answer.json()["a"]) == 50
    assert answer.json()["b"] == []
    values = (await city.get(f"temporal/entities/{ID}?options=temporalValues")).json()["b"]
    assert values == {"type": "Property", "values": []}
    answer = await city.get(f"temporal/entities/{ID}?timerel=after&timeAt={DAY}00:49:00Z")
    assert answer.headers["content-range"] == f"date-time {DAY}00:49:00Z-{DAY}01:38:00Z/*"
    answer = await city.get(f"temporal/entities/{ID}?lastN=60")
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"date-time {DAY}01:59:00Z-{DAY}01:10:00Z/60"
    assert answer.json()["a"] == []
    assert (await city.get(f"temporal/entities/{ID}?attrs=a&lastN=50")).status_code == 200


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (f"temporal/entities/{ID}?timerel=during&timeAt={DAY}00:00:00Z", "timerel=during"),
        (f"temporal/entities/{ID}?timerel=after", "needs timeAt"),
        (f"temporal/entities/{ID}?timerel=after&timeAt=2026-01-01", "timeAt"),
        (f"temporal/entities/{ID}?timerel=between&timeAt={DAY}00:00:00Z", "needs endTimeAt"),
        (f"temporal/entities/{ID}?timerel=between&timeAt={DAY}02:00:00Z&endTimeAt={DAY}00:00:00Z", "before timeAt"),
        (f"temporal/entities/{ID}?timeAt={DAY}00:00:00Z", "without timerel"),
        (f"temporal/entities/{ID}?timeproperty=temperature", "timeproperty"),
        (f"temporal/entities/{ID}?lastN=0", "lastN"),
        (f"temporal/entities/{ID}?format=aggregatedValues", "aggrMethods"),
        (f"temporal/entities/{ID}?format=aggregatedValues&aggrMethods=median", "median"),
        (
            f"temporal/entities/{ID}?format=aggregatedValues&aggrMethods=avg&aggrPeriodDuration=hour",
            "aggrPeriodDuration",
        ),
        ("temporal/entities?type=Station", "timerel"),
        ("temporal/entities/station", "no URI"),
        (f"temporal/entities?type=Station&timerel=after&timeAt={DAY}00:00:00Z&orderBy=heat", "orderBy"),
        (f"temporal/entities?timerel=after&timeAt={DAY}00:00:00Z", "type"),
    ],
)
async def test_bad_temporal_queries_are_refused_precisely(city, station, path, words):
    answer = await city.get(path)
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["detail"]


async def test_a_past_of_which_nothing_is_left_is_not_found(city, station):
    for query in ("attrs=none", "pick=none", "omit=id,type,heat,mass"):
        assert (await city.get(f"temporal/entities/{ID}?{query}")).status_code == 404


async def test_an_unknown_past_is_not_found(city):
    assert (await city.get("temporal/entities/urn:x:none")).status_code == 404
    assert (await city.delete("temporal/entities/urn:x:none")).status_code == 404


async def instances(city, query=""):
    return (await city.get(f"temporal/entities/{ID}?attrs=heat{query}")).json().get("heat", [])


async def test_instances_are_modified_and_deleted_by_their_ids(city, station):
    before = await instances(city)
    path = f"temporal/entities/{ID}/attrs/heat/{before[2]['instanceId']}"
    answer = await city.patch(path, json={"value": 99, "observedAt": f"{DAY}02:30:00Z"})
    assert answer.status_code == 204, answer.text
    changed = (await instances(city))[2]
    assert changed == {**before[2], "value": 99, "observedAt": f"{DAY}02:30:00Z"}
    assert (await city.delete(path)).status_code == 204
    assert await instances(city) == before[:2] + before[3:]
    assert (await city.delete(path)).status_code == 404
    assert (await city.patch(path, json={"value": 1})).status_code == 404


async def test_an_attribute_of_the_past_is_deleted(city, station):
    path = f"temporal/entities/{ID}/attrs/heat"
    assert (await city.delete(f"{path}?datasetId=urn:x:d")).status_code == 404
    assert (await city.delete(f"{path}?datasetId=urn:x:d&deleteAll=true")).status_code == 400
    assert (await city.delete(path)).status_code == 204
    assert "heat" not in (await city.get(f"temporal/entities/{ID}")).json()
    assert "heat" not in (await city.get(f"entities/{ID}")).json()
    assert (await city.delete(f"{path}?deleteAll=true")).status_code == 404


async def test_an_evolution_that_is_deleted_is_gone_and_can_begin_anew(city, station):
    assert (await city.delete(f"temporal/entities/{ID}")).status_code == 204
    assert (await city.get(f"temporal/entities/{ID}")).status_code == 404
    assert (await city.get(f"entities/{ID}")).status_code == 404
    again = {"id": ID, "type": "Station", "heat": [at(9, 29)]}
    assert (await city.post("temporal/entities", json=again)).status_code == 201
    assert await hours(city) == [9]


@pytest.mark.parametrize("instance", ["none", "a%20b"])
async def test_an_instance_id_that_is_no_uri_is_refused(city, station, instance):
    assert (await city.delete(f"temporal/entities/{ID}/attrs/heat/{instance}")).status_code == 400


async def test_an_entity_that_was_deleted_is_found_by_its_past(city, station):
    await city.delete(f"entities/{ID}")
    answer = await city.get(f"temporal/entities?type=Station&timerel=after&timeAt={DAY}04:00:00Z&options=sysAttrs")
    (entity,) = answer.json()
    assert [each["value"] for each in entity["heat"]] == [24, 25]
    assert "deletedAt" in entity


async def test_a_deleted_entity_is_found_by_its_deletion(city, station):
    query = "temporal/entities?type=Station&timeproperty=deletedAt&timerel"
    assert (await city.get(f"{query}=after&timeAt={DAY}00:00:00Z")).json() == []
    await city.delete(f"entities/{ID}")
    (entity,) = (await city.get(f"{query}=after&timeAt={DAY}00:00:00Z")).json()
    assert entity.keys() == {"id", "type", "deletedAt"}
    assert (await city.get(f"{query}=before&timeAt={DAY}00:00:00Z")).json() == []


async def test_a_query_counts_only_instances_in_the_window(city, station):
    window = f"timerel=between&timeAt={DAY}00:00:00Z&endTimeAt={DAY}02:00:00Z"

    async def found(query):
        answer = await city.get(f"temporal/entities?type=Station&{query}&{window}&count=true")
        assert answer.status_code == 200, answer.text
        assert answer.headers["ngsild-results-count"] == str(len(answer.json()))
        return len(answer.json())

    assert await found("q=heat>20") == 1
    assert await found("q=heat>21") == 0
    assert await found("q=mass>1") == 0
    assert await found("attrs=mass") == 0
    assert await found("datasetId=urn:x:d") == 0
    assert (await city.get(f"temporal/entities?type=Station&q=a{{b}}==1&{window}")).status_code == 400


async def test_the_scope_has_a_history_of_its_own(city):
    await city.post("entities", json={"id": ID, "type": "Station", "scope": "/North", "heat": at(1, 1)})
    await city.patch(f"entities/{ID}/attrs", json={"scope": ["/South", "/Harbour"]})
    scope = (await city.get(f"temporal/entities/{ID}?options=sysAttrs")).json()["scope"]
    assert [each["value"] for each in scope] == ["/North", ["/South", "/Harbour"]]
    assert all(each["observedAt"] == each["modifiedAt"] for each in scope)
    assert scope[0].keys() == {"type", "value", "observedAt", "createdAt", "modifiedAt"}
    await city.delete(f"entities/{ID}/attrs/scope")
    gone = (await city.get(f"temporal/entities/{ID}?timeproperty=deletedAt")).json()["scope"]
    assert [(each["value"], "deletedAt" in each) for each in gone] == [([], True)]
    values = (await city.get(f"temporal/entities/{ID}?options=temporalValues&pick=scope")).json()
    assert [value for value, _ in values["scope"]["values"]] == ["/North", ["/South", "/Harbour"], []]
    assert "scope" not in (await city.get(f"temporal/entities/{ID}?attrs=heat")).json()


async def test_aggregates_come_in_parts_too(city):
    minutes = [{"type": "Property", "value": n, "observedAt": f"{DAY}{n // 60:02}:{n % 60:02}:00Z"} for n in range(120)]
    await city.post("temporal/entities", json={"id": ID, "type": "Station", "heat": minutes})
    query = "format=aggregatedValues&aggrMethods=avg&aggrPeriodDuration=PT1M"
    answer = await city.get(f"temporal/entities/{ID}?{query}")
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"date-time {DAY}00:00:00Z-{DAY}00:50:00Z/*"
    assert [value for value, _, _ in answer.json()["heat"]["avg"]] == list(range(50))
    answer = await city.get(f"temporal/entities/{ID}?{query}&timerel=after&timeAt={DAY}00:50:00Z")
    assert answer.json()["heat"]["avg"][0] == [50, f"{DAY}00:50:00Z", f"{DAY}00:51:00Z"]
    answer = await city.get(f"temporal/entities/{ID}?{query}&lastN=3")
    assert answer.status_code == 200
    assert [value for value, _, _ in answer.json()["heat"]["avg"]] == [119, 118, 117]


async def test_last_instances_are_the_last_by_the_time_property(city, station):
    await city.post(f"temporal/entities/{ID}/attrs", json={"heat": [at(0, 20.5)]})
    await city.post(f"temporal/entities/{ID}/attrs", json={"heat": [at(3, 23.5)]})
    for by, expected in (("observedAt", [25, 24, 23.5]), ("modifiedAt", [23.5, 20.5, 25])):
        values = [each["value"] for each in await instances(city, f"&timeproperty={by}&lastN=3")]
        assert values[:2] == expected[:2], by


@pytest.mark.parametrize("accept", ["application/json", "application/ld+json"])
@pytest.mark.parametrize("last", [1, 4, 50])
async def test_the_quick_way_of_one_attribute_answers_as_the_general_way(city, station, accept, last):
    headers = {"accept": accept}
    quick = await city.get(f"temporal/entities/{ID}?attrs=heat&lastN={last}", headers=headers)
    general = await city.get(f"temporal/entities/{ID}?attrs=heat&lastN={last}&options=normalized", headers=headers)
    assert quick.content == general.content
    assert quick.headers == general.headers
    assert len(quick.json()["heat"]) == min(last, 6)


@pytest.mark.parametrize("seed", range(3))
async def test_a_long_past_is_read_whole_in_parts(city, seed):
    dice = random.Random(seed)
    told = {
        name: {dice.randrange(600): dice.random() for _ in range(count)}
        for name, count in (("a", 120), ("b", 40), ("c", 1))
    }
    document = {"id": ID, "type": "Station"}
    for name, by_minute in told.items():
        document[name] = [
            {"type": "Property", "value": value, "observedAt": f"{DAY}{minute // 60:02}:{minute % 60:02}:00Z"}
            for minute, value in by_minute.items()
        ]
    await city.post("temporal/entities", json=document)
    found = {name: {} for name in told}
    start, parts = f"{DAY}00:00:00Z", 0
    while start is not None:
        answer = await city.get(f"temporal/entities/{ID}?timerel=after&timeAt={start}&options=temporalValues")
        parts += 1
        for name in told:
            found[name].update({time: value for value, time in answer.json().get(name, {"values": []})["values"]})
        span = answer.headers.get("content-range")
        assert (span is not None) == (answer.status_code == 206)
        start = None if span is None else span.removesuffix("/*").split("Z-")[1]
    assert parts > 2
    for name, by_minute in told.items():
        assert sorted(found[name].values()) == sorted(by_minute.values())
