import json

import pytest
from fleet_messages import DEVICE, batch, birth, heartbeat, reported
from hypothesis import given
from hypothesis import strategies as st

from beltmark.contract.messages import Death
from beltmark.contract.topics import up
from beltmark.contract.wire import MAX_MESSAGE_BYTES, encode
from fleet_server.ingest.decoding import decode_said
from fleet_server.storage.telemetry import Malformed

SAID = {
    "birth": birth(),
    "heartbeat": heartbeat(),
    "records": batch([1, 2], gone=[(3, 4)]),
    "reported": reported(),
    "death": Death(device=DEVICE, session=1, reason="stopped"),
}


@pytest.mark.parametrize("what", SAID)
def test_what_is_said_is_understood(what):
    assert decode_said(up(DEVICE, what), encode(SAID[what])) == SAID[what]


@pytest.mark.parametrize(
    "topic",
    [
        "beltmark/belt-1/down/desired",
        "beltmark/server/online",
        "beltmark/belt-1/up/opinion",
        "beltmark/-/up/birth",
        "beltmark/<b>/up/birth",
        f"beltmark/{'x' * 65}/up/birth",
        "beltmark/belt-1/up/birth/again",
        "",
    ],
)
def test_a_topic_of_no_device_is_none(topic):
    assert decode_said(topic, encode(birth())) is None


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (b"", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[]", "not a JSON object"),
        (b"{}", "device: Field required"),
        (b" " * (MAX_MESSAGE_BYTES + 1), "262145 bytes, more than 262144"),
        (b"[" * 10_000, "not valid JSON"),
        (b'{"a":' * 400 + b"1" + b"}" * 400, "nested too deep"),
        (encode(birth(device="belt-2")), "it speaks for belt-2"),
        (encode(birth()).replace(b'"stream-1"', b'"../../etc"'), "stream: String should match"),
        (encode(birth()).replace(b'"session":1', b'"session":99999999999999999999'), "session"),
        (encode(birth()).replace(b'"at":10000.0', b'"at":NaN'), "at: Input should be a finite"),
        (encode(birth(camera="x")).replace(b'"x"', rb'"\u0000"'), "NUL"),
        (encode(birth(camera="x")).replace(b'"x"', rb'"\ud800"'), "half a character"),
        (encode(birth()).replace(b'"version":2', b'"version":9'), "contract version 9"),
    ],
)
def test_what_cannot_be_used_counts_against_the_topics_device(payload, told):
    refused = decode_said(up(DEVICE, "birth"), payload)
    assert isinstance(refused, Malformed)
    assert refused.device == DEVICE
    assert refused.reason.startswith("birth: ")
    assert told in refused.reason
    assert len(refused.reason) < 300


@given(
    st.sampled_from([*SAID]),
    st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=20,
        ).map(lambda value: json.dumps(value).encode()),
    ),
)
def test_nothing_that_comes_raises(what, payload):
    assert decode_said(up(DEVICE, what), payload) is not None
