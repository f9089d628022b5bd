#!/usr/bin/python3
"""Would the stress test notice? Each mutant takes a shortcut in the protocol of the gate, and
must be found to lose wake-ups.

usage: mutants.py [--seed N] NAME:RELAY:SCHEMA...
RELAY is the mutant's binary, SCHEMA the folder of its migrations; see stress.py."""
import argparse
import random
import time
from concurrent.futures import ThreadPoolExecutor

from stress import Stress, default_seed, run

AT_ONCE = 4
# All were caught within 800 sleeps, most within 100.
SLEEPS, SECONDS = 6000, 200


def catch(mutant, seed):
    """Whether a wake-up was lost."""
    name, relay, schema = mutant.split(":")
    began = time.monotonic()
    stress = Stress(relay, schema, name, random.Random(f"{seed} {name}"), proof_s=1)
    why = run(stress, SLEEPS, SECONDS)
    print(f"{name}: {why or 'NOT NOTICED'}, {stress.counts()['sleeps']} sleeps, "
          f"{time.monotonic() - began:.1f} s", flush=True)
    return why is not None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=default_seed())
    parser.add_argument("mutants", nargs="+")
    args = parser.parse_args()
    print(f"--seed={args.seed}", flush=True)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        caught = list(threads.map(lambda mutant: catch(mutant, args.seed), args.mutants))
    return int(not all(caught))


if __name__ == "__main__":
    raise SystemExit(main())
