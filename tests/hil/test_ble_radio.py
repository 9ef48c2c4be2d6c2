"""The virtual radio, for guests that use it as real stacks do."""

import asyncio

import pytest

pytest.importorskip("bumble")

from bumble.device import Peer
from bumble.hci import OwnAddressType

from paybench.hil.ble.hci import Adapter
from paybench.hil.ble.radio import Radio

LIMIT_S = 10.0
MTU_BYTES = 517


@pytest.mark.parametrize("own", [OwnAddressType.PUBLIC, OwnAddressType.RANDOM])
def test_a_central_is_answered_whichever_address_it_connects_with(own):
    """BlueZ connects with its public address, and has drawn a random one before to look around."""

    async def ask():
        radio = Radio()
        await radio.open()
        found = await Adapter.open(radio.hci, "found", "F0:00:00:00:00:01")
        finding = await Adapter.open(radio.hci, "finding", "F0:00:00:00:00:02")
        await found.device.start_advertising()
        connection = await finding.device.connect(found.device.random_address, own_address_type=own)
        mtu = await Peer(connection).request_mtu(MTU_BYTES)
        for adapter in (finding, found):
            await adapter.close()
        await radio.close()
        return mtu

    assert asyncio.run(asyncio.wait_for(ask(), LIMIT_S)) == MTU_BYTES
