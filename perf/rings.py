"""A small simulation of the workers' rings: frames come in at receive queues, each worker takes bursts of its own queue,
decides on what is of its assets and hands the rest to their owners by a ring for each pair.

Time is in nanoseconds and belongs to the simulation; the same seed gives the same figures on any machine. What is simulated
is pipeline/worker: a burst of 32 of a queue and of each ring in a turn, a full ring refuses, an owner that sleeps is rung.
"""
import heapq
import random
from collections import deque

# By construction: frames of one turn, places of a ring between two workers (BURST, RING in pipeline/worker).
BURST, RING = 32, 512
# By construction: a worker that found nothing for so long sleeps. Measured: what waking it takes, the middle of 60 to 90 us.
AWAKE, WAKE = 50_000, 75_000


class Worker:
    """One worker: what comes in at its queue (time, owner), and what others hand it (time, arrival)."""

    def __init__(self, number, arrivals, workers):
        self.number = number
        self.arrivals = deque(arrivals)
        self.queue = deque()
        self.rings = [deque() for _ in range(workers)]
        # When it is through with its last turn; it sleeps once it has been idle for long.
        self.free = 0
        self.planned = None


class Gate:
    """Workers that each take `own` for a frame of theirs, and `give` and `take` for either side of a hand-over."""

    def __init__(self, arrivals, workers, ring, own, give, take):
        self.workers = [Worker(number, queue, workers) for number, queue in enumerate(arrivals)]
        self.ring, self.own, self.give, self.take = ring, own, give, take
        self.turns, self.waits = [], []
        self.queue_full = self.ring_full = 0

    def run(self):
        for worker in self.workers:
            if worker.arrivals:
                self.plan(worker, worker.arrivals[0][0])
        while self.turns:
            now, number = heapq.heappop(self.turns)
            worker = self.workers[number]
            # Not one that was planned anew for an earlier time.
            if worker.planned == now:
                self.turn(worker, now)
        return self

    def plan(self, worker, when):
        """There is something to do from `when` on: as soon as it is free, and awake."""
        start = max(when, worker.free)
        if start - worker.free > AWAKE:
            start += WAKE
        if worker.planned is None or start < worker.planned:
            worker.planned = start
            heapq.heappush(self.turns, (start, worker.number))

    def turn(self, worker, now):
        worker.planned = None
        self.receive(worker, now)
        at = now
        for ring in worker.rings:
            for _ in range(BURST):
                if not ring or ring[0][0] > now:
                    break
                at += self.take + self.own
                self.waits.append(at - ring.popleft()[1])
        for _ in range(min(BURST, len(worker.queue))):
            at = self.decide(worker, worker.queue.popleft(), at)
        worker.free = at
        if worker.queue:
            return self.plan(worker, at)
        waiting = [ring[0][0] for ring in worker.rings if ring]
        waiting += [worker.arrivals[0][0]] if worker.arrivals else []
        if waiting:
            self.plan(worker, min(waiting))

    def receive(self, worker, now):
        """What has come by now lies in the queue, as far as there was room."""
        while worker.arrivals and worker.arrivals[0][0] <= now:
            frame = worker.arrivals.popleft()
            if len(worker.queue) < self.ring:
                worker.queue.append(frame)
            else:
                self.queue_full += 1

    def decide(self, worker, frame, at):
        """Decides on a frame or hands it over; when that is done."""
        arrival, owner = frame
        owner = self.workers[owner]
        if owner is worker:
            at += self.own
            self.waits.append(at - arrival)
            return at
        at += self.give
        ring = owner.rings[worker.number]
        if len(ring) < RING:
            ring.append((at, arrival))
            self.plan(owner, at)
        else:
            self.ring_full += 1
        return at

    def waited(self, share):
        """How long this share of the frames that were decided on took at most, from card to card."""
        ordered = sorted(self.waits)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def bursts(seed, workers, frames, burst, gap, rate):
    """Bursts of `burst` frames `gap` apart at times nobody knows (Poisson), `rate` frames a second in the mean. Each frame's
    queue is any, by the card's hash, and so is its owner: nobody steers."""
    dice = random.Random(seed)
    queues, now = [[] for _ in range(workers)], 0
    for _ in range(frames // burst):
        now += dice.expovariate(rate / burst) * 1e9
        for step in range(burst):
            queues[dice.randrange(workers)].append((now + step * gap, dice.randrange(workers)))
    # Bursts may overlap.
    return [sorted(queue) for queue in queues]
