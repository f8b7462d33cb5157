"""Limits and times of a worker. Sizes are bytes, times are milliseconds, unless the name says otherwise."""

# The largest output of a tool as JSON: the engine's limit of a result. A server that takes smaller messages lowers it.
MAX_OUTPUT = 16 << 20
# The largest progress state as JSON: the engine's limit of an inline payload.
MAX_STATE = 64 << 10
# Where messages of errors and progress are cut.
MAX_TEXT = 4 << 10
# The largest details of an error as JSON; larger ones are left out.
MAX_DETAILS = 64 << 10
# What the evidence of one job may weigh as JSON; what is not the evidence itself weighs PROOF_OVERHEAD.
MAX_PROOF = 64 << 10
PROOF_OVERHEAD = 8
# How many units one job may use.
MAX_UNITS = 64
# How many results may wait for their acknowledgement before the worker takes nothing more, and what they may weigh.
MAX_UNACKNOWLEDGED = 8192
MAX_UNACKNOWLEDGED_BYTES = 256 << 20
# How many ended attempts a worker knows again when they come once more.
MAX_REMEMBERED = 1 << 16
# How many cancels of attempts that it does not have a worker keeps, for those that outran their job.
MAX_EARLY_CANCELS = 4096
# What may wait in one subscription of the connection.
PENDING_MESSAGES = 1 << 16
PENDING_BYTES = 64 << 20

# A third of the lease that an engine gives a worker.
HEARTBEAT_SECONDS = 5.0
DRAIN_SECONDS = 30.0
# The longest time limit that means something: a year.
MAX_SECONDS = 366 * 24 * 60 * 60
# The least time between two progress messages of one attempt; the last one wins.
PROGRESS_EVERY = 100
# A question that was refused ("not now") is asked again after REFUSED_MIN, one that met silence after SILENCE_MIN; both
# double up to ASK_AGAIN_MAX.
REFUSED_MIN = 100
SILENCE_MIN = 500
ASK_AGAIN_MAX = 5000
# What a tool gets to return after it was stopped because the drain timeout is over.
STOP_GRACE_SECONDS = 1.0
# A lost connection is made again after RECONNECT_MIN, doubling up to RECONNECT_MAX, for ever.
RECONNECT_MIN = 50
RECONNECT_MAX = 1000
CONNECT_TIMEOUT_SECONDS = 5
# A connection over which nothing comes is given up after three of these.
PING_SECONDS = 10
# A loop that was away for so long is worth a warning: heartbeats and cancels waited.
BLOCKED_SECONDS = 1.0

# Lines of an attempt's log: how many a second after how large a burst, how long one may be, and what makes a packet.
LOG_LINES_A_SECOND = 200
LOG_BURST = 1000
MAX_LINE = 8 << 10
LOG_BATCH_LINES = 64
LOG_BATCH_BYTES = 32 << 10
LOG_WAIT = 200
# Texts to hide that are shorter would hide half of every line.
MIN_REDACTED = 4
MIN_REDACTED_LINE = 16
