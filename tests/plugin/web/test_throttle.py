"""Limits on wrong passwords, for each address and in all."""

from soart.plugin.web.throttle import BURST, EVERY, FREE, LONGEST, MEMORY, Throttle, network_of


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def try_for(throttle, clock, seconds, addresses):
    """Number of wrong passwords that attackers place in some seconds, who try whenever they may."""
    end, placed = clock.now + seconds, 0
    while clock.now < end:
        for address in addresses():
            if throttle.wait(address) == 0:
                throttle.wrong(address)
                placed += 1
        clock.now += 0.5
    return placed


def test_one_address_waits_longer_and_longer():
    clock = Clock()
    throttle = Throttle(clock)
    for _ in range(FREE):
        assert throttle.wait("10.0.0.1") == 0
        throttle.wrong("10.0.0.1")
    waits = []
    for _ in range(10):
        waits.append(throttle.wait("10.0.0.1"))
        clock.now += waits[-1]
        assert throttle.wait("10.0.0.1") == 0
        throttle.wrong("10.0.0.1")
    assert waits[:3] == [1, 2, 4]
    assert waits[-1] == LONGEST
    assert throttle.wait("10.0.0.2") == 0
    clock.now += MEMORY
    assert throttle.wait("10.0.0.1") == 0


def test_an_hour_of_guessing_from_one_address():
    clock = Clock()
    assert try_for(Throttle(clock), clock, 3600, lambda: ["10.0.0.1"]) < 80


def test_days_of_guessing_from_one_address():
    clock = Clock()
    throttle = Throttle(clock)
    for _ in range(3000):
        throttle.wrong("10.0.0.1")
        assert throttle.wait("10.0.0.1") <= LONGEST
        clock.now += LONGEST
    throttle.wrong("10.0.0.1")
    assert throttle.wait("10.0.0.1") == LONGEST


def test_an_hour_of_guessing_from_new_addresses_all_the_time():
    clock, numbers = Clock(), iter(range(10**9))
    throttle = Throttle(clock)
    placed = try_for(throttle, clock, 3600, lambda: [f"10.{next(numbers)}" for _ in range(3)])
    assert placed <= BURST + 3600 / EVERY + 1
    assert len(throttle._addresses) < 2000


def test_the_right_password_frees_its_address():
    clock = Clock()
    throttle = Throttle(clock)
    for _ in range(FREE + 2):
        throttle.wrong("10.0.0.1")
    assert throttle.wait("10.0.0.1") > 0
    throttle.right("10.0.0.1")
    assert throttle.wait("10.0.0.1") == 0


def test_addresses_of_one_network_count_together():
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") != network_of("2001:db8:0:1::1")
    assert network_of("10.0.0.1") != network_of("10.0.0.2")
    assert network_of("testclient") == "testclient"
