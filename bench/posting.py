"""Orders as the benches post them: bodies, and wrk, which posts them."""
import json
import os
import random
import subprocess
import uuid
from pathlib import Path

from child import Failed
from servers import RUN

CUSTOMERS, PRODUCTS, BODIES = 1000, 100, 500
LUA = Path(__file__).with_name("posting.lua")


def customer_id(i):
    return str(uuid.UUID(int=0x0190A000_0000_7000_8000_000000000000 + i))


def body(rng):
    lines = [{"sku": f"SKU-{i:03}", "quantity": rng.randint(1, 5)}
             for i in rng.sample(range(PRODUCTS), rng.randint(1, 3))]
    return json.dumps({
        "customer_id": customer_id(rng.randrange(CUSTOMERS)), "lines": lines,
        "payment_method": "pm_ok",
        "ship_to": {"name": "Ada Lovelace", "line1": "12 St James's Square",
                    "city": "London", "postal_code": "SW1Y 4JH", "country": "GB"}})


def write_bodies():
    rng = random.Random(1)
    path = RUN / "bench-bodies"
    path.write_text("".join(body(rng) + "\n" for _ in range(BODIES)))
    return path


def wrk(port, bodies, connections, keys, seconds, delay_ms=None):
    env = {**os.environ, "WB_BENCH_BODIES": str(bodies)}
    if keys:
        env["WB_BENCH_KEYS"] = uuid.uuid4().hex
    if delay_ms:
        env["WB_BENCH_DELAY_MS"] = f"{delay_ms:.3f}"
    done = subprocess.run(
        ["wrk", "-t2" if connections >= 64 else "-t1", f"-c{connections}", f"-d{seconds}s",
         "--timeout", "10s", "-s", LUA, f"http://127.0.0.1:{port}"],
        env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"wrk: {done.stderr.strip()}")
    found = json.loads(done.stdout.strip().splitlines()[-1])
    if found["errors"]:
        raise Failed(f"{found['errors']} of {found['requests']} requests failed")
    return {**found, "connections": connections}
