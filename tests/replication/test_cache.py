from replication.cache import Cached


def test_an_answer_is_good_for_a_few_seconds() -> None:
    seconds, loads = [0.0], []

    def load(name: str) -> str:
        loads.append(name)
        return f"{name} at {seconds[0]}"

    cached = Cached[str, str](
        load, lambda answer: 5 if answer.startswith("a") else 1, lambda: seconds[0]
    )
    assert [cached("a"), cached("a"), cached("b")] == ["a at 0.0", "a at 0.0", "b at 0.0"]
    seconds[0] = 1
    assert cached.is_fresh("a")
    assert [cached("a"), cached("b")] == ["a at 0.0", "b at 1"]
    seconds[0] = 5
    assert cached("a") == "a at 5"
    assert loads == ["a", "b", "b", "a"]
