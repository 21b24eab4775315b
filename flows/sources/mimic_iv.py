"""The original tables of MIMIC-IV."""

from flows.inbox import Dropped
from flows.profile import Profile
from flows.sources.extract import Delivery, Extract, StagedDelivery


def deliveries(files: list[Dropped], profile: Profile) -> list[Delivery]:
    """."""
    raise NotImplementedError


def read(staged: StagedDelivery, profile: Profile) -> Extract:
    """."""
    raise NotImplementedError
