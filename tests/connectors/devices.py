"""Publishes as many devices do: run as a process of its own, so that it takes no time from what is measured.

python devices.py PORT DEVICES SECONDS -> prints how many messages the broker acknowledged.
"""

from __future__ import annotations

import asyncio
import sys
import time

import aiomqtt

CONNECTIONS = 8


async def publish(port: int, devices: range, seconds: int) -> int:
    acknowledged = 0
    async with aiomqtt.Client("127.0.0.1", port, max_inflight_messages=1000) as client:
        client.pending_calls_threshold = 100_000
        begin = time.monotonic()
        for second in range(seconds):
            for place, device in enumerate(devices):
                # Spread over the second, as devices that know nothing of one another are.
                wait = begin + second + place / len(devices) - time.monotonic()
                if wait > 0.005:
                    await asyncio.sleep(wait)
                payload = f'{{"seq": {second}, "sentNs": {time.time_ns()}, "temperature": {20 + device % 10}}}'
                await client.publish(f"soak/{device}/state", payload, qos=1)
                acknowledged += 1
    return acknowledged


async def main(port: int, devices: int, seconds: int) -> None:
    share = devices // CONNECTIONS
    parts = [publish(port, range(index * share, (index + 1) * share), seconds) for index in range(CONNECTIONS)]
    print(sum(await asyncio.gather(*parts)))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
