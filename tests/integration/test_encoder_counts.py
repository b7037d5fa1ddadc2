"""Counts over real connections: a broker's topic, a relay's counter; each goes away and returns."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

from mqtt_brokers import RealBroker, mosquitto
from paho.mqtt import publish
from waiting import until

from edge_agent.signals.encoder_input import EncoderInput, open_encoder
from edge_agent.station.geometry import StationGeometry
from edge_agent.station.section import BeltSection

__all__ = ["mosquitto"]
BELT = StationGeometry((0, 0, 480, 320))


@contextmanager
def listening(address: str) -> Iterator[tuple[EncoderInput, "Told"]]:
    told = Told()
    encoder = open_encoder(
        BeltSection(encoder=address, encoder_px_per_count=2.0), BELT, clock=lambda: told.now
    )
    assert encoder is not None
    encoder.start()
    try:
        yield encoder, told
    finally:
        encoder.stop()


class Told:
    """The time that everything here goes by."""

    now = 100.0


def ways(encoder: EncoderInput, told: Told, said: int, say) -> float | None:
    """Says a count a tenth of a second on, and asks for the way since the last frame."""
    told.now += 0.1
    before = len(encoder._positions)
    say(said)
    until(lambda: len(encoder._positions) > before, "the count")
    return encoder.way_px(told.now)


def test_a_topic_tells_the_way_and_its_loss_is_told(mosquitto: RealBroker) -> None:
    def say(count: object) -> None:
        publish.single("belt", str(count), 1, hostname="127.0.0.1", port=mosquitto.port)

    with listening(f"{mosquitto.address}/belt") as (encoder, told):
        until(lambda: "tells no count" in encoder.health.told, "it listens")
        say("nonsense")
        assert ways(encoder, told, 1_000, say) is None
        assert ways(encoder, told, 1_010, say) == 20.0
        assert ways(encoder, told, 1_005, say) == -10.0
        assert encoder.health.state == "ok"
        mosquitto.stop()
        until(lambda: encoder.health.state == "degraded", "it says that the broker is away")
        assert encoder.way_px(told.now) is None


def test_a_counter_of_a_relay_tells_the_way() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as relay:
        address = f"tcp://127.0.0.1:{relay.getsockname()[1]}/belt"
        with listening(address) as (encoder, told):
            connection, _ = relay.accept()

            def say(count: int) -> None:
                words = f"COUNT other 7\nINPUT belt 1\nCOUNT belt x\nCOUNT belt {count}\n"
                connection.sendall(words.encode())

            assert ways(encoder, told, 5, say) is None
            assert ways(encoder, told, 8, say) == 6.0
            connection.close()
            until(lambda: encoder.health.state == "degraded", "the relay hung up")
