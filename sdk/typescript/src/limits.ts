// Limits and times of a worker. Sizes are bytes, times milliseconds.

/** The largest output of a tool, as JSON: the engine's limit of a result. A server that takes smaller messages lowers it. */
export const maxOutput = 16 << 20;
/** The largest progress state, as JSON: the engine's limit of an inline payload. */
export const maxState = 64 << 10;
/** Where messages of errors and progress are cut. */
export const maxText = 4 << 10;
/** The largest details of an error, as JSON; larger ones are left out. */
export const maxDetails = 64 << 10;
/** What the evidence of one job may weigh as JSON. */
export const maxProof = 64 << 10;
/** What one piece of evidence weighs besides itself and its name. */
export const proofOverhead = 8;
/** How many units one job may use. */
export const maxUnits = 64;
/** How many results may wait for their acknowledgement before the worker takes nothing more. */
export const maxUnacknowledged = 8192;
/** What they may weigh. */
export const maxUnacknowledgedBytes = 256 << 20;
/** What may wait for a connection that is away, of what nobody acknowledges. */
export const maxWaitingBytes = 8 << 20;
/** How many ended attempts a worker knows again when they come once more. */
export const maxRemembered = 1 << 16;
/** How many cancels of attempts that it does not have a worker keeps, for those that outran their job. */
export const maxEarlyCancels = 4096;
/** How many fields of a wrong input are named. */
export const maxFields = 8;
/** How far the causes of an error are followed: they may go round. */
export const maxCauses = 16;

/** Where a line of a log is cut. */
export const maxLine = 8 << 10;
/** What is kept of a line of a stream that has not ended: more of it could not be sent. */
export const maxUnended = 64 << 10;
/** How many lines leave in one packet at most. */
export const packetLines = 64;
/** What their texts weigh at most. */
export const packetBytes = 32 << 10;
/** How many lines may come at once. */
export const lineBurst = 1_000;
/** The shortest text that is hidden. */
export const minRedacted = 4;
/** The shortest line that is hidden by itself, of a text that has several. */
export const minRedactedLine = 16;

/** How long a line waits for others. */
export const linesWait = 200;
/** The time in which one more line may come, after a burst. */
export const lineEvery = 5;
/** The time between two heartbeats: a third of the lease that an engine gives a worker. */
export const defaultHeartbeat = 5_000;
/** How long a worker that was told to stop waits for its tools and results. */
export const defaultDrain = 30_000;
/** The longest time limit that means something, in seconds: a year. */
export const maxSeconds = 366 * 24 * 60 * 60;
/** The longest delay that setTimeout keeps. */
export const maxTimer = 2 ** 31 - 1;
/** The least time between two progress messages of one attempt; the last one wins. */
export const progressEvery = 100;
/** A question that was refused ("not now") is asked again after this, doubling up to askAgainMax. */
export const refusedMin = 100;
/** A question that met silence is asked again after this, doubling up to askAgainMax. */
export const silenceMin = 500;
/** The longest wait between two sendings of a question. */
export const askAgainMax = 5_000;
/** What a tool gets to return after it was stopped because the drain timeout is over. */
export const stopGrace = 1_000;
/** A lost connection is made again after this, doubling up to reconnectMax, for ever. */
export const reconnectMin = 50;
/** The longest wait between two tries to connect. */
export const reconnectMax = 1_000;
/** How long one try to connect may take. */
export const dialTimeout = 5_000;
/** How long processors, all together, are watched at least: the load of a shorter time says little. */
export const leastMeasured = 1_000;
/** How late the worker's own timer may be before it says that a tool blocks the event loop. */
export const blockedWarning = 1_000;
