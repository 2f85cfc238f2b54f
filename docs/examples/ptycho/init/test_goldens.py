"""Every artifact of every scenario is as somebody accepted it; `pytest -m integration` selects this."""


def test_artifact_is_as_accepted(golden):
    golden.check()
