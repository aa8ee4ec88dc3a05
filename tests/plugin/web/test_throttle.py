"""Limits on wrong passwords for each address."""

from soart.plugin.web.sessions import FREE, LONGEST, MEMORY, MOST, Throttle, network_of


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


def test_guessing_from_any_number_of_addresses_stops_no_other_address():
    clock, numbers = Clock(), iter(range(10**9))
    throttle = Throttle(clock)
    try_for(throttle, clock, 600, lambda: [f"10.{next(numbers)}" for _ in range(20)] + ["10.0.0.1", "10.0.0.2"])
    assert throttle.wait("10.0.0.1") > 0
    assert throttle.wait("192.168.0.7") == 0
    throttle.wrong("192.168.0.7")
    assert throttle.wait("192.168.0.7") == 0


def test_a_bounded_number_of_addresses_is_remembered():
    throttle = Throttle(Clock())
    for number in range(MOST + 500):
        throttle.wrong(f"10.{number}")
    assert len(throttle) == MOST
    # The latest ones.
    for _ in range(FREE):
        throttle.wrong("10.0.0.1")
    assert throttle.wait("10.0.0.1") > 0
    assert len(throttle) == MOST


def test_addresses_are_forgotten():
    clock = Clock()
    throttle = Throttle(clock)
    for number in range(100):
        throttle.wrong(f"10.{number}")
    clock.now += MEMORY
    throttle.wrong("10.0.0.1")
    assert len(throttle) == 1


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
    assert network_of("::ffff:10.0.0.1") == network_of("10.0.0.1") != network_of("::ffff:10.0.0.2")
    assert network_of("testclient") == "testclient"
    assert len(network_of("x" * 9000)) < 100
