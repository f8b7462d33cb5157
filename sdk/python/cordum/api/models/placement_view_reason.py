from enum import StrEnum


class PlacementViewReason(StrEnum):
    CAPABILITY_MISMATCH = "capability_mismatch"
    DRAINING = "draining"
    GRANTED = "granted"
    NO_POOL_MAPPING = "no_pool_mapping"
    NO_WORKERS = "no_workers"
    PLACEMENT_MISMATCH = "placement_mismatch"
    POOL_OVERLOADED = "pool_overloaded"
    PREFERRED_WORKER_BUSY = "preferred_worker_busy"
    TENANT_LIMIT = "tenant_limit"
    TOPIC_UNHEARD = "topic_unheard"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return str(self.value)
