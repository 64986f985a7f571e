from __future__ import annotations

from typing import Any

import pytest
from aiortc.mediastreams import AudioStreamTrack

from tests.session.aiortc.calls import call, ice, ours, stock

pytestmark = pytest.mark.anyio


async def test_a_connection_of_data_alone_tells_its_way() -> None:
    async with call(ours(), stock()) as made:
        await made.says("hello")
        report: dict[str, Any] = await made.one.getStats()
        (transport,) = [each for each in report.values() if each.type == "transport"]
        pair = report[transport.selectedCandidatePairId]
        local, remote = report[pair.localCandidateId], report[pair.remoteCandidateId]
        assert (pair.type, pair.state, pair.nominated) == ("candidate-pair", "succeeded", True)
        assert (local.type, remote.type) == ("local-candidate", "remote-candidate")
        assert (local.candidateType, remote.candidateType) == ("host", "host")
        chosen = ice(made.one).getSelectedCandidatePair()
        assert chosen
        assert [(each.ip, each.port) for each in chosen] == [(local.address, local.port), (remote.address, remote.port)]
        assert pair.currentRoundTripTime > 0
        assert pair.requestsSent >= pair.responsesReceived > 0
        assert pair.packetsSent > 0 < pair.bytesReceived
        assert (transport.iceRole, transport.dtlsState, transport.iceState) == ("controlling", "connected", "completed")
        assert {each.transportId for each in (pair, local, remote)} == {transport.id}
        parameters = ice(made.one).remote
        assert parameters
        assert local.usernameFragment == transport.iceLocalUsernameFragment
        assert remote.usernameFragment == parameters.ufrag


async def test_beside_media_there_is_one_transport_and_it_knows_its_pair() -> None:
    one, other = ours(), ours()
    one.addTrack(AudioStreamTrack())
    async with call(one, other):
        report: dict[str, Any] = await one.getStats()
        (transport,) = [each for each in report.values() if each.type == "transport"]
        assert transport.selectedCandidatePairId in report
        assert {each.type for each in report.values()} >= {"outbound-rtp", "candidate-pair"}


async def test_before_anything_is_connected_nothing_is_chosen() -> None:
    one = ours()
    one.createDataChannel("x")
    report: dict[str, Any] = await one.getStats()
    (transport,) = report.values()
    assert transport.selectedCandidatePairId is None
    await one.close()
